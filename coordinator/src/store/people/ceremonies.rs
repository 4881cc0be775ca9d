//! Challenges of WebAuthn, each for one use. They are deleted once they are over: what came of one is an event.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyRow {
    /// SHA-256 of the secret that the answer carries.
    pub sha256: [u8; 32],
    /// `sign-in`, `join`, `passkey` or `page-key`.
    pub kind: String,
    /// What the authenticator signs.
    pub challenge: [u8; 32],
    /// Who is signed in, where somebody is.
    pub person: Option<String>,
    /// The hash of the invitation that is used, where one is.
    pub subject: Option<[u8; 32]>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it stops counting.
    pub expires_at: UnixTime,
    /// When it was answered.
    pub used_at: Option<UnixTime>,
}

/// Stores a challenge.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &CeremonyRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO ceremony (sha256, kind, challenge, person, subject, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.sha256.into(),
            row.kind.clone().into(),
            row.challenge.into(),
            row.person.clone().into(),
            row.subject.into(),
            at(row.created_at)?,
            at(row.expires_at)?,
        ],
    )
    .await
}

/// The challenge of a secret's hash, also one that is used or over.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    sha256: [u8; 32],
) -> Result<Option<CeremonyRow>, DatabaseError> {
    tx.optional_row(
        "SELECT sha256, kind, challenge, person, subject, created_at, expires_at, used_at
         FROM ceremony WHERE sha256 = $1",
        &[sha256.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Uses a challenge up; says whether it was open until now.
///
/// # Errors
/// On a failed statement.
pub async fn use_up(
    tx: &mut Transaction,
    sha256: [u8; 32],
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    let used = tx
        .execute(
            "UPDATE ceremony SET used_at = $2 WHERE sha256 = $1 AND used_at IS NULL AND expires_at > $2",
            &[sha256.into(), at(now)?],
        )
        .await?;
    Ok(used == 1)
}

/// Deletes the challenges that were over first, at most so many; nothing looks at them any more.
///
/// # Errors
/// On a failed statement.
pub async fn forget_expired(
    tx: &mut Transaction,
    now: UnixTime,
    most: u32,
) -> Result<(), DatabaseError> {
    // On PostgreSQL two that forget at once pass over each other's rows.
    let statement = tx.pick(
        "DELETE FROM ceremony WHERE sha256 IN
             (SELECT sha256 FROM ceremony WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        "DELETE FROM ceremony WHERE sha256 IN
             (SELECT sha256 FROM ceremony WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
              FOR UPDATE SKIP LOCKED)",
    );
    tx.execute(statement, &[at(now)?, most.into()])
        .await
        .map(drop)
}

/// How many challenges are kept, for tests.
///
/// # Errors
/// On a failed statement.
#[cfg(test)]
pub(crate) async fn count(tx: &mut Transaction) -> Result<u32, DatabaseError> {
    tx.one_row("SELECT COUNT(*) AS kept FROM ceremony", &[])
        .await?
        .u32("kept")
}

fn read(row: &Row) -> Result<CeremonyRow, DatabaseError> {
    Ok(CeremonyRow {
        sha256: row.array("sha256")?,
        kind: row.text("kind")?.to_owned(),
        challenge: row.array("challenge")?,
        person: row.optional_text("person")?.map(str::to_owned),
        subject: row.optional_array("subject")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        used_at: optional_time(row, "used_at")?,
    })
}
