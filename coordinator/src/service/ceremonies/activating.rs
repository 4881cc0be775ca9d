//! Making what all have confirmed active: a vault is added, or a next version proposed, as by hand.
//!
//! Invariant: it is the confirmed document, judged once more in the transaction that makes it active.

use policies::VaultId;
use policies::succession::SuccessionFile;
use serde::Serialize;
use utoipa::ToSchema;

use super::drafting::judged;
use super::operating::close;
use super::view::{CeremonyView, view};
use super::{Doing, Standing, lock};
use crate::service::devices::OfDevices;
use crate::service::{Actor, CeremonyError, Service, ServiceError, VaultError, vaults, versions};

/// What became of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActivatedView {
    /// The vault that was added, or whose next version was proposed.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The ceremony.
    pub ceremony: CeremonyView,
}

/// Makes the document of a ceremony active. Doing it again answers the same.
///
/// # Errors
/// [`CeremonyError::NoDraft`], [`CeremonyError::NotConfirmed`], [`CeremonyError::Ended`], [`VaultError::StoredPolicy`]
/// for a document that is not the one of its id; what [`vaults::create_vault`] refuses of a first version, and
/// [`versions::submit_succession`] of a next one.
pub async fn activate(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<ActivatedView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock(&mut tx, id).await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    standing.require(actor, Doing::Changing)?;
    let draft = standing.row.draft.as_ref();
    let is_done = |outcome: &str| outcome == "added" || outcome == "proposed";
    match (&standing.row.ended, draft) {
        (Some((_, _, outcome)), Some(draft)) if is_done(outcome) => {
            let vault = standing.vault();
            return Ok(ActivatedView {
                vault: vault.unwrap_or_else(|| VaultId::from_bytes(draft.id.to_bytes())),
                ceremony: view(&standing, now),
            });
        }
        (Some(_) | None, _) => standing.expect_open()?,
    }
    let draft = draft.ok_or(CeremonyError::NoDraft)?;
    let seats = standing.unconfirmed(draft.id);
    if !seats.is_empty() {
        return Err(CeremonyError::NotConfirmed { seats }.into());
    }
    let of_devices = OfDevices::despite(standing.row.despite_devices);
    let policy = judged(service, &mut tx, &standing, &draft.document, of_devices).await?;
    if policy.id != draft.id {
        // What was confirmed is the id; somebody exchanged the bytes behind it.
        return Err(VaultError::StoredPolicy { policy: draft.id }.into());
    }
    let vault = policy.vault;
    let outcome = if standing.before.is_some() {
        let file = SuccessionFile::of(&draft.document)
            .map_err(|mistakes| VaultError::PolicyMistakes { mistakes })?;
        versions::take_in(service, &mut tx, actor, vault, (&file, of_devices)).await?;
        "proposed"
    } else {
        vaults::add(service, &mut tx, actor, &policy, of_devices).await?;
        "added"
    };
    close(&mut tx, &standing, outcome, (&actor.name, now)).await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    tx.commit().await?;
    Ok(ActivatedView {
        vault,
        ceremony: view(&standing, now),
    })
}
