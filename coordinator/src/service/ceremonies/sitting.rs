//! A person's own sitting: opened once by a link, resumed for weeks, and bound to one seat.
//!
//! Invariant: a link opens once and within two days; what a sitting's secret reaches is its own seat alone. The
//! document is shown without its words: they come from the person's own tool, and are compared by voice.

use policies::document::{name_of_network, words_of};
use policies::{PolicyId, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::filling::{HandIn, fill};
use super::view::{SeatView, Step, first_address, says_of, seat_view, step};
use super::{Standing, about, lock, seats};
use crate::service::people::{fresh_secret, hash_of, throttling};
use crate::service::record::Cause;
use crate::service::{CeremonyError, PeopleError, Service, ServiceError};
use crate::store::vault_seats::SeatRow;

/// Seconds for which a sitting counts: a ceremony may take weeks.
const LIFE: u64 = 30 * 86_400;

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkView {
    /// The ceremony's name.
    pub ceremony: String,
    /// The seat.
    pub seat: String,
    /// Who is invited.
    pub person: String,
    /// Who began the ceremony.
    pub created_by: String,
    /// When the link stops counting (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
}

/// A sitting that begins, with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewSitting {
    /// What the person's browser or file keeps.
    pub secret: String,
    /// For how many seconds it counts.
    pub max_age: u64,
    /// The seat.
    pub sitting: SittingView,
}

impl std::fmt::Debug for NewSitting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSitting")
            .field("sitting", &self.sitting)
            .finish_non_exhaustive()
    }
}

/// A person's own seat, and what there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SittingView {
    /// The ceremony's id.
    pub ceremony: String,
    /// Its name.
    pub name: String,
    /// The network of the vault.
    pub network: String,
    /// Where the ceremony stands.
    pub step: Step,
    /// What this person does next.
    pub next: String,
    /// The own seat.
    pub seat: SeatView,
    /// The other seats: who reads the words out to whom.
    pub others: Vec<OtherSeat>,
    /// The document to be confirmed, without its words.
    pub draft: Option<SittingDraft>,
    /// When the sitting stops counting (unix seconds).
    #[schema(value_type = u64)]
    pub until: UnixTime,
}

/// What a sitting shows of another seat: whom to call, and nothing of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OtherSeat {
    /// The signer's name in the policy.
    pub name: String,
    /// Who sits on it.
    pub person: String,
    /// As [`SeatView::state`].
    pub state: String,
}

/// The document as a person in a sitting sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SittingDraft {
    /// Its id.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// The document, byte for byte.
    pub document: String,
    /// The vault's first address, to be compared with the one that the device or the own tool shows.
    pub first_address: String,
}

/// Says that the words and the first address were compared by voice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The document that was compared.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// The seat of the person who read the words out.
    pub with: String,
    /// The first word that was heard.
    pub first_word: String,
    /// The last word that was heard.
    pub last_word: String,
    /// Whether the first address was the same, too.
    pub same_address: bool,
}

/// Says that the own tool has pinned or checked the document, and that the device has registered it where it must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// The document.
    #[schema(value_type = String)]
    pub policy: PolicyId,
}

/// What a link leads to; it stays unused. `from` is the address that asks.
///
/// # Errors
/// [`PeopleError::InvitationVoid`], the same for an unknown, used, expired and replaced one;
/// [`PeopleError::TooManyTries`].
pub async fn look_at_link(
    service: &Service,
    from: &str,
    secret: &str,
) -> Result<LinkView, ServiceError> {
    throttling::open_link(service, from)?;
    let mut tx = service.database().begin_read().await?;
    let (standing, seat, expires) = invited(service, &mut tx, secret).await?;
    Ok(LinkView {
        ceremony: standing.row.name,
        seat: seat.name,
        person: seat.person,
        created_by: standing.row.created_by,
        expires,
    })
}

/// Uses a link up: the person sits.
///
/// # Errors
/// As [`look_at_link`].
pub async fn sit(service: &Service, from: &str, secret: &str) -> Result<NewSitting, ServiceError> {
    throttling::open_link(service, from)?;
    let now = service.now();
    let own = fresh_secret(service);
    let until = now.saturating_add(LIFE);
    let mut tx = service.database().begin_write().await?;
    let ceremony = invited(service, &mut tx, secret).await?.0.row.id;
    lock(&mut tx, &ceremony).await?;
    // Whoever came first has used it up by now.
    let (standing, seat, _) = invited(service, &mut tx, secret).await?;
    let row = SeatRow {
        link: None,
        sitting: Some((hash_of(&own), until, now)),
        ..seat
    };
    seats::update(&mut tx, &row).await?;
    let actor = actor_of(&row);
    let cause = Cause::by(&actor, now);
    standing
        .tell(&mut tx, "ceremony.sat", about(&row), cause)
        .await?;
    let standing = Standing::read(service, &mut tx, &ceremony).await?;
    tx.commit().await?;
    Ok(NewSitting {
        secret: own,
        max_age: LIFE,
        sitting: view(service, &standing, &row, until),
    })
}

async fn invited(
    service: &Service,
    tx: &mut Transaction,
    secret: &str,
) -> Result<(Standing, SeatRow, UnixTime), ServiceError> {
    let hash = hash_of(secret);
    let now = service.now();
    let found = seats::by_link(tx, hash).await?.and_then(|seat| {
        let (link, until) = seat.link?;
        (bool::from(link.ct_eq(&hash)) && until > now).then_some((seat, until))
    });
    let (seat, until) = found.ok_or(PeopleError::InvitationVoid)?;
    let standing = Standing::read(service, tx, &seat.ceremony).await?;
    if standing.row.ended.is_some() {
        return Err(PeopleError::InvitationVoid.into());
    }
    Ok((standing, seat, until))
}

/// The own seat.
///
/// # Errors
/// [`CeremonyError::SittingOver`].
pub async fn show_sitting(service: &Service, secret: &str) -> Result<SittingView, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let (seat, until) = seated(service, &mut tx, secret).await?;
    let standing = Standing::read(service, &mut tx, &seat.ceremony).await?;
    Ok(view(service, &standing, &seat, until))
}

/// Hands in the key of the own seat, or another one in its place while there is no document yet.
///
/// # Errors
/// [`CeremonyError::SittingOver`], [`CeremonyError::Ended`], [`CeremonyError::Record`], [`CeremonyError::KeyTaken`],
/// [`CeremonyError::JournalTaken`], [`CeremonyError::KeyKnown`], [`CeremonyError::SeatKeeps`],
/// [`CeremonyError::DraftStands`], `VaultError::KeyInOtherVault`.
pub async fn hand_in(
    service: &Service,
    secret: &str,
    handed: &HandIn,
) -> Result<SittingView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let (standing, seat, until) = changing(service, &mut tx, secret).await?;
    fill(
        service,
        &mut tx,
        (&standing, &seat),
        handed,
        (&actor_of(&seat), now),
    )
    .await?;
    done(service, tx, &seat, until).await
}

/// Says that the words and the first address were compared with another person.
///
/// # Errors
/// [`CeremonyError::NoDraft`], [`CeremonyError::DraftChanged`], [`CeremonyError::UnknownSeat`],
/// [`CeremonyError::ComparedAlone`], [`CeremonyError::WordsDiffer`], [`CeremonyError::AddressNotCompared`].
pub async fn compare(
    service: &Service,
    secret: &str,
    compared: &Compared,
) -> Result<SittingView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let (standing, seat, until) = changing(service, &mut tx, secret).await?;
    expect_draft(&standing, compared.policy)?;
    let with = standing.seat(&compared.with)?;
    if with.person == seat.person {
        return Err(CeremonyError::ComparedAlone.into());
    }
    let [first, .., last] = words_of(compared.policy);
    let heard = |word: &str| word.trim().to_ascii_lowercase();
    if heard(&compared.first_word) != first || heard(&compared.last_word) != last {
        return Err(CeremonyError::WordsDiffer.into());
    }
    if !compared.same_address {
        return Err(CeremonyError::AddressNotCompared.into());
    }
    let said = |(policy, by, _): &(PolicyId, String, UnixTime)| {
        *policy == compared.policy && *by == with.name
    };
    if seat.compared.as_ref().is_some_and(said) {
        return Ok(view(service, &standing, &seat, until));
    }
    let row = SeatRow {
        compared: Some((compared.policy, with.name.clone(), now)),
        ..seat
    };
    seats::update(&mut tx, &row).await?;
    let mut body = about(&row);
    body.insert("policy".to_owned(), json!(compared.policy));
    body.insert("with".to_owned(), json!(with.name));
    let actor = actor_of(&row);
    let cause = Cause::by(&actor, now);
    standing
        .tell(&mut tx, "ceremony.compared", body, cause)
        .await?;
    done(service, tx, &row, until).await
}

/// Says that the own tool and device are ready for this document.
///
/// # Errors
/// [`CeremonyError::NoDraft`], [`CeremonyError::DraftChanged`], [`CeremonyError::NotCompared`].
pub async fn ready(
    service: &Service,
    secret: &str,
    ready: &Ready,
) -> Result<SittingView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let (standing, seat, until) = changing(service, &mut tx, secret).await?;
    expect_draft(&standing, ready.policy)?;
    if !super::has_compared(&seat, ready.policy) {
        return Err(CeremonyError::NotCompared.into());
    }
    if seat.ready.is_some_and(|(policy, _)| policy == ready.policy) {
        return Ok(view(service, &standing, &seat, until));
    }
    let row = SeatRow {
        ready: Some((ready.policy, now)),
        ..seat
    };
    seats::update(&mut tx, &row).await?;
    let mut body = about(&row);
    body.insert("policy".to_owned(), json!(ready.policy));
    let actor = actor_of(&row);
    let cause = Cause::by(&actor, now);
    standing
        .tell(&mut tx, "ceremony.ready", body, cause)
        .await?;
    done(service, tx, &row, until).await
}

/// Refuses a confirmation of any document but the one there is.
fn expect_draft(standing: &Standing, policy: PolicyId) -> Result<(), CeremonyError> {
    match standing.draft() {
        None => Err(CeremonyError::NoDraft),
        Some(current) if current == policy => Ok(()),
        Some(current) => Err(CeremonyError::DraftChanged { current }),
    }
}

/// The seat of a sitting that counts.
async fn seated(
    service: &Service,
    tx: &mut Transaction,
    secret: &str,
) -> Result<(SeatRow, UnixTime), ServiceError> {
    let hash = hash_of(secret);
    let now = service.now();
    let found = seats::by_sitting(tx, hash).await?.and_then(|seat| {
        let (sitting, until, _) = seat.sitting?;
        (bool::from(sitting.ct_eq(&hash)) && until > now).then_some((seat, until))
    });
    Ok(found.ok_or(CeremonyError::SittingOver)?)
}

/// The same, with its ceremony locked and open.
async fn changing(
    service: &Service,
    tx: &mut Transaction,
    secret: &str,
) -> Result<(Standing, SeatRow, UnixTime), ServiceError> {
    let (seat, _) = seated(service, tx, secret).await?;
    lock(tx, &seat.ceremony).await?;
    // Read anew: it may have been emptied before the lock was ours.
    let (seat, until) = seated(service, tx, secret).await?;
    let standing = Standing::read(service, tx, &seat.ceremony).await?;
    standing.expect_open()?;
    Ok((standing, seat, until))
}

/// Who did it, for the events: the seat, whose person showed no more than a link. No person and no token has such a
/// name.
fn actor_of(seat: &SeatRow) -> String {
    format!("seat {}", seat.name)
}

async fn done(
    service: &Service,
    mut tx: Transaction,
    seat: &SeatRow,
    until: UnixTime,
) -> Result<SittingView, ServiceError> {
    let standing = Standing::read(service, &mut tx, &seat.ceremony).await?;
    tx.commit().await?;
    Ok(view(service, &standing, seat, until))
}

fn view(service: &Service, standing: &Standing, seat: &SeatRow, until: UnixTime) -> SittingView {
    let now = service.now();
    let of = |row: &SeatRow| seat_view(standing, row, now);
    // As it is stored now, not as it was read before a change.
    let own = standing.seat(&seat.name).unwrap_or(seat);
    let others = standing.seats.iter().filter(|one| one.name != seat.name);
    let other = |row: &SeatRow| {
        let SeatView {
            name,
            person,
            state,
            ..
        } = of(row);
        OtherSeat {
            name,
            person,
            state,
        }
    };
    SittingView {
        ceremony: standing.row.id.clone(),
        name: standing.row.name.clone(),
        network: name_of_network(service.network()).to_owned(),
        step: step(standing),
        next: says_of(standing, own),
        seat: of(own),
        others: others.map(other).collect(),
        draft: standing.row.draft.as_ref().map(|draft| SittingDraft {
            policy: draft.id,
            document: String::from_utf8_lossy(&draft.document).into_owned(),
            first_address: first_address(&draft.document),
        }),
        until,
    }
}
