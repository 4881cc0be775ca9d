//! An unsigned transaction with our own account of what it spends.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Transaction, TxOut, Txid};
use policies::{
    DerivedScript,
    psbt::{Intake, Issued, OfferedSignature, OfferedSlot, VerifiedSignature},
};

/// A coin that an attempt spends, with the script that we derived for it ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentCoin {
    /// The coin.
    pub outpoint: OutPoint,
    /// Its script and amount.
    pub prevout: TxOut,
    /// The script of the vault that it must pay.
    pub derived: DerivedScript,
}

/// A transaction whose every input is a coin of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTransaction {
    unsigned: Transaction,
    txid: Txid,
    previous_outputs: Vec<TxOut>,
    scripts: Vec<DerivedScript>,
}

/// Why coins are not those of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuedError {
    /// A coin was not given for an input.
    #[error("input {input} spends {spent}, which is not among the coins given")]
    UnknownCoin {
        /// The input.
        input: usize,
        /// What it spends.
        spent: OutPoint,
    },
    /// A coin does not pay the script derived for it.
    #[error("the coin of input {input} does not pay the script of the vault")]
    ForeignScript {
        /// The input.
        input: usize,
    },
}

impl IssuedTransaction {
    /// Finds every input of `unsigned` among `coins`, which may come in any order.
    ///
    /// # Errors
    /// Returns the first input whose coin is missing or pays another script.
    pub fn new(unsigned: Transaction, coins: &[SpentCoin]) -> Result<Self, IssuedError> {
        let by_outpoint: BTreeMap<OutPoint, &SpentCoin> =
            coins.iter().map(|coin| (coin.outpoint, coin)).collect();
        let mut previous_outputs = Vec::with_capacity(unsigned.input.len());
        let mut scripts = Vec::with_capacity(unsigned.input.len());
        for (input, txin) in unsigned.input.iter().enumerate() {
            let spent = txin.previous_output;
            let coin = by_outpoint
                .get(&spent)
                .ok_or(IssuedError::UnknownCoin { input, spent })?;
            if coin.prevout.script_pubkey != coin.derived.script_pubkey {
                return Err(IssuedError::ForeignScript { input });
            }
            previous_outputs.push(coin.prevout.clone());
            scripts.push(coin.derived.clone());
        }
        Ok(Self {
            txid: unsigned.compute_txid(),
            unsigned,
            previous_outputs,
            scripts,
        })
    }

    /// The transaction, without any witness.
    pub fn unsigned(&self) -> &Transaction {
        &self.unsigned
    }

    /// Its txid, which signing does not change.
    pub fn txid(&self) -> Txid {
        self.txid
    }

    /// What each input spends.
    pub fn previous_outputs(&self) -> &[TxOut] {
        &self.previous_outputs
    }

    /// The vault's script of each input.
    pub fn scripts(&self) -> &[DerivedScript] {
        &self.scripts
    }

    /// The same, as signatures are taken for it.
    pub fn issued(&self) -> Issued<'_> {
        Issued {
            transaction: &self.unsigned,
            previous_outputs: &self.previous_outputs,
            scripts: &self.scripts,
        }
    }

    /// Stored signatures as if a signer returned them now, input by input.
    pub fn offer(&self, signatures: impl IntoIterator<Item = OfferedSignature>) -> Intake {
        let mut signatures: Vec<OfferedSignature> = signatures.into_iter().collect();
        signatures.sort();
        Intake {
            txid: self.txid,
            signatures,
            receipts: Vec::new(),
        }
    }
}

/// A verified signature in the form in which it is offered again.
pub fn offer_again(verified: &VerifiedSignature) -> OfferedSignature {
    OfferedSignature {
        input: verified.input(),
        slot: OfferedSlot::Place(verified.key()),
        bytes: verified.signature().to_vec(),
    }
}
