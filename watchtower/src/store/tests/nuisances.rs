//! Deposits that somebody sends to be a nuisance, and what vaults say of deposits.

use bitcoin::Amount;

use super::*;
use crate::alarm::AlarmKind;
use crate::ledger::Account;
use crate::store::alarms::{self, Found, Look};
use crate::store::deposit_rules::{self, DepositRuleRow};
use crate::store::said::Said;
use crate::tracker::DepositRule;

async fn say(store: &Store, rule: DepositRule) {
    let mut tx = store.write().await;
    let row = DepositRuleRow {
        vault: vault(1),
        rule,
        said: Said::by("olga", NOW),
    };
    deposit_rules::set(&mut tx, &row).await.expect("is set");
    tx.commit().await.expect("commits");
}

/// The open alarms: kind, subject and what is said.
async fn open(store: &Store) -> Vec<(AlarmKind, String, String)> {
    let mut tx = store.write().await;
    let open = alarms::open(&mut tx).await.expect("reads");
    open.into_iter()
        .map(|alarm| (alarm.kind, alarm.subject, alarm.detail))
        .collect()
}

async fn raised(store: &Store) -> u64 {
    let mut tx = store.write().await;
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS told FROM event WHERE kind = 'alarm.raised'",
            &[],
        )
        .await;
    row.expect("reads").u64("told").expect("a number")
}

/// So many deposits of so many satoshi to scripts of vault 1 in one transaction.
fn many(salt: u32, count: u32, sat: u64) -> BitcoinTransaction {
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let outputs: Vec<_> = (0..count).map(|_| (script.clone(), sat)).collect();
    spend(salt, &[outside(salt)], &outputs)
}

#[tokio::test]
async fn a_flood_of_dust_raises_one_alarm_for_the_vault_however_many_blocks_it_lasts() {
    let store = Store::open().await;
    let few = block(base(), 1, vec![many(1, 19, 330)]);
    store.connect(&few).await;
    assert_eq!(open(&store).await, []);
    let mut tip = few;
    for salt in 2..5 {
        tip = block(tip.at(), salt, vec![many(salt, 150, 330)]);
        store.connect(&tip).await;
    }
    let said = "150 small deposits of 49500 sat together came in block 104";
    let expected = (AlarmKind::DustFlood, vault(1).to_string(), said.to_owned());
    assert_eq!(open(&store).await, [expected]);
    assert_eq!(raised(&store).await, 1);
}

#[tokio::test]
async fn what_a_vault_says_of_floods_holds_until_it_is_taken_away() {
    let store = Store::open().await;
    say(
        &store,
        DepositRule {
            flood: 200,
            ..DepositRule::DEFAULT
        },
    )
    .await;
    let tip = block(base(), 1, vec![many(1, 150, 330)]);
    store.connect(&tip).await;
    assert_eq!(open(&store).await, []);
    let mut tx = store.write().await;
    assert!(
        deposit_rules::clear(&mut tx, vault(1))
            .await
            .expect("is cleared")
    );
    assert!(
        !deposit_rules::clear(&mut tx, vault(1))
            .await
            .expect("is cleared")
    );
    tx.commit().await.expect("commits");
    store
        .connect(&block(tip.at(), 2, vec![many(2, 150, 330)]))
        .await;
    assert_eq!(open(&store).await.len(), 1);
}

#[tokio::test]
async fn deposits_to_a_script_that_was_spent_from_are_one_alarm_and_each_event_says_why() {
    let store = Store::open().await;
    let first = many(1, 1, 10_000);
    let tip = block(base(), 1, vec![first.clone()]);
    store.connect(&tip).await;
    let coin = OutPoint::new(first.compute_txid(), 0);
    let spent = spend(2, &[coin], &[(foreign(1), 9_000)]);
    // In the block of the spend itself nothing was shown before.
    let tip = block(tip.at(), 2, vec![spent.clone(), many(3, 1, 10_000)]);
    store.connect(&tip).await;
    let reused = |open: Vec<(AlarmKind, String, String)>| -> Vec<(String, String)> {
        let open = open.into_iter();
        open.filter(|(kind, ..)| *kind == AlarmKind::AddressReused)
            .map(|(_, subject, detail)| (subject, detail))
            .collect()
    };
    assert_eq!(reused(open(&store).await), []);
    let again = many(4, 3, 10_000);
    let tip = block(tip.at(), 3, vec![again.clone()]);
    store.connect(&tip).await;
    let told = reused(open(&store).await);
    let said = format!(
        "of 3 deposits in block 103, the first {}:0: it pays an address that was spent from before",
        again.compute_txid()
    );
    assert_eq!(told, [(vault(1).to_string(), said)]);
    let mut tx = store.write().await;
    let rows = tx
        .rows(
            "SELECT object_id FROM event WHERE kind = 'deposit.confirmed' AND body LIKE '%\"reused\":\"spent_from\"%'",
            &[],
        )
        .await
        .expect("reads");
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_deposit_below_the_minimum_stays_below_it_in_the_database() {
    let store = Store::open().await;
    let minimum = |sat| DepositRule {
        minimum: Amount::from_sat(sat),
        ..DepositRule::DEFAULT
    };
    say(&store, minimum(10_001)).await;
    let mut tip = block(base(), 1, vec![deposit(1)]);
    store.connect(&tip).await;
    say(&store, minimum(0)).await;
    for salt in 2..=DEPOSIT_DEPTH {
        tip = block(tip.at(), salt, Vec::new());
        store.connect(&tip).await;
    }
    let net = async |account: Account| {
        let mut tx = store.write().await;
        let net = ledger::balance_of(&mut tx, vault(1), &account).await;
        net.expect("reads").to_sat()
    };
    assert_eq!(net(Account::BelowMinimum(None)).await, -10_000);
    assert_eq!(net(Account::DepositsSettled(None)).await, 0);
    store.disconnect(tip.at()).await;
    store.connect(&tip).await;
    assert_eq!(net(Account::BelowMinimum(None)).await, -10_000);
    // It is a coin like others for whoever spends.
    let mut tx = store.write().await;
    let coins = coins::spendable(&mut tx, vault(1), keyset(1))
        .await
        .expect("reads");
    assert_eq!(coins.len(), 1);
    assert!(coins[0].below_minimum);
}

#[tokio::test]
async fn a_look_raises_what_it_finds_and_ends_the_rest_and_is_no_news_the_second_time() {
    let store = Store::open().await;
    let look = |found: &[&str], within| Look {
        kind: AlarmKind::Unsettled,
        within,
        found: found
            .iter()
            .map(|subject| {
                let found = Found {
                    vault: Some(vault(1)),
                    detail: format!("{subject} waits"),
                };
                ((*subject).to_owned(), found)
            })
            .collect(),
        actor: "watchtower",
        over: "it is so no more",
    };
    let subjects = async || -> Vec<String> {
        let open = open(&store).await;
        open.into_iter().map(|(_, subject, _)| subject).collect()
    };
    for (found, within, news, stands) in [
        (&["a", "b"][..], Some(vault(1)), true, &["b", "a"][..]),
        (&["a", "b"], Some(vault(1)), false, &["b", "a"]),
        (&["b"], Some(vault(1)), true, &["b"]),
        // What was found in another vault says nothing of this one.
        (&[], Some(vault(2)), false, &["b"]),
        (&[], None, true, &[]),
    ] {
        let look = look(found, within);
        let mut tx = store.write().await;
        assert_eq!(
            look.is_news(&mut tx).await.expect("looks"),
            news,
            "{found:?}"
        );
        look.settle(&mut tx, NOW).await.expect("settles");
        tx.commit().await.expect("commits");
        assert_eq!(subjects().await, stands, "{found:?}");
    }
    assert_eq!(raised(&store).await, 2);
}
