//! Strangers may try often, keep nobody out, and leave nothing behind.

use std::time::Duration;

use bitcoin::hashes::{Hash, sha256};

use super::{FROM, House, code, site};
use crate::service::people::roles::revoke_person_locally;
use crate::service::people::signing_in::{begin_sign_in, finish_sign_in};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::{Ceremony, NewSession, PersonRole};
use crate::store::people::ceremonies;

/// Shorter than any turn of those who wait.
const SOON: Duration = Duration::from_millis(400);

impl House {
    /// As many strangers as need not wait, each from a place of its own.
    fn crowd(&self) {
        (self.world.service.tries()).crowd(self.world.service.now());
    }

    /// A sign-in that begins at this place.
    async fn begun(&self, from: &str) -> Ceremony {
        begin_sign_in(&self.world.service, from, &site(), None)
            .await
            .expect("begins")
    }

    /// The code with which a sign-in is refused at the tests' own place, where somebody was before or nobody.
    async fn refusal(&self, former: Option<&str>) -> &'static str {
        code(begin_sign_in(&self.world.service, FROM, &site(), former).await)
    }

    /// A sign-in that ends as it should.
    async fn finishes(&self, passkey: &SoftPasskey, begun: &Ceremony) {
        let answer = passkey.get(&site(), begun);
        finish_sign_in(&self.world.service, &site(), &answer, (None, ""))
            .await
            .expect("signs in");
    }

    /// One place over its own bound.
    async fn exhaust(&self, from: &str) {
        for _ in 0..60 {
            self.begun(from).await;
        }
    }

    async fn challenges(&self) -> u32 {
        let mut tx = self.world.read().await;
        ceremonies::count(&mut tx).await.expect("counts")
    }
}

/// A house with dana, who was here before and has begun to sign in once more.
async fn with_dana() -> (House, SoftPasskey, NewSession, Ceremony) {
    let house = House::new().await;
    let (passkey, session) = house.person("dana", PersonRole::Approver).await;
    let begun = house.begun(FROM).await;
    (house, passkey, session, begun)
}

#[tokio::test]
async fn tries_are_bounded_for_each_place() {
    let house = House::new().await;
    let service = &house.world.service;
    house.exhaust(FROM).await;
    let refused = begin_sign_in(service, FROM, &site(), None).await;
    let error = refused.expect_err("is refused");
    assert_eq!(
        (error.code(), error.class().status(), error.retry_after()),
        ("too_many_tries", 429, Some(300))
    );
    // Others are not held up.
    house.begun("198.51.100.1").await;
    house.world.pass(299);
    assert_eq!(house.refusal(None).await, "too_many_tries");
    house.world.pass(1);
    house.begun(FROM).await;
}

#[tokio::test]
async fn a_crowd_of_strangers_keeps_nobody_out() {
    let (house, passkey, session, begun) = with_dana().await;
    let service = &house.world.service;
    house.crowd();
    // A stranger waits for a turn, and has it.
    let here = site();
    let asks = begin_sign_in(service, "198.51.100.1", &here, None);
    let mut asks = std::pin::pin!(asks);
    let soon = tokio::time::timeout(SOON, asks.as_mut()).await;
    assert!(soon.is_err(), "is slowed");
    let asked = asks.await.expect("is not refused");
    house.finishes(&passkey, &asked).await;
    // Whoever was here before does not wait, also where the session is over.
    house.world.pass(13 * 3600);
    house.crowd();
    assert!(house.visit(&session).await.is_none());
    let asks = begin_sign_in(service, FROM, &here, Some(&session.secret));
    let asked = tokio::time::timeout(SOON, asks).await.expect("at once");
    house.finishes(&passkey, &asked.expect("asks")).await;
    // The challenge of long ago is over; one that is open is answered whatever others do meanwhile.
    let late = passkey.get(&site(), &begun);
    let refused = finish_sign_in(service, &site(), &late, (None, "")).await;
    assert_eq!(code(refused), "sign_in_refused");
}

#[tokio::test]
async fn one_network_takes_one_turn_at_a_time_and_leaves_the_others_to_others() {
    let house = House::new().await;
    let service = &house.world.service;
    house.crowd();
    let here = site();
    // A whole home network asks at once.
    let asks = (0..200_u32).map(|number| {
        let here = here.clone();
        async move {
            let from = format!("2001:db8:ffff:{number:x}::1");
            begin_sign_in(service, &from, &here, None).await
        }
    });
    let many = futures_util::future::join_all(asks);
    let honest = begin_sign_in(service, "198.51.100.1", &here, None);
    let (many, honest) = tokio::time::timeout(SOON.saturating_mul(20), async {
        tokio::join!(many, honest)
    })
    .await
    .expect("nobody waits behind them");
    honest.expect("has a turn");
    let let_in = many.iter().filter(|asked| asked.is_ok()).count();
    assert_eq!(let_in, 1);
    // The next turn of that network.
    house.begun("2001:db8:ffff::1").await;
}

#[tokio::test]
async fn a_sign_in_that_has_begun_is_finished_whatever_others_try_meanwhile() {
    let (house, passkey, session, begun) = with_dana().await;
    let service = &house.world.service;
    let answer = passkey.get(&site(), &begun);
    for _ in 0..59 {
        house.begun(FROM).await;
    }
    house.crowd();
    assert_eq!(house.refusal(None).await, "too_many_tries");
    let here = site();
    let finish = finish_sign_in(service, &here, &answer, (None, ""));
    let finished = tokio::time::timeout(SOON, finish).await.expect("at once");
    finished.expect("signs in");
    // A neighbour at the same address keeps nobody out who was here before; a revoked person is a stranger.
    begin_sign_in(service, FROM, &site(), Some(&session.secret))
        .await
        .expect("is known");
    let made_up = "ab".repeat(32);
    for former in [made_up.as_str(), ""] {
        assert_eq!(house.refusal(Some(former)).await, "too_many_tries");
    }
    house.person("olga", PersonRole::Operator).await;
    revoke_person_locally(service, "dana")
        .await
        .expect("revokes");
    let former = house.refusal(Some(&session.secret)).await;
    assert_eq!(former, "too_many_tries");
}

#[tokio::test]
async fn no_address_is_kept_and_nobody_knows_whose_bucket_is_whose() {
    let house = House::new().await;
    let service = &house.world.service;
    for number in 1..=20 {
        house.begun(&format!("198.51.100.{number}")).await;
    }
    let told = service.tries().told();
    assert!((1..=20).contains(&service.tries().kept()), "{told}");
    let stored = house.stored();
    for number in 1..=20 {
        let from = format!("198.51.100.{number}");
        assert!(!told.contains(&from), "{told}");
        let mut windows = stored.windows(from.len());
        assert!(!windows.any(|window| window == from.as_bytes()));
    }
    // Without the salt the buckets would be those that anybody can compute.
    let computed = (1..=20).filter(|number| {
        let hash = sha256::Hash::hash(format!("198.51.100.{number}").as_bytes());
        let [first, second, ..] = hash.to_byte_array();
        let bucket = u16::from_be_bytes([first, second]);
        told.contains(&format!("(SignIn, {bucket})"))
    });
    assert!(computed.count() < 5, "{told}");
}

#[tokio::test]
async fn challenges_that_are_over_are_forgotten_where_new_ones_are_made() {
    let house = House::new().await;
    let (passkey, _) = house.person("dana", PersonRole::Approver).await;
    house.exhaust("198.51.100.1").await;
    house.exhaust("198.51.100.2").await;
    // Beside them the one that dana joined by.
    assert_eq!(house.challenges().await, 121);
    house.world.pass(299);
    house.begun(FROM).await;
    assert_eq!(house.challenges().await, 122, "none is over yet");
    house.world.pass(1);
    // At most fifty go at a time, and none that is open.
    for left in [73, 24, 4] {
        let begun = house.begun(FROM).await;
        assert_eq!(house.challenges().await, left);
        house.finishes(&passkey, &begun).await;
    }
}
