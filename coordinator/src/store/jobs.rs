//! The table of side effects and recurring work, claimed by lease.
//!
//! A claim raises the epoch; whoever does the work asserts that epoch in the transaction that
//! stores its result, so that a worker whose lease ran out cannot commit.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Transaction, Value};

/// A job that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What kind of work.
    pub kind: String,
    /// On what.
    pub key: String,
    /// How often it was tried without success.
    pub attempts: u32,
    /// The epoch of this claim.
    pub epoch: u64,
}

/// A job as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// What kind of work.
    pub kind: String,
    /// On what.
    pub key: String,
    /// When it is due.
    pub run_at: UnixTime,
    /// How often it was tried without success.
    pub attempts: u32,
    /// Why nobody tries it any more.
    pub parked_reason: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Why a worker may not store its result.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another worker has claimed the job since.
    #[error("the job {kind} {key} is no longer held in epoch {epoch}")]
    Lost {
        /// What kind of work.
        kind: String,
        /// On what.
        key: String,
        /// The epoch of the lost claim.
        epoch: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Adds a job, or makes one that is there due at `run_at` at the latest, also when it was done.
///
/// # Errors
/// On a failed statement.
pub async fn enqueue(
    tx: &mut Transaction,
    kind: &str,
    key: &str,
    run_at: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO job (kind, key, run_at, attempts, lease_until, epoch) VALUES ($1, $2, $3, 0, 0, 0)
         ON CONFLICT (kind, key) DO UPDATE SET attempts = 0, done_at = NULL, parked_reason = NULL,
             run_at = CASE WHEN job.done_at IS NULL AND job.run_at < excluded.run_at
                 THEN job.run_at ELSE excluded.run_at END",
        &[kind.into(), key.into(), Value::from_u64(run_at.as_secs())?],
    )
    .await
}

/// Adds a recurring job unless it is there.
///
/// # Errors
/// On a failed statement.
pub async fn ensure(
    tx: &mut Transaction,
    kind: &str,
    key: &str,
    run_at: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO job (kind, key, run_at, attempts, lease_until, epoch) VALUES ($1, $2, $3, 0, 0, 0)
         ON CONFLICT (kind, key) DO NOTHING",
        &[kind.into(), key.into(), Value::from_u64(run_at.as_secs())?],
    )
    .await
    .map(drop)
}

/// The jobs that are due and that nobody holds, longest due first: kind and key.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn due(
    tx: &mut Transaction,
    holder: &str,
    now: UnixTime,
) -> Result<Vec<(String, String)>, DatabaseError> {
    tx.rows(
        "SELECT kind, key FROM job
         WHERE done_at IS NULL AND parked_reason IS NULL AND run_at <= $1
             AND (lease_until <= $1 OR lease_holder = $2)
         ORDER BY run_at, kind, key",
        &[Value::from_u64(now.as_secs())?, holder.into()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("kind")?.to_owned(), row.text("key")?.to_owned())))
    .collect()
}

/// Whether there is such a job, done or not.
///
/// # Errors
/// On a failed statement.
pub async fn exists(tx: &mut Transaction, kind: &str, key: &str) -> Result<bool, DatabaseError> {
    tx.optional_row(
        "SELECT kind FROM job WHERE kind = $1 AND key = $2",
        &[kind.into(), key.into()],
    )
    .await
    .map(|row| row.is_some())
}

/// What went wrong with a job the last time, if it did not succeed since.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn trouble(
    tx: &mut Transaction,
    kind: &str,
    key: &str,
) -> Result<Option<String>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT last_error FROM job WHERE kind = $1 AND key = $2",
            &[kind.into(), key.into()],
        )
        .await?;
    match row {
        Some(row) => Ok(row.optional_text("last_error")?.map(str::to_owned)),
        None => Ok(None),
    }
}

/// Claims a job, if it is still due and nobody holds it.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn claim(
    tx: &mut Transaction,
    kind: &str,
    key: &str,
    holder: &str,
    now: UnixTime,
    seconds: u64,
) -> Result<Option<Claim>, DatabaseError> {
    tx.optional_row(
        "UPDATE job SET lease_holder = $1, lease_until = $2, epoch = epoch + 1
         WHERE kind = $3 AND key = $4 AND done_at IS NULL AND parked_reason IS NULL
             AND run_at <= $5 AND (lease_until <= $5 OR lease_holder = $1)
         RETURNING kind, key, attempts, epoch",
        &[
            holder.into(),
            Value::from_u64(now.saturating_add(seconds).as_secs())?,
            kind.into(),
            key.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await?
    .map(|row| {
        Ok(Claim {
            kind: row.text("kind")?.to_owned(),
            key: row.text("key")?.to_owned(),
            attempts: row.u32("attempts")?,
            epoch: row.u64("epoch")?,
        })
    })
    .transpose()
}

/// Asserts, and keeps true until this transaction ends, that the claim is held.
///
/// # Errors
/// [`ClaimError::Lost`] if another worker has claimed the job since.
pub async fn assert_held(tx: &mut Transaction, claim: &Claim) -> Result<(), ClaimError> {
    let changed = tx
        .execute(
            "UPDATE job SET lease_until = lease_until WHERE kind = $1 AND key = $2 AND epoch = $3",
            &claim_values(claim)?,
        )
        .await?;
    held(changed, claim)
}

/// Ends a job.
///
/// # Errors
/// [`ClaimError::Lost`] if another worker has claimed the job since.
pub async fn finish(tx: &mut Transaction, claim: &Claim, now: UnixTime) -> Result<(), ClaimError> {
    let [kind, key, epoch] = claim_values(claim)?;
    let changed = tx
        .execute(
            "UPDATE job SET done_at = $4, lease_until = 0, lease_holder = NULL, attempts = 0, last_error = NULL
             WHERE kind = $1 AND key = $2 AND epoch = $3",
            &[kind, key, epoch, Value::from_u64(now.as_secs())?],
        )
        .await?;
    held(changed, claim)
}

/// Gives a job back to run again later, after success.
///
/// # Errors
/// [`ClaimError::Lost`] if another worker has claimed the job since.
pub async fn repeat(
    tx: &mut Transaction,
    claim: &Claim,
    run_at: UnixTime,
) -> Result<(), ClaimError> {
    let [kind, key, epoch] = claim_values(claim)?;
    let changed = tx
        .execute(
            "UPDATE job SET run_at = $4, lease_until = 0, lease_holder = NULL, attempts = 0, last_error = NULL
             WHERE kind = $1 AND key = $2 AND epoch = $3",
            &[kind, key, epoch, Value::from_u64(run_at.as_secs())?],
        )
        .await?;
    held(changed, claim)
}

/// Gives a job back to be tried again later, after a failure.
///
/// # Errors
/// [`ClaimError::Lost`] if another worker has claimed the job since.
pub async fn retry(
    tx: &mut Transaction,
    claim: &Claim,
    run_at: UnixTime,
    error: &str,
) -> Result<(), ClaimError> {
    let [kind, key, epoch] = claim_values(claim)?;
    let changed = tx
        .execute(
            "UPDATE job SET run_at = $4, lease_until = 0, lease_holder = NULL, attempts = attempts + 1,
                 last_error = $5
             WHERE kind = $1 AND key = $2 AND epoch = $3",
            &[kind, key, epoch, Value::from_u64(run_at.as_secs())?, error.into()],
        )
        .await?;
    held(changed, claim)
}

/// Parks a job visibly: a human must look.
///
/// # Errors
/// [`ClaimError::Lost`] if another worker has claimed the job since.
pub async fn park(tx: &mut Transaction, claim: &Claim, reason: &str) -> Result<(), ClaimError> {
    let [kind, key, epoch] = claim_values(claim)?;
    let changed = tx
        .execute(
            "UPDATE job SET parked_reason = $4, last_error = $4, lease_until = 0, lease_holder = NULL
             WHERE kind = $1 AND key = $2 AND epoch = $3",
            &[kind, key, epoch, reason.into()],
        )
        .await?;
    held(changed, claim)
}

/// The jobs that failed at least once or are parked.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn troubled(tx: &mut Transaction) -> Result<Vec<JobRow>, DatabaseError> {
    tx.rows(
        "SELECT kind, key, run_at, attempts, parked_reason, last_error FROM job
         WHERE done_at IS NULL AND (parked_reason IS NOT NULL OR last_error IS NOT NULL)
         ORDER BY kind, key",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(JobRow {
            kind: row.text("kind")?.to_owned(),
            key: row.text("key")?.to_owned(),
            run_at: UnixTime::from_secs(row.u64("run_at")?),
            attempts: row.u32("attempts")?,
            parked_reason: row.optional_text("parked_reason")?.map(str::to_owned),
            last_error: row.optional_text("last_error")?.map(str::to_owned),
        })
    })
    .collect()
}

fn claim_values(claim: &Claim) -> Result<[Value; 3], DatabaseError> {
    Ok([
        claim.kind.clone().into(),
        claim.key.clone().into(),
        Value::from_u64(claim.epoch)?,
    ])
}

fn held(changed: u64, claim: &Claim) -> Result<(), ClaimError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(ClaimError::Lost {
            kind: claim.kind.clone(),
            key: claim.key.clone(),
            epoch: claim.epoch,
        })
    }
}
