//! The deposits of a vault, and what shows one of them in the chain.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, Amount, OutPoint};
use policies::{UnixTime, VaultId};
use watchtower::store::pages::Span;
use watchtower::store::pages::coins::{CoinFilter, CoinState};
use watchtower::store::pages::log;
use watchtower::store::{chain, coins, inclusion};
use watchtower::tracker::Coin;

use super::coins::{looked_for, walk};
use crate::service::books::{self, CoinView, coin_views};
use crate::service::events::{EventView, view};
use crate::service::paging::{Cursor, Paged};
use crate::service::{Actor, OwnSpendError, Service, ServiceError};

/// The most events of one deposit that are shown.
const MAX_EVENTS: u32 = 200;

/// Which deposits are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DepositQuery {
    /// Where they stand.
    pub state: Option<CoinState>,
    /// A transaction, an outpoint, an address, or a part of a reference.
    pub text: String,
    /// The least amount.
    pub least: Option<Amount>,
    /// The most.
    pub most: Option<Amount>,
    /// When their block was mined.
    pub mined: Span,
}

/// A deposit with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositView {
    /// The deposit itself.
    pub coin: CoinView,
    /// The address that it paid.
    pub address: String,
    /// The confirmations that make it settled.
    pub settle_depth: u32,
    /// Its confirmations now.
    pub confirmations: u32,
    /// What happened to it, in order.
    pub events: Vec<EventView>,
    /// What shows it in the chain; none until its block was looked at.
    pub proof: Option<DepositProof>,
    /// The transaction in hex, as last seen.
    pub transaction: Option<String>,
}

/// Where a transaction stands in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositProof {
    /// The block's hash.
    pub block: String,
    /// Its height.
    pub height: u32,
    /// When it was mined, as its header says.
    pub time: UnixTime,
    /// The header in hex.
    pub header: String,
    /// The root of the tree of its transactions, as its header says.
    pub merkle_root: String,
    /// The transaction's place among those of the block, from 0.
    pub position: u32,
    /// The siblings on the way to the root, from the leaf up.
    pub siblings: Vec<String>,
}

/// The next deposits of a vault after a place, newest first, also those that are gone.
///
/// # Errors
/// `VaultError::UnknownVault`; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_deposits(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    query: &DepositQuery,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<CoinView>, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let filter = CoinFilter {
        change: Some(false),
        state: query.state,
        least: query.least,
        most: query.most,
        mined: query.mined,
        ..looked_for(service, &query.text)
    };
    let named = query.text.trim().parse::<OutPoint>().ok();
    let wanted = |coin: &Coin| named.is_none_or(|named| named == coin.outpoint);
    let paged = walk(&mut tx, vault, &filter, after, limit, wanted).await?;
    Ok(Paged {
        items: coin_views(&mut tx, vault, &paged.items).await?,
        next: paged.next,
    })
}

/// One deposit.
///
/// # Errors
/// `VaultError::UnknownVault`; [`OwnSpendError::UnknownCoin`], also for change.
pub async fn show_deposit(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    outpoint: OutPoint,
) -> Result<DepositView, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let coin = coins::coin(&mut tx, outpoint)
        .await?
        .filter(|coin| coin.script.vault == vault && !coin.change)
        .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
    let tip = chain::tip(&mut tx).await?;
    let object = outpoint.to_string();
    let events = log::history(&mut tx, "deposit", &object, MAX_EVENTS).await?;
    let block = coin.placement.block();
    let confirmations = block.zip(tip).map_or(0, |(block, tip)| {
        tip.height.saturating_sub(block.height).saturating_add(1)
    });
    let shown = inclusion::proof_of(&mut tx, outpoint.txid, 1).await?;
    let proof = shown.zip(block).and_then(|((height, proof), block)| {
        (proof.header.block_hash() == block.hash).then(|| DepositProof {
            block: block.hash.to_string(),
            height,
            time: UnixTime::from_secs(u64::from(proof.header.time)),
            header: serialize_hex(&proof.header),
            merkle_root: proof.header.merkle_root.to_string(),
            position: proof.position,
            siblings: proof.siblings.iter().map(ToString::to_string).collect(),
        })
    });
    let transaction = coins::funding_transaction(&mut tx, outpoint.txid).await?;
    let address = Address::from_script(&coin.script.script_pubkey, service.network());
    let views = coin_views(&mut tx, vault, std::slice::from_ref(&coin)).await?;
    Ok(DepositView {
        address: address.map_or_else(
            |_| coin.script.script_pubkey.to_hex_string(),
            |address| address.to_string(),
        ),
        settle_depth: coin.script.settle_depth,
        confirmations,
        events: events.into_iter().map(view).collect(),
        proof,
        transaction: transaction.map(|transaction| serialize_hex(&transaction)),
        coin: views.into_iter().next().expect("one coin, one view"),
    })
}
