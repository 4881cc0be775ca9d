//! What goes over the wire, as the JSON API defines it.

use bitcoin::{Address, ScriptBuf, hex::DisplayHex as _};
use policies::{
    KeyId, Keychain, Keyset, PolicyId, RequestSignature, RequesterName, UnixTime, VaultId,
    WithdrawalId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ClientError;
use super::proof::Proof;
use crate::queue::Speed;

/// Asks for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewAddress {
    /// The service's own reference.
    pub reference: String,
}

/// An address as the coordinator answers it, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AddressAnswer {
    pub(super) vault: VaultId,
    pub(super) policy: PolicyId,
    pub(super) keyset: Keyset,
    pub(super) keychain: Keychain,
    pub(super) index: u32,
    pub(super) address: String,
    pub(super) descriptor: String,
    pub(super) reference: String,
}

/// A deposit address that the pinned descriptor gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAddress {
    /// The address.
    pub address: Address,
    /// Its script.
    pub script_pubkey: ScriptBuf,
    /// The keychain, always [`Keychain::External`].
    pub keychain: Keychain,
    /// The index on it.
    pub index: u32,
}

/// How fast a withdrawal is to be paid: said beside the intent, never signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Haste {
    /// How fast; normal where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// The latest time at which it should be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<UnixTime>,
}

/// A signed intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Submission {
    /// The canonical JSON as text.
    intent: String,
    /// The id of the key that signed.
    key: KeyId,
    /// Algorithm byte and signature in hex.
    signature: String,
    #[serde(flatten)]
    haste: Haste,
}

impl Submission {
    pub(super) fn new(
        bytes: &[u8],
        signed: &RequestSignature,
        haste: Haste,
    ) -> Result<Self, ClientError> {
        let intent = String::from_utf8(bytes.to_vec())
            .map_err(|_| ClientError::OtherAnswer { field: "intent" })?;
        Ok(Self {
            intent,
            key: signed.key,
            signature: signed.signature.encode().to_lower_hex_string(),
            haste,
        })
    }
}

/// A withdrawal as the coordinator tells it. Only the chain shows what was paid.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Withdrawal {
    /// Who asked.
    pub requester: RequesterName,
    /// The id.
    pub id: WithdrawalId,
    /// The state's word.
    pub state: String,
    /// Everything else that the coordinator tells.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Its number, without gaps.
    pub number: u64,
    /// What kind of thing it is about.
    pub object_kind: String,
    /// Which one.
    pub object_id: String,
    /// The how-manieth event of that one.
    pub version: u64,
    /// What happened.
    pub kind: String,
    /// The vault, if it is about one.
    pub vault: Option<VaultId>,
    /// The facts.
    pub body: Value,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: UnixTime,
    /// The chain's hash up to and including this event, in hex.
    pub hash: String,
    /// What shows it in the chain, where that was asked for. The hash does not commit to it.
    #[serde(default)]
    pub proof: Option<Proof>,
}

/// Events in order.
#[derive(Debug, Deserialize)]
pub(super) struct EventPage {
    pub(super) events: Vec<Event>,
}
