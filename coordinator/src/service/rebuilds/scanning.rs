//! The chain is taken in block by block, with every script watched that it may pay.
//!
//! Invariant: when a block is taken in, none that it pays is beyond the watched scripts by less than the gap.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use policies::descriptor::OwnScripts;
use policies::{Keychain, UnixTime};
use watchtower::rescan::{NextBlock, RescanError};
use watchtower::store::database::Transaction;
use watchtower::store::outgoing::{add_outgoing, outgoing};
use watchtower::store::scripts;
use watchtower::tracker::WatchedScript;

use super::Rebuild;
use crate::jobs;
use crate::rebuilding::{Gathered, Tree};
use crate::service::{BatchError, Service, ServiceError};
use crate::store::rebuildings;

/// Up to which index of a keychain scripts are watched, with the highest that was paid. Nobody signs deposit
/// addresses, so that the papers of addresses move nothing.
pub(super) fn upto(
    rebuild: &Rebuild,
    gathered: &Gathered,
    keychain: Keychain,
    paid: Option<u32>,
) -> u32 {
    match keychain {
        Keychain::External => paid.unwrap_or_default().saturating_add(rebuild.gap),
        Keychain::Internal => gathered.change_to_watch(paid),
    }
}

/// Watches the scripts of a keychain at some indexes.
pub(super) async fn watch(
    tx: &mut Transaction,
    gathered: &Gathered,
    (tree, keychain): (Tree<'_>, Keychain),
    indexes: RangeInclusive<u32>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let policy = tree.policy;
    let depth = match keychain {
        Keychain::External => policy.limits.confirmations_deposit,
        Keychain::Internal => policy.limits.confirmations_change,
    };
    for index in indexes {
        let issued = match keychain {
            Keychain::External => gathered.addresses.get(&(tree.keychain, index)),
            Keychain::Internal => None,
        };
        let reference = issued.map(|issued| issued.reference.clone());
        let script = WatchedScript {
            script_pubkey: policy.descriptor.script_pubkey(keychain, index),
            vault: policy.vault,
            keyset: tree.keychain,
            keychain,
            index,
            settle_depth: depth.max(1),
            reference: reference.filter(|reference| !reference.is_empty()),
            history_until: None,
        };
        scripts::watch_script(tx, &script, now).await?;
    }
    Ok(())
}

/// Takes the next block in, with whatever must be watched and known for it first.
///
/// # Errors
/// When the database fails, or the block does not follow.
pub async fn take_block(
    service: &Service,
    rebuild: &Rebuild,
    next: &NextBlock,
) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    for gathered in &rebuild.gathered {
        for tree in gathered.line().trees() {
            widen(&mut tx, (rebuild, gathered), tree, next, now).await?;
        }
        for transaction in &next.block().transactions {
            let txid = transaction.compute_txid();
            // What a signer's journal holds is no stranger's spend, if the journal tells it as it is.
            let known = gathered.attempts.get(&txid);
            let known = known.is_some_and(|known| known.fits(transaction));
            if known && outgoing(&mut tx, txid).await?.is_none() {
                let policy = gathered.policy();
                let depth = jobs::settle_depth(policy);
                add_outgoing(&mut tx, policy.vault, transaction, depth, now).await?;
            }
        }
    }
    next.connect(&mut tx).await.map_err(rescan)?;
    Ok(tx.commit().await?)
}

fn rescan(error: RescanError) -> ServiceError {
    if let RescanError::Database(error) = error {
        return ServiceError::Database(error);
    }
    ServiceError::Batch(BatchError::Build {
        reason: error.to_string(),
    })
}

/// Watches further scripts until none that the block pays is within the gap of the last one.
async fn widen(
    tx: &mut Transaction,
    (rebuild, gathered): (&Rebuild, &Gathered),
    tree: Tree<'_>,
    next: &NextBlock,
    now: UnixTime,
) -> Result<(), ServiceError> {
    loop {
        let mut watched = BTreeMap::new();
        for keychain in Keychain::BOTH {
            let (highest, _) = rebuildings::highest_indexes(tx, tree.keychain, keychain).await?;
            watched.insert(keychain.branch(), highest.unwrap_or_default());
        }
        let upto = watched.values().copied().max().unwrap_or_default();
        let own = OwnScripts::new(&tree.policy.descriptor, upto);
        let outputs = next.block().transactions.iter().flat_map(|one| &one.output);
        let mut paid: BTreeMap<u8, u32> = BTreeMap::new();
        for output in outputs {
            if let Some((keychain, index)) = own.find(&output.script_pubkey) {
                let highest = paid.entry(keychain.branch()).or_insert(index);
                *highest = index.max(*highest);
            }
        }
        let mut widened = false;
        for keychain in Keychain::BOTH {
            let Some(paid) = paid.get(&keychain.branch()) else {
                continue;
            };
            let highest = watched.get(&keychain.branch()).copied().unwrap_or_default();
            let upto = self::upto(rebuild, gathered, keychain, Some(*paid));
            if upto > highest {
                let from = highest.saturating_add(1);
                watch(tx, gathered, (tree, keychain), from..=upto, now).await?;
                widened = true;
            }
        }
        if !widened {
            return Ok(());
        }
    }
}
