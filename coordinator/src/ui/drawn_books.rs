//! The pages of the books as somebody sees them, without the guard, for tests.

use axum::Extension;
use axum::Router;
use axum::routing::{get, post};

use super::visitor::Visitor;
use super::{Ui, account_statement, addresses, coins, customers, deposits, events, ledger, search};

/// The pages for one visitor. A fault has its status, and no page.
pub(crate) fn books(ui: Ui, visitor: Visitor) -> Router {
    let vault = |tail: &str| format!("/vaults/{{vault}}{tail}");
    Router::new()
        .route(&vault("/deposits"), get(deposits::list))
        .route(&vault("/deposits/{outpoint}"), get(deposits::detail))
        .route(
            &vault("/addresses"),
            get(addresses::list).post(addresses::issue),
        )
        .route(&vault("/addresses/{address}"), get(addresses::detail))
        .route(&vault("/coins"), get(coins::list))
        .route(&vault("/coins/calendar"), get(coins::calendar::calendar))
        .route(&vault("/coins/{outpoint}"), get(coins::detail))
        .route(
            &vault("/coins/{outpoint}/freeze"),
            post(coins::marks::freeze),
        )
        .route(&vault("/coins/{outpoint}/thaw"), post(coins::marks::thaw))
        .route(&vault("/coins/{outpoint}/label"), post(coins::marks::label))
        .route(&vault("/statement"), get(account_statement::show))
        .route(&vault("/statement/file"), get(account_statement::file))
        .route(&vault("/ledger"), get(ledger::list))
        .route(&vault("/customers"), post(customers::set))
        .route(&vault("/customers/release"), post(customers::release))
        .route(&vault("/ledger/comparison"), post(ledger::compare))
        .route(&vault("/ledger/scan"), post(ledger::scan))
        .route("/events", get(events::list))
        .route("/events/verification", get(events::verify))
        .route("/search", get(search::find))
        .layer(Extension(visitor))
        .with_state(ui)
}
