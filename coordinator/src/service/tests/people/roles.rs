//! Four eyes over roles: what one operator proposes another one decides.

use super::{FROM, House, code};
use crate::service::notifying::settings::{Settings, set_settings, show_settings};
use crate::service::people::PersonRole;
use crate::service::people::invitations::{
    LIFE, NewInvitation, confirm_invitation, invite, invite_first,
};
use crate::service::people::joining::show_invitation;
use crate::service::people::roles::{
    decide_change, propose_role, revoke_person, revoke_person_locally, withdraw_change,
};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::view::list_people;
use crate::service::tokens::{NewToken, authenticate, create_token};
use crate::service::{Actor, Role};
use crate::store::notices;
use crate::store::people::role_changes::{self, RoleChangeRow};

async fn role_of(house: &House, name: &str) -> (PersonRole, bool) {
    let seen = list_people(&house.world.service, &Actor::local())
        .await
        .expect("reads");
    let person = seen
        .people
        .iter()
        .find(|person| person.name == name)
        .expect("is known");
    (person.role, person.ended_at.is_some())
}

/// An operator's token that this operator made.
async fn token_of(house: &House, actor: &Actor, name: &str) -> Actor {
    let new = NewToken {
        name: name.to_owned(),
        role: Role::Operator,
        vault: None,
    };
    let made = create_token(&house.world.service, actor, &new)
        .await
        .expect("a token");
    authenticate(&house.world.service, &made.secret)
        .await
        .expect("is known")
}

#[tokio::test]
async fn a_change_of_role_takes_effect_with_the_word_of_a_second_operator() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    let oscar = house
        .actor(&house.person("oscar", PersonRole::Operator).await.1)
        .await;
    let (_, danas) = house.person("dana", PersonRole::Approver).await;
    let dana = house.actor(&danas).await;
    let change = propose_role(service, &olga, "dana", PersonRole::Operator)
        .await
        .expect("waits");
    assert_eq!(change.outcome, None);
    assert_eq!(role_of(&house, "dana").await, (PersonRole::Approver, false));
    assert!(house.visit(&danas).await.is_some(), "nothing changed yet");
    // Neither who proposed it nor who it is about nor a token says the second word.
    assert_eq!(
        code(decide_change(service, &olga, &change.id, true).await),
        "second_operator"
    );
    assert_eq!(
        code(decide_change(service, &dana, &change.id, true).await),
        "forbidden"
    );
    let token = token_of(&house, &oscar, "back office").await;
    assert_eq!(
        code(decide_change(service, &token, &change.id, true).await),
        "not_an_operator"
    );
    assert_eq!(
        code(propose_role(service, &oscar, "dana", PersonRole::Auditor).await),
        "change_open"
    );
    let decided = decide_change(service, &oscar, &change.id, true)
        .await
        .expect("confirms");
    assert_eq!(decided.outcome.as_deref(), Some("confirmed"));
    assert_eq!(role_of(&house, "dana").await, (PersonRole::Operator, false));
    assert!(house.visit(&danas).await.is_none(), "the sessions are over");
    assert_eq!(
        code(decide_change(service, &oscar, &change.id, true).await),
        "unknown_change"
    );
}

#[tokio::test]
async fn what_a_token_proposes_its_maker_does_not_confirm() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    let oscar = house
        .actor(&house.person("oscar", PersonRole::Operator).await.1)
        .await;
    house.person("dana", PersonRole::Approver).await;
    let hand = token_of(&house, &olga, "script").await;
    let further = token_of(&house, &hand, "script of the script").await;
    let change = propose_role(service, &further, "dana", PersonRole::Operator)
        .await
        .expect("waits");
    assert_eq!(change.outcome, None);
    assert_eq!(
        code(decide_change(service, &olga, &change.id, true).await),
        "second_operator"
    );
    decide_change(service, &oscar, &change.id, true)
        .await
        .expect("confirms");
}

#[tokio::test]
async fn a_change_is_rejected_or_taken_back_and_then_has_no_effect() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    let oscar = house
        .actor(&house.person("oscar", PersonRole::Operator).await.1)
        .await;
    house.person("dana", PersonRole::Approver).await;
    let change = propose_role(service, &olga, "dana", PersonRole::Auditor)
        .await
        .expect("waits");
    decide_change(service, &oscar, &change.id, false)
        .await
        .expect("rejects");
    let change = propose_role(service, &olga, "dana", PersonRole::Auditor)
        .await
        .expect("waits");
    assert_eq!(
        code(withdraw_change(service, &oscar, &change.id).await),
        "unknown_change"
    );
    withdraw_change(service, &olga, &change.id)
        .await
        .expect("takes it back");
    assert_eq!(
        code(decide_change(service, &oscar, &change.id, true).await),
        "unknown_change"
    );
    assert_eq!(role_of(&house, "dana").await, (PersonRole::Approver, false));
    assert_eq!(
        code(propose_role(service, &olga, "dana", PersonRole::Approver).await),
        "same_role"
    );
    assert_eq!(
        code(propose_role(service, &olga, "nobody", PersonRole::Auditor).await),
        "unknown_person"
    );
}

#[tokio::test]
async fn an_operator_is_revoked_with_two_words_and_others_at_once() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    let oscar = house
        .actor(&house.person("oscar", PersonRole::Operator).await.1)
        .await;
    let (_, orsons) = house.person("orson", PersonRole::Operator).await;
    let (_, danas) = house.person("dana", PersonRole::Approver).await;
    let gone = revoke_person(service, &olga, "dana")
        .await
        .expect("at once");
    assert_eq!(gone.outcome.as_deref(), Some("alone"));
    assert!(house.visit(&danas).await.is_none());
    let change = revoke_person(service, &olga, "orson").await.expect("waits");
    assert_eq!(change.outcome, None);
    assert!(house.visit(&orsons).await.is_some());
    assert_eq!(
        code(decide_change(service, &olga, &change.id, true).await),
        "second_operator"
    );
    decide_change(service, &oscar, &change.id, true)
        .await
        .expect("confirms");
    assert!(house.visit(&orsons).await.is_none());
    assert_eq!(role_of(&house, "orson").await, (PersonRole::Operator, true));
    assert_eq!(
        code(revoke_person(service, &olga, "orson").await),
        "unknown_person"
    );
}

#[tokio::test]
async fn the_last_operator_stays() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, session) = house.person("olga", PersonRole::Operator).await;
    let olga = house.actor(&session).await;
    assert_eq!(
        code(revoke_person(service, &olga, "olga").await),
        "last_operator"
    );
    assert_eq!(
        code(revoke_person_locally(service, "olga").await),
        "last_operator"
    );
    assert_eq!(
        code(propose_role(service, &olga, "olga", PersonRole::Auditor).await),
        "last_operator"
    );
    let oscar = house
        .actor(&house.person("oscar", PersonRole::Operator).await.1)
        .await;
    let change = revoke_person(service, &oscar, "olga").await.expect("waits");
    revoke_person_locally(service, "oscar")
        .await
        .expect("at the machine, at once");
    assert_eq!(
        code(decide_change(service, &oscar, &change.id, true).await),
        "unknown_change"
    );
    assert!(house.visit(&session).await.is_some());
    let token = token_of(&house, &Actor::local(), "script").await;
    assert_eq!(
        code(revoke_person(service, &token, "olga").await),
        "last_operator"
    );
}

#[tokio::test]
async fn a_lone_operator_decides_alone_and_the_record_says_so() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    house.person("dana", PersonRole::Approver).await;
    let change = propose_role(service, &olga, "dana", PersonRole::Operator)
        .await
        .expect("at once");
    assert_eq!(
        (change.outcome.as_deref(), change.decided_by),
        (Some("alone"), None)
    );
    assert_eq!(role_of(&house, "dana").await, (PersonRole::Operator, false));
}

#[tokio::test]
async fn an_invitation_of_an_operator_opens_with_the_word_of_a_second_one() {
    let house = House::new().await;
    let service = &house.world.service;
    let new = |name: &str, role| NewInvitation {
        name: name.to_owned(),
        role,
        vault: None,
    };
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    let alone = invite(service, &olga, &new("oscar", PersonRole::Operator))
        .await
        .expect("invites");
    assert!(!alone.invitation.waits_for_second);
    let oscars = house
        .join(&alone.secret, &SoftPasskey::new("oscar"))
        .await
        .expect("joins");
    let oscar = house.actor(&oscars).await;
    let second = invite(service, &olga, &new("orson", PersonRole::Operator))
        .await
        .expect("invites");
    assert!(second.invitation.waits_for_second);
    assert_eq!(
        code(show_invitation(service, FROM, &second.secret).await),
        "invitation_unconfirmed"
    );
    assert_eq!(
        code(house.join(&second.secret, &SoftPasskey::new("orson")).await),
        "invitation_unconfirmed"
    );
    let id = &second.invitation.id;
    assert_eq!(
        code(confirm_invitation(service, &olga, id).await),
        "second_operator"
    );
    confirm_invitation(service, &oscar, id)
        .await
        .expect("confirms");
    assert_eq!(
        code(confirm_invitation(service, &oscar, id).await),
        "unknown_invitation"
    );
    house
        .join(&second.secret, &SoftPasskey::new("orson"))
        .await
        .expect("joins");
    let other = invite(service, &olga, &new("dana", PersonRole::Approver))
        .await
        .expect("invites");
    assert!(!other.invitation.waits_for_second);
    let (_, danas) = house.person("erin", PersonRole::Approver).await;
    let erin = house.actor(&danas).await;
    assert_eq!(
        code(invite(service, &erin, &new("frank", PersonRole::Auditor)).await),
        "forbidden"
    );
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_word_of_the_same_name() {
    let house = House::new().await;
    house.person("dana", PersonRole::Approver).await;
    let row = RoleChangeRow {
        id: "1".to_owned(),
        person: "dana".to_owned(),
        from_role: "approver".to_owned(),
        to_role: "operator".to_owned(),
        proposed_at: house.world.service.now(),
        proposed_by: "olga".to_owned(),
        decided_at: None,
        decided_by: None,
        outcome: None,
    };
    let now = house.world.service.now();
    let mut tx = house.world.write().await;
    role_changes::insert(&mut tx, &row)
        .await
        .expect("is stored");
    tx.commit().await.expect("commits");
    for (outcome, by) in [
        ("confirmed", Some("olga")),
        ("confirmed", None),
        ("withdrawn", Some("oscar")),
    ] {
        let mut tx = house.world.write().await;
        role_changes::decide(&mut tx, "1", outcome, by, now)
            .await
            .expect_err("the CHECK refuses");
    }
    let mut tx = house.world.write().await;
    role_changes::decide(&mut tx, "1", "confirmed", Some("oscar"), now)
        .await
        .expect("another name");
}

#[tokio::test]
async fn what_an_operator_left_open_is_taken_back_with_the_role() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house
        .actor(&house.person("olga", PersonRole::Operator).await.1)
        .await;
    house.person("oscar", PersonRole::Operator).await;
    house.person("dana", PersonRole::Approver).await;
    let new = NewInvitation {
        name: "erin".to_owned(),
        role: PersonRole::Auditor,
        vault: None,
    };
    let invited = invite(service, &olga, &new).await.expect("invites");
    show_invitation(service, FROM, &invited.secret)
        .await
        .expect("is open");
    propose_role(service, &olga, "dana", PersonRole::Operator)
        .await
        .expect("waits");
    revoke_person_locally(service, "olga")
        .await
        .expect("at once");
    assert_eq!(
        code(show_invitation(service, FROM, &invited.secret).await),
        "invitation_void"
    );
    let seen = list_people(service, &Actor::local()).await.expect("reads");
    assert_eq!((seen.changes.len(), seen.invitations.len()), (0, 0));
}

#[tokio::test]
async fn the_first_operator_is_invited_until_one_is_here() {
    let house = House::new().await;
    let service = &house.world.service;
    let first = invite_first(service, "olga", false).await.expect("invites");
    let first = first.expect("a link");
    assert!(!first.former_is_void);
    assert_eq!(
        code(invite_first(service, "olga", false).await),
        "already_invited"
    );
    show_invitation(service, FROM, &first.created.secret)
        .await
        .expect("the first link is still good");
    let again = invite_first(service, "olga", true).await.expect("invites");
    let again = again.expect("a link");
    assert!(again.former_is_void);
    assert_eq!(
        code(show_invitation(service, FROM, &first.created.secret).await),
        "invitation_void"
    );
    house.world.pass(LIFE);
    let anew = invite_first(service, "olga", false).await.expect("invites");
    let anew = anew.expect("a link where the other is over");
    assert!(!anew.former_is_void, "it was void by itself");
    house
        .join(&anew.created.secret, &SoftPasskey::new("olga"))
        .await
        .expect("joins");
    let more = invite_first(service, "oscar", false).await.expect("reads");
    assert_eq!(more, None);
}

#[tokio::test]
async fn mail_of_somebody_revoked_goes_nowhere_and_to_nobody_of_the_same_name_later() {
    let house = House::new().await;
    let service = &house.world.service;
    house.person("olga", PersonRole::Operator).await;
    let dana = house
        .actor(&house.person("dana", PersonRole::Approver).await.1)
        .await;
    let wish = Settings {
        mail: "dana@treasury.example".to_owned(),
        remind_hours: Some(4),
        ..Settings::default()
    };
    set_settings(service, &dana, &wish).await.expect("saved");
    let addresses = async || {
        let mut tx = service.database().begin_read().await.expect("begins");
        notices::settings(&mut tx).await.expect("reads").len()
    };
    assert_eq!(addresses().await, 1);
    revoke_person_locally(service, "dana")
        .await
        .expect("is over");
    assert_eq!(addresses().await, 0, "nobody is told at her address");
    // Somebody of that name later begins with nothing of hers.
    let link = house.link("dana", PersonRole::Auditor).await;
    let joined = house.join(&link, &SoftPasskey::new("another dana")).await;
    let next = house.actor(&joined.expect("joins")).await;
    let shown = show_settings(service, &next).await.expect("shown");
    assert_eq!((shown.settings, shown.set_by), (Settings::default(), None));
}
