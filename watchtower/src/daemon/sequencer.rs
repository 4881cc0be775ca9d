//! Numbers and chains committed events, under a lease of its own; needs no node.

use std::time::Duration;

use crate::clock;
use crate::configuration::Config;
use crate::store::database::{Database, DatabaseError};
use crate::store::events::{self, EventError};
use crate::store::lease::{self, Lease, LeaseError};

const LEASE: &str = "sequencer";
const LEASE_SECONDS: u64 = 30;
/// Events numbered in one transaction.
const BATCH: u32 = 500;

/// Runs until it is dropped; what cannot be numbered is said in the log and tried again.
pub(super) async fn run(database: &Database, config: &Config) {
    let pause = Duration::from_millis(config.poll_interval_ms);
    let mut lease = None;
    loop {
        match sequence(database, config, &mut lease).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(EventError::Lease(LeaseError::Lost { .. })) => lease = None,
            Err(error) => tracing::error!(%error, "events could not be numbered"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Numbers a batch; whether there may be more.
async fn sequence(
    database: &Database,
    config: &Config,
    held: &mut Option<Lease>,
) -> Result<bool, EventError> {
    if !is_waiting(database).await? {
        return Ok(false);
    }
    let now = clock::now();
    let mut tx = database.begin_write().await?;
    let lease = match held.take() {
        Some(lease) => lease::renew(&mut tx, &lease, now, LEASE_SECONDS).await?,
        None => match lease::acquire(&mut tx, LEASE, &config.instance, now, LEASE_SECONDS).await? {
            Some(lease) => lease,
            None => return Ok(false),
        },
    };
    let numbered = events::sequence(&mut tx, &lease, BATCH).await?;
    tx.commit().await?;
    *held = Some(lease);
    Ok(u32::try_from(numbered).is_ok_and(|numbered| numbered == BATCH))
}

async fn is_waiting(database: &Database) -> Result<bool, DatabaseError> {
    let mut tx = database.begin_read().await?;
    events::is_waiting(&mut tx).await
}
