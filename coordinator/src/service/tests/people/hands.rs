//! Tokens are the hands of whoever made them: they end with the role, and are nobody's second pair of eyes.

use super::{House, code};
use crate::service::notifying::shaping::Shape;
use crate::service::notifying::webhook_view::NewWebhook;
use crate::service::notifying::webhooks::{add_webhook, list_webhooks};
use crate::service::people::PersonRole;
use crate::service::people::absences::{NewAbsence, say_absent};
use crate::service::people::invitations::{
    NewInvitation, confirm_invitation, invite, revoke_invitation,
};
use crate::service::people::joining::show_invitation;
use crate::service::people::roles::{
    decide_change, propose_role, revoke_person, revoke_person_locally,
};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::view::{list_people, show_person};
use crate::service::tokens::{CreatedToken, NewToken, authenticate, create_token, revoke_token};
use crate::service::{Actor, Role};
use watchtower::store::events::{self, Event};

impl House {
    async fn operator(&self, name: &str) -> Actor {
        let (_, session) = self.person(name, PersonRole::Operator).await;
        self.actor(&session).await
    }

    async fn token(&self, maker: &Actor, name: &str, role: Role) -> CreatedToken {
        let new = NewToken {
            name: name.to_owned(),
            role,
            vault: None,
        };
        let made = create_token(&self.world.service, maker, &new).await;
        made.expect("a token")
    }

    /// Who acts by an operator's token.
    async fn hand(&self, maker: &Actor, name: &str) -> Actor {
        let made = self.token(maker, name, Role::Operator).await;
        self.holder(&made).await
    }

    async fn holder(&self, made: &CreatedToken) -> Actor {
        let known = authenticate(&self.world.service, &made.secret).await;
        known.expect("is known")
    }

    /// The names of those tokens that still work.
    async fn working(&self, made: &[&CreatedToken]) -> Vec<String> {
        let mut names = Vec::new();
        for token in made {
            if authenticate(&self.world.service, &token.secret)
                .await
                .is_ok()
            {
                names.push(token.token.name.clone());
            }
        }
        names
    }

    async fn events(&self, kind: &str) -> Vec<Event> {
        self.world.work().await;
        let mut tx = self.world.read().await;
        let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
        log.into_iter().filter(|event| event.kind == kind).collect()
    }
}

fn invitation(name: &str, role: PersonRole) -> NewInvitation {
    NewInvitation {
        name: name.to_owned(),
        role,
        vault: None,
    }
}

#[tokio::test]
async fn tokens_made_by_or_through_an_operator_who_is_revoked_stop_with_the_operator() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    let script = house.token(&olga, "script", Role::Operator).await;
    let hand = house.holder(&script).await;
    let further = house.token(&hand, "script's script", Role::Operator).await;
    let furthest = house.holder(&further).await;
    let reader = house.token(&furthest, "reader", Role::Auditor).await;
    // A token in between that was revoked before breaks no chain.
    revoke_token(service, &oscar, &further.token.id)
        .await
        .expect("revokes");
    let others = house.token(&oscar, "oscar's", Role::Operator).await;
    let machine = house
        .token(&Actor::local(), "machine", Role::Operator)
        .await;
    let invited = invite(service, &hand, &invitation("erin", PersonRole::Auditor))
        .await
        .expect("invites");
    house.person("dana", PersonRole::Approver).await;
    propose_role(service, &hand, "dana", PersonRole::Operator)
        .await
        .expect("waits");

    let proposed = revoke_person(service, &oscar, "olga").await.expect("waits");
    assert_eq!(proposed.outcome, None);
    let all = [&script, &further, &reader, &others, &machine];
    let before = ["script", "reader", "oscar's", "machine"];
    assert_eq!(house.working(&all).await, before, "until it is decided");
    revoke_person_locally(service, "olga")
        .await
        .expect("at once");
    assert_eq!(house.working(&all).await, ["oscar's", "machine"]);

    let gone = [&script, &reader].map(|made| made.token.id.clone());
    let revoked = house.events("person.revoked").await;
    assert_eq!(revoked.len(), 1);
    let mut told: Vec<&str> = (revoked[0].body["tokens"].as_array().into_iter().flatten())
        .filter_map(|id| id.as_str())
        .collect();
    told.sort_unstable();
    let mut expected = gone.each_ref().map(String::as_str);
    expected.sort_unstable();
    assert_eq!(told, expected);
    let of_tokens = house.events("token.revoked").await;
    let reasons: Vec<(&str, &str)> = of_tokens
        .iter()
        .map(|event| (event.actor.as_str(), event.reason.as_str()))
        .collect();
    let why = ("local operator", "made by or through olga, who is revoked");
    assert_eq!(reasons, [("oscar", ""), why, why]);
    let page = show_person(service, &oscar, "olga").await.expect("reads");
    assert_eq!(page.tokens, []);
    let mut names: Vec<&str> = (page.tokens_gone.iter())
        .map(|(_, name)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["reader", "script"]);
    // What was said by such a token is no operator's word any more either.
    let from = "192.0.2.9";
    assert_eq!(
        code(show_invitation(service, from, &invited.secret).await),
        "invitation_void"
    );
    let seen = list_people(service, &oscar).await.expect("reads");
    assert_eq!((seen.changes.len(), seen.invitations.len()), (0, 0));
}

#[tokio::test]
async fn tokens_that_give_more_than_a_lower_role_stop_with_the_higher_one() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    let orson = house.operator("orson").await;
    let mut made = Vec::new();
    for role in Role::ALL {
        made.push(house.token(&olga, role.name(), role).await);
    }
    let all: Vec<&CreatedToken> = made.iter().collect();
    let change = propose_role(service, &oscar, "olga", PersonRole::Approver)
        .await
        .expect("waits");
    assert_eq!(house.working(&all).await.len(), 4, "until it is decided");
    decide_change(service, &olga, &change.id, true)
        .await
        .expect("confirms");
    assert_eq!(house.working(&all).await, ["signer", "auditor"]);
    let changed = house.events("person.role-changed").await;
    let told = changed.last().expect("an event");
    assert_eq!(told.body["tokens"].as_array().map(Vec::len), Some(2));
    let page = show_person(service, &oscar, "olga").await.expect("reads");
    assert_eq!((page.tokens.len(), page.tokens_gone.len()), (2, 2));
    let again = propose_role(service, &oscar, "olga", PersonRole::Auditor)
        .await
        .expect("waits");
    decide_change(service, &orson, &again.id, true)
        .await
        .expect("confirms");
    assert_eq!(house.working(&all).await, ["auditor"]);
    let higher = propose_role(service, &oscar, "olga", PersonRole::Operator)
        .await
        .expect("waits");
    decide_change(service, &orson, &higher.id, true)
        .await
        .expect("confirms");
    assert_eq!(house.working(&all).await, ["auditor"], "none comes back");
}

#[tokio::test]
async fn what_was_under_way_when_a_role_went_leaves_nothing_behind() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    house.operator("oscar").await;
    house.person("dana", PersonRole::Approver).await;
    let hand = house.hand(&olga, "script").await;
    revoke_person_locally(service, "olga")
        .await
        .expect("at once");
    // Both were let in before, and act only now.
    for late in [&olga, &hand] {
        let new = NewToken {
            name: "late".to_owned(),
            role: Role::Operator,
            vault: None,
        };
        assert_eq!(
            code(create_token(service, late, &new).await),
            "unauthorized"
        );
        let request = invitation("erin", PersonRole::Auditor);
        assert_eq!(code(invite(service, late, &request).await), "unauthorized");
        let proposed = propose_role(service, late, "dana", PersonRole::Operator).await;
        assert_eq!(code(proposed), "unauthorized");
        assert_eq!(
            code(revoke_person(service, late, "dana").await),
            "unauthorized"
        );
    }
}

#[tokio::test]
async fn two_tokens_of_one_person_are_no_two_persons() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    house.person("dana", PersonRole::Approver).await;
    let one = house.hand(&olga, "one").await;
    let other = house.hand(&olga, "other").await;
    let change = propose_role(service, &one, "dana", PersonRole::Operator)
        .await
        .expect("waits");
    let invited = invite(service, &one, &invitation("erin", PersonRole::Operator))
        .await
        .expect("invites");
    let id = &invited.invitation.id;
    assert!(invited.invitation.waits_for_second && change.outcome.is_none());
    for (second, refusal) in [
        (&one, "not_an_operator"),
        (&other, "not_an_operator"),
        (&olga, "second_operator"),
    ] {
        assert_eq!(
            code(decide_change(service, second, &change.id, true).await),
            refusal
        );
        assert_eq!(code(confirm_invitation(service, second, id).await), refusal);
    }
    decide_change(service, &oscar, &change.id, true)
        .await
        .expect("confirms");
    confirm_invitation(service, &oscar, id)
        .await
        .expect("confirms");
}

#[tokio::test]
async fn behind_a_token_of_the_machine_stands_nobody_whose_word_another_one_confirms() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    house.person("dana", PersonRole::Approver).await;
    let machine = house.hand(&Actor::local(), "machine").await;
    let change = propose_role(service, &machine, "dana", PersonRole::Operator)
        .await
        .expect("waits");
    assert_eq!(change.outcome, None);
    for second in [&olga, &oscar] {
        assert_eq!(
            code(decide_change(service, second, &change.id, true).await),
            "second_operator"
        );
    }
}

#[tokio::test]
async fn a_token_does_not_say_the_word_of_a_person_who_is_away() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    house.person("dana", PersonRole::Approver).await;
    let hand = house.hand(&oscar, "oscar's script").await;
    let now = service.now();
    let away = NewAbsence {
        person: "oscar".to_owned(),
        from: now,
        until: now.saturating_add(86_400),
        reason: String::new(),
    };
    say_absent(service, &oscar, &away).await.expect("is taken");
    let change = propose_role(service, &olga, "dana", PersonRole::Operator)
        .await
        .expect("waits for oscar all the same");
    assert_eq!(change.outcome, None);
    for second in [&hand, &olga] {
        decide_change(service, second, &change.id, true)
            .await
            .expect_err("is not the word of oscar");
    }
    let dana = list_people(service, &olga).await.expect("reads");
    let dana = dana.people.iter().find(|person| person.name == "dana");
    assert_eq!(dana.expect("is here").role, PersonRole::Approver);
}

#[tokio::test]
async fn inviting_again_somebody_who_is_here_takes_a_second_operator() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let (passkey, session) = house.person("dana", PersonRole::Approver).await;
    let again = invitation("dana", PersonRole::Approver);
    let alone = invite(service, &olga, &again).await.expect("invites");
    assert!(!alone.invitation.waits_for_second, "there is no other one");
    let id = &alone.invitation.id;
    revoke_invitation(service, &olga, id)
        .await
        .expect("takes it back");
    let oscar = house.operator("oscar").await;
    let hand = house.hand(&olga, "script").await;
    for by in [&olga, &hand] {
        let invited = invite(service, by, &again).await.expect("invites");
        let id = &invited.invitation.id;
        assert!(invited.invitation.waits_for_second);
        // Whoever invites would be dana otherwise.
        let thief = SoftPasskey::new("a thief");
        assert_eq!(
            code(house.join(&invited.secret, &thief).await),
            "invitation_unconfirmed"
        );
        assert_eq!(
            code(confirm_invitation(service, &olga, id).await),
            "second_operator"
        );
        revoke_invitation(service, &oscar, id)
            .await
            .expect("takes it back");
    }
    assert!(house.visit(&session).await.is_some());
    house.sign_in(&passkey).await.expect("is dana still");
    let invited = invite(service, &olga, &again).await.expect("invites");
    confirm_invitation(service, &oscar, &invited.invitation.id)
        .await
        .expect("confirms");
    let new = SoftPasskey::new("dana's new one");
    house.join(&invited.secret, &new).await.expect("joins");
}

#[tokio::test]
async fn revoking_and_inviting_again_makes_nobody_another_person_alone() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    house.operator("oscar").await;
    house.person("dana", PersonRole::Approver).await;
    revoke_person(service, &olga, "dana")
        .await
        .expect("at once");
    // The name, the role and the vault would be whatever one operator likes.
    let again = invitation("dana", PersonRole::Requester);
    let invited = invite(service, &olga, &again).await.expect("invites");
    assert!(invited.invitation.waits_for_second);
    let thief = SoftPasskey::new("a thief");
    assert_eq!(
        code(house.join(&invited.secret, &thief).await),
        "invitation_unconfirmed"
    );
}

#[tokio::test]
async fn webhooks_of_an_operator_whose_role_is_over_tell_nothing_any_more() {
    let house = House::new().await;
    let service = &house.world.service;
    let olga = house.operator("olga").await;
    let oscar = house.operator("oscar").await;
    let hand = house.hand(&olga, "script").await;
    let new = |name: &str| NewWebhook {
        name: name.to_owned(),
        shape: Shape::Json,
        url: "https://hooks.example/x".to_owned(),
        vault: None,
        kinds: Vec::new(),
    };
    for (by, name) in [(&olga, "olga's"), (&hand, "through"), (&oscar, "oscar's")] {
        add_webhook(service, by, &new(name)).await.expect("adds");
    }
    let revoked = revoke_person_locally(service, "olga").await;
    revoked.expect("revokes");
    let all = list_webhooks(service, &oscar).await.expect("a list");
    let working: Vec<&str> = (all.iter())
        .filter(|hook| hook.paused.is_none())
        .map(|hook| hook.name.as_str())
        .collect();
    assert_eq!(working, ["oscar's"]);
    // What was under way when the role went leaves nothing behind.
    for by in [&olga, &hand] {
        let late = add_webhook(service, by, &new("late")).await;
        assert_eq!(code(late), "unauthorized");
    }
}
