//! Deposits, coins, addresses, entries, events and the address book.

use bitcoin::Amount;
use coordinator::account_statement::csv::Csv;
use coordinator::account_statement::hledger::Hledger;
use coordinator::account_statement::text::Text;
use coordinator::account_statement::{Layout, Period, Prices};
use coordinator::service::account_books::{list_movements, show_book, show_statement};
use coordinator::service::address_book::{BookFilter, list_book};
use coordinator::service::browsing::addresses::{AddressQuery, list_addresses};
use coordinator::service::browsing::calendar::show_calendar;
use coordinator::service::browsing::coins::{CoinQuery, list_coins};
use coordinator::service::browsing::deposits::{DepositQuery, list_deposits, show_deposit};
use coordinator::service::browsing::entries::list_entries;
use coordinator::service::browsing::log::list_log;
use coordinator::service::browsing::span;
use harness::{Failure, Outcome};
use policies::{Keychain, UnixTime};
use watchtower::store::pages::coins::CoinState;
use watchtower::store::pages::entries::EntryFilter;
use watchtower::store::pages::log::EventFilter;

use super::Both;

/// Each way in which a statement is written.
fn layouts() -> Vec<Box<dyn Layout>> {
    let none = Prices::default;
    vec![
        Box::new(Text::new(none())),
        Box::new(Csv::new(none())),
        Box::new(Hledger::new(none())),
    ]
}

pub(super) async fn books(both: &Both) -> Outcome {
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
                (2, *least),
                async |service, after, most| {
                    list_deposits(service, actor, vault, query, after, most).await
                },
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
            (2, *least),
            async |service, after, most| {
                list_coins(service, actor, vault, query, after, most).await
            },
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
            (2, *least),
            async |service, after, most| {
                list_addresses(service, actor, vault, query, after, most).await
            },
        )
        .await?;
    }
    let entries = [
        (EntryFilter::default(), 3),
        (
            EntryFilter {
                account: "deposits_settled".to_owned(),
                text: "CUSTOMER".to_owned(),
                made: wide,
            },
            2,
        ),
    ];
    for (filter, least) in &entries {
        both.pages(
            &format!("entries by {filter:?}"),
            (3, *least),
            async |service, after, most| {
                list_entries(service, actor, vault, filter, after, most).await
            },
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
            (7, *least),
            async |service, after, most| list_log(service, actor, filter, after, most).await,
        )
        .await?;
    }
    both.pages("the address book", (1, 2), async |service, after, most| {
        list_book(service, actor, vault, &BookFilter::default(), after, most).await
    })
    .await?;
    let month = |at: UnixTime| at.to_string().get(..7).unwrap_or_default().to_owned();
    let (first, last) = (both.now.saturating_sub(86_400 * 60), both.now);
    let period = Period::parse(&month(first), Some(&month(last)))?;
    let written = both
        .same("a statement in each format", async |service| {
            let statement = show_statement(service, actor, vault, period).await?;
            let movements = list_movements(service, actor, vault, period, 0, None).await?;
            let written: Vec<String> = layouts()
                .into_iter()
                .map(|mut layout| {
                    let mut text = layout.begin(&statement);
                    for movement in &movements {
                        text.push_str(&layout.movement(movement));
                    }
                    text + &layout.end(&statement)
                })
                .collect();
            Ok(written)
        })
        .await?;
    assert!(
        written.iter().all(|text| text.contains("withdrawals")),
        "{written:?}"
    );
    both.same("the book", async |service| {
        show_book(service, actor, vault, None).await
    })
    .await?;
    both.same("the calendar", async |service| {
        show_calendar(service, actor, vault).await
    })
    .await?;
    Ok(())
}
