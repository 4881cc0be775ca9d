//! The words that an approver reads.

use bitcoin::Amount;

use super::*;
use crate::document::samples::{HEAD_TIME, address, open_list};
use crate::document::{Policy, PolicyDraft, WindowDraft};
use crate::intent::{Intent, ListAdd, Statement, Verdict};
use crate::rules::{EntriesShown, prospects};
use crate::{IntentKind, UnixTime};

const NOW: UnixTime = HEAD_TIME;

fn policy(alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = open_list();
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("accepted")
}

fn told(policy: &Policy, sat: u64) -> String {
    let intent = Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: address(7).script_pubkey(),
        amount: Amount::from_sat(sat),
        min: Amount::from_sat(sat),
        created: NOW,
        expires: NOW.saturating_add(3_600),
        replaces: None,
        repeats: None,
        reference: "x".repeat(200),
    };
    let prospects = prospects(policy, &intent, &EntriesShown::none(), NOW);
    let text = intent_told(&intent, policy, &prospects, true).text();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_approver_reads_what_the_payment_hinges_on() {
    let listed = policy(|draft| draft.rules = vec![draft.rules.remove(1)]);
    let text = told(&listed, 5_000_001);
    for part in [
        "payment of 0.05 000 001 BTC (5,000,001 sat)",
        "rule if it is on the open list counterparties (delay 1d, at most 0.00 010 000 BTC \
         (10,000 sat) until a person of ops confirmed its first payment), rule \"counterparties\" \
         applies: 1 person of ops must approve",
        "otherwise nobody may pay it",
        "list counterparties: no statement shown here puts it there",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let rest = told(&policy(|_| {}), 5_000_001);
    let part = "otherwise \"the rest\": 2 persons of ops must approve list counterparties";
    assert!(rest.contains(part), "{rest}");
}

#[test]
fn an_approver_reads_which_window_must_have_room_and_who_uses_the_page() {
    let windowed = policy(|draft| {
        draft.rules = vec![draft.rules.remove(2)];
        draft.rules[0].approvals.count = 1;
        draft.rules[0].approvals.page = Some(1);
        draft.rules[0].window = Some(WindowDraft {
            sat: 900_000_000,
            per: "24h".to_owned(),
        });
    });
    let text = told(&windowed, 5_000_001);
    for part in [
        "rule if its window of 9.00 000 000 BTC (900,000,000 sat) in 1d has room, rule \"the rest\" \
         applies: 1 person of ops must approve, and 1 more, who may do so in the coordinator's page",
        "otherwise nobody may pay it",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let text = told(&windowed, 1_000_000_001);
    let part = "DENIED none of 1 rule matches: \"the rest\" (amount above 10.00 000 000 BTC \
                (1,000,000,000 sat))";
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_verdict_and_a_statement_write_amounts_and_addresses_as_reviews_do() {
    let policy = policy(|_| {});
    let total = Some(Amount::from_sat(5_000_001));
    let summary = verdict_summary(Verdict::Reject, 2, total, &policy, NOW);
    let part = "Reject 2 withdrawals of treasury, together 0.05 000 001 BTC (5,000,001 sat)";
    assert!(summary.starts_with(part), "{summary}");
    let add = ListAdd {
        list: "counterparties".to_owned(),
        script_pubkey: address(7).script_pubkey(),
        label: "Acme".to_owned(),
        not_before: NOW,
        expires: NOW.saturating_add(1),
    };
    let statement = Statement::ListAdd(add.clone());
    let text = statement_told(&statement, Some(&add), None, &policy).text();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    for part in ["pays      bcrt 1q", "at most 0.00 010 000 BTC (10,000 sat)"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
