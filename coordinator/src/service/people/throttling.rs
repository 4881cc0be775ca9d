//! Bounds on how often strangers may try: for each place they come from, and in all.

use std::net::IpAddr;

use super::{PeopleError, Service, ServiceError, hash_of};
use crate::store::people::throttle;

/// Seconds of one window.
const WINDOW: u64 = 300;
/// Tries in a window from one place.
const MOST_FROM_ONE: u32 = 60;
/// Tries in a window from all places together.
const MOST_IN_ALL: u32 = 600;

/// Counts a try, and refuses once there were too many. `from` is the address that asks.
///
/// Places are counted in 65,536 buckets of hashes, so that nobody fills the table; the count is kept also where
/// what is tried fails. What is refused writes nothing, so that nobody keeps the one writer busy.
pub(super) async fn allow(service: &Service, what: &str, from: &str) -> Result<(), ServiceError> {
    let [first, second, ..] = hash_of(&place(from));
    let own = format!("{what} {first:02x}{second:02x}");
    let all = format!("{what} all");
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let from_one = throttle::counted(&mut tx, &own, now, WINDOW).await?;
    let in_all = throttle::counted(&mut tx, &all, now, WINDOW).await?;
    drop(tx);
    // Whoever is over the own bound does not use up what is left for all others.
    if from_one >= MOST_FROM_ONE || in_all >= MOST_IN_ALL {
        return Err(PeopleError::TooManyTries.into());
    }
    let mut tx = service.database().begin_write().await?;
    throttle::count(&mut tx, &own, now, WINDOW).await?;
    throttle::count(&mut tx, &all, now, WINDOW).await?;
    Ok(tx.commit().await?)
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
