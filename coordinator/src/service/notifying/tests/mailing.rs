//! Mail over a listener that speaks SMTP.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{join, settle};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::notifying::NoticeKind;
use crate::service::notifying::mailing::{MailConfig, MailTls, Mailer};
use crate::service::notifying::posting::Reach;
use crate::service::notifying::settings::{Settings, set_settings, show_settings};
use crate::service::tests::world::World;

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
        ca_file: None,
    };
    (config.open().expect("a mailer"), taken)
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
        ca_file: None,
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
    let view = show_settings(&world.service, &dana).await.expect("shown");
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
    let view = show_settings(&world.service, &dana).await.expect("shown");
    assert_eq!(view.trouble, None);
}
