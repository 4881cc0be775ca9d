//! Files as QR codes and QR codes as files, for machines that no wire joins: the browser shows and scans, and what codes
//! mean is decided here, by [`policies::carrier`].
//!
//! Invariant: nothing is kept and nothing is changed. What is shown are the bytes that the person's browser sent; what
//! was scanned goes back to the browser, and comes in by the form of its page like any other file.

mod scan;
mod show;
#[cfg(test)]
mod tests;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use policies::carrier::{CarrierError, PayloadKind};
use serde_json::json;

use super::Ui;
use super::fault::{Fault, sentence};
use super::routes::{Needs, Table};
use super::visitor::Visitor;
use crate::service::gate::Pass;

/// The seconds after which it is worth while to ask again where others are being served.
const AGAIN: u32 = 2;

pub(super) fn routes(table: Table) -> Table {
    table.post("/carrier/show", Needs::Person, show::show).post(
        "/carrier/scan",
        Needs::Person,
        scan::scan,
    )
}

/// Why nothing is shown, or nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    code: &'static str,
    words: String,
    hint: String,
}

impl Refused {
    fn new(code: &'static str, words: &str, hint: &str) -> Self {
        Self {
            code,
            words: sentence(words),
            hint: sentence(hint),
        }
    }

    fn told(&self) -> serde_json::Value {
        json!({ "code": self.code, "words": self.words, "hint": self.hint })
    }
}

impl From<CarrierError> for Refused {
    fn from(error: CarrierError) -> Self {
        Self::new(error.code(), &error.to_string(), error.hint())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(self.told())).into_response()
    }
}

/// Leave to work for a person, until it is dropped.
fn enter(ui: &Ui, visitor: &Visitor) -> Result<Pass, Response> {
    ui.service.carrying().enter(&visitor.person).map_err(|_| {
        let words = "The coordinator is busy with other codes.";
        let busy = Refused::new("busy", words, "wait some seconds and try again");
        let answer = (StatusCode::SERVICE_UNAVAILABLE, axum::Json(busy.told()));
        Fault::plain(StatusCode::SERVICE_UNAVAILABLE, words)
            .after(AGAIN)
            .timed(answer.into_response())
    })
}

/// Does work that takes a processor for a while.
async fn beside<T: Send + 'static>(
    pass: Pass,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(pass);
        done
    });
    done.await.map_err(|error| {
        tracing::error!(%error, "carrying failed");
        let words = "The coordinator has a fault. Its log says more.";
        let told = Refused::new("internal", words, "bring the file instead");
        (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(told.told())).into_response()
    })
}

/// What bytes are, for the script.
const fn name_of(kind: PayloadKind) -> &'static str {
    match kind {
        PayloadKind::Psbt => "psbt",
        PayloadKind::Transaction => "transaction",
        PayloadKind::Json => "json",
        PayloadKind::Text => "text",
        PayloadKind::Binary => "binary",
    }
}
