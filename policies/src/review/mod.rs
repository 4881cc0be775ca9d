//! The one check: may this transaction be signed?
//!
//! Everyone who decides calls [`review`]: the coordinator before issuing, every signer before signing,
//! user interface and command line to show. It has three parts: *structure* (the PSBT itself), *authority*
//! (intents, approvals, rules), *history* (the journal). Invariant: a [`Review`] exists only if nothing was
//! refused, and it holds the transaction as rebuilt here, so that a signer never signs what it was handed.

mod authority;
mod earlier;
mod history;
mod inclusion;
mod mode;
mod refusal;
mod spent;
mod stopped;
mod structure;

use bitcoin::{
    Address, Amount, BlockHash, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut, Txid, Weight,
};

pub use authority::statements;
pub use earlier::WitnessFault;
pub use refusal::{
    ApprovalRefusal, ChangeRefusal, EarlierRefusal, FeeRefusal, InclusionRefusal, JournalRefusal,
    Refusal,
};

use crate::descriptor::DerivedScript;
use crate::document::Policy;
use crate::ids::{IntentHash, Keyset};
use crate::intent::Intent;
use crate::journal::{AncestorInputs, Heard, History, SignedTransaction, SpendMode};
use crate::psbt::{Manifest, StrictPsbt};
use crate::rules::UsableEntry;
use crate::time::UnixTime;

/// A transaction that may be signed, and all that a person or a signer needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a review that nobody reads protects nobody"]
pub struct Review {
    /// What it is for, as far as bounds and budgets differ.
    pub mode: SpendMode,
    /// Its id, fixed because every input is segwit.
    pub txid: Txid,
    /// The unsigned transaction, rebuilt.
    pub transaction: Transaction,
    /// The former keyset whose coins it spends; none where they are the newest one's.
    pub former: Option<Keyset>,
    /// Its inputs, in order.
    pub inputs: Vec<ReviewedInput>,
    /// Payments, by output.
    pub payments: Vec<ReviewedPayment>,
    /// Change, by output.
    pub changes: Vec<ReviewedChange>,
    /// What a recovery pays to the policy's address, by output.
    pub recovered: Vec<ReviewedRecovery>,
    /// The blocks that the coins of a recovery must be old.
    pub older: Option<u16>,
    /// What the miners get.
    pub fee: Amount,
    /// Fee over weight, rounded up.
    pub feerate: FeeRate,
    /// Weight with the heaviest ordinary satisfaction of every input.
    pub weight: Weight,
    /// Intents carried because a paid one replaces them.
    pub replaced: Vec<Intent>,
    /// The earlier attempt, fully signed, that pays all of this already: nothing new is granted.
    pub granted_by: Option<Txid>,
    /// The ancestors that the file carries, by what they spend.
    pub ancestors: Vec<AncestorInputs>,
    /// Coins that the file shows in the chain.
    pub included: Vec<ReviewedInclusion>,
    /// Statements about open lists and stops that are seen here for the first time, for the journal.
    pub seen: Vec<Heard>,
    /// Persons who approved a spend to ourselves.
    pub maintained_by: Vec<String>,
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

/// A coin of this vault that this or a carried ancestor spends, shown in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedInclusion {
    /// The coin.
    pub outpoint: OutPoint,
    /// The block.
    pub block: BlockHash,
    /// The headers shown, the block's own included.
    pub confirmations: u32,
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
    /// Name of the rule that allows it; empty where nothing new is granted.
    pub rule: String,
    /// Persons whose approvals count; empty where the rule is automatic.
    pub approved_by: Vec<String>,
    /// Further persons who approved in the coordinator's page, where the rule counts them.
    pub page_approved_by: Vec<String>,
    /// The entry of an open list that allows it.
    pub entry: Option<UsableEntry>,
    /// What the rule's window has left after it.
    pub window: Option<WindowLeft>,
}

/// What a rule's window has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLeft {
    /// What it still allows.
    pub left: Amount,
    /// What it allows in all.
    pub of: Amount,
    /// Its length in seconds.
    pub per: u64,
}

/// An output of a recovery, proven to pay the policy's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedRecovery {
    /// Position of the output.
    pub output: u32,
    /// Its amount.
    pub amount: Amount,
    /// The script paid.
    pub script_pubkey: ScriptBuf,
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
    let spent = spent::find(psbt, policy);
    let mode = mode::examine(psbt, spent, &mut refusals);
    spent::examine(spent, mode.spend, &mut refusals);
    let structure = structure::examine(psbt, policy, mode, spent, now, &mut refusals);
    let authority = authority::examine(psbt, policy, mode.spend, history, now, &mut refusals);
    let stopped = stopped::examine(mode.spend, &authority.statements, history, &mut refusals);
    let paid = authority.paid.filter(|_| mode.spend == SpendMode::Pay);
    structure::examine_fees(&structure, policy, paid, &mut refusals);
    let ancestors = history::ancestors(psbt, &mut refusals);
    history::examine_receipts(psbt, policy, history, &mut refusals);
    let mut review = Review {
        mode: mode.spend,
        txid: psbt.txid(),
        transaction: structure.transaction.clone(),
        former: spent.former,
        inputs: structure.inputs.clone(),
        payments: authority.payments,
        changes: structure.changes.clone(),
        recovered: structure.recovered.clone(),
        older: mode.older,
        fee: structure.fee,
        feerate: structure.feerate,
        weight: structure.weight,
        replaced: authority.replaced,
        granted_by: authority.granted_by,
        ancestors,
        included: Vec::new(),
        seen: authority.statements,
        maintained_by: Vec::new(),
        manifest: psbt.manifest().clone(),
        manifest_hash: psbt.manifest_hash(),
        warnings: Vec::new(),
    };
    review
        .seen
        .retain(|heard| history.seen(heard.statement.subject().as_bytes()).is_none());
    let signed = review.signed_transaction(now);
    history::examine(&signed, &review.changes, policy, history, &mut refusals);
    review.maintained_by = history::examine_self_spend(
        &signed,
        policy,
        &authority.maintenance,
        stopped,
        history,
        &mut refusals,
    );
    review.included = inclusion::examine(psbt, policy, &structure, &signed, history, &mut refusals);
    if !refusals.is_empty() {
        // Of a transfer for others nothing fits; first is said that it is one.
        refusals.sort_by_key(|refusal| !matches!(refusal, Refusal::WrongPolicy { .. }));
        return Err(refusals);
    }
    review.warnings = crate::words::warnings(&review);
    Ok(review)
}

impl Review {
    /// Returns the journal's record of signing this, at the time given.
    pub fn signed_transaction(&self, at: UnixTime) -> SignedTransaction {
        SignedTransaction {
            txid: self.txid,
            mode: self.mode,
            inputs: self
                .transaction
                .input
                .iter()
                .map(|input| input.previous_output)
                .collect(),
            ancestors: self.ancestors.clone(),
            intents: self
                .payments
                .iter()
                .map(|payment| payment.intent.clone())
                .collect(),
            rules: self
                .payments
                .iter()
                .map(|payment| payment.rule.clone())
                .collect(),
            replaced: self.replaced.clone(),
            change_indexes: self.changes.iter().map(|change| change.index).collect(),
            fee: self.fee,
            at,
            given: None,
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
