//! How long a device is waited for, and what ends the wait before.
//!
//! Ctrl-C while a tool runs stops the tool and nothing else; at any other time it ends this program, as ever.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A wish to end the wait.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    wished: Arc<AtomicBool>,
    /// Whether no tool runs: then a signal does what it does anywhere.
    idle: Arc<AtomicBool>,
}

impl Cancel {
    /// Listens for the signals that end a program: Ctrl-C, a closed terminal, a plain kill.
    ///
    /// # Errors
    /// When the system does not let the process listen.
    pub fn on_signals() -> io::Result<Self> {
        let cancel = Self::default();
        cancel.idle.store(true, Ordering::SeqCst);
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: whoever is idle ends before a wish is noted.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&cancel.idle))?;
            signal_hook::flag::register(signal, Arc::clone(&cancel.wished))?;
        }
        Ok(cancel)
    }

    /// Wishes the end.
    pub fn wish(&self) {
        self.wished.store(true, Ordering::SeqCst);
    }

    /// Whether the end is wished.
    pub fn is_wished(&self) -> bool {
        self.wished.load(Ordering::SeqCst)
    }

    /// From now until this is dropped a tool runs.
    pub(super) fn guard(&self) -> Guard<'_> {
        self.idle.store(false, Ordering::SeqCst);
        Guard(self)
    }
}

/// A tool runs.
pub(super) struct Guard<'a>(&'a Cancel);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.idle.store(true, Ordering::SeqCst);
    }
}

/// The bounds of one call to a device.
pub struct Watch<'a> {
    /// How long it may take.
    pub deadline: Duration,
    /// What ends it before.
    pub cancel: &'a Cancel,
    /// Told about every second how long it has been.
    pub tick: &'a dyn Fn(Duration),
}

impl Watch<'_> {
    /// The same with a deadline of its own: for what needs no human.
    #[must_use]
    pub fn within(&self, most: Duration) -> Self {
        Self {
            deadline: self.deadline.min(most),
            ..*self
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Watch(for {:?})", self.deadline)
    }
}
