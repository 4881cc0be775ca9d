//! A wish to end, from SIGTERM or SIGINT, that is looked at between signatures.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How soon a pause notices the wish.
const STEP: Duration = Duration::from_millis(50);

/// Whether somebody wishes the program to end.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    wished: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for SIGTERM and SIGINT; the same signal a second time ends the process at once.
    ///
    /// # Errors
    /// When the system does not let the process listen.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGTERM, SIGINT] {
            let wished = || Arc::clone(&stop.wished);
            signal_hook::flag::register_conditional_default(signal, wished())?;
            signal_hook::flag::register(signal, wished())?;
        }
        Ok(stop)
    }

    /// Wishes the end.
    pub fn wish(&self) {
        self.wished.store(true, Ordering::Relaxed);
    }

    /// Whether the end is wished.
    pub fn is_wished(&self) -> bool {
        self.wished.load(Ordering::Relaxed)
    }

    /// Pauses, but not beyond the wish.
    #[expect(
        clippy::disallowed_methods,
        reason = "the pause between two rounds of asking the coordinator"
    )]
    pub fn pause(&self, duration: Duration) {
        let begun = Instant::now();
        while !self.is_wished() {
            let left = duration.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(STEP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_the_wish() {
        let stop = Stop::default();
        stop.pause(Duration::from_millis(1));
        assert!(!stop.is_wished());
        stop.wish();
        let begun = Instant::now();
        stop.pause(Duration::from_hours(1));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
}
