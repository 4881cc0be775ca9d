//! What open lists promise.

use bitcoin::ScriptBuf;

use super::*;
use crate::document::samples::{HEAD_TIME, address, open_list};
use crate::rules::{Decision, DenyReason, Standing, Windows, decide};

const DAY: u64 = 86_400;

/// A policy that pays only the entries of an open list.
fn policy() -> Policy {
    let mut draft = open_list();
    draft.rules = vec![draft.rules.remove(1)];
    Policy::parse(draft.to_toml().as_bytes()).expect("accepted")
}

fn script() -> ScriptBuf {
    address(7).script_pubkey()
}

fn entry() -> ListEntry {
    ListEntry {
        statement: ListAdd {
            list: "counterparties".to_owned(),
            script_pubkey: script(),
            label: "Acme".to_owned(),
            not_before: HEAD_TIME,
            expires: HEAD_TIME.saturating_add(100 * DAY),
        },
        approved_by: vec!["dana".to_owned(), "frank".to_owned()],
        first_seen: Some(HEAD_TIME),
        removed: false,
        confirmed: true,
    }
}

fn intent(policy: &Policy, sat: u64) -> Intent {
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: script(),
        amount: Amount::from_sat(sat),
        min: Amount::from_sat(sat),
        created: HEAD_TIME,
        expires: HEAD_TIME.saturating_add(3_600),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

/// Why the one rule does not match, or the entry through which it does.
fn miss(lists: &OpenLists, sat: u64, days: u64) -> Result<UsableEntry, Miss> {
    let policy = policy();
    let (windows, now) = (Windows::none(), HEAD_TIME.saturating_add(days * DAY));
    let standing = Standing {
        windows: &windows,
        lists,
        now,
    };
    match decide(&policy, &intent(&policy, sat), &standing) {
        Decision::Needs(requirement) => Ok(requirement.entry.expect("through an entry")),
        Decision::Denied(DenyReason::NoMatchingRule { missed }) => Err(missed[0].miss),
        Decision::Denied(reason) => panic!("{reason}"),
    }
}

fn with(alter: impl FnOnce(&mut ListEntry)) -> OpenLists {
    let mut entry = entry();
    alter(&mut entry);
    let mut lists = OpenLists::none();
    lists.insert(entry);
    lists
}

#[test]
fn an_entry_of_the_quorum_is_paid_after_cooling_off() {
    assert_eq!(miss(&OpenLists::none(), 5, 1), Err(Miss::Destination));
    let usable = miss(&with(|_| {}), 5_000_000, 1).expect("a day later");
    assert_eq!((usable.label.as_str(), usable.is_test), ("Acme", false));
    let until = HEAD_TIME.saturating_add(DAY);
    assert_eq!(miss(&with(|_| {}), 5, 0), Err(Miss::CoolingOff { until }));
    // Seen for the first time now: the day begins now.
    let until = HEAD_TIME.saturating_add(4 * DAY);
    let unseen = with(|entry| entry.first_seen = None);
    assert_eq!(miss(&unseen, 5, 3), Err(Miss::CoolingOff { until }));
}

#[test]
fn an_entry_counts_persons_who_are_of_the_group_still() {
    let one = with(|entry| entry.approved_by = vec!["dana".to_owned()]);
    let (needed, approved) = (2, 1);
    let short = Miss::EntryQuorum { needed, approved };
    assert_eq!(miss(&one, 5, 1), Err(short));
    let twice = with(|entry| entry.approved_by = vec!["dana".to_owned(); 2]);
    assert_eq!(miss(&twice, 5, 1), Err(short));
    let outsider = with(|entry| entry.approved_by[1] = "erin".to_owned());
    assert_eq!(miss(&outsider, 5, 1), Err(short));
}

#[test]
fn an_entry_is_not_paid_before_its_time_after_it_or_once_removed() {
    let from = HEAD_TIME.saturating_add(50 * DAY);
    let later = with(|entry| entry.statement.not_before = from);
    assert_eq!(miss(&later, 5, 1), Err(Miss::EntryNotYetValid { from }));
    let expired = HEAD_TIME.saturating_add(100 * DAY);
    assert_eq!(
        miss(&with(|_| {}), 5, 100),
        Err(Miss::EntryExpired { expired })
    );
    assert!(miss(&with(|_| {}), 5, 99).is_ok());
    let removed = with(|entry| entry.removed = true);
    assert_eq!(miss(&removed, 5, 1), Err(Miss::EntryRemoved));
}

#[test]
fn the_first_payment_is_a_small_one_of_one_line() {
    let mut lists = with(|entry| entry.confirmed = false);
    let max = Amount::from_sat(10_000);
    assert_eq!(miss(&lists, 10_001, 1), Err(Miss::TestAmount { max }));
    assert!(miss(&lists, 10_000, 1).expect("small").is_test);
    let policy = policy();
    // The same withdrawal again is the same line; another one is not.
    lists.pay(&intent(&policy, 10_000));
    assert!(miss(&lists, 10_000, 1).is_ok());
    let mut other = intent(&policy, 9_000);
    other.id = "w-2".parse().expect("an id");
    lists.pay(&other);
    assert_eq!(miss(&lists, 10_000, 1), Err(Miss::AwaitingConfirmation));
    let mut journalled = with(|entry| entry.confirmed = false);
    journalled.pay_another_before(intent(&policy, 10_000).hash());
    assert_eq!(
        miss(&journalled, 10_000, 1),
        Err(Miss::AwaitingConfirmation)
    );
}
