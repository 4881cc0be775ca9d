//! Waiting for what a scenario needs, and never longer: the only pause in the tests.

use std::time::{Duration, Instant};

use crate::Failure;

/// Enough for a process to start and for a node to answer.
pub const SHORT: Duration = Duration::from_secs(30);
/// Enough for a whole withdrawal on a busy machine.
pub const LONG: Duration = Duration::from_secs(90);

const INTERVAL: Duration = Duration::from_millis(20);

/// Asks until there is an answer; fails after `deadline`, naming what was waited for.
#[track_caller]
pub fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if begun.elapsed() > deadline {
            return Err(Failure::new(format!(
                "waited {} s in vain for {what}",
                deadline.as_secs()
            )));
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two questions of a poll"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}
