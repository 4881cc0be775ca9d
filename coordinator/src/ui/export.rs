//! A list as a file that is sent while it is read, page by page, so that no list is too long.
//!
//! Invariant: a file is whole, or it breaks off and the browser says so; and it ends within its time also where nobody
//! takes what is sent, so that whatever it holds meanwhile is free again.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;
use super::listing::attachment;
use crate::service::paging::{Cursor, Paged};

/// How long a file may take from its first byte to its last.
const LONGEST: Duration = Duration::from_mins(10);

/// What is handed from whoever reads to whoever sends.
enum Part {
    /// The next lines.
    Lines(Vec<u8>),
    /// There are no more. Without it the file is not whole.
    End,
}

/// Answers with a file of this name and kind, of which the first lines are written already. `read` gives the page that
/// begins after a cursor; `written` writes its lines.
pub(super) fn file<T, F>(
    (name, kind): (&str, &'static str),
    (first, after): (Vec<u8>, Option<Cursor>),
    read: impl Fn(Option<Cursor>) -> F + Send + 'static,
    written: impl Fn(&[T]) -> Vec<u8> + Send + 'static,
) -> Response
where
    T: Send + 'static,
    F: Future<Output = Result<Paged<T>, Fault>> + Send + 'static,
{
    let body = body(Instant::now(), (first, after), read, written);
    attachment(name, kind, body)
}

/// The body of a file that was begun then.
fn body<T, F>(
    begun: Instant,
    (first, after): (Vec<u8>, Option<Cursor>),
    read: impl Fn(Option<Cursor>) -> F + Send + 'static,
    written: impl Fn(&[T]) -> Vec<u8> + Send + 'static,
) -> Body
where
    T: Send + 'static,
    F: Future<Output = Result<Paged<T>, Fault>> + Send + 'static,
{
    let (parts, taken) = mpsc::channel(1);
    let reading = async move {
        let (mut lines, mut after) = (first, after);
        loop {
            if parts.send(Part::Lines(lines)).await.is_err() {
                // The browser is gone.
                return;
            }
            let Some(place) = after else { break };
            match read(Some(place)).await {
                Ok(page) => {
                    lines = written(&page.items);
                    after = page.next;
                }
                Err(fault) => {
                    let words = fault.words();
                    tracing::warn!(words, "a file breaks off");
                    return;
                }
            }
        }
        // Whoever is gone by now needs no end.
        drop(parts.send(Part::End).await);
    };
    // Beside the connection: who takes nothing would otherwise hold it for ever.
    tokio::spawn(async move {
        let over = begun.checked_add(LONGEST).unwrap_or(begun);
        if timeout_at(over, reading).await.is_err() {
            tracing::warn!("a file took too long and breaks off");
        }
    });
    let stream = stream::unfold(Some(taken), async |taken| {
        let mut taken = taken?;
        match taken.recv().await {
            Some(Part::Lines(lines)) => Some((Ok(lines), Some(taken))),
            Some(Part::End) => None,
            None => Some((Err(io::Error::other("the file is not whole")), None)),
        }
    });
    Body::from_stream(stream)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use axum::body::to_bytes;
    use axum::http::StatusCode;
    use tokio::time::timeout;

    use super::*;

    /// More than any of these tests takes.
    const SHORT: Duration = Duration::from_secs(30);

    /// So long ago that what began then has this long left.
    fn begun(left: Duration) -> Instant {
        let ago = Instant::now().checked_sub(Duration::from_mins(10));
        ago.expect("the clock runs for longer") + left
    }

    /// A file of the numbers below `below`, one a page, that holds something while it is read.
    fn numbers(begun: Instant, below: u64, held: Arc<()>) -> Body {
        let read = move |after: Option<Cursor>| {
            let held = Arc::clone(&held);
            async move {
                let place = after.and_then(|after| after.parts()[0].parse::<u64>().ok());
                let next = place.expect("a mark of this list") + 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
                drop(held);
                if next == 40 {
                    return Err(Fault::plain(StatusCode::NOT_FOUND, "there is no more"));
                }
                Ok(Paged {
                    items: vec![next],
                    next: (next + 1 < below).then(|| Cursor::of(&[&next.to_string()])),
                })
            }
        };
        let written = |items: &[u64]| {
            let lines: Vec<String> = items.iter().map(|item| format!("{item}\n")).collect();
            lines.concat().into_bytes()
        };
        body(
            begun,
            (b"0\n".to_vec(), Some(Cursor::of(&["0"]))),
            read,
            written,
        )
    }

    /// The file, if it is a whole one.
    async fn read(body: Body) -> Option<String> {
        let bytes = timeout(SHORT, to_bytes(body, 1 << 24)).await;
        let whole = bytes.expect("it ends").ok()?;
        Some(String::from_utf8(whole.to_vec()).expect("text"))
    }

    /// Waits until nothing holds it any more.
    async fn is_free(held: &Weak<()>) {
        let freed = async {
            while held.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SHORT, freed).await.expect("it is let go");
    }

    #[tokio::test]
    async fn a_file_within_its_time_is_whole_and_lets_go_of_what_it_held() {
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        let text = read(numbers(Instant::now(), 5, held)).await;
        assert_eq!(text.as_deref(), Some("0\n1\n2\n3\n4\n"));
        is_free(&seen).await;
    }

    #[tokio::test]
    async fn a_file_that_takes_longer_than_ten_minutes_breaks_off_and_is_no_whole_one() {
        // It would not end by itself.
        let read_on = |after: Option<Cursor>| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Paged {
                items: vec![()],
                next: after,
            })
        };
        let first = || (b"0\n".to_vec(), Some(Cursor::of(&["0"])));
        let endless = body(begun(Duration::from_millis(200)), first(), read_on, |_| {
            b"more\n".to_vec()
        });
        assert_eq!(read(endless).await, None);
    }

    #[tokio::test]
    async fn a_file_that_nobody_takes_holds_nothing_for_longer_than_ten_minutes() {
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        let untaken = numbers(begun(Duration::from_millis(200)), 30, held);
        assert!(seen.strong_count() > 0);
        is_free(&seen).await;
        assert_eq!(read(untaken).await, None);
        // What has time left is held: a slow browser gets its file.
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        let slow = numbers(Instant::now(), 3, held);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(seen.strong_count() > 0);
        assert_eq!(read(slow).await.as_deref(), Some("0\n1\n2\n"));
        // And a browser that is gone frees it at once.
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        drop(numbers(Instant::now(), 30, held));
        is_free(&seen).await;
    }

    #[tokio::test]
    async fn a_file_whose_list_cannot_be_read_on_breaks_off() {
        let text = read(numbers(Instant::now(), 50, Arc::new(()))).await;
        assert_eq!(text, None);
    }
}
