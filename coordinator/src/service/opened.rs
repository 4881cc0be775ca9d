//! An attempt opened from what is stored: its PSBT, and the signatures collected so far.

use std::sync::Arc;

use policies::document::Policy;
use policies::psbt::{OfferedSignature, OfferedSlot, StrictPsbt, read_strict};
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::{AttemptError, BatchError, OwnSpendError, Service, ServiceError};
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::session::collection::Collection;
use crate::store::attempts::{self, AttemptRow};

/// An attempt opened for signatures: its PSBT, and what was collected so far.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) issued: IssuedTransaction,
    pub(crate) collection: Collection,
    pub(crate) strict: StrictPsbt,
    pub(crate) policy: Arc<Policy>,
}

impl Session {
    /// Opens an attempt from what is stored; everything is verified again.
    pub(crate) async fn open(
        service: &Service,
        tx: &mut Transaction,
        row: &AttemptRow,
    ) -> Result<Self, ServiceError> {
        let policy = service.policy(tx, row.policy).await?;
        let broken = |reason: String| ServiceError::Batch(BatchError::Build { reason });
        let strict = read_strict(&row.psbt).map_err(|refusal| broken(refusal.to_string()))?;
        let mut spent = Vec::new();
        let previous = strict
            .transaction()
            .input
            .iter()
            .zip(strict.previous_outputs());
        for (input, prevout) in previous {
            let outpoint = input.previous_output;
            let coin = coins::coin(tx, outpoint)
                .await?
                .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
            spent.push(SpentCoin {
                outpoint,
                prevout: prevout.clone(),
                derived: policy
                    .descriptor
                    .at(coin.script.keychain, coin.script.index),
            });
        }
        let issued = IssuedTransaction::new(strict.transaction().clone(), &spent)
            .map_err(|error| broken(error.to_string()))?;
        let stored = attempts::signatures(tx, row.txid).await?;
        let offered = issued.offer(stored.iter().map(|signature| OfferedSignature {
            input: usize::try_from(signature.input).unwrap_or(usize::MAX),
            slot: OfferedSlot::Place(signature.key),
            bytes: signature.signature.clone(),
        }));
        let begun = Collection::begin(issued.clone(), &policy.descriptor, &policy.signers);
        let collection = begun
            .take(&offered)
            .map_err(|other| {
                ServiceError::Attempt(AttemptError::OtherTransaction {
                    expected: other.expected,
                    found: other.found,
                })
            })?
            .collection;
        Ok(Self {
            issued,
            collection,
            strict,
            policy,
        })
    }
}
