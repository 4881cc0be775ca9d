//! The only reader of the system clock in this process.

use std::time::{SystemTime, UNIX_EPOCH};

use policies::UnixTime;

/// The time now, in whole seconds; 1970 on a host whose clock stands before it.
#[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
pub fn system_time() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}
