//! What an operator says of a vault, in place of what was said before: of its fees, deposits, customers, coins or
//! signers.
//!
//! Invariant: it is said under the vault's lock, and told of in the same step.

use std::sync::Arc;

use policies::document::Policy;
use policies::{UnixTime, VaultId};
use serde_json::{Map, Value};
use watchtower::store::database::Transaction;
use watchtower::store::said::Said;

use super::record::{Cause, append_event, append_vault_event, body_of};
use super::{Actor, Service, ServiceError, lock_vault};

/// The most characters of a reason.
pub(crate) const MAX_REASON: usize = 200;

/// Somebody says something of a vault.
pub(super) struct Saying<'a> {
    pub(super) tx: Transaction,
    pub(super) vault: VaultId,
    pub(super) policy: Arc<Policy>,
    pub(super) now: UnixTime,
    actor: &'a Actor,
}

impl<'a> Saying<'a> {
    /// Begins, for an actor who may.
    ///
    /// # Errors
    /// `VaultError::UnknownVault`.
    pub(super) async fn begin(
        service: &Service,
        actor: &'a Actor,
        vault: VaultId,
    ) -> Result<Self, ServiceError> {
        let now = service.now();
        let mut tx = service.database().begin_write().await?;
        lock_vault(&mut tx, vault).await?;
        let (_, policy) = service.vault(&mut tx, vault).await?;
        Ok(Self {
            tx,
            vault,
            policy,
            now,
            actor,
        })
    }

    /// What the row bears.
    pub(super) fn said(&self) -> Said {
        Said::by(&self.actor.name, self.now)
    }

    /// What the event bears.
    pub(super) fn cause<'b>(&self, reason: &'b str) -> Cause<'b>
    where
        'a: 'b,
    {
        Cause {
            actor: &self.actor.name,
            reason,
            at: self.now,
        }
    }

    /// Tells of it: of the vault as a whole.
    pub(super) async fn tell(&mut self, kind: &str, body: Value) -> Result<(), ServiceError> {
        let cause = self.cause("");
        append_vault_event(&mut self.tx, self.vault, kind, body_of(&body), cause).await
    }

    /// Tells of it: of something in the vault, of which kind it is and which one, and why.
    pub(super) async fn tell_of(
        &mut self,
        object: (&str, &str),
        kind: &str,
        body: Map<String, Value>,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let cause = self.cause(reason);
        append_event(&mut self.tx, self.vault, object, kind, body, cause).await
    }
}

/// A reason, which is one line and says something.
///
/// # Errors
/// [`ServiceError::Malformed`] for one that is missing or too long.
pub(super) fn reason(text: &str) -> Result<&str, ServiceError> {
    let reason = text.trim();
    if reason.is_empty() || !is_line(reason, MAX_REASON) {
        return Err(ServiceError::Malformed {
            field: "reason",
            expected: "one line of 1 to 200 characters",
        });
    }
    Ok(reason)
}

/// Whether a text is one line of at most so many characters.
pub(crate) fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && text.chars().all(|one| !one.is_control())
}
