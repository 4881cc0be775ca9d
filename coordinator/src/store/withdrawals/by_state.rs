//! Withdrawals by their state: what waits, what is open, what ran out, and what all of it asks for.

use bitcoin::Amount;
use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Transaction, Value};

use super::{WithdrawalRow, read, select_withdrawals};

/// The withdrawals of a vault, newest first; those of one state, if one is named.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    vault: VaultId,
    state: Option<&str>,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND ($2 = '' OR state = $2)
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        &[
            vault.to_bytes().into(),
            state.unwrap_or_default().into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The withdrawals that came in since then and that were approved once, newest first: all but those that nobody ever
/// approved or that were called off.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn approved_once(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND submitted_at >= $2
                 AND state NOT IN ('requested', 'rejected', 'expired', 'cancelled')
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        &[
            vault.to_bytes().into(),
            Value::from_u64(since.as_secs())?,
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The withdrawals of a vault that may still be paid or are not yet off the books, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1
                 AND state IN ('requested', 'approved', 'batched', 'signing', 'broadcast', 'confirmed')
             ORDER BY submitted_at, requester, id"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The approved withdrawals of a vault, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn approved(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND state = 'approved' AND length(request_signature) > 0
             ORDER BY submitted_at, requester, id LIMIT $2"
        ),
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// How many approved withdrawals a vault has.
///
/// # Errors
/// On a failed statement.
pub async fn count_approved(tx: &mut Transaction, vault: VaultId) -> Result<usize, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS waiting FROM withdrawal
             WHERE vault = $1 AND state = 'approved' AND length(request_signature) > 0",
            &[vault.to_bytes().into()],
        )
        .await?;
    let waiting = row.u64("waiting")?;
    Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
}

/// The withdrawals of a vault that wait for approvals, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn requested(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND state = 'requested'
             ORDER BY submitted_at, requester, id LIMIT $2"
        ),
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Withdrawals of any vault whose time ran out while nothing had been issued for them.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn overdue(
    tx: &mut Transaction,
    now: UnixTime,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE state IN ('requested', 'approved') AND expires <= $1
             ORDER BY expires, vault, requester, id LIMIT $2"
        ),
        &[Value::from_u64(now.as_secs())?, limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// What is promised and not yet backed by reserved coins: the requested and approved withdrawals.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn promised(tx: &mut Transaction, vault: VaultId) -> Result<Amount, DatabaseError> {
    tx.one_row(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS promised FROM withdrawal
         WHERE vault = $1 AND state IN ('requested', 'approved')",
        &[vault.to_bytes().into()],
    )
    .await?
    .u64("promised")
    .map(Amount::from_sat)
}
