//! Choices, checked against an independent account of weights and against themselves.
#![expect(clippy::arithmetic_side_effects, reason = "figures of tests are small")]

use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, TxOut, Txid, Weight, hashes::Hash as _};
use policies::ids::Keychain;
use proptest::prelude::*;

use crate::fee_bump::{IncrementalFee, Replaceable, Replacement};

use super::{
    Bounds, Candidate, ChangePolicy, Cost, Search, Selection, SelectionError, Target, exact, select,
};

const INPUT_WEIGHT: Weight = Weight::from_wu(164 + 320);
const CHANGE_WEIGHT: Weight = Weight::from_wu(43 * 4);

fn coin(number: u32, sat: u64) -> Candidate {
    let mut txid = [0_u8; 32];
    txid[..4].copy_from_slice(&number.to_le_bytes());
    Candidate {
        outpoint: OutPoint {
            txid: Txid::from_byte_array(txid),
            vout: number % 3,
        },
        txout: TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: script(number),
        },
        keychain: Keychain::External,
        index: number,
        height: 100 + number % 7,
        frozen: false,
    }
}

fn script(number: u32) -> ScriptBuf {
    let mut program = [0_u8; 32];
    program[..4].copy_from_slice(&number.to_le_bytes());
    ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array(program))
}

fn coins(values: &[u64]) -> Vec<Candidate> {
    (0_u32..)
        .zip(values)
        .map(|(number, sat)| coin(number, *sat))
        .collect()
}

fn payments(values: &[u64]) -> Vec<TxOut> {
    (5_000_u32..)
        .zip(values)
        .map(|(number, sat)| TxOut {
            value: Amount::from_sat(*sat),
            script_pubkey: script(number),
        })
        .collect()
}

fn target(payments: &[TxOut]) -> Target<'_> {
    Target {
        payments,
        required: &[],
        replacing: None,
        input_weight: INPUT_WEIGHT,
        feerate: FeeRate::from_sat_per_kwu(2_500),
        long_term_feerate: FeeRate::from_sat_per_kwu(1_250),
        change: ChangePolicy {
            min: Amount::from_sat(100_000),
            output_weight: CHANGE_WEIGHT,
        },
        bounds: Bounds {
            max_inputs: 50,
            fee_max: Amount::from_sat(500_000),
            feerate_max: FeeRate::from_sat_per_kwu(50_000),
        },
    }
}

fn sum(txouts: &[TxOut]) -> Amount {
    txouts.iter().map(|txout| txout.value).sum()
}

/// The weight of the same transaction by `bdk_coin_select`, whose weights are exact integers.
fn independent_weight(selection: &Selection, target: &Target<'_>) -> u64 {
    let candidates: Vec<_> = selection
        .inputs
        .iter()
        .map(|input| bdk_coin_select::Candidate {
            value: input.txout.value.to_sat(),
            weight: target.input_weight.to_wu(),
            input_count: 1,
            is_segwit: true,
        })
        .collect();
    let mut selector = bdk_coin_select::CoinSelector::new(&candidates);
    selector.select_all();
    let outputs = bdk_coin_select::TargetOutputs::fund_outputs(
        target
            .payments
            .iter()
            .map(|payment| (payment.weight().to_wu(), payment.value.to_sat())),
    );
    let drain = match selection.change {
        Some(_) => bdk_coin_select::DrainWeights {
            output_weight: target.change.output_weight.to_wu(),
            spend_weight: target.input_weight.to_wu(),
            n_outputs: 1,
        },
        None => bdk_coin_select::DrainWeights::NONE,
    };
    selector.weight(outputs, drain)
}

fn check(selection: &Selection, candidates: &[Candidate], target: &Target<'_>) {
    let inputs: Amount = selection.inputs.iter().map(|input| input.txout.value).sum();
    assert_eq!(
        inputs,
        sum(target.payments) + selection.change.unwrap_or(Amount::ZERO) + selection.fee,
        "inputs = outputs + fee"
    );
    assert_eq!(
        selection.weight.to_wu(),
        independent_weight(selection, target),
        "weight agrees with bdk_coin_select"
    );

    let least = target.feerate.fee_wu(selection.weight).expect("small");
    let replacing = target.replacing.map_or(Amount::ZERO, |replacement| {
        replacement.least(selection.weight).expect("small")
    });
    let least = least.max(replacing);
    assert!(selection.fee >= least, "the feerate is paid");
    let tolerance = target
        .feerate
        .fee_wu(target.change.output_weight)
        .expect("small")
        + target
            .long_term_feerate
            .fee_wu(target.input_weight)
            .expect("small");
    match selection.change {
        Some(change) => {
            assert!(change >= target.change.min);
            assert_eq!(selection.fee, least, "with change, not a satoshi more");
        }
        None => assert!(
            selection.fee <= least + tolerance,
            "no more is given away than change costs"
        ),
    }
    assert!(selection.fee <= target.bounds.fee_max);
    assert!(
        selection.fee
            <= target
                .bounds
                .feerate_max
                .fee_wu(selection.weight)
                .expect("small")
    );
    assert!(!selection.inputs.is_empty() && selection.inputs.len() <= target.bounds.max_inputs);
    let mut outpoints: Vec<_> = selection
        .inputs
        .iter()
        .map(|input| input.outpoint)
        .collect();
    outpoints.sort_unstable();
    outpoints.dedup();
    assert_eq!(outpoints.len(), selection.inputs.len(), "no coin twice");
    assert!(
        selection
            .inputs
            .iter()
            .all(|input| candidates.contains(input)),
        "only coins that were offered"
    );
}

#[test]
fn set_without_change_is_found_among_many() {
    let payments = payments(&[700_000, 300_000]);
    let target = target(&payments);
    let cost = Cost::new(&target, 40).expect("small");
    let exact = cost.least(2).expect("priced");
    let mut values: Vec<u64> = (0..38).map(|number| 3_000_000 + number * 77_777).collect();
    values.extend([600_000, exact - 600_000]);
    let candidates = coins(&values);
    let selection = select(&candidates, &target, [1; 32]).expect("enough");
    check(&selection, &candidates, &target);
    assert_eq!(
        (selection.found_by, selection.change, selection.inputs.len()),
        (Search::Exact, None, 2)
    );
}

#[test]
fn rest_below_the_least_change_takes_another_coin() {
    let payments = payments(&[1_000_000]);
    let target = target(&payments);
    // The first coin would leave some 45,000 sat: too little for change, too much to give away.
    let candidates = coins(&[1_050_000, 400_000]);
    let selection = select(&candidates, &target, [1; 32]).expect("enough");
    check(&selection, &candidates, &target);
    assert_eq!(selection.inputs.len(), 2);
}

#[test]
fn rest_below_the_least_change_is_named_when_there_is_no_other_coin() {
    let payments = payments(&[1_000_000]);
    let error = select(&coins(&[1_050_000]), &target(&payments), [1; 32])
        .expect_err("neither change nor exact");
    assert!(
        matches!(error, SelectionError::ChangeBelowMinimum { left, .. } if left > Amount::from_sat(40_000)),
        "{error}"
    );
}

#[test]
fn too_little_money_is_a_shortfall_with_figures() {
    let payments = payments(&[1_000_000]);
    let error =
        select(&coins(&[400_000, 500_000]), &target(&payments), [1; 32]).expect_err("too little");
    let SelectionError::Shortfall { available, needed } = error else {
        panic!("{error}")
    };
    assert_eq!(available, Amount::from_sat(900_000));
    assert!(needed > Amount::from_sat(1_000_000));
    let error = select(&[], &target(&payments), [1; 32]).expect_err("nothing");
    assert!(
        matches!(
            error,
            SelectionError::Shortfall {
                available: Amount::ZERO,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn coins_that_cost_more_than_they_hold_do_not_count() {
    let payments = payments(&[1_000_000]);
    let mut values = vec![1_200; 2_000];
    values.push(900_000);
    let error =
        select(&coins(&values), &target(&payments), [1; 32]).expect_err("dust does not help");
    assert!(
        matches!(error, SelectionError::Shortfall { available, .. } if available == Amount::from_sat(900_000)),
        "{error}"
    );
}

#[test]
fn money_in_too_many_coins_is_named_as_such() {
    let payments = payments(&[10_000_000]);
    let error = select(&coins(&[100_000; 200]), &target(&payments), [1; 32])
        .expect_err("50 inputs hold five million");
    let SelectionError::TooFragmented {
        max_inputs,
        reachable,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((max_inputs, reachable), (50, Amount::from_sat(5_000_000)));
}

#[test]
fn fee_and_feerate_above_the_caps_are_refused() {
    let payments = payments(&[1_000_000]);
    let mut capped = target(&payments);
    capped.bounds.fee_max = Amount::from_sat(1_000);
    let error = select(&coins(&[5_000_000]), &capped, [1; 32]).expect_err("fee above the cap");
    assert!(
        matches!(error, SelectionError::FeeAboveCap { cap, .. } if cap == Amount::from_sat(1_000)),
        "{error}"
    );
    capped.bounds.feerate_max = FeeRate::from_sat_per_kwu(2_499);
    let error = select(&coins(&[5_000_000]), &capped, [1; 32]).expect_err("feerate above the cap");
    assert!(
        matches!(error, SelectionError::FeerateAboveCap { .. }),
        "{error}"
    );
}

#[test]
fn feerate_at_the_cap_gives_nothing_away() {
    let payments = payments(&[1_000_000]);
    let mut at_cap = target(&payments);
    at_cap.bounds.feerate_max = at_cap.feerate;
    let exact = Cost::new(&at_cap, 1)
        .expect("small")
        .least(1)
        .expect("priced");
    let selection = select(&coins(&[exact]), &at_cap, [1; 32]).expect("exact");
    assert_eq!(selection.change, None);
    let error =
        select(&coins(&[exact + 1]), &at_cap, [1; 32]).expect_err("one satoshi above the cap");
    assert!(
        matches!(
            error,
            SelectionError::ChangeBelowMinimum { .. } | SelectionError::FeeAboveCap { .. }
        ),
        "{error}"
    );
}

#[test]
fn nothing_to_pay_and_sums_beyond_integers_are_refused() {
    assert_eq!(
        select(&coins(&[1_000_000]), &target(&[]), [1; 32]).expect_err("nothing to pay"),
        SelectionError::NothingToPay
    );
    let huge = payments(&[u64::MAX, 1]);
    assert_eq!(
        select(&coins(&[1_000_000]), &target(&huge), [1; 32]).expect_err("overflow"),
        SelectionError::Overflow
    );
    let payments = payments(&[1]);
    assert_eq!(
        select(&coins(&[u64::MAX, u64::MAX]), &target(&payments), [1; 32]).expect_err("overflow"),
        SelectionError::Overflow
    );
}

#[test]
fn hundred_thousand_coins_are_searched_in_bounded_steps() {
    let values: Vec<u64> = (0..100_000_u64)
        .rev()
        .map(|number| 200_000 + number * 13)
        .collect();
    let payments = payments(&[40_000_000, 1_234_567]);
    let target = target(&payments);
    let cost = Cost::new(&target, values.len()).expect("small");
    assert!(exact::find_exact(&values, &cost).rounds <= exact::ROUNDS);
    let equal = vec![300_000; 100_000];
    assert!(exact::find_exact(&equal, &cost).rounds <= exact::ROUNDS);
    let candidates = coins(&values);
    let selection = select(&candidates, &target, [9; 32]).expect("enough");
    assert_eq!(
        selection
            .inputs
            .iter()
            .map(|input| input.txout.value)
            .sum::<Amount>(),
        sum(&payments) + selection.change.unwrap_or(Amount::ZERO) + selection.fee
    );
}

prop_compose! {
    fn arbitrary_change_and_bounds()(
        feerate in 25_u64..40_000,
        long_term in 250_u64..10_000,
        change_min in 330_u64..300_000,
        max_inputs in 1_usize..60,
        fee_max in 1_000_u64..2_000_000,
        headroom in 0_u64..5_000,
    ) -> (FeeRate, FeeRate, Amount, Bounds) {
        (
            FeeRate::from_sat_per_kwu(feerate),
            FeeRate::from_sat_per_kwu(long_term),
            Amount::from_sat(change_min),
            Bounds { max_inputs, fee_max: Amount::from_sat(fee_max), feerate_max: FeeRate::from_sat_per_kwu(feerate + headroom) },
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_choice_keeps_the_money_rules_and_is_decided_by_the_seed(
        values in prop::collection::vec(300_u64..3_000_000, 0..300),
        paid in prop::collection::vec(1_000_u64..2_000_000, 1..12),
        (feerate, long_term_feerate, change_min, bounds) in arbitrary_change_and_bounds(),
        seed in any::<[u8; 32]>(),
    ) {
        let payments = payments(&paid);
        let candidates = coins(&values);
        let target = Target {
            feerate,
            long_term_feerate,
            change: ChangePolicy { min: change_min, output_weight: CHANGE_WEIGHT },
            bounds,
            ..target(&payments)
        };
        let first = select(&candidates, &target, seed);
        let mut reversed = candidates.clone();
        reversed.reverse();
        prop_assert_eq!(&first, &select(&reversed, &target, seed), "the order of the candidates does not matter");
        match first {
            Ok(selection) => check(&selection, &candidates, &target),
            Err(SelectionError::Shortfall { available, needed }) => prop_assert!(available < needed),
            Err(SelectionError::TooFragmented { reachable, needed, .. }) => prop_assert!(reachable < needed),
            Err(SelectionError::FeeAboveCap { fee, cap }) => prop_assert!(fee > cap),
            Err(SelectionError::ChangeBelowMinimum { left, min, .. }) => prop_assert!(left < min),
            Err(other @ (SelectionError::NothingToPay | SelectionError::FeerateAboveCap { .. }
                | SelectionError::AboveMost { .. } | SelectionError::TooHeavy { .. } | SelectionError::TooManyRequired { .. }
                | SelectionError::BeyondDevices { .. } | SelectionError::Overflow)) => {
                prop_assert!(false, "{}", other);
            }
        }
    }
}

#[test]
fn coins_that_must_be_spent_are_spent_even_where_others_would_be_cheaper() {
    let payments = payments(&[400_000]);
    let free = coins(&[500_000, 600_000, 700_000]);
    let required = [coin(90, 200), coin(91, 1_000)];
    let target = Target {
        required: &required,
        ..target(&payments)
    };
    let selection = select(&free, &target, [1; 32]).expect("enough");
    for coin in &required {
        assert!(selection.inputs.contains(coin));
    }
    assert_eq!(selection.inputs.len(), 3);
    let alone = Target {
        required: &free,
        ..target
    };
    let selection = select(&[], &alone, [1; 32]).expect("they suffice");
    assert_eq!(selection.inputs.len(), 3);
    assert_eq!(selection.found_by, Search::Required);
    let mut few = alone;
    few.bounds.max_inputs = 2;
    assert_eq!(
        select(&[], &few, [1; 32]),
        Err(SelectionError::TooManyRequired {
            required: 3,
            max_inputs: 2
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_choice_spends_what_must_be_spent_and_pays_for_what_it_replaces(
        values in prop::collection::vec(300_u64..3_000_000, 0..40),
        must in prop::collection::vec(300_u64..3_000_000, 1..5),
        paid in prop::collection::vec(1_000_u64..2_000_000, 1..6),
        fee in 100_u64..100_000,
        seed in any::<[u8; 32]>(),
    ) {
        let payments = payments(&paid);
        let required: Vec<Candidate> = (10_000_u32..).zip(&must).map(|(number, sat)| coin(number, *sat)).collect();
        // They stand among the free ones, too, and must not be spent twice.
        let candidates: Vec<Candidate> = coins(&values).into_iter().chain(required.clone()).collect();
        let spent: Vec<OutPoint> = required.iter().map(|coin| coin.outpoint).collect();
        let old = Replaceable::child(
            Txid::from_byte_array([9; 32]), Amount::from_sat(fee), Weight::from_wu(2_000), &spent, &[]);
        let replacement = Replacement::by_spending(&spent, &[old], IncrementalFee::CORE_30);
        let target = Target { required: &required, replacing: replacement.as_ref(), ..target(&payments) };
        match select(&candidates, &target, seed) {
            Ok(selection) => {
                check(&selection, &candidates, &target);
                for coin in &required {
                    prop_assert!(selection.inputs.contains(coin));
                }
            }
            Err(SelectionError::Shortfall { available, needed }) => prop_assert!(available < needed),
            Err(SelectionError::TooFragmented { reachable, needed, .. }) => prop_assert!(reachable < needed),
            Err(SelectionError::FeeAboveCap { fee, cap }) => prop_assert!(fee > cap),
            Err(SelectionError::ChangeBelowMinimum { left, min, .. }) => prop_assert!(left < min),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
