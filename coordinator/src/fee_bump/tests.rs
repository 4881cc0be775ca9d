//! Tests of what replacements cost, at their boundaries.
#![expect(clippy::arithmetic_side_effects, reason = "figures of tests are small")]

use proptest::prelude::*;

use super::*;
use crate::exclusion::world::{coin, earlier, foreign, payment, transaction};

fn replaceable(number: u8, coins: &[u8], fee: u64, weight: u64) -> Replaceable {
    let coins: Vec<OutPoint> = coins.iter().map(|coin| foreign(*coin)).collect();
    let txid = foreign(number.wrapping_add(100)).txid;
    Replaceable::child(
        txid,
        Amount::from_sat(fee),
        Weight::from_wu(weight),
        &coins,
        &[],
    )
}

/// Whether two spend one outpoint with different transactions, compared one by one.
fn excludes(one: &Replaceable, other: &Replaceable) -> bool {
    one.spends.iter().any(|(outpoint, by)| {
        let mut spends = other.spends.iter();
        spends.any(|(spent, spender)| spent == outpoint && spender != by)
    })
}

fn replacing(among: &[Replaceable], coins: &[u8], incremental: u64) -> Replacement {
    let coins: Vec<OutPoint> = coins.iter().map(|coin| foreign(*coin)).collect();
    let incremental = IncrementalFee::from_sat_per_kvb(incremental);
    Replacement::by_spending(&coins, among, incremental).expect("it conflicts")
}

/// What nodes ask of one conflict: the rules of Bitcoin Core 31, and the one it had before.
fn is_relayed(fee: u64, weight: u64, old: (u64, u64), incremental: u64) -> bool {
    let (size, old_size) = (weight.div_ceil(4), old.1.div_ceil(4));
    let pays_for_itself = fee >= old.0 + (incremental * size).div_ceil(1_000);
    let improves = fee > old.0 && fee * old.1 >= old.0 * weight;
    let above = fee * 1_000 / size > old.0 * 1_000 / old_size;
    pays_for_itself && improves && above
}

#[test]
fn what_conflicts_with_nothing_replaces_nothing() {
    let among = [replaceable(1, &[1], 1_000, 800)];
    let found = Replacement::by_spending(&[foreign(2)], &among, IncrementalFee::CORE_30);
    assert_eq!(found, None);
}

#[test]
fn a_replacement_of_equal_size_pays_the_old_fee_and_its_own_relay_to_the_satoshi() {
    // 701 weight units are 176 virtual bytes: 17.6 sat at 100 sat/kvB.
    let replacement = replacing(&[replaceable(1, &[1], 1_000, 701)], &[1], 100);
    assert_eq!(replacement.fees(), Amount::from_sat(1_000));
    let least = replacement.least(Weight::from_wu(701)).expect("money");
    assert_eq!(least, Amount::from_sat(1_018));
    assert!(is_relayed(1_018, 701, (1_000, 701), 100));
    assert!(!is_relayed(1_017, 701, (1_000, 701), 100));
}

#[test]
fn a_larger_replacement_pays_a_feerate_above_the_old_one() {
    let replacement = replacing(&[replaceable(1, &[1], 5_000, 800)], &[1], 100);
    let least = replacement.least(Weight::from_wu(1_600)).expect("money");
    // 25 sat/vB for 400 virtual bytes, and at least one satoshi per 1,000 more.
    assert_eq!(least, Amount::from_sat(10_001));
    assert!(!is_relayed(10_000, 1_600, (5_000, 800), 100));
}

#[test]
fn attempts_that_exclude_one_another_cost_the_dearest_and_merged_batches_cost_both() {
    let bumped = [
        replaceable(1, &[1], 1_000, 800),
        replaceable(2, &[1, 2], 2_500, 900),
    ];
    assert_eq!(
        replacing(&bumped, &[1], 100).fees(),
        Amount::from_sat(2_500)
    );
    let merged = [bumped[0].clone(), replaceable(3, &[3], 700, 800)];
    let both = replacing(&merged, &[1, 3], 100);
    assert_eq!(both.fees(), Amount::from_sat(1_700));
    assert_eq!(both.replaces().len(), 2);
}

#[test]
fn what_descends_from_the_replaced_one_goes_with_it_and_is_paid_for() {
    let parent = replaceable(1, &[1], 1_000, 800);
    let change = OutPoint::new(parent.txid, 1);
    let child = Replaceable::child(
        foreign(50).txid,
        Amount::from_sat(400),
        Weight::from_wu(800),
        &[change],
        &[&parent],
    );
    let rival = replaceable(2, &[1], 1_200, 800);
    let among = [parent, child, rival];
    assert_eq!(
        replacing(&among, &[1], 100).fees(),
        Amount::from_sat(1_400),
        "parent and child, or the rival"
    );
}

#[test]
fn an_attempt_whose_witnesses_are_known_weighs_what_it_weighs() {
    let deposit = transaction(1, &[foreign(1)], 1);
    let own = transaction(2, &[coin(&deposit, 0).outpoint], 2);
    let issued = earlier(&own, &[], &[payment("w1", 1)]);
    let lightest = Weight::from_wu(900);
    assert_eq!(Replaceable::of(&issued, lightest).weight, lightest);
    let complete = issued.completed(own.clone());
    assert_eq!(Replaceable::of(&complete, lightest).weight, own.weight());
}

#[test]
fn fees_beyond_all_money_are_none() {
    let all = Amount::MAX_MONEY.to_sat();
    let replacement = replacing(&[replaceable(1, &[1], all, 800)], &[1], 100);
    assert_eq!(replacement.least(Weight::from_wu(800)), None);
}

#[test]
fn a_child_that_pays_for_its_parent_counts_together_with_it_and_not_alone() {
    let parent = replaceable(1, &[1], 1_000, 800);
    let change = OutPoint::new(parent.txid, 1);
    let child = |fee| {
        let (fee, weight) = (Amount::from_sat(fee), Weight::from_wu(400));
        Replaceable::child(foreign(50).txid, fee, weight, &[change], &[&parent])
    };
    let least = |fee, weight| {
        let among = [parent.clone(), child(fee)];
        let least = replacing(&among, &[1], 100).least(Weight::from_wu(weight));
        least.expect("money").to_sat()
    };
    // 5,000 sat for 300 virtual bytes, to be exceeded by 400: not the child's 40 sat/vB.
    assert_eq!(least(4_000, 1_600), 6_667);
    // What both pay, and the relay of 200 virtual bytes.
    assert_eq!(least(4_000, 800), 5_020);
    // A child that pays less than its parent leaves the parent's feerate to be exceeded.
    assert_eq!(least(100, 1_600), 2_001);
}

#[test]
fn sixteen_transactions_of_two_thousand_inputs_each_are_compared_once() {
    // None excludes another: all 65,536 sets are looked at, which must not compare inputs again.
    let among: Vec<Replaceable> = (0_u8..16)
        .map(|number| {
            let txid = foreign(number).txid;
            let coins: Vec<OutPoint> = (1_000..3_000)
                .map(|vout| OutPoint::new(txid, vout))
                .collect();
            let one = foreign(number.wrapping_add(100)).txid;
            Replaceable::child(one, Amount::ONE_SAT, Weight::from_wu(800), &coins, &[])
        })
        .collect();
    let all: Vec<&Replaceable> = among.iter().collect();
    assert_eq!(dearest(&all), Amount::from_sat(16));
}

proptest! {
    #[test]
    fn the_least_fee_is_relayed_and_every_lower_one_is_not(
        fee in 0_u64..1_000_000,
        old_weight in 400_u64..40_000,
        weight in 400_u64..40_000,
        incremental in 0_u64..5_000,
    ) {
        let replacement = replacing(&[replaceable(1, &[1], fee, old_weight)], &[1], incremental);
        let least = replacement.least(Weight::from_wu(weight)).expect("money").to_sat();
        prop_assert!(is_relayed(least, weight, (fee, old_weight), incremental));
        // The feerate by weight is held strictly above: that is a satoshi more at most.
        prop_assert!(!is_relayed(least - 2, weight, (fee, old_weight), incremental) || least < 2);
        let is_equal_by_weight = (least - 1) * old_weight == fee * weight;
        prop_assert!(
            is_equal_by_weight || !is_relayed(least - 1, weight, (fee, old_weight), incremental)
        );
    }

    #[test]
    fn the_dearest_set_is_the_dearest_of_all_sets_and_the_bound_is_never_lower(
        among in proptest::collection::vec((proptest::collection::vec(0_u8..6, 1..3), 1_u64..1_000), 1..9),
    ) {
        let among: Vec<Replaceable> = (0_u8..).zip(&among)
            .map(|(number, (coins, fee))| replaceable(number, coins, *fee, 800))
            .collect();
        let all: Vec<&Replaceable> = among.iter().collect();
        let naive = (0_u32..1 << all.len()).filter_map(|set| {
            let chosen: Vec<&&Replaceable> = all.iter().enumerate()
                .filter(|(position, _)| set & (1 << position) != 0).map(|(_, one)| one).collect();
            let apart = chosen.iter().enumerate().all(|(position, one)| {
                chosen.iter().skip(position + 1).all(|other| !excludes(one, other))
            });
            apart.then(|| chosen.iter().map(|one| one.fee.to_sat()).sum::<u64>())
        }).max();
        prop_assert_eq!(Some(dearest(&all).to_sat()), naive);
    }
}
