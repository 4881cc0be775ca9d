//! Open lists as a signer meets them: who may add, remove and confirm, and from when an entry is paid.

use bitcoin::Amount;

use super::super::world::{Attempt, NOW, World, stranger};
use crate::descriptor::ScriptKind;
use crate::document::samples::{HEAD_TIME, quorum};
use crate::document::{OpenDraft, TestFirstDraft};
use crate::intent::{ListAdd, Statement};
use crate::journal::{Heard, History, Seen};
use crate::psbt::read_strict;
use crate::review::statements;
use crate::time::UnixTime;
use crate::words::review_text;

const DAY: u64 = 86_400;

/// A treasury that pays only entries of an open list, two of board and a day before.
fn world() -> World {
    World::with(ScriptKind::Wsh, |draft| {
        draft.lists[0].open = Some(OpenDraft {
            approvals: quorum(Some("board"), 2),
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 4_000_000,
                group: "ops".to_owned(),
            }),
        });
        draft.rules = vec![draft.rules.remove(1)];
        draft.rules[0].approvals = quorum(None, 0);
    })
}

fn added() -> Statement {
    Statement::ListAdd(ListAdd {
        list: "counterparties".to_owned(),
        script_pubkey: stranger(11),
        label: "Acme Ltd".to_owned(),
        not_before: HEAD_TIME,
        expires: HEAD_TIME.saturating_add(50 * DAY),
    })
}

fn said(heard: &[Heard]) -> Vec<Statement> {
    heard.iter().map(|heard| heard.statement.clone()).collect()
}

/// Pays 4,000,000 to the entry, a week later.
fn paying(world: &World, id: &str, sat: u64) -> Attempt {
    let mut plan = world.plan();
    plan.asked.truncate(1);
    let intent = &mut plan.asked[0].intent;
    intent.id = id.parse().expect("an id");
    (intent.amount, intent.min) = (Amount::from_sat(sat), Amount::from_sat(sat));
    intent.created = LATER.saturating_sub(60);
    intent.expires = LATER.saturating_add(DAY);
    plan.change = plan
        .change
        .map(|(index, _)| (index, Amount::from_sat(89_990_000 - sat)));
    world.build(&plan)
}

const LATER: UnixTime = HEAD_TIME.saturating_add(7 * DAY);

/// A journal that saw statements at the policy's head.
fn having_seen(statements: &[Statement]) -> History {
    let mut history = History::none();
    for statement in statements {
        history.see(&Seen::of(&statement.encode(), HEAD_TIME).expect("a statement"));
    }
    history
}

/// The reasons of a denial.
fn denied(world: &World, attempt: &Attempt, history: &History) -> String {
    let refusals = world
        .review_at(attempt, history, LATER)
        .expect_err("denied");
    assert_eq!(refusals[0].code(), "DENIED");
    refusals[0].to_string()
}

#[test]
fn an_entry_of_the_quorum_is_paid_once_it_cooled_off() {
    let world = world();
    let mut attempt = paying(&world, "w-1", 4_000_000);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let review = world
        .review_at(&attempt, &having_seen(&[added()]), LATER)
        .expect("seen a week ago");
    assert!(review.seen.is_empty());
    let text = review_text(&review, &world.policy);
    assert!(text.contains("list counterparties: \"Acme Ltd\""), "{text}");
    assert!(text.contains("FIRST PAYMENT"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn an_entry_that_is_seen_first_now_cools_off_and_can_be_journalled() {
    let world = world();
    let mut attempt = paying(&world, "w-1", 4_000_000);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let reason = denied(&world, &attempt, &History::none());
    assert!(reason.contains("cools off until 2026-12-01"), "{reason}");
    let psbt = read_strict(&attempt.bytes()).expect("reads");
    assert_eq!(said(&statements(&psbt, &world.policy, LATER)), [added()]);
    // One carried along with other payments is for the journal, too.
    let mut own = world.self_spend(1_000);
    world.state(&mut own, &added(), &["dana", "frank"]);
    assert_eq!(said(&world.reviewed(&own).seen), [added()]);
}

#[test]
fn an_entry_of_too_few_of_others_or_of_nobody_is_not_paid_nor_journalled() {
    let world = world();
    for by in [&[][..], &["dana"], &["dana", "erin"]] {
        let mut attempt = paying(&world, "w-1", 4_000_000);
        world.state(&mut attempt, &added(), by);
        let reason = denied(&world, &attempt, &having_seen(&[added()]));
        assert!(reason.contains("entry needs 2 persons"), "{reason}");
        let psbt = read_strict(&attempt.bytes()).expect("reads");
        assert!(statements(&psbt, &world.policy, LATER).is_empty());
    }
    let attempt = paying(&world, "w-1", 4_000_000);
    let reason = denied(&world, &attempt, &having_seen(&[added()]));
    assert!(reason.contains("on none of its lists"), "{reason}");
}

#[test]
fn one_person_of_the_group_removes_an_entry_for_good() {
    let world = world();
    let removal = Statement::ListRemove {
        entry: added().subject(),
    };
    let signed_by = |by: &[&str]| {
        let mut attempt = paying(&world, "w-1", 4_000_000);
        world.state(&mut attempt, &added(), &["dana", "frank"]);
        world.state(&mut attempt, &removal, by);
        attempt
    };
    let history = having_seen(&[added()]);
    let reason = denied(&world, &signed_by(&["frank"]), &history);
    assert!(reason.contains("was removed"), "{reason}");
    // Erin is not of board.
    assert!(
        world
            .refusals_at(&signed_by(&["erin"]), &history, LATER)
            .is_empty()
    );
    // A journal that saw it needs no reminder.
    let mut attempt = paying(&world, "w-1", 4_000_000);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let reason = denied(&world, &attempt, &having_seen(&[added(), removal]));
    assert!(reason.contains("was removed"), "{reason}");
}

/// Nobody promises more: whoever removes an entry must see to it that enough signers hear of it.
#[test]
fn a_removal_that_neither_file_nor_journal_knows_does_not_bind() {
    let world = world();
    let removal = Statement::ListRemove {
        entry: added().subject(),
    };
    let mut attempt = paying(&world, "w-1", 4_000_000);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let unaware = having_seen(&[added()]);
    assert!(world.refusals_at(&attempt, &unaware, LATER).is_empty());
    let aware = having_seen(&[added(), removal]);
    let reason = denied(&world, &attempt, &aware);
    assert!(reason.contains("was removed"), "{reason}");
}

#[test]
fn more_than_the_test_amount_waits_for_a_confirmation_by_the_named_group() {
    let world = world();
    let confirmation = Statement::ListConfirm {
        entry: added().subject(),
    };
    let mut attempt = paying(&world, "w-1", 4_000_001);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let history = having_seen(&[added()]);
    let reason = denied(&world, &attempt, &history);
    assert!(
        reason.contains("before its first payment is confirmed"),
        "{reason}"
    );
    let seen = having_seen(&[added(), confirmation.clone()]);
    assert!(world.refusals_at(&attempt, &seen, LATER).is_empty());
    let mut by_board = attempt.clone();
    world.state(&mut by_board, &confirmation, &["frank"]);
    denied(&world, &by_board, &history);
    world.state(&mut attempt, &confirmation, &["erin"]);
    assert!(world.refusals_at(&attempt, &history, LATER).is_empty());
}

#[test]
fn a_second_line_of_withdrawals_waits_for_the_confirmation_too() {
    let world = world();
    let mut history = having_seen(&[added()]);
    let mut first = paying(&world, "w-1", 4_000_000);
    world.state(&mut first, &added(), &["dana", "frank"]);
    let review = world.review_at(&first, &history, LATER).expect("the first");
    history.record(review.signed_transaction(LATER));
    assert!(world.refusals_at(&first, &history, LATER).is_empty());
    let mut second = paying(&world, "w-2", 3_000_000);
    world.state(&mut second, &added(), &["dana", "frank"]);
    let reason = denied(&world, &second, &history);
    assert!(reason.contains("is not confirmed"), "{reason}");
}

#[test]
fn two_lines_in_one_transaction_are_two() {
    let world = world();
    let mut plan = world.plan();
    plan.asked.truncate(2);
    for (asked, sat) in plan.asked.iter_mut().zip([1_000_000, 2_000_000]) {
        asked.approved_by.clear();
        let intent = &mut asked.intent;
        intent.script_pubkey = stranger(11);
        (intent.amount, intent.min) = (Amount::from_sat(sat), Amount::from_sat(sat));
        intent.created = LATER.saturating_sub(60);
        intent.expires = LATER.saturating_add(DAY);
    }
    plan.change = plan
        .change
        .map(|(index, _)| (index, Amount::from_sat(86_990_000)));
    let mut attempt = world.build(&plan);
    world.state(&mut attempt, &added(), &["dana", "frank"]);
    let reason = denied(&world, &attempt, &having_seen(&[added()]));
    assert!(reason.contains("is not confirmed"), "{reason}");
}

#[test]
fn statements_about_nothing_are_refused() {
    let world = world();
    let mut attempt = world.self_spend(1_000);
    let removal = Statement::ListRemove {
        entry: added().subject(),
    };
    world.state(&mut attempt, &removal, &["dana"]);
    assert_eq!(world.refusals(&attempt), ["STATEMENT_ENTRY_MISSING"]);
    let closed = World::new(ScriptKind::Wsh);
    let mut attempt = closed.self_spend(1_000);
    closed.state(&mut attempt, &added(), &["dana", "frank"]);
    assert_eq!(closed.refusals(&attempt), ["STATEMENT_LIST_UNKNOWN"]);
}

#[test]
fn a_signature_to_remove_is_none_to_add() {
    let world = world();
    let mut attempt = world.self_spend(1_000);
    world.state(&mut attempt, &added(), &["frank"]);
    let key = super::super::world::secret("dana");
    let purpose = crate::hash::Purpose::ListRemove;
    let end = NOW.saturating_add(DAY);
    let (vault, subject) = (world.policy.vault, added().subject());
    let approval = crate::Approval::sign(&key, purpose, vault, subject, end);
    attempt.manifest.add_approval(approval);
    assert_eq!(world.refusals(&attempt), ["APPROVAL_PURPOSE"]);
}
