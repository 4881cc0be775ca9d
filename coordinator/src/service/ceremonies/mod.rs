//! Ceremonies: persons in several places set up a vault together, or one of them takes a signer's seat anew.
//!
//! A ceremony is a shared draft with a board. Nothing in it is believed: records and document are judged by the rules
//! of every policy, each person compares the document's words with another one by voice and pins it with the own
//! tool, and what comes of it goes the way of every vault and of every next version. Invariant: nothing becomes active
//! before each seat has confirmed this very document; another document, or an emptied seat, voids every confirmation.

pub mod activating;
pub mod drafting;
pub mod filling;
pub mod operating;
pub mod sitting;
pub mod view;

use std::sync::Arc;

use policies::document::Policy;
use policies::{PolicyId, VaultId};
use serde_json::{Map, Value, json};
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::record::Cause;
use super::{Actor, CeremonyError, Right, Service, ServiceError};
use crate::store::vault_ceremonies::{self as rows, CeremonyRow};
use crate::store::vault_seats::{self as seats, SeatRow};

/// A ceremony with its seats, and the version that it follows.
struct Standing {
    row: CeremonyRow,
    seats: Vec<SeatRow>,
    before: Option<Arc<Policy>>,
}

impl Standing {
    /// One that the actor may act on with this right, locked; it has not ended.
    async fn open(
        service: &Service,
        tx: &mut Transaction,
        actor: &Actor,
        id: &str,
    ) -> Result<Self, ServiceError> {
        lock(tx, id).await?;
        let standing = Self::read(service, tx, id).await?;
        standing.require(actor, Doing::Changing)?;
        standing.expect_open()?;
        Ok(standing)
    }

    async fn read(service: &Service, tx: &mut Transaction, id: &str) -> Result<Self, ServiceError> {
        let row = rows::lookup(tx, id).await?.ok_or_else(|| unknown(id))?;
        Self::of(service, tx, row).await
    }

    async fn of(
        service: &Service,
        tx: &mut Transaction,
        row: CeremonyRow,
    ) -> Result<Self, ServiceError> {
        let seats = seats::of_ceremony(tx, &row.id).await?;
        let before = match row.replaces {
            Some((_, previous)) => Some(service.policy(tx, previous).await?),
            None => None,
        };
        Ok(Self { row, seats, before })
    }

    /// Refuses whoever may not; to somebody of another vault it does not exist.
    fn require(&self, actor: &Actor, doing: Doing) -> Result<(), ServiceError> {
        require(actor, self.vault(), doing).map_err(|error| {
            if matches!(error, ServiceError::Vault(_)) {
                unknown(&self.row.id)
            } else {
                error
            }
        })
    }

    fn vault(&self) -> Option<VaultId> {
        self.row.replaces.map(|(vault, _)| vault)
    }

    fn expect_open(&self) -> Result<(), CeremonyError> {
        match &self.row.ended {
            None => Ok(()),
            Some((_, _, outcome)) => Err(CeremonyError::Ended {
                outcome: outcome.clone(),
            }),
        }
    }

    fn seat(&self, name: &str) -> Result<&SeatRow, CeremonyError> {
        let found = self.seats.iter().find(|seat| seat.name == name);
        found.ok_or_else(|| CeremonyError::UnknownSeat {
            seat: name.chars().take(40).collect(),
        })
    }

    /// The id of the document that is to be confirmed.
    fn draft(&self) -> Option<PolicyId> {
        self.row.draft.as_ref().map(|draft| draft.id)
    }

    /// The seats whose keys are missing.
    fn empty_seats(&self) -> Vec<String> {
        let empty = self.seats.iter().filter(|seat| !has_key(seat));
        empty.map(|seat| seat.name.clone()).collect()
    }

    /// The seats that have not confirmed this document.
    fn unconfirmed(&self, draft: PolicyId) -> Vec<String> {
        let open = self
            .seats
            .iter()
            .filter(|seat| !has_key(seat) || !has_compared(seat, draft) || !is_ready(seat, draft));
        open.map(|seat| seat.name.clone()).collect()
    }

    /// Appends an event about it.
    async fn tell(
        &self,
        tx: &mut Transaction,
        kind: &str,
        body: Map<String, Value>,
        cause: Cause<'_>,
    ) -> Result<(), ServiceError> {
        events::append(
            tx,
            &NewEvent {
                object_kind: "ceremony",
                object_id: &self.row.id,
                kind,
                vault: self.vault(),
                body,
                actor: cause.actor,
                reason: cause.reason,
                at: cause.at,
            },
        )
        .await?;
        Ok(())
    }
}

/// What an event says of a seat.
fn about(seat: &SeatRow) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("seat".to_owned(), json!(seat.name));
    body.insert("person".to_owned(), json!(seat.person));
    body
}

/// What somebody does with a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Reading,
    Changing,
}

/// Whoever adds vaults leads a ceremony of a new one; whoever changes the policy of one leads those of that one.
fn require(actor: &Actor, vault: Option<VaultId>, doing: Doing) -> Result<(), ServiceError> {
    match (vault, doing) {
        (None, Doing::Reading) => actor.require_everywhere(Right::Read),
        (None, Doing::Changing) => actor.require_everywhere(Right::AddVault),
        (Some(vault), Doing::Reading) => actor.require(Right::Read, vault),
        (Some(vault), Doing::Changing) => actor.require(Right::ChangePolicy, vault),
    }
}

/// Serializes what is decided in one ceremony. It is taken before a vault's lock, never after it.
async fn lock(tx: &mut Transaction, id: &str) -> Result<(), ServiceError> {
    Ok(tx.lock(&format!("ceremony {id}")).await?)
}

fn unknown(id: &str) -> ServiceError {
    let id = id.chars().take(64).collect();
    CeremonyError::Unknown { id }.into()
}

/// Whether a seat has its key: the one handed in, or the one that stays.
const fn has_key(seat: &SeatRow) -> bool {
    seat.keeps || seat.filled.is_some()
}

fn has_compared(seat: &SeatRow, draft: PolicyId) -> bool {
    seat.compared
        .as_ref()
        .is_some_and(|(of, _, _)| *of == draft)
}

fn is_ready(seat: &SeatRow, draft: PolicyId) -> bool {
    seat.ready.is_some_and(|(of, _)| of == draft)
}
