//! The page of stops over a real service.

use axum::body::to_bytes;
use policies::document::{ApprovalsDraft, StopDraft};
use policies::intent::{StatementNonce, Stop};
use policies::{Statement, UnixTime};

use super::*;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::stop_view::stops_in_force;
use crate::service::tests::world::World;
use crate::ui::Public;
use crate::ui::tests::stopped::say;

async fn html(answer: Result<Response, Fault>) -> String {
    let body = answer.expect("a page").into_body();
    let bytes = to_bytes(body, 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_stop_is_shown_large_until_the_persons_of_the_policy_released_it() {
    let world = World::funded_on(Kind::Wsh, 1, 1_000_000, |draft| {
        draft.stop = Some(StopDraft {
            release: ApprovalsDraft {
                group: Some("ops".to_owned()),
                count: 1,
                page: None,
            },
        });
    });
    let world = world.await;
    let public = Public::parse("https://treasury.example").expect("an origin");
    let ui = Ui::new(
        world.service.clone(),
        public,
        Pulse::alone(world.service.clone()),
    );
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let show = async |visitor: &Visitor| {
        let stopped = stops_in_force(&world.service, &visitor.actor).await;
        let visitor = Visitor {
            stopped: stopped.expect("reads"),
            ..visitor.clone()
        };
        html(draw(&ui, &visitor, world.vault, &StopsQuery::default()).await).await
    };
    let page = show(&dana).await;
    assert!(page.contains("No stop was ever given.") && page.contains("Stop this vault now"));
    assert!(page.contains("1 of ops: dana"), "who may release");
    let stop = Statement::Stop(Stop {
        created: world.service.now(),
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "<script>x</script>".to_owned(),
    });
    say(&world, &stop, UnixTime::ZERO).await;
    let page = show(&dana).await;
    assert!(page.contains("This vault is stopped: it pays nobody."));
    assert!(page.contains("one more person of ops signs its release"));
    assert!(!page.contains("<script>x") && page.contains("value=\"release\""));
    let page = show(&Visitor::sample("ada", PersonRole::Auditor)).await;
    assert!(!page.contains("value=\"release\"") && page.contains("waits for others"));
    let release = Statement::Release {
        stop: stop.subject(),
    };
    let until = world.service.now().saturating_add(1_000);
    say(&world, &release, until).await;
    let page = show(&dana).await;
    assert!(!page.contains("This vault is stopped") && page.contains("No stop is in force"));
    assert!(page.contains("chip-good\">released"));
}
