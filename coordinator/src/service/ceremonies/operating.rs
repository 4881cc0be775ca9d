//! What operators do: begin a ceremony, invite to its seats, empty one, and end it.
//!
//! Invariant: of a seat's link only the hash is kept, it opens once, and a new one voids the one before together with
//! the sitting that came of it.

use policies::document::Policy;
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::filling::{HandIn, fill};
use super::view::{CeremonyView, view};
use super::{Doing, Standing, about, require};
use crate::service::people::invitations::LIFE;
use crate::service::people::{expect_name, fresh_id, fresh_secret, hash_of};
use crate::service::record::Cause;
use crate::service::{
    Actor, CeremonyError, MAX_LIMIT, Service, ServiceError, VersionError, lock_vault,
};
use crate::store::vault_ceremonies::{self as rows, CeremonyRow};
use crate::store::vault_seats::{self as seats, SeatRow};

/// The most seats: as many as a multisig script has keys at most.
const MOST_SEATS: usize = 20;
/// Seconds for which a sitting still reads its seat after the end.
const AFTER: u64 = 7 * 86_400;

/// Begins a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCeremony {
    /// What it is called, such as the vault's name: 1 to 32 characters a-z, 0-9 and -.
    pub name: String,
    /// The vault whose signers are replaced; none where a vault is to be.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// The signers that a new vault is to have; of a vault that is there, those who are replaced.
    pub seats: Vec<NewSeat>,
}

/// A seat of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeat {
    /// The signer's name in the policy.
    pub name: String,
    /// The person who holds the key; of the same name if none is named, or as the version before says.
    #[serde(default)]
    pub person: Option<String>,
}

/// A link to a seat with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeatLink {
    /// The seat.
    pub seat: String,
    /// Who is invited.
    pub person: String,
    /// What the link ends with.
    pub secret: String,
    /// The link; from its slash on where the configuration has no `public_url`.
    pub url: String,
    /// When it stops counting (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
}

impl std::fmt::Debug for SeatLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeatLink")
            .field("seat", &self.seat)
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// Begins a ceremony.
///
/// # Errors
/// [`CeremonyError::SeatCount`], [`CeremonyError::SeatTwice`], [`CeremonyError::UnknownSeat`] for a signer that the
/// vault does not have, [`CeremonyError::OtherOpen`], [`VersionError::NoSuccession`], `VaultError::UnknownVault`;
/// [`ServiceError::Malformed`] for a name.
pub async fn begin(
    service: &Service,
    actor: &Actor,
    request: &NewCeremony,
) -> Result<CeremonyView, ServiceError> {
    require(actor, request.vault, Doing::Changing)?;
    expect_name(&request.name)?;
    let found = request.seats.len();
    let (least, most) = (if request.vault.is_none() { 2 } else { 1 }, MOST_SEATS);
    if !(least..=most).contains(&found) {
        return Err(CeremonyError::SeatCount { found, least, most }.into());
    }
    for (place, seat) in request.seats.iter().enumerate() {
        expect_name(&seat.name)?;
        expect_name(seat.person.as_ref().unwrap_or(&seat.name))?;
        if request
            .seats
            .iter()
            .take(place)
            .any(|one| one.name == seat.name)
        {
            let seat = seat.name.clone();
            return Err(CeremonyError::SeatTwice { seat }.into());
        }
    }
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let id = fresh_id(service);
    let before = match request.vault {
        None => None,
        Some(vault) => {
            lock_vault(&mut tx, vault).await?;
            let (_, policy) = service.vault(&mut tx, vault).await?;
            if policy.change.is_none() {
                return Err(VersionError::NoSuccession.into());
            }
            refuse_other(&mut tx, vault).await?;
            Some(policy)
        }
    };
    let seats = match &before {
        None => (1..)
            .zip(&request.seats)
            .map(|(number, seat)| empty(&id, number, seat))
            .collect(),
        Some(policy) => seats_of(&id, policy, &request.seats)?,
    };
    let row = CeremonyRow {
        id,
        name: request.name.clone(),
        replaces: before.as_ref().map(|policy| (policy.vault, policy.id)),
        created_at: now,
        created_by: actor.name.clone(),
        draft: None,
        despite_devices: false,
        ended: None,
    };
    rows::insert(&mut tx, &row).await?;
    for seat in &seats {
        seats::insert(&mut tx, seat).await?;
    }
    let standing = Standing { row, seats, before };
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(request.name));
    let names: Vec<&str> = request
        .seats
        .iter()
        .map(|seat| seat.name.as_str())
        .collect();
    body.insert("seats".to_owned(), json!(names));
    let cause = Cause::by(&actor.name, now);
    standing
        .tell(&mut tx, "ceremony.begun", body, cause)
        .await?;
    tx.commit().await?;
    Ok(view(&standing, now))
}

async fn refuse_other(tx: &mut Transaction, vault: VaultId) -> Result<(), ServiceError> {
    let mut all = rows::list(tx, MAX_LIMIT).await?.into_iter();
    let is_open =
        |row: &CeremonyRow| row.ended.is_none() && row.replaces.is_some_and(|(of, _)| of == vault);
    if all.any(|row| is_open(&row)) {
        return Err(CeremonyError::OtherOpen.into());
    }
    Ok(())
}

/// A seat that nobody sits on.
fn empty(ceremony: &str, number: u32, seat: &NewSeat) -> SeatRow {
    SeatRow {
        ceremony: ceremony.to_owned(),
        name: seat.name.clone(),
        number,
        person: seat.person.clone().unwrap_or_else(|| seat.name.clone()),
        keeps: false,
        link: None,
        sitting: None,
        filled: None,
        compared: None,
        ready: None,
    }
}

/// A seat for each signer of a version; those named are to be filled anew.
fn seats_of(id: &str, policy: &Policy, named: &[NewSeat]) -> Result<Vec<SeatRow>, CeremonyError> {
    if let Some(unknown) = named
        .iter()
        .find(|seat| policy.signer(&seat.name).is_none())
    {
        let seat = unknown.name.clone();
        return Err(CeremonyError::UnknownSeat { seat });
    }
    let seat = |(number, signer): (u32, &policies::document::Signer)| {
        let named = named.iter().find(|seat| seat.name == signer.name);
        let person = named.and_then(|seat| seat.person.clone());
        let seat = NewSeat {
            name: signer.name.clone(),
            person: Some(person.unwrap_or_else(|| signer.person.clone())),
        };
        SeatRow {
            keeps: named.is_none(),
            ..empty(id, number, &seat)
        }
    };
    Ok((1..).zip(&policy.signers).map(seat).collect())
}

/// The ceremonies that the actor may see: the open ones first.
///
/// # Errors
/// On a database failure.
pub async fn list(service: &Service, actor: &Actor) -> Result<Vec<CeremonyView>, ServiceError> {
    actor.require_somewhere(crate::service::Right::Read)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let mut views = Vec::new();
    for row in rows::list(&mut tx, MAX_LIMIT).await? {
        let vault = row.replaces.map(|(vault, _)| vault);
        if require(actor, vault, Doing::Reading).is_ok() {
            let standing = Standing::of(service, &mut tx, row).await?;
            views.push(view(&standing, now));
        }
    }
    Ok(views)
}

/// One ceremony.
///
/// # Errors
/// [`CeremonyError::Unknown`].
pub async fn show(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<CeremonyView, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    standing.require(actor, Doing::Reading)?;
    Ok(view(&standing, service.now()))
}

/// Makes a link to a seat. The one before opens nothing any more, and the sitting that came of it is over; what was
/// handed in stays, what was confirmed there does not: somebody else may have done it.
///
/// # Errors
/// [`CeremonyError::Unknown`], [`CeremonyError::Ended`], [`CeremonyError::UnknownSeat`].
pub async fn invite(
    service: &Service,
    actor: &Actor,
    id: &str,
    seat: &str,
) -> Result<SeatLink, ServiceError> {
    let now = service.now();
    let secret = fresh_secret(service);
    let expires = now.saturating_add(LIFE);
    let mut tx = service.database().begin_write().await?;
    let standing = Standing::open(service, &mut tx, actor, id).await?;
    let before = standing.seat(seat)?;
    let row = SeatRow {
        link: Some((hash_of(&secret), expires)),
        sitting: None,
        compared: None,
        ready: None,
        ..before.clone()
    };
    seats::update(&mut tx, &row).await?;
    let cause = Cause::by(&actor.name, now);
    standing
        .tell(&mut tx, "ceremony.invited", about(&row), cause)
        .await?;
    tx.commit().await?;
    let base = service.public_url().unwrap_or_default();
    Ok(SeatLink {
        seat: row.name,
        person: row.person,
        url: format!("{base}/seats/{secret}"),
        secret,
        expires,
    })
}

/// Empties a seat: its key, link, sitting and confirmations go, and with the key the document and what all others
/// confirmed of it.
///
/// # Errors
/// As [`invite`].
pub async fn empty_seat(
    service: &Service,
    actor: &Actor,
    id: &str,
    seat: &str,
) -> Result<CeremonyView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let mut standing = Standing::open(service, &mut tx, actor, id).await?;
    let found = standing.seat(seat)?.clone();
    let had_key = found.filled.is_some();
    let row = SeatRow {
        link: None,
        sitting: None,
        filled: None,
        compared: None,
        ready: None,
        ..found
    };
    seats::update(&mut tx, &row).await?;
    if had_key && standing.row.draft.is_some() {
        rows::set_draft(&mut tx, id, None, false).await?;
        void_confirmations(&mut tx, &standing.seats, &row.name).await?;
    }
    let cause = Cause::by(&actor.name, now);
    standing
        .tell(&mut tx, "ceremony.emptied", about(&row), cause)
        .await?;
    standing = Standing::read(service, &mut tx, id).await?;
    tx.commit().await?;
    Ok(view(&standing, now))
}

/// Ends a ceremony of which nothing is to come.
///
/// # Errors
/// [`CeremonyError::Unknown`], [`CeremonyError::Ended`].
pub async fn end(service: &Service, actor: &Actor, id: &str) -> Result<CeremonyView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let standing = Standing::open(service, &mut tx, actor, id).await?;
    close(&mut tx, &standing, "abandoned", (&actor.name, now)).await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    tx.commit().await?;
    Ok(view(&standing, now))
}

/// Ends it in the books: its links open nothing any more. Whoever sits reads on, and changes nothing.
pub(super) async fn close(
    tx: &mut Transaction,
    standing: &Standing,
    outcome: &str,
    (by, now): (&str, UnixTime),
) -> Result<(), ServiceError> {
    for seat in &standing.seats {
        let last = now.saturating_add(AFTER);
        let over = SeatRow {
            link: None,
            sitting: seat
                .sitting
                .map(|(secret, until, sat)| (secret, until.min(last), sat)),
            ..seat.clone()
        };
        seats::update(tx, &over).await?;
    }
    rows::end(tx, &standing.row.id, outcome, now, by).await?;
    let mut body = Map::new();
    body.insert("outcome".to_owned(), json!(outcome));
    if let Some(draft) = standing.draft().filter(|_| outcome != "abandoned") {
        body.insert("policy".to_owned(), json!(draft));
    }
    standing
        .tell(tx, "ceremony.ended", body, Cause::by(by, now))
        .await
}

/// Takes back what was confirmed at every seat but one, which is written apart.
pub(super) async fn void_confirmations(
    tx: &mut Transaction,
    all: &[SeatRow],
    but: &str,
) -> Result<(), ServiceError> {
    let confirmed = |seat: &&SeatRow| seat.compared.is_some() || seat.ready.is_some();
    for seat in all.iter().filter(|seat| seat.name != but).filter(confirmed) {
        let void = SeatRow {
            compared: None,
            ready: None,
            ..seat.clone()
        };
        seats::update(tx, &void).await?;
    }
    Ok(())
}

/// Hands in the key of a seat for a person who sent the record on another way. What it says is the person's to
/// confirm, in the own sitting.
///
/// # Errors
/// [`CeremonyError::Unknown`], [`CeremonyError::Ended`], [`CeremonyError::UnknownSeat`]; else as
/// [`hand_in`](super::sitting::hand_in).
pub async fn fill_seat(
    service: &Service,
    actor: &Actor,
    id: &str,
    seat: &str,
    handed: &HandIn,
) -> Result<CeremonyView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let standing = Standing::open(service, &mut tx, actor, id).await?;
    let row = standing.seat(seat)?;
    fill(
        service,
        &mut tx,
        (&standing, row),
        handed,
        (&actor.name, now),
    )
    .await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    tx.commit().await?;
    Ok(view(&standing, now))
}
