//! Mail over a listener that speaks SMTP, webhooks over one that speaks HTTP, and addresses that must not be called.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policies::UnixTime;

use super::NoticeKind;
use super::guarding::{UrlFault, check_url, is_public};
use super::mailing::{MailConfig, MailTls, Mailer};
use super::posting::{PostFault, Reach, post};
use super::settings::{Settings, set_settings};
use super::shaping::Shape;
use super::webhooks::{NewWebhook, add_webhook, pause_webhook, show_webhook};
use crate::jobs::outward_round;
use crate::roles::fixture::Kind;
use crate::service::Actor;
use crate::service::approvals::record_approvals;
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::store::people::persons::{self, PersonRow};

fn loopback() -> Reach {
    Reach {
        allow_loopback: true,
        ..Reach::default()
    }
}

/// A mail server of a few lines; gives every mail that it took.
fn mail_server() -> (Mailer, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (takes, taken) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
            stream.write_all(b"220 here\r\n").expect("writes");
            let mut mail: Option<String> = None;
            loop {
                let mut line = String::new();
                if lines.read_line(&mut line).expect("a line") == 0 {
                    break;
                }
                let said = line.trim_end();
                let answer = if let Some(text) = &mut mail {
                    if said != "." {
                        *text += &line;
                        continue;
                    }
                    drop(takes.send(std::mem::take(text)));
                    mail = None;
                    "250 taken"
                } else {
                    match said {
                        "DATA" => {
                            mail = Some(String::new());
                            "354 go on"
                        }
                        "QUIT" => "221 bye",
                        _ => "250 fine",
                    }
                };
                stream
                    .write_all(format!("{answer}\r\n").as_bytes())
                    .expect("writes");
            }
        }
    });
    let config = MailConfig {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls: MailTls::None,
        from: "Countersign <countersign@treasury.example>".to_owned(),
        username: None,
        password_file: None,
    };
    (config.open().expect("a mailer"), taken)
}

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

/// A person who approves, with an address.
async fn join(world: &World, name: &str) -> Actor {
    let mut tx = world
        .service
        .database()
        .begin_write()
        .await
        .expect("begins");
    let row = PersonRow {
        name: name.to_owned(),
        role: PersonRole::Approver.name().to_owned(),
        vault: None,
        created_at: world.service.now(),
        created_by: "test".to_owned(),
        ended_at: None,
    };
    persons::insert(&mut tx, &row).await.expect("stored");
    tx.commit().await.expect("commits");
    Actor {
        name: name.to_owned(),
        role: PersonRole::Approver.role(),
        vault: None,
    }
}

/// Everything that can be done now is done, and what follows within a minute.
async fn settle(world: &World) {
    for _ in 0..3 {
        world.work().await;
        while outward_round(&world.service, "test")
            .await
            .expect("a round")
        {}
        world.pass(31);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_is_told_once_what_waits_reminded_and_no_more_once_it_is_done() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    let (mailer, taken) = mail_server();
    let service = world
        .service
        .clone()
        .at_public_url(Some("https://treasury.example"));
    world.service = service.telling(Some(mailer), Reach::default());
    let dana = join(&world, "dana").await;
    let wish = Settings {
        mail: "dana@treasury.example".to_owned(),
        kinds: BTreeSet::from([NoticeKind::Waits]),
        remind_hours: Some(4),
        ..Settings::default()
    };
    set_settings(&world.service, &dana, &wish)
        .await
        .expect("saved");
    let withdrawal = world.submit("w-1", 5_000_000).await;
    settle(&world).await;
    let mail = taken.recv_timeout(Duration::from_secs(20)).expect("a mail");
    for part in [
        "To: dana@treasury.example",
        "This link opens a page. It approves nothing.",
        "https://treasury.example/vaults/",
    ] {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    settle(&world).await;
    assert!(taken.try_recv().is_err(), "what was told is not told again");
    world.pass(4 * 3_600);
    settle(&world).await;
    let mail = taken
        .recv_timeout(Duration::from_secs(20))
        .expect("a reminder");
    assert!(mail.contains("Still open"), "{mail}");
    let approval = world.approval(&[withdrawal.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("counts");
    settle(&world).await;
    world.pass(24 * 3_600);
    settle(&world).await;
    assert!(taken.try_recv().is_err(), "what is approved waits no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_is_tried_again_and_nothing_is_lost() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    let (mailer, taken) = mail_server();
    let away = MailConfig {
        host: "127.0.0.1".to_owned(),
        port: Some(1),
        tls: MailTls::None,
        from: "c@treasury.example".to_owned(),
        username: None,
        password_file: None,
    };
    let plain = world.service.clone();
    world.service = plain
        .clone()
        .telling(Some(away.open().expect("a mailer")), Reach::default());
    let dana = join(&world, "dana").await;
    let wish = Settings {
        mail: "dana@treasury.example".to_owned(),
        ..Settings::default()
    };
    set_settings(&world.service, &dana, &wish)
        .await
        .expect("saved");
    world.submit("w-1", 5_000_000).await;
    settle(&world).await;
    let view = super::settings::show_settings(&world.service, &dana)
        .await
        .expect("shown");
    assert!(
        view.trouble.is_some(),
        "the person sees that mail does not go out"
    );
    world.service = plain.telling(Some(mailer), Reach::default());
    world.pass(600);
    settle(&world).await;
    taken
        .recv_timeout(Duration::from_secs(20))
        .expect("the mail");
    let view = super::settings::show_settings(&world.service, &dana)
        .await
        .expect("shown");
    assert_eq!(view.trouble, None);
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
    let (hook, secret) = add_webhook(&world.service, &world.operator, &new)
        .await
        .expect("added");
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
        let signature = header("countersign-signature:");
        let at = signature
            .trim_start_matches("t=")
            .split(',')
            .next()
            .expect("a time");
        let at = UnixTime::from_secs(at.parse().expect("a number"));
        let parcel = super::shaping::Parcel {
            id: id.clone(),
            body: body.clone(),
        };
        assert_eq!(signature, super::shaping::signature(&secret, at, &parcel));
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

    pause_webhook(&world.service, &world.operator, &hook.id, true)
        .await
        .expect("paused");
    world.submit("w-2", 100_001).await;
    settle(&world).await;
    assert!(
        got.recv_timeout(Duration::from_millis(300)).is_err(),
        "what is paused sends nothing"
    );
    pause_webhook(&world.service, &world.operator, &hook.id, false)
        .await
        .expect("goes on");
    settle(&world).await;
    got.recv_timeout(Duration::from_secs(20))
        .expect("what happened meanwhile");
}

#[test]
fn only_addresses_of_the_public_internet_may_be_called() {
    for inside in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        let address: IpAddr = inside.parse().expect(inside);
        assert!(!is_public(address), "{inside}");
    }
    for outside in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        let address: IpAddr = outside.parse().expect(outside);
        assert!(is_public(address), "{outside}");
    }
}

#[test]
fn sixty_addresses_that_lead_inside_or_nowhere_are_refused_before_any_lookup() {
    let refused = [
        "",
        "x",
        "hooks.example",
        "//hooks.example",
        "http://hooks.example",
        "HTTP://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "javascript:alert(1)",
        "data:,x",
        "https://",
        "https:///x",
        "https://:443/",
        "https://user@hooks.example/",
        "https://a:b@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://127.0.0.1#@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks .example/",
        "https://hooks.example/a b",
        "https://hooks.example/\u{e9}",
        "https://hooks.example/\r\nHost: x",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.0.0.1:8080/",
        "https://127.1.2.3/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://10.1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[2002:7f00:1::]/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost:1/",
    ];
    assert!(refused.len() >= 60, "{}", refused.len());
    for url in refused {
        assert!(check_url(url, false).is_err(), "{url}");
    }
    for good in [
        "https://hooks.example/a?b=c",
        "https://hooks.example:8443/",
        "https://1.1.1.1/x",
        "https://[2606:4700::1111]/",
    ] {
        check_url(good, false).expect(good);
    }
    check_url("http://127.0.0.1:9/", true).expect("this host, for tests");
    let refused = check_url("http://hooks.example/", true);
    assert_eq!(refused.map(|_| ()), Err(UrlFault::NotHttps));
}

#[test]
fn a_name_whose_answers_flip_is_looked_up_once_a_call_and_never_leads_inside() {
    let inside = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    inside.set_nonblocking(true).expect("can be asked");
    let port = inside.local_addr().expect("its address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let answers: Arc<Mutex<Vec<Vec<IpAddr>>>> = Arc::default();
    let (counts, given) = (Arc::clone(&asked), Arc::clone(&answers));
    let lookup = move |_: &str, _: u16| {
        let n = counts.fetch_add(1, Ordering::SeqCst);
        let inside: IpAddr = "127.0.0.1".parse().expect("an address");
        let outside: IpAddr = "2606:4700::ffff:1".parse().expect("an address");
        // First outside, then inside, then both: a check that looked twice would be led inside.
        let answer = match n % 3 {
            0 => vec![outside],
            1 => vec![inside],
            _ => vec![outside, inside],
        };
        given.lock().expect("nobody panicked").push(answer.clone());
        Ok(answer
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect())
    };
    let reach = Reach {
        allow_loopback: false,
        lookup: Some(Arc::new(lookup)),
        timeout: Duration::from_millis(200),
    };
    for n in 0..60 {
        let url = format!("https://hook-{n}.example:{port}/x");
        let fault = post(&url, &[], "{}", &reach).expect_err("leads nowhere");
        assert!(matches!(fault, PostFault::NoAnswer(_)), "{fault}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 60, "each call looks up once");
    assert!(inside.accept().is_err(), "nobody ever came inside");
}
