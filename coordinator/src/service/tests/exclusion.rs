//! Attempts beside earlier ones: what is built excludes them, pays for taking their place, and our own review
//! judges it as signers will.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{FeeRate, OutPoint, Txid};
use policies::Keychain;
use policies::psbt::{AttemptPurpose, read_strict};
use watchtower::store::coins;

use super::world::World;
use crate::coin_selection::{Candidate, Take};
use crate::exclusion::Earlier;
use crate::fee_bump::IncrementalFee;
use crate::roles::fixture::Kind;
use crate::service::building::{Approved, Built, Plan, build, history, review_own};
use crate::service::cancelling::cancel;
use crate::service::excluding::{Before, Context};
use crate::service::own_building::OwnPlan;
use crate::service::rooms::Rooms;
use crate::service::withdrawals::existing;
use crate::service::{BatchError, ServiceError};
use crate::store::withdrawals::WithdrawalKey;

async fn earlier(world: &World, txid: Txid) -> Earlier {
    let row = world.stored(txid).await;
    let earlier = Earlier::read(&row.psbt, row.created_at, row.weight).expect("it was issued");
    assert_eq!((earlier.txid(), earlier.fee()), (row.txid, row.fee));
    match row.final_transaction {
        Some(complete) => earlier.completed(complete),
        None => earlier,
    }
}

/// What a withdrawal would be paid with, from all coins of the vault, reserved or not.
async fn plan(world: &World, id: &str, issued: Vec<Earlier>) -> Plan {
    let mut tx = world.read().await;
    let (row, policy) = (world.service.vault(&mut tx, world.vault).await).expect("a vault");
    let mut candidates = Vec::new();
    let mut fundings = BTreeMap::new();
    for spendable in
        (coins::spendable_coins(&mut tx, world.vault, row.keyset).await).expect("reads")
    {
        let coin = spendable.coin;
        fundings.insert(coin.outpoint.txid, (*spendable.funding).clone());
        candidates.push(Candidate {
            outpoint: coin.outpoint,
            txout: bitcoin::TxOut {
                value: coin.amount,
                script_pubkey: coin.script.script_pubkey,
            },
            keychain: coin.script.keychain,
            index: coin.script.index,
            height: 101,
            frozen: false,
        });
    }
    let key = WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    };
    let change_index = crate::store::addresses::next_index(&mut tx, row.keyset, Keychain::Internal)
        .await
        .expect("reads");
    Plan {
        withdrawals: vec![Approved {
            withdrawal: existing(&mut tx, &key).await.expect("a withdrawal"),
            approvals: Vec::new(),
            rule: "small".to_owned(),
            entry: None,
        }],
        may_leave_out: false,
        rooms: Rooms::any(),
        candidates,
        again: std::collections::BTreeSet::new(),
        fundings,
        young: BTreeMap::new(),
        proofs: std::collections::BTreeMap::new(),
        feerate: FeeRate::from_sat_per_vb_u32(2),
        change_index,
        tip: 105,
        seed: [7; 32],
        number: 2,
        now: world.service.now(),
        spent: Vec::new(),
        windows: policies::rules::Windows::default(),
        receipts: Vec::new(),
        before: Before {
            earlier: issued,
            ..Before::default()
        },
        policy,
    }
}

fn inputs(built: &Built) -> Vec<OutPoint> {
    built.coins.iter().map(|(outpoint, _)| *outpoint).collect()
}

async fn issued_once(kind: Kind) -> (World, Txid) {
    let world = World::funded(kind, 4, 2_000_000).await;
    world.submit("w1", 300_000).await;
    let txid = world.batch().await;
    (world, txid)
}

async fn is_bumped(kind: Kind) {
    let (world, txid) = issued_once(kind).await;
    let first = earlier(&world, txid).await;
    let built = build(plan(&world, "w1", vec![first.clone()]).await).expect("is exclusive");
    assert_eq!(built.purpose, AttemptPurpose::Bump);
    assert!(
        inputs(&built)
            .iter()
            .any(|input| first.record.inputs.contains(input))
    );
    let anchor = built.anchors.required.first().expect("one is required");
    assert!(inputs(&built).contains(&anchor.outpoint));
    let replacing = built.replacing.expect("takes its place");
    assert_eq!(replacing.replaces(), [txid]);
    let least = replacing.least(built.weight).expect("money");
    assert!(built.fee >= least && least > first.fee());
    let strict = read_strict(&built.psbt).expect("strict");
    assert_eq!(strict.manifest().attempt, 2);
    assert_eq!(strict.manifest().purpose, AttemptPurpose::Bump);
}

#[tokio::test]
async fn a_second_attempt_spends_an_input_of_the_first_and_pays_for_its_place() {
    Box::pin(is_bumped(Kind::Wsh)).await;
}

#[tokio::test]
async fn a_second_attempt_of_a_taproot_vault_does_so_too() {
    Box::pin(is_bumped(Kind::Tr)).await;
}

#[tokio::test]
async fn our_own_review_refuses_what_is_not_exclusive_with_an_earlier_attempt() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    let first = earlier(&world, txid).await;
    let mut apart = plan(&world, "w1", Vec::new()).await;
    apart
        .candidates
        .retain(|coin| !first.record.inputs.contains(&coin.outpoint));
    let built = build(apart).expect("nothing is known to stand against it");
    let knowing = plan(&world, "w1", vec![first]).await;
    match review_own(&knowing, &built.psbt) {
        Err(ServiceError::Batch(BatchError::SelfReview { codes, .. })) => {
            assert_eq!(codes, ["NOT_EXCLUSIVE"]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn our_own_review_remembers_all_that_was_issued_and_judges_by_itself_what_matters() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    world.submit("w2", 400_000).await;
    let first = earlier(&world, txid).await;
    let mut of_another = plan(&world, "w2", vec![first]).await;
    let context = Context::of(&mut of_another).expect("nothing is to be excluded");
    assert!(context.earlier.is_empty());
    let remembered = history(&of_another, &BTreeMap::new());
    assert!(remembered.expect("a history").contains(&txid));
}

#[tokio::test]
async fn a_payment_that_nothing_makes_exclusive_is_not_built() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    let first = earlier(&world, txid).await.gone();
    let mut apart = plan(&world, "w1", vec![first.clone()]).await;
    apart
        .candidates
        .retain(|coin| !first.record.inputs.contains(&coin.outpoint));
    match build(apart) {
        Err(ServiceError::Batch(BatchError::CannotBeExclusive(cannot))) => {
            assert_eq!(cannot.earlier, txid);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_shows_fully_signed_is_paid_again_after_it_expired() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    let unsigned = earlier(&world, txid).await;
    world.broadcast(txid).await;
    let signed = earlier(&world, txid).await;
    assert!(signed.complete.is_some());
    world.pass(10 * 86_400);
    let refused = build(plan(&world, "w1", vec![unsigned]).await).expect_err("it expired");
    assert!(
        matches!(refused, ServiceError::Batch(BatchError::SelfReview { codes, .. })
        if codes == ["INTENT_EXPIRED"])
    );
    let built = build(plan(&world, "w1", vec![signed]).await).expect("nothing new is granted");
    let strict = read_strict(&built.psbt).expect("strict");
    assert!(strict.manifest().earlier.contains_key(&txid));
}

#[tokio::test]
async fn every_coin_of_an_earlier_attempt_that_is_shown_is_spent_again() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    let first = earlier(&world, txid).await;
    let mut plan = plan(&world, "w1", vec![first]).await;
    // One would suffice.
    let all: BTreeSet<OutPoint> = plan.candidates.iter().map(|coin| coin.outpoint).collect();
    plan.again.clone_from(&all);
    let built = build(plan).expect("is built");
    assert_eq!(inputs(&built).into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn a_cancellation_takes_the_place_of_every_live_attempt_and_pays_nobody() {
    let (world, txid) = issued_once(Kind::Wsh).await;
    let first = earlier(&world, txid).await;
    let plan = plan(&world, "w1", vec![first.clone()]).await;
    let own = OwnPlan {
        former: None,
        policy: plan.policy,
        purpose: AttemptPurpose::Cancel,
        older: None,
        coins: plan.candidates,
        take: Take::Every,
        max_inputs: 100,
        rooms: Rooms::any(),
        fundings: plan.fundings,
        feerate: FeeRate::from_sat_per_vb_u32(1),
        change_index: plan.change_index,
        tip: plan.tip,
        seed: plan.seed,
        now: plan.now,
        spent: Vec::new(),
        number: 2,
        required: 0,
        replacing: None,
    };
    let before = Before {
        incremental: IncrementalFee::CORE_30,
        ..plan.before
    };
    let cancelled = cancel(&own, &before).expect("is built");
    let built = cancelled.built;
    assert!(
        inputs(&built)
            .iter()
            .all(|input| first.record.inputs.contains(input))
    );
    let replacing = built.replacing.as_ref().expect("takes its place");
    assert_eq!(
        Some(built.fee),
        replacing.least(built.weight),
        "not a satoshi more"
    );
    let strict = read_strict(&built.psbt).expect("strict");
    assert_eq!(strict.manifest().purpose, AttemptPurpose::Cancel);
    assert!(strict.manifest().payments.is_empty());
    assert_eq!(strict.transaction().output.len(), 1);
}
