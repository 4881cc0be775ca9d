//! Pages that are served, as a browser sees them: by the real router, with a session and no browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policies::UnixTime;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use ureq::http::{Method, Request};
use watchtower::store::database::Database;

use crate::configuration::{CoordinatorConfig, EXAMPLE};
use crate::service::Service;
use crate::service::people::invitations::{NewInvitation, invite_locally};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::{Ceremony, PersonRole, Site};
use crate::ui::posted::percent_encoded;
use crate::ui::{Proxies, Public};

/// Pages that are served.
pub(in crate::ui) struct Served {
    pub(in crate::ui) runtime: Runtime,
    pub(in crate::ui) service: Service,
    time: Arc<AtomicU64>,
    pub(in crate::ui) agent: ureq::Agent,
    /// What is connected to.
    pub(in crate::ui) url: String,
    /// What browsers call it.
    pub(in crate::ui) origin: String,
    _folder: Option<TempDir>,
}

/// What a page answered.
#[derive(Debug)]
pub(in crate::ui) struct Seen {
    pub(in crate::ui) status: u16,
    pub(in crate::ui) cookies: Vec<String>,
    pub(in crate::ui) location: String,
    /// What kind of thing it is.
    pub(in crate::ui) kind: String,
    /// How it is to be kept, where it is a file.
    pub(in crate::ui) kept: String,
    pub(in crate::ui) text: String,
}

impl Seen {
    /// The session's cookie as it was set.
    pub(in crate::ui) fn session(&self) -> &str {
        let mut all = self.cookies.iter();
        all.find(|cookie| {
            cookie
                .trim_start_matches("__Host-")
                .starts_with("countersign=")
        })
        .expect("a session's cookie")
    }

    pub(in crate::ui) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Where the list goes on, as a browser reads the link.
    pub(in crate::ui) fn next_page(&self) -> String {
        let (_, rest) = (self.text.split_once("rel=\"next\" href=\"")).expect("a next page");
        let href = rest.split('"').next().expect("an address");
        href.replace("&#38;", "&")
    }
}

/// Somebody's browser: its cookie and the token of its forms.
#[derive(Clone, Default)]
pub(in crate::ui) struct Browser {
    pub(in crate::ui) cookie: String,
    pub(in crate::ui) csrf: String,
}

impl Served {
    pub(in crate::ui) fn start() -> Self {
        Self::start_at(None, &[])
    }

    /// Pages that people reach at another address, or by way of proxies that are believed.
    pub(in crate::ui) fn start_at(public_url: Option<&str>, proxies: &[&str]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pages.db");
        let time = Arc::new(AtomicU64::new(1_795_400_000));
        let clock = Arc::clone(&time);
        let drawn = AtomicU64::new(0);
        let config = CoordinatorConfig::parse(EXAMPLE).expect("reads");
        let service = runtime.block_on(async {
            let database = Database::open_sqlite(&path).await.expect("opens");
            crate::store::migrate(&database).await.expect("migrates");
            Service::new(database, config.network, config.batch_settings()).with_sources(
                Arc::new(move || UnixTime::from_secs(clock.load(Ordering::SeqCst))),
                Arc::new(move || {
                    use bitcoin::hashes::{Hash, sha256};
                    let number = drawn.fetch_add(1, Ordering::SeqCst);
                    sha256::Hash::hash(&number.to_be_bytes()).to_byte_array()
                }),
            )
        });
        Self {
            _folder: Some(folder),
            ..Self::serve(runtime, service, time, public_url, proxies)
        }
    }

    /// Pages over a service that a test has made, with its clock.
    pub(in crate::ui) fn over(runtime: Runtime, service: Service, time: Arc<AtomicU64>) -> Self {
        Self::serve(runtime, service, time, None, &[])
    }

    fn serve(
        runtime: Runtime,
        service: Service,
        time: Arc<AtomicU64>,
        public_url: Option<&str>,
        proxies: &[&str],
    ) -> Self {
        let listening = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listening.expect("listens");
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
            _folder: None,
        }
    }

    pub(in crate::ui) fn host(&self) -> &str {
        let (_, host) = self.origin.split_once("://").expect("an origin");
        host
    }

    pub(in crate::ui) fn site(&self) -> Site {
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
        body: Option<(&str, Vec<u8>)>,
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
            kind: text("content-type").pop().unwrap_or_default(),
            kept: text("content-disposition").pop().unwrap_or_default(),
            text: {
                let bytes = answer.body_mut().read_to_vec().expect("a body");
                String::from_utf8_lossy(&bytes).into_owned()
            },
        }
    }

    pub(in crate::ui) fn get(&self, path: &str, browser: &Browser) -> Seen {
        self.send(Method::GET, path, browser, None)
    }

    /// Sends what the script sends.
    pub(in crate::ui) fn script(&self, path: &str, browser: &Browser, body: &Value) -> Seen {
        let body = Some(("application/json", body.to_string().into_bytes()));
        self.send(Method::POST, path, browser, body)
    }

    /// Sends a text in the place of what the script sends.
    pub(in crate::ui) fn script_text(&self, path: &str, browser: &Browser, text: String) -> Seen {
        let body = Some(("application/json", text.into_bytes()));
        self.send(Method::POST, path, browser, body)
    }

    /// Sends a form with its token.
    pub(in crate::ui) fn form(
        &self,
        path: &str,
        browser: &Browser,
        fields: &[(&str, &str)],
    ) -> Seen {
        let mut body = format!("csrf={}", browser.csrf);
        for (name, value) in fields {
            body += &format!("&{name}={}", percent_encoded(value));
        }
        let body = Some(("application/x-www-form-urlencoded", body.into_bytes()));
        self.send(Method::POST, path, browser, body)
    }

    /// Sends a form with files, its token first: each part has a name, the name of its file where it is one, and bytes.
    pub(in crate::ui) fn upload(
        &self,
        path: &str,
        browser: &Browser,
        parts: &[(&str, Option<&str>, &[u8])],
    ) -> Seen {
        let token = ("csrf", None, browser.csrf.as_bytes());
        let mut body = Vec::new();
        for (name, file, bytes) in [token].iter().chain(parts) {
            let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
            let head = format!("content-disposition: form-data; name=\"{name}\"{file}");
            body.extend(format!("--end-of-a-part\r\n{head}\r\n\r\n").bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--end-of-a-part--\r\n");
        let kind = "multipart/form-data; boundary=end-of-a-part";
        self.send(Method::POST, path, browser, Some((kind, body)))
    }

    pub(in crate::ui) fn asked(&self, path: &str, browser: &Browser) -> Ceremony {
        let seen = self.script(path, browser, &json!({}));
        assert_eq!(seen.status, 200, "{}", seen.text);
        let asked = seen.json();
        Ceremony {
            ceremony: asked["ceremony"].as_str().expect("a secret").to_owned(),
            options: asked["options"].clone(),
        }
    }

    /// A browser that brings the session of an answer.
    pub(in crate::ui) fn browser(&self, seen: &Seen) -> Browser {
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

    pub(in crate::ui) fn link(&self, name: &str, role: PersonRole) -> String {
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

    pub(in crate::ui) fn join(&self, link: &str, passkey: &SoftPasskey) -> Seen {
        let asked = self.asked(&format!("{link}/begin"), &Browser::default());
        let answer = json!(passkey.create(&self.site(), &asked));
        self.script(&format!("{link}/finish"), &Browser::default(), &answer)
    }

    /// Somebody who came in by an invitation.
    pub(in crate::ui) fn person(&self, name: &str, role: PersonRole) -> (SoftPasskey, Browser) {
        let passkey = SoftPasskey::new(name);
        let seen = self.join(&self.link(name, role), &passkey);
        assert_eq!(seen.status, 200, "{}", seen.text);
        (passkey, self.browser(&seen))
    }

    pub(in crate::ui) fn sign_in(&self, passkey: &SoftPasskey, browser: &Browser) -> Seen {
        let asked = self.asked("/sign-in/begin", browser);
        let answer = json!(passkey.get(&self.site(), &asked));
        self.script("/sign-in/finish", browser, &answer)
    }

    pub(in crate::ui) fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }
}
