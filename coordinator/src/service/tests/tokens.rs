//! Tokens: shown once, stored as a hash, revoked at once.

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::Role;
use crate::service::tokens::{NewToken, authenticate, create_token, list_tokens, revoke_token};

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
