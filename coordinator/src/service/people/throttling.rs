//! How often strangers may try to come in: a bound for each place they come from, and a pace for all.
//!
//! Invariant: nobody is refused for what others do. Over its own bound a place is refused for some minutes; while
//! strangers ask too often in all, strangers wait for their turn, one of each network at a time so that none takes all
//! turns, and whoever was here before does not. No address is
//! kept: places are 65,536 buckets of a hash with a salt of this process, so that nobody fills the memory and nobody
//! knows whose bucket is whose.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bitcoin::hashes::{Hash, HashEngine, sha256};
use policies::UnixTime;
use tokio::sync::Semaphore;

use super::{PeopleError, Service, ServiceError};

/// Seconds of one window.
const WINDOW: u64 = 300;
/// Tries in a window from one place.
const MOST_FROM_ONE: u32 = 60;
/// Tries of strangers in a window, from all places together, that do not wait.
const MOST_IN_ALL: u32 = 600;
/// How many strangers have their turn at once while they wait for it.
const LANE: usize = 16;
/// How long a turn takes.
const TURN: Duration = Duration::from_secs(1);
/// How long a stranger waits for a turn, well within the time that one request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    SignIn,
    /// By a browser that was here before.
    Known,
    Invitation,
}

/// How often something was tried since a time.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    begun: UnixTime,
    tries: u32,
}

impl Window {
    /// Counts a try, and says the how many-th in this window it is.
    fn count(&mut self, now: UnixTime) -> u32 {
        if self.tries == 0 || now.secs_since(self.begun) >= WINDOW || now < self.begun {
            *self = Self {
                begun: now,
                tries: 0,
            };
        }
        self.tries = self.tries.saturating_add(1);
        self.tries
    }
}

/// How often strangers tried to come in, since this process began.
#[derive(Debug)]
pub(crate) struct Tries {
    salt: OnceLock<[u8; 32]>,
    /// By what is tried, and two bytes of who tries.
    places: Mutex<HashMap<(What, u16), Window>>,
    all: Mutex<Window>,
    /// The networks of which one waits for a turn.
    waiting: Mutex<HashSet<[u8; 32]>>,
    lane: Semaphore,
}

/// A place among those who wait for a turn; it is free again once this is dropped.
struct Seat<'t> {
    tries: &'t Tries,
    network: [u8; 32],
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut waiting = (self.tries.waiting.lock()).unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&self.network);
    }
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            salt: OnceLock::new(),
            places: Mutex::default(),
            all: Mutex::default(),
            waiting: Mutex::default(),
            lane: Semaphore::new(LANE),
        }
    }
}

impl Tries {
    /// Counts a try of one who asks, and refuses once there were too many.
    fn allow(&self, service: &Service, what: What, who: &str) -> Result<(), ServiceError> {
        let [first, second, ..] = self.salted(service, who);
        let bucket = u16::from_be_bytes([first, second]);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = places
            .entry((what, bucket))
            .or_default()
            .count(service.now());
        if tries > MOST_FROM_ONE {
            return Err(PeopleError::TooManyTries.into());
        }
        Ok(())
    }

    /// A hash of who asks, with the salt of this process.
    fn salted(&self, service: &Service, who: &str) -> [u8; 32] {
        let salt = self.salt.get_or_init(|| service.random());
        let mut engine = sha256::Hash::engine();
        engine.input(salt);
        engine.input(who.as_bytes());
        sha256::Hash::from_engine(engine).to_byte_array()
    }

    /// Counts a try of a stranger, and says whether strangers have to wait.
    fn is_crowded(&self, now: UnixTime) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.count(now) > MOST_IN_ALL
    }

    /// Waits for a turn, which comes to each network by itself.
    async fn wait(&self, service: &Service, network: &str) -> Result<(), ServiceError> {
        let network = self.salted(service, network);
        let is_first = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(network)
        };
        if !is_first {
            return Err(PeopleError::TooManyTries.into());
        }
        let seat = Seat {
            tries: self,
            network,
        };
        let turn = tokio::time::timeout(PATIENCE, self.lane.acquire()).await;
        let turn = turn.map_err(|_| PeopleError::TooManyTries)?;
        tokio::time::sleep(TURN).await;
        drop((turn, seat));
        Ok(())
    }
}

/// Lets somebody begin to sign in. `from` is the address that asks; `known` the session, open or over, that the
/// browser had: such a one is counted by itself, so that no neighbour at the same address and no crowd keeps it out.
///
/// # Errors
/// [`PeopleError::TooManyTries`].
pub(super) async fn begin_sign_in(
    service: &Service,
    from: &str,
    known: Option<&str>,
) -> Result<(), ServiceError> {
    let tries = service.tries();
    if let Some(session) = known {
        return tries.allow(service, What::Known, session);
    }
    tries.allow(service, What::SignIn, &place(from))?;
    if tries.is_crowded(service.now()) {
        tries.wait(service, &network(from)).await?;
    }
    Ok(())
}

/// Lets somebody open a link of an invitation.
///
/// # Errors
/// [`PeopleError::TooManyTries`].
pub(in crate::service) fn open_link(service: &Service, from: &str) -> Result<(), ServiceError> {
    (service.tries()).allow(service, What::Invitation, &place(from))
}

/// Who is one place: an address, or of IPv6 the network that one customer is given (RFC 6177: at least a /64).
fn place(from: &str) -> String {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        Ok(IpAddr::V4(_)) | Err(_) => from.to_owned(),
    }
}

/// The network of a place: an address, or of IPv6 the largest that one site is given (RFC 6177: a /48).
fn network(from: &str) -> String {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}")
        }
        Ok(IpAddr::V4(_)) | Err(_) => from.to_owned(),
    }
}

#[cfg(test)]
impl Tries {
    /// Counts as many tries of strangers as do not wait, for tests.
    pub(crate) fn crowd(&self, now: UnixTime) {
        for _ in 0..MOST_IN_ALL {
            self.is_crowded(now);
        }
    }

    /// How many buckets are in use, for tests.
    pub(crate) fn kept(&self) -> usize {
        (self.places.lock().unwrap_or_else(PoisonError::into_inner)).len()
    }

    /// All that is kept of who tried, as text.
    pub(crate) fn told(&self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }
}
