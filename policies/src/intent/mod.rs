//! Intents: one withdrawal each, in the canonical bytes that its requester signs (docs/formats.md F2–F4).
//!
//! Invariant: an [`Intent`] read from bytes encodes to the same bytes, so its hash is theirs.

pub mod approval;
pub mod canonical;
pub mod decode;
pub mod key;
pub mod merkle;
pub mod names;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(feature = "signing")]
pub mod secret;
pub mod signature;
pub mod statement;
pub mod webauthn;

use bitcoin::{Amount, ScriptBuf};
use serde::{Serialize, Serializer};

pub use approval::{Approval, ApprovalError, RequestSignature, Verdict};
pub use decode::IntentError;
pub use key::{Algorithm, KeyError, PublicKey};
pub use merkle::{MerkleError, MerkleProof, MerkleTree, ProofError, merkle_root};
pub use names::{NameError, RequesterName, WithdrawalId};
#[cfg(feature = "signing")]
pub use secret::SecretKey;
pub use signature::{Assertion, Signature, SignatureError, VerifyingParty};
pub use statement::{Go, ListAdd, Statement, StatementError, StatementNonce, Stop};
pub use webauthn::{AssertionError, Registered, RegistrationError, RelyingParty};

use crate::hash::tagged;
use crate::ids::{IntentHash, Keyset, VaultId};
use crate::time::UnixTime;
use canonical::{Object, Value};

/// The format name that every intent carries.
pub const INTENT_FORMAT: &str = "countersign/intent/1";

/// The most characters of a reference.
pub const MAX_REFERENCE: usize = 200;

/// What kind of withdrawal an intent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentKind {
    /// Pays someone else exactly one amount.
    Payment,
    /// Pays a script of a pinned vault.
    Transfer,
    /// Empties coins to one script; the fee comes out of the amount.
    Sweep,
}

impl IntentKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Payment, Self::Transfer, Self::Sweep];

    /// Its word in the intent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Transfer => "transfer",
            Self::Sweep => "sweep",
        }
    }
}

impl std::fmt::Display for IntentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for IntentKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(UnknownKind)
    }
}

crate::ids::serde_as_text!(IntentKind);

/// A text names no kind of intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not payment, transfer or sweep")]
pub struct UnknownKind;

/// One withdrawal: pay one script one amount, once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The vault that pays.
    pub vault: VaultId,
    /// The keyset whose coins pay.
    pub keyset: Keyset,
    /// Who asks, by the name in the policy.
    pub requester: RequesterName,
    /// The withdrawal's id, unique for the requester.
    pub id: WithdrawalId,
    /// Payment, transfer or sweep.
    pub kind: IntentKind,
    /// The script to pay.
    pub script_pubkey: ScriptBuf,
    /// The most that may be paid; rules count this.
    pub amount: Amount,
    /// The least that may be paid; equal to `amount` unless a sweep.
    pub min: Amount,
    /// When it was made.
    pub created: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
    /// The first id of the line that it replaces.
    pub replaces: Option<WithdrawalId>,
    /// The id that it pays again, knowing that both may be paid.
    pub repeats: Option<WithdrawalId>,
    /// The requester's own words, at most 200 characters of printable ASCII.
    pub reference: String,
}

impl Intent {
    /// Its canonical bytes.
    ///
    /// An intent that [`Intent::check`] refuses has bytes too, which [`Intent::decode`] refuses.
    pub fn encode(&self) -> Vec<u8> {
        self.to_object().encode()
    }

    /// Reads canonical bytes; refuses everything that does not encode to the same bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, IntentError> {
        decode::decode(bytes)
    }

    /// Its hash, the subject of the request's signature.
    pub fn hash(&self) -> IntentHash {
        Self::hash_bytes(&self.encode())
    }

    /// The hash of received bytes.
    pub fn hash_bytes(bytes: &[u8]) -> IntentHash {
        IntentHash::from_bytes(tagged("intent", &[bytes]))
    }

    /// Its object, as canonical JSON writes it.
    pub fn to_object(&self) -> Object {
        let optional =
            |id: &Option<WithdrawalId>| id.as_ref().map_or_else(String::new, ToString::to_string);
        Object::new()
            .text("format", INTENT_FORMAT)
            .text("vault", &self.vault)
            .text("keyset", &self.keyset)
            .text("requester", &self.requester)
            .text("id", &self.id)
            .text("kind", &self.kind)
            .text("script_pubkey", &self.script_pubkey.to_hex_string())
            .integer("amount_sat", self.amount.to_sat())
            .integer("min_sat", self.min.to_sat())
            .integer("created", self.created.as_secs())
            .integer("expires", self.expires.as_secs())
            .text("replaces", &optional(&self.replaces))
            .text("repeats", &optional(&self.repeats))
            .text("reference", &self.reference)
    }
}

/// Serializes the same keys and values as the canonical bytes, for answers to people and programs; what
/// is signed are only the bytes of [`Intent::encode`].
impl Serialize for Intent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.to_object().iter())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(integer) => serializer.serialize_u64(*integer),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(object) => serializer.collect_map(object.iter()),
        }
    }
}

#[cfg(test)]
mod tests;
