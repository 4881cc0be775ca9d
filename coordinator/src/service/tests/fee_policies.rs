//! The fee policy of a vault: set, shown, taken away, and refused with the field that is wrong.

use bitcoin::{Amount, FeeRate};

use super::world::World;
use crate::fees::Bump;
use crate::roles::fixture::Kind;
use crate::service::consolidation::plan_consolidation;
use crate::service::fee_policies::{SetFees, clear_fees, set_fees, show_fees};
use crate::service::{Actor, Role};
use crate::store::fee_policies;

pub(super) fn asked() -> SetFees {
    SetFees {
        target_blocks: 6,
        deadline_blocks: 3,
        budget_sat: 50_000,
        bump: Bump::Automatic,
        cpfp: false,
        consolidate_below_sat_vb: Some("2.5".to_owned()),
        rungs_sat_vb: vec!["5".to_owned(), "10".to_owned()],
    }
}

#[tokio::test]
async fn a_fee_policy_is_kept_as_it_was_said_until_it_is_taken_away() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator, vault) = (&world.service, &world.operator, world.vault);
    let none = show_fees(service, operator, vault).await.expect("shows");
    assert_eq!(
        (none.policy, none.gap.as_deref()),
        (None, Some("fees_unknown"))
    );
    let set = set_fees(service, operator, vault, &asked()).await;
    let set = set.expect("is set").policy.expect("a policy");
    assert_eq!((set.budget_sat, set.bump), (50_000, Bump::Automatic));
    assert_eq!(set.rungs_sat_vb, ["5", "10"]);
    let mut tx = service.database().begin_read().await.expect("begins");
    let row = fee_policies::lookup(&mut tx, vault).await.expect("reads");
    let stored = row.expect("is stored").policy;
    assert_eq!(stored.budget, Amount::from_sat(50_000));
    let below = Some(FeeRate::from_sat_per_kwu(625));
    assert_eq!(stored.consolidate_below, below);
    drop(tx);
    for _ in 0..2 {
        let cleared = clear_fees(service, operator, vault).await;
        assert_eq!(cleared.expect("is taken away").policy, None);
    }
}

#[tokio::test]
async fn a_fee_policy_that_makes_no_sense_is_refused_and_changes_nothing() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator, vault) = (&world.service, &world.operator, world.vault);
    let wrong = [
        (
            SetFees {
                deadline_blocks: 0,
                ..asked()
            },
            "bad_fee_policy",
        ),
        (
            SetFees {
                rungs_sat_vb: vec!["5".to_owned()],
                ..asked()
            },
            "bad_fee_policy",
        ),
        (
            SetFees {
                rungs_sat_vb: vec!["5".to_owned(), "1000".to_owned()],
                ..asked()
            },
            "rung_above_cap",
        ),
        (
            SetFees {
                consolidate_below_sat_vb: Some("cheap".to_owned()),
                ..asked()
            },
            "malformed",
        ),
    ];
    for (request, code) in wrong {
        let refused = set_fees(service, operator, vault, &request).await;
        assert_eq!(refused.expect_err("is refused").code(), code);
    }
    let auditor = Actor {
        role: Role::Auditor,
        ..operator.clone()
    };
    let refused = set_fees(service, &auditor, vault, &asked()).await;
    assert_eq!(refused.expect_err("is refused").code(), "forbidden");
    let view = show_fees(service, &auditor, vault).await.expect("shows");
    assert_eq!(view.policy, None);
}

#[tokio::test]
async fn joining_coins_is_planned_where_it_saves_and_told_once_while_fees_are_low() {
    let world = World::funded(Kind::Wsh, 4, 50_000).await;
    let (service, operator, vault) = (&world.service, &world.operator, world.vault);
    let unknown = plan_consolidation(service, operator, vault)
        .await
        .expect("plans");
    assert_eq!((unknown.saves, unknown.feerate_sat_vb), (false, None));
    set_fees(service, operator, vault, &asked())
        .await
        .expect("is set");
    let told = async || {
        super::bumping::told(&world, &["consolidation.proposed", "consolidation.over"]).await
    };
    super::bumping::estimate(&world, 5_000).await;
    let dear = plan_consolidation(service, operator, vault)
        .await
        .expect("plans");
    assert!(!dear.saves);
    world.work().await;
    assert!(told().await.is_empty());
    super::bumping::estimate(&world, 300).await;
    let cheap = plan_consolidation(service, operator, vault)
        .await
        .expect("plans");
    assert_eq!((cheap.saves, cheap.coins.len()), (true, 4));
    let spends_one = cheap.cost_later_sat / 4;
    assert_eq!(
        cheap.saving_sat,
        cheap.cost_later_sat - cheap.cost_now_sat - spends_one
    );
    for _ in 0..3 {
        world.pass(600);
        world.work().await;
    }
    assert_eq!(told().await, ["consolidation.proposed"]);
    super::bumping::estimate(&world, 5_000).await;
    world.pass(600);
    world.work().await;
    let both = ["consolidation.proposed", "consolidation.over"];
    assert_eq!(told().await, both);
    // What stands is taken back also where nobody wants to be told any more.
    super::bumping::estimate(&world, 300).await;
    world.pass(600);
    world.work().await;
    assert_eq!(told().await.len(), 3);
    let untold = SetFees {
        consolidate_below_sat_vb: None,
        ..asked()
    };
    set_fees(service, operator, vault, &untold)
        .await
        .expect("is set");
    for _ in 0..2 {
        world.pass(600);
        world.work().await;
    }
    assert_eq!(told().await, [both, both].concat());
}
