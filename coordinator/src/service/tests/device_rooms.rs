//! Batches and spends to ourselves hold what the devices take whose signers are needed; what replaces is never held up.

use bitcoin::{Amount, ScriptBuf, TxOut, Txid};
use policies::carrier::for_device;
use policies::devices::limits_of;
use policies::document::{DeviceDraft, PolicyDraft};
use policies::{Intent, IntentKind};

use super::people::House;
use super::world::World;
use crate::coin_selection::SelectionError;
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::people::PersonRole;
use crate::service::people::absences::{NewAbsence, say_absent};
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::self_spends::{CreateSelfSpend, SelfSpendPurpose, create_self_spend};
use crate::service::{BatchError, ServiceError};

/// All signers hold their keys in devices of these kinds, in order.
fn held_in(kinds: [&'static str; 3]) -> impl FnOnce(&mut PolicyDraft) {
    move |draft| {
        for (signer, kind) in draft.signers.iter_mut().zip(kinds) {
            signer.device = Some(DeviceDraft {
                kind: kind.to_owned(),
            });
        }
    }
}

/// The bytes that a foreign device is given of an attempt, and its inputs.
async fn given(world: &World, txid: Txid) -> (usize, usize) {
    let row = world.stored(txid).await;
    let bytes = for_device(&row.psbt).expect("a transfer");
    let psbt = bitcoin::Psbt::deserialize(&bytes).expect("a PSBT");
    (bytes.len(), psbt.inputs.len())
}

fn camera_of(kind: &str) -> usize {
    let camera = limits_of(kind).and_then(|limits| limits.camera);
    camera.expect("a camera").bytes()
}

#[tokio::test]
async fn a_batch_is_what_the_slowest_needed_camera_reads_in_a_go_and_the_rest_goes_next() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let edit = held_in(["krux", "krux", "krux"]);
        let world = World::funded_on(kind, 40, 100_000, edit).await;
        for number in 0..8 {
            world.submit(&format!("w-{number}"), 280_000 + number).await;
        }
        let mut left = 8;
        let mut batches = 0;
        while left > 0 {
            let batch = world.try_batch().await.expect("a batch");
            let (bytes, inputs) = given(&world, batch.attempts[0].txid).await;
            assert!(bytes <= camera_of("krux"), "{kind:?}: {bytes} bytes");
            assert!(inputs >= 3, "{kind:?}: {inputs} inputs");
            left -= batch.withdrawals.len();
            assert_eq!(batch.waiting.len(), left);
            assert!(
                batch
                    .waiting
                    .iter()
                    .all(|waiting| waiting.code == "devices")
            );
            batches += 1;
        }
        assert!(batches > 1, "{kind:?}: all went at once");
    }
}

#[tokio::test]
async fn what_no_camera_reads_in_a_go_goes_as_a_file_where_devices_take_one() {
    let edit = held_in(["krux", "krux", "krux"]);
    let world = World::funded_on(Kind::Wsh, 12, 60_000, edit).await;
    world.submit("w-1", 490_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let (bytes, inputs) = given(&world, batch.attempts[0].txid).await;
    assert!(bytes > camera_of("krux") && inputs >= 9, "{bytes} bytes");
}

#[tokio::test]
async fn who_waits_longest_is_not_passed_by_for_those_that_a_camera_reads() {
    let edit = held_in(["krux", "krux", "krux"]);
    let world = World::funded_on(Kind::Wsh, 12, 100_000, edit).await;
    world.submit("w-large", 890_000).await;
    world.submit("w-small", 280_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let paid = batch.withdrawals.iter();
    let paid: Vec<&str> = paid.map(|one| one.id.as_str()).collect();
    assert!(paid.contains(&"w-large"), "{paid:?}");
}

#[tokio::test]
async fn one_coin_with_a_heavy_parent_stints_no_sweep() {
    let mut world = World::funded(Kind::Wsh, 12, 100_000).await;
    let script = ScriptBuf::from_hex(&world.address().await.script_pubkey).expect("hex");
    let mut heavy = world.payment_to(script, 30_000);
    heavy.output.push(TxOut {
        value: Amount::ZERO,
        script_pubkey: ScriptBuf::from_bytes(vec![0x6a; 400_000]),
    });
    world.mine(vec![heavy]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    let sweep = Intent {
        kind: IntentKind::Sweep,
        min: Amount::from_sat(1_100_000),
        ..world.intent("w-1", 1_230_000)
    };
    let view = world.try_submit(&sweep).await.expect("is taken").0;
    let approval = world.approval(&[view.intent_hash], false);
    let recorded = record_approvals(&world.service, &world.operator, world.vault, &approval).await;
    recorded.expect("is taken");
    let batch = world.try_batch().await.expect("all coins have room");
    let (bytes, inputs) = given(&world, batch.attempts[0].txid).await;
    assert_eq!(inputs, 13, "{bytes} bytes");
}

#[tokio::test]
async fn more_inputs_than_a_needed_device_takes_are_never_asked_of_it() {
    let edit = held_in(["coldcard-mk3", "coldcard-mk3", "software"]);
    let world = World::funded_on(Kind::Wsh, 30, 20_000, edit).await;
    world.submit("w-1", 420_000).await;
    let refused = world.try_batch().await.expect_err("21 coins are needed");
    assert!(
        matches!(
            refused,
            ServiceError::Batch(BatchError::CoinSelection(SelectionError::TooFragmented {
                max_inputs: 20,
                ..
            }))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_replacement_is_not_held_up_by_a_device_that_came_to_be_needed() {
    let edit = held_in(["coldcard-mk3", "software", "software"]);
    let world = World::funded_on(Kind::Wsh, 30, 24_000, edit).await;
    world.submit("w-1", 490_000).await;
    let batch = world.try_batch().await.expect("two others suffice");
    let first = batch.attempts[0].txid;
    assert!(given(&world, first).await.1 > 20);
    world.broadcast(first).await;
    let house = House { world };
    house.person("bob", PersonRole::Approver).await;
    let world = house.world;
    let from = world.service.now();
    let away = NewAbsence {
        person: "bob".to_owned(),
        from,
        until: from.saturating_add(86_400),
        reason: String::new(),
    };
    let told = say_absent(&world.service, &world.operator, &away).await;
    told.expect("bob is away");
    let renew = Renew {
        feerate_sat_vb: Some("2.5".to_owned()),
        ..Renew::default()
    };
    let renewed = replace_attempt(&world.service, &world.operator, first, &renew).await;
    let renewed = renewed.expect("a replacement");
    let second = renewed.batches[0].attempts.last().expect("an attempt").txid;
    assert!(given(&world, second).await.1 > 20);
}

#[tokio::test]
async fn a_consolidation_joins_what_the_slowest_needed_camera_reads_in_a_go() {
    let edit = held_in(["seedsigner", "seedsigner", "software"]);
    let world = World::funded_on(Kind::Wsh, 30, 100_000, edit).await;
    let wanted = CreateSelfSpend {
        purpose: SelfSpendPurpose::Consolidate,
        keyset: None,
        coins: None,
        max_inputs: None,
        feerate_sat_vb: Some("2".to_owned()),
        dry_run: false,
        agreed: None,
    };
    let view = create_self_spend(&world.service, &world.operator, world.vault, &wanted).await;
    let batch = view.expect("a consolidation").batch.expect("a batch");
    let (bytes, inputs) = given(&world, batch.attempts[0].txid).await;
    assert!(bytes <= camera_of("seedsigner"), "{bytes} bytes");
    assert!((2..30).contains(&inputs), "{inputs} inputs");
}

#[tokio::test]
async fn a_vault_without_free_coins_says_how_much_is_missing() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 300_000).await;
    world.submit("w-2", 300_001).await;
    world
        .try_batch_of("w-1")
        .await
        .expect("takes the only coin");
    let refused = world.try_batch_of("w-2").await;
    let refused = refused.expect_err("there is no coin");
    assert!(
        matches!(
            refused,
            ServiceError::Batch(BatchError::CoinSelection(SelectionError::Shortfall { .. }))
        ),
        "{refused:?}"
    );
}
