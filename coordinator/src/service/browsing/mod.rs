//! The books as people page through them: deposits, coins, addresses, entries, events.
//!
//! Invariant: every list is read from a place on, newest first, and shows one vault of the actor only; events of no
//! vault are for those alone who see all vaults.

pub mod addresses;
pub mod calendar;
pub mod coins;
pub mod deposits;
pub mod entries;
pub mod log;

use policies::UnixTime;
use watchtower::store::pages::Span;

use super::paging::Cursor;
use super::{MAX_LIMIT, ServiceError};

/// A span of time as it is asked for, both ends included.
pub const fn span(since: Option<UnixTime>, until: Option<UnixTime>) -> Span {
    Span { since, until }
}

/// How many rows are read for a page: one more than it shows.
fn one_more(limit: u32) -> u32 {
    limit.clamp(1, MAX_LIMIT).saturating_add(1)
}

/// A cursor that no page of the list gave.
const fn foreign_cursor() -> ServiceError {
    ServiceError::Malformed {
        field: "after",
        expected: "the mark of a page of this list",
    }
}

/// The number that a cursor of one number carries.
fn number(after: Option<&Cursor>) -> Result<Option<u64>, ServiceError> {
    let Some(after) = after else {
        return Ok(None);
    };
    match after.parts().as_slice() {
        [number] => number.parse().map(Some).map_err(|_| foreign_cursor()),
        _ => Err(foreign_cursor()),
    }
}
