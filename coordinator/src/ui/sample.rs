//! Pages drawn without a browser, for tests that look at what they say.

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;

use super::visitor::Visitor;
use super::{Public, Ui};
use crate::service::Service;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;

/// The pages over a service.
pub(crate) fn ui(service: Service) -> Ui {
    let public = Public::parse("https://treasury.example").expect("an origin");
    Ui::new(service.clone(), public, Pulse::alone(service))
}

/// The status and the text of an answer.
pub(crate) async fn read(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// Somebody who looks at pages.
pub(crate) fn visitor(person: &str, role: PersonRole) -> Visitor {
    Visitor::sample(person, role)
}
