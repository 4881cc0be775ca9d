//! Server-sent events: a page that is open hears that something happened, and asks again by itself.
//!
//! Invariant: a stream says only the number of the last sequenced event, which tells nothing to somebody
//! who may not see it; it ends with the program, and their number is bounded, for each
//! person and in all, and so is how long one listens without being asked who it is.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Ui;
use super::fault::Fault;
use super::routes::{Needs, Table};
use super::visitor::Visitor;
use crate::service::gate::{Full, Gate, Pass};

/// How long a page listens before it has to ask again.
const LONGEST: Duration = Duration::from_mins(5);
/// The most pages of one person that listen at once, more than a person looks at.
const MOST_OF_ONE: usize = 8;
/// The most pages that listen at once.
const MOST_IN_ALL: usize = 500;
/// After how many seconds it is worth while to try again.
const AGAIN: u32 = 60;

/// Room for those who listen.
pub(super) fn listening() -> Gate {
    Gate::new(MOST_OF_ONE, MOST_IN_ALL)
}

pub(super) fn routes(table: Table) -> Table {
    table.get("/live", Needs::Person, listen)
}

async fn listen(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    let room = ui.listening.enter(&visitor.person).map_err(|full| {
        let words = match full {
            Full::OfOne => {
                "Eight pages of yours listen already; this one is not told of what happens. Close some."
            }
            Full::InAll => {
                "Too many pages listen at once; this one is not told of what happens. Try again in a minute."
            }
        };
        Fault::plain(StatusCode::TOO_MANY_REQUESTS, words).after(AGAIN)
    })?;
    let heard = Heard {
        numbers: ui.pulse.listen().await,
        stopping: ui.pulse.stopping(),
        begun: Instant::now(),
        _room: room,
    };
    Ok(Sse::new(heard.stream())
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// A page that listens.
struct Heard {
    numbers: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    begun: Instant,
    _room: Pass,
}

impl Heard {
    /// What it hears, until its time or the program is over.
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        stream::unfold(self, async |mut heard| {
            let until = heard.begun.checked_add(LONGEST).unwrap_or(heard.begun);
            tokio::select! {
                changed = heard.numbers.changed() => changed.ok()?,
                _ = heard.stopping.wait_for(|stop| *stop) => return None,
                // The browser asks again by itself, if its session still is one.
                () = tokio::time::sleep_until(until) => return None,
            }
            let number = *heard.numbers.borrow_and_update();
            let event = Event::default().event("happened").data(number.to_string());
            Some((Ok(event), heard))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::time::timeout;

    use super::*;

    /// Long enough for whatever is there already.
    const SHORT: Duration = Duration::from_secs(10);

    /// A page that began to listen so long ago, what it hears of, and the room that it takes.
    fn listening(ago: Duration) -> (watch::Sender<u64>, watch::Sender<bool>, Gate, Heard) {
        let ((number, numbers), (stop, stopping)) = (watch::channel(0), watch::channel(false));
        let gate = Gate::new(1, 1);
        let begun = Instant::now().checked_sub(ago);
        let heard = Heard {
            numbers,
            stopping,
            begun: begun.expect("the clock runs for longer"),
            _room: gate.enter("dana").expect("there is room"),
        };
        (number, stop, gate, heard)
    }

    #[tokio::test]
    async fn a_page_listens_for_five_minutes_and_has_to_ask_again_then() {
        let almost = Duration::from_mins(5).saturating_sub(Duration::from_secs(2));
        let (number, _stop, gate, heard) = listening(almost);
        {
            let mut stream = Box::pin(heard.stream());
            number.send_replace(7);
            let first = timeout(SHORT, stream.next()).await.expect("is told");
            assert!(first.is_some(), "it listens still");
            assert!(gate.enter("dana").is_err());
            let over = timeout(SHORT, stream.next()).await.expect("it ends");
            assert!(over.is_none());
        }
        gate.enter("dana").expect("whoever is over makes room");
    }

    #[tokio::test]
    async fn a_page_that_began_to_listen_goes_on_until_the_program_ends() {
        let (_number, stop, _gate, heard) = listening(Duration::ZERO);
        let mut stream = Box::pin(heard.stream());
        let silent = timeout(Duration::from_millis(300), stream.next()).await;
        assert!(silent.is_err(), "nothing happened, and it is not over");
        stop.send_replace(true);
        let over = timeout(SHORT, stream.next()).await.expect("it ends");
        assert!(over.is_none());
    }
}
