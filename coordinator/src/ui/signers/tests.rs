//! The pages of signers over a real service.

use axum::body::to_bytes;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::tests::world::World;
use crate::ui::Public;

async fn html(answer: Result<Response, Fault>) -> (StatusCode, String) {
    let answer = answer.expect("a page");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("a body");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_mark_is_previewed_then_set_and_told_on_both_pages() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let public = Public::parse("https://treasury.example").expect("an origin");
    let ui = Ui::new(
        world.service.clone(),
        public,
        Pulse::alone(world.service.clone()),
    );
    let operator = Visitor::sample("olga", PersonRole::Operator);
    let (_, page) = html(draw(&ui, &operator, world.vault).await).await;
    assert!(page.contains("never: no receipt came yet"));
    let query = |mark: &str, reason: &str| MarkQuery {
        mark: mark.to_owned(),
        reason: reason.to_owned(),
    };
    let show = async |visitor: &Visitor, name: &str, query| {
        answer(&ui, visitor, (world.vault, name), query).await
    };
    let (status, page) = html(show(&operator, "alice", query("stolen", "bag <gone>")).await).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("What it means if alice is stolen"));
    assert!(page.contains("Give a stop"), "{page}");
    assert!(page.contains("Mark alice as stolen") && !page.contains("<gone>"));
    let (status, page) =
        html(show(&operator, "alice", query("eaten", &"x".repeat(201))).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Choose one of these.") && page.contains("id=\"reason-wrong\""));
    show(&operator, "nobody", query("", ""))
        .await
        .expect_err("no such signer");
    let auditor = Visitor::sample("ada", PersonRole::Auditor);
    let (_, page) = html(show(&auditor, "alice", query("", "")).await).await;
    assert!(page.contains("An operator marks signers.") && !page.contains("<form method=\"get\""));

    let request = MarkSigner {
        mark: SignerMark::Stolen,
        reason: "bag <gone>".to_owned(),
    };
    mark_signer(&ui.service, &operator.actor, world.vault, "alice", &request)
        .await
        .expect("marked");
    let (_, page) = html(draw(&ui, &operator, world.vault).await).await;
    assert!(page.contains("chip-bad\">stolen") && !page.contains("<gone>"));
    let (_, page) = html(show(&operator, "alice", query("present", "")).await).await;
    assert!(page.contains("Mark alice as present"));
}
