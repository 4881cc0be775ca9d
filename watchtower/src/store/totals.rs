//! What a vault's coins come to, summed by the database: no coin is read.

use bitcoin::Amount;
use policies::{Keyset, VaultId};

use super::database::{DatabaseError, Transaction, Value};
use super::scans::held;

/// The settled coins of a keyset that nothing in chain or mempool spends.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn settled(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
) -> Result<Amount, DatabaseError> {
    sum(
        tx,
        concat!(
            "SELECT CAST(COALESCE(SUM(c.amount_sat), 0) AS BIGINT) AS total
         FROM coin c JOIN watched_script s ON s.script = c.script
         WHERE c.vault = $1 AND s.keyset = $2 AND c.settled = 1 AND c.spent_height IS NULL
             AND c.spent_by IS NULL AND NOT ",
            held!()
        ),
        &[vault.to_bytes().into(), keyset.to_bytes().into()],
    )
    .await
}

/// The deposits in chain or mempool that are not settled and that no block spends.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn pending(tx: &mut Transaction, vault: VaultId) -> Result<Amount, DatabaseError> {
    sum(
        tx,
        "SELECT CAST(COALESCE(SUM(amount_sat), 0) AS BIGINT) AS total FROM coin
         WHERE vault = $1 AND placement <> 'gone' AND settled = 0 AND is_change = 0
             AND spent_height IS NULL",
        &[vault.to_bytes().into()],
    )
    .await
}

/// Coins that have been in a block since a height or longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged {
    /// How many.
    pub count: u64,
    /// What they hold.
    pub sum: Amount,
    /// The height of the block of the oldest.
    pub lowest: u32,
}

/// The confirmed coins of a keyset in blocks up to a height that no block spends; none where there is none.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn aged(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    upto: u32,
) -> Result<Option<Aged>, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS coins, CAST(COALESCE(SUM(c.amount_sat), 0) AS BIGINT) AS total,
                 MIN(c.block_height) AS lowest
             FROM coin c JOIN watched_script s ON s.script = c.script
             WHERE c.vault = $1 AND s.keyset = $2 AND c.placement = 'confirmed' AND c.spent_height IS NULL
                 AND c.block_height <= $3",
            &[
                vault.to_bytes().into(),
                keyset.to_bytes().into(),
                upto.into(),
            ],
        )
        .await?;
    let lowest = row.optional_u32("lowest")?;
    let (count, sum) = (row.u64("coins")?, Amount::from_sat(row.u64("total")?));
    Ok(lowest.map(|lowest| Aged { count, sum, lowest }))
}

/// Deposits that are on their way to being settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled {
    /// Those in the mempool.
    pub unconfirmed: Amount,
    /// Those in blocks that are not deep enough.
    pub confirmed: Amount,
}

/// The deposits in chain or mempool that are not settled; of one reference, or of all. What is below the minimum is none.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn unsettled_deposits(
    tx: &mut Transaction,
    vault: VaultId,
    reference: Option<&str>,
) -> Result<Unsettled, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT CAST(COALESCE(SUM(CASE WHEN c.placement = 'unconfirmed' THEN c.amount_sat ELSE 0 END), 0)
                     AS BIGINT) AS unconfirmed,
                 CAST(COALESCE(SUM(CASE WHEN c.placement = 'confirmed' THEN c.amount_sat ELSE 0 END), 0)
                     AS BIGINT) AS confirmed
             FROM coin c JOIN watched_script s ON s.script = c.script
             WHERE c.vault = $1 AND c.settled = 0 AND c.placement <> 'gone' AND c.is_change = 0
                 AND c.below_minimum = 0 AND ($2 = 1 OR COALESCE(s.reference, '') = $3)",
            &[
                vault.to_bytes().into(),
                reference.is_none().into(),
                reference.unwrap_or_default().into(),
            ],
        )
        .await?;
    Ok(Unsettled {
        unconfirmed: Amount::from_sat(row.u64("unconfirmed")?),
        confirmed: Amount::from_sat(row.u64("confirmed")?),
    })
}

/// Change in chain or mempool that is not settled and that no block spends.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn unsettled_change(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Amount, DatabaseError> {
    sum(
        tx,
        "SELECT CAST(COALESCE(SUM(amount_sat), 0) AS BIGINT) AS total FROM coin
         WHERE vault = $1 AND placement <> 'gone' AND settled = 0 AND is_change = 1
             AND spent_height IS NULL",
        &[vault.to_bytes().into()],
    )
    .await
}

/// The coins in blocks that no block spends: what the books say that the vault holds (M11).
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn confirmed(tx: &mut Transaction, vault: VaultId) -> Result<Amount, DatabaseError> {
    sum(
        tx,
        "SELECT CAST(COALESCE(SUM(amount_sat), 0) AS BIGINT) AS total FROM coin
         WHERE vault = $1 AND placement = 'confirmed' AND spent_height IS NULL",
        &[vault.to_bytes().into()],
    )
    .await
}

async fn sum(
    tx: &mut Transaction,
    text: &'static str,
    values: &[Value],
) -> Result<Amount, DatabaseError> {
    let row = tx.one_row(text, values).await?;
    Ok(Amount::from_sat(row.u64("total")?))
}
