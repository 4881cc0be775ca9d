//! What a reorg or a restored backup leaves behind: parents that gave way to others, and spends of ours that
//! nobody here knows of.

use bitcoin::{OutPoint, ScriptBuf, Transaction};

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::ServiceError;
use crate::service::renewals::{Renew, replace_attempt};
use crate::session::attempt::AttemptState;
use crate::store::reservations;

fn renew() -> Renew {
    Renew {
        // Dear enough that no coin is spent beside those that it takes.
        feerate_sat_vb: Some("12".to_owned()),
        preview: false,
        ..Renew::default()
    }
}

/// A vault of one deposit of three blocks, and an attempt that spends it.
async fn with_an_attempt_on_a_young_deposit(kind: Kind) -> (World, Transaction, bitcoin::Txid) {
    let world = World::funded(kind, 1, 2_000_000).await;
    let block = &world.blocks[1];
    let deposit = block.transactions[0].clone();
    world.submit("w-1", 300_000).await;
    let txid = world.batch().await;
    (world, deposit, txid)
}

/// The last three blocks are replaced by four, of which the first holds `instead`.
async fn reorg(world: &mut World, instead: Vec<Transaction>) {
    for _ in 0..3 {
        world.unmine().await;
    }
    world.mine(instead).await;
    for _ in 0..3 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
}

/// A transaction that spends what a deposit spent, to another address of the vault.
async fn instead_of(world: &mut World, deposit: &Transaction) -> Transaction {
    let address = world.address().await;
    let script = ScriptBuf::from_hex(&address.script_pubkey).expect("hex");
    let mut other = world.payment_to(script, 1_900_000);
    other.input = deposit.input.clone();
    other
}

async fn is_paid_from_what_took_the_place(kind: Kind) {
    let (mut world, deposit, first) = with_an_attempt_on_a_young_deposit(kind).await;
    let other = instead_of(&mut world, &deposit).await;
    let coin = OutPoint::new(other.compute_txid(), 0);
    reorg(&mut world, vec![other]).await;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let done = replace_attempt(&service, &operator, first, &renew()).await;
    let done = done.expect("the first one carried what its deposit spends");
    assert_eq!(done.plans[0].coins, [coin.to_string()]);
    assert_eq!(done.plans[0].excludes[0].earlier, first.to_string());
    assert_eq!(done.plans[0].ancestors, 1);
}

#[tokio::test]
async fn a_withdrawal_whose_deposit_gave_way_is_paid_from_the_one_that_took_its_place() {
    Box::pin(is_paid_from_what_took_the_place(Kind::Wsh)).await;
}

#[tokio::test]
async fn a_withdrawal_of_taproot_whose_deposit_gave_way_is_paid_so_too() {
    Box::pin(is_paid_from_what_took_the_place(Kind::Tr)).await;
}

#[tokio::test]
async fn an_attempt_that_only_an_ancestor_excludes_is_dead_while_what_pays_instead_is_settled() {
    let (mut world, deposit, first) = with_an_attempt_on_a_young_deposit(Kind::Tr).await;
    let other = instead_of(&mut world, &deposit).await;
    reorg(&mut world, vec![other]).await;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let done = replace_attempt(&service, &operator, first, &renew()).await;
    let second = done.expect("is done").batches[0].attempts[1].txid;
    let psbt = world.stored(second).await.psbt;
    let paying = bitcoin::Psbt::deserialize(&psbt)
        .expect("a PSBT")
        .unsigned_tx;
    for _ in 0..2 {
        world.mine(vec![paying.clone()]).await;
        world.mine(Vec::new()).await;
        world.mine(Vec::new()).await;
        world.work().await;
        assert_eq!(world.show("w-1").await.state, "settled");
        let state = world.stored(first).await.state;
        assert!(matches!(state, AttemptState::Dead { by, .. } if by == second));
        assert_eq!(reserved(&world).await, []);
        // A reorg revives it.
        for _ in 0..3 {
            world.unmine().await;
        }
        world.work().await;
        assert_eq!(world.stored(first).await.state, AttemptState::Issued);
        assert_eq!(reserved(&world).await.len(), 2);
    }
}

async fn reserved(world: &World) -> Vec<OutPoint> {
    let mut tx = world.read().await;
    let reserved = reservations::reserved(&mut tx, world.vault).await;
    reserved.expect("reads").into_iter().collect()
}

#[tokio::test]
async fn an_old_deposit_is_not_carried_and_leaves_nothing_to_pay_from_when_it_gives_way() {
    let mut world = World::funded(Kind::Tr, 1, 2_000_000).await;
    let deposit = world.blocks[1].transactions[0].clone();
    for _ in 0..4 {
        world.mine(Vec::new()).await;
    }
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    let other = instead_of(&mut world, &deposit).await;
    for _ in 0..4 {
        world.unmine().await;
    }
    reorg(&mut world, vec![other]).await;
    let (service, operator) = (world.service.clone(), world.operator.clone());
    let refused = replace_attempt(&service, &operator, first, &renew()).await;
    assert_eq!(refused.expect_err("refused").code(), "cannot_be_exclusive");
}

/// A transaction that spends a coin of the vault to pay what a withdrawal asks for, and is no attempt.
fn paying_unknown(world: &mut World, id: &str, sat: u64) -> Transaction {
    let intent = world.intent(id, sat);
    let deposit = &world.blocks[1].transactions[0];
    let coin = OutPoint::new(deposit.compute_txid(), 0);
    let mut unknown = world.payment_to(intent.script_pubkey, intent.amount.to_sat());
    unknown.input[0].previous_output = coin;
    unknown
}

#[tokio::test]
async fn what_a_spend_that_nobody_here_knows_of_pays_already_is_not_paid_again() {
    let mut world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    world.submit("w-2", 400_000).await;
    let mut unknown = paying_unknown(&mut world, "w-1", 300_000);
    // It pays somebody else besides, so that it is not taken for an attempt that was forgotten.
    let stranger = world.payment_to(ScriptBuf::from_bytes(vec![0x51; 5]), 5_000);
    unknown.output.extend(stranger.output);
    let txid = unknown.compute_txid();
    world.mine(vec![unknown]).await;
    world.work().await;
    let batch = world.try_batch().await.expect("w-2 is paid");
    assert_eq!(batch.withdrawals.len(), 1);
    assert_eq!(batch.waiting[0].code, "paid_by_unknown");
    assert!(batch.waiting[0].says.contains(&txid.to_string()));
    let named = world.try_batch_of("w-1").await;
    assert_eq!(named.expect_err("refused").code(), "paid_by_unknown");
    // A reorg takes it back, and nothing pays the withdrawal any more.
    let block = world.unmine().await;
    drop(block);
    world.mine(Vec::new()).await;
    world.work().await;
    let still = world.try_batch_of("w-1").await;
    let code = still.as_ref().err().map(ServiceError::code);
    assert_eq!(code, Some("paid_by_unknown"), "it is in the mempool again");
}

#[tokio::test]
async fn a_spend_of_long_before_a_withdrawal_was_asked_for_does_not_pay_it() {
    let mut world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    let unknown = paying_unknown(&mut world, "w-1", 300_000);
    world.mine(vec![unknown]).await;
    world.pass(86_400);
    world.submit("w-1", 300_000).await;
    world.work().await;
    let batch = world
        .try_batch_of("w-1")
        .await
        .expect("another payment of the same");
    assert_eq!(batch.withdrawals.len(), 1);
}
