//! The event log as its readers see it: sequenced, chained, verifiable.

use bitcoin::hex::DisplayHex;
use policies::{UnixTime, VaultId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchtower::store::events::{self, Event};

use super::gate::{Gate, Pass};
use super::proving::{ProofView, proof_of};
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
    /// What shows it in the chain, where that was asked for. The hash does not commit to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofView>,
}

/// How much of the log is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At most this many events.
    pub limit: Option<u32>,
    /// Whether with what shows them in the chain.
    pub proofs: bool,
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
    wanted: Wanted,
) -> Result<EventPage, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let limit = wanted.limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    // Numbers are 63 bits wide in the table; nothing comes after the last one.
    let after = after.min(u64::MAX / 2);
    let mut tx = service.database().begin_read().await?;
    let page = events::after(&mut tx, after, limit).await?;
    let next_after = page.last().map_or(after, |event| event.number);
    let mut events = Vec::new();
    for event in page {
        if sees(actor, &event) {
            let proof = if wanted.proofs {
                proof_of(&mut tx, &event).await?
            } else {
                None
            };
            events.push(EventView {
                proof,
                ..view(event)
            });
        }
    }
    Ok(EventPage { events, next_after })
}

/// What shows an event in the chain; none where it says nothing of the chain, or its block left it.
///
/// # Errors
/// [`ServiceError::UnknownEvent`] where there is none of this number, or it is another vault's.
pub async fn prove_event(
    service: &Service,
    actor: &Actor,
    number: u64,
) -> Result<Option<ProofView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let unknown = ServiceError::UnknownEvent { number };
    let Some(before) = number.checked_sub(1).filter(|_| number <= u64::MAX / 2) else {
        return Err(unknown);
    };
    let mut tx = service.database().begin_read().await?;
    let found = events::after(&mut tx, before, 1).await?.into_iter().next();
    let event = found
        .filter(|event| event.number == number && sees(actor, event))
        .ok_or(unknown)?;
    proof_of(&mut tx, &event).await
}

fn sees(actor: &Actor, event: &Event) -> bool {
    actor.vault.is_none() || event.vault == actor.vault
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
        proof: None,
    }
}
