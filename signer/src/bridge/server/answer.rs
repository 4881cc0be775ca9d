//! Answers: what the person pressed on the bridge's own page, taken from the browser that paired and from no other.

use super::super::error::BridgeError;
use super::super::event::BridgeEvent;
use super::super::open::{Ask, Pressed};
use super::super::preparing::words;
use super::Bridge;
use super::door::body;
use super::reply::{said, status_of};
use crate::page::says;
use crate::passkey::origin;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;
use std::time::Instant;

/// The largest answer: three parts of an assertion in base64url.
const MAX_ANSWER: usize = 16 * 1024;

/// Which button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Button {
    Act,
    Decline,
}

pub(super) async fn pressed(
    bridge: Arc<Bridge>,
    request: Request,
    secret: &str,
    part: &str,
) -> Response {
    // When it came counts, not when its turn comes.
    let now = (bridge.steady)();
    let own = says(&request, header::ORIGIN, &origin(bridge.port))
        && says(&request, header::CONTENT_TYPE, "application/json");
    let Some(ask) = bridge.asks.find(secret, now) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !own {
        return StatusCode::FORBIDDEN.into_response();
    }
    let button = match part {
        "answer" => Button::Act,
        "decline" => Button::Decline,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = request.headers().clone();
    let Some(body) = body(request, MAX_ANSWER).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let working = Arc::clone(&bridge);
    let done =
        tokio::task::spawn_blocking(move || working.take(&ask, &headers, button, &body, now));
    match done.await {
        Ok(Ok(Pressed::Now(answered))) => {
            let status = if answered.good {
                StatusCode::OK
            } else {
                StatusCode::BAD_GATEWAY
            };
            said(status, &answered.words, true)
        }
        Ok(Ok(Pressed::Before(answered))) => said(StatusCode::CONFLICT, &answered.words, true),
        Ok(Ok(Pressed::Again(words))) => said(StatusCode::UNPROCESSABLE_ENTITY, &words, false),
        Ok(Err(error)) => {
            let words = words(&error);
            let failure = error.into();
            bridge.tell_refused(&failure);
            said(status_of(&failure), &words, false)
        }
        Err(_) => {
            let words =
                "This failed. Use the terminal's verb, and report it as a mistake of the program.";
            said(StatusCode::INTERNAL_SERVER_ERROR, words, false)
        }
    }
}

impl Bridge {
    /// Takes a press of a button, if it is of the browser that paired the origin that asks.
    fn take(
        &self,
        ask: &Ask,
        headers: &HeaderMap,
        button: Button,
        body: &[u8],
        now: Instant,
    ) -> Result<Pressed, BridgeError> {
        let from = &ask.sheet.from;
        if !self.browser_of(from)?.sent(headers, self.port) {
            return Err(BridgeError::NotThisBrowser(from.clone()));
        }
        Ok(match button {
            Button::Act => ask.answer(body, now),
            Button::Decline => {
                let pressed = ask.decline();
                if matches!(pressed, Pressed::Now(_)) {
                    let what = ask.sheet.what;
                    self.tell(BridgeEvent::Declined { what });
                }
                pressed
            }
        })
    }
}
