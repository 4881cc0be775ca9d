//! Sessions begin by a passkey, are known by a hash, and are over soon.

use bitcoin::hex::FromHex;

use super::{FROM, House, code, site};
use crate::service::people::keys::{
    begin_page_key, begin_passkey, finish_page_key, finish_passkey, page_keys_of,
};
use crate::service::people::roles::{propose_role, revoke_person, revoke_person_locally};
use crate::service::people::sessions::{
    ABSOLUTE, GRACE, IDLE, ROTATE, end_other_sessions, end_session, sign_out,
};
use crate::service::people::signing_in::{begin_sign_in, finish_sign_in};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::view::account;
use crate::service::people::{PersonRole, glance, renew};

#[tokio::test]
async fn only_hashes_of_secrets_are_stored() {
    let house = House::new().await;
    let link = house.link("dana", PersonRole::Approver).await;
    let passkey = SoftPasskey::new("dana");
    let joined = house.join(&link, &passkey).await.expect("joins");
    let session = house.sign_in(&passkey).await.expect("signs in");
    let asked = begin_sign_in(&house.world.service, FROM, &site(), None)
        .await
        .expect("a challenge");
    let stored = house.stored();
    let holds = |wanted: &[u8]| stored.windows(wanted.len()).any(|window| window == wanted);
    // What is stored is found where it is looked for.
    let visit = house.visit(&session).await.expect("is signed in");
    assert!(holds(visit.session.as_bytes()) && holds(visit.csrf.as_bytes()));
    for secret in [link, joined.secret, session.secret, asked.ceremony] {
        assert!(!holds(secret.as_bytes()), "the text is stored");
        let bytes = Vec::from_hex(&secret).expect("hex");
        assert!(!holds(&bytes), "the bytes are stored");
    }
}

#[tokio::test]
async fn a_session_is_over_after_half_an_hour_without_use() {
    let house = House::new().await;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    for _ in 0..4 {
        house.world.pass(IDLE - 1);
        assert!(house.visit(&session).await.is_some(), "is used");
    }
    house.world.pass(IDLE);
    assert!(house.visit(&session).await.is_none());
    house.world.pass(1);
    assert!(house.visit(&session).await.is_none(), "never comes back");
}

#[tokio::test]
async fn a_page_that_asks_by_itself_keeps_no_session_alive() {
    let house = House::new().await;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let service = &house.world.service;
    for _ in 0..29 {
        house.world.pass(60);
        let seen = glance(service, &session.secret).await.expect("reads");
        assert!(seen.is_some(), "is open still");
    }
    house.world.pass(60);
    let seen = glance(service, &session.secret).await.expect("reads");
    assert_eq!(seen, None);
    assert!(house.visit(&session).await.is_none());
}

#[tokio::test]
async fn a_session_is_over_after_twelve_hours_in_any_case() {
    let house = House::new().await;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let mut passed = 0;
    while passed + 1200 < ABSOLUTE {
        house.world.pass(1200);
        passed += 1200;
        assert!(house.visit(&session).await.is_some(), "after {passed} s");
    }
    house.world.pass(ABSOLUTE - passed);
    assert!(house.visit(&session).await.is_none());
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once_and_no_other() {
    let house = House::new().await;
    let (passkey, session) = house.person("dana", PersonRole::Approver).await;
    let other = house.sign_in(&passkey).await.expect("signs in");
    sign_out(&house.world.service, &session.secret)
        .await
        .expect("signs out");
    assert!(house.visit(&session).await.is_none());
    assert!(house.visit(&other).await.is_some());
}

#[tokio::test]
async fn a_person_ends_own_sessions_and_nobody_elses() {
    let house = House::new().await;
    let service = &house.world.service;
    let (passkey, session) = house.person("dana", PersonRole::Approver).await;
    let second = house.sign_in(&passkey).await.expect("signs in");
    let third = house.sign_in(&passkey).await.expect("signs in");
    let (_, erins) = house.person("erin", PersonRole::Approver).await;
    let dana = house.visit(&session).await.expect("is signed in");
    let erin = house.visit(&erins).await.expect("is signed in");
    assert_eq!(
        code(end_session(service, &dana, &erin.session).await),
        "unknown_session"
    );
    let id = house.visit(&second).await.expect("is signed in").session;
    end_session(service, &dana, &id).await.expect("ends");
    assert!(house.visit(&second).await.is_none());
    end_other_sessions(service, &dana).await.expect("ends");
    assert!(house.visit(&third).await.is_none());
    assert!(house.visit(&session).await.is_some());
    assert!(house.visit(&erins).await.is_some());
    let seen = account(service, &dana).await.expect("reads");
    assert_eq!(seen.sessions.len(), 1);
}

#[tokio::test]
async fn all_sessions_are_over_at_once_when_the_person_is_revoked_or_gets_another_role() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, operators) = house.person("olga", PersonRole::Operator).await;
    let olga = house.actor(&operators).await;
    let (danas, first) = house.person("dana", PersonRole::Approver).await;
    let second = house.sign_in(&danas).await.expect("signs in");
    propose_role(service, &olga, "dana", PersonRole::Auditor)
        .await
        .expect("there is no second operator");
    assert!(house.visit(&first).await.is_none());
    assert!(house.visit(&second).await.is_none());
    let third = house.sign_in(&danas).await.expect("signs in");
    let dana = house.visit(&third).await.expect("is signed in");
    assert_eq!(dana.role, PersonRole::Auditor);
    revoke_person(service, &olga, "dana")
        .await
        .expect("revokes");
    assert!(house.visit(&third).await.is_none());
    assert_eq!(code(house.sign_in(&danas).await), "sign_in_refused");
    assert!(house.visit(&operators).await.is_some());
}

#[tokio::test]
async fn what_was_known_before_signing_in_opens_nothing_afterwards() {
    let house = House::new().await;
    let (passkey, planted) = house.person("dana", PersonRole::Approver).await;
    let before = house.visit(&planted).await.expect("is signed in");
    let session = house
        .sign_in_with(&passkey, Some(&planted.secret))
        .await
        .expect("signs in");
    assert_ne!(session.secret, planted.secret);
    assert!(house.visit(&planted).await.is_none());
    let after = house.visit(&session).await.expect("is signed in");
    assert_ne!((after.session, after.csrf), (before.session, before.csrf));
}

#[tokio::test]
async fn the_secret_changes_every_hour_and_the_one_before_counts_a_minute_more() {
    let house = House::new().await;
    let service = &house.world.service;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    for _ in 0..3 {
        house.world.pass(ROTATE / 4);
        assert!(house.visit(&session).await.is_some());
        assert_eq!(renew(service, &session.secret).await.expect("asks"), None);
    }
    house.world.pass(ROTATE / 4);
    assert!(house.visit(&session).await.is_some());
    let next = renew(service, &session.secret)
        .await
        .expect("asks")
        .expect("is due");
    assert_ne!(next.secret, session.secret);
    assert_eq!(next.max_age, ABSOLUTE - ROTATE);
    // A second request of the same browser brings the old one still, and makes no third secret.
    assert_eq!(renew(service, &session.secret).await.expect("asks"), None);
    house.world.pass(GRACE);
    assert!(house.visit(&session).await.is_some());
    assert!(house.visit(&next).await.is_some());
    house.world.pass(1);
    assert!(house.visit(&session).await.is_none());
    assert!(house.visit(&next).await.is_some());
}

#[tokio::test]
async fn use_is_noted_once_a_minute_at_most() {
    let house = House::new().await;
    let (_, session) = house.person("dana", PersonRole::Approver).await;
    let seen = async || {
        let visit = house.visit(&session).await.expect("is signed in");
        let account = account(&house.world.service, &visit).await.expect("reads");
        account.sessions[0].seen_at
    };
    let begun = house.world.service.now();
    house.world.pass(59);
    assert_eq!(seen().await, begun);
    house.world.pass(1);
    assert_eq!(seen().await, begun.saturating_add(60));
}

#[tokio::test]
async fn a_wrong_sign_in_is_refused_the_same_whatever_is_wrong() {
    let house = House::new().await;
    let service = &house.world.service;
    let (passkey, _) = house.person("dana", PersonRole::Approver).await;
    let begin = async || {
        begin_sign_in(service, FROM, &site(), None)
            .await
            .expect("asks")
    };
    let mut answers = Vec::new();
    // A passkey that nobody has here.
    answers.push(SoftPasskey::new("mallory").get(&site(), &begin().await));
    // The credential of one with the key of another.
    let mut stranger = SoftPasskey::new("mallory");
    stranger.id.clone_from(&passkey.id);
    answers.push(stranger.get(&site(), &begin().await));
    // Another page's origin, and nobody verified.
    let mut elsewhere = site();
    elsewhere.origin = "https://treasury.example.net".to_owned();
    answers.push(passkey.get(&elsewhere, &begin().await));
    let mut unverified = SoftPasskey::new("dana");
    unverified.flags = 1;
    answers.push(unverified.get(&site(), &begin().await));
    // A challenge that was never made, and bytes that are none.
    let asked = begin().await;
    let mut unknown = passkey.get(&site(), &asked);
    unknown.ceremony = "00".repeat(32);
    answers.push(unknown);
    let mut broken = passkey.get(&site(), &asked);
    broken.signature = "%".to_owned();
    answers.push(broken);
    let mut told = Vec::new();
    for answer in &answers {
        let refused = finish_sign_in(service, &site(), answer, (None, "")).await;
        let error = refused.expect_err("is refused");
        told.push((error.code(), error.to_string(), error.facts()));
    }
    let first = told.first().expect("some").clone();
    assert_eq!(first.0, "sign_in_refused");
    assert!(told.iter().all(|one| *one == first), "{told:?}");
}

#[tokio::test]
async fn a_challenge_counts_once_and_for_five_minutes() {
    let house = House::new().await;
    let service = &house.world.service;
    let (passkey, _) = house.person("dana", PersonRole::Approver).await;
    let asked = begin_sign_in(service, FROM, &site(), None)
        .await
        .expect("asks");
    let answer = passkey.get(&site(), &asked);
    let finish = async |answer| finish_sign_in(service, &site(), answer, (None, "")).await;
    finish(&answer).await.expect("signs in");
    assert_eq!(code(finish(&answer).await), "sign_in_refused");
    let asked = begin_sign_in(service, FROM, &site(), None)
        .await
        .expect("asks");
    let answer = passkey.get(&site(), &asked);
    house.world.pass(300);
    assert_eq!(code(finish(&answer).await), "sign_in_refused");
}

#[tokio::test]
async fn nothing_of_a_revoked_person_opens_anything_also_after_they_came_back() {
    let house = House::new().await;
    let service = &house.world.service;
    house.person("olga", PersonRole::Operator).await;
    let (passkey, session) = house.person("dana", PersonRole::Approver).await;
    let visit = house.visit(&session).await.expect("is signed in");
    let page = SoftPasskey::new("page");
    let asked = begin_page_key(service, &visit, &site())
        .await
        .expect("asks");
    finish_page_key(service, &visit, &site(), &page.create(&site(), &asked))
        .await
        .expect("is taken");
    // What has begun before she is revoked.
    let signing_in = begin_sign_in(service, FROM, &site(), None)
        .await
        .expect("asks");
    let further = begin_passkey(service, &visit, &site()).await.expect("asks");
    let further_page = begin_page_key(service, &visit, &site())
        .await
        .expect("asks");
    revoke_person_locally(service, "dana")
        .await
        .expect("revokes");
    let answer = passkey.get(&site(), &signing_in);
    let finished = finish_sign_in(service, &site(), &answer, (None, "")).await;
    assert_eq!(code(finished), "sign_in_refused");
    let made = SoftPasskey::new("further").create(&site(), &further);
    let finished = finish_passkey(service, &visit, &site(), &made).await;
    assert_eq!(code(finished), "unknown_person");
    let made = SoftPasskey::new("further page").create(&site(), &further_page);
    let finished = finish_page_key(service, &visit, &site(), &made).await;
    assert_eq!(code(finished), "unknown_person");
    let opens_nothing = async || {
        for old in [&passkey, &page] {
            assert_eq!(code(house.sign_in(old).await), "sign_in_refused");
        }
        assert!(house.visit(&session).await.is_none());
        let keys = page_keys_of(service, &visit).await.expect("reads");
        assert_eq!(keys, []);
    };
    opens_nothing().await;
    let link = house.link("dana", PersonRole::Approver).await;
    let new = SoftPasskey::new("dana's new one");
    house.join(&link, &new).await.expect("joins");
    opens_nothing().await;
    house.sign_in(&new).await.expect("signs in");
}
