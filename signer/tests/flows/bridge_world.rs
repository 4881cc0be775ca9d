//! A bridge that runs over a home, a coordinator of a few lines that it calls, and a browser that visits it.

use crate::treasury::{NOW, Treasury, passphrase};
use serde_json::{Value, json};
use signer::bridge::{Bridge, BridgeEvent, Keys, Pairing};
use signer::home::Home;
use signer::online::{HttpCoordinator, Stop};
use signer::pin::Pinned;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;
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
    port: u16,
}

impl Coordinator {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let books = Arc::new(Mutex::new(Books::default()));
        let serving = Arc::clone(&books);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&serving, &stream.expect("a connection"));
            }
        });
        Self { books, port }
    }

    /// Lets it answer this at a path of the vault.
    pub(crate) fn gives(&self, path: &str, body: &Value) {
        let mut books = self.books.lock().expect("nobody panicked");
        books.answers.insert(path.to_owned(), body.to_string());
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

fn answer(books: &Mutex<Books>, stream: &TcpStream) {
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
    let mut books = books.lock().expect("nobody panicked");
    if verb == "post" {
        if books.deaf {
            return;
        }
        let value = serde_json::from_slice(&body).expect("is JSON");
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
    stop: Stop,
    running: Option<JoinHandle<()>>,
}

/// What a visit was answered with.
pub(crate) struct Visit {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl World {
    pub(crate) fn of(treasury: Treasury, name: &str) -> Self {
        let coordinator = Coordinator::start();
        let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        drop(taken);
        let home = treasury.home(name);
        let pinned = Pinned::load(&home).expect("is pinned");
        let keys = Keys::open(&home, pinned.policy(), None, || Ok(passphrase())).expect("opens");
        let url = format!("http://127.0.0.1:{}", coordinator.port);
        let http = HttpCoordinator::new(&url.parse().expect("a URL"), "secret");
        let pairing = Pairing::begin(Instant::now()).expect("randomness");
        let code = pairing.code().to_owned();
        let bridge = Bridge::new(home.clone(), keys, http, port, Some(pairing), || NOW);
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
            stop,
            running: Some(running),
        }
    }

    /// The same, with the coordinator's pages paired.
    pub(crate) fn paired(treasury: Treasury, name: &str) -> Self {
        let world = Self::of(treasury, name);
        let visit = world.pair(PAGES, &world.code);
        assert_eq!(visit.status, 200, "{}", visit.text);
        world
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

    /// Answers an ask on the bridge's own page: what it says, and the status.
    pub(crate) fn answer(&self, location: &str) -> (u16, String) {
        let own = self.own();
        let headers = [
            ("origin", own.as_str()),
            ("content-type", "application/json"),
        ];
        let visit = self.post(&format!("{location}answer"), &headers, "{}");
        let said: Value = serde_json::from_str(&visit.text).expect("is JSON");
        (
            visit.status,
            said["said"].as_str().unwrap_or_default().to_owned(),
        )
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

impl Visit {
    fn of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut answer = answer.expect("an answer");
        let location = answer
            .headers()
            .get("location")
            .map(|value| value.to_str().expect("text").to_owned());
        Self {
            status: answer.status().as_u16(),
            location: location.unwrap_or_default(),
            text: answer.body_mut().read_to_string().expect("text"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.wish();
        if let Some(running) = self.running.take() {
            drop(running.join());
        }
    }
}
