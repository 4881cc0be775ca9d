//! Keeps withdrawals, reservations and window counts in step with the attempts.
//!
//! Invariant: a coin is reserved exactly while an attempt that may still be paid out spends it (M3, M4); a
//! withdrawal stands where its attempts say, and is live in the batch of the one that it follows (M1); an
//! intent counts in its window unless all its attempts are dead or voided. All of it is decided anew from
//! the attempts that an event touched, so that events in any order end alike.

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint, Txid};
use policies::analysis::Analysis;
use policies::document::Policy;
use watchtower::store::database::Transaction;

use super::journals::signer_of_journal;
use super::record::{Cause, move_withdrawal};
use super::{ServiceError, VaultError};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::session::following::{Paying, events_to_follow};
use crate::session::withdrawal::WithdrawalState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::memories::{self, Source};
use crate::store::withdrawals::{self, WithdrawalKey};
use crate::store::{batches, inputs, payments, reservations, vaults, windows};

/// Brings in step what these attempts pay and spend; `released` is said of coins that come free.
pub(crate) async fn keep_in_step(
    tx: &mut Transaction,
    touched: &BTreeSet<Txid>,
    released: &str,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let mut paid = BTreeSet::new();
    let mut coins = BTreeSet::new();
    for txid in touched {
        paid.extend(payments::of_attempt(tx, *txid).await?);
        coins.extend(inputs::of_attempt(tx, *txid).await?);
    }
    for (coin, amount) in coins {
        hold_or_release(tx, coin, amount, released, cause).await?;
    }
    for key in paid {
        follow_attempts(tx, &key, cause).await?;
    }
    Ok(())
}

/// Moves the reservation of a coin to this batch, whichever holds it now.
pub(super) async fn hold_for(
    tx: &mut Transaction,
    batch: BatchId,
    coin: OutPoint,
    amount: Amount,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    match reservations::holder_of(tx, coin).await? {
        Some(holder) if holder == batch => return Ok(()),
        Some(holder) => {
            let reason = format!("moved to batch {batch}");
            reservations::release(tx, holder, coin, &reason, cause.at).await?;
        }
        None => {}
    }
    Ok(reservations::reserve(tx, batch, coin, amount, cause.at).await?)
}

/// A coin stays with the batch that holds it while an attempt of that batch may spend it; else it goes to
/// the batch of the newest attempt that may, or comes free.
async fn hold_or_release(
    tx: &mut Transaction,
    coin: OutPoint,
    amount: Amount,
    released: &str,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let spenders = inputs::spenders_of(tx, coin).await?;
    let wanting: Vec<BatchId> = spenders
        .iter()
        .filter(|attempt| attempt.state.holds_coins())
        .map(|attempt| attempt.batch)
        .collect();
    let holder = reservations::holder_of(tx, coin).await?;
    match (holder, wanting.last()) {
        (Some(holder), None) => {
            Ok(reservations::release(tx, holder, coin, released, cause.at).await?)
        }
        (Some(holder), Some(_)) if wanting.contains(&holder) => Ok(()),
        (_, Some(batch)) => hold_for(tx, *batch, coin, amount, cause).await,
        (None, None) => Ok(()),
    }
}

/// Whether it is certain what an attempt and all that it descends from spend.
async fn is_vouched(tx: &mut Transaction, attempt: &AttemptRow) -> Result<bool, ServiceError> {
    let mut seen = BTreeSet::from([attempt.txid]);
    let mut open = vec![attempt.clone()];
    while let Some(attempt) = open.pop() {
        // Of what is in a block, nothing is in doubt, nor of what it descends from.
        if matches!(
            attempt.state,
            AttemptState::Confirmed { .. } | AttemptState::Settled { .. }
        ) {
            continue;
        }
        if !is_shown(tx, &attempt).await? {
            return Ok(false);
        }
        for (coin, _) in inputs::of_attempt(tx, attempt.txid).await? {
            if seen.insert(coin.txid) {
                open.extend(attempts::lookup(tx, coin.txid).await?);
            }
        }
    }
    Ok(true)
}

/// Whether it is certain what an attempt spends: its PSBT or the chain shows it, or so many signers' journals say the
/// same that they could pay together, so that an honest one is among them. The silence of others proves nothing: who
/// has not signed it yet may still.
async fn is_shown(tx: &mut Transaction, attempt: &AttemptRow) -> Result<bool, ServiceError> {
    if !attempt.is_remembered() || attempt.final_transaction.is_some() {
        return Ok(true);
    }
    let id = attempt.policy;
    let unreadable = || ServiceError::Vault(VaultError::StoredPolicy { policy: id });
    let document = vaults::policy_document(tx, id).await?;
    let policy = Policy::parse(&document.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    // A name says nothing: a signer who was replaced had another journal under it.
    let mut by = BTreeSet::new();
    for said in memories::of_attempt(tx, attempt.txid).await? {
        match said.source {
            Source::Chain => return Ok(true),
            Source::Journal(key) => {
                by.extend(signer_of_journal(tx, attempt.vault, &policy, &key).await?);
            }
        }
    }
    let is_enough = Analysis::of(&policy)
        .ordinary()
        .any(|path| path.keys.iter().all(|key| by.contains(key)));
    Ok(is_enough)
}

/// Moves a withdrawal to where its attempts say that it is.
async fn follow_attempts(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let Some(mut row) = withdrawals::lookup(tx, key).await? else {
        return Ok(());
    };
    let mut attempts = Vec::new();
    for attempt in payments::paying(tx, key).await? {
        // Of what lives it does not matter yet.
        let is_dead = matches!(attempt.state, AttemptState::Dead { .. });
        attempts.push(Paying {
            is_vouched: !is_dead || Box::pin(is_vouched(tx, &attempt)).await?,
            batch: attempt.batch,
            txid: attempt.txid,
            state: attempt.state,
        });
    }
    let rule = windows::rule_of(tx, row.hash).await?.unwrap_or_default();
    let events = events_to_follow(&row.state, &attempts, &rule)?;
    for event in &events {
        move_withdrawal(tx, &mut row, event, cause).await?;
    }
    // Journals never count less, whatever becomes of what they signed: what failed counts until it ages, and only
    // where no signature was ever given for it the withdrawal is approved again.
    let (live, counts) = match &row.state {
        WithdrawalState::Batched { batch, .. }
        | WithdrawalState::Signing { batch, .. }
        | WithdrawalState::Broadcast { batch, .. }
        | WithdrawalState::Confirmed { batch, .. } => (Some(*batch), Some(true)),
        WithdrawalState::Settled { .. } | WithdrawalState::Failed { .. } => (None, Some(true)),
        WithdrawalState::Requested | WithdrawalState::Approved { .. } => (None, Some(false)),
        WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled => (None, None),
    };
    batches::set_live(tx, key, live).await?;
    match counts {
        Some(true) => windows::count_again(tx, row.hash).await?,
        Some(false) => windows::release(tx, row.hash, cause.at).await?,
        None => 0,
    };
    Ok(())
}
