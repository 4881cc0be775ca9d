//! The list of tokens over a real service: pages, filters and the file.

use axum::body::to_bytes;
use tokio::sync::watch;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::ui::Public;

async fn html(answer: Result<Response, Fault>) -> String {
    let body = answer.expect("a page").into_body();
    let bytes = to_bytes(body, 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn more_tokens_than_a_page_holds_are_paged_with_their_filters_and_all_in_the_file() {
    let world = World::new(Kind::Wsh).await;
    for n in 0..=PAGE {
        let new = NewToken {
            name: format!("=tool {n:02}"),
            role: Role::Auditor,
            vault: None,
        };
        let made = tokens::create_token(&world.service, &world.operator, &new).await;
        made.expect("a token");
        world.pass(1);
    }
    let public = Public::parse("https://treasury.example").expect("an origin");
    let (_, stopping) = watch::channel(false);
    let ui = Ui::new(world.service.clone(), public, stopping);
    let visitor = Visitor::sample("olga", PersonRole::Operator);
    let seen = async |query: TokensQuery| {
        html(show(State(ui.clone()), visitor.clone(), Asked(query)).await).await
    };
    let of_auditors = TokensQuery {
        role: "auditor".to_owned(),
        text: "TOOL".to_owned(),
        ..TokensQuery::default()
    };
    let first = seen(of_auditors.clone()).await;
    assert!(
        first.contains("=tool 50") && first.contains("=tool 01"),
        "{first}"
    );
    assert!(!first.contains("=tool 00"), "it is on the next page");
    let next = first
        .split("rel=\"next\" href=\"")
        .nth(1)
        .expect("a next page");
    let next = next.split('"').next().expect("an address");
    assert!(
        next.starts_with("/tokens?role=auditor") && next.contains("text=TOOL"),
        "{next}"
    );
    let after = next.rsplit("after=").next().expect("a place").to_owned();
    let second = seen(TokensQuery {
        after,
        ..of_auditors.clone()
    })
    .await;
    assert!(
        second.contains("=tool 00") && !second.contains("=tool 01"),
        "{second}"
    );
    assert!(second.contains("Newest") && !second.contains("Next page"));
    let none = TokensQuery {
        role: "service".to_owned(),
        ..of_auditors.clone()
    };
    assert!(seen(none).await.contains("No token meets this filter."));
    let file = seen(TokensQuery {
        format: "csv".to_owned(),
        ..of_auditors
    })
    .await;
    assert_eq!(file.lines().count(), 52, "a head, and every token");
    assert!(file.contains(",'=tool 00,"), "no cell is a formula: {file}");
}
