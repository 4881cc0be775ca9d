//! What a person's tool foresees, against what deciders decide.

use bitcoin::{Amount, ScriptBuf};

use super::*;
use crate::IntentKind;
use crate::document::samples::{HEAD_TIME, address, open_list};
use crate::document::{PinnedKeyDraft, PolicyDraft, WindowDraft};
use crate::intent::{Approval, ListAdd, SecretKey, Statement};
use crate::rules::{Decision, ListEntry, OpenLists, Said, Standing, Windows, decide};

const DAY: u64 = 86_400;
const NOW: UnixTime = HEAD_TIME.saturating_add(10 * DAY);

fn secret_key(name: &str) -> SecretKey {
    let mut bytes = [9; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    SecretKey::from_bytes(&bytes)
}

/// Small payouts within a window, an open list of counterparties, and the rest.
fn sketch() -> PolicyDraft {
    let mut draft = open_list();
    for approver in &mut draft.approvers {
        approver.keys = vec![PinnedKeyDraft::own(&secret_key(&approver.name).public())];
    }
    draft.rules[0].window = Some(WindowDraft {
        sat: 8_000_000,
        per: "24h".to_owned(),
    });
    draft
}

fn policy(alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = sketch();
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("accepted")
}

/// Only the open list may be paid, by one person of ops.
fn only_the_list() -> Policy {
    policy(|draft| draft.rules = vec![draft.rules.remove(1)])
}

fn intent(policy: &Policy, to: u8, sat: u64) -> Intent {
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: address(to).script_pubkey(),
        amount: Amount::from_sat(sat),
        min: Amount::from_sat(sat),
        created: NOW,
        expires: NOW.saturating_add(3_600),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

fn add(script_pubkey: ScriptBuf) -> ListAdd {
    ListAdd {
        list: "counterparties".to_owned(),
        script_pubkey,
        label: "Acme".to_owned(),
        not_before: HEAD_TIME,
        expires: HEAD_TIME.saturating_add(100 * DAY),
    }
}

fn said(policy: &Policy, statement: Statement, by: &[&str]) -> Said {
    let sign = |name: &&str| {
        let (purpose, subject) = (statement.purpose(), statement.subject());
        let expires = NOW.saturating_add(DAY);
        Approval::sign(&secret_key(name), purpose, policy.vault, subject, expires)
    };
    Said {
        approvals: by.iter().map(sign).collect(),
        statement,
    }
}

fn foreseen(policy: &Policy, intent: &Intent, said: &[Said]) -> Vec<Prospect> {
    let shown = EntriesShown::of(policy, said, NOW);
    prospects(policy, intent, &shown, NOW).expect("somebody may pay it")
}

fn names(prospects: &[Prospect]) -> Vec<&str> {
    let rules = prospects.iter();
    rules.map(|one| one.requirement.rule.as_str()).collect()
}

/// What deciders may know of the entry of a script: every state it can be in.
fn entries(script: &ScriptBuf) -> Vec<Option<ListEntry>> {
    let entry = ListEntry {
        statement: add(script.clone()),
        approved_by: vec!["dana".to_owned(), "frank".to_owned()],
        first_seen: Some(HEAD_TIME),
        removed: false,
        confirmed: true,
    };
    let altered = |alter: fn(&mut ListEntry)| {
        let mut entry = entry.clone();
        alter(&mut entry);
        Some(entry)
    };
    vec![
        None,
        altered(|_| {}),
        altered(|entry| entry.confirmed = false),
        altered(|entry| entry.removed = true),
        altered(|entry| entry.first_seen = None),
        altered(|entry| entry.approved_by.truncate(1)),
        altered(|entry| entry.statement.expires = NOW),
        altered(|entry| entry.statement.not_before = NOW.saturating_add(1)),
    ]
}

#[test]
fn whatever_a_decider_knows_its_rule_was_foreseen() {
    let policies = [
        policy(|_| {}),
        only_the_list(),
        policy(|draft| draft.rules.truncate(1)),
        policy(|draft| draft.rules.swap(0, 1)),
    ];
    let (mut needed, mut denied) = (0, 0);
    for policy in &policies {
        for (to, sat) in [1, 7]
            .into_iter()
            .flat_map(|to| [10_000, 5_000_000, 5_000_001, 6_000_000_000].map(|sat| (to, sat)))
        {
            let mut intent = intent(policy, to, sat);
            for repeats in [None, Some("w-0".parse().expect("an id"))] {
                intent.repeats = repeats;
                let shown = EntriesShown::none();
                let found = prospects(policy, &intent, &shown, NOW);
                for entry in entries(&intent.script_pubkey) {
                    for spent in [0, 8_000_000] {
                        let mut windows = Windows::none();
                        let other = self::intent(policy, 9, 1).hash();
                        let rule = "small customer payouts";
                        windows.count(rule, other, Amount::from_sat(spent), NOW);
                        let mut lists = OpenLists::none();
                        if let Some(entry) = &entry {
                            lists.insert(entry.clone());
                        }
                        let standing = Standing {
                            windows: &windows,
                            lists: &lists,
                            now: NOW,
                        };
                        match (decide(policy, &intent, &standing), &found) {
                            (Decision::Needs(mut requirement), found) => {
                                requirement.entry = None;
                                let found = found.as_ref().expect("it can be paid");
                                let rules = found.iter().map(|one| &one.requirement);
                                assert!(rules.clone().any(|one| *one == requirement));
                                needed += 1;
                            }
                            (Decision::Denied(decided), Err(told)) => {
                                assert_eq!(decided.code(), told.code());
                                denied += 1;
                            }
                            (Decision::Denied(_), Ok(found)) => {
                                assert!(!found[found.len() - 1].is_certain());
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(needed > 100 && denied > 10, "{needed} and {denied}");
}

#[test]
fn a_destination_that_may_be_on_an_open_list_is_no_denial() {
    let policy = only_the_list();
    let found = foreseen(&policy, &intent(&policy, 7, 5_000_000), &[]);
    assert_eq!(names(&found), ["counterparties"]);
    assert_eq!(found[0].requirement.count, 1);
    assert_eq!(found[0].lists[0].shown, Err(Miss::Destination));
    assert!(!found[0].is_certain());
    // The document itself lists this one: nothing is left open.
    let found = foreseen(&policy, &intent(&policy, 1, 5_000_000), &[]);
    assert!(found[0].is_certain());
}

#[test]
fn a_window_that_may_be_used_up_leaves_the_next_rules_open() {
    let policy = policy(|_| {});
    let found = foreseen(&policy, &intent(&policy, 7, 5_000_000), &[]);
    assert_eq!(
        names(&found),
        ["small customer payouts", "counterparties", "the rest"]
    );
    assert!(found[2].is_certain());
}

#[test]
fn what_no_journal_and_no_statement_could_allow_is_denied() {
    let only_list = only_the_list();
    let shown = EntriesShown::none();
    let misses = |policy: &Policy, intent: &Intent| {
        let refused = prospects(policy, intent, &shown, NOW).expect_err("nobody may pay it");
        refused
            .misses()
            .iter()
            .map(|missed| missed.miss.code())
            .collect::<Vec<_>>()
    };
    let large = intent(&only_list, 7, 5_000_000_001);
    assert_eq!(misses(&only_list, &large), ["amount"]);
    let windowed = policy(|draft| {
        draft.rules.truncate(1);
        draft.rules[0].window = Some(WindowDraft {
            sat: 1_000,
            per: "24h".to_owned(),
        });
    });
    let large = intent(&windowed, 7, 1_001);
    assert_eq!(misses(&windowed, &large), ["window"]);
    let mut stranger = intent(&only_list, 7, 1_000);
    stranger.requester = "stranger".parse().expect("a name");
    let refused = prospects(&only_list, &stranger, &shown, NOW).expect_err("unknown");
    assert_eq!(refused.code(), "UNKNOWN_REQUESTER");
}

#[test]
fn what_statements_show_is_told_and_denies_nothing() {
    let policy = only_the_list();
    let small = intent(&policy, 7, 10_000);
    let large = intent(&policy, 7, 10_001);
    let add = add(small.script_pubkey.clone());
    let entry = add.subject();
    let added = |by| said(&policy, Statement::ListAdd(add.clone()), by);
    let shown =
        |intent: &Intent, said: &[Said]| foreseen(&policy, intent, said)[0].lists[0].clone();
    let half = shown(&small, &[added(&["dana"])]);
    let needed = Miss::EntryQuorum {
        needed: 2,
        approved: 1,
    };
    assert_eq!(half.shown, Err(needed));
    // Two files with one signature each count together; a key of nobody counts nowhere.
    let both = [added(&["dana", "mallory"]), added(&["frank"])];
    let first = shown(&small, &both).shown.expect("signed by enough");
    assert!(first.is_test);
    let max = Amount::from_sat(10_000);
    assert_eq!(shown(&large, &both).shown, Err(Miss::TestAmount { max }));
    let confirm = said(&policy, Statement::ListConfirm { entry }, &["erin"]);
    let mut all = both.to_vec();
    all.push(confirm);
    assert!(!shown(&large, &all).shown.expect("confirmed").is_test);
    all.push(said(&policy, Statement::ListRemove { entry }, &["erin"]));
    assert!(
        shown(&large, &all).shown.is_ok(),
        "erin is not of the board"
    );
    all.push(said(&policy, Statement::ListRemove { entry }, &["frank"]));
    assert_eq!(shown(&large, &all).shown, Err(Miss::EntryRemoved));
}
