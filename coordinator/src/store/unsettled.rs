//! What is not settled yet, in sums and at its oldest: read by state, never through history.

use bitcoin::Amount;
use policies::VaultId;
use watchtower::store::database::{DatabaseError, Transaction};

use super::withdrawals::{WithdrawalRow, read, select_withdrawals};

/// What is on its way: the withdrawals whose transaction was handed over and is not settled.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn in_flight(tx: &mut Transaction, vault: VaultId) -> Result<Amount, DatabaseError> {
    tx.one_row(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS sent FROM withdrawal
         WHERE vault = $1 AND state IN ('broadcast', 'confirmed')",
        &[vault.to_bytes().into()],
    )
    .await?
    .u64("sent")
    .map(Amount::from_sat)
}

/// The withdrawal that waits longest to be settled.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn oldest_open(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<WithdrawalRow>, DatabaseError> {
    tx.optional_row(
        select_withdrawals!(
            "WHERE vault = $1
                 AND state IN ('requested', 'approved', 'batched', 'signing', 'broadcast', 'confirmed')
             ORDER BY submitted_at, requester, id LIMIT 1"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}
