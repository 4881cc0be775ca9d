//! Coins and the whole transactions that made them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, OutPoint, Transaction as BitcoinTransaction, Txid};
use policies::{Keyset, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use super::scans::held;
use super::scripts;
use crate::tracker::{BlockRef, Coin, Placement};

/// The statement that reads coins as [`read`] takes them, from further joins or its `WHERE` on.
macro_rules! select_coins {
    ($rest:literal) => {
        concat!(
            "SELECT c.txid, c.vout, c.amount_sat, c.coinbase, c.is_change, c.placement, c.block_height,
                 c.block_hash, c.settled, c.spent_by, c.spent_height, c.spent_hash, c.times_confirmed,
                 c.times_spent, s.script, s.vault, s.keyset, s.keychain, s.derivation_index,
                 s.settle_depth, s.reference, s.history_until, c.below_minimum
             FROM coin c JOIN watched_script s ON s.script = c.script ",
            $rest
        )
    };
}

pub(super) use select_coins;

/// A coin that may be spent, with the transaction that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendableCoin {
    /// The coin.
    pub coin: Coin,
    /// Confirmations at the tip of the watchtower; at least 1.
    pub confirmations: u32,
    /// The whole funding transaction, witnesses included; one for all coins that it made.
    pub funding: Arc<BitcoinTransaction>,
}

/// The condition of [`settled_coins`], on a coin `c` of a script `s`.
macro_rules! is_settled {
    () => {
        concat!(
            "c.vault = $1 AND s.keyset = $2 AND c.settled = 1 AND c.spent_height IS NULL
             AND c.amount_sat >= $3 AND NOT ",
            held!()
        )
    };
}

/// The settled coins of a keyset that nothing in chain or mempool spends, oldest first.
///
/// Reservations are the coordinator's and are not looked at here.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn spendable_coins(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
) -> Result<Vec<SpendableCoin>, DatabaseError> {
    let mut coins = settled_coins(tx, vault, keyset, Amount::ZERO).await?;
    coins.retain(|spendable| spendable.coin.spent_by.is_none());
    Ok(coins)
}

/// The same coins for whoever only counts them: no transaction is read.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn spendable(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
) -> Result<Vec<Coin>, DatabaseError> {
    let mut coins = settled(tx, vault, keyset, Amount::ZERO).await?;
    coins.retain(|coin| coin.spent_by.is_none());
    Ok(coins)
}

/// The settled coins of a keyset of at least so much that no block spends, oldest first; what the mempool spends is
/// among them. What a scan found is not, until the scan has ended well.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn settled_coins(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    at_least: Amount,
) -> Result<Vec<SpendableCoin>, DatabaseError> {
    let Some(tip) = super::chain::tip(tx).await? else {
        return Ok(Vec::new());
    };
    let coins = settled(tx, vault, keyset, at_least).await?;
    let fundings = settled_fundings(tx, vault, keyset, at_least).await?;
    let mut spendable = Vec::with_capacity(coins.len());
    for coin in coins {
        let Some(funding) = fundings.get(&coin.outpoint.txid) else {
            continue;
        };
        let height = (coin.placement.block()).map_or(tip.height, |block| block.height);
        spendable.push(SpendableCoin {
            confirmations: tip.height.saturating_sub(height).saturating_add(1),
            funding: Arc::clone(funding),
            coin,
        });
    }
    Ok(spendable)
}

async fn settled(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    at_least: Amount,
) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        concat!(
            select_coins!("WHERE "),
            is_settled!(),
            " ORDER BY c.block_height, c.txid, c.vout"
        ),
        &[
            vault.to_bytes().into(),
            keyset.to_bytes().into(),
            Value::from_u64(at_least.to_sat())?,
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The transactions that made those, each read once however many it made.
async fn settled_fundings(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    at_least: Amount,
) -> Result<BTreeMap<Txid, Arc<BitcoinTransaction>>, DatabaseError> {
    tx.rows(
        concat!(
            "SELECT t.txid, t.raw FROM chain_transaction t WHERE t.txid IN
                 (SELECT c.txid FROM coin c JOIN watched_script s ON s.script = c.script WHERE ",
            is_settled!(),
            ")"
        ),
        &[
            vault.to_bytes().into(),
            keyset.to_bytes().into(),
            Value::from_u64(at_least.to_sat())?,
        ],
    )
    .await?
    .iter()
    .map(|row| {
        let txid = row.array("txid").map(Txid::from_byte_array)?;
        Ok((txid, Arc::new(read_transaction(row, "raw")?)))
    })
    .collect()
}

/// The most transactions that [`spenders`] follows.
const MAX_SPENDERS: usize = 2_000;

/// The transactions in blocks that spend these outpoints, and those in blocks that spend coins which they
/// made, and so on: each with its bytes, as far as coins of ours lead. The nearest two thousand.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn spenders(
    tx: &mut Transaction,
    outpoints: impl IntoIterator<Item = OutPoint>,
) -> Result<BTreeMap<Txid, BitcoinTransaction>, DatabaseError> {
    let mut open: VecDeque<OutPoint> = outpoints.into_iter().collect();
    let mut found = BTreeMap::new();
    while let Some(outpoint) = open.pop_front() {
        let Some(txid) = spent_in_block_by(tx, outpoint).await? else {
            continue;
        };
        if found.contains_key(&txid) || found.len() >= MAX_SPENDERS {
            continue;
        }
        let Some(transaction) = funding_transaction(tx, txid).await? else {
            continue;
        };
        let outputs = (0_u32..).zip(&transaction.output);
        open.extend(outputs.map(|(vout, _)| OutPoint::new(txid, vout)));
        found.insert(txid, transaction);
    }
    Ok(found)
}

async fn spent_in_block_by(
    tx: &mut Transaction,
    outpoint: OutPoint,
) -> Result<Option<Txid>, DatabaseError> {
    tx.optional_row(
        "SELECT spent_by FROM coin WHERE txid = $1 AND vout = $2 AND spent_height IS NOT NULL",
        &[outpoint.txid.to_byte_array().into(), outpoint.vout.into()],
    )
    .await?
    .map(|row| row.array("spent_by").map(Txid::from_byte_array))
    .transpose()
}

/// All coins of a vault that are in chain or mempool, spent or not, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn coins(tx: &mut Transaction, vault: VaultId) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        select_coins!(
            "WHERE c.vault = $1 AND c.placement <> 'gone'
             ORDER BY c.block_height IS NULL DESC, c.block_height DESC, c.txid, c.vout"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// All deposits of a vault, also those that are gone, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn deposits(tx: &mut Transaction, vault: VaultId) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        select_coins!(
            "WHERE c.vault = $1 AND c.is_change = 0
             ORDER BY c.block_height IS NULL DESC, c.block_height DESC, c.txid, c.vout"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// One coin.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn coin(tx: &mut Transaction, outpoint: OutPoint) -> Result<Option<Coin>, DatabaseError> {
    tx.optional_row(
        select_coins!("WHERE c.txid = $1 AND c.vout = $2"),
        &[outpoint.txid.to_byte_array().into(), outpoint.vout.into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The deposits of a vault that are in chain or mempool and not yet settled.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn unsettled_deposits(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        select_coins!(
            "WHERE c.vault = $1 AND c.placement <> 'gone' AND c.settled = 0 AND c.is_change = 0
                 AND c.spent_height IS NULL
             ORDER BY c.txid, c.vout"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Whether a script was ever paid, as far as the chain and the mempool show now.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn is_paid(
    tx: &mut Transaction,
    script: &bitcoin::Script,
) -> Result<bool, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS paid FROM coin WHERE script = $1 AND placement <> 'gone'",
            &[script.as_bytes().into()],
        )
        .await?;
    Ok(row.u64("paid")? > 0)
}

/// The confirmed coins of a vault that no confirmed transaction spends.
pub async fn confirmed_unspent(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        select_coins!(
            "WHERE c.vault = $1 AND c.placement = 'confirmed' AND c.spent_height IS NULL
             ORDER BY c.txid, c.vout"
        ),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The coins of a vault that were unspent as of the active chain's block at a height.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn unspent_at(
    tx: &mut Transaction,
    vault: VaultId,
    height: u32,
) -> Result<Vec<Coin>, DatabaseError> {
    tx.rows(
        select_coins!(
            "WHERE c.vault = $1 AND c.placement = 'confirmed' AND c.block_height <= $2
                 AND (c.spent_height IS NULL OR c.spent_height > $2)
             ORDER BY c.txid, c.vout"
        ),
        &[vault.to_bytes().into(), height.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// A whole transaction that pays or spends a vault, as last seen.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn funding_transaction(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Option<BitcoinTransaction>, DatabaseError> {
    tx.optional_row(
        "SELECT raw FROM chain_transaction WHERE txid = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .map(|row| read_transaction(&row, "raw"))
    .transpose()
}

/// The transactions that pay or spend vaults in blocks from a height on: those that a reorg down to there undoes.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn confirmed_since(
    tx: &mut Transaction,
    height: u32,
) -> Result<BTreeMap<Txid, BitcoinTransaction>, DatabaseError> {
    tx.rows(
        "SELECT txid, raw FROM chain_transaction WHERE block_height >= $1",
        &[height.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let txid = row.array("txid").map(Txid::from_byte_array)?;
        Ok((txid, read_transaction(row, "raw")?))
    })
    .collect()
}

/// Where a transaction stands that pays or spends a vault, and whether it is settled as a spend.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn transaction_placement(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Option<(Placement, bool)>, DatabaseError> {
    tx.optional_row(
        "SELECT placement, block_height, block_hash, settled FROM chain_transaction WHERE txid = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .map(|row| Ok((read_placement(&row)?, row.bool("settled")?)))
    .transpose()
}

pub(super) fn read(row: &Row) -> Result<Coin, DatabaseError> {
    let spent_in = match (
        row.optional_u32("spent_height")?,
        row.optional_array("spent_hash")?,
    ) {
        (Some(height), Some(hash)) => Some(BlockRef {
            height,
            hash: BlockHash::from_byte_array(hash),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err(row.corrupt("spent_hash", "height and hash together", "one of them"));
        }
    };
    Ok(Coin {
        outpoint: OutPoint {
            txid: Txid::from_byte_array(row.array("txid")?),
            vout: row.u32("vout")?,
        },
        script: scripts::read(row)?,
        amount: row.amount("amount_sat")?,
        coinbase: row.bool("coinbase")?,
        change: row.bool("is_change")?,
        placement: read_placement(row)?,
        settled: row.bool("settled")?,
        spent_by: row.optional_array("spent_by")?.map(Txid::from_byte_array),
        spent_in,
        times_confirmed: row.u32("times_confirmed")?,
        times_spent: row.u32("times_spent")?,
        below_minimum: row.bool("below_minimum")?,
    })
}

pub(super) fn read_placement(row: &Row) -> Result<Placement, DatabaseError> {
    match row.text("placement")? {
        "unconfirmed" => Ok(Placement::Unconfirmed),
        "gone" => Ok(Placement::Gone),
        "confirmed" => Ok(Placement::Confirmed(BlockRef {
            height: row.u32("block_height")?,
            hash: BlockHash::from_byte_array(row.array("block_hash")?),
        })),
        other => Err(row.corrupt("placement", "unconfirmed, confirmed or gone", other)),
    }
}

/// The columns placement, block_height and block_hash of a placement.
pub(super) fn placement_values(placement: Placement) -> [Value; 3] {
    let name = match placement {
        Placement::Unconfirmed => "unconfirmed",
        Placement::Confirmed(_) => "confirmed",
        Placement::Gone => "gone",
    };
    let block = placement.block();
    [
        name.into(),
        block.map(|block| block.height).into(),
        block.map(|block| block.hash.to_byte_array()).into(),
    ]
}

pub(super) fn read_transaction(
    row: &Row,
    column: &'static str,
) -> Result<BitcoinTransaction, DatabaseError> {
    encode::deserialize(row.bytes(column)?)
        .map_err(|error| row.corrupt(column, "a transaction", &error.to_string()))
}
