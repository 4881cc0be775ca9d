//! A coordinator over HTTP that answers co-signers with whatever it is told to, and keeps all that they send.
//!
//! What it is told lies in [`Desk`]; a co-signer has looked at everything on its desk when it asks for the list
//! of attempts again.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use bitcoin::Txid;
use bitcoin::hex::DisplayHex as _;

use crate::Failure;

/// How long a co-signer may take for what lies on its desk.
const PATIENCE: Duration = Duration::from_mins(2);
/// The most bytes of a request's body that are read.
const MOST: usize = 1 << 24;

/// What the coordinator says to a co-signer that handed in signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thanks {
    /// It takes them.
    Taken,
    /// It says that one is bad.
    NotTaken,
    /// It says that the attempt is closed.
    Closed,
    /// It answers nothing that makes sense, so that they are handed in again.
    Nonsense,
}

/// What is offered to a co-signer: under which txid, and which bytes.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) listed: Txid,
    pub(super) bytes: Vec<u8>,
    pub(super) thanks: Thanks,
}

/// A co-signer's desk.
#[derive(Debug, Default)]
struct Desk {
    /// What the next list names.
    next: Vec<Offer>,
    /// What the last list named.
    shown: Vec<Offer>,
    /// How often it asked for the list.
    lists: u64,
    /// Everything that it handed in and that nobody looked at yet.
    handed_in: Vec<Vec<u8>>,
}

/// The desks of all co-signers, by name, and the wish to end.
#[derive(Debug, Default)]
struct Office {
    desks: Mutex<BTreeMap<String, Desk>>,
    changed: Condvar,
}

/// The token of a co-signer: its name in hex, filled up with zeros.
pub(super) fn token_of(name: &str) -> String {
    format!("{:0<64}", name.as_bytes().to_lower_hex_string())
}

/// The name that a token was made of.
fn name_of(token: &str) -> String {
    let pairs = token
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok());
    bytes.filter(|byte| *byte != 0).map(char::from).collect()
}

/// The coordinator. Each co-signer's token is its name in another form.
#[derive(Debug)]
pub(super) struct Liar {
    office: Arc<Office>,
    url: String,
}

impl Liar {
    /// Opens on a port of its own; ends with the program.
    pub(super) fn open() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let office = Arc::new(Office::default());
        let within = Arc::clone(&office);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever hung up before it was heard asks again.
                let (Ok(stream), office) = (stream, Arc::clone(&within)) else {
                    continue;
                };
                // A co-signer that was ended in the middle of a request is no failure.
                thread::spawn(move || drop(office.answer(&stream)));
            }
        });
        Ok(Self { office, url })
    }

    /// Its address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Lays offers before co-signers, waits until each has looked at its own, and gives what they handed in.
    pub(super) fn offer(
        &self,
        offers: BTreeMap<&str, Vec<Offer>>,
    ) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut desks = self.office.desks();
        let mut until = BTreeMap::new();
        for (name, offers) in offers {
            let desk = desks.entry(name.to_owned()).or_default();
            // The next list names them, and the one after that says that all were looked at.
            until.insert(name.to_owned(), desk.lists + 2);
            desk.next = offers;
        }
        let waiting = |desks: &mut BTreeMap<String, Desk>| {
            let looked = |(name, lists): (&String, &u64)| {
                desks.get(name).is_some_and(|desk| desk.lists >= *lists)
            };
            !until.iter().all(looked)
        };
        let waited = self
            .office
            .changed
            .wait_timeout_while(desks, PATIENCE, waiting);
        let (mut desks, timeout) = waited.map_err(|_| Failure::new("an answer panicked"))?;
        if timeout.timed_out() {
            return Err(Failure::new("a co-signer does not ask any more"));
        }
        let mut handed_in = Vec::new();
        for (name, desk) in desks.iter_mut() {
            handed_in.extend(desk.handed_in.drain(..).map(|bytes| (name.clone(), bytes)));
        }
        Ok(handed_in)
    }
}

impl Office {
    fn desks(&self) -> MutexGuard<'_, BTreeMap<String, Desk>> {
        self.desks.lock().expect("nobody panics over a desk")
    }

    /// Reads a request and answers it.
    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length, mut name) = (String::new(), 0_usize, String::new());
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            if let Some(token) = line.strip_prefix("authorization: bearer ") {
                name = name_of(token);
            }
        }
        let mut body = vec![0; length.min(MOST)];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, answer) = self.say(&name, path, body);
        let head = format!(
            "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        stream.write_all(&[head.into_bytes(), answer].concat())
    }

    fn say(&self, name: &str, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let mut desks = self.desks();
        let desk = desks.entry(name.to_owned()).or_default();
        if path.contains("/attempts?") {
            desk.shown = std::mem::take(&mut desk.next);
            desk.lists += 1;
            let list: Vec<serde_json::Value> = (desk.shown.iter())
                .map(|offer| serde_json::json!({ "txid": offer.listed, "missing_signers": [name] }))
                .collect();
            self.changed.notify_all();
            return (200, serde_json::json!(list).to_string().into_bytes());
        }
        if path.ends_with("/statements") {
            return (200, Vec::new());
        }
        if path.ends_with("/successions") || path.contains("/voids") {
            return (404, b"{}".to_vec());
        }
        if path.ends_with("/status") {
            return (200, br#"{"event_hash":"00000000000000000000000000000000000000000000000000000000000000ee"}"#.to_vec());
        }
        let offered = desk
            .shown
            .iter()
            .find(|offer| path.contains(&offer.listed.to_string()))
            .cloned();
        if path.ends_with("/psbt") {
            return offered.map_or((404, b"{}".to_vec()), |offer| (200, offer.bytes));
        }
        desk.handed_in.push(body);
        match offered.map_or(Thanks::Taken, |offer| offer.thanks) {
            Thanks::Taken => (200, b"{}".to_vec()),
            Thanks::NotTaken => (
                200,
                br#"{"refused":[{"input":0,"code":"wrong_signature"}]}"#.to_vec(),
            ),
            Thanks::Closed => (409, br#"{"code":"attempt_closed","detail":"no"}"#.to_vec()),
            Thanks::Nonsense => (502, b"<html>".to_vec()),
        }
    }
}
