//! Replacing, planning anew, cancelling and paying again: every preview says what the deed then does.

use bitcoin::{Transaction, Txid, Witness};

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::ServiceError;
use crate::service::attempts::show_attempt;
use crate::service::batches::WithdrawalName;
use crate::service::renewals::{
    PlanBatch, Renew, RenewalView, cancel_batch, pay_again, plan_batch, replace_attempt,
};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::withdrawals::WithdrawalKey;

fn renew(feerate: &str, preview: bool) -> Renew {
    Renew {
        feerate_sat_vb: Some(feerate.to_owned()),
        preview,
        ..Renew::default()
    }
}

fn name(id: &str) -> WithdrawalName {
    WithdrawalName {
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    }
}

fn key(world: &World, id: &str) -> WithdrawalKey {
    WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    }
}

/// The newest attempt of each batch made, after the preview was found to have said the same.
fn as_previewed(preview: &RenewalView, done: &RenewalView) -> Vec<Txid> {
    assert_eq!(preview.plans, done.plans);
    assert!(preview.batches.is_empty());
    let newest = |batch: &crate::service::batches::BatchView| {
        batch.attempts.last().expect("an attempt").txid
    };
    done.batches.iter().map(newest).collect()
}

async fn planned(world: &World, batch: BatchId, plan: PlanBatch) -> (RenewalView, Vec<Txid>) {
    let (service, operator) = (&world.service, &world.operator);
    let asked = PlanBatch {
        preview: true,
        feerate_sat_vb: Some("2".to_owned()),
        ..plan.clone()
    };
    let preview = plan_batch(service, operator, batch, &asked).await;
    let preview = preview.expect("a preview");
    let asked = PlanBatch {
        preview: false,
        ..asked
    };
    let done = plan_batch(service, operator, batch, &asked).await;
    let done = done.expect("is done");
    let made = as_previewed(&preview, &done);
    (done, made)
}

async fn transaction(world: &World, txid: Txid) -> Transaction {
    let psbt = world.stored(txid).await.psbt;
    bitcoin::Psbt::deserialize(&psbt)
        .expect("a PSBT")
        .unsigned_tx
}

async fn settle(world: &mut World, txid: Txid) {
    let mut transaction = transaction(world, txid).await;
    // In blocks, transactions have witnesses.
    for input in &mut transaction.input {
        input.witness = Witness::from_slice(&[[7; 64]]);
    }
    world.mine(vec![transaction]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
}

fn code<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> &'static str {
    answer.expect_err("is refused").code()
}

#[tokio::test]
async fn an_attempt_is_replaced_as_its_preview_said_and_its_withdrawals_follow() {
    let mut world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let preview = replace_attempt(&service, &operator, first, &renew("5", true)).await;
    let preview = preview.expect("a preview");
    assert_eq!(preview.plans[0].replaces, [first.to_string()]);
    let done = replace_attempt(&service, &operator, first, &renew("5", false)).await;
    let [second] = as_previewed(&preview, &done.expect("is done"))[..] else {
        panic!("one attempt");
    };
    assert_eq!(world.show("w-1").await.txid, Some(second));
    assert_eq!(world.stored(second).await.number, 2);
    let third = replace_attempt(&service, &operator, second, &renew("1", false)).await;
    let third = third.expect("is done");
    let excluded: Vec<&str> = third.plans[0]
        .excludes
        .iter()
        .map(|one| one.earlier.as_str())
        .collect();
    assert_eq!(excluded, [first.to_string(), second.to_string()]);
    assert!(third.plans[0].more_sat > 0);
    settle(&mut world, second).await;
    assert_eq!(world.show("w-1").await.state, "settled");
    assert!(matches!(
        world.stored(first).await.state,
        AttemptState::Dead { .. }
    ));
    let refused = replace_attempt(&service, &operator, second, &renew("9", true)).await;
    assert_eq!(code(refused), "not_replaceable");
}

#[tokio::test]
async fn what_a_plan_leaves_out_is_paid_again_from_the_change_of_what_it_pays() {
    let mut world = World::funded(Kind::Tr, 1, 5_000_000).await;
    world.submit("w-1", 300_000).await;
    world.submit("w-2", 400_000).await;
    let both = world.batch().await;
    let batch = world.stored(both).await.batch;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let split = PlanBatch {
        split: vec![name("w-2")],
        feerate_sat_vb: Some("2".to_owned()),
        ..PlanBatch::default()
    };
    let refused = plan_batch(&service, &operator, batch, &split).await;
    assert_eq!(code(refused), "cannot_be_split");
    let remove = PlanBatch {
        remove: vec![name("w-2")],
        ..PlanBatch::default()
    };
    let (view, made) = planned(&world, batch, remove.clone()).await;
    let fates = serde_json::to_value(&view.plans[0].withdrawals).expect("JSON");
    assert_eq!(
        (&fates[0]["fate"], &fates[1]["fate"]),
        (&"paid".into(), &"left_out".into())
    );
    let early = pay_again(&service, &operator, &key(&world, "w-2"), &renew("2", true)).await;
    assert_eq!(code(early), "not_failed");
    settle(&mut world, made[0]).await;
    assert_eq!(world.show("w-2").await.state, "failed");
    let remove = PlanBatch {
        feerate_sat_vb: Some("2".to_owned()),
        ..remove
    };
    let again = plan_batch(&service, &operator, batch, &remove).await;
    assert_eq!(code(again), "not_in_batch");
    let key = key(&world, "w-2");
    let preview = pay_again(&service, &operator, &key, &renew("2", true)).await;
    let preview = preview.expect("a preview");
    let done = pay_again(&service, &operator, &key, &renew("2", false)).await;
    let paid = as_previewed(&preview, &done.expect("is done"))[0];
    assert_eq!(preview.plans[0].ancestors, 1);
    assert!(preview.plans[0].coins[0].starts_with(&made[0].to_string()));
    settle(&mut world, paid).await;
    assert_eq!(world.show("w-2").await.state, "settled");
}

#[tokio::test]
async fn a_batch_is_split_and_merged_and_every_attempt_excludes_all_before_it() {
    let mut world = World::funded(Kind::Wsh, 2, 600_000).await;
    world.submit("w-1", 450_000).await;
    world.submit("w-2", 451_000).await;
    let both = world.batch().await;
    let batch = world.stored(both).await.batch;
    let split = PlanBatch {
        split: vec![name("w-2")],
        ..PlanBatch::default()
    };
    let (view, made) = planned(&world, batch, split).await;
    assert_eq!(made.len(), 2);
    assert_ne!(view.plans[0].coins, view.plans[1].coins);
    assert_eq!(world.show("w-2").await.batch, Some(view.batches[1].batch));
    let merge = PlanBatch {
        merge: vec![view.batches[1].batch],
        ..PlanBatch::default()
    };
    let (view, merged) = planned(&world, batch, merge).await;
    assert_eq!(view.plans[0].excludes.len(), 3);
    settle(&mut world, merged[0]).await;
    for id in ["w-1", "w-2"] {
        assert_eq!(world.show(id).await.state, "settled");
    }
    for txid in [both, made[0], made[1]] {
        let state = world.stored(txid).await.state;
        assert!(matches!(state, AttemptState::Dead { .. }), "{state:?}");
    }
}

#[tokio::test]
async fn a_cancelled_batch_fails_once_the_cancellation_is_settled_and_is_paid_again() {
    let mut world = World::funded(Kind::Tr, 1, 5_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    let batch = world.stored(first).await.batch;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let preview = cancel_batch(&service, &operator, batch, &renew("1", true)).await;
    let preview = preview.expect("a preview");
    assert!(preview.plans[0].budget.is_some());
    let done = cancel_batch(&service, &operator, batch, &renew("1", false)).await;
    let cancelled = as_previewed(&preview, &done.expect("is done"))[0];
    assert_eq!(world.show("w-1").await.txid, Some(first));
    // Its signatures are taken, and it is not sent on its way.
    for signer in [0, 1] {
        world.sign(signer, first).await;
    }
    world.work().await;
    assert_eq!(world.stored(first).await.state, AttemptState::Issued);
    let held = show_attempt(&service, &operator, first).await;
    let held = held.expect("is there");
    assert_eq!(held.cancelled_by, Some(cancelled));
    assert!(held.missing_signers.is_empty());
    // One that is stuck is replaced by a dearer one.
    let dearer = replace_attempt(&service, &operator, cancelled, &renew("9", false)).await;
    let dearer = dearer.expect("is done");
    assert_eq!(dearer.plans[0].purpose, "cancel");
    assert_eq!(dearer.plans[0].replaces.len(), 2);
    settle(&mut world, cancelled).await;
    assert_eq!(world.show("w-1").await.state, "failed");
    let over = cancel_batch(&service, &operator, batch, &renew("1", false)).await;
    assert_eq!(code(over), "nothing_to_cancel");
    let without_feerate = cancel_batch(&service, &operator, batch, &Renew::default()).await;
    assert_eq!(code(without_feerate), "nothing_to_cancel");
    let again = pay_again(&service, &operator, &key(&world, "w-1"), &renew("2", false)).await;
    let again = again.expect("is done");
    settle(&mut world, again.batches[0].attempts[0].txid).await;
    assert_eq!(world.show("w-1").await.state, "settled");
}

#[tokio::test]
async fn what_is_signed_already_is_not_handed_over_while_a_cancellation_takes_its_place() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    for signer in [0, 1] {
        world.sign(signer, first).await;
    }
    // The node has not answered yet whether it would take it.
    world.work().await;
    assert_eq!(world.stored(first).await.state, AttemptState::Signed);
    let (batch, operator) = (world.stored(first).await.batch, &world.operator);
    cancel_batch(&world.service, operator, batch, &renew("9", false))
        .await
        .expect("is done");
    world.answer_mempool_tests().await;
    world.pass(1);
    world.work().await;
    assert_eq!(world.stored(first).await.state, AttemptState::Signed);
}

#[tokio::test]
async fn a_voided_withdrawal_is_batched_again_on_a_coin_of_its_voided_attempt() {
    let world = World::funded(Kind::Wsh, 4, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    let mut tx = world.write().await;
    let cause = crate::service::record::Cause {
        actor: "test",
        reason: "",
        at: world.service.now(),
    };
    crate::service::voiding::drop_voided(&mut tx, first, cause)
        .await
        .expect("is voided");
    tx.commit().await.expect("commits");
    assert_eq!(world.show("w-1").await.state, "approved");
    let second = world.batch().await;
    let (first, second) = (
        transaction(&world, first).await,
        transaction(&world, second).await,
    );
    let shares = first.input.iter().any(|input| {
        let mut inputs = second.input.iter();
        inputs.any(|other| other.previous_output == input.previous_output)
    });
    assert!(shares, "the two can never be in one chain");
}
