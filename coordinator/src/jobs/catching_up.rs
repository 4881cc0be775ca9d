//! Brings an attempt that was taken in late to where the chain has it: what the watchtower saw of it before is
//! not told again.
//!
//! Invariant: what the watchtower told and nobody took in yet is taken in first. Its tables are ahead of its events, and
//! an attempt that was moved by the ones could not be moved by the others again.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::UnixTime;
use watchtower::store::database::Transaction;
use watchtower::store::{coins, cursor, events, ledger};
use watchtower::tracker::Placement;

use super::Outcome;
use super::bookings::postings;
use super::chain_events::{CONSUMER, hand_over};
use crate::service::customers;
use crate::service::keeping::keep_in_step;
use crate::service::record::{Cause, move_attempt};
use crate::service::{Service, ServiceError, lock_vault};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::store::{attempts, settled_spends};

/// Whether all that the watchtower told is taken in.
pub(super) async fn is_due(tx: &mut Transaction) -> Result<bool, ServiceError> {
    if events::is_waiting(tx).await? {
        return Ok(false);
    }
    let (head, _) = events::head(tx).await?;
    Ok(cursor::cursor(tx, CONSUMER).await? >= head)
}

/// Moves an attempt that is issued as far as the chain shows it, or buries it by what excludes it, once nothing is told
/// that was not taken in.
pub(super) async fn catch_up(
    service: &Service,
    tx: &mut Transaction,
    txid: Txid,
    now: UnixTime,
) -> Result<Outcome, ServiceError> {
    let Some(row) = attempts::lookup(tx, txid).await? else {
        return Ok(Outcome::Done);
    };
    lock_vault(tx, row.vault).await?;
    let Some(mut row) = attempts::lookup(tx, txid).await? else {
        return Ok(Outcome::Done);
    };
    if row.state != AttemptState::Issued {
        return Ok(Outcome::Done);
    }
    let placement = coins::transaction_placement(tx, txid).await?;
    let excluded_by = settled_spends::excluding(tx, txid).await?;
    // Asked after what it is about: what came in between is told and waits.
    if !is_due(tx).await? {
        return Ok(Outcome::Again(0));
    }
    let cause = Cause {
        actor: "watchtower",
        reason: "seen before it was known",
        at: now,
    };
    match placement {
        Some((Placement::Confirmed(block), settled)) => {
            hand_over(service, tx, &mut row, now).await?;
            let (height, block) = (block.height, block.hash);
            let confirmed = AttemptEvent::Confirmed { height, block };
            move_attempt(tx, &mut row, &confirmed, cause).await?;
            for posting in postings(tx, &row, block).await? {
                ledger::post(tx, &posting, now).await?;
            }
            if settled {
                let settled = AttemptEvent::Settled { height, block };
                move_attempt(tx, &mut row, &settled, cause).await?;
            }
        }
        Some((Placement::Unconfirmed, _)) => {
            hand_over(service, tx, &mut row, now).await?;
            move_attempt(tx, &mut row, &AttemptEvent::SeenInMempool, cause).await?;
        }
        Some((Placement::Gone, _)) | None => {
            if let Some(by) = excluded_by {
                move_attempt(tx, &mut row, &AttemptEvent::Died { by }, cause).await?;
            }
        }
    }
    let references = customers::paid_by(tx, txid).await?;
    customers::watch(tx, row.vault, &references, now).await?;
    keep_in_step(tx, &BTreeSet::from([txid]), "settled", cause).await?;
    Ok(Outcome::Done)
}
