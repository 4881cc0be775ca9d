//! Lists as people use them: pages by their last row, and the whole as CSV that no program runs.

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::export;
use super::fault::Fault;
use super::filters;
use super::posted::percent_encoded;
pub(crate) use crate::account_statement::csv::cell;
use crate::service::MAX_LIMIT;
use crate::service::paging::{Cursor, PAGE, Paged};

/// What a list is asked for by its address: filters as they were typed, where its page begins, and whether the whole
/// is asked for as a file.
pub(crate) trait Query {
    /// The filters by name, in the order of links.
    fn filters(&self) -> Vec<(&'static str, &str)>;
    /// The mark of the page; empty at the first one.
    fn after(&self) -> &str;
    /// Whether the whole is asked for as a file.
    fn is_file(&self) -> bool;

    /// The place where the page begins.
    fn begin(&self) -> Result<Option<Cursor>, Fault> {
        filters::after(self.after())
    }

    /// Whether anything is filtered.
    fn is_filtering(&self) -> bool {
        self.filters().iter().any(|(_, value)| !value.is_empty())
    }
}

/// Makes the query of a list from the names of its filters, each typed as a text.
macro_rules! query {
    ($(#[$about:meta])* $seen:vis struct $name:ident { $($filter:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[serde(default)]
        $seen struct $name {
            $($seen $filter: String,)+
            $seen after: String,
            $seen format: String,
        }

        impl $crate::ui::listing::Query for $name {
            fn filters(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($filter), self.$filter.as_str())),+]
            }

            fn after(&self) -> &str {
                &self.after
            }

            fn is_file(&self) -> bool {
                self.format == "csv"
            }
        }
    };
}
pub(crate) use query;

/// Reads the pages of a list of a vault through the service, for [`page_of`] and [`file_of`].
macro_rules! reading {
    ($list:path, $ui:expr, $visitor:expr, $vault:expr, $wanted:expr) => {{
        let (service, actor) = ($ui.service.clone(), $visitor.actor.clone());
        let (vault, wanted) = ($vault, $wanted);
        move |after: Option<$crate::service::paging::Cursor>, most: u32| {
            let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
            async move {
                let page = $list(&service, &actor, vault, &wanted, after.as_ref(), most);
                page.await.map_err($crate::ui::fault::Fault::from)
            }
        }
    }};
}
pub(crate) use reading;

/// What stands around the rows of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Around {
    /// Whether anything is filtered.
    pub(crate) filtered: bool,
    /// The links between its pages.
    pub(crate) pager: Pager,
    /// The whole of it as a file.
    pub(crate) csv: String,
}

/// The rows of one page of a list at `path`, and what stands around them. `read` gives the page behind a mark, of at
/// most so many rows.
pub(crate) async fn page_of<T, F>(
    path: &str,
    query: &impl Query,
    begin: Option<Cursor>,
    read: impl Fn(Option<Cursor>, u32) -> F,
) -> Result<(Vec<T>, Around), Fault>
where
    F: Future<Output = Result<Paged<T>, Fault>>,
{
    let marked = begin.as_ref().map(|_| query.after());
    let Paged { items, next } = read(begin, PAGE).await?;
    let filters = query.filters();
    let around = Around {
        filtered: query.is_filtering(),
        pager: Pager::new(path, &filters, marked, next.as_ref()),
        csv: link(path, &filters, &[("format", "csv")]),
    };
    Ok((items, around))
}

/// The whole of a list as a file, read as its pages are.
pub(crate) async fn file_of<T, F>(
    name: &str,
    header: &[&str],
    read: impl Fn(Option<Cursor>, u32) -> F + Send + 'static,
    row: impl Fn(&T) -> Vec<String> + Send + 'static,
) -> Result<Response, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<Paged<T>, Fault>> + Send + 'static,
{
    csv(name, header, move |after| read(after, MAX_LIMIT), row).await
}

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

/// Answers with a list as a CSV file, page by page. `read` gives the page that
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
    // The first page is read before anything is answered, so that a refusal is one.
    let first = read(None).await?;
    let written = move |items: &[T]| {
        let lines = items.iter().map(|item| line(&row(item)));
        lines.collect::<Vec<_>>().concat()
    };
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let mut head = line(&header);
    head.extend(written(&first.items));
    let kind = "text/csv; charset=utf-8";
    Ok(export::file(
        (name, kind),
        (head, first.next),
        read,
        written,
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
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1+1",
            "＋1",
            "－1",
            "＠SUM(A1)",
        ] {
            assert_eq!(cell(text), format!("'{text}"), "{text:?}");
            let written = line(&[text.to_owned()]);
            let bare = written.strip_prefix(b"\"").unwrap_or(&written);
            assert!(bare.starts_with(b"'"), "{text:?}");
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
