//! The event log as its readers see it: sequenced, chained, verifiable.

use bitcoin::hex::DisplayHex;
use policies::{UnixTime, VaultId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchtower::store::events::{self, Event};

use super::{Actor, MAX_LIMIT, Right, Service, ServiceError};

/// A sequenced event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventView {
    /// Its number: 1, 2, 3, … without gaps.
    pub number: u64,
    /// What kind of thing it happened to.
    pub object_kind: String,
    /// Which one.
    pub object_id: String,
    /// The how many-th event of that object this is.
    pub version: u64,
    /// What happened.
    pub kind: String,
    /// The vault concerned, if one is.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// The facts.
    #[schema(value_type = Object)]
    pub body: Value,
    /// Who did it.
    pub actor: String,
    /// Why; empty if nobody said.
    pub reason: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
    /// The chain's hash up to and including this event.
    pub hash: String,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventPage {
    /// The events, in order.
    pub events: Vec<EventView>,
    /// The number to ask after next: also past events of other vaults.
    pub next_after: u64,
}

/// The head of a verified chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainHead {
    /// The number of the last event.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// The number of the last sequenced event.
///
/// # Errors
/// On a database failure.
pub async fn head_number(service: &Service) -> Result<u64, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    Ok(events::head(&mut tx).await?.0)
}

/// Events after a number, in order; a token of one vault sees that vault's only.
///
/// # Errors
/// On a database failure.
pub async fn list_events(
    service: &Service,
    actor: &Actor,
    after: u64,
    limit: Option<u32>,
) -> Result<EventPage, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let limit = limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    // Numbers are 63 bits wide in the table; nothing comes after the last one.
    let after = after.min(u64::MAX / 2);
    let mut tx = service.database().begin_read().await?;
    let page = events::after(&mut tx, after, limit).await?;
    let next_after = page.last().map_or(after, |event| event.number);
    let events = page
        .into_iter()
        .filter(|event| actor.vault.is_none() || event.vault == actor.vault)
        .map(view)
        .collect();
    Ok(EventPage { events, next_after })
}

/// Recomputes the whole chain from the stored events.
///
/// # Errors
/// [`ServiceError::Event`] at the first event that does not fit.
pub async fn verify_events(service: &Service, actor: &Actor) -> Result<ChainHead, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let (number, hash) = events::verify_chain(&mut tx).await?;
    Ok(ChainHead {
        number,
        hash: hash.to_lower_hex_string(),
    })
}

pub(super) fn view(event: Event) -> EventView {
    EventView {
        number: event.number,
        object_kind: event.object_kind,
        object_id: event.object_id,
        version: event.version,
        kind: event.kind,
        vault: event.vault,
        body: event.body,
        actor: event.actor,
        reason: event.reason,
        at: event.at,
        hash: event.hash.to_lower_hex_string(),
    }
}
