//! What a webhook is sent, and how it is signed. Pure.
//!
//! The header `Countersign-Signature` is `t=SECONDS,v1=HEX`: HMAC-SHA-256 under the webhook's secret over
//! `SECONDS.ID.BODY`. The id is the event's own, so that what comes twice can be told.

use std::str::FromStr;

use bitcoin::hashes::hmac::{Hmac, HmacEngine};
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::hex::DisplayHex as _;
use policies::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchtower::store::events::Event;

use super::telling::{of_event, plain};
use crate::service::proving::ProofView;

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The whole event.
    Json,
    /// A message for Slack.
    Slack,
    /// The content of a message for Matrix (`m.room.message`).
    Matrix,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 3] = [Self::Json, Self::Slack, Self::Matrix];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Matrix => "matrix",
        }
    }
}

/// A text names no shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not json, slack or matrix")]
pub struct UnknownShape;

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(text: &str) -> Result<Self, UnknownShape> {
        let found = Self::ALL.into_iter().find(|shape| shape.name() == text);
        found.ok_or(UnknownShape)
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The event's id, the same however often it is sent.
    pub id: String,
    /// The body.
    pub body: String,
}

/// An event as it is sent; whole, it carries what shows it in the chain.
pub fn parcel(shape: Shape, event: &Event, proof: Option<&ProofView>, public_url: &str) -> Parcel {
    let id = format!("event-{}", event.number);
    let (words, href) = match of_event(event) {
        Some(told) => (told.title, told.href),
        None => (
            format!("{} {}", event.kind, event.object_id),
            "/events".to_owned(),
        ),
    };
    let body = match shape {
        Shape::Json => {
            let mut body = serde_json::to_value(event).expect("an event is plain JSON");
            if let Some(fields) = body.as_object_mut() {
                fields.insert("id".to_owned(), json!(id));
                if let Some(proof) = proof {
                    fields.insert("proof".to_owned(), json!(proof));
                }
            }
            body.to_string()
        }
        Shape::Slack | Shape::Matrix => message(shape, &words, &format!("{public_url}{href}")),
    };
    Parcel { id, body }
}

/// What is sent to try a webhook.
pub fn trial(shape: Shape, id: &str, public_url: &str) -> Parcel {
    let id = format!("test-{id}");
    let body = match shape {
        Shape::Json => json!({ "id": id, "kind": "test" }).to_string(),
        Shape::Slack | Shape::Matrix => message(
            shape,
            "This is a test of Countersign",
            &format!("{public_url}/webhooks"),
        ),
    };
    Parcel { id, body }
}

fn message(shape: Shape, words: &str, link: &str) -> String {
    let words = plain(words);
    match shape {
        Shape::Slack => {
            let safe = words
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            json!({ "text": format!("{safe}\n{link}") }).to_string()
        }
        Shape::Matrix | Shape::Json => {
            json!({ "msgtype": "m.text", "body": format!("{words}\n{link}") }).to_string()
        }
    }
}

/// The value of the header `Countersign-Signature`.
pub fn signature(secret: &str, at: UnixTime, parcel: &Parcel) -> String {
    let seconds = at.as_secs();
    let mut engine = HmacEngine::<sha256::Hash>::new(secret.as_bytes());
    engine.input(format!("{seconds}.{}.{}", parcel.id, parcel.body).as_bytes());
    let hmac = Hmac::<sha256::Hash>::from_engine(engine).to_byte_array();
    format!("t={seconds},v1={}", hmac.to_lower_hex_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            number: 7,
            object_kind: "withdrawal".to_owned(),
            object_id: "x".to_owned(),
            version: 2,
            kind: "withdrawal.settled".to_owned(),
            vault: None,
            body: json!({ "requester": "exchange", "id": "<!channel>\u{202e}" }),
            actor: "watchtower".to_owned(),
            reason: String::new(),
            at: UnixTime::from_secs(5),
            hash: [1; 32],
        }
    }

    #[test]
    fn an_event_has_one_id_however_it_is_written() {
        for shape in Shape::ALL {
            let parcel = parcel(shape, &event(), None, "https://t.example");
            assert_eq!(parcel.id, "event-7");
            let body: serde_json::Value = serde_json::from_str(&parcel.body).expect("is JSON");
            match shape {
                Shape::Json => assert_eq!(
                    (&body["id"], &body["number"]),
                    (&json!("event-7"), &json!(7))
                ),
                Shape::Slack => {
                    let text = body["text"].as_str().expect("a text");
                    assert!(text.contains("&lt;!channel&gt;⟨U+202E⟩"), "{text}");
                }
                Shape::Matrix => assert_eq!(body["msgtype"], "m.text"),
            }
        }
    }

    /// The value was made with another program: `printf '5.event-7.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_is_the_hmac_over_time_id_and_body() {
        let parcel = Parcel {
            id: "event-7".to_owned(),
            body: "{}".to_owned(),
        };
        assert_eq!(
            signature("secret", UnixTime::from_secs(5), &parcel),
            EXPECTED
        );
    }

    const EXPECTED: &str =
        "t=5,v1=4a6432500b225fe7998412ec422a52cd042303962fe704d2f83eb4875f3f67e7";
}
