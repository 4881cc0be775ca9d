//! The people's pages: HTML only here, and nothing but translation, as in [`crate::http`].
//!
//! Invariant: a page shows what the service says and asks the service to act; who may see or do what is
//! decided by the route's entry in the table ([`routes`]) and again by the service. Nothing shown has to
//! be believed: whatever was signed can be checked with one's own tool, and the page says how.

mod account;
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
use tokio::sync::watch;

use crate::service::Service;

pub use proxies::{Proxies, ProxiesError};
pub use public::{Public, PublicError};
pub use routes::{Entry, Needs};

use live::Pulse;
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
}

impl Ui {
    pub(crate) fn new(service: Service, public: Public, stopping: watch::Receiver<bool>) -> Self {
        Self {
            pulse: Pulse::new(service.clone(), stopping),
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
        own_spends::routes,
        policy::routes,
        queue::routes,
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
    let (_, stopping) = watch::channel(false);
    table(Ui::new(service, public, stopping)).into_entries()
}
