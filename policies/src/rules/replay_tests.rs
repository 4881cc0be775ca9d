//! What a version would have asked of past withdrawals.

use bitcoin::{Amount, ScriptBuf};

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::{HEAD_TIME, address, draft, public_key, quorum};
use crate::document::{PolicyDraft, WindowDraft};
use crate::intent::IntentKind;
use crate::report;

const DAY: u64 = 86_400;

fn version(alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = draft(ScriptKind::Wsh);
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

fn past(id: &str, to: ScriptBuf, sat: u64, approved_by: &[&str], after: u64) -> Past {
    let amount = Amount::from_sat(sat);
    let mut intent = crate::intent::sample::payment(id, 1);
    intent.kind = IntentKind::Payment;
    intent.script_pubkey = to;
    intent.amount = amount;
    intent.min = amount;
    Past {
        intent,
        approving: approved_by
            .iter()
            .map(|name| public_key(name).id())
            .collect(),
        paid_at: HEAD_TIME.saturating_add(after),
    }
}

fn stranger(seed: u8) -> ScriptBuf {
    address(seed).script_pubkey()
}

fn outcomes(replay: &Replay) -> Vec<String> {
    replay
        .withdrawals
        .iter()
        .map(|replayed| match &replayed.outcome {
            Outcome::Passes { requirement, .. } => format!("{} {}", replayed.id, requirement.rule),
            Outcome::Short { more, .. } => format!("{} short {more}", replayed.id),
            Outcome::Denied { reason } => format!("{} {}", replayed.id, reason.code()),
        })
        .collect()
}

/// Four withdrawals that passed under the sample: automatic, by a list, by two, and by two again.
fn history() -> Vec<Past> {
    vec![
        past("w-4", stranger(9), 900_000_000, &["dana", "erin"], 40),
        past("w-1", stranger(9), 5_000_000, &[], 10),
        past("w-2", stranger(1), 2_000_000_000, &["dana"], 20),
        past("w-3", stranger(9), 6_000_000, &["dana", "erin"], 30),
    ]
}

#[test]
fn what_was_approved_under_the_same_rules_passes_in_order_of_time() {
    let replay = replay(&version(|_| {}), &history(), &OpenLists::none());
    assert_eq!(
        outcomes(&replay),
        [
            "w-1 small customer payouts",
            "w-2 counterparties",
            "w-3 the rest",
            "w-4 the rest"
        ]
    );
    assert_eq!(
        report::replay_summary(&replay),
        "All 4 would pass as they were approved."
    );
}

#[test]
fn stricter_rules_ask_for_more_and_deny() {
    let stricter = version(|draft| {
        draft.rules[0].amount_max_sat = Some(1_000_000);
        draft.rules[1].approvals = quorum(Some("ops"), 2);
        draft.rules[2].amount_max_sat = Some(800_000_000);
    });
    let replay = replay(&stricter, &history(), &OpenLists::none());
    assert_eq!(
        outcomes(&replay),
        [
            "w-1 short 2",
            "w-2 short 1",
            "w-3 the rest",
            "w-4 NO_MATCHING_RULE"
        ]
    );
    assert_eq!(
        report::replay_summary(&replay),
        "1 of 4 would need one more approval, 1 would need 2 more approvals, 1 would be denied."
    );
    let text = report::replay(&replay);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "1 more of 2 approvals of ops by rule counterparties, approved by dana",
        "DENIED: no rule matches",
    ] {
        assert!(unwrapped.contains(expected), "{expected} is not in\n{text}");
    }
    let json = report::replay_json(&replay);
    assert_eq!(json["denied"], 1);
    assert_eq!(json["withdrawals"][1]["outcome"], "short");
    assert_eq!(json["withdrawals"][1]["approved"][0], "dana");
    assert_eq!(json["withdrawals"][3]["reason"], "NO_MATCHING_RULE");
}

#[test]
fn windows_are_counted_by_the_moments_of_payment() {
    let windowed = version(|draft| {
        draft.rules[0].window = Some(WindowDraft {
            sat: 8_000_000,
            per: "24h".to_owned(),
        });
    });
    let each = |id: &str, after| past(id, stranger(9), 4_000_000, &[], after);
    // Given out of order: the third of one day finds the window exhausted, the one of the next day does not.
    let all = [
        each("late", DAY + 2),
        each("third", 3),
        each("first", 1),
        each("second", 2),
    ];
    let replay = replay(&windowed, &all, &OpenLists::none());
    assert_eq!(
        outcomes(&replay),
        [
            "first small customer payouts",
            "second small customer payouts",
            "third short 2",
            "late small customer payouts"
        ]
    );
}

#[test]
fn persons_who_are_listed_no_more_do_not_count() {
    let without_erin = version(|draft| {
        draft.approvers[1].person = "gina".to_owned();
        draft.approvers[1].keys = vec![crate::document::PinnedKeyDraft::own(&public_key("gina"))];
    });
    let replay = replay(&without_erin, &history(), &OpenLists::none());
    assert_eq!(outcomes(&replay)[2..], ["w-3 short 1", "w-4 short 1"]);
}
