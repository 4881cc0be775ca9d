//! Lists by pages, and the one search: what each finds, and that nobody sees another vault.

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint};
use policies::{Keychain, VaultId};
use watchtower::store::pages::coins::CoinState;
use watchtower::store::pages::entries::EntryFilter;
use watchtower::store::pages::log::EventFilter;

use super::coin_marks::freeze;
use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::access::Role;
use crate::service::addresses::{NewAddress, issue_address};
use crate::service::browsing::addresses::{AddressQuery, list_addresses, show_address};
use crate::service::browsing::calendar::show_calendar;
use crate::service::browsing::coins::{CoinQuery, list_coins};
use crate::service::browsing::deposits::{DepositQuery, list_deposits, show_deposit};
use crate::service::browsing::entries::list_entries;
use crate::service::browsing::log::list_log;
use crate::service::browsing::span;
use crate::service::paging::Cursor;
use crate::service::search::{Hit, only_exact, search};
use crate::service::{Actor, ServiceError, VaultError};

/// A vault with deposits of five amounts, the first of a customer, and a withdrawal under way.
async fn busy() -> (World, String) {
    let mut world = World::funded(Kind::Wsh, 4, 1_000_000).await;
    let new = NewAddress {
        reference: "customer 4711".to_owned(),
        ..NewAddress::default()
    };
    let issued = issue_address(&world.service, &world.operator, world.vault, &new)
        .await
        .expect("an address");
    let script = bitcoin::ScriptBuf::from_hex(&issued.script_pubkey).expect("hex");
    let paid = world.payment_to(script, 7_654_321);
    world.mine(vec![paid]).await;
    world.work().await;
    (world, issued.address)
}

async fn all_coins(world: &World, query: &CoinQuery, limit: u32) -> Vec<OutPoint> {
    let mut found = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = list_coins(
            &world.service,
            &world.operator,
            world.vault,
            query,
            after.as_ref(),
            limit,
        )
        .await
        .expect("a page");
        assert!(page.items.len() <= usize::try_from(limit).expect("small"));
        let coins = page.items.iter().map(|coin| &coin.outpoint);
        found.extend(coins.map(|coin| coin.parse::<OutPoint>().expect("an outpoint")));
        match page.next {
            None => return found,
            Some(next) => after = Some(Cursor::decode(&next.encode()).expect("its own")),
        }
    }
}

#[tokio::test]
async fn pages_of_coins_show_each_once_whatever_comes_in_between() {
    let (mut world, _) = busy().await;
    let query = CoinQuery::default();
    let whole = all_coins(&world, &query, 100).await;
    assert_eq!(whole.len(), 5);
    for limit in [1, 2, 3] {
        assert_eq!(
            all_coins(&world, &query, limit).await,
            whole,
            "{limit} a page"
        );
    }
    let first = list_coins(
        &world.service,
        &world.operator,
        world.vault,
        &query,
        None,
        2,
    )
    .await
    .expect("a page");
    let address = world.address().await;
    let script = bitcoin::ScriptBuf::from_hex(&address.script_pubkey).expect("hex");
    let paid = world.payment_to(script, 5_000);
    world.mine(vec![paid]).await;
    let next = first.next.expect("more");
    let rest = list_coins(
        &world.service,
        &world.operator,
        world.vault,
        &query,
        Some(&next),
        100,
    );
    let rest = rest.await.expect("a page").items;
    let told: Vec<&str> = rest.iter().map(|coin| coin.outpoint.as_str()).collect();
    let expected: Vec<String> = whole.iter().skip(2).map(ToString::to_string).collect();
    assert_eq!(told, expected, "what came in stands before, not between");
    let foreign = Cursor::of(&["x", "y"]);
    let refused = list_coins(
        &world.service,
        &world.operator,
        world.vault,
        &query,
        Some(&foreign),
        2,
    );
    assert!(matches!(
        refused.await,
        Err(ServiceError::Malformed { field: "after", .. })
    ));
}

#[tokio::test]
async fn coins_are_found_by_each_of_their_filters() {
    let (world, address) = busy().await;
    let frozen = *all_coins(&world, &CoinQuery::default(), 100)
        .await
        .last()
        .expect("a coin");
    freeze(&world, &frozen.to_string()).await;
    world.submit("w-1", 900_000).await;
    let held = world.try_batch().await.expect("a batch").coins;
    let count = async |query: CoinQuery| all_coins(&world, &query, 1).await.len();
    let by = |edit: fn(&mut CoinQuery)| {
        let mut query = CoinQuery::default();
        edit(&mut query);
        query
    };
    assert_eq!(count(by(|query| query.frozen = Some(true))).await, 1);
    assert_eq!(count(by(|query| query.frozen = Some(false))).await, 4);
    assert_eq!(
        count(by(|query| query.reserved = Some(true))).await,
        held.len()
    );
    assert_eq!(
        count(by(|query| query.reserved = Some(false))).await,
        5 - held.len()
    );
    assert_eq!(
        count(by(|query| query.state = Some(CoinState::Settled))).await,
        4
    );
    assert_eq!(
        count(by(|query| query.state = Some(CoinState::Confirmed))).await,
        1
    );
    assert_eq!(
        count(by(|query| query.keychain = Some(Keychain::Internal))).await,
        0
    );
    assert_eq!(count(by(|query| query.spent = Some(false))).await, 5);
    assert_eq!(
        count(by(|query| query.least = Some(Amount::from_sat(1_000_001)))).await,
        1
    );
    assert_eq!(
        count(by(|query| query.most = Some(Amount::from_sat(1_000_000)))).await,
        4
    );
    for text in [
        address,
        "MER 47".to_owned(),
        frozen.to_string(),
        frozen.txid.to_string(),
    ] {
        let query = CoinQuery {
            text: text.clone(),
            ..CoinQuery::default()
        };
        assert_eq!(count(query).await, 1, "{text}");
    }
    for text in ["mer%47", "mer_47", "!", "'; DROP TABLE coin; --"] {
        let query = CoinQuery {
            text: text.to_owned(),
            ..CoinQuery::default()
        };
        assert_eq!(count(query).await, 0, "{text}");
    }
}

#[tokio::test]
async fn a_deposit_says_what_it_paid_and_what_happened_to_it() {
    let (world, address) = busy().await;
    let query = DepositQuery {
        text: "customer 4711".to_owned(),
        mined: span(None, Some(world.service.now())),
        ..DepositQuery::default()
    };
    let page = list_deposits(
        &world.service,
        &world.operator,
        world.vault,
        &query,
        None,
        50,
    );
    let found = page.await.expect("a page").items.remove(0);
    assert_eq!(found.amount_sat, 7_654_321);
    let outpoint = found.outpoint.parse().expect("an outpoint");
    let shown = show_deposit(&world.service, &world.operator, world.vault, outpoint)
        .await
        .expect("is there");
    assert_eq!((shown.address, shown.confirmations), (address.clone(), 1));
    assert!(shown.transaction.is_some() && shown.proof.is_none());
    let query = AddressQuery {
        used: Some(true),
        text: "4711".to_owned(),
        ..AddressQuery::default()
    };
    let page = list_addresses(
        &world.service,
        &world.operator,
        world.vault,
        &query,
        None,
        50,
    );
    let rows = page.await.expect("a page").items;
    let told: Vec<_> = (rows.iter())
        .map(|row| (row.address.as_str(), row.coins, row.received.to_sat()))
        .collect();
    assert_eq!(told, [(address.as_str(), 1, 7_654_321)]);
    let issued = show_address(&world.service, &world.operator, world.vault, &address)
        .await
        .expect("reads")
        .expect("is ours");
    assert!(!issued.former && issued.descriptor.contains('#'));
    assert_eq!(issued.coins.len(), 1);
}

#[tokio::test]
async fn addresses_entries_and_events_page_through_without_gaps() {
    let (world, _) = busy().await;
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let query = AddressQuery::default();
        let page = list_addresses(
            &world.service,
            &world.operator,
            world.vault,
            &query,
            after.as_ref(),
            2,
        )
        .await
        .expect("a page");
        for row in page.items {
            assert!(seen.insert(row.index), "{} twice", row.index);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let filter = EntryFilter {
        account: "coins".to_owned(),
        ..EntryFilter::default()
    };
    let first = list_entries(
        &world.service,
        &world.operator,
        world.vault,
        &filter,
        None,
        3,
    )
    .await
    .expect("a page");
    let next = first.next.expect("more");
    let rest = list_entries(
        &world.service,
        &world.operator,
        world.vault,
        &filter,
        Some(&next),
        100,
    )
    .await
    .expect("a page");
    let numbers: Vec<u64> = (first.items.iter())
        .chain(&rest.items)
        .map(|entry| entry.number)
        .collect();
    assert!(
        numbers.len() >= 5 && numbers.is_sorted_by(|one, other| one > other),
        "{numbers:?}"
    );
    let filter = EventFilter {
        kind: "deposit.settled".to_owned(),
        ..EventFilter::default()
    };
    let events = list_log(&world.service, &world.operator, &filter, None, 100)
        .await
        .expect("a page");
    assert_eq!(events.items.len(), 4);
}

#[tokio::test]
async fn the_calendar_says_when_the_coins_of_a_vault_can_be_recovered() {
    let (world, _) = busy().await;
    let calendar = show_calendar(&world.service, &world.operator, world.vault)
        .await
        .expect("a calendar");
    let lines: Vec<_> = calendar
        .months
        .iter()
        .flat_map(|month| &month.lines)
        .collect();
    let coins: u32 = lines.iter().map(|line| line.count).sum();
    assert_eq!(coins, 5);
    let first = lines.first().expect("a line");
    assert_eq!((first.older, first.from_height), (12_960, 101 + 12_960));
    assert!(!first.signers.is_empty());
}

async fn found(world: &World, text: &str) -> Vec<Hit> {
    search(&world.service, &world.operator, text)
        .await
        .expect("searches")
}

fn kinds(hits: &[Hit]) -> Vec<&'static str> {
    hits.iter().map(|hit| hit.kind).collect()
}

#[tokio::test]
async fn the_search_finds_what_has_a_name() {
    let (world, address) = busy().await;
    let withdrawal = world.submit("w-1", 900_000).await;
    let batch = world.try_batch().await.expect("a batch");
    let txid = batch.attempts.first().expect("an attempt").txid;
    let hits = found(&world, &txid.to_string()).await;
    assert_eq!(kinds(&hits), ["attempt", "withdrawal"]);
    assert_eq!(
        only_exact(&hits).map(|hit| hit.href.clone()),
        Some(format!("/attempts/{txid}"))
    );
    assert_eq!(
        kinds(&found(&world, &batch.batch.to_string()).await),
        ["batch"]
    );
    assert_eq!(kinds(&found(&world, &address).await), ["address"]);
    let grouped: Vec<String> = address
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    assert_eq!(kinds(&found(&world, &grouped.join(" ")).await), ["address"]);
    let mut named = kinds(&found(&world, "customer 4711").await);
    named.sort_unstable();
    assert_eq!(named, ["address", "deposit"]);
    for text in ["0.07654321", "7 654 321 sat"] {
        assert_eq!(kinds(&found(&world, text).await), ["deposit"], "{text}");
    }
    for text in [
        "w-1",
        "payout w-1",
        "0.009",
        &withdrawal.intent_hash.to_string(),
    ] {
        let hits = found(&world, text).await;
        let only = only_exact(&hits).unwrap_or_else(|| panic!("{text}: {hits:?}"));
        assert_eq!(
            only.href,
            format!("/vaults/{}/withdrawals/exchange/w-1", world.vault)
        );
    }
    assert_eq!(kinds(&found(&world, "dana").await), ["approver"]);
    assert_eq!(kinds(&found(&world, "TREASURY").await), ["vault"]);
    assert!(kinds(&found(&world, "alice").await).contains(&"signer"));
    for text in ["", "   ", "no such thing", "%", "_", &"z".repeat(10_000)] {
        assert!(found(&world, text).await.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn nobody_finds_or_lists_what_is_of_another_vault() {
    let (world, address) = busy().await;
    world.submit("w-1", 900_000).await;
    let stranger = Actor {
        name: "of another vault".to_owned(),
        role: Role::Operator,
        vault: Some(VaultId::from_bytes([9; 32])),
    };
    for text in [
        "w-1",
        address.as_str(),
        "customer 4711",
        "0.009",
        "treasury",
        "alice",
    ] {
        let hits = search(&world.service, &stranger, text)
            .await
            .expect("searches");
        assert!(hits.is_empty(), "{text}: {hits:?}");
    }
    let filter = EventFilter::default();
    let events = list_log(&world.service, &stranger, &filter, None, 100).await;
    assert!(events.expect("a page").items.is_empty());
    let filter = EventFilter {
        vault: Some(world.vault),
        ..EventFilter::default()
    };
    let refused = list_log(&world.service, &stranger, &filter, None, 100).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Vault(VaultError::UnknownVault { .. }))
    ));
    let query = CoinQuery::default();
    let refused = list_coins(&world.service, &stranger, world.vault, &query, None, 10).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Vault(VaultError::UnknownVault { .. }))
    ));
}
