//! Minimal sets against every subset of a few keys at every age.

use std::sync::Arc;

use miniscript::{RelLockTime, Threshold};
use proptest::prelude::*;

use super::*;

/// The names that random meanings use; nobody has the last one.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "nobody"];
const KEYS: usize = 5;
const AGES: u16 = 4;

fn index_of(name: &String) -> Option<usize> {
    NAMES[..KEYS].iter().position(|known| known == name)
}

fn meanings() -> impl Strategy<Value = Meaning<String>> {
    let leaf = prop_oneof![
        8 => (0..NAMES.len()).prop_map(|name| Meaning::Key(NAMES[name].to_owned())),
        2 => (1..=u32::from(AGES)).prop_map(|blocks| {
            Meaning::Older(RelLockTime::from_consensus(blocks).expect("a timelock"))
        }),
        1 => Just(Meaning::Trivial),
        1 => Just(Meaning::Unsatisfiable),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        (
            prop::collection::vec(inner, 1..=4),
            any::<prop::sample::Index>(),
        )
            .prop_map(|(branches, k)| {
                let k = k.index(branches.len()) + 1;
                let branches = branches.into_iter().map(Arc::new).collect();
                Meaning::Thresh(Threshold::new(k, branches).expect("1 ≤ k ≤ n"))
            })
    })
}

/// Whether these keys spend a coin of an age: the meaning read literally.
fn spends(meaning: &Meaning<String>, keys: usize, age: u16) -> bool {
    match meaning {
        Meaning::Trivial => true,
        Meaning::Key(name) => index_of(name).is_some_and(|index| keys >> index & 1 == 1),
        Meaning::Older(lock) => lock.to_consensus_u32() <= u32::from(age),
        Meaning::Thresh(thresh) => {
            let count = thresh.iter().filter(|sub| spends(sub, keys, age)).count();
            count >= thresh.k()
        }
        Meaning::Unsatisfiable
        | Meaning::After(_)
        | Meaning::Sha256(_)
        | Meaning::Hash256(_)
        | Meaning::Ripemd160(_)
        | Meaning::Hash160(_) => false,
    }
}

fn is_part(set: &KeySet, keys: usize) -> bool {
    set.keys.iter().all(|key| keys >> key & 1 == 1)
}

fn none_covers_another(sets: &[KeySet]) -> bool {
    sets.iter()
        .enumerate()
        .all(|(i, a)| sets.iter().enumerate().all(|(j, b)| i == j || !a.covers(b)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_sets_that_spend_are_those_found_by_trying_every_subset(meaning in meanings()) {
        let sets = minimal_sets_of(&meaning, &index_of).expect("few");
        for age in 0..=AGES {
            for keys in 0..1_usize << KEYS {
                let listed = sets.iter().any(|set| set.older <= age && is_part(set, keys));
                prop_assert_eq!(listed, spends(&meaning, keys, age), "{} {:b} {}", meaning, keys, age);
            }
        }
        prop_assert!(none_covers_another(&sets));
    }

    #[test]
    fn the_sets_that_block_are_those_found_by_trying_every_subset(meaning in meanings()) {
        for age in 0..=AGES {
            let question = Question::Block { age };
            let sets = answer(&meaning, &index_of, question, &mut Effort::new()).expect("few");
            for lost in 0..1_usize << KEYS {
                let left = !lost & ((1 << KEYS) - 1);
                let listed = sets.iter().any(|set| is_part(set, lost));
                prop_assert_eq!(listed, !spends(&meaning, left, age), "{} {:b} {}", meaning, lost, age);
            }
            prop_assert!(none_covers_another(&sets));
        }
    }
}

#[test]
fn a_hostile_meaning_is_refused_within_its_effort() {
    // A threshold of thousands among a few keys again and again: every step is short, the sum is not.
    let key = |index: usize| Arc::new(Meaning::Key(NAMES[index % KEYS].to_owned()));
    let branches: Vec<_> = (0..4_000).map(key).collect();
    let meaning = Meaning::Thresh(Threshold::new(2_000, branches).expect("1 ≤ k ≤ n"));
    assert!(matches!(
        minimal_sets_of(&meaning, &index_of),
        Err(DescriptorError::TooManyPaths)
    ));
    let mut used_up = Effort { comparisons: 7 };
    assert!(used_up.spend(8).is_err());
    assert!(used_up.spend(1).is_err());
}
