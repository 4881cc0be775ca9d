//! The browser that paired: it holds a secret in two halves, and answers count only from it.
//!
//! One half is a cookie, which no script reads and no foreign site has sent along. Cookies are shared by all ports of a
//! host, though, and another program may listen at one: so the other half lies in the storage of the bridge's own
//! origin. Invariant: the home keeps a hash of both alone, and how long a comparison takes says nothing about it.

use super::pairing::same;
use crate::keystore::{NoEntropy, fresh};
use axum::http::{HeaderMap, HeaderName, header};
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use policies::hash::tagged;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How long a browser keeps the cookie, in seconds: 400 days, the longest that browsers take (RFC 6265bis §5.5).
const KEPT: u64 = 400 * 86_400;
/// Where the page's script puts the half that it keeps.
const HALF: HeaderName = HeaderName::from_static("countersign-half");

/// What the home keeps of the browser that paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Browser {
    /// What tells its halves from those of other pairings.
    id: String,
    /// The hash of both halves.
    sha256: String,
}

/// The secret, before the browser has it.
pub(super) struct Halves {
    cookie: Zeroizing<[u8; 32]>,
    page: Zeroizing<[u8; 32]>,
}

impl Browser {
    /// Binds a browser; it replaces the one that paired the same origin before.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn bind(before: Option<&Self>) -> Result<(Self, Halves), NoEntropy> {
        let id = match before {
            Some(before) => before.id.clone(),
            None => fresh::<4>()?.as_slice().to_lower_hex_string(),
        };
        let halves = Halves {
            cookie: fresh()?,
            page: fresh()?,
        };
        let sha256 = hash(&halves.cookie, &halves.page);
        Ok((Self { id, sha256 }, halves))
    }

    /// The name of its halves: of this port and this pairing, since all ports share their cookies.
    pub(super) fn name(&self, port: u16) -> String {
        format!("countersign-bridge-{port}-{}", self.id)
    }

    /// Whether a request comes from it.
    pub(super) fn sent(&self, headers: &HeaderMap, port: u16) -> bool {
        let name = self.name(port);
        let cookie = only(headers, &header::COOKIE).and_then(|all| cookie(all, &name));
        let (Some(cookie), Some(page)) = (cookie, only(headers, &HALF)) else {
            return false;
        };
        let (Ok(cookie), Ok(page)) = (<[u8; 32]>::from_hex(cookie), <[u8; 32]>::from_hex(page))
        else {
            return false;
        };
        same(hash(&cookie, &page).as_bytes(), self.sha256.as_bytes())
    }
}

impl Halves {
    /// The cookie, sent to the pages of asks alone.
    pub(super) fn cookie(&self, name: &str) -> String {
        let half = self.cookie.as_slice().to_lower_hex_string();
        format!("{name}={half}; Path=/a/; Max-Age={KEPT}; HttpOnly; SameSite=Strict")
    }

    /// What the page's script keeps.
    pub(super) fn page(&self) -> String {
        self.page.as_slice().to_lower_hex_string()
    }
}

/// The value of a header that stands once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().and_then(|value| value.to_str().ok());
    first.filter(|_| values.next().is_none())
}

fn cookie<'a>(all: &'a str, name: &str) -> Option<&'a str> {
    let pairs = all
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name);
    let (_, first) = values.next()?;
    values.next().is_none().then_some(first)
}

fn hash(cookie: &[u8; 32], page: &[u8; 32]) -> String {
    tagged("bridge-browser", &[cookie, page]).to_lower_hex_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookie: &str, half: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().expect("text"));
        headers.insert(HALF, half.parse().expect("text"));
        headers
    }

    #[test]
    fn a_browser_is_known_by_both_halves_and_by_neither_alone() {
        let (browser, halves) = Browser::bind(None).expect("randomness");
        let (_, others) = Browser::bind(None).expect("randomness");
        let name = browser.name(7543);
        let pair = |halves: &Halves| {
            let whole = halves.cookie(&name);
            whole.split(';').next().unwrap_or_default().to_owned()
        };
        let (cookie, half) = (pair(&halves), halves.page());
        assert!(browser.sent(&sent(&cookie, &half), 7543));
        assert!(browser.sent(&sent(&format!("a=b; {cookie}; c"), &half), 7543));
        for (cookie, half) in [
            (cookie.clone(), others.page()),
            (pair(&others), half.clone()),
            (pair(&others), others.page()),
            (format!("{cookie}; {cookie}"), half.clone()),
            (cookie.replace("7543", "7544"), half.clone()),
            (format!("{cookie}00"), half.clone()),
            (cookie.clone(), String::new()),
            (String::new(), half.clone()),
            (cookie.clone(), browser.sha256.clone()),
        ] {
            assert!(
                !browser.sent(&sent(&cookie, &half), 7543),
                "{cookie} {half}"
            );
        }
        assert!(!browser.sent(&HeaderMap::new(), 7543));
    }

    #[test]
    fn no_script_and_no_foreign_site_gets_at_the_cookie_and_the_home_holds_no_half() {
        let (browser, halves) = Browser::bind(None).expect("randomness");
        let cookie = halves.cookie(&browser.name(7543));
        for part in [
            "HttpOnly",
            "SameSite=Strict",
            "Path=/a/",
            "Max-Age=34560000",
        ] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        let kept = serde_json::to_string(&browser).expect("is JSON");
        let half = cookie.split(['=', ';']).nth(1).unwrap_or_default();
        assert_eq!(half.len(), 64, "{cookie}");
        assert!(
            !kept.contains(half) && !kept.contains(&halves.page()),
            "{kept}"
        );
    }

    #[test]
    fn pairing_again_keeps_the_name_and_nothing_of_the_secret() {
        let (before, _) = Browser::bind(None).expect("randomness");
        let (after, halves) = Browser::bind(Some(&before)).expect("randomness");
        assert_eq!(before.name(7543), after.name(7543));
        let cookie = halves.cookie(&after.name(7543));
        let cookie = cookie.split(';').next().unwrap_or_default();
        let headers = sent(cookie, &halves.page());
        assert!(after.sent(&headers, 7543) && !before.sent(&headers, 7543));
    }
}
