//! Leases with fencing epochs: of several processes one does the work, and a stale one cannot commit.

use policies::UnixTime;

use super::database::{DatabaseError, Transaction, Value};

/// A lease that was held when it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What work it is for.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Grows with every holder; every write of the holder asserts it.
    pub epoch: u64,
    /// When it ends unless renewed.
    pub expires_at: UnixTime,
}

/// Why a lease's holder may not write.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has taken the work over.
    #[error("the lease {name} is no longer held in epoch {epoch}")]
    Lost {
        /// What work it is for.
        name: String,
        /// The epoch in which it was held.
        epoch: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Takes the lease if it is free, has expired, or was last held by the same holder (a process that
/// was started again). Every taking is a new epoch.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn acquire(
    tx: &mut Transaction,
    name: &str,
    holder: &str,
    now: UnixTime,
    seconds: u64,
) -> Result<Option<Lease>, DatabaseError> {
    let expires_at = now.saturating_add(seconds);
    let row = tx
        .optional_row(
            "INSERT INTO lease (name, holder, epoch, expires_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1,
                 expires_at = excluded.expires_at
             WHERE lease.expires_at <= $4 OR lease.holder = excluded.holder
             RETURNING epoch",
            &[
                name.into(),
                holder.into(),
                Value::from_u64(expires_at.as_secs())?,
                Value::from_u64(now.as_secs())?,
            ],
        )
        .await?;
    row.map(|row| {
        Ok(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            epoch: row.u64("epoch")?,
            expires_at,
        })
    })
    .transpose()
}

/// Prolongs a lease that is still held.
///
/// # Errors
///
/// [`LeaseError::Lost`] if it is not.
pub async fn renew(
    tx: &mut Transaction,
    lease: &Lease,
    now: UnixTime,
    seconds: u64,
) -> Result<Lease, LeaseError> {
    let expires_at = now.saturating_add(seconds);
    let changed = tx
        .execute(
            "UPDATE lease SET expires_at = $1 WHERE name = $2 AND epoch = $3",
            &[
                Value::from_u64(expires_at.as_secs())?,
                lease.name.clone().into(),
                Value::from_u64(lease.epoch)?,
            ],
        )
        .await?;
    if changed == 1 {
        Ok(Lease {
            expires_at,
            ..lease.clone()
        })
    } else {
        Err(lost(lease))
    }
}

/// Gives a lease back, so that another may take it at once.
///
/// # Errors
///
/// On a failed statement. A lease already lost is nobody's business any more.
pub async fn release(tx: &mut Transaction, lease: &Lease) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE lease SET expires_at = 0 WHERE name = $1 AND epoch = $2",
        &[lease.name.clone().into(), Value::from_u64(lease.epoch)?],
    )
    .await
    .map(drop)
}

/// Asserts, and keeps true until this transaction ends, that the lease is held in its epoch.
///
/// # Errors
///
/// [`LeaseError::Lost`] if another holder has taken it over.
pub async fn assert_held(tx: &mut Transaction, lease: &Lease) -> Result<(), LeaseError> {
    let sql = tx.pick(
        "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2",
        "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2 FOR SHARE",
    );
    let values = [lease.name.clone().into(), Value::from_u64(lease.epoch)?];
    match tx.optional_row(sql, &values).await? {
        Some(_) => Ok(()),
        None => Err(lost(lease)),
    }
}

fn lost(lease: &Lease) -> LeaseError {
    LeaseError::Lost {
        name: lease.name.clone(),
        epoch: lease.epoch,
    }
}
