//! The active chain and what it does to coins: each block is one transaction.
//!
//! State commits only if the tip is still the tip it was computed from; what a block touches is
//! looked up, judged by the pure tracker, and written back with its ledger entries and events.

mod load;
mod nuisances;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::block::Header;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Transaction as BitcoinTransaction, Txid};
use policies::UnixTime;

use super::database::{DatabaseError, Row, Transaction, Value};
use super::events::EventError;
use super::inclusion;
use super::ledger::LedgerError;
use crate::tracker::{Block, BlockRef, Change, needs};

/// Why a block or a mempool was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The state has moved on since the observation was made.
    #[error("the tip is {found:?}, not {expected:?} from which this was computed")]
    TipMoved {
        /// The tip it was computed from.
        expected: Option<BlockHash>,
        /// The tip that stands.
        found: Option<BlockHash>,
    },
    /// An entry of the ledger could not be made.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An event could not be appended.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The tip up to which the chain has been taken in.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn tip(tx: &mut Transaction) -> Result<Option<BlockRef>, DatabaseError> {
    tx.optional_row(
        "SELECT height, hash FROM chain_block ORDER BY height DESC LIMIT 1",
        &[],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// When the blocks of the active chain at some heights were mined, as their headers say.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn times(
    tx: &mut Transaction,
    heights: impl IntoIterator<Item = u32>,
) -> Result<BTreeMap<u32, UnixTime>, DatabaseError> {
    let sql = tx.pick(
        "SELECT height, time FROM chain_block WHERE height IN (SELECT value FROM json_each($1))",
        "SELECT height, time FROM chain_block
         WHERE height IN (SELECT value::bigint FROM json_array_elements_text($1::json))",
    );
    let heights: Vec<String> = heights
        .into_iter()
        .map(|height| height.to_string())
        .collect();
    let list = format!("[{}]", heights.join(","));
    tx.rows(sql, &[list.into()])
        .await?
        .iter()
        .map(|row| Ok((row.u32("height")?, UnixTime::from_secs(row.u64("time")?))))
        .collect()
}

/// What the tip says that its time is.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn tip_time(tx: &mut Transaction) -> Result<Option<UnixTime>, DatabaseError> {
    tx.optional_row(
        "SELECT time FROM chain_block ORDER BY height DESC LIMIT 1",
        &[],
    )
    .await?
    .map(|row| row.u64("time").map(UnixTime::from_secs))
    .transpose()
}

/// The block at a height, if it has been taken in.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn block_at(
    tx: &mut Transaction,
    height: u32,
) -> Result<Option<BlockRef>, DatabaseError> {
    tx.optional_row(
        "SELECT height, hash FROM chain_block WHERE height = $1",
        &[height.into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The height of a block of the active chain, if it has been taken in.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn height_of(
    tx: &mut Transaction,
    block: BlockHash,
) -> Result<Option<u32>, DatabaseError> {
    tx.optional_row(
        "SELECT height FROM chain_block WHERE hash = $1",
        &[block.to_byte_array().into()],
    )
    .await?
    .map(|row| row.u32("height"))
    .transpose()
}

/// The genesis block of the chain these tables are about; sets it, if there is none yet.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn claim_genesis(
    tx: &mut Transaction,
    genesis: BlockHash,
) -> Result<BlockHash, DatabaseError> {
    tx.execute(
        "INSERT INTO chain_identity (one_row, genesis) VALUES (1, $1) ON CONFLICT (one_row) DO NOTHING",
        &[genesis.to_byte_array().into()],
    )
    .await?;
    let row = tx
        .one_row("SELECT genesis FROM chain_identity WHERE one_row = 1", &[])
        .await?;
    row.array("genesis").map(BlockHash::from_byte_array)
}

/// Sets the block below which nothing is looked at. Nothing may have been taken in.
pub async fn set_base(
    tx: &mut Transaction,
    base: BlockRef,
    previous: BlockHash,
    time: UnixTime,
) -> Result<(), ChainError> {
    expect_tip(tx, None).await?;
    insert(tx, base, previous, time).await?;
    Ok(())
}

/// The first block that is known; nothing below it was looked at.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn lowest(tx: &mut Transaction) -> Result<Option<BlockRef>, DatabaseError> {
    tx.optional_row(
        "SELECT height, hash FROM chain_block ORDER BY height LIMIT 1",
        &[],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Puts a block before the first one, whose predecessor it must be, without looking into it.
///
/// # Errors
///
/// [`ChainError::TipMoved`] if it is not: the chain was reorganized below what is known.
pub async fn prepend(
    tx: &mut Transaction,
    block: BlockRef,
    header: &Header,
) -> Result<(), ChainError> {
    tx.lock("chain").await?;
    let first = tx
        .one_row(
            "SELECT height, previous FROM chain_block ORDER BY height LIMIT 1",
            &[],
        )
        .await?;
    let previous = BlockHash::from_byte_array(first.array("previous")?);
    if first.u32("height")? != block.height.saturating_add(1) || previous != block.hash {
        return Err(ChainError::TipMoved {
            expected: Some(previous),
            found: Some(block.hash),
        });
    }
    let time = UnixTime::from_secs(u64::from(header.time));
    insert(tx, block, header.prev_blockhash, time).await?;
    inclusion::record_header(tx, block, header).await?;
    Ok(())
}

/// Reads a block of the active chain again, at this tip: what scripts that are watched by now have in it.
///
/// # Errors
///
/// [`ChainError::TipMoved`] if the tip is another, or the block is not of the active chain; then nothing is
/// changed.
pub async fn rescan_block(
    tx: &mut Transaction,
    block: &Block,
    tip: BlockRef,
    now: UnixTime,
) -> Result<Vec<Change>, ChainError> {
    expect_tip(tx, Some(tip.hash)).await?;
    let ours = block_at(tx, block.height).await?;
    if ours != Some(block.at()) {
        return Err(ChainError::TipMoved {
            expected: Some(block.hash),
            found: ours.map(|ours| ours.hash),
        });
    }
    let mut view = load::for_block(tx, &needs(&block.transactions), tip.height).await?;
    let changes = view.rescan(block, tip.height);
    write::write(tx, &view, &changes, now).await?;
    Ok(changes)
}

/// Takes in the next block of the active chain.
///
/// # Errors
///
/// [`ChainError::TipMoved`] if it does not follow on the tip; then nothing is changed.
pub async fn connect_block(
    tx: &mut Transaction,
    block: &Block,
    now: UnixTime,
) -> Result<Vec<Change>, ChainError> {
    expect_tip(tx, Some(block.previous)).await?;
    let mut view = load::for_block(tx, &needs(&block.transactions), block.height).await?;
    let changes = view.connect(block);
    insert(tx, block.at(), block.previous, block.time).await?;
    write::write(tx, &view, &changes, now).await?;
    Ok(changes)
}

/// Takes back the tip, which has left the active chain.
///
/// # Errors
///
/// [`ChainError::TipMoved`] if it is not the tip; then nothing is changed.
pub async fn disconnect_tip(
    tx: &mut Transaction,
    tip: BlockRef,
    now: UnixTime,
) -> Result<Vec<Change>, ChainError> {
    expect_tip(tx, Some(tip.hash)).await?;
    let mut view = load::at_height(tx, tip.height).await?;
    let changes = view.disconnect(tip);
    write::write(tx, &view, &changes, now).await?;
    inclusion::forget(tx, tip.hash).await?;
    tx.execute_one(
        "DELETE FROM chain_block WHERE height = $1 AND hash = $2",
        &[tip.height.into(), tip.hash.to_byte_array().into()],
    )
    .await?;
    Ok(changes)
}

/// Takes in the mempool of the node, observed at this tip.
///
/// # Errors
///
/// [`ChainError::TipMoved`] if the tip is another; then nothing is changed.
pub async fn observe_mempool(
    tx: &mut Transaction,
    tip: BlockHash,
    present: &BTreeSet<Txid>,
    new: Vec<BitcoinTransaction>,
    now: UnixTime,
) -> Result<Vec<Change>, ChainError> {
    expect_tip(tx, Some(tip)).await?;
    let mut view = load::for_mempool(tx, needs(&new)).await?;
    let changes = view.observe_mempool(present, new);
    write::write(tx, &view, &changes, now).await?;
    Ok(changes)
}

/// Asserts, and keeps true until this transaction ends, that the tip is this one.
pub async fn expect_tip(
    tx: &mut Transaction,
    expected: Option<BlockHash>,
) -> Result<(), ChainError> {
    tx.lock("chain").await?;
    let found = tip(tx).await?.map(|tip| tip.hash);
    if found == expected {
        Ok(())
    } else {
        Err(ChainError::TipMoved { expected, found })
    }
}

async fn insert(
    tx: &mut Transaction,
    block: BlockRef,
    previous: BlockHash,
    time: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO chain_block (height, hash, previous, time) VALUES ($1, $2, $3, $4)",
        &[
            block.height.into(),
            block.hash.to_byte_array().into(),
            previous.to_byte_array().into(),
            Value::from_u64(time.as_secs())?,
        ],
    )
    .await
}

fn read(row: &Row) -> Result<BlockRef, DatabaseError> {
    Ok(BlockRef {
        height: row.u32("height")?,
        hash: BlockHash::from_byte_array(row.array("hash")?),
    })
}
