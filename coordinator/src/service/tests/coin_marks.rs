//! Frozen coins: nothing new is made of them, what holds them goes on, and the books say so.

use bitcoin::OutPoint;
use policies::VaultId;

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::access::Role;
use crate::service::batches::BatchView;
use crate::service::books::{BalanceView, CoinView, list_coins, show_balance};
use crate::service::coin_marks::{FreezeCoin, LabelCoin, freeze_coin, label_coin, thaw_coin};
use crate::service::recoveries::{CreateRecovery, create_recovery};
use crate::service::renewals::{Renew, RenewalView, cancel_batch, replace_attempt};
use crate::service::self_spends::{CreateSelfSpend, SelfSpendPurpose, create_self_spend};
use crate::service::{Actor, OwnSpendError, ServiceError, VaultError};

async fn coins(world: &World) -> Vec<CoinView> {
    list_coins(&world.service, &world.operator, world.vault)
        .await
        .expect("coins")
}

async fn balance(world: &World) -> BalanceView {
    show_balance(&world.service, &world.operator, world.vault)
        .await
        .expect("a balance")
}

pub(super) async fn freeze(world: &World, coin: &str) -> CoinView {
    let request = FreezeCoin {
        reason: "its sender is not known".to_owned(),
    };
    let coin: OutPoint = coin.parse().expect("an outpoint");
    freeze_coin(&world.service, &world.operator, world.vault, coin, &request)
        .await
        .expect("is frozen")
}

async fn thaw(world: &World, coin: &str) {
    let coin: OutPoint = coin.parse().expect("an outpoint");
    thaw_coin(&world.service, &world.operator, world.vault, coin)
        .await
        .expect("is thawed");
}

fn consolidation(coins: Option<Vec<String>>) -> CreateSelfSpend {
    CreateSelfSpend {
        purpose: SelfSpendPurpose::Consolidate,
        keyset: None,
        coins,
        max_inputs: None,
        feerate_sat_vb: Some("2".to_owned()),
        dry_run: true,
        agreed: None,
    }
}

fn coins_of(batch: &BatchView) -> Vec<String> {
    batch.coins.clone()
}

#[tokio::test]
async fn no_payment_is_made_of_a_frozen_coin_and_nothing_is_promised_of_it() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let all = coins(&world).await;
    let [first, second] = all.as_slice() else {
        panic!("two coins");
    };
    assert_eq!(balance(&world).await.available_sat, 2_000_000);
    let frozen = freeze(&world, &first.outpoint).await;
    assert_eq!(
        frozen.frozen.expect("is frozen").text,
        "its sender is not known"
    );
    let standing = balance(&world).await;
    assert_eq!(
        (
            standing.available_sat,
            standing.frozen_sat,
            standing.settled_sat,
            standing.total_sat
        ),
        (1_000_000, 1_000_000, 2_000_000, 2_000_000)
    );
    world.submit("w-1", 800_000).await;
    let batch = world.try_batch().await.expect("the other coin suffices");
    assert_eq!(coins_of(&batch), std::slice::from_ref(&second.outpoint));
    let refused = world.try_submit(&world.intent("w-2", 700_000)).await;
    assert!(refused.is_err(), "nothing is available");
    thaw(&world, &first.outpoint).await;
    world.submit("w-2", 700_000).await;
    let batch = world.try_batch().await.expect("it is free again");
    assert_eq!(coins_of(&batch), std::slice::from_ref(&first.outpoint));
}

#[tokio::test]
async fn spends_to_ourselves_and_recoveries_leave_frozen_coins_where_they_are() {
    let world = World::funded(Kind::Tr, 3, 1_000_000).await;
    let all = coins(&world).await;
    let cold = all.first().expect("a coin").outpoint.clone();
    freeze(&world, &cold).await;
    let spend = async |wanted: &CreateSelfSpend| {
        create_self_spend(&world.service, &world.operator, world.vault, wanted).await
    };
    let seen = spend(&consolidation(None)).await.expect("two are free");
    assert_eq!(seen.coins.len(), 2);
    assert!(seen.coins.iter().all(|coin| coin.outpoint != cold));
    assert_eq!(seen.frozen, std::slice::from_ref(&cold));
    let refresh = CreateSelfSpend {
        purpose: SelfSpendPurpose::Refresh,
        ..consolidation(None)
    };
    let seen = spend(&refresh).await.expect("two are free");
    assert!(seen.coins.iter().all(|coin| coin.outpoint != cold));
    let refused = spend(&consolidation(Some(vec![cold.clone()]))).await;
    assert!(matches!(
        refused,
        Err(ServiceError::OwnSpend(OwnSpendError::CoinFrozen { ref reason, .. }))
            if reason == "its sender is not known"
    ));
    let request = CreateRecovery {
        dry_run: true,
        agreed: None,
        ..CreateRecovery::default()
    };
    let seen = create_recovery(&world.service, &world.operator, world.vault, &request)
        .await
        .expect("a preview");
    assert_eq!(seen.waiting.len(), 2, "the frozen one is not among them");
}

async fn replace(world: &World, txid: bitcoin::Txid, preview: bool) -> RenewalView {
    let request = Renew {
        feerate_sat_vb: Some("9".to_owned()),
        preview,
        agreed: None,
    };
    replace_attempt(&world.service, &world.operator, txid, &request)
        .await
        .expect("is replaced")
}

#[tokio::test]
async fn an_attempt_that_holds_a_frozen_coin_goes_on() {
    let mut world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let held = coins(&world).await.remove(0).outpoint;
    assert!(freeze(&world, &held).await.reserved);
    let last = world.broadcast(txid).await;
    world.mine(vec![last]).await;
    for _ in 0..3 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "settled");
}

#[tokio::test]
async fn a_replacement_spends_a_frozen_coin_only_as_the_anchor_that_nothing_else_can_be() {
    // One coin alone excludes the first attempt: frozen or not, it is spent again, and the preview says so.
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let txid = batch.attempts.first().expect("an attempt").txid;
    let [anchor] = coins_of(&batch).try_into().expect("one coin suffices");
    freeze(&world, &anchor).await;
    let preview = replace(&world, txid, true).await;
    let plan = preview.plans.first().expect("a plan");
    assert_eq!(plan.frozen, std::slice::from_ref(&anchor));
    assert!(plan.coins.contains(&anchor));
    let words = plan.words.join("\n");
    assert!(words.contains("spends a coin that is frozen"), "{words}");

    // Of two coins, either of which excludes it, the frozen one is spared.
    let world = World::funded(Kind::Wsh, 3, 1_000_000).await;
    world.submit("w-1", 1_000_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let txid = batch.attempts.first().expect("an attempt").txid;
    let [first, second] = coins_of(&batch).try_into().expect("two coins");
    freeze(&world, &first).await;
    let made = replace(&world, txid, false).await;
    let plan = made.plans.first().expect("a plan");
    assert!(
        plan.frozen.is_empty() && !plan.coins.contains(&first),
        "{plan:?}"
    );
    assert!(plan.coins.contains(&second));
    let cancel = Renew {
        feerate_sat_vb: Some("20".to_owned()),
        preview: true,
        agreed: None,
    };
    let cancelled = cancel_batch(&world.service, &world.operator, batch.batch, &cancel)
        .await
        .expect("a preview");
    let plan = cancelled.plans.first().expect("a plan");
    assert!(!plan.coins.contains(&first), "{plan:?}");
}

#[tokio::test]
async fn only_operators_mark_coins_and_only_of_their_own_vault() {
    let world = World::funded(Kind::Tr, 1, 1_000_000).await;
    let coin: OutPoint = coins(&world)
        .await
        .remove(0)
        .outpoint
        .parse()
        .expect("an outpoint");
    let request = FreezeCoin {
        reason: "x".to_owned(),
    };
    for role in [Role::Service, Role::Signer, Role::Auditor] {
        let actor = Actor {
            name: "somebody".to_owned(),
            role,
            vault: None,
        };
        let refused = freeze_coin(&world.service, &actor, world.vault, coin, &request).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
        let refused = thaw_coin(&world.service, &actor, world.vault, coin).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
    }
    let stranger = Actor {
        name: "operator of another vault".to_owned(),
        role: Role::Operator,
        vault: Some(VaultId::from_bytes([9; 32])),
    };
    let refused = freeze_coin(&world.service, &stranger, world.vault, coin, &request).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Vault(VaultError::UnknownVault { .. }))
    ));
    let other = OutPoint { vout: 7, ..coin };
    let refused = freeze_coin(
        &world.service,
        &world.operator,
        world.vault,
        other,
        &request,
    )
    .await;
    assert!(matches!(
        refused,
        Err(ServiceError::OwnSpend(OwnSpendError::UnknownCoin { .. }))
    ));
    for reason in ["", "  ", "two\nlines", &"x".repeat(201)] {
        let request = FreezeCoin {
            reason: reason.to_owned(),
        };
        let refused = freeze_coin(&world.service, &world.operator, world.vault, coin, &request);
        assert!(matches!(
            refused.await,
            Err(ServiceError::Malformed {
                field: "reason",
                ..
            })
        ));
    }
}

#[tokio::test]
async fn a_mark_is_told_once_and_another_takes_its_place() {
    let world = World::funded(Kind::Tr, 1, 1_000_000).await;
    let name = coins(&world).await.remove(0).outpoint;
    let coin: OutPoint = name.parse().expect("an outpoint");
    let label = async |text: &str| {
        let request = LabelCoin {
            label: text.to_owned(),
        };
        label_coin(&world.service, &world.operator, world.vault, coin, &request)
            .await
            .expect("is labelled")
    };
    let text = |view: &CoinView| view.label.clone().map(|mark| mark.text);
    assert_eq!(text(&label("salaries").await).as_deref(), Some("salaries"));
    label("salaries").await;
    assert_eq!(text(&label("rent").await).as_deref(), Some("rent"));
    assert_eq!(text(&label("").await), None);
    freeze(&world, &name).await;
    freeze(&world, &name).await;
    thaw(&world, &name).await;
    thaw(&world, &name).await;
    let mut tx = world.read().await;
    let mut told = Vec::new();
    for kind in ["coin.labelled", "coin.frozen", "coin.thawed"] {
        let events = watchtower::store::events::of_object(&mut tx, "coin", &name, kind, 100);
        told.push(events.await.expect("reads").len());
    }
    assert_eq!(told, [3, 1, 1]);
}
