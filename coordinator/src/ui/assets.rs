//! What browsers load beside the pages: style, scripts, icon. All of it is in the program itself.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use bitcoin::hashes::{Hash, sha256};
use rust_embed::RustEmbed;

use super::Ui;
use super::fault::Fault;
use super::posted::Named;
use super::routes::{Needs, Table};

#[derive(RustEmbed)]
#[folder = "src/ui/assets"]
struct Files;

/// The style of all pages: the common one, then each page's own, by name.
static STYLE: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter()
        .filter(|name| name.starts_with("css/"))
        .collect();
    names.sort_unstable();
    let text = |name: &str| {
        Files::get(name).map_or_else(String::new, |file| {
            String::from_utf8_lossy(&file.data).into_owned()
        })
    };
    let pages = names.iter().map(|name| text(name));
    [text("app.css")]
        .into_iter()
        .chain(pages)
        .collect::<Vec<_>>()
        .join("\n")
});

/// Changes with what is served, so that browsers keep files and never an old one.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut all = STYLE.clone().into_bytes();
    for name in Files::iter() {
        all.extend_from_slice(
            &Files::get(&name).map_or_else(Vec::new, |file| file.data.into_owned()),
        );
    }
    sha256::Hash::hash(&all)
        .to_string()
        .chars()
        .take(12)
        .collect()
});

pub(super) fn routes(table: Table) -> Table {
    table.get("/assets/{version}/{name}", Needs::Nobody, serve)
}

async fn serve(State(_): State<Ui>, named: Named) -> Result<Response, Fault> {
    let name = named.text("name")?;
    let (kind, bytes) = if name == "app.css" {
        ("text/css; charset=utf-8", STYLE.clone().into_bytes())
    } else {
        let kind = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            Some(_) | None => return Err(Fault::nothing_here()),
        };
        let file = Files::get(name).ok_or_else(Fault::nothing_here)?;
        (kind, file.data.into_owned())
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    Ok(response)
}
#[cfg(test)]
pub(crate) fn style_for_dump() -> String { STYLE.clone() }
