//! The page of stops over a real service.

use axum::body::to_bytes;
use bitcoin::hex::DisplayHex;
use policies::document::{ApprovalsDraft, StopDraft};
use policies::intent::{StatementNonce, Stop};
use policies::{Approval, Statement, UnixTime};
use tokio::sync::watch;

use super::*;
use crate::roles::fixture::Kind;
use crate::service::lists::{
    ApproveStatement, SubmitStatement, approve_statement, submit_statement,
};
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::ui::Public;

async fn html(answer: Result<Response, Fault>) -> String {
    let body = answer.expect("a page").into_body();
    let bytes = to_bytes(body, 1 << 22).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn say(world: &World, statement: &Statement, expires: UnixTime) {
    let (service, operator) = (&world.service, &world.operator);
    let request = SubmitStatement {
        statement: String::from_utf8(statement.encode()).expect("ASCII"),
    };
    submit_statement(service, operator, world.vault, &request)
        .await
        .expect("stored");
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let approval = Approval::sign(&world.approver, purpose, world.vault, subject, expires);
    let request = ApproveStatement {
        purpose: purpose.to_string(),
        expires,
        key: approval.key,
        signature: approval.signature.encode().to_lower_hex_string(),
    };
    approve_statement(service, operator, world.vault, subject, &request)
        .await
        .expect("counts");
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
    let (_, stopping) = watch::channel(false);
    let ui = Ui::new(world.service.clone(), public, stopping);
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let show = async |visitor: &Visitor| {
        html(draw(&ui, visitor, world.vault, &StopsQuery::default()).await).await
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
