//! Reading `clientDataJSON` (WebAuthn §5.8.1): strict where we decide, open where browsers may add.
//!
//! Invariant: a member that decides stands once and has its type; unknown members are passed over.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// The members that decide.
#[derive(Debug, Deserialize)]
pub(super) struct ClientData {
    /// `webauthn.get` or `webauthn.create`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The challenge in base64url.
    pub(super) challenge: String,
    /// The page's origin.
    pub(super) origin: String,
    /// Whether the page was embedded in one of another origin; absent is no.
    #[serde(rename = "crossOrigin", default)]
    pub(super) cross_origin: bool,
    /// Whether an outer page's origin is named, which is only done for embedded ones.
    #[serde(rename = "topOrigin", default, deserialize_with = "is_there")]
    pub(super) has_top_origin: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl ClientData {
    /// Reads the object; a decisive member that is missing, comes twice or has another type is refused.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        // serde takes a struct from an array too: only an object has members with names.
        if bytes.first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }
}
