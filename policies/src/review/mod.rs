//! The one check: may this transaction be signed?
//!
//! Everyone who decides calls [`review`]: the coordinator before issuing, every signer before signing,
//! user interface and command line to show. It has three parts: *structure* (the PSBT itself), *authority*
//! (intents, approvals, rules), *history* (the journal). Invariant: a [`Review`] exists only if nothing was
//! refused, and it holds the transaction as rebuilt here, so that a signer never signs what it was handed.

mod authority;
mod history;
mod refusal;
mod structure;
mod text;

use bitcoin::{Address, Amount, FeeRate, ScriptBuf, Transaction, TxOut, Txid, Weight};

pub use refusal::Refusal;
pub use text::{refusal_text, review_text};

use crate::descriptor::DerivedScript;
use crate::document::Policy;
use crate::ids::IntentHash;
use crate::intent::Intent;
use crate::journal::{History, SignedTransaction};
use crate::psbt::{Manifest, StrictPsbt};
use crate::time::UnixTime;

/// A transaction that may be signed, and all that a person or a signer needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a review that nobody reads protects nobody"]
pub struct Review {
    /// Its id, fixed because every input is segwit.
    pub txid: Txid,
    /// The unsigned transaction, rebuilt.
    pub transaction: Transaction,
    /// Its inputs, in order.
    pub inputs: Vec<ReviewedInput>,
    /// Payments, by output.
    pub payments: Vec<ReviewedPayment>,
    /// Change, by output.
    pub changes: Vec<ReviewedChange>,
    /// What the miners get.
    pub fee: Amount,
    /// Fee over weight, rounded up.
    pub feerate: FeeRate,
    /// Weight with the heaviest ordinary satisfaction of every input.
    pub weight: Weight,
    /// Intents carried because a paid one replaces them.
    pub replaced: Vec<Intent>,
    /// The manifest as received.
    pub manifest: Manifest,
    /// Hash of the manifest as received, for receipts.
    pub manifest_hash: [u8; 32],
    /// What deserves a second look, in words.
    pub warnings: Vec<String>,
}

/// An input, proven to be a coin of this vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedInput {
    /// The output it spends.
    pub previous: TxOut,
    /// Our script, derived.
    pub derived: DerivedScript,
}

/// A payment, proven to be asked for and approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedPayment {
    /// Position of the output.
    pub output: u32,
    /// What it pays.
    pub amount: Amount,
    /// The script paid.
    pub script_pubkey: ScriptBuf,
    /// Its address, where the script has one.
    pub address: Option<Address>,
    /// The intent.
    pub intent: Intent,
    /// The intent's hash.
    pub hash: IntentHash,
    /// Name of the rule that allows it.
    pub rule: String,
    /// Persons whose approvals count; empty where the rule is automatic.
    pub approved_by: Vec<String>,
}

/// Change, proven to come back to this vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedChange {
    /// Position of the output.
    pub output: u32,
    /// Index on the internal keychain.
    pub index: u32,
    /// Its amount.
    pub amount: Amount,
}

/// Reviews a transfer under the pinned policy, what was signed before, and the reviewer's clock.
///
/// `history` is [`History::none`] where there is no journal, as for the coordinator.
///
/// # Errors
///
/// Every reason found not to sign, never none.
pub fn review(
    psbt: &StrictPsbt,
    policy: &Policy,
    history: &History,
    now: UnixTime,
) -> Result<Review, Vec<Refusal>> {
    let now = history.now(now);
    let mut refusals = Vec::new();
    let structure = structure::examine(psbt, policy, now, &mut refusals);
    let authority = authority::examine(psbt, policy, history, now, &mut refusals);
    structure::examine_fees(&structure, policy, authority.paid, &mut refusals);
    let signed = SignedTransaction {
        txid: psbt.txid(),
        inputs: psbt
            .transaction()
            .input
            .iter()
            .map(|input| input.previous_output)
            .collect(),
        intents: authority
            .payments
            .iter()
            .map(|payment| payment.intent.clone())
            .collect(),
        replaced: authority.replaced.clone(),
        change_indexes: structure
            .changes
            .iter()
            .map(|change| change.index)
            .collect(),
        fee: structure.fee,
        at: now,
    };
    history::examine(&signed, &structure.changes, history, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let warnings = text::warnings(&authority.payments);
    Ok(Review {
        txid: signed.txid,
        transaction: structure.transaction,
        inputs: structure.inputs,
        payments: authority.payments,
        changes: structure.changes,
        fee: structure.fee,
        feerate: structure.feerate,
        weight: structure.weight,
        replaced: authority.replaced,
        manifest: psbt.manifest().clone(),
        manifest_hash: psbt.manifest_hash(),
        warnings,
    })
}

impl Review {
    /// Returns the journal's record of signing this, at the time given.
    pub fn signed_transaction(&self, at: UnixTime) -> SignedTransaction {
        SignedTransaction {
            txid: self.txid,
            inputs: self
                .transaction
                .input
                .iter()
                .map(|input| input.previous_output)
                .collect(),
            intents: self
                .payments
                .iter()
                .map(|payment| payment.intent.clone())
                .collect(),
            replaced: self.replaced.clone(),
            change_indexes: self.changes.iter().map(|change| change.index).collect(),
            fee: self.fee,
            at,
        }
    }

    /// Returns the sum of all payments.
    pub fn paid(&self) -> Amount {
        self.payments.iter().map(|payment| payment.amount).sum()
    }
}

#[cfg(all(test, feature = "signing"))]
mod tests;
#[cfg(all(test, feature = "signing"))]
pub(crate) mod world;
