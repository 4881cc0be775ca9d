//! An attempt opened from what is stored: its PSBT, and the signatures collected so far.

use std::sync::Arc;

use policies::Keyset;
use policies::document::{KeysetView, Policy};
use policies::psbt::{OfferedSignature, OfferedSlot, StrictPsbt, read_strict};
use watchtower::store::database::Transaction;
use watchtower::store::{coins, scripts};

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
    /// The keyset whose coins it spends: a former one where it brings them home.
    keyset: Keyset,
}

impl Session {
    /// Opens an attempt from what is stored; everything is verified again.
    pub(crate) async fn open(
        service: &Service,
        tx: &mut Transaction,
        row: &AttemptRow,
    ) -> Result<Self, ServiceError> {
        if row.is_remembered() {
            return Err(AttemptError::PsbtLost { txid: row.txid }.into());
        }
        let policy = service.policy(tx, row.policy).await?;
        let broken = |reason: String| ServiceError::Batch(BatchError::Build { reason });
        let strict = read_strict(&row.psbt).map_err(|refusal| broken(refusal.to_string()))?;
        let mut spent = Vec::new();
        let mut owner: Option<KeysetView<'_>> = None;
        let previous = strict
            .transaction()
            .input
            .iter()
            .zip(strict.previous_outputs());
        for (input, prevout) in previous {
            let outpoint = input.previous_output;
            let script = match coins::coin(tx, outpoint).await? {
                Some(coin) => Some(coin.script),
                // What an attempt of ours makes that no node has taken yet, and that its child spends.
                None => scripts::watched_script(tx, &prevout.script_pubkey).await?,
            };
            let script = script.ok_or(OwnSpendError::UnknownCoin { outpoint })?;
            let (keychain, index) = (script.keychain, script.index);
            let keyset = policy
                .keyset_of(keychain, index, &prevout.script_pubkey)
                .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
            spent.push(SpentCoin {
                outpoint,
                prevout: prevout.clone(),
                derived: keyset.descriptor.at(keychain, index),
            });
            owner = owner.or(Some(keyset));
        }
        let issued = IssuedTransaction::new(strict.transaction().clone(), &spent)
            .map_err(|error| broken(error.to_string()))?;
        let stored = attempts::signatures(tx, row.txid).await?;
        let offered = issued.offer(stored.iter().map(|signature| OfferedSignature {
            input: usize::try_from(signature.input).unwrap_or(usize::MAX),
            slot: OfferedSlot::Place(signature.key),
            bytes: signature.signature.clone(),
        }));
        let owner = owner.unwrap_or_else(|| policy.newest_keyset());
        let begun = Collection::begin(issued.clone(), owner.descriptor, owner.signers);
        let keyset = owner.keyset;
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
            keyset,
        })
    }

    /// The keyset whose coins it spends: who can sign, and whose absence blocks it.
    pub(crate) fn keyset(&self) -> KeysetView<'_> {
        let mut keysets = self.policy.keysets();
        let spent = keysets.find(|view| view.keyset == self.keyset);
        spent.unwrap_or_else(|| self.policy.newest_keyset())
    }
}
