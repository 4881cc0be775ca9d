//! Spends to ourselves and sweeps: what is chosen, who must approve, and what the books say.

use bitcoin::hex::DisplayHex;
use bitcoin::{Amount, Txid};
use policies::hash::{Purpose, transaction_subject};
use policies::psbt::{PsbtVersion, read_strict};
use policies::{Approval, Intent, IntentKind, Subject};

use super::flow::clearing;
use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::attempts::attempt_psbt;
use crate::service::books::show_balance;
use crate::service::maintenance::{RecordMaintenance, record_maintenance};
use crate::service::recoveries::{CreateRecovery, create_recovery};
use crate::service::self_spends::{
    CreateSelfSpend, OwnSpendView, SelfSpendPurpose, create_self_spend,
};
use crate::service::{ApprovalError, OwnSpendError, ServiceError, WithdrawalError};
use crate::session::attempt::AttemptState;

pub(super) fn wanted(purpose: SelfSpendPurpose) -> CreateSelfSpend {
    CreateSelfSpend {
        purpose,
        keyset: None,
        coins: None,
        max_inputs: None,
        feerate_sat_vb: Some("2".to_owned()),
        dry_run: false,
        agreed: None,
    }
}

async fn spend(world: &World, wanted: &CreateSelfSpend) -> Result<OwnSpendView, ServiceError> {
    create_self_spend(&world.service, &world.operator, world.vault, wanted).await
}

fn txid_of(view: &OwnSpendView) -> Txid {
    let batch = view.batch.as_ref().expect("a batch");
    batch.attempts.first().expect("an attempt").txid
}

async fn settle(world: &mut World, txid: Txid) {
    let last = world.broadcast(txid).await;
    world.mine(vec![last]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    let stored = world.stored(txid).await;
    assert!(matches!(stored.state, AttemptState::Settled { .. }));
    assert_eq!(clearing(world).await, bitcoin::SignedAmount::ZERO);
}

async fn total(world: &World) -> i64 {
    show_balance(&world.service, &world.operator, world.vault)
        .await
        .expect("a balance")
        .total_sat
}

async fn coins_are_joined(kind: Kind) {
    let mut world = World::funded(kind, 3, 1_000_000).await;
    let preview = CreateSelfSpend {
        dry_run: true,
        ..wanted(SelfSpendPurpose::Consolidate)
    };
    let seen = spend(&world, &preview).await.expect("a preview");
    assert_eq!((seen.coins.len(), seen.batch), (3, None));
    let made = spend(&world, &wanted(SelfSpendPurpose::Consolidate))
        .await
        .expect("is made");
    assert_eq!(made.fee_sat, seen.fee_sat);
    assert_eq!(made.maintenance, None);
    assert!(made.budget.expect("a budget").within);
    let to = made.to.as_ref().expect("an output");
    assert_eq!(
        (to.amount_sat + made.fee_sat, to.index),
        (3_000_000, Some(0))
    );
    // All coins are held now.
    assert!(matches!(
        spend(&world, &wanted(SelfSpendPurpose::Refresh)).await,
        Err(ServiceError::OwnSpend(OwnSpendError::NothingToSpend))
    ));
    settle(&mut world, txid_of(&made)).await;
    let fee = i64::try_from(made.fee_sat).expect("small");
    assert_eq!(total(&world).await, 3_000_000 - fee);
    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(clearing(&world).await, bitcoin::SignedAmount::ZERO);
    assert_eq!(total(&world).await, 3_000_000);
}

#[tokio::test]
async fn coins_of_wsh_are_joined_and_only_the_fee_leaves() {
    Box::pin(coins_are_joined(Kind::Wsh)).await;
}

#[tokio::test]
async fn coins_of_tr_are_joined_and_only_the_fee_leaves() {
    Box::pin(coins_are_joined(Kind::Tr)).await;
}

#[tokio::test]
async fn a_spend_beyond_the_budget_is_issued_again_with_each_approval_that_holds() {
    let world = World::funded(Kind::Tr, 5, 1_000_000).await;
    let one = CreateSelfSpend {
        max_inputs: Some(1),
        ..wanted(SelfSpendPurpose::Refresh)
    };
    let mut last = None;
    for number in 1..=5 {
        let made = spend(&world, &one).await.expect("is made");
        let budget = made.budget.expect("a budget");
        assert_eq!(budget.within, number <= 4, "the budget is of four");
        assert_eq!(made.maintenance.is_some(), number > 4);
        last = Some(txid_of(&made));
    }
    let txid = last.expect("five");
    let psbt = async || {
        attempt_psbt(&world.service, &world.operator, txid, PsbtVersion::Zero)
            .await
            .expect("a PSBT")
    };
    let issued = psbt().await;
    let signed = |key: &str, seconds: u64, purpose: Purpose| {
        let expires = world.service.now().saturating_add(seconds);
        let subject = Subject::from_bytes(transaction_subject(txid));
        let approval = Approval::sign(&secret(key), purpose, world.vault, subject, expires);
        RecordMaintenance {
            purpose: "maintain".to_owned(),
            txid,
            expires,
            key: approval.key,
            signature: approval.signature.encode().to_lower_hex_string(),
        }
    };
    let record = async |request: RecordMaintenance| {
        record_maintenance(&world.service, &world.operator, txid, &request).await
    };
    let refused = record(signed("exchange", 60, Purpose::Maintain)).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Approval(
            ApprovalError::UnknownApprovalKey { .. }
        ))
    ));
    let refused = record(signed("dana", 60, Purpose::Approve)).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Approval(ApprovalError::ApprovalSignature(_)))
    ));
    let refused = record(signed("dana", 0, Purpose::Maintain)).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Approval(
            ApprovalError::ApprovalExpired { .. }
        ))
    ));
    assert_eq!(psbt().await, issued, "nothing was changed");

    let approval = signed("dana", 60, Purpose::Maintain);
    let view = record(approval.clone()).await.expect("is taken");
    assert_eq!(view.maintenance.len(), 1);
    assert_eq!(record(approval).await.expect("the same again"), view);
    let again = read_strict(&psbt().await).expect("as signers read it");
    assert_eq!((again.txid(), again.manifest().approvals.len()), (txid, 1));
    world.pass(60);
    assert_eq!(
        psbt().await,
        issued,
        "an approval that ran out is not carried"
    );
    let later = record(signed("dana", 60, Purpose::Maintain)).await;
    assert_eq!(later.expect("is taken").maintenance.len(), 2);
    let again = read_strict(&psbt().await).expect("as signers read it");
    assert_eq!(again.manifest().approvals.len(), 1);
}

#[tokio::test]
async fn a_recovery_before_its_time_says_when_and_reserves_nothing() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let request = CreateRecovery {
        dry_run: true,
        ..CreateRecovery::default()
    };
    let recover = async |request: &CreateRecovery| {
        create_recovery(&world.service, &world.operator, world.vault, request).await
    };
    let preview = recover(&request).await.expect("a preview");
    assert!(preview.coins.is_empty() && preview.batch.is_none());
    let waiting = preview.waiting.first().expect("the coin");
    assert_eq!(waiting.from_height, 101 + 12_960);
    let refused = recover(&CreateRecovery::default()).await;
    assert!(matches!(
        refused,
        Err(ServiceError::OwnSpend(OwnSpendError::NothingToRecover {
            from: Some(13_061)
        }))
    ));
    let named = CreateRecovery {
        coins: Some(vec![waiting.outpoint.clone()]),
        ..CreateRecovery::default()
    };
    assert!(matches!(
        recover(&named).await,
        Err(ServiceError::OwnSpend(OwnSpendError::CoinTooYoung {
            height: 13_061,
            ..
        }))
    ));
    let other = CreateRecovery {
        older: Some(7),
        ..CreateRecovery::default()
    };
    assert!(matches!(
        recover(&other).await,
        Err(ServiceError::OwnSpend(OwnSpendError::NoRecoveryPath {
            older: Some(7)
        }))
    ));
}

#[tokio::test]
async fn a_sweep_is_booked_with_what_it_paid_and_not_with_its_most() {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let sweep = Intent {
        kind: IntentKind::Sweep,
        min: Amount::from_sat(1_900_000),
        ..world.intent("w-1", 2_000_000)
    };
    let view = world.try_submit(&sweep).await.expect("is taken").0;
    assert_eq!(view.state, "requested", "a sweep is never automatic");
    let line = Intent {
        script_pubkey: sweep.script_pubkey.clone(),
        ..world.intent("w-2", 300_000)
    };
    assert!(matches!(
        world.try_submit(&line).await,
        Err(ServiceError::Withdrawal(
            WithdrawalError::EqualPayment { .. }
        ))
    ));
    let approval = world.approval(&[view.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    let txid = world.batch().await;
    settle(&mut world, txid).await;
    assert_eq!(world.show("w-1").await.state, "settled");
    assert_eq!(total(&world).await, 0);
}
