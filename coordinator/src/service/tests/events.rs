//! The log is verified and exported by few at a time, a page at a time.

use policies::UnixTime;
use serde_json::Map;
use watchtower::store::events::{self, NewEvent};

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::Actor;
use crate::service::events::{begin_export, verify_events};

#[tokio::test]
async fn the_chain_is_verified_for_one_at_a_time_and_whole() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator) = (&world.service, &world.operator);
    let mut tx = service.database().begin_write().await.expect("begins");
    for number in 0..1_100_u32 {
        let event = NewEvent {
            object_kind: "token",
            object_id: &number.to_string(),
            kind: "token.created",
            vault: None,
            body: Map::new(),
            actor: "a test",
            reason: "",
            at: UnixTime::from_secs(7),
        };
        events::append(&mut tx, &event).await.expect("is appended");
    }
    tx.commit().await.expect("commits");
    let head = loop {
        world.work().await;
        let mut tx = service.database().begin_read().await.expect("begins");
        let head = events::head(&mut tx).await.expect("reads");
        if head.0 >= 1_100 {
            break head;
        }
    };
    let (one, other) = tokio::join!(
        verify_events(service, operator),
        verify_events(service, operator)
    );
    let refused = other.expect_err("one at a time");
    assert_eq!(
        (
            refused.code(),
            refused.class().status(),
            refused.retry_after()
        ),
        ("busy", 503, Some(5))
    );
    let verified = one.expect("holds");
    assert_eq!(verified.number, head.0);
    let again = verify_events(service, operator)
        .await
        .expect("there is room again");
    assert_eq!(again, verified);
}

#[tokio::test]
async fn the_log_is_exported_once_by_a_person_and_by_few_at_a_time() {
    let world = World::new(Kind::Wsh).await;
    let somebody = |name: &str| Actor {
        name: name.to_owned(),
        ..Actor::local()
    };
    let begin = |name: &str| begin_export(&world.service, &somebody(name));
    let mut under_way = vec![begin("dana").expect("begins")];
    assert_eq!(begin("dana").expect_err("once").code(), "busy");
    for name in ["erin", "frank", "olga"] {
        under_way.push(begin(name).expect("begins"));
    }
    assert_eq!(begin("oscar").expect_err("few").code(), "busy");
    under_way.pop();
    begin("oscar").expect("there is room");
}
