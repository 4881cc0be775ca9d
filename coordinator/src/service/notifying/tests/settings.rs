//! Who says what a person is told.

use std::collections::BTreeSet;

use super::join;
use crate::roles::fixture::Kind;
use crate::service::events::{Wanted, list_events};
use crate::service::notifying::NoticeKind;
use crate::service::notifying::settings::{
    Settings, set_settings, set_settings_of, show_settings, show_settings_of,
};
use crate::service::tests::world::World;

fn wish() -> Settings {
    Settings {
        mail: "dana@treasury.example".to_owned(),
        kinds: BTreeSet::from([NoticeKind::Waits, NoticeKind::Alarm]),
        quiet: Some((22, 7)),
        ..Settings::default()
    }
}

#[tokio::test]
async fn an_operator_sets_what_others_are_told_and_the_log_says_who_did_and_no_address() {
    let world = World::new(Kind::Wsh).await;
    let dana = join(&world, "dana").await;
    let (service, operator) = (&world.service, &world.operator);
    let seen = set_settings_of(service, operator, "dana", &wish())
        .await
        .expect("is set");
    assert_eq!(seen.settings, wish());
    let own = show_settings(service, &dana).await.expect("shown");
    assert_eq!(own.settings, wish(), "it is the person's own");
    world.work().await;
    let page = list_events(service, operator, 0, Wanted::default())
        .await
        .expect("events");
    let told = page
        .events
        .iter()
        .find(|event| event.kind == "person.notifications-set")
        .expect("is told");
    assert_eq!(told.actor, operator.name);
    assert_eq!(told.object_id, "dana");
    assert!(!format!("{:?}", page.events).contains("treasury.example"));
    set_settings(service, &dana, &Settings::default())
        .await
        .expect("her own again");
    let seen = show_settings_of(service, operator, "dana")
        .await
        .expect("shown");
    assert_eq!(seen.settings, Settings::default());
}

#[tokio::test]
async fn nobody_but_an_operator_sees_or_sets_what_others_are_told() {
    let world = World::new(Kind::Wsh).await;
    let dana = join(&world, "dana").await;
    join(&world, "erin").await;
    let (service, operator) = (&world.service, &world.operator);
    let seen = show_settings_of(service, &dana, "erin").await;
    assert_eq!(seen.expect_err("is refused").code(), "forbidden");
    let set = set_settings_of(service, &dana, "erin", &wish()).await;
    assert_eq!(set.expect_err("is refused").code(), "forbidden");
    let nobody = set_settings_of(service, operator, "nobody", &wish()).await;
    assert_eq!(nobody.expect_err("is nobody").code(), "unknown_person");
    let bad = Settings {
        mail: "dana@treasury.example\r\nBcc: x@evil.example".to_owned(),
        ..wish()
    };
    let refused = set_settings_of(service, operator, "erin", &bad).await;
    assert_eq!(refused.expect_err("is no address").code(), "malformed");
}
