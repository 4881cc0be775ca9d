//! The people's pages: HTML only here, and nothing but translation, as in [`crate::http`].
//!
//! Invariant: a page shows what the service says and asks the service to act; who may see or do what is
//! decided by the route's entry in the table ([`routes`]) and again by the service. Nothing shown has to
//! be believed: whatever was signed can be checked with one's own tool, and the page says how.

mod account;
pub(crate) mod account_statement;
mod address_book;
mod addresses;
mod agreeing;
mod assets;
mod attempts;
mod balance;
mod batches;
mod carrying;
mod ceremonies;
mod ceremony;
mod coins;
mod customers;
mod deposits;
mod drawing;
#[cfg(test)]
pub(crate) mod drawn_books;
mod events;
mod export;
mod fault;
mod feerate;
mod fees;
mod filters;
mod frame;
mod guard;
mod health;
mod joining;
mod ledger;
mod listing;
mod live;
mod notifications;
mod overview;
mod own_spends;
mod people;
mod policy;
mod posted;
mod preview;
mod proxies;
mod public;
mod queue;
mod routes;
#[cfg(test)]
pub(crate) mod sample;
mod search;
mod sets;
mod show;
mod sign_in;
mod signers;
mod statements;
mod stops;
#[cfg(test)]
mod tests;
mod tokens;
mod visitor;
mod webhooks;
mod withdrawals;

use axum::Router;

use crate::service::Service;
use crate::service::gate::Gate;
use crate::service::pulse::Pulse;

pub use proxies::{Proxies, ProxiesError};
pub use public::{Public, PublicError};
pub use routes::{Entry, Needs};

use routes::Table;

/// What every page works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ui {
    /// What is asked.
    pub(crate) service: Service,
    /// Where the pages are reached.
    pub(crate) public: Public,
    /// Tells pages that are open that something happened.
    pulse: Pulse,
    /// Room for pages that listen.
    listening: Gate,
}

impl Ui {
    pub(crate) fn new(service: Service, public: Public, pulse: Pulse) -> Self {
        Self {
            pulse,
            listening: live::listening(),
            service,
            public,
        }
    }
}

/// Every page, with what it needs.
fn table(ui: Ui) -> Table {
    let pages: &[fn(Table) -> Table] = &[
        assets::routes,
        live::routes,
        overview::routes,
        balance::routes,
        health::routes,
        sign_in::routes,
        joining::routes,
        account::routes,
        account_statement::routes,
        people::routes,
        tokens::routes,
        address_book::routes,
        addresses::routes,
        attempts::routes,
        batches::routes,
        carrying::routes,
        ceremonies::routes,
        coins::routes,
        deposits::routes,
        events::routes,
        ledger::routes,
        customers::routes,
        own_spends::routes,
        policy::routes,
        queue::routes,
        fees::routes,
        search::routes,
        signers::routes,
        statements::routes,
        stops::routes,
        notifications::routes,
        webhooks::routes,
        withdrawals::routes,
    ];
    pages
        .iter()
        .fold(Table::new(ui), |table, routes| routes(table))
}

/// The pages over a service.
pub(crate) fn router(ui: Ui) -> Router {
    table(ui).into_router()
}

/// Every route of the pages with what it needs, for whoever checks that none is forgotten.
pub fn entries(service: Service, public: Public) -> Vec<Entry> {
    table(Ui::new(service.clone(), public, Pulse::alone(service))).into_entries()
}
