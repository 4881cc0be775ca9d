//! What a vault says of deposits: the minimum, floods, addresses that are paid again, and those that look alike.

use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Network, OutPoint, ScriptBuf, Transaction, WPubkeyHash};
use watchtower::alarm::AlarmKind;
use watchtower::ledger::Account;
use watchtower::store::{coins, ledger};

use super::world::{World, foreign};
use crate::roles::fixture::Kind;
use crate::service::account_books::show_book;
use crate::service::addresses::{NewAddress, issue_address};
use crate::service::alarms::list_alarms;
use crate::service::coin_marks::thaw_coin;
use crate::service::deposit_rules::{SetDeposits, clear_deposits, set_deposits, show_deposits};
use crate::service::{Actor, Role};
use crate::store::coin_marks::{self, CoinMark};

fn asked() -> SetDeposits {
    SetDeposits {
        deposit_min_sat: 10_000,
        freeze_reuse: true,
        flood: 3,
    }
}

async fn say(world: &World, said: &SetDeposits) {
    let set = set_deposits(&world.service, &world.operator, world.vault, said).await;
    set.expect("is set");
}

/// A script of a customer's address.
async fn script_of(world: &World, reference: &str) -> ScriptBuf {
    let new = NewAddress {
        reference: reference.to_owned(),
        ..NewAddress::default()
    };
    let address = issue_address(&world.service, &world.operator, world.vault, &new).await;
    ScriptBuf::from_hex(&address.expect("an address").script_pubkey).expect("hex")
}

async fn alarms(world: &World) -> Vec<(String, String, String)> {
    let open = list_alarms(&world.service, &world.operator, false, None).await;
    let open = open.expect("lists").into_iter();
    open.map(|alarm| (alarm.alarm, alarm.subject, alarm.detail))
        .collect()
}

/// What a coin is called, and why it is frozen.
async fn marks(world: &World, coin: OutPoint) -> [Option<String>; 2] {
    let mut tx = world.read().await;
    let marks = coin_marks::of_coin(&mut tx, world.vault, coin)
        .await
        .expect("reads");
    [CoinMark::Label, CoinMark::Frozen].map(|wanted| {
        let mut marks = marks.iter();
        marks
            .find(|row| row.mark == wanted)
            .map(|row| row.text.clone())
    })
}

async fn settle(world: &mut World, transactions: Vec<Transaction>) {
    world.mine(transactions).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
}

#[tokio::test]
async fn what_is_said_of_deposits_is_kept_until_it_is_taken_away_and_nonsense_is_refused() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator, vault) = (&world.service, &world.operator, world.vault);
    let none = show_deposits(service, operator, vault)
        .await
        .expect("shows");
    assert_eq!(
        (none.deposit_min_sat, none.flood, none.set_at),
        (0, 20, None)
    );
    let set = set_deposits(service, operator, vault, &asked())
        .await
        .expect("is set");
    assert_eq!((set.deposit_min_sat, set.flood), (10_000, 3));
    assert!(set.freeze_reuse && set.set_by.as_ref() == Some(&operator.name));
    for (wrong, field) in [
        (
            SetDeposits {
                flood: 0,
                ..asked()
            },
            "flood",
        ),
        (
            SetDeposits {
                deposit_min_sat: u64::MAX,
                ..asked()
            },
            "deposit_min_sat",
        ),
    ] {
        let refused = set_deposits(service, operator, vault, &wrong).await;
        let refused = refused.expect_err("makes no sense");
        assert_eq!(refused.code(), "malformed");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    let auditor = Actor {
        role: Role::Auditor,
        ..operator.clone()
    };
    let refused = set_deposits(service, &auditor, vault, &asked()).await;
    assert_eq!(refused.expect_err("may not").code(), "forbidden");
    let standing = show_deposits(service, &auditor, vault)
        .await
        .expect("shows");
    assert_eq!(
        standing.deposit_min_sat, 10_000,
        "what was refused changed nothing"
    );
    for _ in 0..2 {
        let cleared = clear_deposits(service, operator, vault).await;
        assert_eq!(cleared.expect("is taken away").set_at, None);
    }
}

#[tokio::test]
async fn a_deposit_below_the_minimum_is_in_the_books_and_in_no_customers_balance() {
    let mut world = World::new(Kind::Wsh).await;
    say(&world, &asked()).await;
    let script = script_of(&world, "customer 7").await;
    let small = world.payment_to(script.clone(), 9_999);
    let enough = world.payment_to(script, 10_000);
    world.mine(vec![small, enough]).await;
    let book = async |world: &World| {
        let book = show_book(
            &world.service,
            &world.operator,
            world.vault,
            Some("customer 7"),
        );
        book.await.expect("shows")
    };
    assert_eq!(
        book(&world).await.pending_sat,
        10_000,
        "the small one is nobody's"
    );
    settle(&mut world, Vec::new()).await;
    let shown = book(&world).await;
    assert_eq!(
        (
            shown.settled_sat,
            shown.balance_sat,
            shown.below_minimum_sat
        ),
        (10_000, 10_000, 9_999)
    );
    // What is said later changes nothing of it, forwards and backwards.
    clear_deposits(&world.service, &world.operator, world.vault)
        .await
        .expect("is taken away");
    for _ in 0..3 {
        drop(world.unmine().await);
    }
    let lost = world.unmine().await;
    settle(&mut world, lost.transactions).await;
    let shown = book(&world).await;
    assert_eq!(
        (shown.balance_sat, shown.below_minimum_sat),
        (10_000, 9_999)
    );
    let mut tx = world.read().await;
    let held = ledger::balance_of(&mut tx, world.vault, &Account::Coins).await;
    assert_eq!(
        held.expect("reads").to_sat(),
        19_999,
        "the books are the coins"
    );
}

/// A vault one of whose deposits was spent, and the script that it was paid to.
async fn spent_from() -> (World, ScriptBuf) {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    let coin = last.input[0].previous_output;
    let mut tx = world.read().await;
    let coin = coins::coin(&mut tx, coin)
        .await
        .expect("reads")
        .expect("a coin");
    drop(tx);
    settle(&mut world, vec![last]).await;
    (world, coin.script.script_pubkey)
}

#[tokio::test]
async fn coins_that_pay_an_address_again_are_called_so_and_frozen_where_the_vault_says_so() {
    let (mut world, script) = spent_from().await;
    assert_eq!(alarms(&world).await, []);
    let told = world.payment_to(script.clone(), 700_000);
    let coin = OutPoint::new(told.compute_txid(), 0);
    world.mine(vec![told]).await;
    world.work().await;
    let says = "it pays an address that was spent from before".to_owned();
    assert_eq!(marks(&world, coin).await, [Some(says.clone()), None]);
    say(&world, &asked()).await;
    let mut paid = Vec::new();
    for sat in [800_000, 900_000] {
        paid.push(world.payment_to(script.clone(), sat));
    }
    let coins = [0, 1].map(|place: usize| OutPoint::new(paid[place].compute_txid(), 0));
    settle(&mut world, paid).await;
    for coin in coins {
        let both = [Some(says.clone()), Some(says.clone())];
        assert_eq!(marks(&world, coin).await, both);
    }
    let open = alarms(&world).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].0, AlarmKind::AddressReused.code());
    assert!(open[0].2.starts_with("of 2 deposits in block"), "{open:?}");

    // What a person said stays, also when its block goes and comes again.
    let thawed = coins[0];
    thaw_coin(&world.service, &world.operator, world.vault, thawed)
        .await
        .expect("is thawed");
    for _ in 0..2 {
        drop(world.unmine().await);
    }
    let lost = world.unmine().await;
    settle(&mut world, lost.transactions).await;
    assert_eq!(marks(&world, thawed).await[1], None);
    assert_eq!(marks(&world, coins[1]).await[1], Some(says));
}

/// An address of somebody else that begins and ends like that of a script, as whoever poisons makes it.
fn alike(script: &ScriptBuf) -> ScriptBuf {
    let text = |script: &ScriptBuf| {
        Address::from_script(script, Network::Regtest)
            .expect("an address")
            .to_string()
    };
    let model = text(script);
    let mut program: [u8; 20] = script.as_bytes()[2..].try_into().expect("a key hash");
    for number in 0_u64.. {
        program[4..12].copy_from_slice(&number.to_le_bytes());
        let found = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array(program));
        if found != *script && text(&found)[model.len() - 3..] == model[model.len() - 3..] {
            return found;
        }
    }
    unreachable!("a checksum has so many values only")
}

#[tokio::test]
async fn a_withdrawal_to_an_address_that_looks_like_one_paid_before_is_an_alarm() {
    let world = World::funded(Kind::Wsh, 3, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    world.broadcast(txid).await;
    world.submit("w-2", 400_000).await;
    world.work().await;
    assert_eq!(alarms(&world).await, [], "another address is no alarm");
    let mut poisoned = world.intent("w-3", 300_000);
    poisoned.script_pubkey = alike(&foreign(b'1'));
    world.try_submit(&poisoned).await.expect("is taken");
    world.work().await;
    let open = alarms(&world).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].0, AlarmKind::AddressPoisoning.code());
    assert!(open[0].1.ends_with("/exchange/w-3"), "{open:?}");
    assert!(open[0].2.contains("paid once before"), "{open:?}");
}
