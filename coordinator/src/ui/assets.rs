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
    table
        .get("/assets/{version}/{name}", Needs::Nobody, serve)
        .get("/assets/{version}/qr/{name}", Needs::Nobody, serve_reader)
}

/// Answers with a file of the reader of QR codes, which is as its makers published it.
async fn serve_reader(State(_): State<Ui>, named: Named) -> Result<Response, Fault> {
    file(&format!("qr/{}", named.text("name")?))
}

async fn serve(State(_): State<Ui>, named: Named) -> Result<Response, Fault> {
    file(named.text("name")?)
}

fn file(name: &str) -> Result<Response, Fault> {
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
mod tests {
    use super::*;

    /// npm's `qr` 0.7.0, as docs/pages.md names it.
    const READER: [(&str, &str); 2] = [
        (
            "qr/decode.js",
            "00e209820dcb11d624e9a03d6383e580766792b57d1651318f0a29e4e1ff0fe8",
        ),
        (
            "qr/index.js",
            "a0de370051f94bd74f218f74401fdf197585e3f9ef0143164f87ea941a3fdd6f",
        ),
    ];

    #[test]
    fn the_reader_of_codes_is_byte_for_byte_as_published_and_its_licence_is_with_it() {
        for (name, hash) in READER {
            let file = Files::get(name).expect("it is in the program");
            assert_eq!(sha256::Hash::hash(&file.data).to_string(), hash, "{name}");
        }
        let licence = Files::get("qr/LICENSE").expect("it is in the program");
        assert!(String::from_utf8_lossy(&licence.data).contains("The MIT License"));
        let docs = include_str!("../../../docs/pages.md");
        assert!(READER.iter().all(|(_, hash)| docs.contains(hash)));
    }

    #[test]
    fn only_scripts_and_pictures_are_served() {
        for name in [
            "app.js",
            "app.css",
            "icon.svg",
            "qr/decode.js",
            "scan-worker.js",
        ] {
            assert!(file(name).is_ok(), "{name}");
        }
        for name in [
            "htmx.LICENSE",
            "qr/LICENSE",
            "qr/../app.js",
            "css/lists.css",
            "qr/no.js",
        ] {
            assert!(file(name).is_err(), "{name}");
        }
    }
}
