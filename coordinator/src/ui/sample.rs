//! Pages drawn without a browser, for tests that look at what they say.

use std::path::Path;

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::watch;

use super::visitor::Visitor;
use super::{Public, Ui};
use crate::service::Service;
use crate::service::people::PersonRole;

/// The pages over a service.
pub(crate) fn ui(service: Service) -> Ui {
    let public = Public::parse("https://treasury.example").expect("an origin");
    let (_, stopping) = watch::channel(false);
    Ui::new(service, public, stopping)
}

/// The status and the text of an answer.
pub(crate) async fn read(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a page with its style into a file, so that it can be looked at.
pub(crate) fn keep(folder: &Path, name: &str, html: &str) {
    let style = include_str!("assets/app.css");
    let own = concat!(
        include_str!("assets/css/withdrawals.css"),
        include_str!("assets/css/books.css")
    );
    let from = html.find("<link rel=\"stylesheet\"").expect("a style");
    let upto = html[from..].find('>').expect("its end") + from + 1;
    let page = format!(
        "{}<style>{style}\n{own}</style>{}",
        &html[..from],
        &html[upto..]
    );
    std::fs::write(folder.join(name), page).expect("writes");
}

/// Somebody who looks at pages.
pub(crate) fn visitor(person: &str, role: PersonRole) -> Visitor {
    Visitor::sample(person, role)
}
