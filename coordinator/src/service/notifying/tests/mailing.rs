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
use crate::service::notifying::settings::{
    SetBy, Settings, set_settings, set_settings_of, show_settings,
};
use crate::service::tests::world::World;

/// A mail server of a few lines; gives every mail that it took.
fn mail_server() -> (Mailer, Receiver<String>) {
    mail_server_without("nobody at all")
}

/// The same; for one address it takes nothing.
fn mail_server_without(unknown: &'static str) -> (Mailer, Receiver<String>) {
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
                        said if said.contains(unknown) => "550 no such person",
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

fn wish(mail: &str) -> Settings {
    Settings {
        mail: mail.to_owned(),
        kinds: BTreeSet::from([NoticeKind::Waits]),
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_mail_is_led_elsewhere_in_silence() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    let (mailer, taken) = mail_server();
    world.service = (world.service.clone()).telling(Some(mailer), Reach::default());
    let dana = join(&world, "dana").await;
    let (service, operator) = (&world.service, &world.operator);
    let next = || taken.recv_timeout(Duration::from_secs(20)).expect("a mail");
    let stands = async || show_settings(service, &dana).await.expect("shown").set_by;
    // Where there was no address, the page alone tells it.
    set_settings_of(service, operator, "dana", &wish("dana@treasury.example"))
        .await
        .expect("is set");
    let set_by = |at| SetBy {
        by: operator.name.clone(),
        at,
    };
    assert_eq!(stands().await, Some(set_by(service.now())));
    world.pass(60);
    set_settings(service, &dana, &wish("dana@treasury.example"))
        .await
        .expect("her own");
    assert_eq!(stands().await, None, "she said so herself");
    settle(&world).await;
    assert!(taken.try_recv().is_err());

    for (mail, told) in [
        ("box@elsewhere.example", "dana@treasury.example"),
        ("", "box@elsewhere.example"),
    ] {
        world.pass(60);
        set_settings_of(service, operator, "dana", &wish(mail))
            .await
            .expect("is set");
        assert_eq!(stands().await, Some(set_by(service.now())));
        settle(&world).await;
        let letter = next();
        for part in [
            format!("To: {told}"),
            "Your mail does not come here any more".to_owned(),
            format!("{} set where your mail goes.", operator.name),
        ] {
            assert!(letter.contains(&part), "{part} in {letter}");
        }
        let others = ["dana@treasury.example", "box@elsewhere.example"];
        for other in others.iter().filter(|other| **other != told) {
            assert!(!letter.contains(other), "{letter}");
        }
    }
    settle(&world).await;
    assert!(taken.try_recv().is_err(), "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_address_that_takes_nothing_holds_no_mail_up_and_is_given_up_after_three_days() {
    let mut world = World::funded(Kind::Wsh, 1, 50_000_000).await;
    let (mailer, taken) = mail_server_without("gone@treasury.example");
    world.service = (world.service.clone()).telling(Some(mailer), Reach::default());
    let dana = join(&world, "dana").await;
    let (service, operator) = (&world.service, &world.operator);
    set_settings(service, &dana, &wish("gone@treasury.example"))
        .await
        .expect("her own");
    world.pass(60);
    set_settings_of(service, operator, "dana", &wish("dana@treasury.example"))
        .await
        .expect("is set");
    settle(&world).await;
    assert!(taken.try_recv().is_err(), "its server takes nothing");
    world.submit("w-1", 5_000_000).await;
    settle(&world).await;
    let letter = taken.recv_timeout(Duration::from_secs(20)).expect("a mail");
    assert!(letter.contains("To: dana@treasury.example"), "{letter}");
    let waiting = async || {
        let mut tx = service.database().begin_read().await.expect("begins");
        crate::store::notices::moved(&mut tx).await.expect("reads")
    };
    assert_eq!(waiting().await, ["dana"], "it is tried again");
    world.pass(3 * 86_400);
    settle(&world).await;
    assert!(waiting().await.is_empty(), "nobody tries any more");
    let shown = show_settings(service, &dana).await.expect("shown");
    assert!(shown.set_by.is_some() && shown.trouble.is_none());
}
