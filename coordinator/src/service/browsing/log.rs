//! The event log, the last event first.

use bitcoin::hex::DisplayHex;
use policies::VaultId;
use watchtower::store::events;
use watchtower::store::pages::log::{EventFilter, page};

use super::{number, one_more};
use crate::service::events::{ChainHead, EventView, view};
use crate::service::paging::{Cursor, Paged};
use crate::service::{Actor, Right, Service, ServiceError, VaultError};

/// The next events after a place; whoever belongs to one vault sees that vault's only.
///
/// # Errors
/// `VaultError::UnknownVault` for another vault than the actor's; [`ServiceError::Malformed`] for a cursor of
/// another list.
pub async fn list_log(
    service: &Service,
    actor: &Actor,
    filter: &EventFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<EventView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let filter = EventFilter {
        vault: allowed(actor, filter.vault)?,
        ..filter.clone()
    };
    let mut tx = service.database().begin_read().await?;
    let more = one_more(limit);
    let rows = page(&mut tx, &filter, number(after)?, more).await?;
    let rows = rows.into_iter().map(view).collect();
    Ok(Paged::from_rows(
        rows,
        more.saturating_sub(1),
        |row: &EventView| Cursor::of(&[&row.number.to_string()]),
    ))
}

/// The number and hash of the last event, as stored.
///
/// # Errors
/// On a database failure.
pub async fn show_head(service: &Service, actor: &Actor) -> Result<ChainHead, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let (number, hash) = events::head(&mut tx).await?;
    Ok(ChainHead {
        number,
        hash: hash.to_lower_hex_string(),
    })
}

/// The vault whose events are shown: all only to who may see all.
fn allowed(actor: &Actor, wanted: Option<VaultId>) -> Result<Option<VaultId>, ServiceError> {
    match (actor.vault, wanted) {
        (Some(own), Some(wanted)) if own != wanted => {
            Err(VaultError::UnknownVault { vault: wanted }.into())
        }
        (own, wanted) => Ok(own.or(wanted)),
    }
}
