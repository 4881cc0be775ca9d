//! The origins whose pages may open the bridge: paired by a code, remembered in the home, forgotten by command.
//!
//! Invariant: the file is replaced as a whole, and read anew at every ask, so that a forgotten origin opens nothing
//! more, also in a bridge that runs.

use super::browser::Browser;
use super::error::BridgeError;
use crate::home::Home;
use crate::keystore::durable;
use policies::UnixTime;
use serde::{Deserialize, Serialize};
use std::io;
use std::str::FromStr;

/// The form of the file.
const FORMAT: &str = "countersign/bridge/1";
/// The most origins.
const MAX_ORIGINS: usize = 16;
/// The longest origin: a name of 253 letters with scheme and port.
const MAX_ORIGIN: usize = 270;

/// Where a page comes from, as browsers write it: HTTPS, or this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an address is one of its pages.
    pub fn holds(&self, address: &str) -> bool {
        let plain = address.bytes().all(|byte| byte.is_ascii_graphic());
        plain
            && !address.contains('\\')
            && address
                .strip_prefix(self.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for Origin {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        let is_host = |host: &str| {
            let fits = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)
            };
            !host.is_empty() && host.bytes().all(fits)
        };
        let with_port = |rest: &'_ str| match rest.split_once(':') {
            None => Some(rest.to_owned()),
            Some((host, port)) => {
                let canonical = port.parse::<u16>().ok().filter(|port| *port != 0)?;
                (canonical.to_string() == port).then(|| host.to_owned())
            }
        };
        let good = text.len() <= MAX_ORIGIN
            && match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
                (Some(rest), _) => with_port(rest).is_some_and(|host| is_host(&host)),
                (None, Some(rest)) => {
                    with_port(rest).is_some_and(|host| host == "localhost" || host == "127.0.0.1")
                }
                (None, None) => false,
            };
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(BridgeError::OriginRefused)
    }
}

impl TryFrom<String> for Origin {
    type Error = BridgeError;

    fn try_from(text: String) -> Result<Self, BridgeError> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An origin that was paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// The origin.
    pub origin: Origin,
    /// Since when.
    pub since: UnixTime,
    /// The browser that may answer what its pages ask; none where an older tool paired it, and then none may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: String,
    origins: Vec<Paired>,
}

/// The origins that are paired with a home; none where there never were any.
///
/// # Errors
/// When the file cannot be read or is none of ours.
pub fn paired(home: &Home) -> Result<Vec<Paired>, BridgeError> {
    let path = home.bridge_file();
    let bytes = match std::fs::read(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(BridgeError::Unreadable { path, cause }),
        Ok(bytes) => bytes,
    };
    let record: Option<Record> = serde_json::from_slice(&bytes).ok();
    let record = record.filter(|record| record.format == FORMAT);
    record
        .map(|record| record.origins)
        .ok_or(BridgeError::OriginsBroken(path))
}

/// Remembers an origin with the browser that paired it, in place of an earlier one.
///
/// # Errors
/// [`BridgeError::TooManyOrigins`], or when the file cannot be read or written.
pub fn remember(
    home: &Home,
    origin: &Origin,
    since: UnixTime,
    browser: Browser,
) -> Result<(), BridgeError> {
    let mut origins = paired(home)?;
    origins.retain(|one| one.origin != *origin);
    if origins.len() >= MAX_ORIGINS {
        return Err(BridgeError::TooManyOrigins { most: MAX_ORIGINS });
    }
    origins.push(Paired {
        origin: origin.clone(),
        since,
        browser: Some(browser),
    });
    write(home, origins)
}

/// Forgets an origin: its pages open nothing more.
///
/// # Errors
/// [`BridgeError::NotRemembered`], or when the file cannot be read or written.
pub fn forget(home: &Home, origin: &Origin) -> Result<(), BridgeError> {
    let mut origins = paired(home)?;
    let before = origins.len();
    origins.retain(|one| one.origin != *origin);
    if origins.len() == before {
        return Err(BridgeError::NotRemembered(origin.clone()));
    }
    write(home, origins)
}

fn write(home: &Home, origins: Vec<Paired>) -> Result<(), BridgeError> {
    let record = Record {
        format: FORMAT.to_owned(),
        origins,
    };
    let mut text = serde_json::to_vec_pretty(&record).expect("texts and times are plain JSON");
    text.push(b'\n');
    Ok(durable::replace(&home.bridge_file(), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_computer_may_be_paired() {
        for good in [
            "https://treasury.example",
            "https://treasury.example:8443",
            "http://localhost:7540",
            "http://localhost",
            "http://127.0.0.1:7540",
        ] {
            assert_eq!(good.parse::<Origin>().expect(good).as_str(), good);
        }
        for bad in [
            "null",
            "",
            "http://treasury.example",
            "http://localhost.example",
            "http://127.0.0.1.example:1",
            "https://",
            "https://:443",
            "https://a.example/",
            "https://a.example:0",
            "https://a.example:080",
            "https://a.example:65536",
            "https://a@b.example",
            "https://A.example",
            "https://a.example https://b.example",
            "file://localhost",
            "http://[::1]:7540",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_to_go_back_to_is_one_of_the_origin_itself() {
        let origin: Origin = "https://treasury.example".parse().expect("an origin");
        for good in [
            "https://treasury.example",
            "https://treasury.example/a?b=1#c",
        ] {
            assert!(origin.holds(good), "{good}");
        }
        for bad in [
            "https://treasury.example.evil.example/",
            "https://treasury.example:8443/",
            "https://treasury.example@evil.example/",
            "https://treasury.example\\evil",
            "https://treasury.example/a b",
            "https://treasury.example/\u{202e}",
            "javascript:alert(1)",
            "//treasury.example/",
        ] {
            assert!(!origin.holds(bad), "{bad}");
        }
    }

    #[test]
    fn origins_are_remembered_once_forgotten_and_bounded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::at(folder.path());
        assert_eq!(paired(&home).expect("none yet"), []);
        let origin = |n: usize| -> Origin { format!("https://{n}.example").parse().expect("one") };
        let (browser, _) = Browser::bind(None).expect("randomness");
        let remember = |n, since| remember(&home, &origin(n), since, browser.clone());
        for n in 0..MAX_ORIGINS {
            remember(n, UnixTime::ZERO).expect("remembers");
            remember(n, UnixTime::from_secs(5)).expect("remembers once");
        }
        let all = paired(&home).expect("reads");
        assert_eq!(all.len(), MAX_ORIGINS);
        assert!(all.iter().all(|one| one.since == UnixTime::from_secs(5)));
        let more = remember(99, UnixTime::ZERO);
        assert!(matches!(more, Err(BridgeError::TooManyOrigins { .. })));
        forget(&home, &origin(3)).expect("forgets");
        let again = forget(&home, &origin(3));
        assert!(matches!(again, Err(BridgeError::NotRemembered(_))));
        assert_eq!(paired(&home).expect("reads").len(), MAX_ORIGINS - 1);
        for other in ["{}", "not JSON"] {
            std::fs::write(home.bridge_file(), other).expect("writes");
            assert!(
                matches!(paired(&home), Err(BridgeError::OriginsBroken(_))),
                "{other}"
            );
        }
    }
}
