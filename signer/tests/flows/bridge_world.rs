//! A bridge that runs over a home, a coordinator of a few lines that it calls, and a browser that visits it.

use crate::treasury::{NOW, Treasury, passphrase};
use bitcoin::hex::DisplayHex as _;
use serde_json::{Value, json};
use signer::bridge::{Bridge, BridgeEvent, Keys, Pairing};
use signer::home::Home;
use signer::online::{HttpCoordinator, Stop};
use signer::pin::Pinned;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use ureq::Agent;

/// Where the coordinator's pages come from.
pub(crate) const PAGES: &str = "https://treasury.example";

/// What the coordinator answers, and what was posted to it.
#[derive(Default)]
pub(crate) struct Books {
    answers: BTreeMap<String, String>,
    pub(crate) posted: Vec<(String, Value)>,
    deaf: bool,
}

/// A coordinator that listens at a port of this host.
#[derive(Clone)]
pub(crate) struct Coordinator {
    books: Arc<Mutex<Books>>,
    waits: Arc<Waits>,
    port: u16,
}

/// Posts that wait until they may go on.
#[derive(Default)]
struct Waits {
    state: Mutex<Waiting>,
    changed: Condvar,
}

/// Whether posts are to wait, and whether one does.
#[derive(Default)]
struct Waiting {
    asked: bool,
    waits: bool,
}

impl Coordinator {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let books = Arc::new(Mutex::new(Books::default()));
        let waits = Arc::new(Waits::default());
        let (serving, holding) = (Arc::clone(&books), Arc::clone(&waits));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&serving, &holding, &stream.expect("a connection"));
            }
        });
        Self { books, waits, port }
    }

    /// Lets every post wait from now on.
    pub(crate) fn hesitates(&self) {
        self.waits.state.lock().expect("nobody panicked").asked = true;
    }

    /// Returns once a post waits.
    pub(crate) fn is_hesitating(&self) {
        let state = self.waits.state.lock().expect("nobody panicked");
        let waited = self.waits.changed.wait_while(state, |state| !state.waits);
        drop(waited.expect("nobody panicked"));
    }

    /// Lets posts go on.
    pub(crate) fn goes_on(&self) {
        self.waits.state.lock().expect("nobody panicked").asked = false;
        self.waits.changed.notify_all();
    }

    /// Lets it answer this at a path of the vault.
    pub(crate) fn gives(&self, path: &str, body: &Value) {
        let mut books = self.books.lock().expect("nobody panicked");
        books.answers.insert(path.to_owned(), body.to_string());
    }

    /// The same with a text that is no JSON.
    pub(crate) fn gives_text(&self, path: &str, text: &str) {
        let mut books = self.books.lock().expect("nobody panicked");
        books.answers.insert(path.to_owned(), text.to_owned());
    }

    /// Lets it close every connection that posts.
    pub(crate) fn is_deaf(&self) {
        self.books.lock().expect("nobody panicked").deaf = true;
    }

    /// What was posted so far.
    pub(crate) fn posted(&self) -> Vec<(String, Value)> {
        self.books.lock().expect("nobody panicked").posted.clone()
    }
}

fn answer(books: &Mutex<Books>, waits: &Waits, stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line).expect("a line");
        if read == 0 || line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_ascii_lowercase());
    }
    let first = head.first().cloned().unwrap_or_default();
    let mut words = first.split(' ');
    let (verb, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = path.trim_start_matches("/api/v1/vaults/");
    let path = path.split_once('/').map_or("", |(_, rest)| rest);
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name));
    assert_eq!(header("authorization: "), Some("bearer secret"));
    let length = header("content-length: ").map_or(0, |text| text.parse().expect("a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    if verb == "post" {
        let mut state = waits.state.lock().expect("nobody panicked");
        state.waits = state.asked;
        waits.changed.notify_all();
        let state = waits.changed.wait_while(state, |state| state.asked);
        drop(state.expect("nobody panicked"));
    }
    let mut books = books.lock().expect("nobody panicked");
    if verb == "post" {
        if books.deaf {
            return;
        }
        let value = if header("content-type: ") == Some("application/octet-stream") {
            json!(body.to_lower_hex_string())
        } else {
            serde_json::from_slice(&body).expect("is JSON")
        };
        books.posted.push((path.to_owned(), value));
    }
    let known = books.answers.get(path).cloned();
    let (status, text) = match known {
        Some(text) => (200, text),
        None if path == "statements" => (200, "[]".to_owned()),
        None => (
            404,
            json!({ "code": "unknown", "detail": "no such" }).to_string(),
        ),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{text}",
        text.len()
    )
    .expect("answers");
}

/// A bridge that runs until it is dropped.
pub(crate) struct World {
    pub(crate) treasury: Treasury,
    pub(crate) coordinator: Coordinator,
    pub(crate) port: u16,
    pub(crate) code: String,
    pub(crate) home: Home,
    pub(crate) events: Receiver<BridgeEvent>,
    /// What the browser that paired holds.
    pub(crate) held: Held,
    passed: Arc<AtomicU64>,
    stop: Stop,
    running: Option<JoinHandle<()>>,
}

/// What a browser holds since it paired: a cookie, and what its page keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) cookie: String,
    pub(crate) half: String,
}

/// What a visit was answered with.
pub(crate) struct Visit {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) cookie: String,
    pub(crate) text: String,
}

impl World {
    pub(crate) fn of(treasury: Treasury, name: &str) -> Self {
        let home = treasury.home(name);
        Self::of_home(treasury, &home)
    }

    /// A bridge over a home that another one may run over too.
    pub(crate) fn of_home(treasury: Treasury, home: &Home) -> Self {
        Self::altered(treasury, home, |bridge| bridge)
    }

    /// The same with an altered bridge.
    pub(crate) fn altered(
        treasury: Treasury,
        home: &Home,
        alter: impl FnOnce(Bridge) -> Bridge,
    ) -> Self {
        let coordinator = Coordinator::start();
        let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        drop(taken);
        let home = home.clone();
        let pinned = Pinned::load(&home).expect("is pinned");
        let keys = Keys::open(&home, pinned.policy(), None, || Ok(passphrase())).expect("opens");
        let url = format!("http://127.0.0.1:{}", coordinator.port);
        let http = HttpCoordinator::new(&url.parse().expect("a URL"), "secret");
        let pairing = Pairing::begin(Instant::now()).expect("randomness");
        let code = pairing.code().to_owned();
        let (begun, passed) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let passing = Arc::clone(&passed);
        let bridge = Bridge::new(home.clone(), keys, http, port, Some(pairing), || NOW)
            .timed_by(move || begun + Duration::from_millis(passing.load(Ordering::SeqCst)));
        let bridge = alter(bridge);
        let stop = Stop::default();
        let (tells, events) = channel();
        let wish = stop.clone();
        let running = std::thread::spawn(move || {
            let ran = bridge.run("treasury", &wish, |event| {
                drop(tells.send(event.clone()));
            });
            ran.expect("runs");
        });
        let first = events.recv().expect("it opens");
        assert!(matches!(first, BridgeEvent::Open { .. }), "{first:?}");
        Self {
            treasury,
            coordinator,
            port,
            code,
            home,
            events,
            held: Held::default(),
            passed,
            stop,
            running: Some(running),
        }
    }

    /// The same, with the coordinator's pages paired.
    pub(crate) fn paired(treasury: Treasury, name: &str) -> Self {
        Self::of(treasury, name).pairs()
    }

    /// Pairs the coordinator's pages.
    pub(crate) fn pairs(mut self) -> Self {
        let visit = self.pair(PAGES, &self.code);
        assert_eq!(visit.status, 200, "{}", visit.text);
        self.held = visit.held();
        self
    }

    /// Lets time pass for the bridge, for which it passes in no other way.
    pub(crate) fn passes(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("is short");
        self.passed.fetch_add(millis, Ordering::SeqCst);
    }

    fn agent() -> Agent {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0);
        Agent::new_with_config(config.build())
    }

    pub(crate) fn own(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> Visit {
        self.get_at(&self.host(), path)
    }

    /// Whether its first page comes within some seconds.
    pub(crate) fn looks_in(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/", self.port);
        let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(5)));
        let agent = Agent::new_with_config(config.build());
        agent.get(url).header("host", self.host()).call().is_ok()
    }

    pub(crate) fn get_at(&self, host: &str, path: &str) -> Visit {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        Visit::of(Self::agent().get(url).header("host", host).call())
    }

    /// A post with these headers besides the host.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Visit {
        self.post_at(&self.host(), path, headers, body)
    }

    pub(crate) fn post_at(
        &self,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Visit {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = Self::agent().post(url).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Visit::of(request.send(body))
    }

    /// A form that a page of an origin sends.
    pub(crate) fn form(&self, path: &str, origin: &str, body: &str) -> Visit {
        let headers = [
            ("origin", origin),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "cross-site"),
        ];
        self.post(path, &headers, body)
    }

    pub(crate) fn pair(&self, origin: &str, code: &str) -> Visit {
        self.form(
            "/pair",
            origin,
            &format!("code={code}&back={PAGES}/account/bridge"),
        )
    }

    /// An ask of the paired pages.
    pub(crate) fn ask(&self, what: &str, more: &str) -> Visit {
        let vault = self.treasury.policy.vault;
        let body = format!("vault={vault}&what={what}&back={PAGES}/withdrawals{more}");
        self.form("/ask", PAGES, &body)
    }

    /// Presses a button of the bridge's own page, in a browser that holds this.
    pub(crate) fn press(&self, path: &str, held: &Held) -> Visit {
        self.presser()(path, held)
    }

    /// What presses buttons, for a thread of its own.
    pub(crate) fn presser(&self) -> impl Fn(&str, &Held) -> Visit + Send + use<> {
        let port = self.port;
        move |path, held| press_at(port, path, held)
    }

    /// Answers an ask on the bridge's own page, once it was looked at: the status, and what it says.
    pub(crate) fn answer(&self, location: &str) -> (u16, String) {
        self.passes(Duration::from_secs(1));
        let visit = self.press(&format!("{location}answer"), &self.held);
        (visit.status, visit.said())
    }

    /// Opens an ask and gives its page's place and text.
    pub(crate) fn opened(&self, what: &str, more: &str) -> (String, String) {
        let visit = self.ask(what, more);
        assert_eq!(visit.status, 303, "{}", visit.text);
        let page = self.get(&visit.location);
        assert_eq!(page.status, 200, "{}", page.text);
        (visit.location, page.text)
    }
}

fn press_at(port: u16, path: &str, held: &Held) -> Visit {
    let own = format!("http://localhost:{port}");
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut request = World::agent()
        .post(url)
        .header("host", format!("localhost:{port}"))
        .header("origin", own)
        .header("content-type", "application/json");
    for (name, value) in [("cookie", &held.cookie), ("countersign-half", &held.half)] {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    Visit::of(request.send("{}"))
}

impl Visit {
    fn of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut answer = answer.expect("an answer");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            let value = value.map(|value| value.to_str().expect("text").to_owned());
            value.unwrap_or_default()
        };
        let (location, cookie) = (header("location"), header("set-cookie"));
        Self {
            status: answer.status().as_u16(),
            location,
            cookie,
            text: answer.body_mut().read_to_string().expect("text"),
        }
    }
}

impl Visit {
    /// What a browser holds after it, if it paired.
    pub(crate) fn held(&self) -> Held {
        let half = self.text.split("data-half=\"").nth(1);
        let half = half.and_then(|rest| rest.split('"').next());
        Held {
            cookie: self.cookie.split(';').next().unwrap_or_default().to_owned(),
            half: half.unwrap_or_default().to_owned(),
        }
    }

    /// What the page's script says of it.
    pub(crate) fn said(&self) -> String {
        let said: Value = serde_json::from_str(&self.text).expect("is JSON");
        said["said"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    /// Ends the bridge, and returns once it has ended.
    pub(crate) fn ends(&mut self) {
        self.stop.wish();
        if let Some(running) = self.running.take() {
            drop(running.join());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.ends();
    }
}
