//! Serving the bridge to this host: every request is checked before anything is said or done.
//!
//! The `Host` that the browser asked for (no foreign name can be rebound to this host); the method (GETs change
//! nothing); for pairing and asks the `Origin`, and that the browser navigates (no script, no frame); for answers the
//! bridge's own `Origin` and the unguessable path.

use super::asked::{Asked, MAX_FORM, back};
use super::error::BridgeError;
use super::event::BridgeEvent;
use super::form::Form;
use super::keys::Keys;
use super::open::{Answered, Asks, Judge, Pressed};
use super::origin::{Origin, paired, remember};
use super::pages;
use super::pairing::{MINUTES, Pairing};
use super::preparing::{Desk, Ready};
use crate::failure::{Class, Failure};
use crate::home::Home;
use crate::online::{HttpCoordinator, Stop};
use crate::page::{Document, PageError, SCRIPT, STYLE, hardened, listen, says};
use crate::passkey::{RP_ID, origin};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use policies::UnixTime;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// The largest answer: three parts of an assertion in base64url.
const MAX_ANSWER: usize = 16 * 1024;
/// The most of a body that is read before it is refused.
const MOST_READ: usize = 1024 * 1024;
/// How often the wish to end is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the last answers may take to reach the browser.
const PARTING: Duration = Duration::from_secs(2);

/// The clock of a bridge.
pub type Clock = fn() -> UnixTime;

/// A bridge that can be opened.
pub struct Bridge {
    home: Home,
    keys: Keys,
    coordinator: HttpCoordinator,
    port: u16,
    clock: Clock,
    pairing: Mutex<Option<Pairing>>,
    asks: Asks,
    events: Mutex<Option<mpsc::UnboundedSender<BridgeEvent>>>,
}

impl Bridge {
    /// A bridge over a home and its coordinator; with a code, pages can be paired.
    pub fn new(
        home: Home,
        keys: Keys,
        coordinator: HttpCoordinator,
        port: u16,
        pairing: Option<Pairing>,
        clock: Clock,
    ) -> Self {
        Self {
            home,
            keys,
            coordinator,
            port,
            clock,
            pairing: Mutex::new(pairing),
            asks: Asks::default(),
            events: Mutex::new(None),
        }
    }

    /// Serves until the end is wished, and tells what happens.
    ///
    /// # Errors
    /// When the port is taken or the system gives no tasks.
    pub fn run(
        self,
        vault: &str,
        stop: &Stop,
        mut tell: impl FnMut(&BridgeEvent),
    ) -> Result<(), PageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let bridge = Arc::new(self);
        let served = runtime.block_on(async {
            let listeners = listen(bridge.port).await?;
            let (sends, mut hears) = mpsc::unbounded_channel();
            *bridge.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(sends);
            let (ending, _) = watch::channel(false);
            let mut tasks = tokio::task::JoinSet::new();
            for listener in listeners {
                let router = Router::new()
                    .fallback(respond)
                    .with_state(Arc::clone(&bridge));
                let mut ends = ending.subscribe();
                let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                    drop(ends.wait_for(|ends| *ends).await);
                });
                tasks.spawn(async move { serving.await });
            }
            for event in bridge.beginning(vault) {
                tell(&event);
            }
            while !stop.is_wished() {
                if let Ok(Some(event)) = tokio::time::timeout(TICK, hears.recv()).await {
                    tell(&event);
                }
            }
            ending.send_replace(true);
            let parted = async { while tasks.join_next().await.is_some() {} };
            drop(tokio::time::timeout(PARTING, parted).await);
            while let Ok(event) = hears.try_recv() {
                tell(&event);
            }
            Ok(())
        });
        // A call of the coordinator that still waits must not keep the terminal.
        runtime.shutdown_timeout(PARTING);
        served
    }

    fn beginning(&self, vault: &str) -> Vec<BridgeEvent> {
        let mut events = vec![BridgeEvent::Open {
            vault: vault.to_owned(),
            url: origin(self.port),
        }];
        let pairing = self.pairing.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(pairing.as_ref().map(|pairing| BridgeEvent::Code {
            port: self.port,
            code: pairing.code().to_owned(),
            minutes: MINUTES,
        }));
        events
    }

    fn tell(&self, event: BridgeEvent) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = &*events {
            // Nobody listens any more once the bridge ends.
            drop(events.send(event));
        }
    }

    fn refuse(&self, title: &str, failure: &Failure, back: Option<&str>) -> Response {
        self.tell(BridgeEvent::Refused {
            reasons: failure.reasons().to_vec(),
        });
        let html = pages::refused(title, failure.reasons(), back);
        page(status_of(failure), html)
    }
}

async fn respond(State(bridge): State<Arc<Bridge>>, request: Request) -> Response {
    hardened(answer(bridge, request).await)
}

async fn answer(bridge: Arc<Bridge>, request: Request) -> Response {
    if !says(&request, header::HOST, &format!("{RP_ID}:{}", bridge.port)) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let path = request.uri().path().to_owned();
    let of_ask = path
        .strip_prefix("/a/")
        .and_then(|rest| rest.split_once('/'));
    if request.method() == Method::GET {
        return match (path.as_str(), of_ask) {
            ("/", _) => page(
                StatusCode::OK,
                pages::words(
                    "The bridge is open",
                    &[
                        "Coordinator's pages that are paired with it open here what you are to sign. There is nothing \
                       to do on this page.",
                    ],
                    None,
                ),
            ),
            ("/style.css", _) => typed("text/css; charset=utf-8", STYLE.to_owned()),
            (_, Some((secret, part))) => shown(&bridge, secret, part),
            (_, None) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match (path.as_str(), of_ask) {
        ("/pair", _) => pair(bridge, request).await,
        ("/ask", _) => ask(bridge, request).await,
        (_, Some((secret, part))) => {
            let (secret, part) = (secret.to_owned(), part.to_owned());
            pressed(bridge, request, &secret, &part).await
        }
        (_, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn shown(bridge: &Bridge, secret: &str, part: &str) -> Response {
    let Some(ask) = bridge.asks.find(secret, Instant::now()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match (part, ask.over()) {
        ("", None) => page(StatusCode::OK, ask.html.clone()),
        ("", Some(answered)) => {
            let words = [answered.words.as_str()];
            page(
                StatusCode::OK,
                pages::words("Answered", &words, ask.back.as_deref()),
            )
        }
        ("style.css", _) => typed("text/css; charset=utf-8", STYLE.to_owned()),
        ("page.js", _) => typed("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        (_, _) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The origin of a form that a person sees being sent: a navigation of the whole window.
fn navigated(bridge: &Bridge, headers: &HeaderMap) -> Result<Origin, BridgeError> {
    let only = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().and_then(|value| value.to_str().ok());
        first.filter(|_| values.next().is_none())
    };
    let text = only(header::ORIGIN).ok_or(BridgeError::NullOrigin)?;
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
        if headers.contains_key(&name) && only(name) != Some(expected) {
            return Err(BridgeError::NotNavigated);
        }
    }
    let kind = only(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(from);
    }
    Err(BridgeError::NotAForm)
}

async fn pair(bridge: Arc<Bridge>, request: Request) -> Response {
    let title = "Not paired";
    let from = match navigated(&bridge, request.headers()) {
        Ok(from) => from,
        Err(error) => return bridge.refuse(title, &error.into(), None),
    };
    let Some(body) = body(request, MAX_FORM).await else {
        let most = MAX_FORM;
        return bridge.refuse(title, &BridgeError::TooLarge { most }.into(), None);
    };
    let form = match Form::read(&body) {
        Ok(form) => form,
        Err(error) => return bridge.refuse(title, &error.into(), None),
    };
    let back = back(&form, &from).unwrap_or_default();
    match bridge.paired_by(&form, &from) {
        Ok(()) => {
            bridge.tell(BridgeEvent::Paired {
                origin: from.clone(),
            });
            let words = format!("Pages of {from} may open from now on what you are to sign.");
            let words = [
                words.as_str(),
                "Whatever they open is shown here first, and nothing is signed before you confirm it here.",
            ];
            page(
                StatusCode::OK,
                pages::words("Paired", &words, back.as_deref()),
            )
        }
        Err(error) => bridge.refuse(title, &error.into(), back.as_deref()),
    }
}

impl Bridge {
    fn paired_by(&self, form: &Form, from: &Origin) -> Result<(), BridgeError> {
        let code = form.only("code", 32)?.unwrap_or_default();
        // What cannot be remembered must not use the code up.
        paired(&self.home)?;
        let mut pairing = self.pairing.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pairing.as_mut().ok_or(BridgeError::NoCode)?;
        open.offer(code, Instant::now())?;
        remember(&self.home, from, (self.clock)())
    }

    fn is_paired(&self, from: &Origin) -> Result<(), BridgeError> {
        let known = paired(&self.home)?;
        if known.iter().any(|one| one.origin == *from) {
            return Ok(());
        }
        Err(BridgeError::NotPaired(from.clone()))
    }
}

async fn ask(bridge: Arc<Bridge>, request: Request) -> Response {
    let title = "Nothing was opened";
    let from = navigated(&bridge, request.headers())
        .and_then(|from| bridge.is_paired(&from).map(|()| from));
    let from = match from {
        Ok(from) => from,
        Err(error) => return bridge.refuse(title, &error.into(), None),
    };
    let Some(body) = body(request, MAX_FORM).await else {
        let most = MAX_FORM;
        return bridge.refuse(title, &BridgeError::TooLarge { most }.into(), None);
    };
    let asked = match Asked::read(&body, &from) {
        Ok(asked) => asked,
        Err(error) => return bridge.refuse(title, &error.into(), None),
    };
    let back = asked.back.clone();
    let (what, count) = (asked.what.name(), asked.hashes.len());
    let working = Arc::clone(&bridge);
    let opened = tokio::task::spawn_blocking(move || working.open(asked)).await;
    let opened = opened.unwrap_or_else(|_| {
        Err(
            Failure::because(Class::Bug, "ASK_BROKE", "preparing this failed")
                .hinted("use the terminal's verb, and report this as a mistake of the program"),
        )
    });
    match opened {
        Ok(secret) => {
            bridge.tell(BridgeEvent::Asked {
                origin: from,
                what,
                count,
            });
            let to = format!("/a/{secret}/");
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
        Err(failure) => bridge.refuse(title, &failure, back.as_deref()),
    }
}

impl Bridge {
    /// Fetches, checks and shows what is asked; gives the secret of its page.
    fn open(self: Arc<Self>, asked: Asked) -> Result<String, Failure> {
        let desk = Desk {
            home: &self.home,
            keys: &self.keys,
            coordinator: &self.coordinator,
            port: self.port,
            now: (self.clock)(),
        };
        let Ready {
            title,
            summary,
            told,
            button,
            ask,
            mut sign,
        } = desk.prepare(&asked)?;
        let html = Document {
            title: &title,
            summary: &summary,
            told: &told,
            button: &button,
            decline: "Sign nothing",
            ask: &ask,
            back: asked.back.as_deref(),
        }
        .html();
        let (what, vault) = (asked.what.name(), asked.vault);
        let bridge = Arc::clone(&self);
        let judge: Judge = Box::new(move |body| {
            let signed = sign(body)?;
            let now = (bridge.clock)();
            let outcome = signed.hand_in(&bridge.coordinator, vault, &bridge.home, now);
            let outcome = outcome.map_err(|failure| failure.text())?;
            let said = outcome.words.clone();
            bridge.tell(if outcome.taken {
                BridgeEvent::Signed { what, said }
            } else {
                BridgeEvent::Kept { what, said }
            });
            Ok(Answered {
                words: outcome.words,
                good: outcome.taken,
            })
        });
        Ok(self
            .asks
            .open(what, html, asked.back, judge, Instant::now())?)
    }
}

async fn pressed(bridge: Arc<Bridge>, request: Request, secret: &str, part: &str) -> Response {
    let own = says(&request, header::ORIGIN, &origin(bridge.port))
        && says(&request, header::CONTENT_TYPE, "application/json");
    let Some(ask) = bridge.asks.find(secret, Instant::now()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !own {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(body) = body(request, MAX_ANSWER).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let done = match part {
        "answer" => {
            let asked = Arc::clone(&ask);
            tokio::task::spawn_blocking(move || asked.answer(&body)).await
        }
        "decline" => Ok(ask.decline()),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match done {
        Ok(Pressed::Now(answered)) => {
            if part == "decline" {
                bridge.tell(BridgeEvent::Declined { what: ask.what });
            }
            let status = if answered.good {
                StatusCode::OK
            } else {
                StatusCode::BAD_GATEWAY
            };
            said(status, &answered.words, true)
        }
        Ok(Pressed::Before(answered)) => said(StatusCode::CONFLICT, &answered.words, true),
        Ok(Pressed::Again(words)) => said(StatusCode::UNPROCESSABLE_ENTITY, &words, false),
        Err(_) => {
            let words =
                "This failed. Use the terminal's verb, and report it as a mistake of the program.";
            said(StatusCode::INTERNAL_SERVER_ERROR, words, false)
        }
    }
}

/// The body, if it is at most so long. What is too large is read all the same, within bounds, so that the refusal
/// arrives (RFC 9112 §9.6).
async fn body(request: Request, most: usize) -> Option<axum::body::Bytes> {
    let body = to_bytes(request.into_body(), MOST_READ).await.ok()?;
    (body.len() <= most).then_some(body)
}

fn status_of(failure: &Failure) -> StatusCode {
    let first = failure.reasons().first().map(|reason| reason.code);
    match (first, failure.class()) {
        (
            Some(
                "NULL_ORIGIN"
                | "ORIGIN_REFUSED"
                | "ORIGIN_NOT_PAIRED"
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
        (Some("TOO_MANY_ASKS"), _) => StatusCode::TOO_MANY_REQUESTS,
        (_, Class::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Class::Usage) => StatusCode::BAD_REQUEST,
        (_, Class::Device) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Class::Bug) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn said(status: StatusCode, words: &str, over: bool) -> Response {
    let body = serde_json::json!({ "said": words, "over": over }).to_string();
    (status, typed("application/json", body)).into_response()
}

fn page(status: StatusCode, html: String) -> Response {
    (status, typed("text/html; charset=utf-8", html)).into_response()
}

fn typed(kind: &'static str, body: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        Body::from(body),
    )
        .into_response()
}
