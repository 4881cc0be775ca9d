//! The harness's one reader of the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use policies::UnixTime;

/// The time now, as people and programs of a world see it.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness's one reader of the clock"
)]
pub fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}
