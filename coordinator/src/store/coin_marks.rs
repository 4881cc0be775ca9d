//! Which coins operators froze, and how they called them.
//!
//! A partial unique index holds that a coin is frozen once and has one label. Marks are ended, never deleted.

use std::collections::BTreeSet;

use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Txid};
use policies::VaultId;
use watchtower::store::database::{DatabaseError, Row, Transaction};
use watchtower::store::said::Said;

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoinMark {
    /// No new attempt is made of the coin.
    Frozen,
    /// What the coin is called.
    Label,
}

impl CoinMark {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Label => "label",
        }
    }
}

/// A mark that a coin bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinMarkRow {
    /// The coin.
    pub coin: OutPoint,
    /// What it says.
    pub mark: CoinMark,
    /// Why it is frozen, or how it is called.
    pub text: String,
    /// Who said so, and when.
    pub said: Said,
}

/// Marks a coin, in the place of the mark of the same kind that it bears.
///
/// # Errors
/// On a failed statement.
pub async fn set(
    tx: &mut Transaction,
    vault: VaultId,
    row: &CoinMarkRow,
) -> Result<(), DatabaseError> {
    end(tx, vault, row.coin, row.mark, &row.said).await?;
    let [set_at, set_by] = row.said.values()?;
    let last = tx
        .one_row(
            "SELECT COUNT(*) AS marks FROM coin_mark WHERE vault = $1 AND txid = $2 AND vout = $3",
            &[
                vault.to_bytes().into(),
                row.coin.txid.to_byte_array().into(),
                row.coin.vout.into(),
            ],
        )
        .await?
        .u32("marks")?;
    tx.execute_one(
        "INSERT INTO coin_mark (vault, txid, vout, number, mark, text, set_at, set_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            vault.to_bytes().into(),
            row.coin.txid.to_byte_array().into(),
            row.coin.vout.into(),
            last.saturating_add(1).into(),
            row.mark.name().into(),
            row.text.clone().into(),
            set_at,
            set_by,
        ],
    )
    .await
}

/// Ends a mark that a coin bears; says whether it bore one.
///
/// # Errors
/// On a failed statement.
pub async fn end(
    tx: &mut Transaction,
    vault: VaultId,
    coin: OutPoint,
    mark: CoinMark,
    said: &Said,
) -> Result<bool, DatabaseError> {
    let [ended_at, ended_by] = said.values()?;
    let ended = tx
        .execute(
            "UPDATE coin_mark SET ended_at = $5, ended_by = $6
             WHERE vault = $1 AND mark = $2 AND txid = $3 AND vout = $4 AND ended_at IS NULL",
            &[
                vault.to_bytes().into(),
                mark.name().into(),
                coin.txid.to_byte_array().into(),
                coin.vout.into(),
                ended_at,
                ended_by,
            ],
        )
        .await?;
    Ok(ended > 0)
}

/// Whether a coin bears a mark, or bore it before.
///
/// # Errors
/// On a failed statement.
pub async fn ever_bore(
    tx: &mut Transaction,
    vault: VaultId,
    coin: OutPoint,
    mark: CoinMark,
) -> Result<bool, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS marks FROM coin_mark
             WHERE vault = $1 AND mark = $2 AND txid = $3 AND vout = $4",
            &[
                vault.to_bytes().into(),
                mark.name().into(),
                coin.txid.to_byte_array().into(),
                coin.vout.into(),
            ],
        )
        .await?;
    Ok(row.u64("marks")? > 0)
}

/// The marks that coins of a vault bear now.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction, vault: VaultId) -> Result<Vec<CoinMarkRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, vout, mark, text, set_at, set_by FROM coin_mark
         WHERE vault = $1 AND ended_at IS NULL ORDER BY txid, vout, mark",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The marks that one coin bears now.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_coin(
    tx: &mut Transaction,
    vault: VaultId,
    coin: OutPoint,
) -> Result<Vec<CoinMarkRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, vout, mark, text, set_at, set_by FROM coin_mark
         WHERE vault = $1 AND txid = $2 AND vout = $3 AND ended_at IS NULL ORDER BY mark",
        &[
            vault.to_bytes().into(),
            coin.txid.to_byte_array().into(),
            coin.vout.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The coins of a vault that are frozen.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn frozen(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeSet<OutPoint>, DatabaseError> {
    tx.rows(
        "SELECT txid, vout FROM coin_mark
         WHERE vault = $1 AND mark = 'frozen' AND ended_at IS NULL ORDER BY txid, vout",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(coin)
    .collect()
}

fn coin(row: &Row) -> Result<OutPoint, DatabaseError> {
    Ok(OutPoint {
        txid: Txid::from_byte_array(row.array("txid")?),
        vout: row.u32("vout")?,
    })
}

fn read(row: &Row) -> Result<CoinMarkRow, DatabaseError> {
    let mark = row.text("mark")?;
    let mark = [CoinMark::Frozen, CoinMark::Label]
        .into_iter()
        .find(|known| known.name() == mark)
        .ok_or_else(|| row.corrupt("mark", "frozen or label", mark))?;
    Ok(CoinMarkRow {
        coin: coin(row)?,
        mark,
        text: row.text("text")?.to_owned(),
        said: Said::read(row)?,
    })
}
