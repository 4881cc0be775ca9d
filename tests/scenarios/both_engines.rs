//! What the pages read is the same on both engines: the same rows in SQLite and in PostgreSQL, read by the service in
//! its production role, page by page and with filters.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use bitcoin::{Amount, Network};
use coordinator::configuration::{CoordinatorConfig, EXAMPLE};
use coordinator::service::address_book::{BookFilter, list_book};
use coordinator::service::agenda::{Viewer, agenda};
use coordinator::service::attempt_lines::{Filter, page_of_attempts, signers_of};
use coordinator::service::attempt_page::attempt_page;
use coordinator::service::batch_lines::page_of_batches;
use coordinator::service::batch_page::batch_page;
use coordinator::service::browsing::addresses::{AddressQuery, list_addresses};
use coordinator::service::browsing::calendar::show_calendar;
use coordinator::service::browsing::coins::{CoinQuery, list_coins};
use coordinator::service::browsing::deposits::{DepositQuery, list_deposits, show_deposit};
use coordinator::service::browsing::entries::list_entries;
use coordinator::service::browsing::log::list_log;
use coordinator::service::browsing::span;
use coordinator::service::figures::{self, all_figures, series};
use coordinator::service::paging::{Cursor, Paged};
use coordinator::service::people::listing::{PersonFilter, Standing, page_of_people, show_people};
use coordinator::service::queue::show_queue;
use coordinator::service::search::search;
use coordinator::service::signer_view::show_signers;
use coordinator::service::tokens::{TokenFilter, page_of_tokens};
use coordinator::service::withdrawal_history::withdrawal_history;
use coordinator::service::withdrawal_list::{Wanted, find_withdrawals};
use coordinator::service::{Actor, Service, ServiceError};
use coordinator::store::withdrawals::WithdrawalKey;
use harness::showcase::{Showcase, Size, Traces};
use harness::{Engine, Failure, Outcome, Role, Store, Treasury};
use policies::{Keychain, UnixTime, VaultId};
use watchtower::store::database::Database;
use watchtower::store::pages::coins::CoinState;
use watchtower::store::pages::entries::EntryFilter;
use watchtower::store::pages::log::EventFilter;

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

    /// Reads a list to its end on both: all of its rows, in at least so many pages.
    async fn pages<T: Debug>(
        &self,
        what: &str,
        least: usize,
        read: impl AsyncFn(&Service, Option<&Cursor>) -> Result<Paged<T>, ServiceError>,
    ) -> Result<Vec<T>, Failure> {
        let (mut rows, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let [sqlite, postgres] = &self.services;
            let (one, other) = (
                read(sqlite, after.as_ref()).await,
                read(postgres, after.as_ref()).await,
            );
            let page = Self::compared(&format!("page {pages} of {what}"), [one, other])?;
            pages += 1;
            let is_empty = page.items.is_empty();
            rows.extend(page.items);
            after = page.next;
            if after.is_none() || is_empty {
                break;
            }
        }
        let told: BTreeSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        if told.len() != rows.len() {
            return Err(Failure::new(format!("{what} tells a row twice")));
        }
        if pages < least || rows.is_empty() {
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
        withdrawals(&both, &traces).await?;
        batches_and_attempts(&both, &traces).await?;
        books(&both).await?;
        people_and_tokens(&both).await?;
        overview(&both, &traces).await
    }))
}

async fn withdrawals(both: &Both, traces: &Traces) -> Outcome {
    let list = async |what: &str, wanted: Wanted, least| {
        let wanted = &wanted;
        let rows = both
            .pages(what, least, async |service, after| {
                let vault = Some(both.vault);
                find_withdrawals(service, &both.operator, vault, wanted, after, 3).await
            })
            .await?;
        Ok::<usize, Failure>(rows.len())
    };
    let all = list("withdrawals", Wanted::default(), 6).await?;
    assert_eq!(all, 18);
    let text = |text: &str| Wanted {
        text: text.to_owned(),
        ..Wanted::default()
    };
    let of_states = |states: &[&str]| Wanted {
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        ..Wanted::default()
    };
    list("by id", text("PAYOUT-"), 2).await?;
    list("by reference", text("Okonkwo-LINDQVIST"), 1).await?;
    list("by states", of_states(&["settled", "requested"]), 2).await?;
    list("cancelled", of_states(&["cancelled"]), 1).await?;
    let requester = Wanted {
        requester: "exchange".to_owned(),
        from: Some(Amount::from_sat(5_000_000)),
        to: Some(Amount::from_sat(20_000_000)),
        since: Some(UnixTime::from_secs(1)),
        until: Some(both.now.saturating_add(86_400 * 60)),
        ..Wanted::default()
    };
    list("by requester, amount and time", requester, 2).await?;
    let waits = Wanted {
        waits_for: Some("dana".to_owned()),
        ..Wanted::default()
    };
    list("waiting for dana", waits, 1).await?;
    let key = WithdrawalKey {
        vault: both.vault,
        requester: "exchange".parse()?,
        id: traces.requested.parse()?,
    };
    both.same("a history", async |service| {
        withdrawal_history(service, &both.operator, &key).await
    })
    .await?;
    Ok(())
}

async fn batches_and_attempts(both: &Both, traces: &Traces) -> Outcome {
    let (vault, actor) = (both.vault, &both.operator);
    let short: String = traces.settled.to_string().chars().take(12).collect();
    let filters = [
        (Filter::default(), 2),
        (
            Filter {
                state: "settled".to_owned(),
                text: short.to_uppercase(),
                since: Some(UnixTime::from_secs(1)),
                until: Some(both.now.saturating_add(86_400 * 60)),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                signer: "bob".to_owned(),
                purpose: "pay".to_owned(),
                ..Filter::default()
            },
            1,
        ),
    ];
    let mut batch = None;
    for (filter, least) in &filters {
        let what = format!("batches by {filter:?}");
        let rows = both
            .pages(&what, *least, async |service, after| {
                page_of_batches(service, actor, vault, filter, after, 1).await
            })
            .await?;
        batch = rows.first().map(|row| row.batch);
        let what = format!("attempts by {filter:?}");
        both.pages(&what, *least, async |service, after| {
            page_of_attempts(service, actor, vault, filter, after, 1).await
        })
        .await?;
    }
    both.same("the signers", async |service| {
        signers_of(service, actor, vault).await
    })
    .await?;
    for txid in [traces.settled, traces.waiting] {
        both.same("an attempt", async |service| {
            attempt_page(service, actor, txid).await
        })
        .await?;
    }
    let batch = batch.ok_or_else(|| Failure::new("no batch"))?;
    both.same("a batch", async |service| {
        batch_page(service, actor, batch).await
    })
    .await?;
    Ok(())
}

async fn books(both: &Both) -> Outcome {
    let (vault, actor) = (both.vault, &both.operator);
    let wide = span(
        Some(UnixTime::from_secs(1)),
        Some(both.now.saturating_add(86_400 * 60)),
    );
    let deposits = [
        (DepositQuery::default(), 3),
        (
            DepositQuery {
                state: Some(CoinState::Settled),
                text: "CUSTOMER 1".to_owned(),
                least: Some(Amount::from_sat(1_000)),
                most: Some(Amount::from_sat(90_000_000)),
                mined: wide,
            },
            3,
        ),
    ];
    let mut outpoint = None;
    for (query, least) in &deposits {
        let rows = both
            .pages(
                &format!("deposits by {query:?}"),
                *least,
                async |service, after| list_deposits(service, actor, vault, query, after, 2).await,
            )
            .await?;
        outpoint = rows.first().map(|row| row.outpoint.clone());
    }
    let outpoint = outpoint
        .ok_or_else(|| Failure::new("no deposit"))?
        .parse()?;
    both.same("a deposit", async |service| {
        show_deposit(service, actor, vault, outpoint).await
    })
    .await?;
    let coins = [
        (CoinQuery::default(), 4),
        (
            CoinQuery {
                state: Some(CoinState::Settled),
                spent: Some(false),
                frozen: Some(false),
                keychain: Some(Keychain::External),
                text: "Customer".to_owned(),
                least: Some(Amount::from_sat(1_000)),
                most: Some(Amount::from_sat(90_000_000)),
                ..CoinQuery::default()
            },
            2,
        ),
        (
            CoinQuery {
                reserved: Some(true),
                ..CoinQuery::default()
            },
            1,
        ),
    ];
    for (query, least) in &coins {
        both.pages(
            &format!("coins by {query:?}"),
            *least,
            async |service, after| list_coins(service, actor, vault, query, after, 2).await,
        )
        .await?;
    }
    let addresses = [
        (AddressQuery::default(), 4),
        (
            AddressQuery {
                keychain: Some(Keychain::External),
                text: "CUSTOMER".to_owned(),
                used: Some(true),
            },
            3,
        ),
    ];
    for (query, least) in &addresses {
        both.pages(
            &format!("addresses by {query:?}"),
            *least,
            async |service, after| list_addresses(service, actor, vault, query, after, 2).await,
        )
        .await?;
    }
    let entries = [
        (EntryFilter::default(), 3),
        (
            EntryFilter {
                account: "coins".to_owned(),
                text: "DEPOSIT".to_owned(),
                made: wide,
            },
            2,
        ),
    ];
    for (filter, least) in &entries {
        both.pages(
            &format!("entries by {filter:?}"),
            *least,
            async |service, after| list_entries(service, actor, vault, filter, after, 3).await,
        )
        .await?;
    }
    let events = [
        (EventFilter::default(), 3),
        (
            EventFilter {
                vault: Some(vault),
                kind: "WITHDRAWAL.".to_owned(),
                object: "payout".to_owned(),
                happened: wide,
                ..EventFilter::default()
            },
            2,
        ),
        (
            EventFilter {
                actor: "watch".to_owned(),
                ..EventFilter::default()
            },
            2,
        ),
    ];
    for (filter, least) in &events {
        both.pages(
            &format!("events by {filter:?}"),
            *least,
            async |service, after| list_log(service, actor, filter, after, 7).await,
        )
        .await?;
    }
    both.pages("the address book", 2, async |service, after| {
        list_book(service, actor, vault, &BookFilter::default(), after, 1).await
    })
    .await?;
    both.same("the calendar", async |service| {
        show_calendar(service, actor, vault).await
    })
    .await?;
    Ok(())
}

async fn people_and_tokens(both: &Both) -> Outcome {
    let actor = &both.operator;
    let persons = [
        (Standing::Active, "", "", 2),
        (Standing::Active, "approver", "N", 1),
        (Standing::Away, "", "", 1),
        (Standing::Revoked, "auditor", "ADA", 1),
        (Standing::Any, "", "", 3),
    ];
    for (standing, role, text, least) in persons {
        let filter = PersonFilter {
            standing,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        let what = format!("people by {filter:?}");
        both.pages(&what, least, async |service, after| {
            page_of_people(service, actor, &filter, after, 2).await
        })
        .await?;
        both.same(&what, async |service| {
            show_people(service, actor, &filter, None, 2).await
        })
        .await?;
    }
    let tokens = [
        (None, "", "", 4),
        (Some(true), "", "", 1),
        (Some(false), "auditor", "tOOL", 2),
    ];
    for (revoked, role, text, least) in tokens {
        let filter = TokenFilter {
            revoked,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        both.pages(
            &format!("tokens by {filter:?}"),
            least,
            async |service, after| page_of_tokens(service, actor, &filter, after, 2).await,
        )
        .await?;
    }
    Ok(())
}

async fn overview(both: &Both, traces: &Traces) -> Outcome {
    let (vault, actor) = (both.vault, &both.operator);
    for (person, away) in [("dana", "erin"), ("olga", "nobody")] {
        let absent = BTreeSet::from([away.to_owned()]);
        let viewer = Viewer {
            actor,
            person,
            absent: &absent,
        };
        let lines = both
            .same("the agenda", async |service| {
                agenda(service, &viewer, Vec::new()).await
            })
            .await?;
        assert!(lines.len() > 3, "{lines:?}");
    }
    both.same("the figures", async |service| {
        all_figures(service, actor).await
    })
    .await?;
    for span in figures::Span::ALL {
        both.same("a chart", async |service| {
            series(service, actor, vault, span).await
        })
        .await?;
    }
    let settled = traces.settled.to_string();
    let part: String = settled.chars().take(10).collect();
    for text in [
        settled.as_str(),
        &part,
        &traces.requested,
        "CUSTOMER",
        "invoice",
        "0.08",
        "exchange",
        "dana",
        "%",
        "_",
        "'",
    ] {
        let hits = both
            .same(&format!("the search for {text}"), async |service| {
                search(service, actor, text).await
            })
            .await?;
        let names_something = !matches!(text, "%" | "_" | "'" | "0.08");
        assert!(!names_something || !hits.is_empty(), "{text}");
    }
    both.same("the queue", async |service| {
        show_queue(service, actor, vault).await
    })
    .await?;
    both.same("the signers' page", async |service| {
        show_signers(service, actor, vault).await
    })
    .await?;
    Ok(())
}
