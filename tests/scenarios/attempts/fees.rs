//! What a replacement costs, asked of Bitcoin Core: it takes the fee that is computed, and no satoshi less.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, OutPoint, Transaction, Weight};
use coordinator::fee_bump::{IncrementalFee, Replaceable, Replacement};
use harness::{Bitcoind, Failure, Outcome, Purse, field};
use serde_json::{Value, json};

const PAID: Amount = Amount::from_sat(50_000);

/// A transaction that waits in the mempool, and one that is to take its place.
struct Case {
    fee: u64,
    payments: u8,
    /// The fee of a child that waits too.
    child: Option<u64>,
    payments_instead: u8,
}

fn payments(count: u8) -> Vec<(bitcoin::Address, Amount)> {
    (1..=count)
        .map(|number| (Purse::stranger(number), PAID))
        .collect()
}

fn spent(transaction: &Transaction) -> Vec<OutPoint> {
    let inputs = transaction.input.iter();
    inputs.map(|input| input.previous_output).collect()
}

/// Whether the node would take a transaction, or why not.
fn answer(node: &Bitcoind, transaction: &Transaction) -> Result<Result<(), String>, Failure> {
    let hex = serialize_hex(transaction);
    let tested: Value = node.call("testmempoolaccept", json!([[hex]]))?;
    Ok(if tested[0]["allowed"] == true {
        Ok(())
    } else {
        Err(field(&tested[0], "reject-reason")?)
    })
}

/// What the node says of a fee that is so many satoshi lower.
struct Refusal {
    less: u64,
    reason: &'static str,
}

/// Whether the node takes the fee computed, and refuses a lower one.
#[track_caller]
fn is_exact(node: &Bitcoind, incremental: u64, case: &Case, refusal: &Refusal) -> Outcome {
    let any = node.funding(&payments(case.payments))?;
    let fee = Amount::from_sat(case.fee);
    let old = node.rival(&any, &payments(case.payments), fee)?;
    node.broadcast(&old)?;
    let replaceable = |one: &Transaction, fee, parents: &[&Replaceable]| {
        Replaceable::child(one.compute_txid(), fee, one.weight(), &spent(one), parents)
    };
    let mut among = vec![replaceable(&old, fee, &[])];
    if let Some(fee) = case.child {
        let fee = Amount::from_sat(fee);
        let child = node.child(&old, fee)?;
        node.broadcast(&child)?;
        among.push(replaceable(&child, fee, &[&among[0]]));
    }
    let at = |fee: Amount| node.rival(&old, &payments(case.payments_instead), fee);
    let weight: Weight = at(fee)?.weight();
    let incremental = IncrementalFee::from_sat_per_kvb(incremental);
    let replacement = Replacement::by_spending(&spent(&old), &among, incremental)
        .ok_or_else(|| Failure::new("it replaces nothing"))?;
    let least = (replacement.least(weight)).ok_or_else(|| Failure::new("it costs too much"))?;
    let (enough, too_little) = (at(least)?, at(least - Amount::from_sat(refusal.less))?);
    assert_eq!((enough.weight(), too_little.weight()), (weight, weight));
    let refused = answer(node, &too_little)?.expect_err("it pays too little");
    assert_eq!(refused, refusal.reason);
    assert_eq!(answer(node, &enough)?, Ok(()), "at {least}");
    node.broadcast(&enough)?;
    assert!(!node.mempool()?.contains(&old.compute_txid()));
    node.mine(1)?;
    Ok(())
}

/// Replacements of equal size, smaller ones, and such as evict a child: the node takes the fee that is computed,
/// and refuses it one satoshi lower.
#[track_caller]
fn core_agrees_to_the_satoshi(node: &Bitcoind, incremental: u64) -> Outcome {
    for (fee, payments, child, payments_instead) in [
        (1_000, 1, None, 1),
        (1_777, 3, None, 3),
        (5_001, 4, None, 1),
        (1_000, 1, Some(900), 1),
        (2_000, 6, Some(4_321), 2),
    ] {
        let case = Case {
            fee,
            payments,
            child,
            payments_instead,
        };
        let refusal = Refusal {
            less: 1,
            reason: "insufficient fee",
        };
        is_exact(node, incremental, &case, &refusal)?;
    }
    Ok(())
}

#[test]
fn core_takes_the_fee_computed_and_no_satoshi_less() -> Outcome {
    core_agrees_to_the_satoshi(&Bitcoind::start()?, 100)
}

#[test]
fn core_that_asks_a_satoshi_a_byte_takes_the_fee_computed_and_no_satoshi_less() -> Outcome {
    core_agrees_to_the_satoshi(&Bitcoind::start_with_dear_replacements()?, 1_000)
}

/// A larger replacement pays a feerate above the old one, as nodes have asked: this one asks that it be no lower,
/// which is a satoshi less at most.
#[test]
fn core_takes_a_larger_replacement_at_a_higher_feerate_alone() -> Outcome {
    let node = Bitcoind::start()?;
    for (fee, payments, payments_instead) in [(5_000, 1, 6), (9_999, 2, 9)] {
        let case = Case {
            fee,
            payments,
            child: None,
            payments_instead,
        };
        let refusal = Refusal {
            less: 2,
            reason: "replacement-failed",
        };
        is_exact(&node, 100, &case, &refusal)?;
    }
    Ok(())
}
