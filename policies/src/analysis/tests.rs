//! What the analysis promises.

use std::collections::BTreeSet;

use bitcoin::{Amount, FeeRate};
use proptest::prelude::*;

use super::*;
use crate::descriptor::TXIN_BASE_WEIGHT;
use crate::document::samples::{draft, policy};

#[test]
fn paths_carry_the_signers_names_weights_and_costs() {
    let policy = policy(ScriptKind::Wsh);
    let analysis = Analysis::of(&policy);
    assert_eq!(analysis.paths.len(), 4);
    assert_eq!(analysis.ordinary().count(), 3);
    let recovery: Vec<&SpendingPath> = analysis.recovery().collect();
    assert_eq!(recovery[0].name, "vault-key after 12960 blocks");
    assert_eq!(recovery[0].keys, ["vault-key"]);
    assert_eq!(analysis.double_payment_tolerance, 0);
    assert!(analysis.short_timelocks.is_empty());
    let path = &analysis.paths[0];
    let weight = TXIN_BASE_WEIGHT + path.satisfaction_weight;
    let one_sat_vb = FeeRate::from_sat_per_kwu(250);
    assert_eq!(
        path.input_cost_at(one_sat_vb),
        Some(Amount::from_sat(weight.to_wu().div_ceil(4)))
    );
    assert_eq!(path.input_cost_at(FeeRate::MAX), None);
}

#[test]
fn the_analysis_is_plain_json() {
    let json = serde_json::to_value(Analysis::of(&policy(ScriptKind::Tr))).expect("serializes");
    assert_eq!(json["script_kind"], "tr");
    assert_eq!(json["double_payment_tolerance"], 0);
    assert!(json["paths"][0]["satisfaction_weight"].is_u64());
    assert_eq!(json["paths"][3]["older"], 12_960);
    assert_eq!(json["paths"][3]["ordinary"], false);
    assert_eq!(json["input_costs"][1]["feerate_sat_vb"], "10");
    assert!(json["input_costs"][1]["sat"].is_u64());
}

#[test]
fn a_timelock_under_thirty_days_is_pointed_out() {
    use crate::descriptor::{compile, samples};
    let text = samples::POLICY.replace("12960", "144");
    let mut draft = draft(ScriptKind::Wsh);
    draft.spending.descriptor =
        compile(&text, ScriptKind::Wsh, &samples::all_named()).expect("compiles");
    draft.spending.policy = Some(text);
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    assert_eq!(Analysis::of(&policy).short_timelocks, [144]);
}

/// Every set of k among n persons.
fn sets(k: usize, n: usize) -> Vec<BTreeSet<String>> {
    (0..1_usize << n)
        .map(|bits| (0..n).filter(|i| bits >> i & 1 == 1).collect::<Vec<_>>())
        .filter(|members| members.len() == k)
        .map(|members| members.iter().map(ToString::to_string).collect())
        .collect()
}

#[test]
fn two_keys_of_one_person_are_one() {
    let policy = policy(ScriptKind::Wsh);
    let mut signers = policy.signers.clone();
    signers[1].person = "alice".to_owned();
    let persons = ordinary_persons(&policy.descriptor, &signers);
    assert!(persons.contains(&BTreeSet::from(["alice".to_owned()])));
    assert_eq!(double_payment_tolerance(&persons), 0);
    assert_eq!(double_payment_tolerance(&[]), -1);
}

proptest! {
    #[test]
    fn tolerance_of_k_of_n_is_2k_minus_n_minus_1((k, n) in (1..=7_usize).prop_flat_map(|n| (1..=n, Just(n)))) {
        let formula = 2 * i32::try_from(k).expect("small") - i32::try_from(n).expect("small") - 1;
        prop_assert_eq!(double_payment_tolerance(&sets(k, n)), formula.max(-1));
    }
}
