//! The agenda: what waits, on whom, since when, who else could act and what to do. One line each, the same one on
//! the overview and on the page of whatever waits.
//!
//! The lines are decided by pure code from facts ([`mod@line`] and its neighbours); `reading` reads the facts. Invariant:
//! an agenda tells and decides nothing: rights and quorums are judged where something is done. Only what is open is
//! read, so that its cost does not grow with history.

mod asking;
mod attempt;
mod entry;
mod line;
mod reading;
mod role;
mod stop;
#[cfg(test)]
mod tests;
mod trouble;
mod version;
mod withdrawal;
mod words;

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::{PolicyId, Subject, VaultId};
use watchtower::store::database::Transaction;

use self::asking::Eyes;
pub use self::line::{AgendaKind, AgendaLine};
use super::attempts::existing as existing_attempt;
use super::withdrawals::existing as existing_withdrawal;
use super::{Actor, Right, Service, ServiceError};
use crate::store::people::absences;
use crate::store::vaults;
use crate::store::withdrawals::WithdrawalKey;

/// Whose agenda it is.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// As whom the service is asked.
    pub actor: &'a Actor,
    /// The person's name, as policies name persons.
    pub person: &'a str,
    /// Persons who said that they are away.
    pub absent: &'a BTreeSet<String>,
}

impl Viewer<'_> {
    fn eyes(&self, service: &Service, vault: Option<VaultId>) -> Eyes<'_> {
        let operates = match vault {
            Some(vault) => self.actor.require(Right::Batch, vault),
            None => self.actor.require_everywhere(Right::Batch),
        };
        Eyes {
            person: self.person,
            absent: self.absent,
            operates: operates.is_ok(),
            now: service.now(),
        }
    }
}

/// Everything that waits in the vaults that the actor sees, with what is known elsewhere: what waits on the person
/// first, then on others, then what moves by itself; the oldest first in each.
///
/// # Errors
/// On a database failure.
pub async fn agenda(
    service: &Service,
    viewer: &Viewer<'_>,
    extra: Vec<AgendaLine>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    viewer.actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut lines = extra;
    for vault in vaults::list(&mut tx).await? {
        if viewer.actor.vault.is_none_or(|own| own == vault.id) {
            let eyes = viewer.eyes(service, Some(vault.id));
            lines.extend(reading::of_vault(service, &mut tx, &vault, &eyes).await?);
        }
    }
    let eyes = viewer.eyes(service, None);
    lines.extend(reading::nodes(&mut tx, &eyes).await?);
    // What failed, and who becomes what, may be about other vaults.
    if viewer.actor.vault.is_none() {
        lines.extend(reading::jobs(&mut tx, &eyes).await?);
        lines.extend(reading::roles(&mut tx, &eyes).await?);
    }
    line::sort(&mut lines);
    Ok(lines)
}

/// The persons who are away now, for [`Viewer::absent`].
///
/// # Errors
/// On a database failure.
pub async fn absent_now(service: &Service) -> Result<BTreeSet<String>, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let open = absences::open(&mut tx, now).await?;
    let away = open.into_iter().filter(|absence| absence.from <= now);
    Ok(away.map(|absence| absence.person).collect())
}

/// What waits in one vault.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn of_vault(
    service: &Service,
    viewer: &Viewer<'_>,
    vault: VaultId,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let (mut tx, eyes) = begin(service, viewer, vault).await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let mut lines = reading::of_vault(service, &mut tx, &row, &eyes).await?;
    line::sort(&mut lines);
    Ok(lines)
}

/// The line of one withdrawal; none where nothing more happens to it.
///
/// # Errors
/// `WithdrawalError::UnknownWithdrawal`.
pub async fn of_withdrawal(
    service: &Service,
    viewer: &Viewer<'_>,
    key: &WithdrawalKey,
) -> Result<Option<AgendaLine>, ServiceError> {
    let (mut tx, eyes) = begin(service, viewer, key.vault).await?;
    let (row, policy) = service.vault(&mut tx, key.vault).await?;
    let withdrawal = existing_withdrawal(&mut tx, key).await?;
    reading::of_withdrawal(service, &mut tx, (&row, &policy), &withdrawal, &eyes).await
}

/// The line of one attempt; none where nothing more happens to it.
///
/// # Errors
/// `AttemptError::UnknownAttempt`.
pub async fn of_attempt(
    service: &Service,
    viewer: &Viewer<'_>,
    txid: Txid,
) -> Result<Option<AgendaLine>, ServiceError> {
    viewer.actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = existing_attempt(&mut tx, viewer.actor, txid).await?;
    let eyes = viewer.eyes(service, Some(row.vault));
    reading::of_attempt(service, &mut tx, &row, &eyes).await
}

/// The line of one proposed version; none once it is in force, or never will be.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn of_proposal(
    service: &Service,
    viewer: &Viewer<'_>,
    vault: VaultId,
    version: PolicyId,
) -> Result<Option<AgendaLine>, ServiceError> {
    let (mut tx, eyes) = begin(service, viewer, vault).await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    reading::of_version(service, &mut tx, (&row, &policy), version, &eyes).await
}

/// The line of one entry of a list; none once it is in force or over.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn of_entry(
    service: &Service,
    viewer: &Viewer<'_>,
    vault: VaultId,
    entry: Subject,
) -> Result<Option<AgendaLine>, ServiceError> {
    let (mut tx, eyes) = begin(service, viewer, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    reading::of_entry(&mut tx, &policy, entry, &eyes).await
}

/// The line of one stop; none once it is released.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn of_stop(
    service: &Service,
    viewer: &Viewer<'_>,
    vault: VaultId,
    stop: Subject,
) -> Result<Option<AgendaLine>, ServiceError> {
    let (mut tx, eyes) = begin(service, viewer, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let found = reading::stops(&mut tx, &policy, &eyes).await?;
    Ok(found
        .into_iter()
        .find(|(subject, _)| *subject == stop)
        .map(|(_, line)| line))
}

async fn begin<'v>(
    service: &Service,
    viewer: &'v Viewer<'_>,
    vault: VaultId,
) -> Result<(Transaction, Eyes<'v>), ServiceError> {
    viewer.actor.require(Right::Read, vault)?;
    let tx = service.database().begin_read().await?;
    Ok((tx, viewer.eyes(service, Some(vault))))
}
