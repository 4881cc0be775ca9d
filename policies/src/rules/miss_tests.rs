//! No reason why a rule does not match is without an intent that meets it.

use bitcoin::Amount;

use super::*;
use crate::document::samples::{HEAD_TIME, address, open_list, quorum};
use crate::document::{Policy, PolicyDraft, WindowDraft};
use crate::intent::ListAdd;
use crate::time::UnixTime;
use crate::{Intent, IntentKind};

/// Lists the variants, and names each: one that is added does not build until it is listed.
macro_rules! variants {
    ($($name:ident),+ $(,)?) => {
        const ALL: &[&str] = &[$(stringify!($name)),+];

        fn name(miss: Miss) -> &'static str {
            match miss {
                $(Miss::$name { .. } => stringify!($name),)+
            }
        }
    };
}

variants!(
    Kind,
    Requester,
    Destination,
    Amount,
    Window,
    EntryQuorum,
    EntryRemoved,
    EntryNotYetValid,
    EntryExpired,
    CoolingOff,
    TestAmount,
    AwaitingConfirmation,
    NeverAutomatic,
);

const DAY: u64 = 86_400;
const NOW: UnixTime = HEAD_TIME.saturating_add(2 * DAY);

/// A policy of one rule, which only pays an open list: two of board, a day before, first 10,000.
fn policy(alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = open_list();
    let mut other = draft.requesters[0].clone();
    other.name = "payroll".to_owned();
    let key = crate::document::samples::public_key("payroll");
    other.keys = vec![crate::document::PinnedKeyDraft::own(&key)];
    draft.requesters.push(other);
    draft.rules = vec![draft.rules.remove(1)];
    draft.rules[0].kind = Some("payment".to_owned());
    draft.rules[0].requester = Some(vec!["exchange".to_owned()]);
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("accepted")
}

fn entry() -> ListEntry {
    ListEntry {
        statement: ListAdd {
            list: "counterparties".to_owned(),
            script_pubkey: address(7).script_pubkey(),
            label: "Acme".to_owned(),
            not_before: HEAD_TIME,
            expires: HEAD_TIME.saturating_add(100 * DAY),
        },
        approved_by: vec!["dana".to_owned(), "frank".to_owned()],
        first_seen: Some(HEAD_TIME),
        removed: false,
        confirmed: false,
    }
}

fn intent(policy: &Policy) -> Intent {
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: address(7).script_pubkey(),
        amount: Amount::from_sat(10_000),
        min: Amount::from_sat(10_000),
        created: HEAD_TIME,
        expires: NOW.saturating_add(DAY),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

/// What decides one intent about which something is altered; none where its rule matches.
fn decided(
    policy: &Policy,
    alter: impl FnOnce(&mut Intent, &mut OpenLists, &mut Windows),
) -> Option<Miss> {
    let mut intent = intent(policy);
    let (mut lists, mut windows) = (OpenLists::none(), Windows::none());
    lists.insert(entry());
    alter(&mut intent, &mut lists, &mut windows);
    let standing = Standing {
        windows: &windows,
        lists: &lists,
        now: NOW,
    };
    match decide(policy, &intent, &standing) {
        Decision::Needs(_) => None,
        Decision::Denied(DenyReason::NoMatchingRule { missed }) => Some(missed[0].miss),
        Decision::Denied(reason) => panic!("{reason}"),
    }
}

#[test]
fn every_reason_why_a_rule_does_not_match_is_met_by_some_intent() {
    let ordinary = policy(|_| {});
    let windowed = policy(|draft| {
        draft.rules[0].window = Some(WindowDraft {
            sat: 19_999,
            per: "24h".to_owned(),
        });
    });
    let automatic = policy(|draft| draft.rules[0].approvals = quorum(None, 0));
    let asked = |alter: &dyn Fn(&mut Intent)| decided(&ordinary, |intent, _, _| alter(intent));
    let listed = |alter: &dyn Fn(&mut ListEntry)| {
        decided(&ordinary, |_, lists, _| {
            let mut altered = entry();
            alter(&mut altered);
            *lists = OpenLists::none();
            lists.insert(altered);
        })
    };
    for policy in [&ordinary, &windowed, &automatic] {
        assert_eq!(decided(policy, |_, _, _| {}), None, "it is payable");
    }
    let met = [
        asked(&|intent| intent.kind = IntentKind::Transfer),
        asked(&|intent| intent.requester = "payroll".parse().expect("a name")),
        asked(&|intent| intent.script_pubkey = address(9).script_pubkey()),
        decided(&ordinary, |intent, lists, _| {
            lists.insert(ListEntry {
                confirmed: true,
                ..entry()
            });
            intent.amount = Amount::from_sat(5_000_000_001);
        }),
        decided(&windowed, |intent, _, windows| {
            let before = crate::IntentHash::from_bytes([7; 32]);
            windows.count("counterparties", before, intent.amount, NOW);
        }),
        listed(&|entry| entry.approved_by.truncate(1)),
        listed(&|entry| entry.removed = true),
        listed(&|entry| entry.statement.not_before = NOW.saturating_add(1)),
        listed(&|entry| entry.statement.expires = NOW),
        listed(&|entry| entry.first_seen = Some(NOW.saturating_sub(DAY - 1))),
        asked(&|intent| intent.amount = Amount::from_sat(10_001)),
        decided(&ordinary, |intent, lists, _| {
            lists.pay_another_before(intent.hash());
        }),
        decided(&automatic, |intent, _, _| {
            intent.repeats = Some("w-0".parse().expect("an id"));
        }),
    ];
    let met: Vec<&str> = met.into_iter().flatten().map(name).collect();
    assert_eq!(met, ALL);
}
