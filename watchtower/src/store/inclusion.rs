//! What shows coins in the chain: headers of the active chain, and the Merkle paths of our transactions.
//!
//! Invariant: a proof is put together from rows of the active chain alone, in one read. What belongs to a block
//! that leaves it is deleted in the transaction that disconnects the block, so that no proof of it is handed
//! out afterwards.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Transaction as BitcoinTransaction, TxMerkleNode, Txid};
use policies::inclusion::{InclusionProof, merkle_path};
use policies::{Keyset, VaultId};

use super::chain;
use super::database::{DatabaseError, Row, Transaction};
use crate::tracker::BlockRef;

/// Heights between two coins up to which their headers are read together.
const NEAR: u32 = 500;
/// The bytes of a hash.
const HASH_BYTES: usize = 32;

/// Stores the header of a block that was just taken in, or is looked at again, and the paths of those of its
/// transactions that pay or spend a vault. Nothing if it left the active chain meanwhile, or is there.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn record(
    tx: &mut Transaction,
    block: BlockRef,
    header: &Header,
    transactions: &[BitcoinTransaction],
) -> Result<(), DatabaseError> {
    if !record_header(tx, block, header).await? {
        return Ok(());
    }
    let rows = tx
        .rows(
            "SELECT t.txid FROM chain_transaction t
             LEFT JOIN inclusion_path p ON p.txid = t.txid AND p.block_hash = t.block_hash
             WHERE t.block_height = $1 AND t.block_hash = $2 AND p.txid IS NULL",
            &[block.height.into(), block.hash.to_byte_array().into()],
        )
        .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let txids: Vec<Txid> = transactions
        .iter()
        .map(BitcoinTransaction::compute_txid)
        .collect();
    for row in rows {
        let ours = Txid::from_byte_array(row.array("txid")?);
        let found = (0_u32..).zip(&txids).find(|(_, txid)| **txid == ours);
        let Some((position, siblings)) =
            found.and_then(|(position, _)| Some((position, merkle_path(&txids, position)?)))
        else {
            continue;
        };
        let siblings: Vec<u8> = siblings
            .iter()
            .flat_map(|sibling| sibling.to_byte_array())
            .collect();
        tx.execute(
            "DELETE FROM inclusion_path WHERE txid = $1",
            &[ours.to_byte_array().into()],
        )
        .await?;
        tx.execute_one(
            "INSERT INTO inclusion_path (txid, block_hash, position, siblings) VALUES ($1, $2, $3, $4)",
            &[
                ours.to_byte_array().into(),
                block.hash.to_byte_array().into(),
                position.into(),
                siblings.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Stores the header of a block of the active chain; false if the block is not of it any more.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn record_header(
    tx: &mut Transaction,
    block: BlockRef,
    header: &Header,
) -> Result<bool, DatabaseError> {
    tx.lock("chain").await?;
    if chain::block_at(tx, block.height).await? != Some(block) || header.block_hash() != block.hash
    {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO block_header (hash, height, raw) VALUES ($1, $2, $3)
         ON CONFLICT (hash) DO NOTHING",
        &[
            block.hash.to_byte_array().into(),
            block.height.into(),
            encode::serialize(header).into(),
        ],
    )
    .await?;
    Ok(true)
}

/// Forgets what shows a block that leaves the active chain.
pub(super) async fn forget(tx: &mut Transaction, block: BlockHash) -> Result<(), DatabaseError> {
    let hash = block.to_byte_array();
    for sql in [
        "DELETE FROM inclusion_path WHERE block_hash = $1",
        "DELETE FROM block_header WHERE hash = $1",
    ] {
        tx.execute(sql, &[hash.into()]).await?;
    }
    Ok(())
}

/// The proofs of all transactions that made spendable coins of a keyset, each with so many headers in all; those
/// that have not so many confirmations yet, or whose blocks nobody looked at yet, are left out.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn proofs(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    confirmations: u32,
) -> Result<BTreeMap<Txid, InclusionProof>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT DISTINCT p.txid, p.position, p.siblings, b.height
             FROM coin c
             JOIN watched_script s ON s.script = c.script
             JOIN inclusion_path p ON p.txid = c.txid AND p.block_hash = c.block_hash
             JOIN chain_block b ON b.height = c.block_height AND b.hash = c.block_hash
             WHERE c.vault = $1 AND s.keyset = $2 AND c.placement = 'confirmed' AND c.settled = 1
                 AND c.spent_height IS NULL AND c.spent_by IS NULL
             ORDER BY b.height, p.txid",
            &[vault.to_bytes().into(), keyset.to_bytes().into()],
        )
        .await?;
    let heights = rows
        .iter()
        .map(|row| row.u32("height"))
        .collect::<Result<Vec<u32>, _>>()?;
    let mut headers = BTreeMap::new();
    for range in near(&heights, confirmations) {
        headers.extend(headers_of(tx, range).await?);
    }
    let mut proofs = BTreeMap::new();
    for row in &rows {
        let from = row.u32("height")?;
        let upto = from.saturating_add(confirmations.max(1).saturating_sub(1));
        let mut chain = (from..=upto).map_while(|height| headers.get(&height).copied());
        let Some(header) = chain.next() else { continue };
        let further: Vec<Header> = chain.collect();
        if u32::try_from(further.len()) != Ok(upto.saturating_sub(from)) {
            continue;
        }
        let proof = InclusionProof {
            header,
            further,
            position: row.u32("position")?,
            siblings: siblings(row)?,
        };
        proofs.insert(Txid::from_byte_array(row.array("txid")?), proof);
    }
    Ok(proofs)
}

/// The proof of one transaction of the active chain, with so many headers in all as there are, at most as many as
/// asked for; none where its block was not looked at.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn proof_of(
    tx: &mut Transaction,
    txid: Txid,
    headers: u32,
) -> Result<Option<(u32, InclusionProof)>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT p.position, p.siblings, b.height
             FROM inclusion_path p JOIN chain_block b ON b.hash = p.block_hash
             WHERE p.txid = $1",
            &[txid.to_byte_array().into()],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let from = row.u32("height")?;
    let upto = from.saturating_add(headers.max(1).saturating_sub(1));
    let known: BTreeMap<u32, Header> = headers_of(tx, from..=upto).await?.into_iter().collect();
    let mut chain = (from..=upto).map_while(|height| known.get(&height).copied());
    let Some(header) = chain.next() else {
        return Ok(None);
    };
    let proof = InclusionProof {
        header,
        further: chain.collect(),
        position: row.u32("position")?,
        siblings: siblings(&row)?,
    };
    Ok(Some((from, proof)))
}

/// Blocks of the active chain from a height on whose headers are not here, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn without_header(
    tx: &mut Transaction,
    from: u32,
    most: u32,
) -> Result<Vec<BlockRef>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT b.height, b.hash FROM chain_block b
             LEFT JOIN block_header h ON h.hash = b.hash
             WHERE b.height >= $1 AND h.hash IS NULL ORDER BY b.height DESC LIMIT $2",
            &[from.into(), most.into()],
        )
        .await?;
    rows.iter().map(block).collect()
}

/// Blocks from a height on with transactions of unspent coins whose paths are not here, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn without_path(tx: &mut Transaction, from: u32) -> Result<Vec<BlockRef>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT DISTINCT b.height, b.hash FROM coin c
             JOIN chain_block b ON b.height = c.block_height AND b.hash = c.block_hash
             LEFT JOIN inclusion_path p ON p.txid = c.txid AND p.block_hash = c.block_hash
             WHERE c.block_height >= $1 AND c.placement = 'confirmed' AND c.spent_height IS NULL
                 AND p.txid IS NULL
             ORDER BY b.height DESC",
            &[from.into()],
        )
        .await?;
    rows.iter().map(block).collect()
}

/// The heights of headers, in few ranges.
fn near(heights: &[u32], confirmations: u32) -> Vec<RangeInclusive<u32>> {
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for height in heights {
        let end = height.saturating_add(confirmations);
        match ranges.last_mut() {
            Some(last) if *height <= last.end().saturating_add(NEAR) => {
                *last = *last.start()..=end;
            }
            Some(_) | None => ranges.push(*height..=end),
        }
    }
    ranges
}

async fn headers_of(
    tx: &mut Transaction,
    heights: RangeInclusive<u32>,
) -> Result<Vec<(u32, Header)>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT h.height, h.raw FROM block_header h
             JOIN chain_block b ON b.hash = h.hash
             WHERE h.height BETWEEN $1 AND $2",
            &[(*heights.start()).into(), (*heights.end()).into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let header = encode::deserialize(row.bytes("raw")?)
                .map_err(|error| row.corrupt("raw", "a header", &error.to_string()))?;
            Ok((row.u32("height")?, header))
        })
        .collect()
}

fn siblings(row: &Row) -> Result<Vec<TxMerkleNode>, DatabaseError> {
    let bytes = row.bytes("siblings")?;
    let (siblings, rest) = bytes.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        return Err(row.corrupt("siblings", "whole hashes", &bytes.len().to_string()));
    }
    let node = |bytes: &[u8; HASH_BYTES]| TxMerkleNode::from_byte_array(*bytes);
    Ok(siblings.iter().map(node).collect())
}

fn block(row: &Row) -> Result<BlockRef, DatabaseError> {
    Ok(BlockRef {
        height: row.u32("height")?,
        hash: BlockHash::from_byte_array(row.array("hash")?),
    })
}
