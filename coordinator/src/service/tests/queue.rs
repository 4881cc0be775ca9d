//! The queue and its jobs: due by count and age, held and asked once, parts paid, nobody held up.

use bitcoin::FeeRate;
use policies::document::PolicyDraft;
use watchtower::store::events;
use watchtower::store::fees::{self, FeeEstimate};

use super::world::{BY_HAND, World};
use crate::queue::Speed;
use crate::roles::fixture::Kind;
use crate::service::queue::{
    AllowFeerate, ChangeSpeed, QueueView, allow_feerate, change_speed, show_queue,
};
use crate::service::{BatchSettings, ServiceError};
use crate::store::queue as store;
use crate::store::withdrawals::WithdrawalKey;

const HOUR: u64 = 3_600;
/// A batch of two, or once one waited an hour; asked from 5 sat/vB on.
const ASKING: BatchSettings = BatchSettings {
    count: Some(2),
    age: Some(HOUR),
    fee_cap: Some(FeeRate::from_sat_per_kwu(1_250)),
    ..BY_HAND
};
/// The same without a cap of its own.
const UNASKED: BatchSettings = BatchSettings {
    fee_cap: None,
    ..ASKING
};

/// A world where urgent, normal and economy cost so many sat/kwu, with coins of two million each, of which a
/// transaction spends two at most.
async fn world(coins: u32, settings: BatchSettings, costs: [u64; 3]) -> World {
    let narrow = |draft: &mut PolicyDraft| draft.limits.transaction.max_inputs = 2;
    let mut world = World::funded_on(Kind::Wsh, coins, 2_000_000, narrow).await;
    world.set(settings);
    cost(&world, costs).await;
    world
}

async fn cost(world: &World, costs: [u64; 3]) {
    let estimates: Vec<FeeEstimate> = [2, 6, 144]
        .into_iter()
        .zip(costs)
        .map(|(target, cost)| FeeEstimate {
            target,
            feerate: FeeRate::from_sat_per_kwu(cost),
            height: 103,
            at: world.service.now(),
        })
        .collect();
    let mut tx = world.write().await;
    fees::replace(&mut tx, &estimates).await.expect("stores");
    tx.commit().await.expect("commits");
}

fn key(world: &World, id: &str) -> WithdrawalKey {
    WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    }
}

/// Submits a withdrawal of so much at a speed, a second after the one before.
async fn submit(world: &World, id: &str, sat: u64, speed: Speed) {
    world.pass(1);
    let mut request = world.signed(&world.intent(id, sat));
    request.speed = Some(speed);
    let (service, operator) = (&world.service, &world.operator);
    crate::service::withdrawals::submit_withdrawal(service, operator, world.vault, &request)
        .await
        .expect("is taken");
}

/// Approves one that the automatic rule does not cover.
async fn approve(world: &World, id: &str) {
    let view = world.show(id).await;
    let approval = world.approval(&[view.intent_hash], false);
    crate::service::approvals::record_approvals(
        &world.service,
        &world.operator,
        world.vault,
        &approval,
    )
    .await
    .expect("is taken");
}

/// Lets time pass in looks of the queue.
async fn look(world: &World, times: u32) {
    for _ in 0..times {
        world.pass(5);
        world.work().await;
    }
}

async fn states(world: &World, ids: &[&str]) -> Vec<String> {
    let mut states = Vec::new();
    for id in ids {
        states.push(world.show(id).await.state);
    }
    states
}

async fn queue(world: &World) -> QueueView {
    show_queue(&world.service, &world.operator, world.vault)
        .await
        .expect("a queue")
}

/// The queue's events, without its speeds.
async fn told(world: &World) -> Vec<String> {
    let mut tx = world.read().await;
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    log.into_iter()
        .filter(|event| event.object_kind == "queue" && event.kind != "queue.speed-set")
        .map(|event| event.kind)
        .collect()
}

async fn allow(world: &World, question: u64, feerate: &str) -> Result<QueueView, ServiceError> {
    let answer = AllowFeerate {
        question,
        feerate_sat_vb: feerate.to_owned(),
    };
    allow_feerate(&world.service, &world.operator, world.vault, &answer).await
}

/// The feerate asked of each batch, in sat/kwu, oldest first: what its fee comes to for its weight, rounded down.
async fn feerates(world: &World) -> Vec<u64> {
    let mut tx = world.read().await;
    let rows = tx
        .rows(
            "SELECT fee, weight FROM attempt ORDER BY created_at, txid",
            &[],
        )
        .await
        .expect("reads");
    rows.iter()
        .map(|row| {
            let fee = row.u64("fee").expect("a fee");
            fee * 1000 / row.u64("weight").expect("a weight")
        })
        .collect()
}

#[tokio::test]
async fn a_batch_is_due_once_enough_wait_or_the_oldest_waited_long_enough() {
    let world = world(3, UNASKED, [500, 500, 500]).await;
    submit(&world, "w-1", 500_000, Speed::Normal).await;
    look(&world, 3).await;
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    let shown = queue(&world).await;
    assert_eq!(
        (shown.automatic, shown.withdrawals[0].code.as_str()),
        (true, "not_due")
    );
    submit(&world, "w-2", 500_000, Speed::Normal).await;
    look(&world, 1).await;
    assert_eq!(
        states(&world, &["w-1", "w-2"]).await,
        ["signing", "signing"]
    );
    submit(&world, "w-3", 500_000, Speed::Economy).await;
    look(&world, 3).await;
    assert_eq!(states(&world, &["w-3"]).await, ["approved"]);
    world.pass(HOUR);
    look(&world, 1).await;
    assert_eq!(states(&world, &["w-3"]).await, ["signing"]);
    assert!(queue(&world).await.withdrawals.is_empty());
}

#[tokio::test]
async fn above_the_cap_the_queue_holds_and_asks_once_until_it_is_answered() {
    let world = world(3, ASKING, [2_500, 2_500, 500]).await;
    submit(&world, "w-1", 900_000, Speed::Urgent).await;
    look(&world, 5).await;
    // It is shown at which feerate it would go, and asked once, though fees rise and fall above the cap.
    cost(&world, [5_000, 5_000, 500]).await;
    look(&world, 5).await;
    cost(&world, [3_000, 2_500, 500]).await;
    look(&world, 5).await;
    assert_eq!(told(&world).await, ["queue.held"]);
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    let shown = queue(&world).await;
    let question = shown.question.expect("a question");
    assert_eq!(
        (question.question, question.asked_sat_vb.as_str()),
        (1, "10")
    );
    assert_eq!((shown.offers.len(), shown.offers[0].count), (1, 1));
    assert_eq!(shown.offers[0].feerate_sat_vb, "12");
    for (number, feerate, code) in [
        (1, "11.9", "allowance_too_little"),
        (1, "200.001", "malformed"),
        (1, "200.004", "allowance_above_policy"),
        (2, "12", "other_question"),
        (1, "much", "malformed"),
    ] {
        let refused = allow(&world, number, feerate).await;
        assert_eq!(
            refused.map_err(|error| error.code()),
            Err(code),
            "{feerate}"
        );
    }
    let answered = allow(&world, 1, "12").await.expect("is taken");
    let question = answered.question.expect("a question");
    assert_eq!(question.allowed_sat_vb.as_deref(), Some("12"));
    look(&world, 1).await;
    assert_eq!(states(&world, &["w-1"]).await, ["signing"]);
    assert!((3_000..3_010).contains(&feerates(&world).await[0]));
    let all = ["queue.held", "queue.allowed", "queue.released"];
    assert_eq!(told(&world).await, all);

    // The answer served one batch: the next one is asked for anew, and an old answer is none.
    submit(&world, "w-2", 900_000, Speed::Urgent).await;
    look(&world, 3).await;
    assert_eq!(states(&world, &["w-2"]).await, ["approved"]);
    assert_eq!(told(&world).await, [&all[..], &["queue.held"]].concat());
    let refused = allow(&world, 1, "12").await;
    assert_eq!(refused.map_err(|error| error.code()), Err("other_question"));
    // Fees fall: it goes without an answer, and the question is over.
    cost(&world, [1_250, 1_250, 500]).await;
    look(&world, 1).await;
    assert_eq!(states(&world, &["w-2"]).await, ["signing"]);
    look(&world, 1).await;
    let over = ["queue.held", "queue.released"];
    assert_eq!(told(&world).await, [&all[..], &over].concat());
    let refused = allow(&world, 2, "12").await;
    assert_eq!(refused.map_err(|error| error.code()), Err("nothing_held"));
}

#[tokio::test]
async fn an_answer_is_void_once_fees_fell() {
    let world = world(2, ASKING, [2_500, 2_500, 500]).await;
    submit(&world, "w-1", 900_000, Speed::Normal).await;
    look(&world, 1).await;
    // It is answered, and nothing is due yet; then fees fall and rise again.
    allow(&world, 1, "20").await.expect("is taken");
    look(&world, 2).await;
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    cost(&world, [1_000, 1_000, 500]).await;
    look(&world, 1).await;
    cost(&world, [2_500, 2_500, 500]).await;
    world.pass(HOUR);
    look(&world, 2).await;
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    let all = [
        "queue.held",
        "queue.allowed",
        "queue.released",
        "queue.held",
    ];
    assert_eq!(told(&world).await, all);
}

#[tokio::test]
async fn nothing_is_allowed_above_the_policy_and_what_is_within_goes() {
    // 200 sat/vB are 50,000 sat/kwu: the urgent one asks for more than any signer signs.
    let world = world(3, UNASKED, [60_000, 1_000, 500]).await;
    submit(&world, "w-1", 900_000, Speed::Urgent).await;
    submit(&world, "w-2", 900_000, Speed::Normal).await;
    world.pass(HOUR);
    look(&world, 2).await;
    assert_eq!(
        states(&world, &["w-1", "w-2"]).await,
        ["approved", "signing"]
    );
    let shown = queue(&world).await;
    assert!(!shown.offers[0].possible);
    let refused = allow(&world, 1, "240").await;
    assert_eq!(
        refused.map_err(|error| error.code()),
        Err("allowance_above_policy")
    );
    look(&world, 2).await;
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    assert_eq!(told(&world).await, ["queue.held"]);
}

#[tokio::test]
async fn an_answer_is_spent_with_the_batch_or_the_batch_is_not_made() {
    let world = world(1, ASKING, [2_500, 2_500, 500]).await;
    submit(&world, "w-1", 900_000, Speed::Normal).await;
    look(&world, 1).await;
    allow(&world, 1, "12").await.expect("is taken");
    let mut tx = world.write().await;
    let seen = store::question(&mut tx, world.vault).await.expect("reads");
    let seen = seen.expect("a question");
    let now = world.service.now();
    store::close(&mut tx, world.vault, &seen, now)
        .await
        .expect("is spent");
    assert!(
        store::close(&mut tx, world.vault, &seen, now)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_answer_serves_one_batch_though_another_withdrawal_is_still_held() {
    // Each needs two coins, so that no batch pays both.
    let world = world(4, ASKING, [2_500, 2_500, 500]).await;
    for id in ["w-1", "w-2"] {
        submit(&world, id, 3_500_000, Speed::Urgent).await;
        approve(&world, id).await;
    }
    look(&world, 1).await;
    allow(&world, 1, "12").await.expect("is taken");
    look(&world, 3).await;
    assert_eq!(
        states(&world, &["w-1", "w-2"]).await,
        ["signing", "approved"]
    );
    let asked = [
        "queue.held",
        "queue.allowed",
        "queue.released",
        "queue.held",
    ];
    assert_eq!(told(&world).await, asked);
}

/// One that cannot be paid sets no feerate, makes nothing due, and stops nobody.
#[tokio::test]
async fn one_that_cannot_be_paid_stops_nobody_and_nobody_pays_its_fees() {
    let world = world(6, UNASKED, [2_500, 1_000, 500]).await;
    submit(&world, "w-1", 5_500_000, Speed::Urgent).await;
    approve(&world, "w-1").await;
    submit(&world, "w-2", 900_000, Speed::Normal).await;
    look(&world, 2).await;
    // It would not be due without the urgent one, which counts among two: it goes at its own feerate.
    assert_eq!(
        states(&world, &["w-1", "w-2"]).await,
        ["approved", "signing"]
    );
    submit(&world, "w-3", 900_000, Speed::Economy).await;
    submit(&world, "w-4", 900_000, Speed::Economy).await;
    look(&world, 2).await;
    assert_eq!(
        states(&world, &["w-3", "w-4"]).await,
        ["signing", "signing"]
    );
    let paid = feerates(&world).await;
    assert!((1_000..1_010).contains(&paid[0]), "{paid:?}");
    assert!((500..510).contains(&paid[1]), "{paid:?}");
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
}

/// What is denied meanwhile: the urgent one's approval runs out, and the patient one behind it goes.
#[tokio::test]
async fn one_whose_approvals_ran_out_stops_nobody() {
    let world = world(3, UNASKED, [2_500, 1_000, 500]).await;
    submit(&world, "w-1", 1_500_000, Speed::Urgent).await;
    approve(&world, "w-1").await;
    // Approvals hold for an hour, and the signers need half an hour of it.
    world.pass(HOUR);
    submit(&world, "w-2", 900_000, Speed::Economy).await;
    look(&world, 3).await;
    assert_eq!(
        states(&world, &["w-2"]).await,
        ["approved"],
        "one is not due"
    );
    submit(&world, "w-3", 900_000, Speed::Economy).await;
    look(&world, 3).await;
    assert_eq!(
        states(&world, &["w-2", "w-3"]).await,
        ["signing", "signing"]
    );
    let paid = feerates(&world).await;
    assert!((500..510).contains(&paid[0]), "{paid:?}");
}

/// Three wait, and together they leave nothing for the fee: the oldest goes, the second, which leaves too little
/// change beside it, is passed by, and the youngest goes; what is reserved is what is spent.
#[tokio::test]
async fn where_funds_are_short_a_part_is_paid_by_age_and_nothing_leaks() {
    let world = world(1, UNASKED, [500, 500, 500]).await;
    submit(&world, "w-1", 500_000, Speed::Normal).await;
    submit(&world, "w-2", 1_450_000, Speed::Normal).await;
    approve(&world, "w-2").await;
    submit(&world, "w-3", 50_000, Speed::Normal).await;
    look(&world, 1).await;
    assert_eq!(
        states(&world, &["w-1", "w-2", "w-3"]).await,
        ["signing", "approved", "signing"]
    );
    look(&world, 3).await;
    let mut tx = world.read().await;
    let reserved = tx
        .one_row(
            "SELECT COUNT(*) AS reserved FROM reservation WHERE released_at IS NULL",
            &[],
        )
        .await
        .expect("reads");
    let spent = tx
        .one_row("SELECT COUNT(*) AS spent FROM attempt_input", &[])
        .await
        .expect("reads");
    assert_eq!(reserved.u64("reserved").expect("a number"), 1);
    assert_eq!(spent.u64("spent").expect("a number"), 1);
}

#[tokio::test]
async fn a_latest_time_that_nears_is_told_once_and_makes_a_patient_one_go() {
    let world = world(1, UNASKED, [2_500, 1_000, 500]).await;
    submit(&world, "w-1", 900_000, Speed::Economy).await;
    let (service, operator) = (&world.service, &world.operator);
    let past = ChangeSpeed {
        speed: Speed::Economy,
        latest: Some(service.now()),
    };
    let refused = change_speed(service, operator, &key(&world, "w-1"), past).await;
    assert_eq!(refused.map_err(|error| error.code()), Err("latest_is_past"));
    let soon = ChangeSpeed {
        latest: Some(service.now().saturating_add(HOUR / 2 + HOUR)),
        ..past
    };
    change_speed(service, operator, &key(&world, "w-1"), soon)
        .await
        .expect("is changed");
    world.pass(HOUR / 2 + HOUR / 6);
    look(&world, 2).await;
    assert_eq!(states(&world, &["w-1"]).await, ["approved"]);
    world.pass(HOUR / 6);
    look(&world, 3).await;
    assert_eq!(states(&world, &["w-1"]).await, ["signing"]);
    let paid = feerates(&world).await;
    assert!((2_500..2_510).contains(&paid[0]), "{paid:?}");
    let refused = change_speed(service, operator, &key(&world, "w-1"), soon).await;
    assert_eq!(refused.map_err(|error| error.code()), Err("not_queued"));
}

#[tokio::test]
async fn what_is_late_and_cannot_go_is_told_once_each() {
    let world = world(1, UNASKED, [60_000, 60_000, 60_000]).await;
    submit(&world, "w-1", 900_000, Speed::Economy).await;
    let soon = ChangeSpeed {
        speed: Speed::Economy,
        latest: Some(world.service.now().saturating_add(60)),
    };
    change_speed(&world.service, &world.operator, &key(&world, "w-1"), soon)
        .await
        .expect("is changed");
    look(&world, 20).await;
    let all = [
        "queue.held",
        "queue.latest-in-danger",
        "queue.latest-passed",
    ];
    assert_eq!(told(&world).await, all);
}
