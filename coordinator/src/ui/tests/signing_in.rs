//! Signing in and out, and what a session is worth.

use serde_json::json;

use super::served::{Browser, Served};
use crate::service::people::PersonRole;
use crate::service::people::soft_passkey::SoftPasskey;
use crate::ui::posted::percent_encoded;

#[test]
fn an_invited_person_comes_in_by_passkey_signs_out_and_signs_in_again() {
    let served = Served::start();
    let nobody = Browser::default();
    let link = served.link("dana", PersonRole::Approver);
    let page = served.get(&link, &nobody);
    assert_eq!(page.status, 200);
    for words in ["Welcome, dana", "approver", "id=\"make-passkey\""] {
        assert!(page.text.contains(words), "{words} in {}", page.text);
    }
    let passkey = SoftPasskey::new("dana");
    let joined = served.join(&link, &passkey);
    assert_eq!((joined.status, joined.json()), (200, json!({ "to": "/" })));
    for part in [
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=43200",
    ] {
        assert!(joined.session().contains(part), "{}", joined.session());
    }
    assert_eq!(served.get(&link, &nobody).status, 404, "it opens once");
    let dana = served.browser(&joined);
    let account = served.get("/account", &dana).text;
    assert!(account.contains("Your account") && account.contains("laptop"));
    let out = served.form("/sign-out", &dana, &[]);
    assert_eq!((out.status, out.location.as_str()), (303, "/sign-in"));
    assert!(out.session().starts_with("countersign=; ") && out.session().contains("Max-Age=0"));
    assert_eq!(served.get("/account", &dana).status, 303);
    let again = served.sign_in(&passkey, &nobody);
    assert_eq!(again.status, 200, "{}", again.text);
    let first = served.browser(&again);
    // Signing in over a session that is open makes another one, and the first is over.
    let second = served.browser(&served.sign_in(&passkey, &first));
    assert_ne!(first.cookie, second.cookie);
    assert_eq!(served.get("/account", &first).status, 303);
    assert_eq!(served.get("/account", &second).status, 200);
}

#[test]
fn refusals_reach_the_script_in_words_and_say_nothing_of_what_is_wrong() {
    let served = Served::start();
    served.person("dana", PersonRole::Approver);
    let refused = served.sign_in(&SoftPasskey::new("mallory"), &Browser::default());
    assert_eq!(refused.status, 401);
    assert!(refused.cookies.is_empty());
    let words = refused.json()["words"].as_str().expect("words").to_owned();
    assert_eq!(words, "No passkey of a person here has signed this.");
    let broken = served.script("/sign-in/finish", &Browser::default(), &json!({ "x": 1 }));
    assert_eq!(broken.status, 400);
    for secret in ["0", "../account", "%00", "x' OR 1=1 --"] {
        let path = format!(
            "/invitations/{}",
            percent_encoded(secret).replace('/', "%2F")
        );
        assert_eq!(
            served.get(&path, &Browser::default()).status,
            404,
            "{secret}"
        );
    }
}

#[test]
fn of_what_a_script_sends_64_kib_are_read_and_not_a_byte_more() {
    let served = Served::start();
    let (passkey, _) = served.person("dana", PersonRole::Approver);
    let nobody = Browser::default();
    // What is signed, with spaces behind it: it means the same at any length.
    let padded = |length: usize| {
        let asked = served.asked("/sign-in/begin", &nobody);
        let text = json!(passkey.get(&served.site(), &asked)).to_string();
        assert!(text.len() < length, "{}", text.len());
        let spaces = " ".repeat(length - text.len());
        text + &spaces
    };
    let beyond = served.script_text("/sign-in/finish", &nobody, padded(64 * 1024 + 1));
    assert_eq!(beyond.status, 400, "{}", beyond.text);
    assert!(beyond.text.contains("cannot be read"), "{}", beyond.text);
    assert!(beyond.cookies.is_empty());
    let whole = served.script_text("/sign-in/finish", &nobody, padded(64 * 1024));
    assert_eq!(whole.status, 200, "{}", whole.text);
}

#[test]
fn the_cookie_of_a_long_session_is_renewed_every_hour() {
    let served = Served::start();
    let (_, mut dana) = served.person("dana", PersonRole::Approver);
    for _ in 0..2 {
        served.pass(1500);
        assert!(served.get("/account", &dana).cookies.is_empty());
    }
    served.pass(1500);
    let before = dana.clone();
    let seen = served.get("/account", &dana);
    assert_eq!(seen.status, 200);
    assert!(
        seen.session().contains("Max-Age=38700"),
        "{}",
        seen.session()
    );
    seen.session()
        .split(';')
        .next()
        .expect("a pair")
        .clone_into(&mut dana.cookie);
    assert_ne!(before.cookie, dana.cookie);
    served.pass(61);
    assert_eq!(served.get("/account", &before).status, 303);
    assert_eq!(served.get("/account", &dana).status, 200);
    // Signing out with a secret that is due ends the session, and no new one is handed out.
    served.pass(1700);
    assert_eq!(served.get("/account", &dana).status, 200);
    served.pass(1750);
    assert_eq!(served.get("/account", &dana).cookies.len(), 0);
    served.pass(300);
    let out = served.form("/sign-out", &dana, &[]);
    assert_eq!(out.cookies.len(), 1, "{:?}", out.cookies);
    assert!(out.session().starts_with("countersign=; "));
}
