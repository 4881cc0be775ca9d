//! `/events`: the sequenced log, asked for, waited for, or listened to.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Problem;
use super::authentication::Caller;
use super::body::Named;
use crate::service::events::{self, ChainHead, EventPage, EventView};
use crate::service::gate::{Gate, Pass};
use crate::service::proving::ProofView;
use crate::service::pulse::Pulse;
use crate::service::{Actor, Service, ServiceError};

/// The longest that a request waits for an event, in seconds: less than any request may take.
const LONGEST_WAIT: u32 = 25;
/// How long a program listens before it has to ask again, so that a token that was revoked hears no more.
const LONGEST: Duration = Duration::from_mins(5);
/// The most requests of one token that wait or listen at once.
const MOST_OF_ONE: usize = 8;
/// The most requests that wait or listen at once.
const MOST_IN_ALL: usize = 200;
/// Events that are read at once for a program that listens.
const READ: u32 = 100;

/// What programs that wait or listen share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Listening {
    pulse: Pulse,
    room: Gate,
}

impl Listening {
    pub(super) fn new(pulse: Pulse) -> Self {
        Self {
            pulse,
            room: Gate::new(MOST_OF_ONE, MOST_IN_ALL),
        }
    }

    fn enter(&self, actor: &Actor) -> Result<Pass, ServiceError> {
        let what = "as many programs wait for events as may at once";
        let room = self.room.enter(&actor.name);
        room.map_err(|_| ServiceError::Busy { what })
    }
}

/// Which events, and how.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// At most this many items.
    limit: Option<u32>,
    /// Only events after this number.
    after: Option<u64>,
    /// Where there is none yet, wait so many seconds for one, at most 25.
    wait: Option<u32>,
    /// Whether each event that says something of the chain carries what shows it there.
    proofs: Option<bool>,
}

/// A query for events, with problems as problem documents.
#[derive(Debug)]
pub(super) struct AskedEvents(Asked);

impl FromRequestParts<Service> for AskedEvents {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        match Query::<Asked>::from_request_parts(parts, service).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(Problem::malformed("query", error))
            }
            Err(error) => Err(Problem::malformed("query", error)),
        }
    }
}

/// Lists events after a number, in order; with `wait` it answers once there is one.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(Asked),
    responses((status = 200, body = EventPage), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Extension(listening): Extension<Listening>,
    Caller(actor): Caller,
    AskedEvents(asked): AskedEvents,
) -> Result<Json<EventPage>, Problem> {
    let wanted = events::Wanted {
        limit: asked.limit,
        proofs: asked.proofs.unwrap_or(false),
    };
    let mut after = asked.after.unwrap_or(0);
    let wait = asked.wait.unwrap_or(0).min(LONGEST_WAIT);
    if wait == 0 {
        return Ok(Json(
            events::list_events(&service, &actor, after, wanted).await?,
        ));
    }
    let _room = listening.enter(&actor)?;
    let until = Instant::now() + Duration::from_secs(u64::from(wait));
    let mut numbers = listening.pulse.listen().await;
    let mut stopping = listening.pulse.stopping();
    loop {
        let page = events::list_events(&service, &actor, after, wanted).await?;
        if !page.events.is_empty() {
            return Ok(Json(page));
        }
        // Events of others were passed over.
        after = page.next_after;
        let news = async {
            tokio::select! {
                _ = numbers.wait_for(|number| *number > after) => true,
                _ = stopping.wait_for(|stop| *stop) => false,
            }
        };
        if !matches!(timeout_at(until, news).await, Ok(true)) {
            return Ok(Json(page));
        }
    }
}

/// Sends events after a number as they come, as server-sent events: `id` is the number, `event` the kind, `data` the
/// whole event. It ends after five minutes, and after `limit` events where that is given; whoever asks again with the
/// header `Last-Event-ID` misses none.
#[utoipa::path(
    get, path = "/api/v1/events/stream", tag = "events", params(Asked),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)),
)]
pub(super) async fn listen(
    State(service): State<Service>,
    Extension(listening): Extension<Listening>,
    Caller(actor): Caller,
    AskedEvents(asked): AskedEvents,
    headers: axum::http::HeaderMap,
) -> Result<Response, Problem> {
    let last = headers
        .get("last-event-id")
        .map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
    let after = match last {
        Some(Some(number)) => number,
        Some(None) => return Err(Problem::malformed("Last-Event-ID", "it is no number")),
        None => asked.after.unwrap_or(0),
    };
    let room = listening.enter(&actor)?;
    let heard = Heard {
        numbers: listening.pulse.listen().await,
        stopping: listening.pulse.stopping(),
        until: Instant::now() + LONGEST,
        service,
        actor,
        after,
        left: asked.limit,
        proofs: asked.proofs.unwrap_or(false),
        _room: room,
    };
    let sent = heard.pages().flat_map(|page| {
        stream::iter(
            page.into_iter()
                .map(|event| Ok::<_, Infallible>(sent(&event))),
        )
    });
    Ok(Sse::new(sent)
        .keep_alive(KeepAlive::default())
        .into_response())
}

fn sent(event: &EventView) -> Sent {
    let data = serde_json::to_string(event).expect("an event is plain JSON");
    Sent::default()
        .id(event.number.to_string())
        .event(&event.kind)
        .data(data)
}

/// A program that listens.
struct Heard {
    numbers: tokio::sync::watch::Receiver<u64>,
    stopping: tokio::sync::watch::Receiver<bool>,
    until: Instant,
    service: Service,
    actor: Actor,
    after: u64,
    /// So many more; without end where none is said.
    left: Option<u32>,
    proofs: bool,
    _room: Pass,
}

impl Heard {
    /// The pages of events that it hears, until its time or the program is over.
    fn pages(self) -> impl Stream<Item = Vec<EventView>> + Send + 'static {
        stream::unfold(self, async |mut heard| {
            // Also while there is always more to send: whoever reads slowly is asked who it is as often as others.
            if heard.left == Some(0) || Instant::now() >= heard.until || *heard.stopping.borrow() {
                return None;
            }
            loop {
                let wanted = events::Wanted {
                    limit: Some(heard.left.map_or(READ, |left| left.min(READ))),
                    proofs: heard.proofs,
                };
                let (service, actor) = (&heard.service, &heard.actor);
                let page = events::list_events(service, actor, heard.after, wanted).await;
                let page = match page {
                    Ok(page) => page,
                    Err(error) => {
                        // It asks again by itself, from where it was.
                        tracing::warn!(%error, "a program that listens for events is sent away");
                        return None;
                    }
                };
                heard.after = page.next_after;
                if !page.events.is_empty() {
                    let sent = u32::try_from(page.events.len()).unwrap_or(u32::MAX);
                    heard.left = heard.left.map(|left| left.saturating_sub(sent));
                    return Some((page.events, heard));
                }
                let after = heard.after;
                tokio::select! {
                    grown = heard.numbers.wait_for(|number| *number > after) => {
                        grown.ok()?;
                    }
                    _ = heard.stopping.wait_for(|stop| *stop) => return None,
                    () = tokio::time::sleep_until(heard.until) => return None,
                }
            }
        })
    }
}

/// What shows an event in the chain; none where it says nothing of the chain, or its block left it.
#[utoipa::path(
    get, path = "/api/v1/events/{number}/proof", tag = "events", params(("number" = String, Path)),
    responses((status = 200, body = Option<ProofView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn proof(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Option<ProofView>>, Problem> {
    let number = named.get("number")?;
    Ok(Json(events::prove_event(&service, &actor, number).await?))
}

/// Computes the hash chain again over all events.
#[utoipa::path(
    get, path = "/api/v1/events/verification", tag = "events",
    responses((status = 200, body = ChainHead), (status = "4XX", body = Problem), (status = 500, body = Problem)),
)]
pub(super) async fn verify(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<ChainHead>, Problem> {
    Ok(Json(events::verify_events(&service, &actor).await?))
}
