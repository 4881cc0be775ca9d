//! The one place of this program that reads the system's clock.

use policies::UnixTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in whole seconds; a clock before 1970 reads as 1970, which every check refuses.
#[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |elapsed| elapsed.as_secs()))
}
