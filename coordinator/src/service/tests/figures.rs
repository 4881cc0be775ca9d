//! Figures of vaults: the same sums as the balance has, and a balance over time that ends at what is held.

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::books::show_balance;
use crate::service::figures::{Span, all_figures, figures, series};

#[tokio::test]
async fn figures_are_the_sums_that_the_balance_has() {
    let world = World::funded(Kind::Wsh, 3, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    world.submit("w-2", 300_000).await;
    let txid = world.batch().await;
    world.submit("w-3", 200_000).await;
    let (service, operator) = (&world.service, &world.operator);
    for sent in [false, true] {
        if sent {
            world.broadcast(txid).await;
        }
        let balance = show_balance(service, operator, world.vault).await;
        let balance = balance.expect("a balance");
        let found = figures(service, operator, world.vault).await;
        let found = found.expect("figures");
        assert_eq!(found.settled.to_sat(), balance.settled_sat);
        assert_eq!(found.reserved.to_sat(), balance.reserved_sat);
        assert_eq!(found.promised.to_sat(), balance.promised_sat);
        assert_eq!(found.available.to_sat(), balance.available_sat);
        assert_eq!(found.in_flight.to_sat(), if sent { 800_000 } else { 0 });
        assert_eq!(found.pending.to_sat(), 0);
        let oldest = found.oldest.clone().expect("one waits");
        assert_eq!(oldest.id.as_str(), "w-1");
        let all = all_figures(service, operator).await.expect("figures");
        assert_eq!(all, [found]);
    }
}

#[tokio::test]
async fn a_deposit_is_pending_until_it_is_settled() {
    let mut world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let address = world.address().await;
    let script = bitcoin::ScriptBuf::from_hex(&address.script_pubkey).expect("hex");
    let funding = world.payment_to(script, 70_000);
    world.mine(vec![funding]).await;
    let found = figures(&world.service, &world.operator, world.vault).await;
    let found = found.expect("figures");
    assert_eq!(found.pending.to_sat(), 70_000);
    assert_eq!(found.settled.to_sat(), 1_000_000);
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    let found = figures(&world.service, &world.operator, world.vault).await;
    let found = found.expect("figures");
    assert_eq!(
        (found.pending.to_sat(), found.settled.to_sat()),
        (0, 1_070_000)
    );
}

#[tokio::test]
async fn the_balance_over_time_ends_at_what_the_books_hold() {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.pass(3 * 86_400);
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let paid = world.broadcast(txid).await;
    world.mine(vec![paid]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    let (service, operator) = (&world.service, &world.operator);
    let found = series(service, operator, world.vault, Span::Week).await;
    let found = found.expect("a series");
    let sat: Vec<i64> = found.balance.iter().map(|day| day.sat).collect();
    let total = show_balance(service, operator, world.vault).await;
    let total = total.expect("a balance").total_sat;
    assert_eq!(sat.len(), 7);
    assert_eq!(sat.last(), Some(&total), "{sat:?}");
    assert_eq!(sat.get(3..6), Some(&[2_000_000; 3][..]), "{sat:?}");
    assert_eq!(sat.first(), Some(&0), "nothing was there before");
    let fees: i64 = found.fees.iter().map(|day| day.sat).sum();
    let [one] = found.feerates.as_slice() else {
        panic!("one attempt: {:?}", found.feerates);
    };
    assert_eq!(one.txid, txid);
    let row = world.stored(txid).await;
    assert_eq!(u64::try_from(fees).ok(), Some(row.fee.to_sat()));
    assert_eq!(one.feerate, row.fee / row.weight);
}
