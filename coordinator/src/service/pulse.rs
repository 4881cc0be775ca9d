//! The number of the last event, as it grows: what pages and programs that listen are woken by.
//!
//! Invariant: the database is asked only while somebody listens, and by one for all of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Service, events};

/// How often the database is asked while anybody listens.
const INTERVAL: Duration = Duration::from_millis(500);

/// The number of the last event, as it grows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pulse {
    service: Service,
    number: Arc<watch::Sender<u64>>,
    stopping: watch::Receiver<bool>,
    /// Whose end nobody says, so that it never comes.
    _never: Option<Arc<watch::Sender<bool>>>,
    beating: Arc<tokio::sync::Mutex<bool>>,
}

impl Pulse {
    /// Beats for a service until `stopping` says so.
    pub(crate) fn new(service: Service, stopping: watch::Receiver<bool>) -> Self {
        Self {
            service,
            number: Arc::new(watch::Sender::new(0)),
            stopping,
            _never: None,
            beating: Arc::default(),
        }
    }

    /// Beats for a service that nobody stops.
    pub(crate) fn alone(service: Service) -> Self {
        let (never, stopping) = watch::channel(false);
        Self {
            _never: Some(Arc::new(never)),
            ..Self::new(service, stopping)
        }
    }

    /// Listens: the number of the last event, as it grows.
    pub(crate) async fn listen(&self) -> watch::Receiver<u64> {
        let numbers = self.number.subscribe();
        self.beat().await;
        numbers
    }

    /// Says when the program ends.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// Begins to look at the database, unless that goes on already.
    async fn beat(&self) {
        let mut beating = self.beating.lock().await;
        if *beating {
            return;
        }
        *beating = true;
        let pulse = self.clone();
        tokio::spawn(async move { pulse.look().await });
    }

    /// Looks until nobody listens any more.
    async fn look(self) {
        let mut stopping = self.stopping.clone();
        loop {
            match events::head_number(&self.service).await {
                Ok(number) => {
                    self.number.send_if_modified(|known| {
                        let grown = *known != number;
                        *known = number;
                        grown
                    });
                }
                Err(error) => tracing::warn!(%error, "who listens hears of nothing"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
            let mut beating = self.beating.lock().await;
            if self.number.receiver_count() == 0 {
                *beating = false;
                return;
            }
        }
    }
}
