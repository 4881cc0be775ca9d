//! The list of persons over a real service: pages, filters and the file.

use axum::body::to_bytes;
use tokio::sync::watch;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::tests::world::World;
use crate::store::people::persons::{self, PersonRow};
use crate::ui::Public;

async fn html(answer: Result<Response, Fault>) -> String {
    let body = answer.expect("a page").into_body();
    let bytes = to_bytes(body, 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn more_persons_than_a_page_holds_are_paged_with_their_filters_and_all_in_the_file() {
    let world = World::new(Kind::Wsh).await;
    let mut tx = world
        .service
        .database()
        .begin_write()
        .await
        .expect("begins");
    for n in 0..=PAGE {
        let row = PersonRow {
            name: format!("p{n:02}"),
            role: PersonRole::Approver.name().to_owned(),
            vault: None,
            created_at: world.service.now(),
            created_by: "test".to_owned(),
            ended_at: None,
        };
        persons::insert(&mut tx, &row).await.expect("stored");
    }
    tx.commit().await.expect("commits");
    let public = Public::parse("https://treasury.example").expect("an origin");
    let (_, stopping) = watch::channel(false);
    let ui = Ui::new(world.service.clone(), public, stopping);
    let visitor = Visitor::sample("olga", PersonRole::Operator);
    let seen = async |query: PeopleQuery| {
        html(show(State(ui.clone()), visitor.clone(), Asked(query)).await).await
    };
    let approvers = PeopleQuery {
        role: "approver".to_owned(),
        text: "P".to_owned(),
        ..PeopleQuery::default()
    };
    let link = |name: &str| format!("href=\"/people/{name}\"");
    let first = seen(approvers.clone()).await;
    assert!(
        first.contains(&link("p00")) && first.contains(&link("p49")),
        "{first}"
    );
    assert!(!first.contains(&link("p50")), "it is on the next page");
    assert!(
        first.contains("<option value=\"p50\""),
        "everybody can be said to be away"
    );
    let next = first
        .split("rel=\"next\" href=\"")
        .nth(1)
        .expect("a next page");
    let next = next.split('"').next().expect("an address");
    assert!(
        next.starts_with("/people?role=approver") && next.contains("text=P"),
        "{next}"
    );
    let after = next.rsplit("after=").next().expect("a place").to_owned();
    let second = seen(PeopleQuery {
        after,
        ..approvers.clone()
    })
    .await;
    assert!(
        second.contains(&link("p50")) && !second.contains(&link("p49")),
        "{second}"
    );
    let file = seen(PeopleQuery {
        format: "csv".to_owned(),
        ..approvers
    })
    .await;
    assert_eq!(file.lines().count(), 52, "a head, and every person");
}
