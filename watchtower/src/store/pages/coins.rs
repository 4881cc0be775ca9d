//! Coins and deposits, the youngest block first; what is in no block stands before all blocks.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};
use policies::{Keychain, Keyset, VaultId};

use super::{Span, either};
use crate::store::coins::{read, select_coins};
use crate::store::database::{DatabaseError, Transaction, Value};
use crate::tracker::Coin;

/// Where coins stand that are in no block.
const NO_BLOCK: u64 = 4_294_967_295;

/// Where a coin stands, as far as lists tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoinState {
    /// In the mempool.
    Unconfirmed,
    /// In a block, not deep enough.
    Confirmed,
    /// In a block, deep enough.
    Settled,
    /// Neither in a block nor in the mempool.
    Gone,
}

impl CoinState {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Unconfirmed,
        Self::Confirmed,
        Self::Settled,
        Self::Gone,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
            Self::Settled => "settled",
            Self::Gone => "gone",
        }
    }
}

/// Which coins are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoinFilter {
    /// Change, or deposits.
    pub change: Option<bool>,
    /// The keychain of their scripts.
    pub keychain: Option<Keychain>,
    /// The keyset of their scripts.
    pub keyset: Option<Keyset>,
    /// Where they stand.
    pub state: Option<CoinState>,
    /// Whether something in chain or mempool spends them.
    pub spent: Option<bool>,
    /// A part of the reference of their address.
    pub reference: String,
    /// The transaction that made them.
    pub txid: Option<Txid>,
    /// The script that they pay.
    pub script: Option<ScriptBuf>,
    /// The least amount.
    pub least: Option<Amount>,
    /// The most.
    pub most: Option<Amount>,
    /// When their block was mined; what is in no block counts as later than any.
    pub mined: Span,
    /// Only coins of the transactions that made these.
    pub among: Option<Vec<OutPoint>>,
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinPlace {
    /// The height of the coin's block; none in no block.
    pub height: Option<u32>,
    /// The coin.
    pub outpoint: OutPoint,
}

impl CoinPlace {
    /// Where a coin stands in the lists.
    pub fn of(coin: &Coin) -> Self {
        Self {
            height: coin.placement.block().map(|block| block.height),
            outpoint: coin.outpoint,
        }
    }
}

/// The next coins of a vault after a place.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    vault: VaultId,
    filter: &CoinFilter,
    after: Option<CoinPlace>,
    limit: u32,
) -> Result<Vec<Coin>, DatabaseError> {
    let sql = tx.pick(
        select_coins!("LEFT JOIN chain_block b ON b.height = c.block_height
         WHERE c.vault = $1
             AND ($2 < 0 OR c.is_change = $2)
             AND ($3 < 0 OR s.keychain = $3)
             AND (length($4) = 0 OR s.keyset = $4)
             AND ($5 = '' OR (CASE WHEN c.settled = 1 THEN 'settled' ELSE c.placement END) = $5)
             AND ($6 < 0 OR (CASE WHEN c.spent_by IS NULL THEN 0 ELSE 1 END) = $6)
             AND ($7 = '' OR LOWER(s.reference) LIKE $7 ESCAPE '!')
             AND (length($8) = 0 OR c.txid = $8)
             AND (length($9) = 0 OR c.script = $9)
             AND c.amount_sat BETWEEN $10 AND $11
             AND COALESCE(b.time, 9223372036854775807) BETWEEN $12 AND $13
             AND ($14 = 0 OR c.txid IN (SELECT unhex(value) FROM json_each($15)))
             AND (COALESCE(c.block_height, 4294967295), c.txid, c.vout) < ($16, $17, $18)
         ORDER BY COALESCE(c.block_height, 4294967295) DESC, c.txid DESC, c.vout DESC LIMIT $19"),
        select_coins!("LEFT JOIN chain_block b ON b.height = c.block_height
         WHERE c.vault = $1
             AND ($2 < 0 OR c.is_change = $2)
             AND ($3 < 0 OR s.keychain = $3)
             AND (length($4) = 0 OR s.keyset = $4)
             AND ($5 = '' OR (CASE WHEN c.settled = 1 THEN 'settled' ELSE c.placement END) = $5)
             AND ($6 < 0 OR (CASE WHEN c.spent_by IS NULL THEN 0 ELSE 1 END) = $6)
             AND ($7 = '' OR LOWER(s.reference) LIKE $7 ESCAPE '!')
             AND (length($8) = 0 OR c.txid = $8)
             AND (length($9) = 0 OR c.script = $9)
             AND c.amount_sat BETWEEN $10 AND $11
             AND COALESCE(b.time, 9223372036854775807) BETWEEN $12 AND $13
             AND ($14 = 0 OR c.txid IN (SELECT decode(value, 'hex') FROM json_array_elements_text($15::json)))
             AND (COALESCE(c.block_height, 4294967295), c.txid, c.vout) < ($16, $17, $18)
         ORDER BY COALESCE(c.block_height, 4294967295) DESC, c.txid DESC, c.vout DESC LIMIT $19"),
    );
    let [since, until] = filter.mined.values()?;
    let (height, txid, vout) = match after {
        None => (i64::MAX.unsigned_abs(), Vec::new(), 0),
        Some(place) => (
            place.height.map_or(NO_BLOCK, u64::from),
            place.outpoint.txid.to_byte_array().to_vec(),
            place.outpoint.vout,
        ),
    };
    let among = filter.among.as_deref().unwrap_or_default().iter();
    let among = Value::bytes_list(among.map(|outpoint| outpoint.txid.to_byte_array()));
    let branch = |keychain: Keychain| i64::from(keychain.branch());
    let bytes = |bytes: Option<Vec<u8>>| Value::Bytes(bytes.unwrap_or_default());
    let rows = tx
        .rows(
            sql,
            &[
                vault.to_bytes().into(),
                either(filter.change),
                filter.keychain.map_or(-1, branch).into(),
                bytes(filter.keyset.map(|keyset| keyset.to_bytes().to_vec())),
                filter.state.map_or("", CoinState::name).into(),
                either(filter.spent),
                Value::containing(&filter.reference),
                bytes(filter.txid.map(|txid| txid.to_byte_array().to_vec())),
                bytes(filter.script.as_ref().map(|script| script.to_bytes())),
                Value::from_u64(filter.least.unwrap_or(Amount::ZERO).to_sat())?,
                Value::from_u64(filter.most.unwrap_or(Amount::MAX_MONEY).to_sat())?,
                since,
                until,
                filter.among.is_some().into(),
                among,
                Value::from_u64(height)?,
                txid.into(),
                vout.into(),
                limit.into(),
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}
