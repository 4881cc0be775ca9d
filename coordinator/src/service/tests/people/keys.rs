//! Invitations open once; passkeys for signing in and page keys are apart.

use super::{FROM, House, code, site};
use crate::service::people::PersonRole;
use crate::service::people::invitations::{LIFE, NewInvitation, invite, revoke_invitation};
use crate::service::people::joining::{begin_joining, finish_joining, show_invitation};
use crate::service::people::keys::{
    begin_page_key, begin_passkey, finish_page_key, finish_passkey, rename_passkey,
    revoke_page_key, revoke_passkey,
};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::view::{account, list_people};
use crate::service::tokens::{NewToken, create_token, revoke_token};
use crate::service::{Actor, Role};
use watchtower::store::events;

#[tokio::test]
async fn an_invitation_opens_once_and_within_two_days_and_tells_strangers_nothing() {
    let house = House::new().await;
    let service = &house.world.service;
    let link = house.link("dana", PersonRole::Approver).await;
    let shown = show_invitation(service, FROM, &link)
        .await
        .expect("is open");
    assert_eq!(
        (shown.person.as_str(), shown.role),
        ("dana", PersonRole::Approver)
    );
    house
        .join(&link, &SoftPasskey::new("dana"))
        .await
        .expect("joins");
    let late = house.link("erin", PersonRole::Approver).await;
    let asked = begin_joining(service, FROM, &site(), &late)
        .await
        .expect("is open");
    house.world.pass(LIFE);
    let revoked = house.link("frank", PersonRole::Auditor).await;
    let seen = list_people(service, &Actor::local()).await.expect("reads");
    let id = &seen.invitations.last().expect("is open").id;
    revoke_invitation(service, &Actor::local(), id)
        .await
        .expect("takes it back");
    let mut told = Vec::new();
    for secret in [&link, &late, &revoked, &"0".repeat(64), &String::new()] {
        let error = show_invitation(service, FROM, secret)
            .await
            .expect_err("is refused");
        told.push((error.code(), error.to_string()));
        assert_eq!(
            code(begin_joining(service, FROM, &site(), secret).await),
            "invitation_void"
        );
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(told[0].0, "invitation_void");
    // Neither does a challenge that was made in time let anybody in afterwards.
    let answer = SoftPasskey::new("erin").create(&site(), &asked);
    let joined = finish_joining(service, &site(), (&late, &answer), (None, "")).await;
    assert_eq!(code(joined), "ceremony_over");
    assert_eq!(seen.people.len(), 1);
}

#[tokio::test]
async fn a_challenge_of_one_invitation_opens_no_other() {
    let house = House::new().await;
    let service = &house.world.service;
    let danas = house.link("dana", PersonRole::Approver).await;
    let erins = house.link("erin", PersonRole::Operator).await;
    let asked = begin_joining(service, FROM, &site(), &danas)
        .await
        .expect("is open");
    let answer = SoftPasskey::new("dana").create(&site(), &asked);
    let joined = finish_joining(service, &site(), (&erins, &answer), (None, "")).await;
    assert_eq!(code(joined), "ceremony_over");
}

#[tokio::test]
async fn a_new_passkey_by_invitation_ends_those_before_and_their_sessions() {
    let house = House::new().await;
    let service = &house.world.service;
    let (lost, session) = house.person("dana", PersonRole::Approver).await;
    let other = NewInvitation {
        name: "dana".to_owned(),
        role: PersonRole::Operator,
        vault: None,
    };
    // It gives no other role.
    assert_eq!(
        code(invite(service, &Actor::local(), &other).await),
        "other_role"
    );
    let link = house.link("dana", PersonRole::Approver).await;
    assert!(house.visit(&session).await.is_some(), "until it is used");
    let new = SoftPasskey::new("dana's new one");
    house.join(&link, &new).await.expect("joins");
    assert!(house.visit(&session).await.is_none());
    assert_eq!(code(house.sign_in(&lost).await), "sign_in_refused");
    house.sign_in(&new).await.expect("signs in");
}

#[tokio::test]
async fn one_invitation_of_a_name_is_open_at_a_time() {
    let house = House::new().await;
    let service = &house.world.service;
    house.link("dana", PersonRole::Approver).await;
    let again = NewInvitation {
        name: "dana".to_owned(),
        role: PersonRole::Auditor,
        vault: None,
    };
    assert_eq!(
        code(invite(service, &Actor::local(), &again).await),
        "already_invited"
    );
    house.world.pass(LIFE);
    invite(service, &Actor::local(), &again)
        .await
        .expect("the first is over");
    for name in [
        "",
        "Dana",
        "dana ng",
        "d\u{430}na",
        "coordinator",
        &"d".repeat(33),
    ] {
        let request = NewInvitation {
            name: name.to_owned(),
            ..again.clone()
        };
        let code = code(invite(service, &Actor::local(), &request).await);
        let expected = if name == "coordinator" {
            "name_taken"
        } else {
            "malformed"
        };
        assert_eq!(code, expected, "{name:?}");
    }
}

#[tokio::test]
async fn a_person_and_a_token_never_share_a_name() {
    let house = House::new().await;
    let (service, local) = (&house.world.service, Actor::local());
    let token = |name: &str| NewToken {
        name: name.to_owned(),
        role: Role::Signer,
        vault: None,
    };
    let invitation = |name: &str| NewInvitation {
        name: name.to_owned(),
        role: PersonRole::Approver,
        vault: None,
    };
    house.person("dana", PersonRole::Approver).await;
    assert_eq!(
        code(create_token(service, &local, &token("dana")).await),
        "name_taken"
    );
    house.link("erin", PersonRole::Approver).await;
    assert_eq!(
        code(create_token(service, &local, &token("erin")).await),
        "name_taken"
    );
    for own in ["local operator", "coordinator", "watchtower"] {
        assert_eq!(
            code(create_token(service, &local, &token(own)).await),
            "name_taken"
        );
    }
    let made = create_token(service, &local, &token("frank"))
        .await
        .expect("is free");
    assert_eq!(
        code(invite(service, &local, &invitation("frank")).await),
        "name_taken"
    );
    revoke_token(service, &local, &made.token.id)
        .await
        .expect("revokes");
    invite(service, &local, &invitation("frank"))
        .await
        .expect("is free again");
}

#[tokio::test]
async fn a_passkey_is_added_renamed_and_revoked_and_the_last_one_stays() {
    let house = House::new().await;
    let service = &house.world.service;
    let (first, session) = house.person("dana", PersonRole::Approver).await;
    let dana = house.visit(&session).await.expect("is signed in");
    let only = account(service, &dana).await.expect("reads").passkeys;
    assert_eq!(
        code(revoke_passkey(service, &dana, &only[0].id).await),
        "last_passkey"
    );
    let second = SoftPasskey::new("second");
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    assert_eq!(
        asked.options["authenticatorSelection"]["userVerification"],
        "required"
    );
    assert_eq!(asked.options["excludeCredentials"][0]["id"], only[0].id);
    let answer = second.create(&site(), &asked);
    finish_passkey(service, &dana, &site(), &answer)
        .await
        .expect("is taken");
    assert_eq!(
        code(finish_passkey(service, &dana, &site(), &answer).await),
        "ceremony_over"
    );
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let again = finish_passkey(service, &dana, &site(), &second.create(&site(), &asked)).await;
    assert_eq!(code(again), "passkey_known");
    rename_passkey(service, &dana, &only[0].id, "old laptop")
        .await
        .expect("renames");
    let (_, erins) = house.person("erin", PersonRole::Approver).await;
    let erin = house.visit(&erins).await.expect("is signed in");
    assert_eq!(
        code(revoke_passkey(service, &erin, &only[0].id).await),
        "unknown_passkey"
    );
    assert_eq!(
        code(rename_passkey(service, &erin, &only[0].id, "mine").await),
        "unknown_passkey"
    );
    revoke_passkey(service, &dana, &only[0].id)
        .await
        .expect("revokes");
    assert_eq!(code(house.sign_in(&first).await), "sign_in_refused");
    house.sign_in(&second).await.expect("signs in");
}

#[tokio::test]
async fn a_new_passkey_counts_only_with_its_user_verified_on_these_pages() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let dana = house.visit(&session).await.expect("is signed in");
    let mut unverified = SoftPasskey::new("second");
    unverified.flags = 1;
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let taken = finish_passkey(service, &dana, &site(), &unverified.create(&site(), &asked)).await;
    let error = taken.expect_err("is refused");
    assert_eq!(error.code(), "passkey_refused");
    assert_eq!(error.facts()["passkey"], "USER_NOT_VERIFIED");
    let mut elsewhere = site();
    elsewhere.origin = "https://evil.example".to_owned();
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let answer = SoftPasskey::new("second").create(&elsewhere, &asked);
    assert_eq!(
        code(finish_passkey(service, &dana, &site(), &answer).await),
        "passkey_refused"
    );
    // A challenge of one person or purpose serves no other.
    let (_, erins) = house.person("erin", PersonRole::Approver).await;
    let erin = house.visit(&erins).await.expect("is signed in");
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let answer = SoftPasskey::new("second").create(&site(), &asked);
    assert_eq!(
        code(finish_passkey(service, &erin, &site(), &answer).await),
        "ceremony_over"
    );
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let answer = SoftPasskey::new("second").create(&site(), &asked);
    assert_eq!(
        code(finish_page_key(service, &dana, &site(), &answer).await),
        "ceremony_over"
    );
}

#[tokio::test]
async fn a_page_key_opens_no_session_and_shows_its_entry_for_a_policy() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let dana = house.visit(&session).await.expect("is signed in");
    let page = SoftPasskey::new("page");
    let asked = begin_page_key(service, &dana, &site()).await.expect("asks");
    let key = finish_page_key(service, &dana, &site(), &page.create(&site(), &asked))
        .await
        .expect("is taken");
    assert!(key.record.starts_with("webauthn-es256:"));
    assert_eq!(
        key.entry,
        format!(
            "{{ key = \"{}\", tool = \"page\", rp_id = \"treasury.example\", origins = [\"https://treasury.example\"], synced = false }}",
            key.record
        )
    );
    assert_eq!(code(house.sign_in(&page).await), "sign_in_refused");
    // The same passkey cannot become both.
    let asked = begin_passkey(service, &dana, &site()).await.expect("asks");
    let both = finish_passkey(service, &dana, &site(), &page.create(&site(), &asked)).await;
    assert_eq!(code(both), "passkey_known");
    revoke_page_key(service, &dana, &key.id)
        .await
        .expect("revokes");
    assert_eq!(
        code(revoke_page_key(service, &dana, &key.id).await),
        "unknown_passkey"
    );
}

#[tokio::test]
async fn a_page_key_and_a_passkey_of_one_device_do_not_take_each_others_place() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let dana = house.visit(&session).await.expect("is signed in");
    let user = |asked: &crate::service::people::Ceremony| asked.options["user"]["id"].clone();
    let sign_in = begin_passkey(service, &dana, &site()).await.expect("asks");
    let again = begin_passkey(service, &dana, &site()).await.expect("asks");
    let page = begin_page_key(service, &dana, &site()).await.expect("asks");
    let other = begin_page_key(service, &dana, &site()).await.expect("asks");
    assert_eq!(user(&sign_in), user(&again));
    assert_ne!(user(&sign_in), user(&page));
    assert_ne!(user(&page), user(&other));
}

#[tokio::test]
async fn events_tell_who_did_what_and_no_secret() {
    let house = House::new().await;
    let link = house.link("dana", PersonRole::Approver).await;
    let session = house
        .join(&link, &SoftPasskey::new("dana"))
        .await
        .expect("joins");
    house.world.work().await;
    let mut tx = house.world.read().await;
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    let of: Vec<(&str, &str)> = log
        .iter()
        .filter(|event| matches!(event.object_kind.as_str(), "person" | "web-session"))
        .map(|event| (event.kind.as_str(), event.actor.as_str()))
        .collect();
    assert_eq!(
        of,
        [
            ("person.invited", "local operator"),
            ("person.joined", "dana"),
            ("person.key-registered", "dana"),
            ("session.begun", "dana"),
        ]
    );
    let all = format!("{log:?}");
    assert!(!all.contains(&link) && !all.contains(&session.secret));
}
