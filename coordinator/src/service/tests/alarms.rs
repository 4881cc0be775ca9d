//! Alarms: what raises them, who sees them, how they end.

use bitcoin::Txid;
use policies::journal::Void;
use watchtower::alarm::AlarmKind;
use watchtower::store::node;

use super::chain::rival_of;
use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::alarms::{AlarmView, EndAlarm, end_alarm, list_alarms};
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::voids::submit_void;
use crate::service::{Actor, Role};

async fn open(world: &World) -> Vec<AlarmView> {
    list_alarms(&world.service, &world.operator, false, None)
        .await
        .expect("lists")
}

async fn codes(world: &World) -> Vec<String> {
    open(world)
        .await
        .into_iter()
        .map(|alarm| alarm.alarm)
        .collect()
}

fn because(why: &str) -> EndAlarm {
    EndAlarm {
        why: why.to_owned(),
    }
}

/// Runs the jobs at a time at which those that look around are due again.
async fn look(world: &World) {
    world.pass(61);
    world.work().await;
}

#[tokio::test]
async fn a_watchtower_that_says_nothing_for_five_minutes_is_an_alarm_until_it_looks_again() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    let looked = async || {
        let status = node::NodeStatus {
            node: "main".to_owned(),
            chain: "regtest".to_owned(),
            height: 0,
            hash: None,
            headers: 0,
            initial_download: false,
            trouble: None,
            detail: String::new(),
            checked_at: world.service.now(),
        };
        let mut tx = (world.service.database().begin_write().await).expect("begins");
        node::record(&mut tx, &status).await.expect("stores");
        tx.commit().await.expect("commits");
    };
    looked().await;
    for _ in 0..4 {
        look(&world).await;
    }
    assert!(open(&world).await.is_empty());
    for _ in 0..3 {
        look(&world).await;
    }
    let alarms = open(&world).await;
    let [alarm] = alarms.as_slice() else {
        panic!("one alarm: {alarms:?}");
    };
    assert_eq!(alarm.alarm, AlarmKind::WatchtowerSilent.code());
    assert!(alarm.grave && alarm.ends.is_some());
    looked().await;
    look(&world).await;
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn a_spend_from_outside_is_an_alarm_that_an_operator_ends_with_a_reason() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    world.mine(vec![rival_of(&last)]).await;
    world.work().await;
    let alarms = open(&world).await;
    assert_eq!(alarms.len(), 1);
    let alarm = &alarms[0];
    assert_eq!(alarm.alarm, AlarmKind::UnknownSpend.code());
    assert_eq!(alarm.subject, rival_of(&last).compute_txid().to_string());
    assert!(alarm.grave && alarm.ends.is_none());

    let end =
        async |why: &str| end_alarm(&world.service, &world.operator, alarm.id, &because(why)).await;
    assert_eq!(
        end(" ").await.expect_err("says nothing").code(),
        "malformed"
    );
    let ended = end("a drill of ours").await.expect("ends");
    assert_eq!(
        ended.ended_by.as_deref(),
        Some(world.operator.name.as_str())
    );
    assert_eq!(codes(&world).await, [""; 0]);
    let all = list_alarms(&world.service, &world.operator, true, None).await;
    assert_eq!(all.expect("lists").len(), 1);
}

#[tokio::test]
async fn a_spend_that_turns_out_to_be_an_attempt_of_ours_is_no_alarm_any_more() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let unsigned = bitcoin::Psbt::deserialize(&world.stored(txid).await.psbt)
        .expect("a PSBT")
        .unsigned_tx;
    world.mine(vec![unsigned]).await;
    assert_eq!(codes(&world).await, [AlarmKind::UnknownSpend.code()]);
    world.work().await;
    assert_eq!(codes(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_replaced_transaction_that_comes_after_all_is_an_alarm_and_its_replacement_is_none() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let first = world.broadcast(txid).await;
    let renew = Renew {
        feerate_sat_vb: Some("9".to_owned()),
        ..Renew::default()
    };
    let renewed = replace_attempt(&world.service, &world.operator, txid, &renew).await;
    let renewed = renewed.expect("is replaced");
    let newer = renewed.batches[0].attempts.last().expect("an attempt").txid;
    let second = world.broadcast(newer).await;
    world.mine(vec![first]).await;
    world.work().await;
    let alarms = open(&world).await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0].alarm, AlarmKind::OldVariant.code());
    assert_eq!(alarms[0].subject, txid.to_string());
    let done = end_alarm(
        &world.service,
        &world.operator,
        alarms[0].id,
        &because("seen"),
    )
    .await;
    done.expect("ends");
    world.unmine().await;
    world.mine(vec![second]).await;
    world.work().await;
    assert_eq!(codes(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_transaction_that_signers_promised_never_to_sign_and_that_comes_is_an_alarm() {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    for journal in ["journal 0", "journal 1"] {
        let void = Void::sign(&secret(journal), world.vault, txid);
        let taken = submit_void(&world.service, &world.operator, txid, &void.encode()).await;
        taken.expect("is taken");
    }
    let unsigned = bitcoin::Psbt::deserialize(&world.stored(txid).await.psbt)
        .expect("a PSBT")
        .unsigned_tx;
    world.mine(vec![unsigned]).await;
    world.work().await;
    assert_eq!(codes(&world).await, [AlarmKind::OldVariant.code()]);
}

#[tokio::test]
async fn a_transaction_that_no_block_takes_for_a_day_is_an_alarm_until_one_does() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    world.pass(86_300);
    world.work().await;
    assert_eq!(codes(&world).await, [""; 0]);
    world.pass(200);
    world.work().await;
    let alarms = open(&world).await;
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].alarm, AlarmKind::Unsettled.code());
    assert_eq!(alarms[0].subject, txid.to_string());
    let refused = end_alarm(&world.service, &world.operator, alarms[0].id, &because("x")).await;
    assert_eq!(
        refused.expect_err("ends by itself").code(),
        "ends_by_itself"
    );
    world.mine(vec![last]).await;
    world.work().await;
    look(&world).await;
    assert_eq!(codes(&world).await, [""; 0]);
}

#[tokio::test]
async fn who_sees_one_vault_only_is_told_of_that_vault_and_ends_nothing_of_others() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid: Txid = world.batch().await;
    let last = world.broadcast(txid).await;
    world.mine(vec![rival_of(&last)]).await;
    let other = Actor {
        name: "elsewhere".to_owned(),
        role: Role::Operator,
        vault: Some(policies::VaultId::from_bytes([9; 32])),
    };
    let seen = list_alarms(&world.service, &other, false, None).await;
    assert_eq!(seen.expect("lists"), []);
    let id = open(&world).await[0].id;
    let refused = end_alarm(&world.service, &other, id, &because("x")).await;
    assert_eq!(refused.expect_err("is not theirs").code(), "unknown_alarm");
    let auditor = Actor {
        role: Role::Auditor,
        vault: None,
        ..other
    };
    let refused = end_alarm(&world.service, &auditor, id, &because("x")).await;
    assert_eq!(refused.expect_err("may not").code(), "forbidden");
}
