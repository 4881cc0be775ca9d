//! Where webhooks may go: by HTTPS, to addresses of the public Internet, and to exactly the addresses that were checked.
//!
//! Invariant: between the check of an address and the connection nothing is looked up again (B9). Loopback is allowed
//! only where the configuration says so, for tests, and by plain HTTP only there.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The longest address.
const MAX_URL: usize = 500;

/// Looks a host up at a port; tests pass one of their own.
pub type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Why an address is none that a webhook may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It is no address of a web server.
    #[error("it is no address such as https://hooks.example/abc")]
    NotAUrl,
    /// It is not encrypted.
    #[error("it does not begin with https://")]
    NotHttps,
    /// It carries a name or a password.
    #[error("it carries a name or a password before the host")]
    HasUser,
    /// Its host is a number that programs read differently.
    #[error("its host is a number that is no plain IP address")]
    OddHost,
    /// Its host is an address inside of some network.
    #[error("its host is no address of the public Internet")]
    NotPublic,
}

/// Checks an address as far as that goes without looking its host up.
///
/// # Errors
/// [`UrlFault`].
pub fn check_url(text: &str, allow_loopback: bool) -> Result<Uri, UrlFault> {
    if text.len() > MAX_URL
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
        || text.contains('#')
    {
        return Err(UrlFault::NotAUrl);
    }
    let uri: Uri = text.parse().map_err(|_| UrlFault::NotAUrl)?;
    let authority = uri.authority().ok_or(UrlFault::NotAUrl)?;
    if authority.as_str().contains('@') {
        return Err(UrlFault::HasUser);
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    if host.is_empty() || authority.as_str().contains('\\') {
        return Err(UrlFault::NotAUrl);
    }
    let literal: Option<IpAddr> = host.parse().ok();
    let is_loopback = literal.is_some_and(|address| address.is_loopback()) || host == "localhost";
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_loopback && is_loopback => {}
        Some("http") => return Err(UrlFault::NotHttps),
        Some(_) | None => return Err(UrlFault::NotAUrl),
    }
    match literal {
        Some(address) if !may_reach(address, allow_loopback) => return Err(UrlFault::NotPublic),
        Some(_) => {}
        None if is_number(host) => return Err(UrlFault::OddHost),
        None if is_loopback && !allow_loopback => return Err(UrlFault::NotPublic),
        None => {}
    }
    Ok(uri)
}

/// Whether some program would read a host as a number: decimal, octal or hexadecimal.
fn is_number(host: &str) -> bool {
    let last = host
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let last = last.to_ascii_lowercase();
    let digits = last.strip_prefix("0x").unwrap_or(&last);
    let hex = last.starts_with("0x") && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn may_reach(address: IpAddr, allow_loopback: bool) -> bool {
    is_public(address) || (allow_loopback && address.is_loopback())
}

/// Whether an address is one of the public Internet (the IANA registries of special addresses).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out; in it, addresses that stand for others are left out: protocols and Teredo
    // (2001::/23), documentation (2001:db8::/32, 3fff::/20), 6to4 (2002::/16).
    (first & 0xe000) == 0x2000
        && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        && first != 0x2002
        && !(first == 0x3fff && second < 0x1000)
}

/// A resolver that gives out only addresses that a webhook may reach, or none at all.
pub struct Guarded {
    lookup: Option<Lookup>,
    system: DefaultResolver,
    allow_loopback: bool,
}

impl Guarded {
    /// Over the system's own lookup, or another one.
    pub fn new(lookup: Option<Lookup>, allow_loopback: bool) -> Self {
        Self {
            lookup,
            system: DefaultResolver::default(),
            allow_loopback,
        }
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = match &self.lookup {
            None => self.system.resolve(uri, config, timeout)?,
            Some(lookup) => {
                let host = uri.host().unwrap_or_default();
                let port = uri.port_u16().unwrap_or(443);
                let mut found = self.empty();
                for address in lookup(host, port)?.into_iter().take(16) {
                    found.push(address);
                }
                found
            }
        };
        if found.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        // One address inside is enough to refuse: whoever answers so means no good, or does not know.
        if (found.iter()).all(|address| may_reach(address.ip(), self.allow_loopback)) {
            return Ok(found);
        }
        let refused = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "its host is not on the public Internet",
        );
        Err(ureq::Error::Io(refused))
    }
}
