//! How many bytes the PSBT of a transaction takes before it is built, without our records, as foreign devices
//! get it.
//!
//! Measured on PSBTs with one input of the vault, so that no list of fields is kept twice. Invariant: never less
//! than what is built then.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, VarInt, Witness,
};
use policies::Keychain;
use policies::descriptor::{ScriptKind, VaultDescriptor};

use crate::coin_selection::Candidate;
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::roles::updater::update;

/// What lengths of fields and counts take more in a larger PSBT than in the one measured: compact sizes of up to
/// five bytes instead of one, of the transaction and its two counts.
const LARGER_COUNTS: usize = 12;
/// What ends the map of an output that says nothing.
const EMPTY_MAP: usize = 1;

/// What the parts of a vault's PSBTs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PsbtSize {
    /// Everything but inputs and payments; one change output is in it.
    fixed: usize,
    /// An input, without its funding transaction.
    input: usize,
    /// Whether inputs carry their funding transactions.
    carries_fundings: bool,
}

impl PsbtSize {
    /// Of coins of a descriptor, with change that goes to another one or the same.
    pub(super) fn of(spent: &VaultDescriptor, change: &VaultDescriptor) -> Self {
        let (one, two) = (measure(spent, change, 1), measure(spent, change, 2));
        let carries_fundings = spent.kind() != ScriptKind::Tr;
        let funding = if carries_fundings {
            funding(spent, 0).total_size()
        } else {
            0
        };
        let with_funding = two.saturating_sub(one);
        Self {
            fixed: one
                .saturating_sub(with_funding)
                .saturating_add(LARGER_COUNTS),
            input: with_funding.saturating_sub(carried(funding)),
            carries_fundings,
        }
    }

    /// Everything but the inputs.
    pub(super) fn without_inputs(&self, payments: &[TxOut]) -> usize {
        payments.iter().fold(self.fixed, |sum, payment| {
            sum.saturating_add(payment.size()).saturating_add(EMPTY_MAP)
        })
    }

    /// One input whose funding transaction, if it is known, is this one.
    pub(super) fn input(&self, funding: Option<&Transaction>) -> usize {
        let funding = funding.filter(|_| self.carries_fundings);
        let size = funding.map_or(0, Transaction::total_size);
        self.input.saturating_add(carried(size))
    }

    /// What each of these coins takes as an input.
    pub(super) fn inputs(
        &self,
        coins: &[Candidate],
        fundings: &BTreeMap<Txid, Transaction>,
    ) -> BTreeMap<OutPoint, usize> {
        let sizes = coins.iter().map(|coin| {
            let funding = fundings.get(&coin.outpoint.txid);
            (coin.outpoint, self.input(funding))
        });
        sizes.collect()
    }
}

/// The bytes of a field of this length, with its length before it.
fn carried(length: usize) -> usize {
    VarInt::from(length).size().saturating_add(length)
}

/// A transaction that pays the script at an index of the vault.
fn funding(descriptor: &VaultDescriptor, index: u32) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: Vec::new(),
        output: vec![TxOut {
            value: Amount::ONE_SAT,
            script_pubkey: descriptor.at(Keychain::External, index).script_pubkey,
        }],
    }
}

fn measure(spent: &VaultDescriptor, change: &VaultDescriptor, inputs: u32) -> usize {
    let fundings: Vec<Transaction> = (0..inputs).map(|index| funding(spent, index)).collect();
    let coins: Vec<SpentCoin> = (0..)
        .zip(&fundings)
        .map(|(index, funding)| SpentCoin {
            outpoint: OutPoint::new(funding.compute_txid(), 0),
            prevout: funding.output.first().cloned().unwrap_or(TxOut::NULL),
            derived: spent.at(Keychain::External, index),
        })
        .collect();
    let derived = change.at(Keychain::Internal, 0);
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins
            .iter()
            .map(|coin| TxIn {
                previous_output: coin.outpoint,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            })
            .collect(),
        output: vec![TxOut {
            value: Amount::ONE_SAT,
            script_pubkey: derived.script_pubkey.clone(),
        }],
    };
    let issued = IssuedTransaction::new(transaction, &coins).expect("the coins are of the vault");
    let by_txid: BTreeMap<_, _> = fundings
        .into_iter()
        .map(|funding| (funding.compute_txid(), funding))
        .collect();
    let psbt = update(&issued, spent, &by_txid, Some((0, &derived)));
    psbt.expect("fundings and change are the vault's own")
        .serialize()
        .len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::fixture::{Kind, Vault};

    #[test]
    fn the_estimate_is_never_less_than_what_is_built_and_hardly_more() {
        for kind in [Kind::Wsh, Kind::SortedMulti, Kind::Tr, Kind::Wpkh] {
            let vault = Vault::new(kind).descriptor;
            let size = PsbtSize::of(&vault, &vault);
            for inputs in [1, 2, 40, 300] {
                let fundings = (0..inputs).map(|index| funding(&vault, index));
                let fundings: usize = fundings.map(|one| size.input(Some(&one))).sum();
                let estimated = fundings + size.without_inputs(&[]);
                let built = measure(&vault, &vault, inputs);
                assert!(
                    estimated >= built,
                    "{kind:?} {inputs}: {estimated} < {built}"
                );
                assert!(
                    estimated <= built + built / 50 + 40,
                    "{kind:?} {inputs}: {estimated} {built}"
                );
            }
        }
    }
}
