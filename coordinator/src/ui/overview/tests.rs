//! The overview over a real service: what waits for whom, balances, what happened, charts.

use std::collections::BTreeSet;

use axum::body::to_bytes;
use policies::UnixTime;
use serde_json::json;

use super::happened::{href, words};
use super::*;
use crate::roles::fixture::Kind;
use crate::service::events::EventView;
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

fn query(vault: &str, days: &str) -> OverviewQuery {
    OverviewQuery {
        vault: vault.to_owned(),
        days: days.to_owned(),
    }
}

async fn html(ui: &Ui, visitor: &Visitor, query: &OverviewQuery) -> String {
    let answer = draw(ui, visitor, query).await.expect("a page");
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn part<'p>(page: &'p str, from: &str, to: &str) -> &'p str {
    let (_, rest) = page.split_once(from).expect(from);
    rest.split_once(to).expect(to).0
}

#[tokio::test]
async fn what_waits_for_me_stands_first_and_for_others_below() {
    let world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.submit("w-1", 1_500_000).await;
    let ui = ui(&world);
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let page = html(&ui, &dana, &query("", "")).await;
    let mine = part(&page, "<h2>Waits for you", "<h2>Waits for others");
    assert!(mine.contains("Withdrawal w-1 of exchange"), "{mine}");
    assert!(mine.contains("waits for you"));
    let auditor = Visitor::sample("ada", PersonRole::Auditor);
    let page = html(&ui, &auditor, &query("", "")).await;
    let mine = part(&page, "<h2>Waits for you", "<h2>Waits for others");
    assert!(mine.contains("Nothing waits for you."), "{mine}");
    let others = part(&page, "<h2>Waits for others", "<h2>Balances");
    assert!(others.contains("Ask dana."), "{others}");
}

#[tokio::test]
async fn balances_oldest_withdrawal_events_and_charts_are_shown() {
    let world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.submit("w-1", 500_000).await;
    let ui = ui(&world);
    let ada = Visitor::sample("ada", PersonRole::Auditor);
    let page = html(&ui, &ada, &query("", "90")).await;
    let cards = part(&page, "<h2>Balances", "<h2>What happened last");
    assert!(cards.contains("0.06 000 000 BTC"), "settled: {cards}");
    assert!(cards.contains("0.05 500 000 BTC"), "available: {cards}");
    assert!(cards.contains(">w-1</a>"), "the oldest: {cards}");
    let last = part(&page, "<h2>What happened last", "</ul>");
    assert!(last.contains("<li>"), "{last}");
    assert_eq!(page.matches("<figure class=\"chart\">").count(), 3);
    assert!(page.contains("<option value=\"90\" selected>"));
    assert!(page.contains("No node was seen yet."), "the health line");
    // A vault that is none falls back on the first; so do days that are no choice.
    let page = html(&ui, &ada, &query("zz", "-1")).await;
    assert!(page.contains("<option value=\"30\" selected>"));
    for wrong in [" style=", "<script>", " onclick"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
}

#[tokio::test]
async fn somebody_of_another_vault_sees_nothing_of_this_one() {
    let world = World::funded(Kind::Wsh, 1, 2_000_000).await;
    world.submit("w-1", 1_500_000).await;
    let ui = ui(&world);
    let mut visitor = Visitor::sample("dana", PersonRole::Approver);
    visitor.actor.vault = Some(VaultId::from_bytes([9; 32]));
    let page = html(&ui, &visitor, &query(&world.vault.to_string(), "")).await;
    assert!(page.contains("There is no vault yet."), "{page}");
    assert!(!page.contains("w-1") && !page.contains("<svg viewBox"));
}

fn event(kind: &str, object_kind: &str, object_id: &str) -> EventView {
    EventView {
        number: 1,
        object_kind: object_kind.to_owned(),
        object_id: object_id.to_owned(),
        version: 1,
        kind: kind.to_owned(),
        vault: Some(VaultId::from_bytes([7; 32])),
        body: json!({}),
        actor: "exchange".to_owned(),
        reason: String::new(),
        at: UnixTime::ZERO,
        hash: String::new(),
        proof: None,
    }
}

#[test]
fn events_are_told_in_words_with_the_page_of_what_they_are_about() {
    let one = event("withdrawal.requested", "withdrawal", "07/exchange/w-1");
    assert_eq!(words(&one), "Withdrawal w-1 requested");
    assert_eq!(
        href(&one).as_deref(),
        Some("/vaults/07/withdrawals/exchange/w-1")
    );
    let txid = "ab".repeat(32);
    let one = event("session.signatures-refused", "session", &txid);
    assert_eq!(words(&one), "Session abababab signatures refused");
    assert_eq!(href(&one), Some(format!("/attempts/{txid}")));
    let one = event("queue.held", "queue", "x");
    assert_eq!(words(&one), "Queue held");
    assert!(href(&one).is_some_and(|href| href.ends_with("/queue")));
    let strange = event("", "é", "é");
    assert_eq!((words(&strange), href(&strange)), (String::new(), None));
}

#[test]
fn each_choice_of_days_is_shown_and_one_is_chosen() {
    let shown = spans(Span::Week);
    let chosen: BTreeSet<(&str, bool)> = (shown.iter())
        .map(|choice| (choice.value.as_str(), choice.chosen))
        .collect();
    assert_eq!(
        chosen,
        BTreeSet::from([("7", true), ("30", false), ("90", false)])
    );
}

#[tokio::test]
async fn many_lines_are_folded_so_that_what_stands_below_is_found() {
    let world = World::funded(Kind::Wsh, 10, 2_000_000).await;
    for number in 0..10 {
        world.submit(&format!("w-{number}"), 1_500_000).await;
    }
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let page = html(&ui(&world), &dana, &query("", "")).await;
    let (first, more) = part(&page, "<h2>Waits for you", "<h2>Waits for others")
        .split_once("<details")
        .expect("some are folded");
    assert_eq!(first.matches("<li>").count(), 8);
    assert_eq!(more.matches("<li>").count(), 2);
    assert!(more.contains("2 more"), "{more}");
}
