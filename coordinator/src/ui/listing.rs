//! Lists as people use them: pages by their last row, and the whole as CSV that no program runs.

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::fault::Fault;
use super::posted::percent_encoded;
use crate::service::paging::{Cursor, Paged};

/// The links between pages of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pager {
    /// The first page, unless this is it.
    pub(crate) first: Option<String>,
    /// The next page, if there is one.
    pub(crate) next: Option<String>,
}

impl Pager {
    /// The links beside a page at `path`, keeping its filters.
    pub(crate) fn new(
        path: &str,
        filters: &[(&str, &str)],
        after: Option<&str>,
        next: Option<&Cursor>,
    ) -> Self {
        Self {
            first: after.map(|_| link(path, filters, &[])),
            next: next.map(|next| link(path, filters, &[("after", &next.encode())])),
        }
    }
}

/// An address with a query of those pairs that say something.
pub(crate) fn link(path: &str, filters: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    let query: Vec<String> = filters
        .iter()
        .chain(more)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
        .collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    }
}

/// A cell that no spreadsheet takes for a formula (OWASP, "CSV injection").
pub(crate) fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// One line of CSV (RFC 4180).
fn line(cells: &[String]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let safe = cells.iter().map(|text| cell(text));
    writer
        .write_record(safe)
        .expect("a vector takes whatever is written");
    writer.into_inner().expect("a vector is always flushed")
}

/// Answers with a list as a CSV file, page by page, so that no list is too long. `read` gives the page that
/// begins after a cursor; `row` writes one row of it.
pub(crate) async fn csv<T, F>(
    name: &str,
    header: &[&str],
    read: impl Fn(Option<Cursor>) -> F + Send + 'static,
    row: impl Fn(&T) -> Vec<String> + Send + 'static,
) -> Result<Response, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<Paged<T>, Fault>> + Send + 'static,
{
    struct Reading<R, W> {
        read: R,
        row: W,
        head: Vec<u8>,
        after: Option<Cursor>,
        over: bool,
    }
    // The first page is read before anything is answered, so that a refusal is one.
    let first = read(None).await?;
    let mut head = line(
        &header
            .iter()
            .map(|&cell| cell.to_owned())
            .collect::<Vec<_>>(),
    );
    for item in &first.items {
        head.extend(line(&row(item)));
    }
    let reading = Reading {
        read,
        row,
        head,
        over: first.next.is_none(),
        after: first.next,
    };
    let stream = stream::unfold(reading, async |mut reading| {
        if !reading.head.is_empty() {
            let head = std::mem::take(&mut reading.head);
            return Some((Ok::<_, std::io::Error>(head), reading));
        }
        if reading.over {
            return None;
        }
        match (reading.read)(reading.after.take()).await {
            Ok(page) => {
                let mut lines = Vec::new();
                for item in &page.items {
                    lines.extend(line(&(reading.row)(item)));
                }
                reading.over = page.next.is_none();
                reading.after = page.next;
                Some((Ok(lines), reading))
            }
            Err(fault) => {
                // The file breaks off, which the browser says.
                reading.over = true;
                Some((
                    Err(std::io::Error::other(fault.words().to_owned())),
                    reading,
                ))
            }
        }
    });
    Ok(attachment(
        name,
        "text/csv; charset=utf-8",
        Body::from_stream(stream),
    ))
}

/// Answers with a file to keep. Its name is plain ASCII.
pub(crate) fn attachment(name: &str, kind: &'static str, body: impl Into<Body>) -> Response {
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => letter,
            _ => '-',
        })
        .collect();
    let mut response = body.into().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_becomes_a_formula_and_none_breaks_a_line() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!(cell("w-1"), "w-1");
        let line = line(&["=cmd|'/C calc'!A0".to_owned(), "a\"b,\r\nc".to_owned()]);
        let text = String::from_utf8(line).expect("text");
        assert_eq!(text, "'=cmd|'/C calc'!A0,\"a\"\"b,\r\nc\"\r\n");
    }

    #[test]
    fn links_keep_their_filters() {
        let next = Cursor::of(&["7"]);
        let pager = Pager::new(
            "/coins",
            &[("state", "settled"), ("text", ""), ("q", "a&b=c")],
            None,
            Some(&next),
        );
        let expected = format!("/coins?state=settled&q=a%26b%3Dc&after={}", next.encode());
        assert_eq!((pager.first, pager.next), (None, Some(expected)));
    }
}
