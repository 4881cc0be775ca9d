//! Which coins a settled transaction spends, as the watchtower's events told.

use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Txid};
use watchtower::store::database::{DatabaseError, Transaction};

/// Says whether the transaction that spends a coin is settled.
///
/// # Errors
/// On a failed statement.
pub async fn set(
    tx: &mut Transaction,
    coin: OutPoint,
    spender: Txid,
    settled: bool,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO settled_spend (txid, vout, spender, settled) VALUES ($1, $2, $3, $4)
         ON CONFLICT (txid, vout, spender) DO UPDATE SET settled = $4",
        &[
            coin.txid.to_byte_array().into(),
            coin.vout.into(),
            spender.to_byte_array().into(),
            settled.into(),
        ],
    )
    .await
}

/// A settled transaction that spends a coin of this attempt, which therefore can never confirm.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn excluding(tx: &mut Transaction, attempt: Txid) -> Result<Option<Txid>, DatabaseError> {
    tx.optional_row(
        "SELECT s.spender FROM settled_spend s
         JOIN attempt_input i ON i.txid = s.txid AND i.vout = s.vout
         WHERE i.attempt = $1 AND s.spender <> $1 AND s.settled = 1 ORDER BY s.spender LIMIT 1",
        &[attempt.to_byte_array().into()],
    )
    .await?
    .map(|row| row.array("spender").map(Txid::from_byte_array))
    .transpose()
}
