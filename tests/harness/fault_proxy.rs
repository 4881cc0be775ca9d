//! A proxy between a watchtower and its node that loses, delays, repeats, cuts off and garbles, by its seed.
//!
//! It speaks HTTP/1.1 with bodies of a stated length, as bitcoind does, and knows nothing else of what it carries.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::adversaries::draw::Draw;
use crate::{Bitcoind, Failure};

/// So many times more often than other calls one that sends a transaction meets a fault.
const SENDING: u64 = 4;
/// The longest that a reply is held back.
const DELAY_MS: u64 = 400;
/// What bitcoind says when its queue is full (`httpserver.cpp`).
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 25\r\n\r\n\
                      Work queue depth exceeded";

/// What the proxy does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The node never hears of it.
    LoseRequest,
    /// The node acts, and its reply is lost.
    LoseReply,
    /// The reply comes late.
    Delay,
    /// The node hears it twice.
    RepeatRequest,
    /// The reply comes twice.
    RepeatReply,
    /// Some bytes of the reply are others.
    Garble,
    /// The reply ends in its middle.
    Truncate,
    /// The node is said to be busy, and never hears of it.
    Busy,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LoseRequest,
        Self::LoseReply,
        Self::Delay,
        Self::RepeatRequest,
        Self::RepeatReply,
        Self::Garble,
        Self::Truncate,
        Self::Busy,
    ];
}

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: Mutex<String>,
    draw: Mutex<Draw>,
    /// Of a thousand calls so many meet a fault.
    rate: AtomicU64,
    over: AtomicBool,
    met: Mutex<BTreeMap<(Fault, String), u64>>,
    calls: AtomicU64,
}

impl FaultProxy {
    /// Stands before a node, without a fault until [`Self::set_rate`] says so.
    pub fn before(node: &Bitcoind, seed: u64) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            node: Mutex::new(address_of(node)),
            draw: Mutex::new(Draw::new(seed)),
            rate: AtomicU64::new(0),
            over: AtomicBool::new(false),
            met: Mutex::default(),
            calls: AtomicU64::new(0),
        });
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if all.over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&all);
                // A connection that breaks is what this is for.
                thread::spawn(move || drop(shared.serve(&stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Its address, as a watchtower is told it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stands before another node from now on; no call fails for that.
    pub fn turn_to(&self, node: &Bitcoind) {
        let mut place = self
            .shared
            .node
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = address_of(node);
    }

    /// Of a thousand calls so many meet a fault from now on.
    pub fn set_rate(&self, of_a_thousand: u64) {
        self.shared.rate.store(of_a_thousand, Ordering::Relaxed);
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// How often each fault was met by each method.
    pub fn met(&self) -> BTreeMap<(Fault, String), u64> {
        let met = &self.shared.met;
        met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes whoever waits for the next connection.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// Carries one call after the other, until the connection ends or a fault ends it.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut answers = stream;
        while let Some(request) = Message::read(&mut reader)? {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let fault = self.draw_fault(&request);
            match fault {
                Some(Fault::LoseRequest) => return Ok(()),
                Some(Fault::Busy) => {
                    answers.write_all(BUSY)?;
                    continue;
                }
                Some(Fault::RepeatRequest) => drop(self.forward(&request)?),
                _ => {}
            }
            let mut reply = self.forward(&request)?;
            match fault {
                Some(Fault::LoseReply) => return Ok(()),
                Some(Fault::Delay) => thread::park_timeout(self.delay()),
                Some(Fault::Garble) => self.garble(&mut reply.body),
                Some(Fault::RepeatReply) => answers.write_all(&reply.bytes())?,
                Some(Fault::Truncate) => {
                    let half = reply.body.len() / 2;
                    let bytes = reply.bytes();
                    answers.write_all(&bytes[..bytes.len() - half])?;
                    return Ok(());
                }
                _ => {}
            }
            answers.write_all(&reply.bytes())?;
        }
        Ok(())
    }

    fn draw_fault(&self, request: &Message) -> Option<Fault> {
        let mut draw = self.draw.lock().unwrap_or_else(PoisonError::into_inner);
        let method = request.method();
        // What is sent is what must not be lost: it is looked at harder.
        let often = if method == "sendrawtransaction" {
            SENDING
        } else {
            1
        };
        if draw.below(1_000) >= often * self.rate.load(Ordering::Relaxed) {
            return None;
        }
        let fault = *draw.one(&Fault::ALL);
        drop(draw);
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry((fault, method)).or_insert(0) += 1;
        Some(fault)
    }

    fn delay(&self) -> Duration {
        let mut draw = self.draw.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(draw.from_to(20, DELAY_MS))
    }

    fn garble(&self, body: &mut [u8]) {
        let mut draw = self.draw.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..draw.from_to(1, 4) {
            if !body.is_empty() {
                let place = draw.place(body.len());
                body[place] = draw.byte();
            }
        }
    }

    /// The node's reply.
    fn forward(&self, request: &Message) -> io::Result<Message> {
        let node = self
            .node
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut stream = TcpStream::connect(node)?;
        stream.write_all(&request.bytes())?;
        let reply = Message::read(&mut BufReader::new(&stream))?;
        reply.ok_or_else(|| io::Error::other("the node said nothing"))
    }
}

fn address_of(node: &Bitcoind) -> String {
    node.url().trim_start_matches("http://").to_owned()
}

/// A request or a reply: what stands before the body, with its empty line, and the body.
#[derive(Debug)]
struct Message {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    /// Reads one, or nothing where the connection has ended.
    fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Self>> {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            head.extend_from_slice(&line);
            let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            if text.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Self { head, body }))
    }

    fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.body[..]].concat()
    }

    /// The method that a call names; several in one are all of one.
    fn method(&self) -> String {
        let call: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let first = call.get(0).unwrap_or(&call);
        first["method"].as_str().unwrap_or_default().to_owned()
    }
}
