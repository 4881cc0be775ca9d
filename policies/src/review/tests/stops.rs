//! Stops as a signer meets them: in the journal, in a file, released, and what may move meanwhile.

use super::super::world::{Attempt, NOW, World, secret};
use crate::descriptor::ScriptKind;
use crate::document::StopDraft;
use crate::document::samples::quorum;
use crate::hash::Purpose;
use crate::intent::{Approval, Statement, StatementNonce, Stop};
use crate::journal::{History, Seen};
use crate::psbt::read_strict;
use crate::review::statements;
use crate::time::UnixTime;

fn world() -> World {
    World::with(ScriptKind::Wsh, |draft| {
        draft.stop = Some(StopDraft {
            release: quorum(Some("board"), 2),
        });
    })
}

fn stop(nonce: u8) -> Stop {
    Stop {
        created: NOW,
        nonce: StatementNonce::from_bytes([nonce; 16]),
        reason: "a laptop was stolen".to_owned(),
    }
}

fn stopped() -> History {
    let mut history = History::none();
    history.see(&Seen::stop(
        &stop(1),
        crate::KeyId::from_bytes([3; 32]),
        NOW,
    ));
    history
}

fn carry_stop(world: &World, attempt: &mut Attempt, by: &str) {
    let statement = Statement::Stop(stop(1));
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let vault = world.policy.vault;
    let approval = Approval::sign(&secret(by), purpose, vault, subject, UnixTime::ZERO);
    attempt.manifest.add_approval(approval);
    attempt.manifest.add_statement(statement);
}

fn board(world: &World) -> Vec<String> {
    let approvers = world.policy.approvers.iter();
    let of_board = approvers.filter(|one| one.groups.iter().any(|group| group == "board"));
    of_board.map(|one| one.name.clone()).collect()
}

fn release(of: u8) -> Statement {
    Statement::Release {
        stop: Statement::Stop(stop(of)).subject(),
    }
}

#[test]
fn a_stop_in_the_journal_stops_payments_whatever_the_file_says() {
    let world = world();
    let attempt = world.attempt();
    assert!(world.refusals(&attempt).is_empty());
    assert_eq!(world.refusals_at(&attempt, &stopped(), NOW), ["STOPPED"]);
    let mut signed_before = stopped();
    signed_before.record(world.reviewed(&attempt).signed_transaction(NOW));
    assert_eq!(
        world.refusals_at(&attempt, &signed_before, NOW),
        ["STOPPED"],
        "not even what was signed before"
    );
}

#[test]
fn a_stop_in_the_file_stops_it_and_is_told_to_the_journal() {
    let world = world();
    let mut attempt = world.attempt();
    carry_stop(&world, &mut attempt, "dana");
    assert_eq!(world.refusals(&attempt), ["STOPPED"]);
    let psbt = read_strict(&attempt.bytes()).expect("reads");
    let heard = statements(&psbt, &world.policy, NOW);
    let found: Vec<&Statement> = heard.iter().map(|heard| &heard.statement).collect();
    assert_eq!(found, [&Statement::Stop(stop(1))]);
    let mut released = History::none();
    released.see(&Seen::of(&release(1).encode(), NOW).expect("a release"));
    assert!(
        world.refusals_at(&attempt, &released, NOW).is_empty(),
        "never again"
    );
}

#[test]
fn a_stop_that_is_wrongly_signed_is_refused_by_name_and_never_journalled() {
    let world = world();
    let statement = Statement::Stop(stop(1));
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let vault = world.policy.vault;
    let dana = secret("dana");
    let good = Approval::sign(&dana, purpose, vault, subject, UnixTime::ZERO);
    let elsewhere = crate::VaultId::from_bytes([7; 32]);
    for (code, approval) in [
        (
            "APPROVAL_FOREIGN",
            Approval::sign(&secret("nobody"), purpose, vault, subject, UnixTime::ZERO),
        ),
        (
            "STOP_ENDS",
            Approval::sign(&dana, purpose, vault, subject, NOW),
        ),
        (
            "APPROVAL_WRONG",
            Approval::sign(&dana, purpose, elsewhere, subject, UnixTime::ZERO),
        ),
        (
            "APPROVAL_PURPOSE",
            Approval::sign(
                &dana,
                Purpose::Approve,
                vault,
                subject,
                NOW.saturating_add(60),
            ),
        ),
    ] {
        let mut attempt = world.attempt();
        attempt.manifest.add_approval(approval);
        attempt.manifest.add_statement(statement.clone());
        assert_eq!(world.refusals(&attempt), [code]);
        let psbt = read_strict(&attempt.bytes()).expect("reads");
        assert!(statements(&psbt, &world.policy, NOW).is_empty(), "{code}");
    }
    // A wrong signature beside a good one is refused as well, and the stop holds.
    let mut attempt = world.attempt();
    attempt.manifest.add_approval(good);
    let stranger = Approval::sign(&secret("nobody"), purpose, vault, subject, UnixTime::ZERO);
    attempt.manifest.add_approval(stranger);
    attempt.manifest.add_statement(statement);
    assert_eq!(world.refusals(&attempt), ["APPROVAL_FOREIGN", "STOPPED"]);
}

#[test]
fn a_signature_to_stop_on_anything_but_a_stop_is_not_passed_over() {
    let world = world();
    let mut attempt = world.attempt();
    let board = board(&world);
    world.state(&mut attempt, &release(1), &[board[0].as_str()]);
    let subject = release(1).subject();
    let vault = world.policy.vault;
    let stranger = Approval::sign(
        &secret("nobody"),
        Purpose::Stop,
        vault,
        subject,
        UnixTime::ZERO,
    );
    attempt.manifest.add_approval(stranger);
    assert_eq!(world.refusals(&attempt), ["APPROVAL_FOREIGN"]);
}

#[test]
fn an_ack_in_a_file_is_refused_by_name() {
    let world = world();
    let mut attempt = world.attempt();
    attempt.manifest.add_statement(Statement::Ack {
        policy: world.policy.id,
    });
    assert_eq!(world.refusals(&attempt), ["STATEMENT_NOT_CARRIED"]);
}

#[test]
fn only_the_release_of_this_very_stop_by_its_quorum_lets_payments_pass() {
    let world = world();
    let board = board(&world);
    let board: Vec<&str> = board.iter().map(String::as_str).collect();
    let carried = |of: u8, by: &[&str]| {
        let mut attempt = world.attempt();
        world.state(&mut attempt, &release(of), by);
        world.refusals_at(&attempt, &stopped(), NOW)
    };
    assert!(carried(1, &board[..2]).is_empty());
    assert_eq!(carried(1, &board[..1]), ["STOPPED"], "one of two");
    assert_eq!(carried(2, &board[..2]), ["STOPPED"], "another stop");
    let mut later = stopped();
    later.see(&Seen::of(&release(1).encode(), NOW).expect("a release"));
    later.see(&Seen::stop(
        &stop(2),
        crate::KeyId::from_bytes([3; 32]),
        NOW,
    ));
    let mut attempt = world.attempt();
    world.state(&mut attempt, &release(1), &board[..2]);
    assert_eq!(
        world.refusals_at(&attempt, &later, NOW),
        ["STOPPED"],
        "an old release and a later stop"
    );
}

#[test]
fn while_stopped_coins_move_to_ourselves_with_maintenance_alone_and_recover_freely() {
    let world = world();
    let attempt = world.self_spend(10_000);
    assert!(world.refusals(&attempt).is_empty(), "within its budget");
    assert_eq!(
        world.refusals_at(&attempt, &stopped(), NOW),
        ["STOPPED_SELF_SPEND"]
    );
    let mut signed_before = stopped();
    signed_before.record(world.reviewed(&attempt).signed_transaction(NOW));
    assert_eq!(
        world.refusals_at(&attempt, &signed_before, NOW),
        ["STOPPED_SELF_SPEND"]
    );
    let mut maintained = world.self_spend(10_000);
    world.maintain(&mut maintained, "dana");
    assert!(world.refusals_at(&maintained, &stopped(), NOW).is_empty());
    let recovery = world.recovery(10_000);
    assert!(world.refusals_at(&recovery, &stopped(), NOW).is_empty());
}

#[test]
fn a_voided_transaction_is_refused() {
    let world = world();
    let attempt = world.attempt();
    let mut history = History::none();
    history.void(attempt.psbt.unsigned_tx.compute_txid(), NOW);
    assert_eq!(world.refusals_at(&attempt, &history, NOW), ["VOIDED"]);
}
