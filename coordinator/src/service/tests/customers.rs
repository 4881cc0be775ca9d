//! References that are accounts: below 0 after a reorg, they are not paid on until they are even or somebody says so.

use bitcoin::{OutPoint, ScriptBuf, Transaction};
use watchtower::store::events;

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::account_books::show_book;
use crate::service::addresses::{NewAddress, issue_address};
use crate::service::coin_marks::{FreezeCoin, freeze_coin};
use crate::service::customers::{
    CustomersView, ReleaseCustomer, SetCustomers, release_customer, set_customers, show_customers,
};
use crate::service::{BatchError, ServiceError};

const REFERENCE: &str = "customer 7";
const DEPOSIT: u64 = 1_000_000;
const PAID: u64 = 300_000;

async fn accounts(world: &World, references_are_accounts: bool) -> CustomersView {
    let wanted = SetCustomers {
        references_are_accounts,
    };
    set_customers(&world.service, &world.operator, world.vault, &wanted)
        .await
        .expect("is set")
}

pub(super) async fn customers(world: &World) -> CustomersView {
    show_customers(&world.service, &world.operator, world.vault)
        .await
        .expect("is shown")
}

async fn ask(world: &World, id: &str, reference: &str) {
    let mut intent = world.intent(id, PAID);
    reference.clone_into(&mut intent.reference);
    let (asked, _) = world.try_submit(&intent).await.expect("is taken");
    assert_eq!(asked.state, "approved");
}

async fn settle(world: &mut World, transactions: Vec<Transaction>) {
    world.mine(transactions).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
}

async fn kinds(world: &World) -> Vec<String> {
    // What happened is numbered by a job.
    world.work().await;
    let mut tx = world.read().await;
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    let of_customers = log
        .into_iter()
        .filter(|event| event.object_kind == "customer");
    of_customers.map(|event| event.kind).collect()
}

/// A customer whose deposit was paid on, and then taken back by a reorg; and that deposit.
pub(super) async fn overdrawn(are_accounts: bool) -> (World, Transaction) {
    let mut world = World::funded(Kind::Wsh, 3, 5_000_000).await;
    accounts(&world, are_accounts).await;
    let new = NewAddress {
        reference: REFERENCE.to_owned(),
        ..NewAddress::default()
    };
    let address = issue_address(&world.service, &world.operator, world.vault, &new).await;
    let address = address.expect("an address");
    let script = ScriptBuf::from_hex(&address.script_pubkey).expect("hex");
    let deposit = world.payment_to(script, DEPOSIT);
    settle(&mut world, vec![deposit.clone()]).await;
    // What pays is not the coin that goes.
    let coin = OutPoint::new(deposit.compute_txid(), 0);
    let frozen = FreezeCoin {
        reason: "a test".to_owned(),
    };
    freeze_coin(&world.service, &world.operator, world.vault, coin, &frozen)
        .await
        .expect("is frozen");
    ask(&world, "w-1", REFERENCE).await;
    let txid = world.batch().await;
    let payment = world.broadcast(txid).await;
    settle(&mut world, vec![payment.clone()]).await;
    assert_eq!(customers(&world).await.negative, []);
    for _ in 0..6 {
        world.unmine().await;
    }
    settle(&mut world, vec![payment]).await;
    world.mine(Vec::new()).await;
    world.work().await;
    (world, deposit)
}

#[tokio::test]
async fn a_customer_below_0_after_a_reorg_is_not_paid_on_and_others_are() {
    let (mut world, deposit) = Box::pin(overdrawn(true)).await;
    let view = customers(&world).await;
    let [negative] = view.negative.as_slice() else {
        panic!("one is below 0: {view:?}")
    };
    assert_eq!(
        (
            negative.reference.as_str(),
            negative.balance_sat,
            negative.held
        ),
        (REFERENCE, -300_000, true)
    );
    let book = show_book(
        &world.service,
        &world.operator,
        world.vault,
        Some(REFERENCE),
    )
    .await;
    assert_eq!(book.expect("a book").balance_sat, -300_000);
    ask(&world, "w-2", REFERENCE).await;
    let refused = world.try_batch_of("w-2").await.expect_err("is refused");
    assert_eq!(refused.code(), "customer_negative");
    ask(&world, "w-3", "customer 8").await;
    let batch = world.try_batch().await.expect("the other one goes");
    assert_eq!(batch.waiting[0].code, "customer_negative");
    assert_eq!(batch.withdrawals.len(), 1);
    // The deposit comes again, and all is even.
    settle(&mut world, vec![deposit]).await;
    assert_eq!(customers(&world).await.negative, []);
    assert_eq!(kinds(&world).await, ["customer.negative", "customer.even"]);
    let mut tx = world.read().await;
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    let mut alarms = log.iter().filter(|event| event.object_kind == "alarm");
    let raised = alarms.next().expect("an alarm");
    assert_eq!(raised.kind, "alarm.raised");
    assert_eq!(raised.body["alarm"], "CUSTOMER_NEGATIVE");
    assert_eq!(alarms.next().expect("it ends").kind, "alarm.ended");
    drop(tx);
    world.try_batch_of("w-2").await.expect("is paid");
}

#[tokio::test]
async fn an_operator_lets_a_customer_below_0_go_and_says_why() {
    let (world, _) = Box::pin(overdrawn(true)).await;
    ask(&world, "w-2", REFERENCE).await;
    let mut asked = ReleaseCustomer {
        reference: REFERENCE.to_owned(),
        reason: " ".to_owned(),
    };
    let release = async |asked: &ReleaseCustomer| {
        release_customer(&world.service, &world.operator, world.vault, asked).await
    };
    assert_eq!(
        release(&asked).await.expect_err("no reason").code(),
        "malformed"
    );
    "paid back by bank".clone_into(&mut asked.reason);
    let view = release(&asked).await.expect("is released");
    assert!(!view.negative[0].held, "{view:?}");
    world.try_batch_of("w-2").await.expect("is paid");
    "customer 8".clone_into(&mut asked.reference);
    let refused = release(&asked).await.expect_err("is not below 0");
    assert_eq!(refused.code(), "customer_not_negative");
    assert_eq!(
        kinds(&world).await,
        ["customer.negative", "customer.released"]
    );
}

#[tokio::test]
async fn references_that_are_no_accounts_hold_nobody() {
    let (world, _) = Box::pin(overdrawn(false)).await;
    assert_eq!(customers(&world).await.negative, []);
    ask(&world, "w-2", REFERENCE).await;
    // From the moment on when they are accounts, whoever is below 0 is held, and when they are none again, nobody is.
    let view = accounts(&world, true).await;
    assert_eq!(view.negative.len(), 1, "{view:?}");
    let refused = world.try_batch().await.expect_err("nothing else waits");
    assert!(matches!(
        refused,
        ServiceError::Batch(BatchError::NothingToBatch { .. })
    ));
    let view = accounts(&world, false).await;
    assert_eq!(view.negative, []);
    world.try_batch_of("w-2").await.expect("is paid");
}
