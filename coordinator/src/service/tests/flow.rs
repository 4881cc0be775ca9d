//! From a request to a settled payment.

mod batching;

use bitcoin::{SignedAmount, consensus};
use policies::psbt::PsbtVersion;
use policies::psbt::encoding::Encoding;
use watchtower::ledger::Account;
use watchtower::store::{events, ledger, outgoing};

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::attempts::{attempt_psbt, show_attempt, submit_signatures};
use crate::service::books::show_balance;
use crate::service::{AttemptError, BatchError, Right, ServiceError};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::{reservations, withdrawals};

pub(super) async fn clearing(world: &World) -> SignedAmount {
    let mut tx = world.read().await;
    ledger::balances(&mut tx, world.vault)
        .await
        .expect("reads")
        .iter()
        .find(|balance| balance.account == Account::Clearing)
        .map_or(SignedAmount::ZERO, ledger::Balance::net)
}

/// Every attempt and withdrawal is what its events say.
pub(super) async fn replay_equals_live(world: &World) {
    let mut tx = world.read().await;
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    for row in withdrawals::list(&mut tx, world.vault, None, 1000)
        .await
        .expect("reads")
    {
        let object = row.key.to_string();
        let own: Vec<WithdrawalEvent> = log
            .iter()
            .filter(|event| event.object_kind == "withdrawal" && event.object_id == object)
            .filter(|event| event.kind != "withdrawal.requested")
            .map(|event| serde_json::from_value(event.body.clone()).expect("an event"))
            .collect();
        assert_eq!(WithdrawalState::replay(&own), Ok(row.state));
    }
    for row in crate::store::attempts::list(&mut tx, world.vault, None, 1000)
        .await
        .expect("reads")
    {
        let object = row.txid.to_string();
        let own: Vec<AttemptEvent> = log
            .iter()
            .filter(|event| event.object_kind == "attempt" && event.object_id == object)
            .filter(|event| event.kind != "attempt.drafted")
            .map(|event| serde_json::from_value(event.body.clone()).expect("an event"))
            .collect();
        assert_eq!(AttemptState::replay(&own), Ok(row.state));
    }
    events::verify_chain(&mut tx)
        .await
        .expect("the chain holds");
}

async fn pays_and_settles(kind: Kind) {
    let mut world = World::funded(kind, 3, 5_000_000).await;
    let balance = show_balance(&world.service, &world.operator, world.vault)
        .await
        .expect("a balance");
    assert_eq!(
        (balance.settled_sat, balance.available_sat),
        (15_000_000, 15_000_000)
    );

    let small = world.submit("small-1", 400_000).await;
    assert_eq!(small.state, "approved", "a small one is approved by itself");
    let large = world.submit("large-2", 6_000_000).await;
    assert_eq!(large.state, "requested");
    let approval = world.approval(&[large.intent_hash], false);
    let approved = record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    assert_eq!(approved.first().expect("one").state, "approved");
    let again = record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("the same again");
    assert_eq!(again, approved);

    let batch = world.try_batch().await.expect("a batch");
    let attempt = batch.attempts.first().expect("an attempt");
    let txid = attempt.txid;
    assert_eq!(
        (
            attempt.state.as_str(),
            attempt.payments.len(),
            attempt.changes.len()
        ),
        ("issued", 2, 1)
    );
    assert_eq!(attempt.feerate_sat_vb, "2");
    assert_eq!(attempt.missing_signers, ["alice", "bob", "carol"]);
    assert_eq!(world.show("large-2").await.state, "signing");
    let psbt = attempt_psbt(&world.service, &world.operator, txid, PsbtVersion::Zero)
        .await
        .expect("a PSBT");
    policies::psbt::read_strict(&psbt).expect("as signers read it");

    let first = world.sign(0, txid).await;
    assert!(!first.attempt.complete);
    assert_eq!(first.attempt.missing_signers, ["bob", "carol"]);
    assert!(
        world.sign(0, txid).await.accepted.is_empty(),
        "the same again adds nothing"
    );
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Issued);
    assert!(world.sign(2, txid).await.attempt.complete);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Signed);
    world.answer_mempool_tests().await;
    world.pass(1);
    world.work().await;
    let stored = world.stored(txid).await;
    assert_eq!(stored.state, AttemptState::Broadcasting);
    let last = stored.final_transaction.expect("is final");
    assert_eq!(last.compute_txid(), txid);
    {
        let mut tx = world.read().await;
        let handed = outgoing::outgoing(&mut tx, txid)
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(handed.transaction, last);
    }
    assert_eq!(world.show("small-1").await.state, "broadcast");

    world.mine(vec![last]).await;
    world.work().await;
    let paid = world.show("small-1").await;
    assert_eq!((paid.state.as_str(), paid.height), ("confirmed", Some(104)));
    assert_eq!(clearing(&world).await, SignedAmount::ZERO);
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    assert_eq!(world.show("large-2").await.state, "settled");
    assert!(matches!(
        world.stored(txid).await.state,
        AttemptState::Settled { height: 104, .. }
    ));
    let mut tx = world.read().await;
    assert!(
        reservations::reserved(&mut tx, world.vault)
            .await
            .expect("reads")
            .is_empty()
    );
    drop(tx);
    let balance = show_balance(&world.service, &world.operator, world.vault)
        .await
        .expect("a balance");
    let rest = 15_000_000 - 6_400_000 - i64::try_from(stored.fee.to_sat()).expect("small");
    assert_eq!(balance.total_sat, rest);
    assert_eq!(i64::try_from(balance.available_sat), Ok(rest));
    replay_equals_live(&world).await;
}

#[tokio::test]
async fn a_wsh_vault_pays_and_settles() {
    Box::pin(pays_and_settles(Kind::Wsh)).await;
}

#[tokio::test]
async fn a_tr_vault_pays_and_settles() {
    Box::pin(pays_and_settles(Kind::Tr)).await;
}

#[tokio::test]
async fn a_reorg_takes_back_also_what_was_settled_and_the_next_block_brings_it_again() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    world.mine(vec![last.clone()]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "settled");

    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "broadcast");
    assert_eq!(world.stored(txid).await.state, AttemptState::InMempool);
    assert_eq!(clearing(&world).await, SignedAmount::ZERO);
    let mut tx = world.read().await;
    assert_eq!(
        reservations::reserved(&mut tx, world.vault)
            .await
            .expect("reads")
            .len(),
        1
    );
    drop(tx);
    assert!(matches!(
        world.try_batch().await,
        Err(ServiceError::Batch(BatchError::NothingToBatch { .. }))
    ));

    world.mine(vec![last]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "settled");
    assert_eq!(clearing(&world).await, SignedAmount::ZERO);
    replay_equals_live(&world).await;
}

#[tokio::test]
async fn a_bad_signature_is_named_and_hurts_no_other() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 900_000).await;
    world.submit("w-2", 800_000).await;
    let txid = world.batch().await;
    let mut psbt = world.signatures_of(1, txid).await;
    let good = *psbt.inputs[1]
        .partial_sigs
        .values()
        .next()
        .expect("a signature");
    let slot = psbt.inputs[0]
        .partial_sigs
        .values_mut()
        .next()
        .expect("a signature");
    *slot = good;
    let answer = world.hand_in(txid, &psbt).await;
    assert_eq!(answer.accepted.len(), 1);
    let refused = answer.refused.first().expect("one is refused");
    assert_eq!(
        (refused.input, refused.code.as_str()),
        (0, "SIGNATURE_WRONG")
    );
    assert_eq!(refused.signer.as_deref(), Some("bob"));
    world.sign(0, txid).await;
    assert!(world.sign(2, txid).await.attempt.complete);
}

#[tokio::test]
async fn what_is_no_signature_for_the_attempt_is_refused_whole() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 100_000).await;
    let txid = world.batch().await;
    world.submit("w-2", 100_001).await;
    let other = world.batch().await;
    let psbt = world.signatures_of(0, other).await;
    let (service, operator) = (&world.service, &world.operator);
    let swapped = submit_signatures(service, operator, txid, &psbt.serialize()).await;
    assert!(
        matches!(swapped, Err(ServiceError::Attempt(AttemptError::OtherTransaction { expected, found })) if expected == txid && found == other)
    );
    for bytes in [&b""[..], b"psbt\xff", b"not a psbt at all", &[0; 100]] {
        let error = submit_signatures(service, operator, txid, bytes)
            .await
            .expect_err("is refused");
        assert_eq!(error.code(), "signatures_unreadable");
    }
    let base64 = Encoding::Base64.encode(&world.signatures_of(0, txid).await.serialize());
    let answer = submit_signatures(service, operator, txid, &base64)
        .await
        .expect("in any encoding");
    assert!(!answer.accepted.is_empty());
}

#[tokio::test]
async fn trap_t11_the_issued_bytes_stay_the_same_whatever_signers_send() {
    let world = World::funded(Kind::Tr, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let before = attempt_psbt(&world.service, &world.operator, txid, PsbtVersion::Zero)
        .await
        .expect("a PSBT");
    world.sign(1, txid).await;
    let after = attempt_psbt(&world.service, &world.operator, txid, PsbtVersion::Zero)
        .await
        .expect("a PSBT");
    assert_eq!(before, after);
    let raw = consensus::serialize(
        &bitcoin::Psbt::deserialize(&before)
            .expect("a PSBT")
            .unsigned_tx,
    );
    let error = submit_signatures(&world.service, &world.operator, txid, &raw).await;
    assert!(
        error.is_ok_and(|answer| answer.accepted.is_empty()),
        "no signature is none"
    );
    show_attempt(&world.service, &world.operator, txid)
        .await
        .expect("is there");
    world
        .operator
        .require(Right::Sign, world.vault)
        .expect("an operator may");
}
