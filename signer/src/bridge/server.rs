//! Serving the bridge to this host until the end is wished, and telling the terminal what happens.
//!
//! Invariant: what waits for a disk, the coordinator or a key runs beside the task that serves, never in it.

mod answer;
mod ask;
mod door;
mod pair;
mod reply;

use super::event::BridgeEvent;
use super::keys::Keys;
use super::open::Asks;
use super::pairing::{MINUTES, Pairing};
#[cfg(feature = "devices")]
use super::transfers::Attached;
use crate::failure::{Class, Explained as _, Failure};
use crate::home::Home;
use crate::online::{HttpCoordinator, Stop};
use crate::page::{PageError, listen};
use crate::passkey::origin;
use axum::Router;
use policies::UnixTime;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often the wish to end is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the last answers may take to reach the browser.
const PARTING: Duration = Duration::from_secs(2);

/// The clock of a bridge.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// A bridge that can be opened.
pub struct Bridge {
    home: Home,
    keys: Keys,
    coordinator: HttpCoordinator,
    port: u16,
    #[cfg(feature = "devices")]
    attached: Option<Arc<Attached>>,
    dated_by_word: bool,
    clock: Clock,
    steady: Box<dyn Fn() -> Instant + Send + Sync>,
    pairing: Mutex<Option<Pairing>>,
    asks: Asks,
    events: Mutex<Option<mpsc::UnboundedSender<BridgeEvent>>>,
}

impl Bridge {
    /// A bridge over a home and its coordinator; with a code, pages can be paired.
    pub fn new(
        home: Home,
        keys: Keys,
        coordinator: HttpCoordinator,
        port: u16,
        pairing: Option<Pairing>,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Self {
        Self {
            home,
            keys,
            coordinator,
            port,
            #[cfg(feature = "devices")]
            attached: None,
            dated_by_word: false,
            clock: Arc::new(clock),
            steady: Box::new(Instant::now),
            pairing: Mutex::new(pairing),
            asks: Asks::default(),
            events: Mutex::new(None),
        }
    }

    /// The same with another clock for how long things last; it never goes back.
    #[must_use]
    pub fn timed_by(mut self, steady: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.steady = Box::new(steady);
        self
    }

    /// The same with the devices of this computer: one that holds the home's key signs transfers.
    #[cfg(feature = "devices")]
    #[must_use]
    pub fn with_devices(mut self, attached: Attached) -> Self {
        self.attached = Some(Arc::new(attached));
        self
    }

    /// The same where the clock is a person's word, if it is: no transfer is signed by it.
    #[must_use]
    pub fn dated_by_word(mut self, is_word: bool) -> Self {
        self.dated_by_word = is_word;
        self
    }

    /// Serves until the end is wished, and tells what happens.
    ///
    /// # Errors
    /// When the port is taken or the system gives no tasks.
    pub fn run(
        self,
        vault: &str,
        stop: &Stop,
        mut tell: impl FnMut(&BridgeEvent),
    ) -> Result<(), PageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let bridge = Arc::new(self);
        let served = runtime.block_on(async {
            let listeners = listen(bridge.port).await?;
            let (sends, mut hears) = mpsc::unbounded_channel();
            *bridge.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(sends);
            let (ending, _) = watch::channel(false);
            let mut tasks = tokio::task::JoinSet::new();
            for listener in listeners {
                let router = Router::new()
                    .fallback(door::respond)
                    .with_state(Arc::clone(&bridge));
                let mut ends = ending.subscribe();
                let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                    drop(ends.wait_for(|ends| *ends).await);
                });
                tasks.spawn(async move { serving.await });
            }
            for event in bridge.beginning(vault) {
                tell(&event);
            }
            while !stop.is_wished() {
                if let Ok(Some(event)) = tokio::time::timeout(TICK, hears.recv()).await {
                    tell(&event);
                }
                if let Some(event) = bridge.renewed() {
                    tell(&event);
                }
            }
            // No tool of a device outlives the bridge.
            bridge.asks.end();
            ending.send_replace(true);
            let parted = async { while tasks.join_next().await.is_some() {} };
            drop(tokio::time::timeout(PARTING, parted).await);
            while let Ok(event) = hears.try_recv() {
                tell(&event);
            }
            Ok(())
        });
        // A call of the coordinator that still waits must not keep the terminal.
        runtime.shutdown_timeout(PARTING);
        served
    }

    fn beginning(&self, vault: &str) -> Vec<BridgeEvent> {
        let mut events = vec![BridgeEvent::Open {
            vault: vault.to_owned(),
            url: origin(self.port),
        }];
        let pairing = self.pairing.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(pairing.as_ref().map(|pairing| self.code(pairing)));
        events
    }

    fn code(&self, pairing: &Pairing) -> BridgeEvent {
        BridgeEvent::Code {
            port: self.port,
            code: pairing.code().to_owned(),
            minutes: MINUTES,
        }
    }

    /// The next code, where the last one came to nothing.
    fn renewed(&self) -> Option<BridgeEvent> {
        let mut pairing = match self.pairing.try_lock() {
            Ok(pairing) => pairing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A page offers it just now; the next look is soon enough.
            Err(TryLockError::WouldBlock) => return None,
        };
        match pairing.as_mut()?.renew((self.steady)()) {
            Ok(renewed) => pairing
                .as_ref()
                .filter(|_| renewed)
                .map(|pairing| self.code(pairing)),
            Err(error) => {
                *pairing = None;
                Some(BridgeEvent::Refused {
                    reasons: error.reasons(),
                })
            }
        }
    }

    fn tell(&self, event: BridgeEvent) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = &*events {
            // Nobody listens any more once the bridge ends.
            drop(events.send(event));
        }
    }
}

/// Does what may wait for a disk, the coordinator or a key, beside the task that serves.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(
            Failure::because(Class::Bug, "ASK_BROKE", "preparing this failed")
                .hinted("use the terminal's verb, and report this as a mistake of the program"),
        )
    })
}
