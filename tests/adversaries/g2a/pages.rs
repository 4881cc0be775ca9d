//! Two pages on this host and a real browser with a virtual authenticator between them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use policies::PublicKey;
use policies::intent::{Assertion, RelyingParty};
use serde_json::Value;

use crate::{Browser, Failure};

/// How long a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page that shows one sentence, whoever asks.
#[derive(Debug)]
pub(super) struct Page {
    origin: String,
}

impl Page {
    /// Serves it until the process ends.
    pub(super) fn serve(words: &'static str) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let origin = format!("http://localhost:{}", listener.local_addr()?.port());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || drop(answer(stream, words)));
            }
        });
        Ok(Self { origin })
    }
}

fn answer(mut stream: TcpStream, words: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..read]);
    }
    let body = format!("<!doctype html><title>{words}</title><main>{words}</main>");
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A browser in which a passkey was registered.
#[derive(Debug)]
pub(super) struct Browsed {
    browser: Browser,
    key: PublicKey,
    party: RelyingParty,
    credential: String,
}

/// What the scripts share.
const BYTES: &str = "const bytes = (t) => Uint8Array.from(atob(t), (c) => c.charCodeAt(0)); \
     const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b)));";

impl Browsed {
    /// Starts a browser and registers a passkey on a page.
    pub(super) fn register(page: &Page) -> Result<Self, Failure> {
        let browser = Browser::start()?;
        browser.plug_in_authenticator()?;
        browser.open(&page.origin)?;
        let challenge = [3; 32];
        let answer = browser.script(&format!(
            "{BYTES} return navigator.credentials.create({{ publicKey: {{ \
             challenge: bytes(\"{}\"), rp: {{ id: \"localhost\", name: \"own\" }}, \
             user: {{ id: bytes(\"AQID\"), name: \"dana\", displayName: \"dana\" }}, \
             pubKeyCredParams: [{{ type: \"public-key\", alg: -7 }}], \
             authenticatorSelection: {{ userVerification: \"required\" }}, attestation: \"none\" \
             }} }}).then(({{ rawId, response }}) => [text(rawId), text(response.clientDataJSON), \
             text(response.attestationObject)]);",
            BASE64_STANDARD.encode(challenge)
        ))?;
        let mut party = RelyingParty {
            rp_id: "localhost".to_owned(),
            origins: vec![page.origin.clone()],
            synced: false,
        };
        let [credential, client, object] = three(&answer)?;
        let registered = party.read_registration(&challenge, &client, &object)?;
        party.synced = registered.synced;
        Ok(Self {
            browser,
            key: registered.key,
            party,
            credential: BASE64_STANDARD.encode(credential),
        })
    }

    /// The passkey's public key.
    pub(super) fn key(&self) -> PublicKey {
        self.key
    }

    /// Where the policy pins that it is used.
    pub(super) fn party(&self) -> &RelyingParty {
        &self.party
    }

    /// Has a page ask for the passkey's signature, which its person gives.
    pub(super) fn touch(&self, page: &Page, message: &[u8; 32]) -> Result<Assertion, Failure> {
        self.browser.open(&page.origin)?;
        let answer = self.browser.script(&format!(
            "{BYTES} return navigator.credentials.get({{ publicKey: {{ \
             challenge: bytes(\"{}\"), rpId: \"localhost\", userVerification: \"required\", \
             allowCredentials: [{{ type: \"public-key\", id: bytes(\"{}\") }}] \
             }} }}).then(({{ response }}) => [text(response.authenticatorData), \
             text(response.clientDataJSON), text(response.signature)]);",
            BASE64_STANDARD.encode(message),
            self.credential
        ))?;
        let [data, client, signature] = three(&answer)?;
        Ok(Assertion::new(data, client, signature)?)
    }
}

/// The three parts that a script returned.
fn three(answer: &Value) -> Result<[Vec<u8>; 3], Failure> {
    let part = |at: usize| -> Result<Vec<u8>, Failure> {
        let text = answer[at].as_str();
        let text = text.ok_or_else(|| Failure::new(format!("the page answered {answer}")))?;
        Ok(BASE64_STANDARD.decode(text)?)
    };
    Ok([part(0)?, part(1)?, part(2)?])
}
