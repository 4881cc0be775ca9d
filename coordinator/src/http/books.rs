//! What the watchtower keeps: deposits, coins, balance, ledger, reconciliation.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, Named, Page};
use crate::service::books::{self, BalanceView, CoinView, EntryView};
use crate::service::reconciliations::{self, ReconciliationView, RequestedReconciliation};
use crate::service::{Actor, Service};

/// Lists deposits.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/deposits", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = Vec<CoinView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn deposits(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Vec<CoinView>>, Problem> {
    Ok(Json(
        books::list_deposits(&service, &actor, named.vault()?).await?,
    ))
}

/// Lists unspent coins.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/coins", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = Vec<CoinView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn coins(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Vec<CoinView>>, Problem> {
    Ok(Json(
        books::list_coins(&service, &actor, named.vault()?).await?,
    ))
}

/// Shows what the vault holds.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/balance", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = BalanceView), (status = "4XX", body = Problem)),
)]
pub(super) async fn balance(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<BalanceView>, Problem> {
    Ok(Json(
        books::show_balance(&service, &actor, named.vault()?).await?,
    ))
}

/// Lists the ledger's entries in order.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/ledger", tag = "books", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<EntryView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn ledger(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<EntryView>>, Problem> {
    let after = page.after.unwrap_or(0);
    Ok(Json(
        books::list_ledger(&service, &actor, named.vault()?, after, page.limit).await?,
    ))
}

/// Shows the last reconciliation of ledger, tracker and node; null before the first.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/reconciliation", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = Option<ReconciliationView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn reconciliation(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Option<ReconciliationView>>, Problem> {
    Ok(Json(
        reconciliations::show_reconciliation(&service, &actor, named.vault()?).await?,
    ))
}

/// Asks the watchtower to reconcile now.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/reconciliation", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = RequestedReconciliation), (status = "4XX", body = Problem)),
)]
pub(super) async fn reconcile(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<RequestedReconciliation>, Problem> {
    ask(&service, &actor, &named, false).await
}

/// Shows the result of a reconciliation that was asked for; its result is null until it is there.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/reconciliation/{request}", tag = "books",
    params(("vault" = String, Path), ("request" = u64, Path)),
    responses((status = 200, body = RequestedReconciliation), (status = "4XX", body = Problem)),
)]
pub(super) async fn reconciliation_result(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<RequestedReconciliation>, Problem> {
    let (vault, request) = (named.vault()?, named.get("request")?);
    Ok(Json(
        reconciliations::reconciliation_result(&service, &actor, vault, request).await?,
    ))
}

/// Asks the watchtower to reconcile, and to look through the node's whole UTXO set for what the books do not have.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/reconciliation/deep", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = RequestedReconciliation), (status = "4XX", body = Problem)),
)]
pub(super) async fn reconcile_deep(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<RequestedReconciliation>, Problem> {
    ask(&service, &actor, &named, true).await
}

async fn ask(
    service: &Service,
    actor: &Actor,
    named: &Named,
    deep: bool,
) -> Result<Json<RequestedReconciliation>, Problem> {
    let vault = named.vault()?;
    let asked = reconciliations::request_reconciliation(service, actor, vault, deep);
    Ok(Json(asked.await?))
}

/// Calls a reconciliation off that has no result yet.
#[utoipa::path(
    delete, path = "/api/v1/vaults/{vault}/reconciliation/{request}", tag = "books",
    params(("vault" = String, Path), ("request" = u64, Path)),
    responses((status = 200, body = RequestedReconciliation), (status = "4XX", body = Problem)),
)]
pub(super) async fn call_off(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<RequestedReconciliation>, Problem> {
    let (vault, request) = (named.vault()?, named.get("request")?);
    Ok(Json(
        reconciliations::call_off(&service, &actor, vault, request).await?,
    ))
}
