//! Tokens: shown once, stored as a hash, revoked at once.

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::Role;
use crate::service::paging::Cursor;
use crate::service::tokens::{
    NewToken, TokenFilter, authenticate, create_token, list_tokens, page_of_tokens, revoke_token,
};

#[tokio::test]
async fn a_token_is_known_by_its_secret_until_it_is_revoked() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator) = (&world.service, &world.operator);
    let new = NewToken {
        name: "back end".to_owned(),
        role: Role::Service,
        vault: Some(world.vault),
    };
    let created = create_token(service, operator, &new)
        .await
        .expect("a token");
    assert_eq!(created.secret.len(), 64);
    let actor = authenticate(service, &created.secret)
        .await
        .expect("is known");
    assert_eq!(
        (actor.name.as_str(), actor.role, actor.vault),
        ("back end", Role::Service, Some(world.vault))
    );
    for wrong in [
        "",
        "x",
        &created.secret.to_uppercase(),
        &created.token.id,
        &"0".repeat(64),
    ] {
        let error = authenticate(service, wrong).await.expect_err("is unknown");
        assert_eq!(
            (error.code(), error.class().status()),
            ("unauthorized", 401)
        );
    }
    let error = create_token(service, &actor, &new)
        .await
        .expect_err("is refused");
    assert_eq!((error.code(), error.class().status()), ("forbidden", 403));
    let revoked = revoke_token(service, operator, &created.token.id)
        .await
        .expect("is revoked");
    assert!(revoked.revoked_at.is_some());
    revoke_token(service, operator, &created.token.id)
        .await
        .expect("the same again");
    assert_eq!(
        authenticate(service, &created.secret)
            .await
            .expect_err("is revoked")
            .code(),
        "unauthorized"
    );
    assert_eq!(
        list_tokens(service, operator).await.expect("lists").len(),
        1
    );
    assert_eq!(
        revoke_token(service, operator, "ff")
            .await
            .expect_err("is unknown")
            .code(),
        "unknown_token"
    );
    assert!(!format!("{created:?}").contains(&created.secret));
}

#[tokio::test]
async fn tokens_are_read_newest_first_a_page_at_a_time_and_none_is_missed_or_told_twice() {
    let world = World::new(Kind::Wsh).await;
    let (service, operator) = (&world.service, &world.operator);
    let mut made = Vec::new();
    for n in 0..5_u32 {
        // Two of them in one second: then the id decides.
        world.pass(u64::from(n % 2));
        let new = NewToken {
            name: format!("Tool {n}"),
            role: if n == 0 { Role::Auditor } else { Role::Signer },
            vault: None,
        };
        let created = create_token(service, operator, &new).await.expect("made");
        made.push(created.token.id);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let all = TokenFilter::default();
        let page = page_of_tokens(service, operator, &all, after.as_ref(), 2)
            .await
            .expect("a page");
        assert!((1..=2).contains(&page.items.len()));
        seen.extend(page.items.into_iter().map(|token| token.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids
    };
    assert_eq!(sorted(&seen), sorted(&made));
    assert_eq!(seen.last(), made.first(), "the oldest comes last");

    revoke_token(service, operator, &made[1])
        .await
        .expect("revoked");
    let filtered = async |revoked, role: &str, text: &str| {
        let filter = TokenFilter {
            revoked,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        let page = page_of_tokens(service, operator, &filter, None, 50)
            .await
            .expect("a page");
        let mut names: Vec<String> = page.items.into_iter().map(|token| token.name).collect();
        names.sort();
        names.join(", ")
    };
    assert_eq!(filtered(Some(true), "", "").await, "Tool 1");
    assert_eq!(filtered(Some(false), "auditor", "").await, "Tool 0");
    assert_eq!(filtered(None, "", "tOOL 1").await, "Tool 1");
    assert_eq!(filtered(None, "", "_").await, "");
    let foreign = Cursor::of(&["soon", "x"]);
    let refused = page_of_tokens(
        service,
        operator,
        &TokenFilter::default(),
        Some(&foreign),
        2,
    )
    .await;
    assert_eq!(refused.expect_err("is refused").code(), "malformed");
}
