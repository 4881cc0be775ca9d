//! Lists as people page through them: newest first, filtered, from a place on.
//!
//! Invariant: a page begins after the last row of the one before, whatever came in meanwhile, and no row is read
//! only to be passed over (no OFFSET). A filter that is left out lets everything through.

pub mod addresses;
pub mod coins;
pub mod entries;
pub mod log;

use policies::UnixTime;

use super::database::{DatabaseError, Value};

/// A span of time, both ends included; what is left out is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Not before.
    pub since: Option<UnixTime>,
    /// Not after.
    pub until: Option<UnixTime>,
}

impl Span {
    /// Its ends as values of seconds.
    fn values(self) -> Result<[Value; 2], DatabaseError> {
        let since = self.since.map_or(0, UnixTime::as_secs);
        let until = self
            .until
            .map_or(i64::MAX.unsigned_abs(), UnixTime::as_secs);
        Ok([
            Value::from_u64(since.min(i64::MAX.unsigned_abs()))?,
            Value::from_u64(until.min(i64::MAX.unsigned_abs()))?,
        ])
    }
}

/// A yes, a no, or −1 for whatever.
fn either(wanted: Option<bool>) -> Value {
    Value::Int(wanted.map_or(-1, i64::from))
}
