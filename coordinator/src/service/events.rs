//! The event log as its readers see it: sequenced, chained, verifiable.

use bitcoin::hex::DisplayHex;
use policies::{UnixTime, VaultId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchtower::store::events::{self, Event};

use super::gate::{Gate, Pass};
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

/// Where the chain is verified: by one at a time, since it reads all there is.
pub(super) fn verifying() -> Gate {
    Gate::new(1, 1)
}

/// Where the log is exported: once by each person, and by few at a time.
pub(super) fn exporting() -> Gate {
    Gate::new(1, 4)
}

/// Leave to export the log, for as long as the export goes on.
///
/// # Errors
/// [`ServiceError::Busy`].
pub(crate) fn begin_export(service: &Service, actor: &Actor) -> Result<Pass, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let what = "the log of events is being exported";
    let pass = service.exporting().enter(&actor.name);
    pass.map_err(|_| ServiceError::Busy { what })
}

/// Recomputes the whole chain from the stored events, by one at a time. It is read a page at a time, each by itself:
/// what is numbered never changes, and nobody waits for the whole.
///
/// # Errors
/// [`ServiceError::Event`] at the first event that does not fit; [`ServiceError::Busy`] while it is verified already.
pub async fn verify_events(service: &Service, actor: &Actor) -> Result<ChainHead, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let what = "the chain of events is being verified";
    let verifying = service.verifying().enter("");
    let pass = verifying.map_err(|_| ServiceError::Busy { what })?;
    let mut head = events::BEGINNING;
    loop {
        let mut tx = service.database().begin_read().await?;
        match events::verify_page(&mut tx, head).await? {
            Some(next) => head = next,
            None => break,
        }
    }
    drop(pass);
    let (number, hash) = head;
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
