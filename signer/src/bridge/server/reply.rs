//! What is answered: pages, texts, and refusals with their status.

use super::super::event::BridgeEvent;
use super::super::pages;
use super::Bridge;
use crate::failure::{Class, Failure};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

impl Bridge {
    /// A page that says why nothing was done; the terminal hears of it too.
    pub(super) fn refuse(&self, title: &str, failure: &Failure, back: Option<&str>) -> Response {
        self.tell_refused(failure);
        let html = pages::refused(title, failure.reasons(), back);
        page(status_of(failure), html)
    }

    pub(super) fn tell_refused(&self, failure: &Failure) {
        self.tell(BridgeEvent::Refused {
            reasons: failure.reasons().to_vec(),
        });
    }
}

pub(super) fn status_of(failure: &Failure) -> StatusCode {
    let first = failure.reasons().first().map(|reason| reason.code);
    match (first, failure.class()) {
        (
            Some(
                "NULL_ORIGIN"
                | "ORIGIN_REFUSED"
                | "ORIGIN_NOT_PAIRED"
                | "BROWSER_NOT_PAIRED"
                | "NOT_NAVIGATED"
                | "NO_CODE"
                | "WRONG_CODE"
                | "CODE_TRIED_TOO_OFTEN"
                | "CODE_OVER"
                | "CODE_USED",
            ),
            _,
        ) => StatusCode::FORBIDDEN,
        (Some("FORM_TOO_LARGE"), _) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, Class::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Class::Usage) => StatusCode::BAD_REQUEST,
        (_, Class::Device) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Class::Bug) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What the page's script shows below the buttons.
pub(super) fn said(status: StatusCode, words: &str, over: bool) -> Response {
    let body = serde_json::json!({ "said": words, "over": over }).to_string();
    (status, typed("application/json", body)).into_response()
}

pub(super) fn page(status: StatusCode, html: String) -> Response {
    (status, typed("text/html; charset=utf-8", html)).into_response()
}

pub(super) fn typed(kind: &'static str, body: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        Body::from(body),
    )
        .into_response()
}
