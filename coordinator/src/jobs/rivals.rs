//! What becomes of the other attempts when a transaction settles, and when that is reorged out.
//!
//! Invariant: an issued attempt is dead exactly while a settled transaction spends one of its coins, or is an
//! attempt of the same withdrawal whose file and its own show that the two exclude one another, or it spends an
//! output of one that is dead. Rivals are found by the coins that they spend, and by carried ancestors (M2);
//! never by their batch: an attempt of the same batch that neither excludes can still confirm.

use std::collections::BTreeSet;

use bitcoin::Txid;
use watchtower::store::database::Transaction;

use super::chain_events::Spend;
use crate::exclusion::Earlier;
use crate::service::ServiceError;
use crate::service::record::{Cause, move_attempt};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::{inputs, jobs, payments, settled_spends};

/// Attempts that a settled transaction excludes can never confirm (M1), nor can what spends their outputs. Gives those that died.
pub(super) async fn bury(
    tx: &mut Transaction,
    spend: &Spend,
    cause: Cause<'_>,
) -> Result<BTreeSet<Txid>, ServiceError> {
    let mut died = BTreeSet::new();
    for rival in rivals(tx, spend).await? {
        die_with_children(tx, rival, spend.txid, &mut died, cause).await?;
    }
    Ok(died)
}

/// What died by a transaction that left the chain again is alive again, unless another settled one excludes
/// it too. Gives those that moved.
pub(super) async fn revive(
    tx: &mut Transaction,
    spend: &Spend,
    cause: Cause<'_>,
) -> Result<BTreeSet<Txid>, ServiceError> {
    let mut moved = BTreeSet::new();
    // Parents first: a child lives only if all its parents do.
    let mut open = rivals(tx, spend).await?;
    while let Some(row) = open.pop() {
        let by_it = |state: &AttemptState| matches!(state, AttemptState::Dead { by, .. } if *by == spend.txid);
        // It may have been moved as a child of another one meanwhile.
        let Some(mut row) = attempts::lookup(tx, row.txid).await? else {
            continue;
        };
        if !by_it(&row.state) || waits_for_parent(tx, row.txid, spend.txid).await? {
            continue;
        }
        move_attempt(tx, &mut row, &AttemptEvent::Revived, cause).await?;
        moved.insert(row.txid);
        if let Some(by) = excluded_by(tx, row.txid).await? {
            move_attempt(tx, &mut row, &AttemptEvent::Died { by }, cause).await?;
        } else if row.state == AttemptState::Issued {
            jobs::enqueue(tx, super::FINALIZE, &row.txid.to_string(), cause.at).await?;
        }
        open.extend(inputs::children_of(tx, row.txid).await?);
    }
    Ok(moved)
}

async fn die_with_children(
    tx: &mut Transaction,
    first: AttemptRow,
    by: Txid,
    died: &mut BTreeSet<Txid>,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let mut open = vec![first];
    while let Some(mut row) = open.pop() {
        let alive = matches!(
            row.state,
            AttemptState::Issued
                | AttemptState::Signed
                | AttemptState::Broadcasting
                | AttemptState::InMempool
        );
        if alive && died.insert(row.txid) {
            move_attempt(tx, &mut row, &AttemptEvent::Died { by }, cause).await?;
            open.extend(inputs::children_of(tx, row.txid).await?);
        }
    }
    Ok(())
}

/// Whether an attempt spends an output of one that died by this transaction and is not looked at yet.
async fn waits_for_parent(
    tx: &mut Transaction,
    attempt: Txid,
    by: Txid,
) -> Result<bool, ServiceError> {
    for parent in dead_parents(tx, attempt).await? {
        if parent == by {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What excludes an attempt: a settled spend of its coin, a settled attempt that pays what it pays, or what its
/// parent died by.
async fn excluded_by(tx: &mut Transaction, attempt: Txid) -> Result<Option<Txid>, ServiceError> {
    let mut by = settled_spends::excluding(tx, attempt).await?;
    if by.is_none() {
        let beside = excluded_beside(tx, attempt).await?;
        let settled = |row: &&AttemptRow| matches!(row.state, AttemptState::Settled { .. });
        by = beside.iter().find(settled).map(|row| row.txid);
    }
    Ok(by.or(dead_parents(tx, attempt).await?.first().copied()))
}

/// By what those attempts died whose outputs this one spends.
async fn dead_parents(tx: &mut Transaction, attempt: Txid) -> Result<Vec<Txid>, ServiceError> {
    let mut causes = Vec::new();
    for (coin, _) in inputs::of_attempt(tx, attempt).await? {
        let parent = attempts::lookup(tx, coin.txid).await?;
        if let Some(AttemptState::Dead { by, .. }) = parent.map(|row| row.state) {
            causes.push(by);
        }
    }
    Ok(causes)
}

/// The attempts of what an attempt pays whose files show, with its own, that the two exclude one another: by a coin
/// that both spend, or through ancestors that they carry.
async fn excluded_beside(
    tx: &mut Transaction,
    attempt: Txid,
) -> Result<Vec<AttemptRow>, ServiceError> {
    // What cannot be read shows nothing, and must not hold up what else happened.
    let read = |row: &AttemptRow| Earlier::read(&row.psbt, row.created_at, row.weight).ok();
    let own = attempts::lookup(tx, attempt).await?;
    let Some(own) = own.as_ref().and_then(read) else {
        return Ok(Vec::new());
    };
    let mut beside = payments::beside(tx, attempt).await?;
    beside.retain(|row| read(row).is_some_and(|other| own.excludes(&other)));
    Ok(beside)
}

/// The other attempts that it excludes: they spend one of its coins, or pay a withdrawal that it pays.
async fn rivals(tx: &mut Transaction, spend: &Spend) -> Result<Vec<AttemptRow>, ServiceError> {
    let mut all = excluded_beside(tx, spend.txid).await?;
    for coin in &spend.coins {
        all.extend(inputs::spenders_of(tx, *coin).await?);
    }
    let mut found: Vec<AttemptRow> = Vec::new();
    for attempt in all {
        let known = found.iter().any(|other| other.txid == attempt.txid);
        if attempt.txid != spend.txid && !known {
            found.push(attempt);
        }
    }
    Ok(found)
}
