//! Invitations that are taken back by the name they are for.

use super::{FROM, House, code};
use crate::service::people::PersonRole;
use crate::service::people::invitations::{
    LIFE, NewInvitation, invite, revoke_invitation, revoke_invitation_of,
};
use crate::service::people::joining::show_invitation;
use crate::service::people::roles::revoke_person_locally;
use crate::service::people::view::list_people;
use crate::service::{Actor, Role};
use watchtower::store::events;

fn invitation(name: &str, role: PersonRole) -> NewInvitation {
    NewInvitation {
        name: name.to_owned(),
        role,
        vault: None,
    }
}

async fn operator(house: &House, name: &str) -> Actor {
    let (_, session) = house.person(name, PersonRole::Operator).await;
    house.actor(&session).await
}

#[tokio::test]
async fn an_open_invitation_is_taken_back_by_its_name_by_one_operator_alone() {
    let house = House::new().await;
    let service = &house.world.service;
    let (olga, oscar) = (
        operator(&house, "olga").await,
        operator(&house, "oscar").await,
    );
    let invited = invite(service, &olga, &invitation("erin", PersonRole::Operator))
        .await
        .expect("invites");
    assert!(invited.invitation.waits_for_second);
    let back = revoke_invitation_of(service, &oscar, "erin")
        .await
        .expect("is taken back");
    assert_eq!(back.id, invited.invitation.id);
    assert_eq!(
        code(show_invitation(service, FROM, &invited.secret).await),
        "invitation_void"
    );
    assert_eq!(
        code(revoke_invitation_of(service, &oscar, "erin").await),
        "not_invited"
    );
    let mut tx = service.database().begin_read().await.expect("begins");
    let (head, _) = events::head(&mut tx).await.expect("reads");
    drop(tx);
    house.world.work().await;
    let mut tx = service.database().begin_read().await.expect("begins");
    let told = events::after(&mut tx, head, 100).await.expect("reads");
    let told = told
        .iter()
        .find(|event| event.kind.ends_with("invitation-revoked"));
    let told = told.expect("the log says so");
    assert_eq!(
        (told.object_id.as_str(), told.actor.as_str()),
        ("erin", "oscar")
    );
    assert_eq!(told.body["invitation"], back.id);
}

#[tokio::test]
async fn whoever_is_here_stays_when_an_invitation_to_a_new_passkey_is_taken_back() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = operator(&house, "olga").await;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    invite(service, &olga, &invitation("dana", PersonRole::Approver))
        .await
        .expect("invites");
    // Also one whose time is over is out of the list then.
    house.world.pass(LIFE);
    revoke_invitation_of(service, &Actor::local(), "dana")
        .await
        .expect("is taken back");
    let seen = list_people(service, &Actor::local()).await.expect("reads");
    assert!(seen.invitations.is_empty());
    let dana = seen.people.iter().find(|person| person.name == "dana");
    assert_eq!(dana.expect("is here").ended_at, None);
    drop(session);
}

#[tokio::test]
async fn only_who_is_an_operator_at_that_moment_takes_an_invitation_back() {
    let house = House::new().await;
    let service = &house.world.service;
    let (olga, oscar) = (
        operator(&house, "olga").await,
        operator(&house, "oscar").await,
    );
    let (_, danas) = house.person("dana", PersonRole::Approver).await;
    let dana = house.actor(&danas).await;
    let invited = invite(service, &olga, &invitation("erin", PersonRole::Auditor))
        .await
        .expect("invites");
    let service_token = Actor {
        name: "exchange".to_owned(),
        role: Role::Service,
        vault: None,
    };
    let of_one_vault = Actor {
        vault: Some(house.world.vault),
        ..olga.clone()
    };
    for other in [&dana, &service_token, &of_one_vault] {
        assert_eq!(
            code(revoke_invitation_of(service, other, "erin").await),
            "forbidden"
        );
    }
    // A request of oscar's that was let in just before his end.
    revoke_person_locally(service, "oscar").await.expect("ends");
    let id = &invited.invitation.id;
    assert_eq!(
        code(revoke_invitation_of(service, &oscar, "erin").await),
        "unauthorized"
    );
    assert_eq!(
        code(revoke_invitation(service, &oscar, id).await),
        "unauthorized"
    );
    show_invitation(service, FROM, &invited.secret)
        .await
        .expect("is still open");
}
