//! Tests of what follows from a history, with a naive closure over all intents as oracle.

use bitcoin::hashes::Hash;
use bitcoin::{Amount, ScriptBuf};
use proptest::prelude::*;

use super::*;
use crate::intent::{IntentKind, sample};
use crate::journal::AncestorInputs;
use crate::journal::{CreatedRefusal, Fault};

pub(crate) fn outpoint(number: u8) -> OutPoint {
    OutPoint::new(Txid::from_byte_array([number; 32]), u32::from(number))
}

pub(crate) fn signed(txid: u8, inputs: &[u8], intents: &[Intent]) -> SignedTransaction {
    SignedTransaction {
        txid: Txid::from_byte_array([txid; 32]),
        inputs: inputs.iter().map(|number| outpoint(*number)).collect(),
        mode: SpendMode::Pay,
        ancestors: Vec::new(),
        rules: vec!["rule".to_owned(); intents.len()],
        intents: intents.to_vec(),
        replaced: Vec::new(),
        change_indexes: vec![u32::from(txid)],
        fee: Amount::from_sat(1_000),
        at: UnixTime::from_secs(1_795_478_500),
        given: None,
    }
}

fn history(transactions: &[SignedTransaction]) -> History {
    let mut history = History::none();
    for transaction in transactions {
        history.record(transaction.clone());
    }
    history
}

fn replacing(id: &str, script: u8, replaces: &str) -> Intent {
    let replaces = Some(replaces.parse().expect("an id"));
    Intent {
        replaces,
        ..sample::payment(id, script)
    }
}

fn is_missing(earlier: &SignedTransaction, new: &SignedTransaction) -> bool {
    let missing = history(std::slice::from_ref(earlier)).conflicts_missing(new);
    let expected = new
        .intents
        .first()
        .map(|intent| (earlier.txid, intent.requester.clone(), intent.id.clone()));
    missing
        .first()
        .is_some_and(|found| Some(found) == expected.as_ref())
}

#[test]
fn a_withdrawal_is_signed_again_only_with_an_input_in_common() {
    let intent = [sample::payment("w1", 1)];
    let first = signed(1, &[1, 2], &intent);
    assert!(is_missing(&first, &signed(2, &[3], &intent)));
    assert!(!is_missing(&first, &signed(2, &[3, 2], &intent)));
    assert!(!is_missing(&first, &first), "the same txid again is fine");
    assert!(!is_missing(
        &first,
        &signed(2, &[3], &[sample::payment("w2", 2)])
    ));
}

#[test]
fn replacements_are_of_one_line_in_either_order() {
    let original = signed(1, &[1], &[sample::payment("w1", 1)]);
    let replacement = signed(2, &[2], &[replacing("w2", 2, "w1")]);
    let sibling = signed(3, &[3], &[replacing("w3", 3, "w1")]);
    for (one, other) in [(&original, &replacement), (&replacement, &sibling)] {
        assert!(is_missing(one, other));
        assert!(is_missing(other, one));
    }
}

#[test]
fn another_requester_s_id_is_another_line() {
    let mut other = replacing("w1", 2, "w1-first");
    other.requester = "payroll".parse().expect("a name");
    let earlier = signed(1, &[1], &[sample::payment("w1", 1)]);
    assert!(!is_missing(&earlier, &signed(2, &[2], &[other])));
}

#[test]
fn intents_that_one_output_could_satisfy_are_of_one_line() {
    let earlier = signed(1, &[1], &[sample::payment("w1", 1)]);
    let mut same = sample::payment("w2", 1);
    same.requester = "payroll".parse().expect("a name");
    assert!(is_missing(&earlier, &signed(2, &[2], &[same.clone()])));
    same.amount = Amount::from_sat(49_999);
    assert!(!is_missing(&earlier, &signed(2, &[2], &[same.clone()])));
    let sweep = Intent {
        kind: IntentKind::Sweep,
        ..same
    };
    let sweep = signed(2, &[2], &[sweep]);
    assert!(is_missing(&earlier, &sweep));
    assert!(is_missing(&sweep, &earlier));
}

#[test]
fn the_replaced_intent_that_the_file_carries_connects_too() {
    // w1 was never signed, but the output paid for w2 could have satisfied it.
    let earlier = signed(1, &[1], &[sample::payment("w2", 1)]);
    let mut new = signed(2, &[2], &[replacing("w3", 3, "w1")]);
    assert!(!is_missing(&earlier, &new));
    new.replaced = vec![sample::payment("w1", 1)];
    assert!(is_missing(&earlier, &new));
}

#[test]
fn one_transaction_never_pays_two_intents_of_one_line() {
    let both = signed(
        1,
        &[1],
        &[sample::payment("w1", 1), replacing("w2", 2, "w1")],
    );
    assert!(matches!(
        History::none().admits(&both),
        Err(Fault::PaidTwice { .. })
    ));
    let equal = signed(
        1,
        &[1],
        &[sample::payment("w1", 1), sample::payment("w2", 1)],
    );
    assert_eq!(History::none().paid_twice(&equal).len(), 1);
    let apart = signed(
        1,
        &[1],
        &[sample::payment("w1", 1), sample::payment("w2", 2)],
    );
    assert_eq!(History::none().admits(&apart), Ok(()));
    // Their line is known from the history alone.
    let known = history(&[signed(9, &[1], &[replacing("w2", 3, "w1")])]);
    let both = signed(
        1,
        &[1],
        &[sample::payment("w1", 1), replacing("w3", 2, "w2")],
    );
    assert!(matches!(known.admits(&both), Err(Fault::PaidTwice { .. })));
}

#[test]
fn a_coinbase_s_null_outpoint_excludes_nothing() {
    let intent = [sample::payment("w1", 1)];
    let mut first = signed(1, &[], &intent);
    let mut second = signed(2, &[], &intent);
    first.inputs = vec![OutPoint::null()];
    second.inputs = vec![OutPoint::null()];
    assert!(is_missing(&first, &second));
}

#[test]
fn inputs_and_bodies_that_contradict_are_refused() {
    let intent = sample::payment("w1", 1);
    let first = signed(1, &[1], std::slice::from_ref(&intent));
    let known = history(std::slice::from_ref(&first));
    let other_body = Intent {
        reference: "other".to_owned(),
        ..intent.clone()
    };
    assert_eq!(known.other_body(&intent), None);
    assert_eq!(known.other_body(&other_body), Some(intent.hash()));
    let fault = |new: &SignedTransaction| known.admits(new).expect_err("it contradicts");
    let none = fault(&signed(2, &[], &[]));
    assert!(matches!(none, Fault::NoInputs { .. }), "{none}");
    let twice = fault(&signed(2, &[1, 2, 1], &[]));
    assert!(matches!(twice, Fault::InputTwice { input, .. } if input == outpoint(1)));
    let others = fault(&signed(1, &[2], std::slice::from_ref(&intent)));
    assert!(matches!(others, Fault::OtherInputs { .. }), "{others}");
    let second = fault(&signed(2, &[1], std::slice::from_ref(&other_body)));
    assert!(matches!(second, Fault::SecondBody { .. }), "{second}");
    let within = Intent {
        reference: "x".into(),
        ..sample::payment("w2", 2)
    };
    let within = fault(&signed(2, &[1], &[sample::payment("w2", 2), within]));
    assert!(matches!(within, Fault::SecondBody { .. }), "{within}");
    let beside = fault(&signed(2, &[2], std::slice::from_ref(&intent)));
    assert!(matches!(beside, Fault::NotExclusive { .. }), "{beside}");
    assert_eq!(known.admits(&first), Ok(()));
}

#[test]
fn a_shorter_skew_of_a_later_version_opens_nothing_from_before_the_birth() {
    let at = UnixTime::from_secs;
    let history = History::begin(at(5_000));
    let check = |created, skew| history.check_created(at(created), at(10_000), 600, skew);
    assert!(check(6_199, 1).is_err());
    assert_eq!(check(6_200, 1), Ok(()));
    // What comes from the future is judged by the skew of today.
    assert_eq!(check(10_001, 1), Ok(()));
    assert!(check(10_002, 1).is_err());
}

#[test]
fn an_intent_is_neither_older_than_the_journal_nor_from_the_future() {
    let at = UnixTime::from_secs;
    let check = |birth: u64, created: u64| {
        History::begin(at(birth)).check_created(at(created), at(10_000), 600, 600)
    };
    assert_eq!(check(5_000, 6_200), Ok(()));
    let earliest = at(6_200);
    assert_eq!(
        check(5_000, 6_199),
        Err(CreatedRefusal::BeforeBirth {
            created: at(6_199),
            earliest
        })
    );
    assert_eq!(check(0, 0), Ok(()), "birth zero imposes nothing");
    assert_eq!(check(0, 10_600), Ok(()));
    let latest = at(10_600);
    assert_eq!(
        check(0, 10_601),
        Err(CreatedRefusal::FromTheFuture {
            created: at(10_601),
            latest
        })
    );
    assert!(check(u64::MAX, 10_000).is_err());
}

#[test]
fn time_never_runs_backwards() {
    let history = history(&[signed(1, &[1], &[])]);
    let last = UnixTime::from_secs(1_795_478_500);
    assert_eq!(history.now(UnixTime::ZERO), last);
    assert_eq!(history.now(last.saturating_add(1)), last.saturating_add(1));
}

#[test]
fn change_reaches_a_thousand_above_the_highest_journalled() {
    assert_eq!(History::none().index_bound(), 1_000);
    let mut transaction = signed(1, &[1], &[]);
    transaction.change_indexes = vec![7, 41, 8];
    let mut known = history(&[transaction.clone()]);
    assert_eq!(
        (known.highest_change(), known.index_bound()),
        (Some(41), 1_041)
    );
    transaction.change_indexes = Vec::new();
    known.record(transaction.clone());
    assert_eq!(known.highest_change(), Some(41));
    transaction.change_indexes = vec![u32::MAX];
    known.record(transaction);
    assert_eq!(known.index_bound(), 0x7fff_ffff);
}

fn intent_of(
    number: u8,
    requester: bool,
    script: u8,
    amount: u64,
    sweep: bool,
    replaces: Option<u8>,
) -> Intent {
    let amount = Amount::from_sat(amount);
    let name = if requester { "exchange" } else { "payroll" };
    Intent {
        requester: name.parse().expect("a name"),
        amount,
        min: amount,
        script_pubkey: ScriptBuf::from_bytes(vec![script; 22]),
        kind: if sweep {
            IntentKind::Sweep
        } else {
            IntentKind::Payment
        },
        replaces: replaces
            .filter(|replaced| *replaced != number)
            .map(|replaced| format!("w{replaced}").parse().expect("an id")),
        ..sample::payment(&format!("w{number}"), script)
    }
}

/// Eight withdrawals, some of which replace others, share outputs, or sweep.
fn world() -> impl Strategy<Value = Vec<Intent>> {
    let intent = (
        any::<bool>(),
        1_u8..6,
        1_u64..3,
        prop::bool::weighted(0.1),
        prop::option::weighted(0.3, 0_u8..9),
    );
    prop::collection::vec(intent, 8).prop_map(|intents| {
        (0_u8..)
            .zip(intents)
            .map(|(number, (requester, script, amount, sweep, replaces))| {
                intent_of(number, requester, script, amount, sweep, replaces)
            })
            .collect()
    })
}

/// Transactions that spend five coins and each other's outputs, and carry none, some or all of their
/// ancestors.
fn transactions() -> impl Strategy<Value = Vec<SignedTransaction>> {
    let shape = (
        prop::collection::btree_set(0_usize..8, 1..3),
        prop::collection::btree_set(0_u8..5, 1..4),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        0_usize..3,
    );
    (world(), prop::collection::vec(shape, 1..12)).prop_map(|(world, shapes)| {
        let mut made: Vec<SignedTransaction> = Vec::new();
        for (txid, (paid, coins, parents, depth)) in (1_u8..).zip(shapes) {
            let intents: Vec<Intent> = paid
                .iter()
                .filter_map(|at| world.get(*at))
                .cloned()
                .collect();
            let coins: Vec<u8> = coins.into_iter().collect();
            let mut transaction = signed(txid, &coins, &intents);
            if !made.is_empty() {
                let outputs = parents.iter().map(|parent| {
                    let parent = parent.get(&made);
                    OutPoint::new(parent.txid, u32::from(txid % 3))
                });
                let outputs: HashSet<OutPoint> = outputs.collect();
                // Some spend nothing but outputs of others.
                if depth > 0 && !outputs.is_empty() {
                    transaction.inputs.truncate(depth.saturating_sub(1));
                }
                transaction.inputs.extend(outputs);
            }
            carry_ancestors(&mut transaction, &made, depth);
            transaction.replaced = world
                .iter()
                .filter(|old| {
                    intents.iter().any(|new| {
                        new.requester == old.requester && new.replaces.as_ref() == Some(&old.id)
                    })
                })
                .cloned()
                .collect();
            made.push(transaction);
        }
        made
    })
}

/// Carries the ancestors that `depth` steps back through inputs lead to.
fn carry_ancestors(transaction: &mut SignedTransaction, made: &[SignedTransaction], depth: usize) {
    for _ in 0..depth {
        let mut spent = transaction.inputs.clone();
        let ancestors = transaction.ancestors.iter();
        spent.extend(ancestors.flat_map(|one| one.inputs.clone()));
        for parent in made {
            let carried = transaction.ancestors.iter();
            let carried = carried.into_iter().any(|one| one.txid == parent.txid);
            if !carried && spent.iter().any(|input| input.txid == parent.txid) {
                transaction.ancestors.push(AncestorInputs {
                    txid: parent.txid,
                    inputs: parent.inputs.clone(),
                });
            }
        }
    }
}

/// Whether two intents are of one line by themselves.
fn touch(one: &Intent, other: &Intent) -> bool {
    let ids = |intent: &Intent| {
        [Some(intent.id.clone()), intent.replaces.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    };
    let named =
        one.requester == other.requester && ids(one).iter().any(|id| ids(other).contains(id));
    let sweep = one.kind == IntentKind::Sweep || other.kind == IntentKind::Sweep;
    let output = one.script_pubkey == other.script_pubkey && (sweep || one.amount == other.amount);
    named || output
}

/// The earlier transactions that pay the line of any intent of the last one, by a naive closure.
fn line_by_definition(transactions: &[SignedTransaction]) -> Vec<&SignedTransaction> {
    let (new, earlier) = transactions.split_last().expect("at least one");
    let all: Vec<&Intent> = transactions
        .iter()
        .flat_map(|one| one.intents.iter().chain(&one.replaced))
        .collect();
    let mut line: Vec<&Intent> = new.intents.iter().collect();
    while let Some(next) = all
        .iter()
        .find(|intent| !line.contains(intent) && line.iter().any(|one| touch(one, intent)))
    {
        line.push(next);
    }
    let pays = |one: &&SignedTransaction| one.intents.iter().any(|intent| line.contains(&intent));
    earlier.iter().filter(pays).collect()
}

/// M2 word for word: among them and those of their ancestors that are carried, two transactions with
/// different txids spend one outpoint; the null outpoint never counts.
pub(crate) fn exclusive(one: &SignedTransaction, other: &SignedTransaction) -> bool {
    let mut all: Vec<(Txid, &[OutPoint])> = Vec::new();
    for transaction in [one, other] {
        all.push((transaction.txid, &transaction.inputs));
        let ancestors = transaction.ancestors.iter();
        all.extend(ancestors.map(|ancestor| (ancestor.txid, &ancestor.inputs[..])));
    }
    all.iter().any(|(txid, inputs)| {
        all.iter().any(|(other, spent)| {
            let mut coins = inputs.iter().filter(|input| **input != OutPoint::null());
            txid != other && coins.any(|input| spent.contains(input))
        })
    })
}

proptest! {
    #[test]
    fn what_is_missing_is_what_the_definition_says(transactions in transactions()) {
        let (new, earlier) = transactions.split_last().expect("at least one");
        let found: Vec<Txid> =
            history(earlier).conflicts_missing(new).into_iter().map(|(txid, _, _)| txid).collect();
        let mut expected: Vec<Txid> = line_by_definition(&transactions)
            .into_iter()
            .filter(|one| !exclusive(one, new))
            .map(|one| one.txid)
            .collect();
        expected.sort();
        let mut distinct = found;
        distinct.dedup();
        prop_assert_eq!(distinct, expected);
    }

    #[test]
    fn the_order_of_recording_changes_no_answer(
        transactions in transactions(), probe in transactions(), seed in any::<u64>()
    ) {
        let mut shuffled = transactions.clone();
        shuffled.sort_by_key(|one| {
            crate::hash::tagged("shuffle", &[one.txid.as_byte_array(), &seed.to_le_bytes()])
        });
        let (one, other) = (history(&transactions), history(&shuffled));
        for new in probe.iter().chain(&transactions) {
            prop_assert_eq!(one.conflicts_missing(new), other.conflicts_missing(new));
            prop_assert_eq!(one.paid_twice(new).is_empty(), other.paid_twice(new).is_empty());
        }
        prop_assert_eq!(one.index_bound(), other.index_bound());
        prop_assert_eq!(one.last(), other.last());
    }

    #[test]
    fn any_pair_ever_admitted_for_a_line_is_exclusive(transactions in transactions()) {
        let mut known = History::none();
        let mut admitted: Vec<SignedTransaction> = Vec::new();
        for new in transactions {
            if known.admits(&new).is_ok() {
                known.record(new.clone());
                admitted.push(new);
                let new = admitted.last().expect("just pushed");
                for earlier in line_by_definition(&admitted) {
                    prop_assert!(exclusive(earlier, new), "{} and {}", earlier.txid, new.txid);
                }
            }
        }
        for (position, one) in admitted.iter().enumerate() {
            for other in admitted.iter().skip(position + 1) {
                let same = one.intents.iter().any(|intent| other.intents.contains(intent));
                prop_assert!(!same || exclusive(one, other));
            }
        }
    }
}
