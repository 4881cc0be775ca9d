//! What the pages read is the same on both engines: the same rows in SQLite and in PostgreSQL, read by the service in
//! its production role, page by page and with filters.

mod books;
mod payments;
mod people;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use bitcoin::Network;
use coordinator::configuration::{CoordinatorConfig, EXAMPLE};
use coordinator::service::paging::{Cursor, Paged};
use coordinator::service::{Actor, Service, ServiceError};
use harness::showcase::{Showcase, Size, Traces};
use harness::{Engine, Failure, Outcome, Role, Store, Treasury};
use policies::{UnixTime, VaultId};
use watchtower::store::database::Database;

/// A treasury's service over the same rows in each engine.
struct Both {
    services: [Service; 2],
    vault: VaultId,
    operator: Actor,
    now: UnixTime,
}

impl Both {
    /// Asks both; the answers must be the same, and no refusal.
    #[track_caller]
    fn compared<T: Debug>(what: &str, answers: [Result<T, ServiceError>; 2]) -> Result<T, Failure> {
        let [one, other] = answers;
        let (said, same) = (format!("{one:?}"), format!("{other:?}"));
        if said != same {
            let words = format!("{what} differs:\nSQLite {said}\nPostgreSQL {same}");
            return Err(Failure::new(words));
        }
        one.map_err(|error| Failure::new(format!("{what}: {error}")))
    }

    async fn same<T: Debug>(
        &self,
        what: &str,
        read: impl AsyncFn(&Service) -> Result<T, ServiceError>,
    ) -> Result<T, Failure> {
        let [sqlite, postgres] = &self.services;
        Self::compared(what, [read(sqlite).await, read(postgres).await])
    }

    /// Reads a list to its end on both, so many rows a page and at least so many pages: each page but the last is full,
    /// and the last is not empty.
    async fn pages<T: Debug>(
        &self,
        what: &str,
        (full, least): (u32, usize),
        read: impl AsyncFn(&Service, Option<&Cursor>, u32) -> Result<Paged<T>, ServiceError>,
    ) -> Result<Vec<T>, Failure> {
        let (mut rows, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let [sqlite, postgres] = &self.services;
            let (one, other) = (
                read(sqlite, after.as_ref(), full).await,
                read(postgres, after.as_ref(), full).await,
            );
            let page = Self::compared(&format!("page {pages} of {what}"), [one, other])?;
            pages += 1;
            let holds = u32::try_from(page.items.len())?;
            let fits = match page.next {
                Some(_) => holds == full,
                None => (1..=full).contains(&holds),
            };
            if !fits {
                let words = format!("page {pages} of {what} holds {holds} of {full} rows");
                return Err(Failure::new(words));
            }
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let told: BTreeSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        if told.len() != rows.len() {
            return Err(Failure::new(format!("{what} tells a row twice")));
        }
        if pages < least {
            let words = format!("{what}: {} rows in {pages} pages", rows.len());
            return Err(Failure::new(words));
        }
        Ok(rows)
    }
}

/// A treasury with something of everything, and nobody at work in it.
fn busy() -> Result<(Showcase, Traces), Failure> {
    let mut showcase = Showcase::begin(Engine::Sqlite)?;
    let traces = showcase.live_through(Size::SMALL)?;
    let treasury = &showcase.treasury;
    for (person, role) in [
        ("olga", "operator"),
        ("oscar", "operator"),
        ("dana", "approver"),
        ("erin", "approver"),
        ("rita", "requester"),
        ("ada", "auditor"),
    ] {
        treasury.session_of(person, role, None)?;
    }
    let now = harness::now().as_secs();
    treasury.store.sql(&format!(
        "INSERT INTO absence (id, person, from_at, until_at, reason, said_at, said_by)
         VALUES ('a1', 'erin', {now}, {now} + 86400, 'trip', {now}, 'olga')"
    ))?;
    treasury.store.sql(&format!(
        "UPDATE person SET ended_at = {now}, ended_by = 'olga' WHERE name = 'ada'"
    ))?;
    for n in 0..4 {
        treasury.token(&format!("Tool {n}"), "auditor")?;
    }
    let gone = treasury.operator().get("/tokens")?.done()?;
    let gone = harness::field(&gone[gone.as_array().map_or(0, Vec::len) - 1], "id")?;
    treasury
        .operator()
        .delete(&format!("/tokens/{gone}"))?
        .done()?;
    treasury.all_is_taken_in()?;
    showcase.treasury.coordinator.stop()?;
    Ok((showcase, traces))
}

async fn serve(url: &str, now: UnixTime) -> Result<Service, Failure> {
    let settings = CoordinatorConfig::parse(EXAMPLE)?.batch_settings();
    let service = Service::new(Database::open(url).await?, Network::Regtest, settings);
    Ok(service.with_sources(Arc::new(move || now), Arc::new(|| [7; 32])))
}

async fn open(treasury: &Treasury, copy: &Store) -> Result<Both, Failure> {
    let now = harness::now();
    Ok(Both {
        services: [
            serve(&treasury.store.url(Role::Coordinator), now).await?,
            serve(&copy.url(Role::Coordinator), now).await?,
        ],
        vault: treasury.people.policy.vault,
        operator: Actor::local(),
        now,
    })
}

/// 1. A treasury lives through a busy week on SQLite: deposits, withdrawals in every state, batches, attempts,
///    statements, people, tokens. Its rows are copied to PostgreSQL as they are.
/// 2. Every list of the pages is read on both, page by page to its end, without filters and with each: the same rows
///    in the same order with the same marks, none twice.
/// 3. So are the agenda, the figures, the charts, the search and the pages of single things.
#[test]
fn what_the_pages_read_is_the_same_on_both_engines() -> Outcome {
    let (showcase, traces) = busy()?;
    let copy = showcase.treasury.store.same_on_postgres()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(Box::pin(async {
        let both = open(&showcase.treasury, &copy).await?;
        payments::withdrawals(&both, &traces).await?;
        payments::batches_and_attempts(&both, &traces).await?;
        books::books(&both).await?;
        people::people_and_tokens(&both).await?;
        people::overview(&both, &traces).await
    }))
}
