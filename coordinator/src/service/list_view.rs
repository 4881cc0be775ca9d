//! A list of destinations and its entries as the service shows them.

use policies::{Subject, UnixTime};
use serde::Serialize;
use utoipa::ToSchema;

/// A list of destinations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListView {
    /// Its name in the policy.
    pub list: String,
    /// Destinations in the document itself.
    pub in_document: u32,
    /// Whether its quorum may add entries.
    pub open: bool,
    /// The group of whom persons add an entry, and of whom one removes it; any approver if none.
    pub group: Option<String>,
    /// Persons who must sign an addition.
    pub count: Option<u32>,
    /// Seconds that an entry cools off.
    pub delay_s: Option<u64>,
    /// The most of the first payment to an entry, before it is confirmed.
    pub test_first_sat: Option<u64>,
    /// The group of whom one person confirms the first payment.
    pub test_first_group: Option<String>,
}

/// A list with its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListEntriesView {
    /// The list.
    #[serde(flatten)]
    pub list: ListView,
    /// Its entries beside those of the document, newest first.
    pub entries: Vec<EntryView>,
}

/// An entry of an open list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EntryView {
    /// The subject of the statement that added it.
    #[schema(value_type = String)]
    pub entry: Subject,
    /// Who it is, in words.
    pub label: String,
    /// The destination as an address of the vault's network.
    pub address: Option<String>,
    /// The destination, in hex.
    pub script_pubkey: String,
    /// `waiting_for_approvals`, `not_yet_valid`, `cooling_off`, `test_payment_only`,
    /// `awaiting_confirmation`, `in_force`, `expired` or `removed`.
    pub state: String,
    /// The state in words.
    pub says: String,
    /// The first moment at which it is on the list (unix seconds).
    #[schema(value_type = u64)]
    pub not_before: UnixTime,
    /// The first moment at which it is not any more (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// Persons who signed its addition.
    pub approved_by: Vec<String>,
    /// When enough had signed (unix seconds); each signer counts from when it saw that itself.
    #[schema(value_type = Option<u64>)]
    pub first_seen: Option<UnixTime>,
}
