//! What a transaction may cost: the three caps, each at its last satoshi.

use bitcoin::{Amount, Weight};

use super::super::world::{CHANGE_INDEX, World};
use super::refused;
use crate::descriptor::ScriptKind;
use crate::document::PolicyDraft;
use crate::ids::Keychain;

/// The codes of an honest attempt that costs this much, under altered limits.
fn costing(fee: u64, kind: ScriptKind, alter: impl FnOnce(&mut PolicyDraft)) -> Vec<&'static str> {
    let world = World::with(kind, alter);
    let mut plan = world.plan();
    plan.change = Some((CHANGE_INDEX, Amount::from_sat(36_000_000 - fee)));
    world.refusals(&world.build(&plan))
}

const BOTH: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];

#[test]
fn a_fee_above_its_cap_is_refused_at_one_satoshi() {
    for kind in BOTH {
        let alter = |draft: &mut PolicyDraft| draft.limits.fee_max_sat = 20_000;
        assert!(costing(20_000, kind, alter).is_empty());
        assert_eq!(costing(20_001, kind, alter), ["FEE_ABOVE_CAP"]);
    }
}

#[test]
fn a_feerate_above_its_cap_is_refused_at_one_satoshi() {
    for kind in BOTH {
        let world = World::new(kind);
        let weight = world.reviewed(&world.attempt()).weight;
        // 10 sat/vB are 2,500 sat/kwu.
        let fee = weight.to_wu() * 2_500 / 1_000;
        let alter = |draft: &mut PolicyDraft| draft.limits.feerate_max_sat_vb = "10".to_owned();
        assert!(costing(fee, kind, alter).is_empty());
        assert_eq!(costing(fee + 1, kind, alter), ["FEERATE_ABOVE_CAP"]);
    }
}

#[test]
fn the_weight_counts_the_witness_script_and_the_heaviest_ordinary_witness() {
    // Marker, and for each input: count, empty element, two signatures, script.
    let world = World::new(ScriptKind::Wsh);
    let attempt = world.attempt();
    let script = attempt.psbt.inputs[0]
        .witness_script
        .as_ref()
        .expect("wsh")
        .len();
    let witness = 1 + 1 + 2 * 73 + 1 + script;
    let expected = attempt.psbt.unsigned_tx.weight()
        + Weight::from_wu(2)
        + Weight::from_wu(2 * u64::try_from(witness).expect("small"));
    assert_eq!(world.reviewed(&attempt).weight, expected);
}

#[test]
fn a_fee_above_its_share_of_the_payments_is_refused_at_one_satoshi() {
    for kind in BOTH {
        // 1 % of 54,000,000.
        let alter = |draft: &mut PolicyDraft| {
            draft.limits.fee_share_max_percent = 1;
            draft.limits.fee_max_sat = 10_000_000;
            draft.limits.feerate_max_sat_vb = "10000".to_owned();
        };
        assert!(costing(540_000, kind, alter).is_empty());
        assert_eq!(costing(540_001, kind, alter), ["FEE_SHARE_ABOVE_CAP"]);
    }
}

#[test]
fn the_share_is_of_payments_and_never_of_inputs_or_change() {
    for kind in BOTH {
        let world = World::with(kind, |draft| {
            draft.limits.feerate_max_sat_vb = "10000".to_owned();
        });
        let mut plan = world.plan();
        // One payment of 4,000,000 from 90,000,000: two percent are 80,000.
        plan.asked.truncate(1);
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(86_000_000 - 80_000)));
        assert!(world.refusals(&world.build(&plan)).is_empty());
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(86_000_000 - 80_001)));
        assert_eq!(world.refusals(&world.build(&plan)), ["FEE_SHARE_ABOVE_CAP"]);
    }
}

#[test]
fn outputs_above_inputs_are_refused() {
    refused(&["OUTPUTS_EXCEED_INPUTS"], |attempt, _| {
        attempt.output(3).value = Amount::from_sat(36_000_001);
    });
}

#[test]
fn sums_beyond_all_the_money_there_is_are_refused() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.coins[0] = world.coin(Keychain::External, 3, Amount::MAX_MONEY.to_sat());
        let codes = world.refusals(&world.build(&plan));
        assert_eq!(codes, ["SUM_OVERFLOW"]);
    }
}
