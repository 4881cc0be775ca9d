//! What a journal's budgets and receipts, and the ancestors carried for it, forbid.

use bitcoin::{Amount, Txid};
use serde::Serialize;

use crate::ids::Subject;
use crate::intent::PublicKey;
use crate::journal::{ReceiptError, Rollback};
use crate::time::UnixTime;

/// One reason of a signer's own memory, besides what was signed before, not to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum JournalRefusal {
    /// Spends to ourselves exceed their budget, and too few approved this one.
    #[error("{count} spends to ourselves with fees of {fees} are beyond their budget; {} approved this one", .approved.len())]
    SelfSpendBudget {
        /// The fees in the window, with this one.
        #[serde(rename = "fees_sat", with = "bitcoin::amount::serde::as_sat")]
        fees: Amount,
        /// The spends in the window, with this one.
        count: u32,
        /// Persons who must approve beyond the budget; none where the policy names nobody.
        needed: Option<u32>,
        /// The persons who approved.
        approved: Vec<String>,
    },
    /// The vault is stopped.
    #[error("the vault was stopped {created}: {reason:?} (stop {stop}, {stops} in force)")]
    Stopped {
        /// The subject of the first stop in force.
        stop: Subject,
        /// When it was said.
        created: UnixTime,
        /// Why.
        reason: String,
        /// How many are in force.
        stops: usize,
    },
    /// The vault is stopped, and too few approved this spend to ourselves.
    #[error("the vault is stopped by {stop}; {} approved this spend to ourselves", .approved.len())]
    StoppedSelfSpend {
        /// The subject of the first stop in force.
        stop: Subject,
        /// Persons who must approve; none where the policy names nobody.
        needed: Option<u32>,
        /// The persons who approved.
        approved: Vec<String>,
    },
    /// More ancestors than are looked at.
    #[error("{found} ancestors, at most {max} are looked at")]
    TooManyAncestors {
        /// Ancestors found.
        found: usize,
        /// The most.
        max: usize,
    },
    /// The carried ancestors have more inputs than are remembered.
    #[error("the ancestors have {found} inputs together, at most {max} are remembered")]
    AncestorsTooLarge {
        /// Inputs found.
        found: usize,
        /// The most.
        max: usize,
    },
    /// More was signed for one withdrawal's line, or more often, than is remembered of one.
    #[error(
        "attempts with {found} inputs in all were signed for one withdrawal, at most {max} are remembered"
    )]
    TooManyAttempts {
        /// Inputs, inputs of ancestors, and entries.
        found: usize,
        /// The most.
        max: usize,
    },
    /// A carried ancestor is none.
    #[error("{txid} is carried as an ancestor, but nothing here spends it")]
    AncestorUnrelated {
        /// The transaction.
        txid: Txid,
    },
    /// All fees in the window exceed the budget.
    #[error("fees of {fees} within {window} s are above the budget of {budget}")]
    FeeBudget {
        /// The fees in the window, with this one.
        #[serde(rename = "fees_sat", with = "bitcoin::amount::serde::as_sat")]
        fees: Amount,
        /// The budget.
        #[serde(rename = "budget_sat", with = "bitcoin::amount::serde::as_sat")]
        budget: Amount,
        /// The length of the window in seconds.
        window: u64,
    },
    /// A receipt is not what its journal signed.
    #[error("the receipt of journal {journal} is wrong: {error}")]
    ReceiptWrong {
        /// The journal.
        journal: PublicKey,
        /// What is wrong.
        #[serde(serialize_with = "super::displayed")]
        error: ReceiptError,
    },
    /// A receipt of this journal shows that it forgot what it signed.
    #[error("this journal was rolled back or cloned: {rollback}")]
    RolledBack {
        /// What shows it.
        #[serde(flatten)]
        rollback: Rollback,
    },
}

impl JournalRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::SelfSpendBudget { .. } => "SELF_SPEND_BUDGET",
            Self::Stopped { .. } => "STOPPED",
            Self::StoppedSelfSpend { .. } => "STOPPED_SELF_SPEND",
            Self::TooManyAncestors { .. } => "TOO_MANY_ANCESTORS",
            Self::AncestorsTooLarge { .. } => "ANCESTORS_TOO_LARGE",
            Self::TooManyAttempts { .. } => "TOO_MANY_ATTEMPTS",
            Self::AncestorUnrelated { .. } => "ANCESTOR_UNRELATED",
            Self::FeeBudget { .. } => "FEE_BUDGET",
            Self::ReceiptWrong { .. } => "RECEIPT_WRONG",
            Self::RolledBack { .. } => "JOURNAL_ROLLED_BACK",
        }
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::SelfSpendBudget { .. } => {
                "wait, or have the persons of [maintenance] approve this transaction"
            }
            Self::Stopped { .. } => {
                "have each stop released by the persons of [stop], whose signed release every signer takes down"
            }
            Self::StoppedSelfSpend { .. } => {
                "have the persons of [maintenance] approve this transaction, or the stop released"
            }
            Self::FeeBudget { .. } => {
                "wait until earlier fees leave the window, or change the policy's budget"
            }
            Self::RolledBack { .. } => {
                "stop signing with this machine, and restore its journal before anything else"
            }
            Self::TooManyAncestors { .. } | Self::AncestorsTooLarge { .. } => {
                "leave out ancestors of attempts that conflict by an input"
            }
            Self::TooManyAttempts { .. } => {
                "broadcast one of them; paying it otherwise needs a new withdrawal that repeats it"
            }
            Self::AncestorUnrelated { .. } | Self::ReceiptWrong { .. } => super::advice::TELL,
        }
    }
}
