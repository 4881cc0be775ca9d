//! Who can still spend, compared with trying every set.

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::draft;
use crate::document::{DeviceDraft, PolicyDraft};
use crate::report;

use Gone::{Away, Leaving, Lost, Stolen};

fn version(kind: ScriptKind, alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = draft(kind);
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

fn stands(gone: &[(&str, Gone)]) -> Standing {
    let gone: Vec<(String, Gone)> = gone
        .iter()
        .map(|(name, way)| ((*name).to_owned(), *way))
        .collect();
    let found = standing(&version(ScriptKind::Wsh, |_| {}), &gone).expect("known signers");
    let text = report::standing(&found);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert_eq!(
        report::standing_json(&found)["first"]
            .as_array()
            .map(Vec::len),
        Some(found.advice.len())
    );
    found
}

fn sets(sets: &[&[&str]]) -> Vec<Vec<String>> {
    let named = |set: &&[&str]| set.iter().map(ToString::to_string).collect();
    sets.iter().map(named).collect()
}

#[test]
fn a_whole_vault_spends_every_way_and_has_nothing_to_do() {
    let found = stands(&[]);
    assert_eq!(found.can_sign, ["alice", "bob", "machine", "vault-key"]);
    assert_eq!(found.open_paths.len(), 3);
    let [now, later] = found.stages.as_slice() else {
        panic!("two stages");
    };
    assert_eq!((now.older, later.older), (None, Some(12_960)));
    assert_eq!(
        now.freezing,
        Some(sets(&[
            &["alice", "bob"],
            &["alice", "machine"],
            &["bob", "machine"]
        ]))
    );
    assert_eq!(
        later.freezing,
        Some(sets(&[
            &["alice", "bob", "vault-key"],
            &["alice", "machine", "vault-key"],
            &["bob", "machine", "vault-key"]
        ]))
    );
    assert_eq!(later.fewest_lacking(), Some(1));
    assert_eq!(found.advice, [Advice::Nothing]);
}

#[test]
fn a_lost_key_leaves_no_margin_and_is_replaced() {
    let found = stands(&[("bob", Lost)]);
    assert_eq!(found.open_paths, ["alice + machine"]);
    assert_eq!(
        found.stages[0].freezing,
        Some(sets(&[&["alice"], &["machine"]]))
    );
    assert_eq!(
        found.stages[1].freezing,
        Some(sets(&[&["alice", "vault-key"], &["machine", "vault-key"]]))
    );
    assert_eq!(
        found.advice,
        [
            Advice::Replace {
                signers: vec!["bob".to_owned()],
                while_they_sign: false
            },
            Advice::NoMargin {
                holders: vec!["alice".to_owned(), "machine".to_owned()]
            },
        ]
    );
}

#[test]
fn a_stolen_key_is_stopped_and_two_of_them_are_a_race() {
    let one = stands(&[("bob", Stolen)]);
    assert!(!one.stages[0].thieves_can);
    assert_eq!(
        one.stages[0].thieves_lack,
        Some(sets(&[&["alice"], &["machine"]]))
    );
    assert_eq!(one.advice.first(), Some(&Advice::Stop { lacking: 1 }));
    let two = stands(&[("bob", Stolen), ("alice", Stolen)]);
    assert!(two.stages[0].thieves_can && !two.stages[0].spendable);
    assert_eq!(
        two.advice,
        [Advice::MoveNow, Advice::RecoverAfter { older: 12_960 }]
    );
    assert!(report::standing(&two).contains("CAN SPEND them with the stolen keys alone"));
}

#[test]
fn a_stolen_recovery_key_spends_only_what_grows_old() {
    let found = stands(&[("vault-key", Stolen)]);
    assert!(!found.stages[0].thieves_can && found.stages[1].thieves_can);
    assert_eq!(
        found.advice[..2],
        [
            Advice::Stop { lacking: 2 },
            Advice::RefreshBefore { older: 12_960 }
        ]
    );
}

#[test]
fn a_frozen_vault_says_so_at_every_age() {
    let found = stands(&[("alice", Lost), ("bob", Lost), ("vault-key", Lost)]);
    assert!(found.stages.iter().all(Stage::is_frozen));
    assert_eq!(
        found.advice,
        [Advice::FindKeys {
            signers: vec!["alice".to_owned(), "bob".to_owned(), "vault-key".to_owned()]
        }]
    );
    let recoverable = stands(&[("alice", Lost), ("bob", Lost)]);
    assert_eq!(recoverable.advice, [Advice::RecoverAfter { older: 12_960 }]);
    assert!(recoverable.stages[1].spendable && !recoverable.stages[1].is_frozen());
}

#[test]
fn those_who_are_away_come_back_and_those_who_leave_sign_once_more() {
    let away = stands(&[("alice", Away), ("bob", Away)]);
    assert!(!away.stages[0].spendable && away.stages[0].spendable_with_away);
    assert_eq!(away.stages[0].freezing, stands(&[]).stages[0].freezing);
    assert_eq!(
        away.advice,
        [Advice::CallBack {
            signers: vec!["alice".to_owned(), "bob".to_owned()]
        }]
    );
    let leaving = stands(&[("alice", Leaving), ("bob", Lost)]);
    assert!(leaving.stages[0].spendable && leaving.stages[0].is_frozen());
    assert!(leaving.advice.contains(&Advice::Replace {
        signers: vec!["alice".to_owned()],
        while_they_sign: true
    }));
}

#[test]
fn of_two_ways_the_worse_counts_and_unknown_names_are_refused() {
    for ways in [[Away, Stolen], [Stolen, Lost], [Leaving, Stolen]] {
        let [one, other] = ways;
        let found = stands(&[("bob", one), ("bob", other)]);
        assert_eq!(found.gone.get("bob"), Some(&Stolen));
    }
    let policy = version(ScriptKind::Wsh, |_| {});
    let refused = standing(&policy, &[("nobody".to_owned(), Lost)]);
    assert_eq!(
        refused,
        Err(UnknownSigner {
            name: "nobody".to_owned()
        })
    );
}

/// The minimal sets among all sets of holders for which a property holds; it grows with the set.
fn by_trying(holders: &[String], holds: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
    let of = |mask: u32| -> Vec<String> {
        let chosen = holders.iter().enumerate();
        chosen
            .filter(|(position, _)| mask >> position & 1 == 1)
            .map(|(_, name)| name.clone())
            .collect()
    };
    let all: Vec<Vec<String>> = (0..1_u32 << holders.len())
        .map(of)
        .filter(|set| holds(set))
        .collect();
    let within = |one: &Vec<String>, other: &Vec<String>| one.iter().all(|x| other.contains(x));
    let minimal = all.iter().filter(|set| {
        !all.iter()
            .any(|other| other.len() < set.len() && within(other, set))
    });
    let mut minimal: Vec<Vec<String>> = minimal.cloned().collect();
    minimal.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    minimal
}

/// For every way in which each signer may be gone, also where two keys are one person's.
#[test]
fn every_answer_is_that_of_trying_every_set() {
    let ways = [None, Some(Lost), Some(Stolen), Some(Away), Some(Leaving)];
    for (kind, shared) in [(ScriptKind::Wsh, false), (ScriptKind::Tr, true)] {
        let policy = version(kind, |draft| {
            if shared {
                "alice".clone_into(&mut draft.signers[3].person);
                draft.signers[3].device = Some(DeviceDraft {
                    kind: "software".to_owned(),
                });
            }
        });
        let person = |name: &str| policy.signer(name).expect("known").person.clone();
        let persons: BTreeSet<String> = (policy.signers.iter())
            .map(|signer| signer.person.clone())
            .collect();
        let persons: Vec<String> = persons.into_iter().collect();
        let paths = spending_paths(&policy.descriptor, &policy.signers);
        for state in 0..5_usize.pow(4) {
            let way = |position: usize| {
                ways[state / 5_usize.pow(u32::try_from(position).expect("small")) % 5]
            };
            let gone: Vec<(String, Gone)> = (policy.signers.iter().enumerate())
                .filter_map(|(position, signer)| Some((signer.name.clone(), way(position)?)))
                .collect();
            let is = |name: &str, wanted: &[Gone]| {
                gone.iter()
                    .any(|(other, way)| other == name && wanted.contains(way))
            };
            let found = standing(&policy, &gone).expect("known signers");
            for stage in &found.stages {
                let open = || {
                    paths
                        .iter()
                        .filter(|path| path.older.unwrap_or(0) <= stage.older.unwrap_or(0))
                };
                let any = |holds: &dyn Fn(&str) -> bool| {
                    open().any(|path| path.keys.iter().all(|name| holds(name)))
                };
                assert_eq!(
                    stage.spendable,
                    any(&|name| !is(name, &[Lost, Stolen, Away]))
                );
                assert_eq!(
                    stage.spendable_with_away,
                    any(&|name| !is(name, &[Lost, Stolen]))
                );
                assert_eq!(stage.thieves_can, any(&|name| is(name, &[Stolen])));
                let freezing = by_trying(&persons, |set| {
                    !any(&|name| {
                        !is(name, &[Lost, Stolen, Leaving]) && !set.contains(&person(name))
                    })
                });
                assert_eq!(stage.freezing, Some(freezing), "{gone:?} {:?}", stage.older);
                let lacking = by_trying(&persons, |set| {
                    any(&|name| is(name, &[Stolen]) || set.contains(&person(name)))
                });
                assert_eq!(
                    stage.thieves_lack,
                    Some(lacking),
                    "{gone:?} {:?}",
                    stage.older
                );
            }
            assert!(!found.advice.is_empty());
        }
    }
}

#[test]
fn the_replacement_of_all_who_are_gone_begins_with_one_command() {
    let text = report::standing(&stands(&[("bob", Stolen), ("alice", Leaving)]));
    let command = "  countersign-coordinator policy replace-signer policy.toml bob \\\n      --record bob.toml \\\n      \
                   --and alice=alice.toml \\\n      > next.toml\n";
    assert!(text.contains(command), "{text}");
    let whole = stands(&[]);
    assert!(report::next_steps(&whole).is_empty());
    assert!(!report::standing(&whole).contains("Begin with"));
    // Who is away comes back, and is not replaced.
    assert!(report::next_steps(&stands(&[("bob", Away)])).is_empty());
}
