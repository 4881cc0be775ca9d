//! The pages of webhooks and notifications over a real service.

use axum::body::to_bytes;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::Actor;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::tests::world::World;
use crate::ui::Public;

async fn html(answer: Result<Response, Fault>) -> String {
    let body = answer.expect("a page").into_body();
    let bytes = to_bytes(body, 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_secret_is_shown_once_and_an_address_never_again() {
    let world = World::new(Kind::Wsh).await;
    let public = Public::parse("https://treasury.example").expect("an origin");
    let ui = Ui::new(
        world.service.clone(),
        public,
        Pulse::alone(world.service.clone()),
    );
    let visitor = Visitor {
        actor: Actor::local(),
        ..Visitor::sample("olga", PersonRole::Operator)
    };
    let empty = html(list(Given(ui.clone()), visitor.clone()).await).await;
    assert!(empty.contains("No webhook yet."), "{empty}");

    let typed = |url: &str| Typed {
        name: "books".to_owned(),
        shape: "json".to_owned(),
        url: url.to_owned(),
        vault: String::new(),
        kinds: "withdrawal.".to_owned(),
    };
    for bad in [
        "http://hooks.example/x",
        "https://127.0.0.1/x",
        "https://0x7f.1/",
        "x",
    ] {
        let answer = add(Given(ui.clone()), visitor.clone(), Posted(typed(bad))).await;
        let answer = answer.expect("a page");
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        let page = html(Ok(answer)).await;
        assert!(
            page.contains("url-wrong") && page.contains(bad),
            "{bad} in {page}"
        );
    }
    let unknown = Typed {
        kinds: "deposit. nonsense.".to_owned(),
        ..typed("https://hooks.example/x")
    };
    let answer = add(Given(ui.clone()), visitor.clone(), Posted(unknown)).await;
    let page = html(answer).await;
    assert!(page.contains("kinds-wrong"), "{page}");
    assert!(
        page.contains("begins with nonsense.; the families are"),
        "{page}"
    );
    let good = typed("https://hooks.example/services/token-of-others");
    let made = html(add(Given(ui.clone()), visitor.clone(), Posted(good)).await).await;
    let secret = made
        .split("data-copy=\"")
        .nth(1)
        .expect("a secret")
        .split('"')
        .next();
    let secret = secret.expect("a secret").to_owned();
    assert_eq!(secret.len(), 64);
    let again = html(list(Given(ui), visitor).await).await;
    assert!(
        again.contains("hooks.example") && again.contains("working"),
        "{again}"
    );
    assert!(
        !again.contains(&secret) && !again.contains("token-of-others"),
        "{again}"
    );
}
