//! A list as lines of JSON, one object a line, page by page, so that no list is too long.

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;

use crate::service::paging::{Cursor, Paged};
use crate::ui::fault::Fault;
use crate::ui::listing::attachment;

/// Answers with a list as a file of lines. `read` gives the page that begins after a cursor.
pub(super) async fn json_lines<T, F>(
    name: &str,
    read: impl Fn(Option<Cursor>) -> F + Send + 'static,
) -> Result<Response, Fault>
where
    T: Serialize + Send + 'static,
    F: Future<Output = Result<Paged<T>, Fault>> + Send + 'static,
{
    // The first page is read before anything is answered, so that a refusal is one.
    let first = read(None).await?;
    let begin = (read, Some(written(&first)), first.next);
    let stream = stream::unfold(begin, async |(read, ready, after)| {
        if let Some(ready) = ready {
            return Some((Ok::<_, std::io::Error>(ready), (read, None, after)));
        }
        let after = after?;
        match read(Some(after)).await {
            Ok(page) => Some((Ok(written(&page)), (read, None, page.next))),
            // The file breaks off, which the browser says.
            Err(fault) => {
                let broken = std::io::Error::other(fault.words().to_owned());
                Some((Err(broken), (read, None, None)))
            }
        }
    });
    Ok(attachment(
        name,
        "application/jsonl; charset=utf-8",
        Body::from_stream(stream),
    ))
}

fn written<T: Serialize>(page: &Paged<T>) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in &page.items {
        serde_json::to_writer(&mut lines, item).expect("texts and integers serialize into memory");
        lines.push(b'\n');
    }
    lines
}
