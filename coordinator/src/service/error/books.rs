//! What is refused about the books.

use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::account_statement::period::PeriodError;

/// A refusal about the books.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// No address, deposit or withdrawal bears this reference.
    #[error("nothing bears the reference {reference:?}")]
    UnknownReference {
        /// The reference, at most 80 characters of it.
        reference: String,
    },
    /// A reference that is not below 0, or no account.
    #[error("the reference {reference:?} is not below 0, or references are no accounts here")]
    NotNegative {
        /// The reference, at most 80 characters of it.
        reference: String,
    },
    /// There is no such request for a reconciliation of this vault, or nothing is left of it to call off.
    #[error("no reconciliation {request} of this vault is going on")]
    NoReconciliation {
        /// Its number.
        request: u64,
    },
    /// A text that is no period.
    #[error(transparent)]
    Period(PeriodError),
}

impl BooksError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownReference { .. } => (
                "unknown_reference",
                Class::NotFound,
                "write it as the address or the intent has it; `book show` lists all that have entries",
            ),
            Self::NotNegative { .. } => (
                "customer_not_negative",
                Class::Conflict,
                "nothing is held because of it; `customer list` names those that are",
            ),
            Self::NoReconciliation { .. } => (
                "no_reconciliation",
                Class::Conflict,
                "it has its result or was called off; `reconcile --deep` begins another one",
            ),
            Self::Period(PeriodError::NotADate { .. }) => (
                "not_a_period",
                Class::Malformed,
                "name a month such as 2026-10 or a day such as 2026-10-31, in UTC",
            ),
            Self::Period(PeriodError::Backwards { .. }) => (
                "period_backwards",
                Class::Malformed,
                "name the earlier month or day first",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownReference { reference } | Self::NotNegative { reference } => {
                json!({ "reference": reference })
            }
            Self::NoReconciliation { request } => json!({ "request": request }),
            Self::Period(PeriodError::NotADate { text }) => json!({ "text": text }),
            Self::Period(PeriodError::Backwards { from, to }) => json!({ "from": from, "to": to }),
        }
    }
}
