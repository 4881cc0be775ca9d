//! A list as lines of JSON, one object a line, page by page.

use axum::response::Response;
use serde::Serialize;

use crate::service::paging::{Cursor, Paged};
use crate::ui::export;
use crate::ui::fault::Fault;

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
    let kind = "application/jsonl; charset=utf-8";
    let head = written(&first.items);
    Ok(export::file(
        (name, kind),
        (head, first.next),
        read,
        written,
    ))
}

fn written<T: Serialize>(items: &[T]) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in items {
        serde_json::to_writer(&mut lines, item).expect("texts and integers serialize into memory");
        lines.push(b'\n');
    }
    lines
}
