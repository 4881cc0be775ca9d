//! New keys in force: what was in flight is cancelled or settles, and all coins come home.

use bitcoin::{ScriptBuf, SignedAmount, Txid};
use policies::Keychain;
use policies::psbt::AttemptPurpose;

use super::{DELAY, change_to, hand_in, in_force, next, signed, world};
use crate::roles::fixture::{Kind, Vault};
use crate::service::approvals::record_approvals;
use crate::service::books::show_balance;
use crate::service::tests::flow::clearing;
use crate::service::tests::world::{World, foreign};
use crate::service::{ServiceError, WithdrawalError};
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};

async fn live(world: &World) -> Vec<AttemptRow> {
    let mut tx = world.read().await;
    attempts::unsettled(&mut tx, world.vault, u32::MAX)
        .await
        .expect("reads")
}

/// The scripts that a transaction pays.
fn paid_scripts(row: &AttemptRow) -> Vec<ScriptBuf> {
    let psbt = bitcoin::Psbt::deserialize(&row.psbt).expect("a PSBT");
    let outputs = psbt.unsigned_tx.output.into_iter();
    outputs.map(|output| output.script_pubkey).collect()
}

/// Every output is on the internal keychain of the newest descriptor.
fn comes_home(row: &AttemptRow, keys: &Vault) -> bool {
    let ours = |script: &ScriptBuf| {
        (0..50).any(|index| keys.descriptor.script_pubkey(Keychain::Internal, index) == *script)
    };
    paid_scripts(row).iter().all(ours)
}

async fn former_sat(world: &World) -> u64 {
    show_balance(&world.service, &world.operator, world.vault)
        .await
        .expect("a balance")
        .former_sat
}

/// Signs, broadcasts and settles transactions, and lets the jobs do what follows.
async fn settle(world: &mut World, txids: &[Txid]) {
    let mut block = Vec::new();
    for txid in txids {
        block.push(world.broadcast(*txid).await);
    }
    settle_mined(world, block).await;
}

async fn settle_mined(world: &mut World, block: Vec<bitcoin::Transaction>) {
    world.mine(block).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.pass(10);
    world.work().await;
}

async fn keys_are_changed(kind: Kind) {
    let mut world = world(kind, 3).await;
    let old_address = world.address().await;
    let old_intent = world.intent("late", 300_000);
    world.submit("w-1", 400_000).await;
    let unsigned = world.batch().await;
    world.sign(1, unsigned).await;
    world.submit("w-2", 400_001).await;
    let in_flight = world.batch().await;
    let sent = world.broadcast(in_flight).await;
    world.submit("w-3", 400_002).await;

    let keys = Vault::from_seed(kind, 21);
    let document = next(&world, &keys, |_| {}).await;
    let adopted = change_to(&world, &document).await;
    let fates: Vec<(&str, &str)> = adopted
        .withdrawals
        .iter()
        .map(|one| (one.id.as_str(), one.fate.as_str()))
        .collect();
    assert_eq!(
        fates,
        [
            ("w-1", "cancelled_on_chain"),
            ("w-2", "settles"),
            ("w-3", "cancelled"),
        ]
    );
    assert_eq!(world.show("w-3").await.state, "cancelled");
    assert!(matches!(
        world.try_submit(&old_intent).await,
        Err(ServiceError::Withdrawal(
            WithdrawalError::OtherKeyset { .. }
        ))
    ));
    world.keyset = adopted.keyset;
    world.pass(10);
    world.work().await;
    let made: Vec<AttemptRow> = live(&world)
        .await
        .into_iter()
        .filter(|row| row.txid != unsigned && row.txid != in_flight)
        .collect();
    let mut purposes: Vec<AttemptPurpose> = made.iter().map(|row| row.purpose).collect();
    purposes.sort_by_key(|purpose| purpose.name());
    assert_eq!(purposes, [AttemptPurpose::Cancel, AttemptPurpose::Drain]);
    for row in &made {
        assert!(comes_home(row, &keys), "{:?}", row.purpose);
        assert_eq!(row.policy.to_bytes(), adopted.policy.to_bytes());
    }
    // The old keys sign it; nothing is made twice.
    world.work().await;
    assert_eq!(live(&world).await.len(), 4);
    let made: Vec<Txid> = made.iter().map(|row| row.txid).collect();
    settle_mined(&mut world, vec![sent]).await;
    settle(&mut world, &made).await;
    assert_eq!(world.show("w-1").await.state, "failed");
    assert_eq!(world.show("w-2").await.state, "settled");
    assert!(matches!(
        world.stored(unsigned).await.state,
        AttemptState::Dead { .. }
    ));

    // The change of what was in flight, and a deposit to an old address, follow.
    let script = ScriptBuf::from_hex(&old_address.script_pubkey).expect("hex");
    let late = world.payment_to(script, 700_000);
    settle_mined(&mut world, vec![late]).await;
    let drains: Vec<Txid> = live(&world).await.iter().map(|row| row.txid).collect();
    assert!(!drains.is_empty());
    for row in live(&world).await {
        assert_eq!(row.purpose, AttemptPurpose::Drain);
        assert!(comes_home(&row, &keys));
    }
    settle(&mut world, &drains).await;
    assert_eq!(former_sat(&world).await, 0);
    assert!(live(&world).await.is_empty());
    assert_eq!(clearing(&world).await, SignedAmount::ZERO);

    // The new keys pay what was cancelled, by an intent of their own that repeats it.
    *world.keys = keys;
    let mut again = world.intent("w-4", 399_999);
    again.script_pubkey = world.intent("w-1", 1).script_pubkey;
    again.repeats = Some("w-1".parse().expect("an id"));
    world.try_submit(&again).await.expect("is taken");
    let hash = again.hash();
    let approval = world.approval(&[hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    let paid = world.batch().await;
    settle(&mut world, &[paid]).await;
    assert_eq!(world.show("w-4").await.state, "settled");
    assert_eq!(world.show("w-1").await.state, "failed");
}

#[tokio::test]
async fn a_change_of_keys_of_wsh_cancels_what_was_not_signed_and_drains_the_rest() {
    Box::pin(keys_are_changed(Kind::Wsh)).await;
}

#[tokio::test]
async fn a_change_of_keys_of_tr_cancels_what_was_not_signed_and_drains_the_rest() {
    Box::pin(keys_are_changed(Kind::Tr)).await;
}

#[tokio::test]
async fn a_change_of_keys_comes_in_force_by_command_alone() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::from_seed(Kind::Wsh, 21);
    let document = next(&world, &keys, |_| {}).await;
    let view = hand_in(&world, &signed(&world, &document)).await;
    let view = view.expect("taken");
    assert_eq!(view.step, "keyset");
    assert_eq!(view.pin, ["alice", "bob", "carol", "vault-key"]);
    assert_eq!(view.leaving, ["alice", "bob", "carol", "vault-key"]);
    world.pass(DELAY + 10);
    world.work().await;
    assert_eq!(in_force(&world).await.version, 1);
}

#[tokio::test]
async fn a_version_that_alters_only_recovery_gives_no_index_a_second_time() {
    let mut world = world(Kind::Wsh, 2).await;
    let first = world.address().await;
    world.submit("w-1", 400_000).await;
    let before = world.batch().await;
    settle(&mut world, &[before]).await;
    let keys = Vault::new(Kind::Wsh);
    let elsewhere =
        bitcoin::Address::from_script(&foreign(9), bitcoin::Network::Regtest).expect("an address");
    let document = next(&world, &keys, |draft| {
        draft.keyset = None;
        draft.recovery.to = elsewhere.to_string();
    })
    .await;
    let adopted = change_to(&world, &document).await;
    assert_eq!(adopted.step, "keyset");
    world.keyset = adopted.keyset;
    let second = world.address().await;
    assert_eq!(second.index, first.index + 1);
    assert_ne!(second.address, first.address);
    assert_eq!(second.keyset, adopted.keyset);
    // Its coins are the newest keyset's: nothing is drained, and they pay.
    world.pass(10);
    world.work().await;
    assert!(live(&world).await.is_empty());
    assert_eq!(former_sat(&world).await, 0);
    world.submit("w-2", 400_000).await;
    let paid = world.batch().await;
    let changes = |row: &AttemptRow| {
        let strict = policies::psbt::read_strict(&row.psbt).expect("strict");
        let changes = strict.manifest().changes.values().map(|(_, index)| *index);
        changes.collect::<Vec<u32>>()
    };
    let (old, new) = (world.stored(before).await, world.stored(paid).await);
    assert_eq!(changes(&old), [0]);
    assert_eq!(changes(&new), [1]);
    settle(&mut world, &[paid]).await;
    assert_eq!(world.show("w-2").await.state, "settled");
}
