//! Stops at the coordinator: who may say them, that they come first, and that nothing is issued meanwhile.

use bitcoin::hex::DisplayHex;
use policies::document::{ApprovalsDraft, StopDraft};
use policies::intent::{SecretKey, StatementNonce, Stop};
use policies::{Approval, Statement, UnixTime, VaultId};

use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::events::head_number;
use crate::service::lists::{
    ApproveStatement, StatementView, SubmitStatement, approve_statement, list_statements,
    submit_statement,
};
use crate::service::status::show_status;
use crate::service::stop_view::{MOST_TOLD, StopState, list_stops, show_stop, stops_in_force};
use crate::service::{Actor, ServiceError};

async fn world() -> World {
    World::funded_on(Kind::Wsh, 2, 1_000_000, |draft| {
        draft.stop = Some(StopDraft {
            release: ApprovalsDraft {
                group: Some("ops".to_owned()),
                count: 1,
                page: None,
            },
        });
    })
    .await
}

fn stop(nonce: u8) -> Statement {
    Statement::Stop(Stop {
        created: UnixTime::from_secs(super::world::NOW),
        nonce: StatementNonce::from_bytes([nonce; 16]),
        reason: "stolen laptop".to_owned(),
    })
}

pub(super) async fn store(
    world: &World,
    statement: &Statement,
) -> Result<StatementView, ServiceError> {
    let text = String::from_utf8(statement.encode()).expect("ASCII");
    let request = SubmitStatement { statement: text };
    let answer = submit_statement(&world.service, &world.operator, world.vault, &request).await;
    answer.map(|(view, _)| view)
}

pub(super) async fn sign(
    world: &World,
    statement: &Statement,
    key: &SecretKey,
    expires: UnixTime,
) -> Result<StatementView, ServiceError> {
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let approval = Approval::sign(key, purpose, world.vault, subject, expires);
    hand_in(world, &approval).await
}

pub(super) async fn hand_in(
    world: &World,
    approval: &Approval,
) -> Result<StatementView, ServiceError> {
    let request = ApproveStatement {
        purpose: approval.purpose.to_string(),
        expires: approval.expires,
        key: approval.key,
        signature: approval.signature.encode().to_lower_hex_string(),
    };
    let (service, operator) = (&world.service, &world.operator);
    approve_statement(service, operator, world.vault, approval.subject, &request).await
}

#[tokio::test]
async fn a_stop_by_a_journal_holds_payments_back_until_it_is_released() {
    let world = world().await;
    let (service, operator) = (&world.service, &world.operator);
    world.submit("w-1", 300_000).await;
    let said = stop(1);
    store(&world, &said).await.expect("stored");
    assert_eq!(
        list_statements(service, operator, world.vault, None)
            .await
            .expect("lists"),
        []
    );
    world
        .try_batch()
        .await
        .expect("an unsigned stop stops nothing");
    world.submit("w-2", 300_000).await;
    let signed = sign(&world, &said, &secret("journal 1"), UnixTime::ZERO).await;
    assert!(signed.expect("counts").entitled_at.is_some());
    assert_eq!(
        world.try_batch().await.expect_err("is held").code(),
        "stopped"
    );
    let status = show_status(service, operator).await.expect("status");
    assert_eq!(status.stops.len(), 1);
    assert_eq!(status.stops[0].release_needed, Some(1));
    let told = list_statements(service, operator, world.vault, None)
        .await
        .expect("lists");
    assert_eq!(told[0].purpose, "stop");

    let release = Statement::Release {
        stop: said.subject(),
    };
    store(&world, &release).await.expect("stored");
    let until = world.service.now().saturating_add(1_000);
    let stranger = sign(&world, &release, &secret("journal 1"), until).await;
    assert_eq!(
        stranger.expect_err("no person").code(),
        "unknown_approval_key"
    );
    sign(&world, &release, &world.approver, until)
        .await
        .expect("released");
    assert_eq!(
        show_status(service, operator).await.expect("status").stops,
        []
    );
    world.try_batch().await.expect("is paid again");
    // Whoever hands the stop in again is told that it stops nothing.
    let again = store(&world, &said).await.expect("is known");
    assert_eq!(again.released_at, Some(world.service.now()));
    let other = store(&world, &stop(7)).await.expect("stored");
    assert_eq!(other.released_at, None);
    let told = list_statements(service, operator, world.vault, None)
        .await
        .expect("lists");
    let purposes: Vec<&str> = told.iter().map(|view| view.purpose.as_str()).collect();
    assert_eq!(purposes, ["stop", "release"]);
}

#[tokio::test]
async fn stops_that_end_or_are_foreign_and_goes_that_nobody_may_say_are_refused() {
    let world = world().await;
    let said = stop(2);
    store(&world, &said).await.expect("stored");
    let until = world.service.now().saturating_add(60);
    let ends = sign(&world, &said, &world.approver, until).await;
    assert_eq!(ends.expect_err("ends").code(), "stop_ends");
    let foreign = sign(&world, &said, &secret("stranger"), UnixTime::ZERO).await;
    assert_eq!(foreign.expect_err("foreign").code(), "unknown_approval_key");
    let go = Statement::Go(policies::intent::Go {
        created: world.service.now(),
        nonce: StatementNonce::from_bytes([3; 16]),
    });
    assert_eq!(
        store(&world, &go).await.expect_err("no [go]").code(),
        "nobody_may"
    );
}

#[tokio::test]
async fn the_pages_tell_who_must_still_sign_the_release_of_a_stop() {
    let world = world().await;
    let (service, operator) = (&world.service, &world.operator);
    let said = stop(9);
    store(&world, &said).await.expect("stored");
    let show = async || {
        show_stop(service, operator, world.vault, said.subject())
            .await
            .expect("a stop")
    };
    assert_eq!(show().await.state, StopState::Unsigned);
    sign(&world, &said, &secret("journal 1"), UnixTime::ZERO)
        .await
        .expect("counts");
    let shown = show().await;
    assert_eq!(
        (shown.state, shown.reason.as_str()),
        (StopState::InForce, "stolen laptop")
    );
    assert_eq!(shown.signed.len(), 1);
    let release = shown.release.expect("somebody may");
    assert_eq!(
        (release.missing(), release.could),
        (1, vec!["dana".to_owned()])
    );
    let in_force = stops_in_force(service, operator).await.expect("a list");
    assert_eq!(in_force.get(&world.vault).map(Vec::len), Some(1));
    let elsewhere = Actor {
        vault: Some(VaultId::from_bytes([9; 32])),
        ..operator.clone()
    };
    let theirs = stops_in_force(service, &elsewhere).await.expect("a list");
    assert!(theirs.is_empty(), "another vault's stop is nobody else's");

    let releasing = Statement::Release {
        stop: said.subject(),
    };
    store(&world, &releasing).await.expect("stored");
    let until = world.service.now().saturating_add(1_000);
    sign(&world, &releasing, &world.approver, until)
        .await
        .expect("released");
    let shown = show().await;
    assert_eq!(shown.state, StopState::Released);
    let release = shown.release.expect("as before");
    assert_eq!(
        (release.missing(), release.approved_by),
        (0, vec!["dana".to_owned()])
    );
    let file: serde_json::Value = serde_json::from_str(&shown.file).expect("JSON");
    assert_eq!(file.as_array().map(Vec::len), Some(2), "stop and release");
    let none = stops_in_force(service, operator).await.expect("a list");
    assert!(none.is_empty());
    let all = list_stops(service, operator, world.vault, None)
        .await
        .expect("a list");
    assert_eq!((all.items.len(), all.next), (1, None));
    let other = show_stop(service, operator, world.vault, releasing.subject()).await;
    assert_eq!(other.expect_err("no stop").code(), "unknown_statement");
}

/// Stores a stop and has it signed.
async fn given(world: &World, nonce: u8, key: &SecretKey) -> Result<StatementView, ServiceError> {
    let said = stop(nonce);
    store(world, &said).await.expect("stored");
    sign(world, &said, key, UnixTime::ZERO).await
}

/// How many events the log has by now.
async fn events(world: &World) -> u64 {
    world.work().await;
    head_number(&world.service).await.expect("a number")
}

#[tokio::test]
async fn the_five_oldest_stops_are_told_over_the_pages_and_the_list_has_all_of_them() {
    let world = world().await;
    assert_eq!(MOST_TOLD, 5);
    for nonce in 1..=6 {
        given(&world, nonce, &world.approver).await.expect("counts");
        world.pass(1);
    }
    let (service, operator) = (&world.service, &world.operator);
    let told = stops_in_force(service, operator).await.expect("a list");
    let told: Vec<_> = told[&world.vault].iter().map(|stop| stop.stop).collect();
    let oldest: Vec<_> = (1..=5).map(|nonce| stop(nonce).subject()).collect();
    assert_eq!(told, oldest);
    let all = list_stops(service, operator, world.vault, None).await;
    assert_eq!(all.expect("a list").items.len(), 6);
}

#[tokio::test]
async fn a_key_has_sixteen_stops_in_force_at_most_and_keeps_nobody_elses_out() {
    let world = world().await;
    let (dana, alice) = (&world.approver, secret("journal 0"));
    for nonce in 1..=16 {
        given(&world, nonce, dana).await.expect("counts");
    }
    let before = events(&world).await;
    let refused = given(&world, 17, dana).await.expect_err("is one too many");
    assert_eq!(refused.code(), "too_many_stops");
    assert!(
        refused.hint().contains("stopped already"),
        "{}",
        refused.hint()
    );
    assert_eq!(events(&world).await, before + 1, "stored, and not signed");
    // What the key said before is said again, and another key says the one that was refused.
    let again = given(&world, 16, dana).await.expect("is known");
    assert_eq!(again.approvals.len(), 1);
    let others = given(&world, 17, &alice).await.expect("counts");
    assert!(others.entitled_at.is_some());
    let refused = given(&world, 17, dana).await.expect_err("is one too many");
    assert_eq!(refused.code(), "too_many_stops");
    // One that is released makes room.
    let release = Statement::Release {
        stop: stop(3).subject(),
    };
    store(&world, &release).await.expect("stored");
    let until = world.service.now().saturating_add(1_000);
    sign(&world, &release, dana, until).await.expect("released");
    given(&world, 17, dana).await.expect("counts");
    let status = show_status(&world.service, &world.operator).await;
    assert_eq!(status.expect("status").stops.len(), 16);
}

#[tokio::test]
async fn what_says_nothing_new_changes_nothing_and_leaves_no_event() {
    let world = world().await;
    let said = stop(1);
    let release = Statement::Release {
        stop: said.subject(),
    };
    let nothing = store(&world, &release).await.expect_err("releases nothing");
    assert_eq!(nothing.code(), "unknown_stop");
    let of_release = Statement::Release {
        stop: release.subject(),
    };
    given(&world, 1, &world.approver).await.expect("counts");
    store(&world, &release).await.expect("stored");
    let nothing = store(&world, &of_release).await.expect_err("is no stop");
    assert_eq!(nothing.code(), "unknown_stop");
    let until = world.service.now().saturating_add(1_000);
    let signed = sign(&world, &release, &world.approver, until).await;
    let signed = signed.expect("released");
    let before = events(&world).await;
    // The same again, one that holds shorter, and a signature under what is over.
    assert_eq!(store(&world, &release).await.expect("is known"), signed);
    for ends in [until, UnixTime::from_secs(until.as_secs() - 1)] {
        let again = sign(&world, &release, &world.approver, ends).await;
        assert_eq!(again.expect("is known"), signed);
    }
    let over = sign(&world, &said, &secret("journal 0"), UnixTime::ZERO).await;
    let over = over.expect("is over");
    assert_eq!(
        (over.approvals.len(), over.released_at),
        (1, signed.entitled_at)
    );
    assert_eq!(events(&world).await, before);
    // One that holds longer adds something.
    let longer = until.saturating_add(1);
    let signed = sign(&world, &release, &world.approver, longer).await;
    assert_eq!(signed.expect("counts").approvals[0].expires, longer);
    assert_eq!(events(&world).await, before + 1);
}
