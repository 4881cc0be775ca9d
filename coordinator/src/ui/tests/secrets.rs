//! Secrets are shown once, to whom they are for, and the log has none of them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::served::{Browser, Served};
use crate::service::people::PersonRole;
use crate::service::people::soft_passkey::SoftPasskey;

/// All that the program logs, kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("is sound").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("is sound");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).expect("it is there");
    rest.split(after).next().unwrap_or_default()
}

#[test]
fn secrets_are_shown_once_and_never_logged() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        // What the browser of this test logs is not the program's.
        .with_env_filter("trace,ureq=off,ureq_proto=off")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let served = Served::start();
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let made = served.form("/invites", &olga, &[("name", "erin"), ("role", "auditor")]);
    assert_eq!(made.status, 201);
    let secret = between(&made.text, "/invitations/", "\"").to_owned();
    assert_eq!(secret.len(), 64);
    let token = served.form("/tokens", &olga, &[("name", "x"), ("role", "auditor")]);
    let token = between(&token.text, "id=\"secret\" data-copy=\"", "\"").to_owned();
    assert_eq!(token.len(), 64);
    for path in [
        "/people",
        "/people?format=csv",
        "/people/olga",
        "/tokens",
        "/tokens?format=csv",
        "/events",
        "/events?format=csv",
        "/events?format=jsonl",
        "/account",
        "/",
    ] {
        let seen = served.get(path, &olga);
        assert_eq!(seen.status, 200, "{path}");
        assert!(
            !seen.text.contains(&secret) && !seen.text.contains(&token),
            "{path}"
        );
    }
    let link = format!("/invitations/{secret}");
    assert_eq!(served.get(&link, &Browser::default()).status, 200);
    let passkey = SoftPasskey::new("erin");
    let joined = served.join(&link, &passkey);
    assert_eq!(joined.status, 200);
    assert_eq!(served.get(&link, &Browser::default()).status, 404);
    let erin = served.browser(&served.sign_in(&passkey, &Browser::default()));
    let bearer = format!("Bearer {token}");
    let status = served.raw_get("/api/v1/status", &[("authorization", bearer.as_str())]);
    assert_eq!(status, 200);

    let told = log.text();
    assert!(told.contains("/api/v1/status"), "requests are logged");
    assert!(told.contains("SELECT"), "statements are logged");
    let cookie = |browser: &Browser| between(&browser.cookie, "=", ";").to_owned();
    for (what, secret) in [
        ("the link", secret),
        ("the token", token),
        ("a session", cookie(&olga)),
        ("a session", cookie(&erin)),
        ("a form's token", olga.csrf.clone()),
    ] {
        assert_eq!(secret.len(), 64, "{what}");
        let line = told.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{what} is logged");
    }
}
