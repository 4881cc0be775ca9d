//! The pages of withdrawals as somebody sees them, for tests.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query as AnyQuery;
use policies::VaultId;

use super::{approve, detail, files, list, new, requesting};
use crate::service::previews::Draft;
use crate::ui::Ui;
use crate::ui::posted::{Asked, Named, Posted};
use crate::ui::visitor::Visitor;

fn query<T: serde::de::DeserializeOwned>(text: &str) -> Asked<T> {
    let uri = format!("/?{text}").parse().expect("an address");
    let read = AnyQuery::<T>::try_from_uri(&uri).expect("a query");
    Asked(read.0)
}

pub(crate) async fn listed(ui: &Ui, visitor: &Visitor, vault: VaultId, asked: &str) -> Response {
    let named = Named::of(&[("vault", &vault.to_string())]);
    let answer = list::list(State(ui.clone()), visitor.clone(), named, query(asked)).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn shown(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    (requester, id): (&str, &str),
) -> Response {
    let named = Named::of(&[
        ("vault", &vault.to_string()),
        ("requester", requester),
        ("id", id),
    ]);
    let answer = detail::detail(State(ui.clone()), visitor.clone(), named).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn receipt(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    (requester, id): (&str, &str),
) -> Response {
    let named = Named::of(&[
        ("vault", &vault.to_string()),
        ("requester", requester),
        ("id", id),
    ]);
    let answer = files::printed(State(ui.clone()), visitor.clone(), named).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn approving(ui: &Ui, visitor: &Visitor, vault: VaultId, asked: &str) -> Response {
    let named = Named::of(&[("vault", &vault.to_string())]);
    let answer = approve::page(State(ui.clone()), visitor.clone(), named, query(asked)).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn previewed(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    draft: Draft,
    live: bool,
) -> Response {
    let named = Named::of(&[("vault", &vault.to_string())]);
    let mut headers = HeaderMap::new();
    if live {
        headers.insert("hx-request", axum::http::HeaderValue::from_static("true"));
    }
    let answer = new::preview(
        State(ui.clone()),
        visitor.clone(),
        named,
        headers,
        Posted(draft),
    )
    .await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(crate) async fn reviewed(ui: &Ui, visitor: &Visitor, vault: VaultId, draft: Draft) -> Response {
    let named = Named::of(&[("vault", &vault.to_string())]);
    let answer = requesting::review(State(ui.clone()), visitor.clone(), named, Posted(draft)).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}
