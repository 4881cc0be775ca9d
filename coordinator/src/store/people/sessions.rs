//! Sessions of signed-in persons: the secret is the cookie's, only its hash is kept.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its public id.
    pub id: String,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// SHA-256 of the secret before the last rotation.
    pub previous_sha256: Option<[u8; 32]>,
    /// Who signed in.
    pub person: String,
    /// What forms carry.
    pub csrf: String,
    /// When it began.
    pub created_at: UnixTime,
    /// When its secret was made.
    pub rotated_at: UnixTime,
    /// When it was used last, to the minute.
    pub seen_at: UnixTime,
    /// When it ends at the latest.
    pub expires_at: UnixTime,
    /// When it was ended.
    pub ended_at: Option<UnixTime>,
    /// The port of the person's own tool on the same machine.
    pub bridge: Option<u32>,
    /// What the browser calls itself, at most 200 characters.
    pub user_agent: String,
}

/// Stores a session.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &SessionRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO web_session (id, sha256, person, csrf, created_at, rotated_at, seen_at, expires_at, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            row.id.clone().into(),
            row.sha256.into(),
            row.person.clone().into(),
            row.csrf.clone().into(),
            at(row.created_at)?,
            at(row.rotated_at)?,
            at(row.seen_at)?,
            at(row.expires_at)?,
            row.user_agent.clone().into(),
        ],
    )
    .await
}

/// The session that has, or had before its last rotation, the secret of this hash.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_hash(
    tx: &mut Transaction,
    sha256: [u8; 32],
) -> Result<Option<SessionRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, sha256, previous_sha256, person, csrf, created_at, rotated_at, seen_at, expires_at, ended_at,
             bridge, user_agent FROM web_session WHERE sha256 = $1 OR previous_sha256 = $1",
        &[sha256.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The sessions of a person that were not ended and are not over at the latest time; newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open_of(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<Vec<SessionRow>, DatabaseError> {
    tx.rows(
        "SELECT id, sha256, previous_sha256, person, csrf, created_at, rotated_at, seen_at, expires_at, ended_at,
             bridge, user_agent FROM web_session
         WHERE person = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id",
        &[person.into(), at(now)?],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// When each person was seen last.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn last_seen(tx: &mut Transaction) -> Result<Vec<(String, UnixTime)>, DatabaseError> {
    tx.rows(
        "SELECT person, MAX(seen_at) AS seen_at FROM web_session GROUP BY person",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("person")?.to_owned(), time(row, "seen_at")?)))
    .collect()
}

/// Notes that a session is used.
///
/// # Errors
/// On a failed statement.
pub async fn seen(tx: &mut Transaction, id: &str, now: UnixTime) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE web_session SET seen_at = $2 WHERE id = $1 AND ended_at IS NULL AND seen_at < $2",
        &[id.into(), at(now)?],
    )
    .await
    .map(drop)
}

/// Gives a session another secret, if it still has the one of this hash; says whether it did.
///
/// # Errors
/// On a failed statement.
pub async fn rotate(
    tx: &mut Transaction,
    id: &str,
    from: [u8; 32],
    to: [u8; 32],
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    let rotated = tx
        .execute(
            "UPDATE web_session SET previous_sha256 = $2, sha256 = $3, rotated_at = $4
             WHERE id = $1 AND sha256 = $2 AND ended_at IS NULL",
            &[id.into(), from.into(), to.into(), at(now)?],
        )
        .await?;
    Ok(rotated == 1)
}

/// Ends a session; says whether it was open.
///
/// # Errors
/// On a failed statement.
pub async fn end(
    tx: &mut Transaction,
    id: &str,
    person: &str,
    now: UnixTime,
    why: &str,
) -> Result<bool, DatabaseError> {
    let ended = tx
        .execute(
            "UPDATE web_session SET ended_at = $3, ended_why = $4
             WHERE id = $1 AND person = $2 AND ended_at IS NULL",
            &[id.into(), person.into(), at(now)?, why.into()],
        )
        .await?;
    Ok(ended == 1)
}

/// Keeps the port of the person's own tool.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if the session is over.
pub async fn set_bridge(
    tx: &mut Transaction,
    id: &str,
    port: Option<u32>,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE web_session SET bridge = $2 WHERE id = $1 AND ended_at IS NULL",
        &[id.into(), port.into()],
    )
    .await
}

fn read(row: &Row) -> Result<SessionRow, DatabaseError> {
    Ok(SessionRow {
        id: row.text("id")?.to_owned(),
        sha256: row.array("sha256")?,
        previous_sha256: row.optional_array("previous_sha256")?,
        person: row.text("person")?.to_owned(),
        csrf: row.text("csrf")?.to_owned(),
        created_at: time(row, "created_at")?,
        rotated_at: time(row, "rotated_at")?,
        seen_at: time(row, "seen_at")?,
        expires_at: time(row, "expires_at")?,
        ended_at: optional_time(row, "ended_at")?,
        bridge: row.optional_u32("bridge")?,
        user_agent: row.text("user_agent")?.to_owned(),
    })
}
