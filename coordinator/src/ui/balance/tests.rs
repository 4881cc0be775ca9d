//! A vault's page over a real service.

use axum::body::to_bytes;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::tests::world::World;
use crate::ui::Public;

fn ui(world: &World) -> Ui {
    let public = Public::parse("https://treasury.example").expect("an origin");
    Ui::new(
        world.service.clone(),
        public,
        Pulse::alone(world.service.clone()),
    )
}

async fn text(answer: Result<Response, Fault>) -> String {
    let answer = answer.expect("a page");
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn query() -> BalanceQuery {
    BalanceQuery {
        days: "7".to_owned(),
    }
}

#[tokio::test]
async fn a_vault_shows_what_it_holds_and_its_ledger_newest_first() {
    let world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    world.submit("w-1", 500_000).await;
    let ui = ui(&world);
    let operator = Visitor::sample("olga", PersonRole::Operator);
    let page = text(draw(&ui, &operator, world.vault, &query()).await).await;
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
    let page = text(draw(&ui, &auditor, world.vault, &query()).await).await;
    assert!(!page.contains("Compare now"), "an auditor only reads");
}

#[tokio::test]
async fn a_vault_that_nobody_may_see_is_not_there() {
    let world = World::funded(Kind::Wsh, 1, 2_000_000).await;
    let ui = ui(&world);
    let auditor = Visitor::sample("ada", PersonRole::Auditor);
    let other = VaultId::from_bytes([9; 32]);
    let missing = draw(&ui, &auditor, other, &query()).await;
    assert_eq!(missing.expect_err("no such vault").status(), 404);
    let mut stranger = Visitor::sample("dana", PersonRole::Operator);
    stranger.actor.vault = Some(other);
    let missing = draw(&ui, &stranger, world.vault, &query()).await;
    assert_eq!(missing.expect_err("not hers").status(), 404);
}
