//! When persons are away, and what cannot be decided meanwhile.

use policies::UnixTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::record::{Told, tell};
use super::warnings::{self, AbsenceWarning, Vaults};
use super::{
    Actor, MAX_REASON, PeopleError, Service, ServiceError, active, expect_line, fresh_id,
    lock_people,
};
use crate::service::Right;
use crate::store::people::absences::{self, AbsenceRow};

/// The farthest that an absence is planned, in seconds.
const FARTHEST: u64 = 2 * 366 * 86_400;

/// Says that a person is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAbsence {
    /// Who.
    pub person: String,
    /// From when.
    pub from: UnixTime,
    /// Until when.
    pub until: UnixTime,
    /// Why, at most 200 characters.
    pub reason: String,
}

/// An absence, with what cannot be decided while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AbsenceView {
    /// Its id.
    pub id: String,
    /// Who is away.
    pub person: String,
    /// From when (unix seconds).
    #[schema(value_type = u64)]
    pub from: UnixTime,
    /// Until when (unix seconds).
    #[schema(value_type = u64)]
    pub until: UnixTime,
    /// Why.
    pub reason: String,
    /// Who said it.
    pub said_by: String,
    /// Whether the person is away now.
    pub now: bool,
    /// Which quorums those who are left cannot meet, together with everybody else who is away then.
    pub warnings: Vec<AbsenceWarning>,
}

/// Says that a person is away: everybody for themselves, operators for all.
///
/// # Errors
/// [`PeopleError::UnknownPerson`]; [`ServiceError::Malformed`] for the times and the reason.
pub async fn say_absent(
    service: &Service,
    actor: &Actor,
    request: &NewAbsence,
) -> Result<AbsenceView, ServiceError> {
    if actor.name != request.person {
        actor.require_everywhere(Right::People)?;
    }
    let now = service.now();
    expect_line(
        "reason",
        &request.reason,
        MAX_REASON,
        "one line of at most 200 characters",
    )?;
    let ends_later = request.until > request.from && request.until > now;
    if !ends_later || request.until > now.saturating_add(FARTHEST) {
        return Err(ServiceError::Malformed {
            field: "until",
            expected: "a time after the beginning and after now, within two years",
        });
    }
    let row = AbsenceRow {
        id: fresh_id(service),
        person: request.person.clone(),
        from: request.from,
        until: request.until,
        reason: request.reason.clone(),
        said_at: now,
        said_by: actor.name.clone(),
    };
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let person = active(&mut tx, &request.person).await?;
    absences::insert(&mut tx, &row).await?;
    let told = Told::Absent {
        since: row.from,
        until: row.until,
    };
    let cause = (actor.name.as_str(), row.reason.as_str(), now);
    tell(&mut tx, &row.person, person.vault, told, cause).await?;
    let all = absences::open(&mut tx, now).await?;
    let vaults = Vaults::read(service, &mut tx).await?;
    tx.commit().await?;
    Ok(view(row, &all, &vaults, now))
}

/// Says that a person is back, or will not leave.
///
/// # Errors
/// [`PeopleError::UnknownAbsence`].
pub async fn end_absence(service: &Service, actor: &Actor, id: &str) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let row = absences::open(&mut tx, now)
        .await?
        .into_iter()
        .find(|row| row.id == id)
        .ok_or(PeopleError::UnknownAbsence)?;
    if actor.name != row.person {
        actor.require_everywhere(Right::People)?;
    }
    absences::end(&mut tx, id, now, &actor.name).await?;
    tell(
        &mut tx,
        &row.person,
        None,
        Told::Returned,
        (&actor.name, "", now),
    )
    .await?;
    Ok(tx.commit().await?)
}

/// An absence with what cannot be decided from when it begins.
///
/// Who is away together changes only where somebody leaves or returns: the most are away when one of them leaves.
pub(super) fn view(
    row: AbsenceRow,
    all: &[AbsenceRow],
    vaults: &Vaults,
    now: UnixTime,
) -> AbsenceView {
    let moments = all
        .iter()
        .map(|other| other.from.max(now))
        .filter(|moment| row.from.max(now) <= *moment && *moment < row.until);
    let mut found: Vec<AbsenceWarning> = Vec::new();
    for moment in moments {
        let away: Vec<&str> = all
            .iter()
            .filter(|other| other.from <= moment && moment < other.until)
            .map(|other| other.person.as_str())
            .collect();
        for warning in warnings::of(vaults, &away, &row.person) {
            let known = found
                .iter_mut()
                .find(|known| known.vault == warning.vault && known.what == warning.what);
            match known {
                Some(known) if known.left.len() > warning.left.len() => *known = warning,
                Some(_) => {}
                None => found.push(warning),
            }
        }
    }
    AbsenceView {
        now: row.from <= now && now < row.until,
        id: row.id,
        person: row.person,
        from: row.from,
        until: row.until,
        reason: row.reason,
        said_by: row.said_by,
        warnings: found,
    }
}
