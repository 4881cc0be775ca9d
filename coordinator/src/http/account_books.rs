//! `/vaults/{vault}/book`: the books by account and reference, at the moment and over a period.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::Problem;
use super::authentication::Caller;
use super::body::{AskedFor, Named};
use crate::account_statement::{AccountStatement, Movement};
use crate::service::Service;
use crate::service::account_books::{self, BookView, period_of};

/// Whose book is asked for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct BookQuery {
    /// An external reference; the whole vault without one.
    pub(super) reference: Option<String>,
}

/// Which period is asked for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodQuery {
    /// The first month or day in UTC, such as 2026-10; the month before this one without it.
    pub(super) from: Option<String>,
    /// The last month or day; the first one without it.
    pub(super) to: Option<String>,
}

/// Which movements of a period are asked for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementsQuery {
    /// The first month or day in UTC, such as 2026-10; the month before this one without it.
    pub(super) from: Option<String>,
    /// The last month or day; the first one without it.
    pub(super) to: Option<String>,
    /// Only those after this number.
    pub(super) after: Option<u64>,
    /// At most this many.
    pub(super) limit: Option<u32>,
}

/// Shows what the books come to at the moment, of the vault or of one external reference.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/book", tag = "books", params(("vault" = String, Path), BookQuery),
    responses((status = 200, body = BookView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    AskedFor(query): AskedFor<BookQuery>,
) -> Result<Json<BookView>, Problem> {
    let (vault, reference) = (named.vault()?, query.reference.as_deref());
    Ok(Json(
        account_books::show_book(&service, &actor, vault, reference).await?,
    ))
}

/// Shows what each account opens and closes with over a period.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/book/statement", tag = "books",
    params(("vault" = String, Path), PeriodQuery),
    responses((status = 200, body = AccountStatement), (status = "4XX", body = Problem)),
)]
pub(super) async fn statement(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    AskedFor(query): AskedFor<PeriodQuery>,
) -> Result<Json<AccountStatement>, Problem> {
    let vault = named.vault()?;
    let period = period_of(&service, query.from.as_deref(), query.to.as_deref())?;
    Ok(Json(
        account_books::show_statement(&service, &actor, vault, period).await?,
    ))
}

/// Lists the movements of a period in order.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/book/movements", tag = "books",
    params(("vault" = String, Path), MovementsQuery),
    responses((status = 200, body = Vec<Movement>), (status = "4XX", body = Problem)),
)]
pub(super) async fn movements(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    AskedFor(query): AskedFor<MovementsQuery>,
) -> Result<Json<Vec<Movement>>, Problem> {
    let vault = named.vault()?;
    let period = period_of(&service, query.from.as_deref(), query.to.as_deref())?;
    let after = query.after.unwrap_or(0);
    Ok(Json(
        account_books::list_movements(&service, &actor, vault, period, after, query.limit).await?,
    ))
}
