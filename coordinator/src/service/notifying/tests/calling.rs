//! Webhooks over a listener that speaks HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use policies::UnixTime;

use super::{loopback, settle};
use crate::roles::fixture::Kind;
use crate::service::notifying::shaping::{Parcel, Shape, signature};
use crate::service::notifying::webhook_view::NewWebhook;
use crate::service::notifying::webhooks::{
    add_webhook, pause_webhook, remove_webhook, show_webhook,
};
use crate::service::status::show_status;
use crate::service::tests::world::World;
use crate::service::{NotifyError, ServiceError};

/// A web server that answers these statuses, then 200; gives the headers and bodies that it got.
fn web_server(statuses: &'static [u16]) -> (u16, Receiver<(String, String)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (gets, got) = channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut head = String::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).expect("a line") == 0 || line == "\r\n" {
                    break;
                }
                head += &line.to_ascii_lowercase();
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |text| text.parse().expect("a number"));
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            let status = statuses.next().copied().unwrap_or(200);
            let location = "location: http://127.0.0.1:1/\r\n";
            let answer = format!(
                "HTTP/1.1 {status} x\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).expect("writes");
            drop(gets.send((head, String::from_utf8(body).expect("text"))));
        }
    });
    (port, got)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_every_event_in_order_signed_and_again_until_it_is_taken() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    world.service = world.service.clone().telling(None, loopback());
    let (port, got) = web_server(&[500, 302]);
    let new = NewWebhook {
        name: "books".to_owned(),
        shape: Shape::Json,
        url: format!("http://127.0.0.1:{port}/hook"),
        vault: Some(world.vault),
        kinds: vec!["withdrawal.".to_owned()],
    };
    settle(&world).await;
    let created = add_webhook(&world.service, &world.operator, &new)
        .await
        .expect("added");
    let (hook, secret) = (created.webhook, created.secret);
    world.submit("w-1", 100_000).await;
    for _ in 0..6 {
        settle(&world).await;
        world.pass(300);
    }
    let mut ids = Vec::new();
    let mut kinds = Vec::new();
    while let Ok((head, body)) = got.recv_timeout(Duration::from_millis(300)) {
        let header = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(name));
            found.expect("is there").trim().to_owned()
        };
        let id = header("countersign-event:");
        let signed = header("countersign-signature:");
        let at = signed
            .trim_start_matches("t=")
            .split(',')
            .next()
            .expect("a time");
        let at = UnixTime::from_secs(at.parse().expect("a number"));
        let parcel = Parcel {
            id: id.clone(),
            body: body.clone(),
        };
        assert_eq!(signed, signature(&secret, at, &parcel));
        let body: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
        ids.push(id);
        kinds.push(body["kind"].as_str().expect("a kind").to_owned());
    }
    assert_eq!(
        kinds,
        [
            "withdrawal.requested",
            "withdrawal.requested",
            "withdrawal.requested",
            "withdrawal.approved"
        ]
    );
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3],
        "{ids:?}"
    );
    let (view, deliveries) = show_webhook(&world.service, &world.operator, &hook.id)
        .await
        .expect("there");
    assert_eq!((view.failing_since, view.behind), (None, 0));
    let tries: Vec<u32> = deliveries.iter().map(|one| one.tries).collect();
    assert_eq!(tries, [1, 3]);

    // What is paused gets nothing, though a second webhook gets that event and the ones after it.
    pause_webhook(&world.service, &world.operator, &hook.id, true)
        .await
        .expect("paused");
    let (other_port, others) = web_server(&[]);
    let beside = NewWebhook {
        url: format!("http://127.0.0.1:{other_port}/hook"),
        ..new
    };
    add_webhook(&world.service, &world.operator, &beside)
        .await
        .expect("added");
    let kinds = |got: &Receiver<(String, String)>| -> Vec<String> {
        let bodies = std::iter::from_fn(|| got.recv_timeout(Duration::from_millis(300)).ok());
        bodies
            .map(|(_, body)| {
                let body: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
                format!("{} {}", body["kind"], body["body"]["id"])
            })
            .collect()
    };
    let told =
        |id: &str| ["requested", "approved"].map(|what| format!("\"withdrawal.{what}\" \"{id}\""));
    for id in ["w-2", "w-3"] {
        world.submit(id, 100_001).await;
        settle(&world).await;
        assert_eq!(kinds(&others), told(id));
    }
    assert_eq!(kinds(&got), Vec::<String>::new(), "it is paused");
    let (view, deliveries) = show_webhook(&world.service, &world.operator, &hook.id)
        .await
        .expect("there");
    assert!(view.paused.is_some() && view.behind >= 4, "{view:?}");
    let tries: Vec<u32> = deliveries.iter().map(|one| one.tries).collect();
    assert_eq!(tries, [1, 3], "nothing was tried");
    pause_webhook(&world.service, &world.operator, &hook.id, false)
        .await
        .expect("goes on");
    settle(&world).await;
    assert_eq!(kinds(&got), [told("w-2"), told("w-3")].concat());
}

fn hook(world: &World, port: u16, kinds: &[&str]) -> NewWebhook {
    NewWebhook {
        name: "books".to_owned(),
        shape: Shape::Json,
        url: format!("http://127.0.0.1:{port}/hook"),
        vault: Some(world.vault),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_for_a_webhook_that_was_removed_ends_and_leaves_no_alarm() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    world.service = world.service.clone().telling(None, loopback());
    let (port, got) = web_server(&[500; 40]);
    settle(&world).await;
    let created = add_webhook(
        &world.service,
        &world.operator,
        &hook(&world, port, &["withdrawal."]),
    )
    .await
    .expect("added");
    world.submit("w-1", 100_000).await;
    settle(&world).await;
    got.recv_timeout(Duration::from_secs(20))
        .expect("it was called");
    let jobs = async || {
        let status = show_status(&world.service, &world.operator).await;
        let jobs = status.expect("reads").jobs.into_iter();
        jobs.map(|job| job.kind).collect::<Vec<_>>()
    };
    assert_eq!(jobs().await, ["webhook"], "while it stands, it is told of");
    remove_webhook(&world.service, &world.operator, &created.webhook.id)
        .await
        .expect("removed");
    world.pass(600);
    settle(&world).await;
    assert_eq!(jobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_kind_that_no_event_has_is_refused_with_the_families_there_are() {
    let world = World::new(Kind::Wsh).await;
    let service = world.service.clone().telling(None, loopback());
    for kind in ["nonsense.", "withdrawals.", "polity"] {
        let new = hook(&world, 9, &["deposit.", kind]);
        let refused = add_webhook(&service, &world.operator, &new).await;
        let error = refused.expect_err("is refused");
        assert_eq!(error.code(), "unknown_event_kind");
        let said = error.to_string();
        assert!(
            said.contains(kind) && said.contains("webhook., withdrawal."),
            "{said}"
        );
        assert!(matches!(
            error,
            ServiceError::Notify(NotifyError::UnknownEventKind { beginning }) if beginning == kind
        ));
    }
    let new = hook(&world, 9, &["deposit.", "policy.adopted", "with"]);
    add_webhook(&service, &world.operator, &new)
        .await
        .expect("each begins some kind");
}
