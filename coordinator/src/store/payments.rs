//! The withdrawals that each attempt pays.

use bitcoin::hashes::Hash as _;
use bitcoin::{ScriptBuf, Txid};
use policies::{IntentKind, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::attempts::{self, AttemptRow};
use super::withdrawals::{WithdrawalKey, WithdrawalRow};

/// Stores that an attempt pays a withdrawal, after all that did before.
///
/// # Errors
/// A unique violation if it does already.
pub async fn insert(
    tx: &mut Transaction,
    attempt: Txid,
    key: &WithdrawalKey,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO attempt_payment (attempt, vault, requester, withdrawal, turn)
         SELECT $1, $2, $3, $4, COALESCE(MAX(turn), 0) + 1 FROM attempt_payment
         WHERE vault = $2 AND requester = $3 AND withdrawal = $4",
        &[
            attempt.to_byte_array().into(),
            key.vault.to_bytes().into(),
            key.requester.as_str().into(),
            key.id.as_str().into(),
        ],
    )
    .await
}

/// The scripts that withdrawals of a vault were ever batched to, the last one paid first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn paid_scripts(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<ScriptBuf>, DatabaseError> {
    tx.rows(
        "SELECT script_pubkey, MAX(submitted_at) AS last FROM withdrawal
         WHERE vault = $1
             AND state IN ('batched', 'signing', 'broadcast', 'confirmed', 'settled', 'failed')
         GROUP BY script_pubkey ORDER BY last DESC, script_pubkey LIMIT $2",
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| Ok(ScriptBuf::from_bytes(row.bytes("script_pubkey")?.to_vec())))
    .collect()
}

/// The withdrawals that an attempt pays.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_attempt(
    tx: &mut Transaction,
    attempt: Txid,
) -> Result<Vec<WithdrawalKey>, DatabaseError> {
    tx.rows(
        "SELECT vault, requester, withdrawal FROM attempt_payment WHERE attempt = $1
         ORDER BY requester, withdrawal",
        &[attempt.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(key)
    .collect()
}

/// The attempts that pay a withdrawal, in the order in which they were issued.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn paying(
    tx: &mut Transaction,
    key: &WithdrawalKey,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    let found = tx
        .rows(
            "SELECT attempt FROM attempt_payment
             WHERE vault = $1 AND requester = $2 AND withdrawal = $3 ORDER BY turn",
            &[
                key.vault.to_bytes().into(),
                key.requester.as_str().into(),
                key.id.as_str().into(),
            ],
        )
        .await?;
    let mut attempts = Vec::new();
    for row in &found {
        let txid = Txid::from_byte_array(row.array("attempt")?);
        attempts.extend(attempts::lookup(tx, txid).await?);
    }
    Ok(attempts)
}

/// The other attempts that pay a withdrawal which this one pays, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn beside(tx: &mut Transaction, attempt: Txid) -> Result<Vec<AttemptRow>, DatabaseError> {
    let found = tx
        .rows(
            "SELECT DISTINCT a.txid, a.created_at, a.number FROM attempt_payment own
             JOIN attempt_payment other ON other.vault = own.vault
                 AND other.requester = own.requester AND other.withdrawal = own.withdrawal
             JOIN attempt a ON a.txid = other.attempt
             WHERE own.attempt = $1 AND other.attempt <> $1 AND a.state <> 'draft'
             ORDER BY a.created_at, a.number, a.txid",
            &[attempt.to_byte_array().into()],
        )
        .await?;
    attempts::of_rows(tx, &found).await
}

/// The attempts that were ever issued for what one output could pay together with this withdrawal: for
/// itself, for the same script and amount, or for the same script where one of them sweeps. Oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_line(
    tx: &mut Transaction,
    withdrawal: &WithdrawalRow,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    let intent = &withdrawal.intent;
    let found = tx
        .rows(
            "SELECT DISTINCT a.txid, a.created_at, a.number
             FROM withdrawal w
             JOIN attempt_payment p ON p.vault = w.vault AND p.requester = w.requester AND p.withdrawal = w.id
             JOIN attempt a ON a.txid = p.attempt
             WHERE w.vault = $1 AND w.script_pubkey = $2 AND (w.amount = $3 OR w.sweep = 1 OR $4 = 1)
                 AND a.state <> 'draft'
             ORDER BY a.created_at, a.number, a.txid",
            &[
                withdrawal.key.vault.to_bytes().into(),
                intent.script_pubkey.to_bytes().into(),
                Value::from_u64(intent.amount.to_sat())?,
                (intent.kind == IntentKind::Sweep).into(),
            ],
        )
        .await?;
    attempts::of_rows(tx, &found).await
}

fn key(row: &Row) -> Result<WithdrawalKey, DatabaseError> {
    Ok(WithdrawalKey {
        vault: VaultId::from_bytes(row.array("vault")?),
        requester: row.parse("requester", "a requester's name")?,
        id: row.parse("withdrawal", "a withdrawal's id")?,
    })
}
