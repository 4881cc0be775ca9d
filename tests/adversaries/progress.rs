//! How far a campaign is: a line on standard error every twentieth part, with the time that is left.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// So many lines are printed of a campaign.
const LINES: u64 = 20;
/// A campaign that is done sooner says nothing.
const QUIET_SECONDS: u64 = 10;

/// The progress of a campaign, counted by all of its threads.
#[derive(Debug)]
pub(super) struct Progress {
    id: &'static str,
    total: u64,
    done: AtomicU64,
    start: Instant,
}

impl Progress {
    /// Nothing is done yet.
    pub(super) fn begin(id: &'static str, total: u64) -> Self {
        Self {
            id,
            total,
            done: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    /// One more is done. If nobody reads the lines, nothing is lost.
    pub(super) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let passed = self.start.elapsed().as_secs();
        let part = |done: u64| done.saturating_mul(LINES) / self.total.max(1);
        if part(done) == part(done - 1) || passed < QUIET_SECONDS {
            return;
        }
        let left = passed.saturating_mul(self.total.saturating_sub(done)) / done;
        drop(writeln!(
            io::stderr().lock(),
            "{}: {done} of {}, {passed} s passed, about {left} s left",
            self.id,
            self.total
        ));
    }
}
