//! What one browser may ask for at once, and what is told to the one beyond.

use std::time::Duration;

use serde_json::json;
use ureq::Body;
use ureq::http::{Request, Response};

use super::served::{Browser, Served};
use crate::service::people::PersonRole;
use crate::service::tokens::{NewToken, create_token};
use crate::service::{Actor, Role};

impl Served {
    /// Any request with these headers; its answer is not read yet.
    fn raw(&self, post: bool, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::builder()
            .method(if post { "POST" } else { "GET" })
            .uri(format!("{}{path}", self.url))
            .header("host", self.host());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if post {
            let body = json!({}).to_string();
            self.agent.run(request.body(body).expect("a request"))
        } else {
            self.agent.run(request.body(()).expect("a request"))
        };
        answer.expect("an answer")
    }

    /// The status of a page that is asked for with these headers.
    pub(super) fn raw_get(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.raw(false, path, headers).status().as_u16()
    }

    fn listen(&self, browser: &Browser) -> Response<Body> {
        self.raw(false, "/live", &[("cookie", &browser.cookie)])
    }

    /// The status of a sign-in that begins, as a browser behind a proxy sends it.
    fn begin_from(&self, address: &str) -> u16 {
        let headers = [
            ("origin", self.origin.as_str()),
            ("x-forwarded-for", address),
        ];
        (self.raw(true, "/sign-in/begin", &headers))
            .status()
            .as_u16()
    }

    fn wait(&self) {
        self.runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
        });
    }
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().expect("text"))
}

#[test]
fn eight_pages_of_a_person_listen_and_the_ninth_is_told_so() {
    let served = Served::start();
    let (passkey, dana) = served.person("dana", PersonRole::Approver);
    let (_, erin) = served.person("erin", PersonRole::Approver);
    let mut heard: Vec<Response<Body>> = (0..8).map(|_| served.listen(&dana)).collect();
    for answer in &heard {
        assert_eq!(answer.status(), 200);
        assert_eq!(header(answer, "content-type"), "text/event-stream");
    }
    let mut ninth = served.listen(&dana);
    assert_eq!(
        (ninth.status().as_u16(), header(&ninth, "retry-after")),
        (429, "60")
    );
    let words = ninth.body_mut().read_to_string().expect("text");
    assert!(
        words.contains("Eight pages of yours listen already"),
        "{words}"
    );
    // Others are not held up; another session of the same person is.
    assert_eq!(served.listen(&erin).status(), 200);
    let other = served.browser(&served.sign_in(&passkey, &Browser::default()));
    assert_eq!(served.listen(&other).status(), 429);
    // Whoever closes a page makes room.
    heard.truncate(4);
    let mut tries = 0;
    while served.listen(&dana).status() != 200 {
        tries += 1;
        assert!(tries < 100, "closed pages listen for ever");
        served.wait();
    }
}

#[test]
fn the_chain_is_verified_for_one_and_others_are_told_when_to_ask_again() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Auditor);
    let new = NewToken {
        name: "auditor".to_owned(),
        role: Role::Auditor,
        vault: None,
    };
    let made = served
        .runtime
        .block_on(create_token(&served.service, &Actor::local(), &new))
        .expect("a token");
    let bearer = format!("Bearer {}", made.secret);
    let page = || served.raw(false, "/events/verification", &[("cookie", &dana.cookie)]);
    let api = || {
        let headers = [("authorization", bearer.as_str())];
        served.raw(false, "/api/v1/events/verification", &headers)
    };
    assert_eq!(
        (page().status().as_u16(), api().status().as_u16()),
        (200, 200)
    );
    let going_on = served.service.verifying().enter("").expect("is let in");
    for mut refused in [page(), api()] {
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "retry-after")),
            (503, "5")
        );
        let words = refused.body_mut().read_to_string().expect("text");
        assert!(
            words.contains("chain of events is being verified for somebody else"),
            "{words}"
        );
        assert!(words.contains("ry again in some seconds"), "{words}");
    }
    drop(going_on);
    assert_eq!(
        (page().status().as_u16(), api().status().as_u16()),
        (200, 200)
    );
}

#[test]
fn the_log_is_exported_once_by_a_person_at_a_time() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Auditor);
    let (_, erin) = served.person("erin", PersonRole::Auditor);
    for format in ["csv", "jsonl"] {
        let path = format!("/events?format={format}");
        let going_on = served.service.exporting().enter("dana").expect("is let in");
        let refused = served.raw(false, &path, &[("cookie", &dana.cookie)]);
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "retry-after")),
            (503, "5")
        );
        assert_eq!(
            served.get("/events", &dana).status,
            200,
            "the page is no export"
        );
        assert_eq!(served.get(&path, &erin).status, 200);
        drop(going_on);
        // Each export makes room when it ends, however often.
        for _ in 0..6 {
            let mut tries = 0;
            while served.get(&path, &dana).status != 200 {
                tries += 1;
                assert!(tries < 100, "an export never ends");
                served.wait();
            }
        }
    }
}

#[test]
fn words_for_the_next_page_are_kept_in_a_cookie_of_this_host_alone() {
    for (public_url, prefix, end) in [
        (None, "", ""),
        (Some("https://treasury.example"), "__Host-", "; Secure"),
    ] {
        let served = Served::start_at(public_url, &[]);
        let (_, dana) = served.person("dana", PersonRole::Approver);
        assert!(dana.cookie.starts_with(&format!("{prefix}countersign=")));
        let said = served.form("/account/bridge/forget", &dana, &[]);
        assert_eq!(said.status, 303);
        let name = format!("{prefix}countersign-said=");
        let cookie = said.cookies.iter().find(|cookie| cookie.starts_with(&name));
        let cookie = cookie.unwrap_or_else(|| panic!("{:?}", said.cookies));
        let (pair, rest) = cookie.split_once(';').expect("attributes");
        assert_eq!(
            format!(";{rest}"),
            format!("; Path=/; Max-Age=60; HttpOnly; SameSite=Strict{end}")
        );
        let with = |pair: &str| Browser {
            cookie: format!("{}; {pair}", dana.cookie),
            csrf: dana.csrf.clone(),
        };
        let words = super::super::posted::percent_decoded(pair.trim_start_matches(&name));
        let shown = served.get("/account", &with(pair));
        assert!(!words.is_empty() && shown.text.contains(&words), "{words}");
        let gone = format!("{name}; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{end}");
        assert_eq!(shown.cookies, [gone]);
        // What another host of the domain could set is not shown.
        if public_url.is_some() {
            let planted = served.get("/account", &with("countersign-said=Call%20Mallory"));
            assert!(!planted.text.contains("Call Mallory"));
        }
    }
}

#[test]
fn only_configured_proxies_say_where_a_browser_is() {
    let served = Served::start();
    for number in 0..60 {
        assert_eq!(served.begin_from(&format!("198.51.100.{number}")), 200);
    }
    assert_eq!(served.begin_from("203.0.113.9"), 429, "it is one place");
    let served = Served::start_at(None, &["127.0.0.0/8"]);
    for number in 0..70 {
        assert_eq!(served.begin_from(&format!("198.51.100.{number}")), 200);
    }
    for number in 0..60 {
        // What the browser itself writes stands before what the proxy saw.
        assert_eq!(
            served.begin_from(&format!("192.0.2.{number}, 203.0.113.9")),
            200
        );
    }
    assert_eq!(served.begin_from("203.0.113.9"), 429);
    assert_eq!(served.begin_from("203.0.113.10"), 200);
}
