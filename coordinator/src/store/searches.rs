//! What one search box finds among withdrawals: a bounded number of each, newest first.

use bitcoin::{Amount, Script};
use policies::VaultId;
use watchtower::store::database::{DatabaseError, Transaction, Value};

use super::withdrawals::{WithdrawalRow, read, select_withdrawals};

/// Withdrawals with this text in their id or their reference.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn withdrawals_by_text(
    tx: &mut Transaction,
    vault: VaultId,
    text: &str,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    let sql = tx.pick(
        select_withdrawals!(
            "WHERE vault = $1 AND (LOWER(id) LIKE $2 ESCAPE '!'
                 OR LOWER(json_extract(CAST(intent AS TEXT), '$.reference')) LIKE $2 ESCAPE '!')
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        select_withdrawals!(
            "WHERE vault = $1 AND (LOWER(id) LIKE $2 ESCAPE '!'
                 OR LOWER(convert_from(intent, 'UTF8')::json ->> 'reference') LIKE $2 ESCAPE '!')
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
    );
    tx.rows(
        sql,
        &[
            vault.to_bytes().into(),
            Value::containing(text),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Withdrawals that pay a script.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn withdrawals_to(
    tx: &mut Transaction,
    vault: VaultId,
    script: &Script,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND script_pubkey = $2
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        &[
            vault.to_bytes().into(),
            script.as_bytes().into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Withdrawals of exactly this amount.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn withdrawals_of(
    tx: &mut Transaction,
    vault: VaultId,
    amount: Amount,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND amount = $2
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        &[
            vault.to_bytes().into(),
            Value::from_u64(amount.to_sat())?,
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}
