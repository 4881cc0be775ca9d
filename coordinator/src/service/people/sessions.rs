//! Sessions: begun by a passkey, known by a secret whose hash is kept, over soon.
//!
//! Invariant: a session ends after 30 minutes without use, after 12 hours in any case, at sign-out, and at once when
//! its person is revoked or gets another role. Its secret is made when it begins and changes every hour; the one
//! before counts for a minute more.

use policies::UnixTime;
use serde::Serialize;
use subtle::ConstantTimeEq;
use watchtower::store::database::Transaction;

use super::record::tell_session;
use super::{
    PeopleError, PersonRole, Service, ServiceError, SessionId, Visit, fresh_id, fresh_secret,
    hash_of, stored_role,
};
use crate::service::Actor;
use crate::store::people::persons;
use crate::store::people::sessions::{self, SessionRow};

/// Seconds without use after which a session is over.
pub const IDLE: u64 = 30 * 60;
/// Seconds after which a session is over in any case.
pub const ABSOLUTE: u64 = 12 * 3600;
/// Seconds after which the secret is another one.
pub const ROTATE: u64 = 3600;
/// Seconds for which the secret before still counts.
pub const GRACE: u64 = 60;
/// Seconds between two notes of use.
const NOTE: u64 = 60;
/// The most characters kept of what a browser calls itself.
const MAX_AGENT: usize = 200;

/// A session that just began, or got another secret.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// What the cookie holds.
    pub secret: String,
    /// Seconds until it is over in any case.
    pub max_age: u64,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession")
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Its public id.
    pub id: SessionId,
    /// When it began.
    pub created_at: UnixTime,
    /// When it was used last, to the minute.
    pub seen_at: UnixTime,
    /// When it ends at the latest.
    pub expires_at: UnixTime,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// Begins a session in the transaction that proved who it is for.
pub(super) async fn begin(
    service: &Service,
    tx: &mut Transaction,
    person: &str,
    user_agent: &str,
) -> Result<NewSession, ServiceError> {
    let now = service.now();
    let secret = fresh_secret(service);
    let row = SessionRow {
        id: fresh_id(service),
        sha256: hash_of(&secret),
        previous_sha256: None,
        person: person.to_owned(),
        csrf: fresh_secret(service),
        created_at: now,
        rotated_at: now,
        seen_at: now,
        expires_at: now.saturating_add(ABSOLUTE),
        ended_at: None,
        bridge: None,
        user_agent: user_agent
            .chars()
            .filter(|one| !one.is_control())
            .take(MAX_AGENT)
            .collect(),
    };
    sessions::insert(tx, &row).await?;
    tell_session(tx, (&row.id, person), None, person, now).await?;
    Ok(NewSession {
        secret,
        max_age: ABSOLUTE,
    })
}

/// Whether a session is open at a time.
fn is_open(row: &SessionRow, now: UnixTime) -> bool {
    row.ended_at.is_none() && row.expires_at > now && now.secs_since(row.seen_at) < IDLE
}

/// The open session of a secret, and whether the secret is its newest.
async fn known(
    tx: &mut Transaction,
    secret: &str,
    now: UnixTime,
) -> Result<Option<(SessionRow, bool)>, ServiceError> {
    let sha256 = hash_of(secret);
    let Some(row) = sessions::by_hash(tx, sha256).await? else {
        return Ok(None);
    };
    // The look-up is by hash, so its timing tells nothing of a secret; the comparison is the proof.
    let newest = bool::from(row.sha256.ct_eq(&sha256));
    let before = row
        .previous_sha256
        .is_some_and(|previous| bool::from(previous.ct_eq(&sha256)))
        && now.secs_since(row.rotated_at) <= GRACE;
    let counts = (newest || before) && is_open(&row, now);
    Ok(counts.then_some((row, newest)))
}

/// The session, open or over, that this secret belongs to or belonged to last, if its person is not revoked: whoever
/// brings it signed in here before. It opens nothing.
pub(super) async fn former(
    service: &Service,
    secret: &str,
) -> Result<Option<SessionId>, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let Some(row) = sessions::by_hash(&mut tx, hash_of(secret)).await? else {
        return Ok(None);
    };
    let person = persons::lookup(&mut tx, &row.person).await?;
    let is_here = person.is_some_and(|person| person.ended_at.is_none());
    Ok(is_here.then_some(row.id))
}

/// Who visits with this cookie; nobody where it is unknown, over, or of a person who was revoked.
///
/// # Errors
/// On a database failure.
pub async fn visit(service: &Service, secret: &str) -> Result<Option<Visit>, ServiceError> {
    seen(service, secret, true).await
}

/// The same, for a page that asks by itself while nobody is at it: the session does not live on by that.
///
/// # Errors
/// On a database failure.
pub async fn glance(service: &Service, secret: &str) -> Result<Option<Visit>, ServiceError> {
    seen(service, secret, false).await
}

async fn seen(service: &Service, secret: &str, used: bool) -> Result<Option<Visit>, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let Some((row, _)) = known(&mut tx, secret, now).await? else {
        return Ok(None);
    };
    let Some(person) = persons::lookup(&mut tx, &row.person)
        .await?
        .filter(|person| person.ended_at.is_none())
    else {
        return Ok(None);
    };
    drop(tx);
    if used && now.secs_since(row.seen_at) >= NOTE {
        let mut tx = service.database().begin_write().await?;
        sessions::seen(&mut tx, &row.id, now).await?;
        tx.commit().await?;
    }
    let role: PersonRole = stored_role(&person.role)?;
    Ok(Some(Visit {
        person: person.name.clone(),
        role,
        vault: person.vault,
        actor: Actor {
            name: person.name,
            role: role.role(),
            vault: person.vault,
        },
        session: row.id,
        csrf: row.csrf,
        bridge: row.bridge.and_then(|port| u16::try_from(port).ok()),
    }))
}

/// Gives a session another secret once its secret is an hour old; the answer's cookie must carry it.
///
/// # Errors
/// On a database failure.
pub async fn renew(service: &Service, secret: &str) -> Result<Option<NewSession>, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let Some((row, true)) = known(&mut tx, secret, now).await? else {
        return Ok(None);
    };
    drop(tx);
    if now.secs_since(row.rotated_at) < ROTATE {
        return Ok(None);
    }
    let next = fresh_secret(service);
    let mut tx = service.database().begin_write().await?;
    if !sessions::rotate(&mut tx, &row.id, row.sha256, hash_of(&next), now).await? {
        // Another request of the same browser was first.
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(NewSession {
        secret: next,
        max_age: row.expires_at.secs_since(now),
    }))
}

/// Ends the session of a secret, if it is open: at sign-out, and where a new one takes its place.
///
/// # Errors
/// On a database failure.
pub async fn sign_out(service: &Service, secret: &str) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    end_of_secret(&mut tx, secret, now, "signed out").await?;
    Ok(tx.commit().await?)
}

/// Ends the session that has, or had, this secret.
pub(super) async fn end_of_secret(
    tx: &mut Transaction,
    secret: &str,
    now: UnixTime,
    why: &'static str,
) -> Result<(), ServiceError> {
    if let Some(row) = sessions::by_hash(tx, hash_of(secret)).await? {
        end(tx, (&row.id, &row.person), now, why, &row.person).await?;
    }
    Ok(())
}

/// Ends one session; says whether it was open.
async fn end(
    tx: &mut Transaction,
    (id, person): (&str, &str),
    now: UnixTime,
    why: &'static str,
    by: &str,
) -> Result<bool, ServiceError> {
    let was_open = sessions::end(tx, id, person, now, why).await?;
    if was_open {
        tell_session(tx, (id, person), Some(why), by, now).await?;
    }
    Ok(was_open)
}

/// Ends all sessions of a person, but for one.
pub(super) async fn end_all(
    tx: &mut Transaction,
    person: &str,
    but: Option<&str>,
    now: UnixTime,
    why: &'static str,
    by: &str,
) -> Result<(), ServiceError> {
    for row in sessions::open_of(tx, person, now).await? {
        if Some(row.id.as_str()) != but {
            end(tx, (&row.id, person), now, why, by).await?;
        }
    }
    Ok(())
}

/// Ends one of the person's own sessions.
///
/// # Errors
/// [`PeopleError::UnknownSession`].
pub async fn end_session(service: &Service, visit: &Visit, id: &str) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let ended = end(&mut tx, (id, &visit.person), now, "ended", &visit.person).await?;
    if !ended {
        return Err(PeopleError::UnknownSession.into());
    }
    Ok(tx.commit().await?)
}

/// Ends all of the person's own sessions but this one.
///
/// # Errors
/// On a database failure.
pub async fn end_other_sessions(service: &Service, visit: &Visit) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let own = Some(visit.session.as_str());
    end_all(&mut tx, &visit.person, own, now, "ended", &visit.person).await?;
    Ok(tx.commit().await?)
}

/// Keeps the port of the person's own tool with the session, or forgets it.
///
/// # Errors
/// On a database failure.
pub async fn set_bridge(
    service: &Service,
    visit: &Visit,
    port: Option<u16>,
) -> Result<(), ServiceError> {
    let mut tx = service.database().begin_write().await?;
    sessions::set_bridge(&mut tx, &visit.session, port.map(u32::from)).await?;
    Ok(tx.commit().await?)
}

/// The sessions of a person that are open, newest first.
pub(super) async fn open_of(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<Vec<SessionView>, ServiceError> {
    let rows = sessions::open_of(tx, person, now).await?;
    Ok(rows
        .into_iter()
        .filter(|row| is_open(row, now))
        .map(|row| SessionView {
            id: row.id,
            created_at: row.created_at,
            seen_at: row.seen_at,
            expires_at: row.expires_at,
            user_agent: row.user_agent,
        })
        .collect())
}
