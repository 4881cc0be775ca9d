//! What a device is at for an ask, for the page that waits; and its person's wish to stop it.
//!
//! Invariant: a wish to stop reaches what runs just then, and nothing that is begun later; the end of the bridge
//! reaches both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The progress of one ask.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running: Option<Running>,
    is_over: bool,
}

struct Running {
    said: String,
    stop: Box<dyn Fn() + Send>,
}

/// Something runs until this is dropped.
#[cfg(any(feature = "devices", test))]
#[must_use = "it has ended once this is dropped"]
pub(super) struct Working(Progress);

impl Progress {
    /// Begins something that this stops.
    #[cfg(any(feature = "devices", test))]
    pub(super) fn begin(&self, said: &str, stop: impl Fn() + Send + 'static) -> Working {
        let mut state = self.state();
        if state.is_over {
            stop();
        }
        state.running = Some(Running {
            said: said.to_owned(),
            stop: Box::new(stop),
        });
        drop(state);
        Working(self.clone())
    }

    /// Says where it is now; nothing where nothing runs.
    #[cfg(any(feature = "devices", test))]
    pub(super) fn say(&self, said: String) {
        if let Some(running) = &mut self.state().running {
            running.said = said;
        }
    }

    /// Where it is now; none where nothing runs.
    pub(super) fn said(&self) -> Option<String> {
        self.state()
            .running
            .as_ref()
            .map(|running| running.said.clone())
    }

    /// Wishes the end of what runs, and says whether something does.
    pub(super) fn stop(&self) -> bool {
        let mut state = self.state();
        let Some(running) = &mut state.running else {
            return false;
        };
        (running.stop)();
        "Stopping…".clone_into(&mut running.said);
        true
    }

    /// Stops what runs, and whatever is begun from now on.
    pub(super) fn end(&self) {
        self.state().is_over = true;
        self.stop();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(any(feature = "devices", test))]
impl Drop for Working {
    fn drop(&mut self) {
        self.0.state().running = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[test]
    fn a_wish_to_stop_reaches_what_runs_and_nothing_later() {
        let progress = Progress::default();
        let wished = Arc::new(AtomicU8::new(0));
        let begin = || {
            let wished = Arc::clone(&wished);
            progress.begin("Looking", move || {
                wished.fetch_add(1, Ordering::SeqCst);
            })
        };
        assert!(!progress.stop(), "nothing runs");
        let working = begin();
        assert_eq!(progress.said().as_deref(), Some("Looking"));
        progress.say("1 of 180 s".to_owned());
        assert_eq!(progress.said().as_deref(), Some("1 of 180 s"));
        assert!(progress.stop());
        assert_eq!(wished.load(Ordering::SeqCst), 1);
        drop(working);
        assert_eq!(progress.said(), None);
        assert!(!progress.stop());
        drop(begin());
        assert_eq!(wished.load(Ordering::SeqCst), 1, "the next was not stopped");
        progress.end();
        drop(begin());
        assert_eq!(wished.load(Ordering::SeqCst), 2, "nothing begins any more");
    }
}
