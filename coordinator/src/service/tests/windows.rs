//! Windows as the coordinator counts them: from the reservation of coins until proven death.

use bitcoin::{Psbt, TxIn, Txid};
use policies::document::{FeeBudgetDraft, PolicyDraft, WindowDraft};

use super::chain::rival_of;
use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::withdrawals::WithdrawalView;
use crate::service::{BatchError, ServiceError};

const DAY: u64 = 86_400;

/// Small payments up to 800,000 sat a day.
fn windowed(draft: &mut PolicyDraft) {
    let small = draft
        .rules
        .first_mut()
        .expect("the rule for small payments");
    small.window = Some(WindowDraft {
        sat: 800_000,
        per: "24h".to_owned(),
    });
}

fn decided_by(view: &WithdrawalView) -> &str {
    view.needs.as_ref().map_or("", |needs| needs.rule.as_str())
}

/// What a payment of half a million would be decided by now; it is cancelled again.
async fn would_be_decided_by(world: &World, id: &str) -> String {
    let view = world.submit(id, 500_000).await;
    let rule = decided_by(&view).to_owned();
    let key = crate::store::withdrawals::WithdrawalKey {
        vault: world.vault,
        requester: view.requester.clone(),
        id: view.id.clone(),
    };
    crate::service::withdrawals::cancel_withdrawal(&world.service, &world.operator, &key, "")
        .await
        .expect("is cancelled");
    rule
}

#[tokio::test]
async fn a_window_counts_from_the_reservation_and_not_from_the_promise() {
    let world = World::funded_on(Kind::Wsh, 2, 5_000_000, windowed).await;
    world.submit("w-1", 500_000).await;
    assert_eq!(would_be_decided_by(&world, "w-2").await, "small");
    world.batch().await;
    assert_eq!(would_be_decided_by(&world, "w-3").await, "large");
    // What counts already is not counted against itself.
    assert_eq!(decided_by(&world.show("w-1").await), "small");
    world.pass(DAY - 1);
    assert_eq!(would_be_decided_by(&world, "w-4").await, "large");
    world.pass(1);
    assert_eq!(would_be_decided_by(&world, "w-5").await, "small");
}

#[tokio::test]
async fn what_failed_counts_in_its_window_until_it_ages_as_journals_count_it() {
    let mut world = World::funded_on(Kind::Wsh, 2, 5_000_000, windowed).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    let rival = rival_of(&last);
    world.mine(vec![rival]).await;
    world.work().await;
    let confirmed = would_be_decided_by(&world, "w-2").await;
    assert_eq!(confirmed, "large", "confirmed is not settled");
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "failed");
    assert_eq!(would_be_decided_by(&world, "w-3").await, "large");
    world.pass(DAY);
    assert_eq!(would_be_decided_by(&world, "w-4").await, "small");
}

/// What a version before counted under a name that no rule has any more counts in every window, as signers count.
#[tokio::test]
async fn a_renamed_rule_does_not_open_its_window_anew() {
    let world = World::funded_on(Kind::Wsh, 2, 5_000_000, windowed).await;
    world.submit("w-1", 500_000).await;
    world.batch().await;
    let name = async |name: &str| {
        let mut tx = world.write().await;
        tx.execute("UPDATE window_count SET rule = $1", &[name.into()])
            .await
            .expect("renames");
        tx.commit().await.expect("commits");
    };
    name("small payouts, before").await;
    assert_eq!(would_be_decided_by(&world, "w-2").await, "large");
    world.pass(DAY - 1);
    assert_eq!(would_be_decided_by(&world, "w-3").await, "large");
    // Another rule of this version counts in its own window only.
    name("large").await;
    assert_eq!(would_be_decided_by(&world, "w-4").await, "small");
    name("small").await;
    assert_eq!(would_be_decided_by(&world, "w-5").await, "large");
    world.pass(1);
    name("small payouts, before").await;
    assert_eq!(would_be_decided_by(&world, "w-6").await, "small");
}

#[tokio::test]
async fn what_a_window_leaves_to_wait_holds_up_nothing() {
    let world = World::funded_on(Kind::Wsh, 3, 5_000_000, windowed).await;
    world.submit("w-1", 500_000).await;
    world.pass(1);
    world.submit("w-2", 500_000).await;
    world.pass(1);
    world.submit("w-3", 200_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let paid: Vec<&str> = batch
        .withdrawals
        .iter()
        .map(|paid| paid.id.as_str())
        .collect();
    assert_eq!(paid, ["w-1", "w-3"]);
    let waiting: Vec<(&str, &str)> = batch
        .waiting
        .iter()
        .map(|waiting| (waiting.id.as_str(), waiting.code.as_str()))
        .collect();
    assert_eq!(waiting, [("w-2", "decided_by_order")]);
    let view = world.show("w-2").await;
    assert_eq!(decided_by(&view), "large");
    let misses: Vec<(&str, &str)> = view
        .misses
        .iter()
        .map(|miss| (miss.rule.as_str(), miss.code.as_str()))
        .collect();
    assert_eq!(misses, [("small", "window")]);
}

#[tokio::test]
async fn what_waited_for_approvals_is_paid_once_the_window_has_room() {
    let world = World::funded_on(Kind::Wsh, 2, 5_000_000, windowed).await;
    world.submit("w-1", 500_000).await;
    world.batch().await;
    world.pass(DAY / 2);
    assert_eq!(world.submit("w-2", 500_000).await.state, "requested");
    assert!(world.try_batch().await.is_err());
    world.pass(DAY / 2);
    let batch = world.try_batch().await.expect("a batch");
    assert_eq!(batch.withdrawals.len(), 1);
    assert_eq!(decided_by(&world.show("w-2").await), "small");
}

#[tokio::test]
async fn a_batch_beyond_the_fee_budget_is_not_issued() {
    let world = World::funded_on(Kind::Wsh, 3, 5_000_000, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 600,
            window: "24h".to_owned(),
        });
    })
    .await;
    world.submit("w-1", 500_000).await;
    world.batch().await;
    world.submit("w-2", 500_001).await;
    let refused = world
        .try_batch()
        .await
        .expect_err("signers would refuse it");
    assert!(
        matches!(&refused, ServiceError::Batch(BatchError::SelfReview { codes, .. }) if *codes == ["FEE_BUDGET"]),
        "{refused}"
    );
    world.pass(DAY);
    world.submit("w-3", 500_002).await;
    world.batch().await;
}

#[tokio::test]
async fn attempts_that_exclude_one_another_count_once_in_the_fee_budget() {
    let world = World::funded_on(Kind::Wsh, 3, 5_000_000, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 900,
            window: "24h".to_owned(),
        });
    })
    .await;
    world.submit("w-1", 500_000).await;
    let first = world.batch().await;
    let request = Renew {
        feerate_sat_vb: Some("1".to_owned()),
        ..Renew::default()
    };
    let replaced = replace_attempt(&world.service, &world.operator, first, &request).await;
    let replaced = replaced.expect("is within the budget, as one");
    let (before, fee) = (world.stored(first).await.fee, replaced.plans[0].fee_sat);
    assert!(before.to_sat() + fee > 900 && fee <= 900, "{before} {fee}");
    world.submit("w-2", 500_001).await;
    let refused = world
        .try_batch()
        .await
        .expect_err("signers would refuse it");
    assert!(
        matches!(&refused, ServiceError::Batch(BatchError::SelfReview { codes, .. }) if *codes == ["FEE_BUDGET"]),
        "{refused}"
    );
}

#[tokio::test]
async fn what_spends_the_change_of_a_batch_of_many_coins_is_within_the_fee_budget_too() {
    let mut world = World::funded_on(Kind::Wsh, 6, 200_000, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 100_000,
            window: "24h".to_owned(),
        });
    })
    .await;
    world.submit("w-1", 900_000).await;
    let first = world.batch().await;
    assert!(inputs_of(&world, first).await.len() > 4);
    let paying = world.broadcast(first).await;
    world.mine(vec![paying]).await;
    world.work().await;
    world.submit("w-2", 150_000).await;
    let second = world.batch().await;
    let spends = inputs_of(&world, second).await;
    assert!(
        (spends.iter()).any(|txin| txin.previous_output.txid == first),
        "{spends:?}"
    );
}

async fn inputs_of(world: &World, txid: Txid) -> Vec<TxIn> {
    let psbt = world.stored(txid).await.psbt;
    let psbt = Psbt::deserialize(&psbt).expect("a PSBT");
    psbt.unsigned_tx.input
}
