//! A vault's page over a real service.

use axum::body::to_bytes;
use tokio::sync::watch;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::ui::Public;

fn ui(world: &World) -> Ui {
    let public = Public::parse("https://treasury.example").expect("an origin");
    let (_, stopping) = watch::channel(false);
    Ui::new(world.service.clone(), public, stopping)
}

async fn text(answer: Result<Response, Fault>) -> String {
    let answer = answer.expect("a page");
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn query(after: &str, format: &str) -> BalanceQuery {
    BalanceQuery {
        days: "7".to_owned(),
        after: after.to_owned(),
        format: format.to_owned(),
    }
}

#[tokio::test]
async fn a_vault_shows_what_it_holds_and_its_ledger_newest_first() {
    let world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    world.submit("w-1", 500_000).await;
    let ui = ui(&world);
    let operator = Visitor::sample("olga", PersonRole::Operator);
    let page = text(draw(&ui, &operator, world.vault, &query("", "")).await).await;
    assert!(page.contains("<h1>treasury</h1>"), "{page}");
    assert!(page.contains("0.04 000 000 BTC"), "settled");
    assert!(page.contains("were not compared with the chain yet"));
    assert!(page.contains("Compare now"));
    assert!(page.contains("approved withdrawal"), "what waits: {page}");
    let rows: Vec<u64> = (page.split("data-label=\"No.\">").skip(1))
        .filter_map(|row| row.split_once('<')?.0.parse().ok())
        .collect();
    assert!(!rows.is_empty() && rows.is_sorted_by(|one, next| one > next));
    let auditor = Visitor::sample("ada", PersonRole::Auditor);
    let page = text(draw(&ui, &auditor, world.vault, &query("", "")).await).await;
    assert!(!page.contains("Compare now"), "an auditor only reads");
}

#[tokio::test]
async fn the_ledger_goes_on_after_a_place_and_comes_whole_as_a_file() {
    let world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    let ui = ui(&world);
    let ada = Visitor::sample("ada", PersonRole::Auditor);
    let all = entries_after(&ui, &ada, world.vault, None, 100).await;
    let all = all.expect("entries").items;
    let first = entries_after(&ui, &ada, world.vault, None, 1).await;
    let first = first.expect("entries");
    assert_eq!(first.items.as_slice(), &all[..1]);
    let rest = entries_after(&ui, &ada, world.vault, first.next, 100).await;
    let rest = rest.expect("entries");
    assert_eq!((rest.items.as_slice(), rest.next), (&all[1..], None));
    let file = text(draw(&ui, &ada, world.vault, &query("", "csv")).await).await;
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines[0], "number,time_utc,debit,credit,amount_sat,cause");
    assert_eq!(lines.len(), all.len() + 1);
    // A place that was never given is told apart from none.
    for after in [
        "x",
        &Cursor::of(&["a"]).encode(),
        &Cursor::of(&["1", "2"]).encode(),
    ] {
        let refused = draw(&ui, &ada, world.vault, &query(after, "")).await;
        let status = refused.expect_err("no such place").status();
        assert!(status.is_client_error(), "{after}: {status}");
    }
}

#[tokio::test]
async fn a_comparison_is_asked_for_by_whoever_may() {
    let world = World::funded(Kind::Wsh, 1, 2_000_000).await;
    let ui = ui(&world);
    let auditor = Visitor::sample("ada", PersonRole::Auditor);
    let refused = request_reconciliation(&ui.service, &auditor.actor, world.vault).await;
    assert_eq!(refused.expect_err("only reads").code(), "forbidden");
    let other = VaultId::from_bytes([9; 32]);
    let missing = draw(&ui, &auditor, other, &query("", "")).await;
    assert_eq!(missing.expect_err("no such vault").status(), 404);
}
