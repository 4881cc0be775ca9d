//! Reading `rp_id`, `origins` and `synced` of a passkey: where it is used.
//!
//! Invariant: an `own` passkey is used on the person's own host alone, a `page` one never there, so that
//! no page of a coordinator can ask for a key that counts for the promise.

use super::super::reader::{Field, Mistakes, Table};
use super::super::{Problem, Tool};
use super::people::all;
use crate::intent::RelyingParty;

/// The domain of the person's own host: the one that browsers trust without TLS.
const LOOPBACK: &str = "localhost";

/// The most characters of a domain name (RFC 1035).
const MAX_DOMAIN: usize = 253;

/// Notes that a key of a file has nothing of a passkey.
pub(super) fn none(table: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<()> {
    let found: Vec<&'static str> = ["rp_id", "origins", "synced"]
        .into_iter()
        .filter(|field| table.optional(field).is_some())
        .collect();
    for field in &found {
        mistakes.add(&table.place(field), Problem::OnlyForPasskeys { field });
    }
    found.is_empty().then_some(())
}

/// Where a passkey is used; `synced` is false unless written.
pub(super) fn relying_party(
    table: &Table<'_>,
    tool: Tool,
    mistakes: &mut Mistakes<'_>,
) -> Option<RelyingParty> {
    let rp_id = table
        .required("rp_id", mistakes)
        .and_then(|field| rp_id(&field, tool, mistakes));
    let origins = table
        .required("origins", mistakes)
        .and_then(|field| origins(&field, tool, rp_id.as_deref(), mistakes));
    let synced = match table.optional("synced") {
        Some(field) => field.boolean(mistakes),
        None => Some(false),
    };
    Some(RelyingParty {
        rp_id: rp_id?,
        origins: origins?,
        synced: synced?,
    })
}

fn rp_id(field: &Field<'_>, tool: Tool, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = field.text(mistakes)?;
    if !is_domain(text) {
        return field.invalid(
            text,
            &"a domain in lower case like treasury.example",
            mistakes,
        );
    }
    let value = text.to_owned();
    let problem = match tool {
        Tool::Own if text != LOOPBACK => Problem::OwnNotLoopback { value },
        Tool::Page if is_loopback(text) => Problem::PageIsLoopback { value },
        Tool::Own | Tool::Page => return Some(value),
    };
    mistakes.add(&field.path, problem);
    None
}

fn origins(
    field: &Field<'_>,
    tool: Tool,
    rp_id: Option<&str>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<String>> {
    let items = field.array(mistakes)?;
    let mut found: Vec<String> = Vec::new();
    all(&items, mistakes, |item, mistakes| {
        let text = item.text(mistakes)?;
        let Some((scheme, host)) = scheme_and_host(text) else {
            let expected = "an origin like https://treasury.example, without a path";
            return item.invalid(text, &expected, mistakes);
        };
        let origin = text.to_owned();
        let problem = if tool == Tool::Own && host != LOOPBACK {
            Problem::OwnNotLoopback { value: origin }
        } else if tool == Tool::Page && is_loopback(host) {
            Problem::PageIsLoopback { value: origin }
        } else if let Some(rp_id) = rp_id.filter(|rp_id| !is_at_or_below(host, rp_id)) {
            let rp_id = rp_id.to_owned();
            Problem::OriginOutsideDomain { origin, rp_id }
        } else if tool == Tool::Page && scheme != "https" {
            return item.invalid(text, &"an origin of https", mistakes);
        } else if let Some(first) = found.iter().position(|earlier| *earlier == origin) {
            let first = format!("{}[{first}]", field.path);
            let value = origin;
            Problem::Duplicate { value, first }
        } else {
            found.push(origin.clone());
            return Some(origin);
        };
        mistakes.add(&item.path, problem);
        None
    })
}

/// Scheme and host of an origin exactly as browsers serialize it: lower case, no default port, no path.
fn scheme_and_host(origin: &str) -> Option<(&str, &str)> {
    let (scheme, authority) = origin.split_once("://")?;
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if let Some(port) = port {
        let number: u16 = port.parse().ok()?;
        if number == 0 || number == default_port || number.to_string() != port {
            return None;
        }
    }
    is_domain(host).then_some((scheme, host))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    // The last label of an IP address is a number; passkeys have domains only.
    let is_name = |label: &str| !label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DOMAIN
        && text.split('.').all(is_label)
        && text.rsplit('.').next().is_some_and(is_name)
}

fn is_loopback(domain: &str) -> bool {
    is_at_or_below(domain, LOOPBACK)
}

fn is_at_or_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|above| above.is_empty() || above.ends_with('.'))
}
