//! From a quorum of signatures to a transaction that is handed over for broadcasting (M5).

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::UnixTime;
use policies::document::Policy;
use policies::planted::steps::Step;
use watchtower::store::database::Transaction;
use watchtower::store::mempool_test::{MempoolTest, mempool_test_result, request_mempool_test};
use watchtower::store::outgoing::add_outgoing;

use super::{BROADCAST, Outcome};
use crate::roles::extractor::extract;
use crate::roles::finalizer::finalize as finalize_witnesses;
use crate::roles::issued::offer_again;
use crate::service::keeping::keep_in_step;
use crate::service::opened::Session;
use crate::service::record::{Cause, move_attempt};
use crate::service::{BatchError, Service, ServiceError};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::{inputs, jobs, rungs};

/// How soon is looked again at an attempt that a cancellation is about to take the place of. What others
/// broadcast is followed all the same.
const HELD_SECONDS: u64 = 60;

/// How a node names transactions that no reorg and no fee will ever make valid.
const NEVER_VALID: [&str; 3] = [
    "mandatory-script-verify-flag-failed",
    "block-script-verify-flag-failed",
    "bad-txns-in-belowout",
];

/// Builds the final transaction of an attempt with a quorum, and asks the node to test it.
pub(super) async fn finalize(
    service: &Service,
    tx: &mut Transaction,
    key: &str,
    now: UnixTime,
) -> Result<Outcome, ServiceError> {
    let Some(mut row) = attempt(tx, key).await? else {
        return Ok(Outcome::Park("there is no such attempt".to_owned()));
    };
    // Of an attempt whose PSBT nobody kept there are no signatures to build from.
    if row.state != AttemptState::Issued || row.is_remembered() {
        return Ok(Outcome::Done);
    }
    if inputs::cancelled_by(tx, row.txid).await?.is_some() {
        return Ok(Outcome::Again(HELD_SECONDS));
    }
    let session = Session::open(service, tx, &row).await?;
    if !session.collection.is_complete() {
        // Another signature makes this job due again.
        return Ok(Outcome::Done);
    }
    let issued = session.issued;
    let offered: Vec<_> = session
        .collection
        .signatures()
        .iter()
        .map(|verified| offer_again(&verified))
        .collect();
    let finalized = tokio::task::spawn_blocking(move || {
        let finalized = finalize_witnesses(&issued, offered).map_err(|error| error.to_string())?;
        extract(&issued, &finalized).map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| {
        ServiceError::Batch(BatchError::Build {
            reason: error.to_string(),
        })
    })?;
    let transaction = match finalized {
        Ok(transaction) => transaction,
        Err(reason) => return Ok(Outcome::Park(reason)),
    };
    attempts::set_final(tx, &transaction).await?;
    tx.mark(Step::Finalize);
    let cause = Cause {
        actor: "coordinator",
        reason: "a quorum signed",
        at: now,
    };
    move_attempt(tx, &mut row, &AttemptEvent::Signed, cause).await?;
    request_mempool_test(tx, &transaction, now).await?;
    jobs::enqueue(tx, BROADCAST, key, now).await?;
    Ok(Outcome::Done)
}

/// Stores the raw transaction for the watchtower together with the state `broadcasting`.
///
/// A test that says no is no reason to hold the transaction back: it is signed, so it may be paid at
/// any time, and only the chain decides. The exception is a transaction that can never be valid.
pub(super) async fn broadcast(
    service: &Service,
    tx: &mut Transaction,
    key: &str,
    now: UnixTime,
) -> Result<Outcome, ServiceError> {
    let Some(mut row) = attempt(tx, key).await? else {
        return Ok(Outcome::Park("there is no such attempt".to_owned()));
    };
    if row.state != AttemptState::Signed {
        return Ok(Outcome::Done);
    }
    if inputs::cancelled_by(tx, row.txid).await?.is_some() {
        return Ok(Outcome::Again(HELD_SECONDS));
    }
    if rungs::is_held(tx, row.txid).await? {
        // Its release makes this due again.
        return Ok(Outcome::Done);
    }
    let Some(transaction) = row.final_transaction.clone() else {
        return Ok(Outcome::Park("the final transaction is missing".to_owned()));
    };
    let Some(test) = mempool_test_result(tx, row.txid).await? else {
        return Ok(Outcome::Again(1));
    };
    if let Some(reason) = never_valid(&test) {
        return Ok(Outcome::Park(reason));
    }
    let policy = service.policy(tx, row.policy).await?;
    add_outgoing(tx, row.vault, &transaction, settle_depth(&policy), now).await?;
    tx.mark(Step::HandOver);
    let cause = Cause {
        actor: "coordinator",
        reason: &test.reason,
        at: now,
    };
    move_attempt(tx, &mut row, &AttemptEvent::Broadcasting, cause).await?;
    keep_in_step(tx, &BTreeSet::from([row.txid]), "", cause).await?;
    Ok(Outcome::Done)
}

/// A payment is settled when money that comes in would be, never sooner than its own change.
pub(crate) fn settle_depth(policy: &Policy) -> u32 {
    let limits = &policy.limits;
    limits
        .confirmations_deposit
        .max(limits.confirmations_change)
        .max(1)
}

fn never_valid(test: &MempoolTest) -> Option<String> {
    let hopeless = !test.allowed
        && NEVER_VALID
            .iter()
            .any(|words| test.reason.starts_with(words));
    hopeless.then(|| {
        format!(
            "the node says the transaction can never be valid: {}",
            test.reason
        )
    })
}

async fn attempt(tx: &mut Transaction, key: &str) -> Result<Option<AttemptRow>, ServiceError> {
    match key.parse::<Txid>() {
        Ok(txid) => Ok(attempts::lookup(tx, txid).await?),
        Err(_) => Ok(None),
    }
}
