//! Persons a page at a time.

use super::House;
use crate::service::paging::Paged;
use crate::service::people::PersonRole;
use crate::service::people::absences::{NewAbsence, say_absent};
use crate::service::people::listing::{PersonFilter, Standing, page_of_people, show_people};
use crate::service::people::roles::revoke_person_locally;
use crate::service::people::view::PersonView;
use crate::service::{Actor, Role};

fn names(paged: &Paged<PersonView>) -> Vec<&str> {
    paged.items.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn persons_are_read_by_name_a_page_at_a_time_and_nobody_is_missed_or_told_twice() {
    let house = House::new().await;
    for (name, role) in [
        ("erin", PersonRole::Approver),
        ("carol", PersonRole::Auditor),
        ("dana", PersonRole::Approver),
        ("bob", PersonRole::Requester),
        ("olga", PersonRole::Operator),
    ] {
        house.person(name, role).await;
    }
    let (service, local) = (&house.world.service, Actor::local());
    let all = PersonFilter::default();
    let first = page_of_people(service, &local, &all, None, 2)
        .await
        .expect("a page");
    assert_eq!(names(&first), ["bob", "carol"]);
    // Who joins behind the place is met, who joins before it moves nobody.
    house.person("anna", PersonRole::Approver).await;
    house.person("dave", PersonRole::Approver).await;
    let second = page_of_people(service, &local, &all, first.next.as_ref(), 2)
        .await
        .expect("a page");
    assert_eq!(names(&second), ["dana", "dave"]);
    let third = page_of_people(service, &local, &all, second.next.as_ref(), 2)
        .await
        .expect("a page");
    assert_eq!(names(&third), ["erin", "olga"]);
    assert_eq!(third.next, None);

    revoke_person_locally(service, "erin")
        .await
        .expect("revoked");
    let now = service.now();
    let away = NewAbsence {
        person: "dana".to_owned(),
        from: now,
        until: now.saturating_add(3_600),
        reason: "trip".to_owned(),
    };
    say_absent(service, &local, &away).await.expect("away");
    let filtered = async |standing, role: &str, text: &str| {
        let filter = PersonFilter {
            standing,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        let page = page_of_people(service, &local, &filter, None, 50)
            .await
            .expect("a page");
        names(&page).join(" ")
    };
    assert_eq!(filtered(Standing::Revoked, "", "").await, "erin");
    assert_eq!(filtered(Standing::Away, "", "").await, "dana");
    assert_eq!(
        filtered(Standing::Active, "approver", "").await,
        "anna dana dave"
    );
    assert_eq!(filtered(Standing::Any, "approver", "R").await, "erin");
    assert_eq!(filtered(Standing::Active, "", "%").await, "");
    house.world.pass(3_601);
    assert_eq!(filtered(Standing::Away, "", "").await, "");

    let shown = show_people(service, &local, &all, None, 2)
        .await
        .expect("shown");
    assert_eq!(
        shown.names,
        ["anna", "bob", "carol", "dana", "dave", "olga"]
    );
    assert_eq!(shown.view.people.len(), 2);
    let foreign = second
        .next
        .map(|_| crate::service::paging::Cursor::of(&["a", "b"]));
    let refused = page_of_people(service, &local, &all, foreign.as_ref(), 2).await;
    assert_eq!(refused.expect_err("is refused").code(), "malformed");
    let of_one_vault = Actor {
        name: "carol".to_owned(),
        role: Role::Auditor,
        vault: Some(house.world.vault),
    };
    let refused = page_of_people(service, &of_one_vault, &all, None, 2).await;
    assert_eq!(refused.expect_err("is refused").code(), "forbidden");
}
