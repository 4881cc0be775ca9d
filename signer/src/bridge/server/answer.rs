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

/// What the page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// That it is there: its ask keeps its place, and it hears where its answer is.
    Here,
    /// The button that signs.
    Act,
    /// The other button.
    Decline,
    /// The button that ends the wait for a device.
    Stop,
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
    let part = match part {
        "here" => Part::Here,
        "answer" => Part::Act,
        "decline" => Part::Decline,
        "stop" => Part::Stop,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = request.headers().clone();
    let Some(body) = body(request, MAX_ANSWER).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (working, secret) = (Arc::clone(&bridge), secret.to_owned());
    let done = tokio::task::spawn_blocking(move || -> Result<Pressed, BridgeError> {
        working.known(&ask, &headers)?;
        working.asks.keep(&secret, &ask);
        Ok(working.take(&ask, part, &body, now))
    });
    match done.await {
        Ok(Ok(Pressed::Nothing(words))) => said(StatusCode::OK, &words, false),
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
            // Looking is nothing that the terminal has to tell.
            if part != Part::Here {
                bridge.tell_refused(&failure);
            }
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
    /// Refuses whatever is not of the browser that paired the origin that asks.
    fn known(&self, ask: &Ask, headers: &HeaderMap) -> Result<(), BridgeError> {
        let from = &ask.sheet.from;
        if self.browser_of(from)?.sent(headers, self.port) {
            return Ok(());
        }
        Err(BridgeError::NotThisBrowser(from.clone()))
    }

    /// Takes what the page of the browser that paired sends.
    fn take(&self, ask: &Ask, part: Part, body: &[u8], now: Instant) -> Pressed {
        let progress = &ask.sheet.progress;
        match part {
            Part::Here => Pressed::Nothing(progress.said().unwrap_or_default()),
            Part::Act => ask.answer(body, now),
            Part::Stop => {
                progress.stop();
                Pressed::Nothing(progress.said().unwrap_or_default())
            }
            Part::Decline => {
                progress.stop();
                let pressed = ask.decline();
                if matches!(pressed, Pressed::Now(_)) {
                    let what = ask.sheet.what;
                    self.tell(BridgeEvent::Declined { what });
                }
                pressed
            }
        }
    }
}
