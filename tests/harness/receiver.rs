//! A program of somebody else that webhooks call: it keeps what it gets, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Failure;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where to.
    pub path: String,
    /// The headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value, Failure> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// What is answered next: a status, and where to go instead.
type Answer = (u16, Option<String>);

#[derive(Debug, Default)]
struct Kept {
    calls: Vec<Call>,
    answers: VecDeque<Answer>,
}

/// The program.
#[derive(Debug)]
pub struct Receiver {
    kept: Arc<Mutex<Kept>>,
    address: SocketAddr,
    // Its threads end with it.
    _runtime: Runtime,
}

impl Receiver {
    /// Starts it on a port of its own.
    pub fn start() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let routes = Router::new().fallback(take).with_state(Arc::clone(&kept));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self {
            kept,
            address,
            _runtime: runtime,
        })
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next calls so, each once; every other call is taken.
    pub fn will_answer(&self, answers: impl IntoIterator<Item = Answer>) {
        held(&self.kept).answers.extend(answers);
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        held(&self.kept).calls.clone()
    }
}

fn held(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(
    State(kept): State<Arc<Mutex<Kept>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let mut kept = held(&kept);
    kept.calls.push(Call {
        path: uri.path().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    });
    let (status, location) = kept.answers.pop_front().unwrap_or((200, None));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    match location {
        Some(location) => (status, [(header::LOCATION, location)]).into_response(),
        None => status.into_response(),
    }
}
