//! Tests of anchors, with a journal as the judge that knows nothing of how they were found.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Transaction, Txid, Witness};
use policies::{History, Intent};
use proptest::prelude::*;

use super::world::{
    ancestors_of, coin, earlier, foreign, inputs_of, known, payment, planned, record, transaction,
};
use super::*;
use crate::coin_selection::Candidate;

fn judge(issued: &[&Earlier]) -> History {
    let mut history = History::none();
    for one in issued {
        assert_eq!(history.admits(&one.record), Ok(()), "issued exclusively");
        history.record(one.record.clone());
    }
    history
}

#[test]
fn nothing_is_required_where_nothing_was_issued() {
    let deposit = transaction(1, &[foreign(1)], 2);
    let found = anchors(&[], &[coin(&deposit, 0)], &BTreeMap::new(), 10).expect("free");
    assert_eq!(found, Anchors::default());
}

#[test]
fn an_input_in_common_with_all_earlier_ones_is_the_only_anchor() {
    let deposit = transaction(1, &[foreign(1)], 4);
    let (a, b, c) = (coin(&deposit, 0), coin(&deposit, 1), coin(&deposit, 2));
    let w1 = [payment("w1", 1)];
    let t1 = transaction(2, &[a.outpoint, b.outpoint], 2);
    let t2 = transaction(3, &[b.outpoint, c.outpoint], 2);
    let issued = [earlier(&t1, &[], &w1), earlier(&t2, &[], &w1)];
    let found = anchors(&issued, &[a, b.clone(), c], &known(&[&deposit]), 10).expect("found");
    assert_eq!(found.required, [b]);
    assert!(found.carried.is_empty());
    let history = judge(&issued.iter().collect::<Vec<_>>());
    assert_eq!(history.admits(&planned(&found, &w1)), Ok(()));
}

#[test]
fn the_third_of_a_triangle_needs_an_input_of_each_of_the_two() {
    // t2 shares an input with t1; sharing one with t2 alone does not exclude t1.
    let deposit = transaction(1, &[foreign(1)], 4);
    let (a, b, c) = (coin(&deposit, 0), coin(&deposit, 1), coin(&deposit, 2));
    let w1 = [payment("w1", 1)];
    let t1 = transaction(2, &[a.outpoint, b.outpoint], 1);
    let t2 = transaction(3, &[b.outpoint, c.outpoint], 1);
    let issued = [earlier(&t1, &[], &w1), earlier(&t2, &[], &w1)];
    let coins = [a.clone(), c.clone()];
    let found = anchors(&issued, &coins, &known(&[&deposit]), 10).expect("found");
    assert_eq!(found.required.len(), 2);
    let refused =
        anchors(&issued, &[c], &known(&[&deposit]), 10).expect_err("t1 stands against it");
    assert_eq!(refused.earlier, t1.compute_txid());
    let together = anchors(&issued, &coins, &known(&[&deposit]), 1).expect_err("one input only");
    assert!(matches!(together.why, WhyNot::NotTogether { max: 1 }));
}

#[test]
fn what_a_settled_batch_left_out_is_paid_from_its_change_with_the_batch_carried() {
    let deposit = transaction(1, &[foreign(1)], 1);
    let a = coin(&deposit, 0);
    let (w1, w2) = (payment("w1", 1), payment("w2", 2));
    let both = transaction(2, &[a.outpoint], 3);
    let one = transaction(3, &[a.outpoint], 2);
    let issued = earlier(&both, &[], &[w1.clone(), w2.clone()]);
    let confirmed = earlier(&one, &[], &[w1]);
    let all = vec![issued.clone(), confirmed.clone()];
    let of_w2 = of_lines(std::slice::from_ref(&w2), &[], all);
    assert_eq!(of_w2, std::slice::from_ref(&issued));
    let change = coin(&one, 1);
    let mut signed = one.clone();
    signed.input[0].witness = Witness::from_slice(&[[7; 64]]);
    let found = anchors(
        &of_w2,
        std::slice::from_ref(&change),
        &known(&[&deposit, &signed]),
        10,
    )
    .expect("found");
    assert_eq!(found.required, std::slice::from_ref(&change));
    assert_eq!(found.carried, known(&[&one]), "without its witness");
    let history = judge(&[&issued, &confirmed]);
    assert_eq!(
        history.admits(&planned(&found, std::slice::from_ref(&w2))),
        Ok(())
    );
    let bare = transaction(4, &[change.outpoint], 1);
    let bare = record(&bare, &BTreeMap::new(), &[w2]);
    assert!(history.admits(&bare).is_err(), "not without the ancestor");
}

#[test]
fn what_is_carried_has_no_witness() {
    let deposit = transaction(1, &[foreign(1)], 1);
    let lost = transaction(2, &[coin(&deposit, 0).outpoint], 1);
    let mut mined = transaction(3, &[coin(&deposit, 0).outpoint], 1);
    mined.input[0].witness.push([7; 64]);
    let issued = [earlier(&lost, &[], &[payment("w1", 1)])];
    let found = anchors(&issued, &[coin(&mined, 0)], &known(&[&mined]), 10).expect("found");
    let carried = &found.carried[&mined.compute_txid()];
    assert!(carried.input[0].witness.is_empty());
}

#[test]
fn a_child_of_the_earlier_attempt_s_own_change_excludes_nothing() {
    let deposit = transaction(1, &[foreign(1)], 1);
    let w1 = [payment("w1", 1)];
    let t1 = transaction(2, &[coin(&deposit, 0).outpoint], 2);
    let between = transaction(3, &[coin(&t1, 1).outpoint], 1);
    let issued = [earlier(&t1, &[], &w1)];
    let coins = [coin(&t1, 0), coin(&between, 0)];
    let known = known(&[&deposit, &t1, &between]);
    let refused = anchors(&issued, &coins, &known, 10).expect_err("none is exclusive");
    let inputs = vec![SpentInput {
        outpoint: coin(&deposit, 0).outpoint,
        spent_by: Some(t1.compute_txid()),
    }];
    let descendants = 2;
    assert_eq!(
        refused.why,
        WhyNot::NoCoin {
            inputs,
            descendants
        }
    );
}

#[test]
fn a_coinbase_as_common_ancestor_excludes_nothing() {
    let (one, other) = (
        transaction(1, &[OutPoint::null()], 1),
        transaction(2, &[OutPoint::null()], 1),
    );
    let w1 = [payment("w1", 1)];
    let t1 = transaction(3, &[coin(&one, 0).outpoint], 1);
    let issued = [earlier(&t1, &[&one], &w1)];
    let refused = anchors(&issued, &[coin(&other, 0)], &known(&[&one, &other]), 10);
    assert!(refused.is_err());
}

#[test]
fn a_parent_that_was_replaced_excludes_what_spent_it_through_the_parent_that_took_its_place() {
    let lost = transaction(1, &[foreign(1)], 1);
    let mined = transaction(2, &[foreign(1)], 1);
    let w1 = [payment("w1", 1)];
    let t1 = transaction(3, &[coin(&lost, 0).outpoint], 1);
    let bare = [earlier(&t1, &[], &w1)];
    let coins = [coin(&mined, 0)];
    let known = known(&[&lost, &mined]);
    assert!(
        anchors(&bare, &coins, &known, 10).is_err(),
        "signers of t1 never saw what its parent spends"
    );
    let issued = [earlier(&t1, &[&lost], &w1)];
    let found = anchors(&issued, &coins, &known, 10).expect("found");
    assert_eq!(found.carried.len(), 1);
    let history = judge(&[&issued[0]]);
    assert_eq!(history.admits(&planned(&found, &w1)), Ok(()));
}

#[test]
fn lines_hold_what_one_output_would_satisfy() {
    let deposit = transaction(1, &[foreign(1)], 1);
    let t1 = transaction(2, &[coin(&deposit, 0).outpoint], 1);
    let issued = vec![earlier(&t1, &[], &[payment("w1", 1)])];
    let same_output = [payment("another", 1)];
    assert_eq!(of_lines(&same_output, &[], issued.clone()), issued);
    assert!(of_lines(&[payment("another", 2)], &[], issued).is_empty());
}

#[test]
fn change_of_what_is_replaced_is_barred() {
    let deposit = transaction(1, &[foreign(1)], 3);
    let (a, b) = (coin(&deposit, 0), coin(&deposit, 1));
    let w1 = [payment("w1", 1)];
    let t1 = transaction(2, &[a.outpoint], 2);
    let (own_change, free) = (coin(&t1, 1), coin(&deposit, 2));
    let issued = [earlier(&t1, &[], &w1)];
    let coins = [a.clone(), b, own_change.clone(), free];
    let found = anchors(&issued, &coins, &known(&[&deposit, &t1]), 10).expect("found");
    assert_eq!(found.required, [a]);
    assert_eq!(found.barred, [own_change.outpoint].into());
}

#[test]
fn change_of_what_spends_a_required_coin_cannot_stand_beside_it() {
    let deposit = transaction(1, &[foreign(1)], 2);
    let (a, free) = (coin(&deposit, 0), coin(&deposit, 1));
    let w1 = [payment("w1", 1)];
    let t1 = transaction(2, &[a.outpoint], 1);
    let of_another_line = transaction(3, &[a.outpoint], 1);
    let change = coin(&of_another_line, 0);
    let issued = [earlier(&t1, &[], &w1)];
    let coins = [a.clone(), free, change.clone()];
    let known = known(&[&deposit, &of_another_line]);
    let found = anchors(&issued, &coins, &known, 10).expect("found");
    assert_eq!(found.required, [a]);
    assert_eq!(found.barred, [change.outpoint].into());
}

/// A made-up history: deposits that contradict one another, transactions of ours that were issued
/// exclusively, and which of all confirmed.
#[derive(Debug)]
struct Made {
    all: BTreeMap<Txid, Transaction>,
    issued: Vec<Earlier>,
    coins: Vec<Candidate>,
    paid: Vec<Intent>,
}

/// Steps of a made-up history: which outputs are spent, what is paid, what is carried, what confirms.
type Steps = Vec<(Vec<u8>, u8, bool, bool)>;

fn intents(mask: u8) -> Vec<Intent> {
    // The fourth could be satisfied by the first one's output.
    let all = [
        payment("w1", 1),
        payment("w2", 2),
        payment("w3", 3),
        payment("w4", 1),
    ];
    let chosen = all.into_iter().enumerate();
    chosen
        .filter(|(position, _)| mask & (1 << position) != 0)
        .map(|(_, intent)| intent)
        .collect()
}

fn world(deposits: &[(u8, bool)], steps: &Steps, paid: u8) -> Made {
    let mut all = BTreeMap::new();
    let mut outputs: Vec<OutPoint> = Vec::new();
    let mut order: Vec<(Transaction, bool)> = Vec::new();
    for (label, (parent, confirms)) in (0_u32..).zip(deposits) {
        let deposit = transaction(label, &[foreign(*parent)], 2);
        outputs.extend([0, 1].map(|vout| OutPoint::new(deposit.compute_txid(), vout)));
        all.insert(deposit.compute_txid(), deposit.clone());
        order.push((deposit, *confirms));
    }
    let mut history = History::none();
    let mut issued = Vec::new();
    for (label, (spends, pays, carries, confirms)) in (1_000_u32..).zip(steps) {
        let mut inputs: Vec<OutPoint> = spends
            .iter()
            .filter_map(|at| outputs.get(usize::from(*at) % outputs.len()))
            .copied()
            .collect();
        inputs.sort();
        inputs.dedup();
        let own = transaction(label, &inputs, 2);
        let carried = if *carries {
            ancestors_of(&inputs, &all)
        } else {
            BTreeMap::new()
        };
        let signed = record(&own, &carried, &intents(*pays));
        if history.admits(&signed).is_err() {
            continue;
        }
        history.record(signed);
        let carried: Vec<&Transaction> = carried.values().collect();
        issued.push(earlier(&own, &carried, &intents(*pays)));
        outputs.extend([0, 1].map(|vout| OutPoint::new(own.compute_txid(), vout)));
        all.insert(own.compute_txid(), own.clone());
        order.push((own, *confirms));
    }
    let mut spent = std::collections::BTreeSet::new();
    let mut unspent: std::collections::BTreeSet<OutPoint> = std::collections::BTreeSet::new();
    for (one, confirms) in order {
        let inputs = inputs_of(&one);
        let there = |input: &OutPoint| {
            !spent.contains(input) && (!all.contains_key(&input.txid) || unspent.contains(input))
        };
        if confirms && inputs.iter().all(there) {
            for input in inputs {
                unspent.remove(&input);
                spent.insert(input);
            }
            unspent.extend([0, 1].map(|vout| OutPoint::new(one.compute_txid(), vout)));
        }
    }
    let coins = unspent
        .iter()
        .filter_map(|outpoint| Some(coin(all.get(&outpoint.txid)?, outpoint.vout)))
        .take(7)
        .collect();
    Made {
        all,
        issued,
        coins,
        paid: intents(paid),
    }
}

/// The fewest coins with which an exclusive transaction can be made, by trying every set of them with every
/// known ancestor carried.
fn fewest(world: &Made, history: &History) -> Option<usize> {
    let sets = 1_u32 << world.coins.len();
    (1..sets)
        .filter(|set| {
            let chosen: Vec<OutPoint> = (world.coins.iter().enumerate())
                .filter(|(position, _)| set & (1 << position) != 0)
                .map(|(_, coin)| coin.outpoint)
                .collect();
            let carried = ancestors_of(&chosen, &world.all);
            let signed = record(&transaction(99_999, &chosen, 1), &carried, &world.paid);
            history.admits(&signed).is_ok()
        })
        .map(|set| usize::try_from(set.count_ones()).expect("small"))
        .min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_planned_is_admitted_and_whatever_is_possible_is_planned(
        deposits in proptest::collection::vec((0_u8..3, any::<bool>()), 1..5),
        steps in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 1..4), 0_u8..16, any::<bool>(), any::<bool>()), 1..8),
        paid in prop_oneof![Just(1_u8), Just(2), Just(4), Just(3), Just(6), Just(7), Just(8)],
    ) {
        let world = world(&deposits, &steps, paid);
        let mut history = History::none();
        for one in &world.issued {
            history.record(one.record.clone());
        }
        let relevant = of_lines(&world.paid, &[], world.issued.clone());
        let found = anchors(&relevant, &world.coins, &world.all, 10);
        let fewest = fewest(&world, &history);
        match found {
            Ok(found) => {
                if !found.required.is_empty() {
                    let signed = planned(&found, &world.paid);
                    prop_assert_eq!(history.admits(&signed), Ok(()));
                    prop_assert_eq!(Some(found.required.len()), fewest);
                }
                // Any free coin that is not barred may be spent beside them.
                let mut more = found.clone();
                let free = world.coins.iter().filter(|coin| {
                    !found.barred.contains(&coin.outpoint) && !found.required.contains(coin)
                });
                more.required.extend(free.cloned());
                if !more.required.is_empty() {
                    prop_assert_eq!(history.admits(&planned(&more, &world.paid)), Ok(()));
                }
            }
            Err(refused) => {
                prop_assert_eq!(fewest, None, "{}", refused);
                prop_assert!(relevant.iter().any(|one| one.txid() == refused.earlier));
            }
        }
    }
}
