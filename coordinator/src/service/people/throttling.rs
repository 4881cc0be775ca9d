//! Bounds on how often strangers may try: for each place they come from, and in all.

use super::{PeopleError, Service, ServiceError, hash_of};
use crate::store::people::throttle;

/// Seconds of one window.
const WINDOW: u64 = 300;
/// Tries in a window from one place.
const MOST_FROM_ONE: u32 = 60;
/// Tries in a window from all places together.
const MOST_IN_ALL: u32 = 600;

/// Counts a try, and refuses once there were too many. `from` is the address that asks.
///
/// Places are counted in 65,536 buckets of hashes, so that nobody fills the table; the count is kept also where
/// what is tried fails.
pub(super) async fn allow(service: &Service, what: &str, from: &str) -> Result<(), ServiceError> {
    let [first, second, ..] = hash_of(from);
    let own = format!("{what} {first:02x}{second:02x}");
    let all = format!("{what} all");
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let from_one = throttle::count(&mut tx, &own, now, WINDOW).await?;
    // Whoever is over the own bound does not use up what is left for all others.
    let in_all = if from_one > MOST_FROM_ONE {
        0
    } else {
        throttle::count(&mut tx, &all, now, WINDOW).await?
    };
    tx.commit().await?;
    if from_one > MOST_FROM_ONE || in_all > MOST_IN_ALL {
        return Err(PeopleError::TooManyTries.into());
    }
    Ok(())
}
