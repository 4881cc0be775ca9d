//! Stores what was built as an attempt of a batch, new or standing, and issues it.
//!
//! The reservation of its coins, its batch and the withdrawals that it pays change in one database
//! transaction, which the caller commits (M3).

use std::collections::BTreeSet;

use policies::Keychain;
use policies::document::Policy;
use policies::planted::steps::{Moment, Step, reach};
use policies::psbt::AttemptPurpose;
use serde_json::{Map, json};
use watchtower::store::database::Transaction;
use watchtower::store::scripts;
use watchtower::tracker::WatchedScript;

use super::building::Built;
use super::keeping::{hold_for, keep_in_step};
use super::record::{Cause, append_attempt_event, append_event, move_attempt, move_withdrawal};
use super::{BatchError, Service, ServiceError, VaultError};
use crate::session::BatchId;
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::batches::{self, BatchRow};
use crate::store::vaults::{self, VaultRow};
use crate::store::windows::{self, WindowRow};
use crate::store::{addresses, inputs, payments, reservations};

/// Stores a new batch with what was built for it, and issues the attempt. Coins come from those that nobody
/// holds and from the batches named.
pub(super) async fn store(
    service: &Service,
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    built: Built,
    from: &[BatchId],
    cause: Cause<'_>,
) -> Result<BatchRow, ServiceError> {
    let random = service.random();
    let id: [u8; 16] =
        std::array::from_fn(|position| random.get(position).copied().unwrap_or_default());
    let batch = BatchRow {
        id: BatchId::from_bytes(id),
        vault: vault.id,
        keyset: built.former.unwrap_or(vault.keyset),
        purpose: match built.purpose {
            AttemptPurpose::Bump => AttemptPurpose::Pay,
            AttemptPurpose::Pay
            | AttemptPurpose::Consolidate
            | AttemptPurpose::Refresh
            | AttemptPurpose::Cancel
            | AttemptPurpose::Drain
            | AttemptPurpose::Recover => built.purpose,
        },
        created_at: cause.at,
        created_by: cause.actor.to_owned(),
    };
    batches::insert(tx, &batch).await?;
    let held = (built.coins.len(), built.withdrawals.len());
    append_created(tx, &batch, held, cause).await?;
    issue(tx, &batch, policy, built, from, cause).await?;
    Ok(batch)
}

/// Tells of a new batch, with how many coins it holds and withdrawals it pays.
pub(super) async fn append_created(
    tx: &mut Transaction,
    batch: &BatchRow,
    (coins, withdrawals): (usize, usize),
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(coins));
    body.insert("purpose".to_owned(), json!(batch.purpose));
    body.insert("withdrawals".to_owned(), json!(withdrawals));
    append_event(
        tx,
        batch.vault,
        ("batch", &batch.id.to_string()),
        "batch.created",
        body,
        cause,
    )
    .await
}

/// Stores the attempt, watches its change and issues it: its coins are held for its batch, which takes them
/// from nobody but the batches named, and the withdrawals that it pays follow it unless the network shows an
/// earlier one.
pub(super) async fn issue(
    tx: &mut Transaction,
    batch: &BatchRow,
    policy: &Policy,
    built: Built,
    from: &[BatchId],
    cause: Cause<'_>,
) -> Result<AttemptRow, ServiceError> {
    watch_change(tx, batch, policy, &built, cause).await?;
    let before = attempts::of_batch(tx, batch.id).await?;
    let last = before.iter().map(|attempt| attempt.number).max();
    let mut attempt = AttemptRow {
        txid: built.txid,
        batch: batch.id,
        number: last.unwrap_or_default().saturating_add(1),
        purpose: built.purpose,
        vault: batch.vault,
        policy: policy.id,
        psbt: built.psbt,
        fee: built.fee,
        weight: built.weight,
        state: AttemptState::Draft,
        version: 1,
        confirmations: 0,
        final_transaction: None,
        created_at: cause.at,
    };
    attempts::insert(tx, &attempt).await?;
    reach(Step::Reserve, Moment::Before);
    for (coin, amount) in &built.coins {
        inputs::insert(tx, attempt.txid, *coin, *amount).await?;
        let holder = reservations::holder_of(tx, *coin).await?;
        if holder.is_some_and(|holder| holder != batch.id && !from.contains(&holder)) {
            return Err(BatchError::TakenMeanwhile.into());
        }
        hold_for(tx, batch.id, *coin, *amount, cause)
            .await
            .map_err(taken_meanwhile)?;
    }
    reach(Step::Reserve, Moment::After);
    let mut body = Map::new();
    body.insert("fee_sat".to_owned(), json!(attempt.fee.to_sat()));
    body.insert("number".to_owned(), json!(attempt.number));
    append_attempt_event(tx, &attempt, "attempt.drafted", body, cause).await?;
    for (mut withdrawal, rule) in built.withdrawals.into_iter().zip(built.rules) {
        payments::insert(tx, attempt.txid, &withdrawal.key).await?;
        batches::add_withdrawal(tx, batch.id, &withdrawal.key).await?;
        if !windows::is_counted(tx, withdrawal.hash).await? {
            let counted = WindowRow {
                intent: withdrawal.hash,
                batch: batch.id,
                vault: batch.vault,
                rule,
                amount: withdrawal.intent.amount,
                counted_at: cause.at,
            };
            windows::count(tx, &counted).await?;
        }
        if matches!(withdrawal.state, WithdrawalState::Approved { .. }) {
            let batched = WithdrawalEvent::Batched { batch: batch.id };
            move_withdrawal(tx, &mut withdrawal, &batched, cause).await?;
        }
    }
    move_attempt(tx, &mut attempt, &AttemptEvent::Issued, cause).await?;
    keep_in_step(tx, &BTreeSet::from([attempt.txid]), "", cause).await?;
    tx.mark(Step::Issue);
    Ok(attempt)
}

async fn watch_change(
    tx: &mut Transaction,
    batch: &BatchRow,
    policy: &Policy,
    built: &Built,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let Some(change) = &built.change else {
        return Ok(());
    };
    // Change goes to the newest descriptor, whichever keyset's coins are spent.
    let vault = vaults::lookup(tx, batch.vault)
        .await?
        .ok_or(VaultError::UnknownVault { vault: batch.vault })?;
    let taken = addresses::take_index(tx, vault.keychain, Keychain::Internal).await?;
    if taken != change.index {
        return Err(BatchError::TakenMeanwhile.into());
    }
    let watched = WatchedScript {
        script_pubkey: change.script_pubkey.clone(),
        vault: batch.vault,
        keyset: vault.keychain,
        keychain: Keychain::Internal,
        index: change.index,
        settle_depth: policy.limits.confirmations_change.max(1),
        reference: None,
        history_until: None,
    };
    // Somebody may have had it watched before: change to it is change all the same.
    scripts::watch_missing(tx, &watched, cause.at).await?;
    Ok(())
}

fn taken_meanwhile(error: ServiceError) -> ServiceError {
    let taken =
        matches!(&error, ServiceError::Database(database) if database.is_unique_violation());
    if taken {
        ServiceError::Batch(BatchError::TakenMeanwhile)
    } else {
        error
    }
}
