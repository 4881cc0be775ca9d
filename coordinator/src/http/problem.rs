//! Errors at the HTTP edge: one `application/problem+json` document (RFC 9457) with a stable code.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::service::{ErrorClass, ServiceError};

/// The content type of every problem.
const PROBLEM_JSON: &str = "application/problem+json";

/// A problem: what was refused, by which rule, and the facts. Nothing was changed.
#[derive(Debug, Clone, ToSchema, serde::Serialize)]
pub struct Problem {
    /// Short words for the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable code to decide by.
    code: String,
    /// What was refused and why, for people.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// After how many seconds to ask again.
    #[serde(skip)]
    retry_after: Option<u32>,
    /// The facts, by name.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    facts: Map<String, Value>,
}

impl Problem {
    /// Makes a problem that did not come from the service.
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            retry_after: None,
            facts: Map::new(),
        }
    }

    /// Returns the problem of a field of a path or query that is not written as it must be.
    pub(super) fn malformed(field: &str, detail: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            format!("{field}: {detail}"),
        );
        problem.facts.insert("field".to_owned(), json!(field));
        problem
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let status = StatusCode::from_u16(error.class().status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if error.class() == ErrorClass::Internal {
            tracing::error!(code = error.code(), %error, "request failed");
            // What broke inside is for the log, not for the one who asked.
            return Self::new(
                status,
                error.code(),
                "the coordinator has a fault; its log says more",
            );
        }
        let mut problem = Self::new(status, error.code(), error.to_string());
        problem.facts = error.facts();
        problem.hint = Some(error.hint());
        problem.retry_after = error.retry_after();
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, axum::Json(self)).into_response();
        if let Some(seconds) = retry_after {
            (response.headers_mut()).insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        // Whoever is refused early may not have been read to the end of the body: the connection ends
        // with the answer, and says so, lest the next request go into a closing one.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers for routes that do not exist.
pub(super) async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        format!("there is nothing at {}", uri.path()),
    )
}

/// Answers for verbs that a route does not know.
pub(super) async fn no_such_verb(uri: Uri) -> Problem {
    let detail = format!("{} does not know this verb", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_verb", detail)
}

/// Answers as a problem document where a layer below refused in plain text or without a word.
pub(super) async fn in_our_words(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_error || kind.is_some_and(|kind| kind == PROBLEM_JSON) {
        return response;
    }
    let (code, detail) = words(status);
    Problem::new(status, code, detail).into_response()
}

/// The stable code and the words of a status that is refused with before a handler is reached.
pub(super) fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => (
            "body_too_large",
            "the body is larger than any that is read here",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("not_json", "the body must be application/json"),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "the request did not arrive in time"),
        StatusCode::SERVICE_UNAVAILABLE => (
            "timed_out",
            "the request took too long; ask what became of it before asking again",
        ),
        other if other.is_server_error() => {
            ("internal", "the coordinator has a fault; its log says more")
        }
        _ => ("bad_request", "the request cannot be understood"),
    }
}
