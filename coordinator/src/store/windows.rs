//! What counts in the rolling windows of rules, from the reservation of coins on.

use bitcoin::Amount;
use policies::{IntentHash, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Transaction, Value};

use crate::session::BatchId;

/// An intent that counts under a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRow {
    /// The intent.
    pub intent: IntentHash,
    /// The batch whose coins are reserved for it.
    pub batch: BatchId,
    /// The vault.
    pub vault: VaultId,
    /// The rule that allowed it.
    pub rule: String,
    /// Its amount.
    pub amount: Amount,
    /// When its coins were reserved.
    pub counted_at: UnixTime,
}

/// Counts an intent, also where the same batch counted it before.
///
/// # Errors
/// A unique violation if it counts through another batch.
pub async fn count(tx: &mut Transaction, row: &WindowRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO window_count (intent_hash, batch, vault, rule, amount, counted_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (intent_hash, batch) DO UPDATE SET released_at = NULL",
        &[
            row.intent.to_bytes().into(),
            row.batch.to_bytes().into(),
            row.vault.to_bytes().into(),
            row.rule.clone().into(),
            Value::from_u64(row.amount.to_sat())?,
            Value::from_u64(row.counted_at.as_secs())?,
        ],
    )
    .await
}

/// Whether an intent counts, under whatever rule.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn is_counted(tx: &mut Transaction, intent: IntentHash) -> Result<bool, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS counted FROM window_count WHERE intent_hash = $1 AND released_at IS NULL",
            &[intent.to_bytes().into()],
        )
        .await?;
    Ok(row.u64("counted")? > 0)
}

/// The sum of what was counted after `since` under a rule, or under a name that none of the `known` rules has: a
/// version that renames a rule must not open its window anew, and signers count so too.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn spent(
    tx: &mut Transaction,
    vault: VaultId,
    rule: &str,
    known: &[&str],
    since: UnixTime,
) -> Result<Amount, DatabaseError> {
    let sums = tx
        .rows(
            "SELECT rule, CAST(SUM(amount) AS BIGINT) AS spent FROM window_count
             WHERE vault = $1 AND counted_at > $2 AND released_at IS NULL GROUP BY rule",
            &[vault.to_bytes().into(), Value::from_u64(since.as_secs())?],
        )
        .await?;
    let mut spent = Amount::ZERO;
    for sum in &sums {
        let name = sum.text("rule")?;
        if name == rule || !known.contains(&name) {
            spent = spent
                .checked_add(sum.amount("spent")?)
                .unwrap_or(Amount::MAX_MONEY);
        }
    }
    Ok(spent.min(Amount::MAX_MONEY))
}

/// The names of all rules under which something of a vault was ever counted.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn rules(tx: &mut Transaction, vault: VaultId) -> Result<Vec<String>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT rule FROM window_count WHERE vault = $1 ORDER BY rule",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| row.text("rule").map(str::to_owned))
    .collect()
}

/// Takes the count of an intent away: nothing that pays it can confirm any more.
///
/// # Errors
/// On a failed statement.
pub async fn release(
    tx: &mut Transaction,
    intent: IntentHash,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE window_count SET released_at = $1 WHERE intent_hash = $2 AND released_at IS NULL",
        &[Value::from_u64(now.as_secs())?, intent.to_bytes().into()],
    )
    .await
}

/// Counts an intent again as it was counted last, since a reorg undid the reason; where it counts, that
/// stays.
///
/// # Errors
/// On a failed statement.
pub async fn count_again(tx: &mut Transaction, intent: IntentHash) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE window_count SET released_at = NULL
         WHERE intent_hash = $1 AND released_at IS NOT NULL
             AND batch = (SELECT last.batch FROM window_count AS last WHERE last.intent_hash = $1
                 ORDER BY last.counted_at DESC, last.batch LIMIT 1)
             AND NOT EXISTS (SELECT 1 FROM window_count AS other
                 WHERE other.intent_hash = $1 AND other.released_at IS NULL)",
        &[intent.to_bytes().into()],
    )
    .await
}

/// The rule under which an intent was counted last.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn rule_of(
    tx: &mut Transaction,
    intent: IntentHash,
) -> Result<Option<String>, DatabaseError> {
    tx.optional_row(
        "SELECT rule FROM window_count WHERE intent_hash = $1 ORDER BY counted_at DESC, batch LIMIT 1",
        &[intent.to_bytes().into()],
    )
    .await?
    .map(|row| row.text("rule").map(str::to_owned))
    .transpose()
}
