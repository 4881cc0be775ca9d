//! A statement about an open list as the service shows it, and as signers take it down.

use bitcoin::hex::DisplayHex;
use policies::document::Policy;
use policies::rules::entitlement;
use policies::{KeyId, Subject, UnixTime};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::ServiceError;
use super::lists::entry_of;
use super::standing::holding;
use crate::store::statements::{self, StatementRow};

/// A person's signature under a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatementApprovalView {
    /// The purpose of the signature.
    pub purpose: String,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// The key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature record in hex.
    pub signature: String,
    /// The approver's name in the policy.
    pub approver: String,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub received_at: UnixTime,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatementView {
    /// What signatures on it are about.
    #[schema(value_type = String)]
    pub subject: Subject,
    /// `list-add`, `list-remove` or `list-confirm`; `stop`, `release`, `go` or `ack`.
    pub purpose: String,
    /// The entry that it is about: its own subject where it adds one.
    #[schema(value_type = Option<String>)]
    pub entry: Option<Subject>,
    /// The list that it is about.
    pub list: Option<String>,
    /// The stop that it is about: its own subject where it stops.
    #[schema(value_type = Option<String>)]
    pub stop: Option<Subject>,
    /// The canonical text, as it is signed.
    pub statement: String,
    /// Persons demanded.
    pub needed: u32,
    /// Persons whose signatures count.
    pub approved_by: Vec<String>,
    /// Its signatures.
    pub approvals: Vec<StatementApprovalView>,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub stored_at: UnixTime,
    /// When enough persons had signed it (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub entitled_at: Option<UnixTime>,
    /// Of a stop: since when it is released, and stops nothing (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub released_at: Option<UnixTime>,
}

pub(super) async fn view(
    tx: &mut Transaction,
    policy: &Policy,
    row: &StatementRow,
    now: UnixTime,
) -> Result<StatementView, ServiceError> {
    let add = entry_of(tx, row.vault, &row.statement).await?;
    let held = holding(tx, row.vault, row.subject, now).await?;
    let counted = entitlement(policy, &row.statement, &add, &held, now);
    let (needed, approved_by) = counted.map_or((0, Vec::new()), |counted| {
        (counted.needed, counted.approved_by)
    });
    let rows = statements::approvals_of(tx, row.vault, row.subject).await?;
    Ok(StatementView {
        subject: row.subject,
        purpose: row.statement.purpose().to_string(),
        entry: Some(row.statement.entry().unwrap_or(row.subject)),
        list: Some(row.list.clone()),
        stop: None,
        statement: String::from_utf8_lossy(&row.statement.encode()).into_owned(),
        needed,
        approved_by,
        approvals: rows
            .into_iter()
            .map(|row| StatementApprovalView {
                purpose: row.approval.purpose.to_string(),
                expires: row.approval.expires,
                key: row.approval.key,
                signature: row.approval.signature.encode().to_lower_hex_string(),
                approver: row.approver,
                received_at: row.received_at,
            })
            .collect(),
        stored_at: row.stored_at,
        entitled_at: row.entitled_at,
        released_at: None,
    })
}
