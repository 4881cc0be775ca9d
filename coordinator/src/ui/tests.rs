//! The pages of people as a browser sees them, with a passkey of the tests' own and no browser.

mod limits;
mod people;
mod secrets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policies::UnixTime;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use ureq::http::{Method, Request};
use watchtower::store::database::Database;

use super::{Proxies, Public};
use crate::configuration::{CoordinatorConfig, EXAMPLE};
use crate::service::Service;
use crate::service::people::invitations::{NewInvitation, invite_locally};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::{Ceremony, PersonRole, Site};

/// Pages that are served.
struct Served {
    runtime: Runtime,
    service: Service,
    time: Arc<AtomicU64>,
    agent: ureq::Agent,
    /// What is connected to.
    url: String,
    /// What browsers call it.
    origin: String,
    _folder: TempDir,
}

/// What a page answered.
struct Seen {
    status: u16,
    cookies: Vec<String>,
    location: String,
    text: String,
}

impl Seen {
    /// The session's cookie as it was set.
    fn session(&self) -> &str {
        let mut all = self.cookies.iter();
        all.find(|cookie| {
            cookie
                .trim_start_matches("__Host-")
                .starts_with("countersign=")
        })
        .expect("a session's cookie")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

/// Somebody's browser: its cookie and the token of its forms.
#[derive(Clone, Default)]
struct Browser {
    cookie: String,
    csrf: String,
}

impl Served {
    fn start() -> Self {
        Self::start_at(None, &[])
    }

    /// Pages that people reach at another address, or by way of proxies that are believed.
    fn start_at(public_url: Option<&str>, proxies: &[&str]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pages.db");
        let time = Arc::new(AtomicU64::new(1_795_400_000));
        let clock = Arc::clone(&time);
        let drawn = AtomicU64::new(0);
        let config = CoordinatorConfig::parse(EXAMPLE).expect("reads");
        let (service, listener) = runtime.block_on(async {
            let database = Database::open_sqlite(&path).await.expect("opens");
            crate::store::migrate(&database).await.expect("migrates");
            let service = Service::new(database, config.network, config.batch_settings())
                .with_sources(
                    Arc::new(move || UnixTime::from_secs(clock.load(Ordering::SeqCst))),
                    Arc::new(move || {
                        use bitcoin::hashes::{Hash, sha256};
                        let number = drawn.fetch_add(1, Ordering::SeqCst);
                        sha256::Hash::hash(&number.to_be_bytes()).to_byte_array()
                    }),
                );
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
            (service, listener)
        });
        let address = listener.local_addr().expect("an address");
        let proxies: Vec<String> = proxies.iter().map(|&text| text.to_owned()).collect();
        let public = match public_url {
            Some(url) => Public::parse(url).expect("an origin"),
            None => Public::of_listener(address),
        };
        let public = public.behind(Proxies::parse(&proxies).expect("networks"));
        let origin = public.origin().to_owned();
        let served = crate::http::serve(listener, service.clone(), public, std::future::pending());
        runtime.spawn(async move { served.await.expect("serves") });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            runtime,
            service,
            time,
            agent,
            url: format!("http://{address}"),
            origin,
            _folder: folder,
        }
    }

    fn host(&self) -> &str {
        let (_, host) = self.origin.split_once("://").expect("an origin");
        host
    }

    fn site(&self) -> Site {
        Site {
            rp_id: self.host().split(':').next().unwrap_or_default().to_owned(),
            origin: self.origin.clone(),
        }
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        browser: &Browser,
        body: Option<(&str, String)>,
    ) -> Seen {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("host", self.host())
            .header("user-agent", "Tests");
        if !browser.cookie.is_empty() {
            request = request.header("cookie", &browser.cookie);
        }
        let answer = match body {
            None => self.agent.run(request.body(()).expect("a request")),
            Some((kind, body)) => {
                request = request
                    .header("content-type", kind)
                    .header("origin", &self.origin);
                if kind == "application/json" && !browser.csrf.is_empty() {
                    request = request.header("x-csrf", &browser.csrf);
                }
                self.agent.run(request.body(body).expect("a request"))
            }
        };
        let mut answer = answer.expect("an answer");
        let text = |name: &str| {
            let values = answer.headers().get_all(name).iter();
            let texts = values.map(|value| value.to_str().expect("text").to_owned());
            texts.collect::<Vec<_>>()
        };
        Seen {
            status: answer.status().as_u16(),
            cookies: text("set-cookie"),
            location: text("location").pop().unwrap_or_default(),
            text: answer.body_mut().read_to_string().expect("text"),
        }
    }

    fn get(&self, path: &str, browser: &Browser) -> Seen {
        self.send(Method::GET, path, browser, None)
    }

    /// Sends what the script sends.
    fn script(&self, path: &str, browser: &Browser, body: &Value) -> Seen {
        let body = Some(("application/json", body.to_string()));
        self.send(Method::POST, path, browser, body)
    }

    /// Sends a form with its token.
    fn form(&self, path: &str, browser: &Browser, fields: &[(&str, &str)]) -> Seen {
        let mut body = format!("csrf={}", browser.csrf);
        for (name, value) in fields {
            body += &format!("&{name}={}", super::posted::percent_encoded(value));
        }
        let body = Some(("application/x-www-form-urlencoded", body));
        self.send(Method::POST, path, browser, body)
    }

    fn asked(&self, path: &str, browser: &Browser) -> Ceremony {
        let seen = self.script(path, browser, &json!({}));
        assert_eq!(seen.status, 200, "{}", seen.text);
        let asked = seen.json();
        Ceremony {
            ceremony: asked["ceremony"].as_str().expect("a secret").to_owned(),
            options: asked["options"].clone(),
        }
    }

    /// A browser that brings the session of an answer.
    fn browser(&self, seen: &Seen) -> Browser {
        let cookie = seen.session().split(';').next().expect("a pair").to_owned();
        let mut browser = Browser {
            cookie,
            csrf: String::new(),
        };
        let page = self.get("/account", &browser).text;
        let (_, rest) = page.split_once("data-csrf=\"").expect("is signed in");
        rest.split('"')
            .next()
            .expect("a token")
            .clone_into(&mut browser.csrf);
        browser
    }

    fn link(&self, name: &str, role: PersonRole) -> String {
        let request = NewInvitation {
            name: name.to_owned(),
            role,
            vault: None,
        };
        let created = self
            .runtime
            .block_on(invite_locally(&self.service, &request));
        created.expect("an invitation").url
    }

    fn join(&self, link: &str, passkey: &SoftPasskey) -> Seen {
        let asked = self.asked(&format!("{link}/begin"), &Browser::default());
        let answer = json!(passkey.create(&self.site(), &asked));
        self.script(&format!("{link}/finish"), &Browser::default(), &answer)
    }

    /// Somebody who came in by an invitation.
    fn person(&self, name: &str, role: PersonRole) -> (SoftPasskey, Browser) {
        let passkey = SoftPasskey::new(name);
        let seen = self.join(&self.link(name, role), &passkey);
        assert_eq!(seen.status, 200, "{}", seen.text);
        (passkey, self.browser(&seen))
    }

    fn sign_in(&self, passkey: &SoftPasskey, browser: &Browser) -> Seen {
        let asked = self.asked("/sign-in/begin", browser);
        let answer = json!(passkey.get(&self.site(), &asked));
        self.script("/sign-in/finish", browser, &answer)
    }

    fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }
}

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
            super::posted::percent_encoded(secret).replace('/', "%2F")
        );
        assert_eq!(
            served.get(&path, &Browser::default()).status,
            404,
            "{secret}"
        );
    }
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

#[test]
fn a_passkey_and_a_page_key_are_added_only_with_the_sessions_token() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let without = Browser {
        csrf: String::new(),
        ..dana.clone()
    };
    assert_eq!(
        served
            .script("/account/passkeys/begin", &without, &json!({}))
            .status,
        403
    );
    let second = SoftPasskey::new("second");
    let asked = served.asked("/account/passkeys/begin", &dana);
    let answer = json!(second.create(&served.site(), &asked));
    assert_eq!(
        served
            .script("/account/passkeys/finish", &without, &answer)
            .status,
        403
    );
    assert_eq!(
        served
            .script("/account/passkeys/finish", &dana, &answer)
            .status,
        200
    );
    assert_eq!(served.sign_in(&second, &Browser::default()).status, 200);
    let page = SoftPasskey::new("page");
    let asked = served.asked("/account/page-keys/begin", &dana);
    let answer = json!(page.create(&served.site(), &asked));
    assert_eq!(
        served
            .script("/account/page-keys/finish", &dana, &answer)
            .status,
        200
    );
    let account = served.get("/account", &dana).text;
    for words in [
        "An approval by a page key trusts this page",
        "webauthn-es256:",
        "tool = &#34;page&#34;",
    ] {
        assert!(account.contains(words), "{words} in {account}");
    }
    assert_eq!(served.sign_in(&page, &Browser::default()).status, 401);
}

#[test]
fn the_last_passkey_is_refused_on_the_accounts_own_page() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let account = served.get("/account", &dana).text;
    let (_, rest) = account
        .split_once("name=\"id\" value=\"")
        .expect("a passkey");
    let id = rest.split('"').next().expect("an id");
    let refused = served.form("/account/passkeys/revoke", &dana, &[("id", id)]);
    assert_eq!(refused.status, 409);
    assert!(
        refused.text.contains("last passkey")
            && refused.text.contains("Add another passkey first.")
    );
    let renamed = served.form(
        "/account/passkeys/rename",
        &dana,
        &[("id", id), ("label", "<b>old</b>")],
    );
    assert_eq!(renamed.status, 303);
    let account = served.get("/account", &dana).text;
    assert!(account.contains("&lt;b&gt;old&lt;/b&gt;") && !account.contains("<b>old"));
}

#[test]
fn the_own_tool_is_paired_by_a_form_that_goes_to_its_port_alone() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    for port in ["", "80", "65536", "7543; evil", "evil.example"] {
        let wrong = served.form("/account/bridge", &dana, &[("port", port)]);
        assert_eq!(wrong.status, 422, "{port}");
        assert!(!wrong.text.contains("/pair"), "{port}");
    }
    assert_eq!(
        served
            .form("/account/bridge", &dana, &[("port", "7544")])
            .status,
        303
    );
    let page = served.get("/account/bridge", &dana).text;
    assert!(
        page.contains("action=\"http://localhost:7544/pair\""),
        "{page}"
    );
    assert!(page.contains(&format!(
        "name=\"back\" value=\"{}/account/bridge\"",
        served.origin
    )));
    assert_eq!(
        served.form("/account/bridge/forget", &dana, &[]).status,
        303
    );
    assert!(!served.get("/account/bridge", &dana).text.contains("/pair"));
}

#[test]
fn the_unit_is_remembered_and_leads_to_no_other_place() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let seen = served.form(
        "/account/unit",
        &dana,
        &[("unit", "sat"), ("to", "//evil.example")],
    );
    assert_eq!((seen.status, seen.location.as_str()), (303, "/"));
    assert!(
        seen.cookies[0].starts_with("countersign-unit=sat; "),
        "{:?}",
        seen.cookies
    );
}
