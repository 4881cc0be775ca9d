//! The Creator: the unsigned transaction (BIP 174).
//!
//! Version 2, every sequence 0xFFFFFFFD (replaceable by BIP 125, no relative timelock; a recovery's is its
//! path's timelock), and the tip's height as locktime, so that a miner gains nothing by replacing the tip (anti fee sniping).
//! Inputs and outputs stand in an order drawn by the seed, so that places say nothing about change.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;

use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
    absolute::{Height, LockTime},
    transaction::Version,
};

use crate::coin_selection::Draw;

/// The unsigned transaction, and where everything stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Created {
    /// The transaction, without any witness.
    pub transaction: Transaction,
    /// For each payment, in the order given, its output.
    pub payments: Vec<u32>,
    /// The output of the change, if there is one.
    pub change: Option<u32>,
}

/// Why no transaction was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreatorError {
    /// There is no coin to spend.
    #[error("there is no input")]
    NoInputs,
    /// There is no payment.
    #[error("there is no payment")]
    NoPayments,
    /// One coin stands twice among the inputs.
    #[error("coin {outpoint} is spent twice")]
    CoinTwice {
        /// The coin.
        outpoint: OutPoint,
    },
    /// Two outputs are equal in script and amount: each could be taken for the other.
    #[error("two outputs pay {amount} to the same script {script_pubkey}")]
    EqualOutputs {
        /// Their script.
        script_pubkey: ScriptBuf,
        /// Their amount.
        amount: Amount,
    },
    /// The height cannot be a locktime.
    #[error("{height} is not a height of the chain")]
    NotAHeight {
        /// The height given.
        height: u32,
    },
    /// There are more outputs than a transaction can number.
    #[error("{outputs} outputs are too many")]
    TooManyOutputs {
        /// Payments and change.
        outputs: usize,
    },
}

/// Makes the unsigned transaction that spends `coins` to one output and nothing else, at the height `tip`.
/// Every input has the same sequence: [`Sequence::ENABLE_RBF_NO_LOCKTIME`], or the age in blocks that a
/// recovery path demands (BIP 68).
///
/// # Errors
/// Returns why the coins cannot stand in one transaction.
pub fn create_lone(
    coins: &[OutPoint],
    output: TxOut,
    sequence: Sequence,
    tip: u32,
    seed: [u8; 32],
) -> Result<Transaction, CreatorError> {
    Ok(Transaction {
        version: Version::TWO,
        lock_time: LockTime::Blocks(height(tip)?),
        input: inputs(coins, sequence, seed)?,
        output: vec![output],
    })
}

/// The inputs in an order drawn by the seed.
fn inputs(
    coins: &[OutPoint],
    sequence: Sequence,
    seed: [u8; 32],
) -> Result<Vec<TxIn>, CreatorError> {
    if coins.is_empty() {
        return Err(CreatorError::NoInputs);
    }
    let mut seen = BTreeSet::new();
    if let Some(outpoint) = coins.iter().find(|outpoint| !seen.insert(**outpoint)) {
        return Err(CreatorError::CoinTwice {
            outpoint: *outpoint,
        });
    }
    // From one order first, so that the order of the caller's rows never shows.
    let mut inputs: Vec<OutPoint> = coins.to_vec();
    inputs.sort_unstable();
    Draw::new("inputs", seed).shuffle(&mut inputs);
    Ok(inputs
        .into_iter()
        .map(|previous_output| TxIn {
            previous_output,
            script_sig: ScriptBuf::new(),
            sequence,
            witness: Witness::new(),
        })
        .collect())
}

fn height(tip: u32) -> Result<Height, CreatorError> {
    Height::from_consensus(tip).map_err(|_| CreatorError::NotAHeight { height: tip })
}

/// Makes the unsigned transaction that spends `coins` to `payments` and `change` at the height `tip`.
///
/// # Errors
/// Returns why the coins or payments cannot stand in one transaction.
pub fn create(
    coins: &[OutPoint],
    payments: &[TxOut],
    change: Option<TxOut>,
    tip: u32,
    seed: [u8; 32],
) -> Result<Created, CreatorError> {
    if coins.is_empty() {
        return Err(CreatorError::NoInputs);
    }
    if payments.is_empty() {
        return Err(CreatorError::NoPayments);
    }
    let inputs = inputs(coins, Sequence::ENABLE_RBF_NO_LOCKTIME, seed)?;
    let height = height(tip)?;

    let change_place = change.is_some().then_some(payments.len());
    let outputs: Vec<TxOut> = payments.iter().cloned().chain(change).collect();
    let mut seen = BTreeSet::new();
    if let Some(output) = outputs
        .iter()
        .find(|output| !seen.insert((&output.script_pubkey, output.value)))
    {
        return Err(CreatorError::EqualOutputs {
            script_pubkey: output.script_pubkey.clone(),
            amount: output.value,
        });
    }
    let count = u32::try_from(outputs.len()).map_err(|_| CreatorError::TooManyOutputs {
        outputs: outputs.len(),
    })?;

    let mut placed: Vec<(usize, TxOut)> = outputs.into_iter().enumerate().collect();
    placed.sort_by(|(_, a), (_, b)| (&a.script_pubkey, a.value).cmp(&(&b.script_pubkey, b.value)));
    Draw::new("outputs", seed).shuffle(&mut placed);

    let output_of = |wanted: usize| {
        (0..count)
            .zip(&placed)
            .find(|(_, (place, _))| *place == wanted)
            .map(|(output, _)| output)
    };
    let payment_outputs = (0..payments.len()).filter_map(output_of).collect();
    let change_output = change_place.and_then(output_of);
    Ok(Created {
        payments: payment_outputs,
        change: change_output,
        transaction: Transaction {
            version: Version::TWO,
            lock_time: LockTime::Blocks(height),
            input: inputs,
            output: placed.into_iter().map(|(_, output)| output).collect(),
        },
    })
}

#[cfg(test)]
mod tests {
    use bitcoin::{
        Amount, OutPoint, ScriptBuf, Sequence, TxOut, Txid, WScriptHash, hashes::Hash as _,
    };

    use super::{CreatorError, create, create_lone};

    fn outpoint(number: u8) -> OutPoint {
        OutPoint {
            txid: Txid::from_byte_array([number; 32]),
            vout: u32::from(number),
        }
    }

    fn output(number: u8, sat: u64) -> TxOut {
        TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([number; 32])),
        }
    }

    #[test]
    fn transaction_is_version_2_replaceable_and_locked_to_the_tip() {
        let created = create(
            &[outpoint(1), outpoint(2)],
            &[output(1, 5_000)],
            Some(output(9, 70_000)),
            321,
            [7; 32],
        )
        .expect("valid");
        let transaction = &created.transaction;
        assert_eq!(transaction.version.0, 2);
        assert_eq!(transaction.lock_time.to_consensus_u32(), 321);
        assert!(
            transaction
                .input
                .iter()
                .all(|input| input.sequence == Sequence(0xffff_fffd) && input.witness.is_empty())
        );
    }

    #[test]
    fn a_lone_output_is_spent_to_at_the_age_that_is_asked_for() {
        let coins = [outpoint(1), outpoint(2)];
        let made =
            create_lone(&coins, output(9, 70_000), Sequence(12), 321, [7; 32]).expect("valid");
        assert_eq!(
            (made.version.0, made.lock_time.to_consensus_u32()),
            (2, 321)
        );
        assert!(
            made.input
                .iter()
                .all(|input| input.sequence == Sequence(12))
        );
        assert_eq!(made.output, [output(9, 70_000)]);
        let twice = [outpoint(1), outpoint(1)];
        assert!(matches!(
            create_lone(&twice, output(9, 70_000), Sequence(12), 321, [7; 32]),
            Err(CreatorError::CoinTwice { .. })
        ));
    }

    #[test]
    fn seed_decides_the_places_and_the_places_are_told() {
        let payments: Vec<TxOut> = (1..=8)
            .map(|number| output(number, 1_000 * u64::from(number)))
            .collect();
        let coins: Vec<_> = (1..=5).map(outpoint).collect();
        let made = |seed: u8| {
            create(
                &coins,
                &payments,
                Some(output(99, 123_456)),
                100,
                [seed; 32],
            )
            .expect("valid")
        };
        let created = made(1);
        assert_eq!(created, made(1));
        assert_ne!(
            created.transaction.compute_txid(),
            made(2).transaction.compute_txid()
        );
        for (payment, place) in payments.iter().zip(&created.payments) {
            assert_eq!(
                Some(payment),
                created
                    .transaction
                    .output
                    .get(usize::try_from(*place).expect("small"))
            );
        }
        let change = created.change.and_then(|place| {
            created
                .transaction
                .output
                .get(usize::try_from(place).expect("small"))
        });
        assert_eq!(change, Some(&output(99, 123_456)));
        let places: std::collections::BTreeSet<_> = (0..40).map(|seed| made(seed).change).collect();
        assert!(places.len() > 4, "change stands in many places");
    }

    #[test]
    fn order_of_coins_and_payments_does_not_show() {
        let payments: Vec<TxOut> = (1..=8).map(|number| output(number, 1_000)).collect();
        let coins: Vec<_> = (1..=5).map(outpoint).collect();
        let forwards = create(&coins, &payments, None, 100, [3; 32]).expect("valid");
        let backwards = create(
            &coins.iter().rev().copied().collect::<Vec<_>>(),
            &payments.iter().rev().cloned().collect::<Vec<_>>(),
            None,
            100,
            [3; 32],
        )
        .expect("valid");
        assert_eq!(forwards.transaction, backwards.transaction);
        assert_eq!(forwards.change, None);
    }

    #[test]
    fn what_cannot_stand_in_one_transaction_is_refused() {
        let refusal = |coins: &[OutPoint], payments: &[TxOut], change, tip| {
            create(coins, payments, change, tip, [0; 32]).expect_err("refused")
        };
        assert_eq!(
            refusal(&[], &[output(1, 1)], None, 1),
            CreatorError::NoInputs
        );
        assert_eq!(
            refusal(&[outpoint(1)], &[], None, 1),
            CreatorError::NoPayments
        );
        assert_eq!(
            refusal(&[outpoint(1), outpoint(1)], &[output(1, 1)], None, 1),
            CreatorError::CoinTwice {
                outpoint: outpoint(1)
            }
        );
        assert!(matches!(
            refusal(
                &[outpoint(1)],
                &[output(1, 1), output(2, 1), output(1, 1)],
                None,
                1
            ),
            CreatorError::EqualOutputs { .. }
        ));
        assert!(matches!(
            refusal(&[outpoint(1)], &[output(1, 1)], Some(output(1, 1)), 1),
            CreatorError::EqualOutputs { .. }
        ));
        assert_eq!(
            refusal(&[outpoint(1)], &[output(1, 1)], None, 500_000_000),
            CreatorError::NotAHeight {
                height: 500_000_000
            }
        );
    }
}
