//! What follows a change of keys on the chain: attempts under a former keyset that were not signed are cancelled,
//! and the coins of former keysets are brought to the newest descriptor, also those that come in later.
//!
//! One deed a transaction. Whatever cannot be built now (the fee, the node, the budget) is tried again later and
//! holds nothing else up.

use std::collections::BTreeMap;

use policies::psbt::AttemptPurpose;
use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::cancellations::cancellation;
use super::free_coins::Purse;
use super::own_spends::{Wanted, spend_in};
use super::rehearsal::Rehearsal;
use super::renewing::Ground;
use super::{BatchError, OwnSpendError, Service, ServiceError, lock_vault};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::{batches, vaults};

/// Who does it, in the events.
const ACTOR: &str = "coordinator";

/// Whether a vault ever changed its keys.
pub(crate) async fn has_former(tx: &mut Transaction, vault: VaultId) -> Result<bool, ServiceError> {
    Ok(vaults::keysets(tx, vault).await?.len() > 1)
}

/// Does the next thing there is to do for a vault; says whether there was one.
///
/// # Errors
/// What stands against all that there is to do.
pub(crate) async fn drain(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    now: UnixTime,
) -> Result<bool, ServiceError> {
    lock_vault(tx, vault).await?;
    let mut failed = None;
    for batch in stranded(service, tx, vault).await? {
        match cancel(service, tx, vault, batch).await {
            Ok(()) => return Ok(true),
            Err(error) if is_of_now(&error) => failed = failed.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    let (row, policy) = service.vault(tx, vault).await?;
    for purse in Purse::formers(tx, &row, &policy).await? {
        let wanted = Wanted {
            purpose: AttemptPurpose::Drain,
            keyset: purse.former,
            older: None,
            coins: None,
            max_inputs: None,
            feerate: None,
            dry_run: false,
            agreed: None,
        };
        match spend_in(service, tx, ACTOR, vault, &wanted, now).await {
            Ok(_) => return Ok(true),
            // Nothing, or too little for a change output or for the fee: it stays where it is until more comes.
            Err(
                ServiceError::OwnSpend(OwnSpendError::NothingToSpend)
                | ServiceError::Batch(BatchError::CoinSelection(_)),
            ) => {}
            Err(error) if is_of_now(&error) => failed = failed.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    failed.map_or(Ok(false), Err)
}

/// The batches whose attempts were made under another keyset and are not signed: no signer who pinned the newest
/// one will sign them any more.
async fn stranded(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<BatchId>, ServiceError> {
    let (_, policy) = service.vault(tx, vault).await?;
    let mut by_batch: BTreeMap<BatchId, Vec<AttemptRow>> = BTreeMap::new();
    // All of them: a batch is judged by every attempt that it has.
    for row in attempts::unsettled(tx, vault, u32::MAX).await? {
        by_batch.entry(row.batch).or_default().push(row);
    }
    let mut found = Vec::new();
    for (batch, rows) in by_batch {
        let mut stranded = true;
        for row in &rows {
            let made_under = service.policy(tx, row.policy).await?;
            // A recovery is an operator's own matter; what is signed settles, or is cancelled by hand.
            stranded &= row.state == AttemptState::Issued
                && row.purpose != AttemptPurpose::Recover
                && made_under.keyset != policy.keyset;
        }
        // What is in a block already leaves nothing to cancel.
        let in_block = |row: &AttemptRow| {
            matches!(
                row.state,
                AttemptState::Confirmed { .. } | AttemptState::Settled { .. }
            )
        };
        if stranded && !attempts::of_batch(tx, batch).await?.iter().any(in_block) {
            found.push(batch);
        }
    }
    Ok(found)
}

async fn cancel(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    batch: BatchId,
) -> Result<(), ServiceError> {
    let unknown = BatchError::UnknownBatch { batch };
    let batch = batches::lookup(tx, batch).await?.ok_or(unknown)?;
    let mut rehearsal = Rehearsal::of_nothing(service);
    let ground = Ground::read(service, tx, vault, None, &rehearsal).await?;
    let cancelled = cancellation(tx, &ground, &batch, &mut rehearsal).await?;
    cancelled.renewed.issue(service, tx, &ground, ACTOR).await?;
    Ok(())
}

/// What may be otherwise later, and changed nothing: everything is built before anything is written, and what
/// fails while it is written takes the whole transaction back.
const fn is_of_now(error: &ServiceError) -> bool {
    let taken = matches!(error, ServiceError::Batch(BatchError::TakenMeanwhile));
    !taken && matches!(error, ServiceError::Batch(_) | ServiceError::OwnSpend(_))
}
