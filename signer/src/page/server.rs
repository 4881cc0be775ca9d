//! Serving one page to this host until it is answered.
//!
//! Every request is checked before anything is said: the `Host` that the browser asked for (so that no
//! foreign name can be rebound to this host), the unguessable path, and for answers the `Origin`.

use super::error::PageError;
use crate::keystore::{NoEntropy, fresh};
use crate::passkey::{RP_ID, origin};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bitcoin::hex::DisplayHex as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

/// The largest answer: three parts of an assertion, or an attestation object, in base64url.
const MAX_ANSWER: usize = 16 * 1024;
/// The most of an answer that is read before it is refused.
const MOST_READ: usize = 1024 * 1024;
/// How long a page waits for its person.
const PATIENCE_MINUTES: u64 = 15;
/// How long the last answer may take to reach the browser.
const PARTING: Duration = Duration::from_secs(2);

/// The style of the tool's own pages.
pub(crate) const STYLE: &str = include_str!("assets/style.css");
/// The script that hands in one answer.
pub(crate) const SCRIPT: &str = include_str!("assets/page.js");

/// Nothing but our own files, no inline code, no frame, no form, no foreign address.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a page is told after its answer was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged<T> {
    /// The answer counts; the page says so and ends.
    Done(T, String),
    /// It does not; the page says why and may try again.
    Again(String),
}

/// A page's place: this host at a port, under a path nobody can guess.
#[derive(Debug, Clone)]
pub struct Loopback {
    port: u16,
    path: String,
}

type Judge<T> = Box<dyn FnMut(&[u8]) -> Judged<T> + Send>;

struct Served<T> {
    place: Loopback,
    html: String,
    judge: Mutex<Judge<T>>,
    outcome: Mutex<Option<Result<T, PageError>>>,
    over: Notify,
}

impl Loopback {
    /// A place at a port, with a path drawn now.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn at(port: u16) -> Result<Self, NoEntropy> {
        let secret = fresh::<32>()?;
        let path = format!("/{}/", secret.as_slice().to_lower_hex_string());
        Ok(Self { port, path })
    }

    /// Where a browser on this host finds the page.
    pub fn url(&self) -> String {
        origin(self.port) + &self.path
    }

    /// The origin that a passkey sees.
    pub fn origin(&self) -> String {
        origin(self.port)
    }

    /// Shows a page until `judge` takes an answer, the person declines, or patience ends. `opened` is
    /// called with the address once the page can be reached.
    ///
    /// # Errors
    /// When the port is taken or nobody answers.
    pub fn ask<T: Send + 'static>(
        self,
        html: String,
        judge: impl FnMut(&[u8]) -> Judged<T> + Send + 'static,
        opened: impl FnOnce(&str),
    ) -> Result<T, PageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let url = self.url();
        let served = Arc::new(Served {
            place: self,
            html,
            judge: Mutex::new(Box::new(judge)),
            outcome: Mutex::new(None),
            over: Notify::new(),
        });
        let asked = Arc::clone(&served);
        runtime.block_on(async move {
            let listeners = listen(asked.place.port).await?;
            let (stop, _) = watch::channel(false);
            let mut tasks = tokio::task::JoinSet::new();
            for listener in listeners {
                let router = Router::new()
                    .fallback(respond::<T>)
                    .with_state(Arc::clone(&asked));
                let mut stopping = stop.subscribe();
                let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                    drop(stopping.wait_for(|stop| *stop).await);
                });
                tasks.spawn(async move { serving.await });
            }
            opened(&url);
            let patience = Duration::from_mins(PATIENCE_MINUTES);
            let answered = tokio::time::timeout(patience, asked.over.notified()).await;
            stop.send_replace(true);
            // What was answered counts, whether or not the browser still hears of it.
            let parted = async { while tasks.join_next().await.is_some() {} };
            drop(tokio::time::timeout(PARTING, parted).await);
            answered.map_err(|_| PageError::NobodyAnswered {
                minutes: PATIENCE_MINUTES,
            })
        })?;
        let mut outcome = served
            .outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.take().unwrap_or(Err(PageError::Declined))
    }
}

/// Listens at both loopback addresses: a browser may choose either, and the other must not be a
/// stranger's. A host without IPv6 has only one.
pub(crate) async fn listen(port: u16) -> Result<Vec<TcpListener>, PageError> {
    let failed = |cause| PageError::Port { port, cause };
    let first = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(failed)?;
    match TcpListener::bind(("::1", port)).await {
        Ok(second) => Ok(vec![first, second]),
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => Err(failed(cause)),
        Err(_) => Ok(vec![first]),
    }
}

async fn respond<T: Send + 'static>(
    State(served): State<Arc<Served<T>>>,
    request: Request,
) -> Response {
    hardened(answer(&served, request).await)
}

/// The response with the headers that every page of the tool has.
pub(crate) fn hardened(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn answer<T: Send + 'static>(served: &Served<T>, request: Request) -> Response {
    let part = match admitted(&served.place, &request) {
        Ok(part) => part,
        Err(status) => return status.into_response(),
    };
    if request.method() == Method::GET {
        return match part.as_str() {
            "" => typed("text/html; charset=utf-8", served.html.clone()),
            "style.css" => typed("text/css; charset=utf-8", STYLE.to_owned()),
            "page.js" => typed("text/javascript; charset=utf-8", SCRIPT.to_owned()),
            _ => StatusCode::NOT_FOUND.into_response(),
        };
    }
    // What is too large is read all the same, within bounds: a socket that is closed while the browser still
    // sends is reset, and the reset can overtake the answer (RFC 9112 §9.6).
    let body = match to_bytes(request.into_body(), MOST_READ).await {
        Ok(body) if body.len() <= MAX_ANSWER => body,
        Ok(_) | Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    match part.as_str() {
        "answer" => judge(served, &body),
        "decline" => {
            conclude(served, Err(PageError::Declined));
            let words = "Nothing was signed. You may close this page.";
            said(StatusCode::OK, words)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The part of the page that a request is for, if it comes from this page's own visitor.
fn admitted(place: &Loopback, request: &Request) -> Result<String, StatusCode> {
    let says = |name: HeaderName, expected: &str| says(request, name, expected);
    if !says(header::HOST, &format!("{RP_ID}:{}", place.port)) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    let path = request.uri().path();
    let part = path
        .strip_prefix(&place.path)
        .ok_or(StatusCode::NOT_FOUND)?;
    if request.method() == Method::POST {
        let from_page =
            says(header::ORIGIN, &place.origin()) && says(header::CONTENT_TYPE, "application/json");
        if !from_page {
            return Err(StatusCode::FORBIDDEN);
        }
    } else if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    Ok(part.to_owned())
}

/// Whether a request has this header once, and nothing else under its name.
pub(crate) fn says(request: &Request, name: HeaderName, expected: &str) -> bool {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next().map(HeaderValue::as_bytes);
    first == Some(expected.as_bytes()) && values.next().is_none()
}

fn judge<T>(served: &Served<T>, body: &[u8]) -> Response {
    let over = served
        .outcome
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_some();
    if over {
        return said(StatusCode::CONFLICT, "This page was answered already.");
    }
    let judged = {
        let mut judge = served.judge.lock().unwrap_or_else(PoisonError::into_inner);
        judge(body)
    };
    match judged {
        Judged::Done(value, words) => {
            conclude(served, Ok(value));
            said(StatusCode::OK, &words)
        }
        Judged::Again(words) => said(StatusCode::UNPROCESSABLE_ENTITY, &words),
    }
}

/// The first conclusion holds.
fn conclude<T>(served: &Served<T>, outcome: Result<T, PageError>) {
    served
        .outcome
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert(outcome);
    served.over.notify_one();
}

fn said(status: StatusCode, words: &str) -> Response {
    let body = serde_json::json!({ "said": words }).to_string();
    (status, typed("application/json", body)).into_response()
}

fn typed(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], Body::from(body)).into_response()
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
