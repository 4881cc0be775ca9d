//! Pages of errors: what was refused, what to do, and the way back. Never an internal id, never a stack.

use askama::Template;
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::frame::{Frame, Place, page_with};
use super::visitor::Visitor;
use crate::service::{ErrorClass, ServiceError};

/// Why a page is not shown. The guard draws it, which knows who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    status: StatusCode,
    code: String,
    words: String,
    hint: Option<&'static str>,
    retry_after: Option<u32>,
    /// Where the way back begins; nothing for these pages.
    origin: String,
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    frame: Frame,
    title: &'a str,
    fault: &'a Fault,
}

impl Fault {
    /// A fault that did not come from the service.
    pub(crate) fn plain(status: StatusCode, words: &str) -> Self {
        Self {
            status,
            code: String::new(),
            words: words.to_owned(),
            hint: None,
            retry_after: None,
            origin: String::new(),
        }
    }

    /// The same, with a time after which it is worth while to ask again.
    pub(crate) fn after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// There is no such thing, or not for whoever asks.
    pub(crate) fn nothing_here() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "There is nothing at this address.")
    }

    /// The same, with the way back to another origin.
    pub(super) fn back_to(self, origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            ..self
        }
    }

    /// Where the way back leads.
    fn back(&self) -> String {
        format!("{}/", self.origin)
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What was refused and why, for beside a field or above a form.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Its page.
    pub(super) fn page(&self, visitor: Option<&Visitor>) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Nothing here",
            StatusCode::FORBIDDEN => "Not for you to do",
            StatusCode::UNAUTHORIZED => "Signed out",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            status if status.is_server_error() => "Something is broken here",
            _ => "That was refused",
        };
        let frame = match visitor {
            Some(visitor) => visitor.frame(title, Place::Elsewhere),
            None => Frame::without_visitor(title),
        };
        let template = FaultPage {
            frame,
            title,
            fault: self,
        };
        // A page that cannot be drawn leaves its words.
        let response = page_with(self.status, &template)
            .unwrap_or_else(|_| (self.status, self.words.clone()).into_response());
        self.timed(response)
    }

    /// An answer that says when to ask again, where that is known.
    pub(super) fn timed(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after {
            (response.headers_mut()).insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        let status = StatusCode::from_u16(error.class().status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if error.class() == ErrorClass::Internal {
            tracing::error!(code = error.code(), %error, "a page failed");
            return Self {
                status,
                code: error.code().to_owned(),
                words: "The coordinator has a fault. Its log says more; nothing was changed by this page."
                    .to_owned(),
                hint: None,
                retry_after: None,
                origin: String::new(),
            };
        }
        Self {
            status,
            code: error.code().to_owned(),
            words: sentence(&error.to_string()),
            hint: Some(error.hint()),
            retry_after: error.retry_after(),
            origin: String::new(),
        }
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page cannot be drawn");
        Self::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This page cannot be drawn. The coordinator's log says more.",
        )
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A message of an error as a sentence.
pub(crate) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    let end = if message.ends_with(['.', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

/// Answers where there is no page.
pub(super) async fn no_such_page(_: Uri) -> Response {
    Fault::nothing_here().page(None)
}
