//! An attempt that signers made impossible by their voids (M4).
//!
//! Whether they block every quorum is decided where voids are taken in; here the books follow: the attempt is
//! dropped, its coins come free, and what only it paid is approved as before.

use std::collections::BTreeSet;

use bitcoin::Txid;
use watchtower::store::database::Transaction;

use super::keeping::keep_in_step;
use super::record::{Cause, move_attempt};
use super::{AttemptError, ServiceError, lock_vault};
use crate::session::attempt::AttemptEvent;
use crate::store::attempts;

/// Drops an attempt whose voids block every quorum. The caller has verified them in this transaction.
///
/// # Errors
/// [`AttemptError::UnknownAttempt`]; [`ServiceError::Illegal`] for one that has its quorum already, or that
/// the network showed.
pub(crate) async fn drop_voided(
    tx: &mut Transaction,
    txid: Txid,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let unknown = || ServiceError::Attempt(AttemptError::UnknownAttempt { txid });
    let vault = attempts::lookup(tx, txid).await?.ok_or_else(unknown)?.vault;
    lock_vault(tx, vault).await?;
    let mut row = attempts::lookup(tx, txid).await?.ok_or_else(unknown)?;
    move_attempt(tx, &mut row, &AttemptEvent::Voided, cause).await?;
    keep_in_step(tx, &BTreeSet::from([txid]), "voided", cause).await
}
