//! Who is let in, and where to: every request is checked before anything is said or done.
//!
//! The `Host` that the browser asked for (no foreign name can be rebound to this host); the method (GETs change
//! nothing); for pairing and asks the `Origin`, and that the browser navigates (no script, no frame); for answers the
//! bridge's own `Origin`, the unguessable path, and the browser that paired.

use super::super::browser::only;
use super::super::error::BridgeError;
use super::super::origin::Origin;
use super::super::pages;
use super::reply::{page, typed};
use super::{Bridge, answer, ask, pair};
use crate::page::{SCRIPT, STYLE, hardened, says};
use crate::passkey::{RP_ID, origin};
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// The most of a body that is read before it is refused.
const MOST_READ: usize = 1024 * 1024;
/// The script of the page that says what was paired.
const PAIRED: &str = include_str!("../assets/paired.js");

pub(super) async fn respond(State(bridge): State<Arc<Bridge>>, request: Request) -> Response {
    hardened(led(bridge, request).await)
}

async fn led(bridge: Arc<Bridge>, request: Request) -> Response {
    if !says(&request, header::HOST, &format!("{RP_ID}:{}", bridge.port)) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let path = request.uri().path().to_owned();
    let of_ask = path
        .strip_prefix("/a/")
        .and_then(|rest| rest.split_once('/'));
    if request.method() == Method::GET {
        return match (path.as_str(), of_ask) {
            ("/", _) => page(StatusCode::OK, welcome()),
            ("/style.css", _) => typed("text/css; charset=utf-8", STYLE.to_owned()),
            ("/paired.js", _) => typed("text/javascript; charset=utf-8", PAIRED.to_owned()),
            (_, Some((secret, part))) => shown(&bridge, secret, part),
            (_, None) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match (path.as_str(), of_ask) {
        ("/pair", _) => pair::pair(bridge, request).await,
        ("/ask", _) => ask::ask(bridge, request).await,
        (_, Some((secret, part))) => {
            let (secret, part) = (secret.to_owned(), part.to_owned());
            answer::pressed(bridge, request, &secret, &part).await
        }
        (_, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn welcome() -> String {
    let words = "Coordinator's pages that are paired with it open here what you are to sign. There is nothing to do \
                 on this page.";
    pages::words("The bridge is open", &[words], None)
}

fn shown(bridge: &Bridge, secret: &str, part: &str) -> Response {
    let now = (bridge.steady)();
    let Some(ask) = bridge.asks.find(secret, now) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match (part, ask.over()) {
        ("", None) => page(StatusCode::OK, ask.show(now).to_owned()),
        ("", Some(answered)) => {
            let words = [answered.words.as_str()];
            let back = ask.sheet.back.as_deref();
            page(StatusCode::OK, pages::words("Answered", &words, back))
        }
        ("style.css", _) => typed("text/css; charset=utf-8", STYLE.to_owned()),
        ("page.js", _) => typed("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        (_, _) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The origin of a form that a person sees being sent: a navigation of the whole window.
pub(super) fn navigated(bridge: &Bridge, headers: &HeaderMap) -> Result<Origin, BridgeError> {
    let text = only(headers, &header::ORIGIN).ok_or(BridgeError::NullOrigin)?;
    if text == "null" {
        return Err(BridgeError::NullOrigin);
    }
    let from: Origin = text.parse()?;
    if from.as_str() == origin(bridge.port) {
        return Err(BridgeError::OriginRefused);
    }
    for (name, expected) in [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ] {
        // Browsers that do not send it are held by the origin alone.
        let name = HeaderName::from_static(name);
        if headers.contains_key(&name) && only(headers, &name) != Some(expected) {
            return Err(BridgeError::NotNavigated);
        }
    }
    let kind = only(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(from);
    }
    Err(BridgeError::NotAForm)
}

/// The body, if it is at most so long. What is too large is read all the same, within bounds, so that the refusal
/// arrives (RFC 9112 §9.6).
pub(super) async fn body(request: Request, most: usize) -> Option<Bytes> {
    let body = to_bytes(request.into_body(), MOST_READ).await.ok()?;
    (body.len() <= most).then_some(body)
}
