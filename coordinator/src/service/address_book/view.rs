//! An entry of the address book as pages show it.

use bitcoin::Amount;
use policies::UnixTime;

use super::drafting::EntryWarning;
use crate::service::lists::EntryView;
use crate::store::withdrawals::WithdrawalRow;

/// An entry with everything that was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// Its list.
    pub list: String,
    /// What it is and how it stands.
    pub entry: EntryView,
    /// Persons who must sign it.
    pub needed: u32,
    /// The group of whom they are; any approver if none.
    pub group: Option<String>,
    /// Who signed it, the first one first.
    pub approvals: Vec<Signed>,
    /// Who else could sign it.
    pub could: Vec<String>,
    /// Of whom each one can remove it alone.
    pub could_remove: Vec<String>,
    /// Who handed it in.
    pub proposed_by: String,
    /// When it was handed in.
    pub proposed_at: UnixTime,
    /// Seconds that it cools off at each signer.
    pub delay: u64,
    /// When it opens, by this coordinator's clock; none where it does not wait for a moment.
    pub opens_at: Option<UnixTime>,
    /// How its first small payment stands; none where the list asks for none.
    pub test: Option<TestStanding>,
    /// Who removed it, and when.
    pub removed: Option<Said>,
    /// The canonical text that is signed.
    pub statement: String,
    /// The text with its signatures, as `countersign-signer list` reads it; written where one entry is shown.
    pub file: String,
    /// What a person should look at twice; looked for where one entry is shown.
    pub warnings: Vec<EntryWarning>,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The approver.
    pub approver: String,
    /// When it came in.
    pub at: UnixTime,
}

/// What was said of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who signed it.
    pub by: Vec<Signed>,
    /// When enough had.
    pub at: UnixTime,
}

/// How the first small payment to an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestStanding {
    /// The most that it pays.
    pub most: Amount,
    /// The group of whom one person confirms it.
    pub group: String,
    /// Who can confirm it.
    pub could_confirm: Vec<String>,
    /// What was paid there, newest first.
    pub payments: Vec<Payment>,
    /// Who confirmed it, and when.
    pub confirmed: Option<Said>,
}

/// A withdrawal that pays an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The requester.
    pub requester: String,
    /// The withdrawal's id.
    pub id: String,
    /// What it pays.
    pub amount: Amount,
    /// Its state.
    pub state: &'static str,
}

impl Payment {
    pub(super) fn of(row: &WithdrawalRow) -> Self {
        Self {
            requester: row.key.requester.to_string(),
            id: row.key.id.to_string(),
            amount: row.intent.amount,
            state: row.state.name(),
        }
    }
}

impl TestStanding {
    /// How it stands in words.
    pub fn words(&self) -> &'static str {
        if self.confirmed.is_some() {
            "confirmed"
        } else if self.payments.is_empty() {
            "not paid yet"
        } else {
            "paid, waits for confirmation"
        }
    }
}
