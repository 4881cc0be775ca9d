//! The signatures under statements that verified: those about open lists and those about a whole vault stand in tables
//! of their own, which are alike.

use policies::hash::Purpose;
use policies::{Approval, KeyId, Signature, Subject, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A signature under a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementApprovalRow {
    /// The signature.
    pub approval: Approval,
    /// The approver's name.
    pub approver: String,
    /// When it came in.
    pub received_at: UnixTime,
}

/// Where signatures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Under statements about open lists.
    List,
    /// Under stops, releases, goes and acknowledgements.
    Vault,
}

/// The statement that stores a signature in a table.
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (vault, subject, approving_key, purpose, approver, expires, signature, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
        )
    };
}

/// The statement that reads the signatures under one subject from a table.
macro_rules! select_from {
    ($table:literal) => {
        concat!(
            "SELECT subject, approving_key, purpose, approver, expires, signature, received_at FROM ",
            $table,
            " WHERE vault = $1 AND subject = $2 ORDER BY expires, approving_key"
        )
    };
}

impl Table {
    /// Stores a signature; says whether it is new.
    pub(super) async fn add(
        self,
        tx: &mut Transaction,
        vault: VaultId,
        row: &StatementApprovalRow,
    ) -> Result<bool, DatabaseError> {
        let statement = match self {
            Self::List => insert_into!("list_approval"),
            Self::Vault => insert_into!("vault_statement_approval"),
        };
        let inserted = tx
            .execute(
                statement,
                &[
                    vault.to_bytes().into(),
                    row.approval.subject.to_bytes().into(),
                    row.approval.key.to_bytes().into(),
                    i64::from(row.approval.purpose.to_byte()).into(),
                    row.approver.clone().into(),
                    Value::from_u64(row.approval.expires.as_secs())?,
                    row.approval.signature.encode().into(),
                    Value::from_u64(row.received_at.as_secs())?,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// The signatures under a statement; of each key the one that holds longest comes last.
    pub(super) async fn of(
        self,
        tx: &mut Transaction,
        vault: VaultId,
        subject: Subject,
    ) -> Result<Vec<StatementApprovalRow>, DatabaseError> {
        let statement = match self {
            Self::List => select_from!("list_approval"),
            Self::Vault => select_from!("vault_statement_approval"),
        };
        tx.rows(
            statement,
            &[vault.to_bytes().into(), subject.to_bytes().into()],
        )
        .await?
        .iter()
        .map(read)
        .collect()
    }
}

fn read(row: &Row) -> Result<StatementApprovalRow, DatabaseError> {
    let purpose = row.u32("purpose")?;
    let purpose = u8::try_from(purpose)
        .ok()
        .and_then(Purpose::from_byte)
        .ok_or_else(|| row.corrupt("purpose", "a purpose", &purpose.to_string()))?;
    let signature = Signature::decode(row.bytes("signature")?)
        .map_err(|error| row.corrupt("signature", "a signature", &error.to_string()))?;
    Ok(StatementApprovalRow {
        approval: Approval {
            purpose,
            subject: Subject::from_bytes(row.array("subject")?),
            expires: UnixTime::from_secs(row.u64("expires")?),
            key: KeyId::from_bytes(row.array("approving_key")?),
            signature,
        },
        approver: row.text("approver")?.to_owned(),
        received_at: UnixTime::from_secs(row.u64("received_at")?),
    })
}
