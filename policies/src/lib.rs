//! The rule-book of Countersign: everyone who decides anything decides it by calling this crate.
//!
//! Pure: no clock, randomness, environment, files or tasks. Time, tip and entropy come in as
//! arguments. Untrusted bytes become domain types here once, and refusals are typed facts.

pub mod analysis;
#[cfg(feature = "carriers")]
pub mod carrier;
mod cbor;
pub mod descriptor;
pub mod destination;
pub mod devices;
pub mod document;
pub mod exchange;
pub mod hash;
pub mod ids;
pub mod inclusion;
pub mod intent;
pub mod journal;
pub mod ladder;
pub mod planted;
pub mod proof;
pub mod psbt;
pub mod report;
pub mod review;
pub mod rules;
pub mod succession;
pub mod time;
pub mod witness;
pub mod words;

pub use self::time::UnixTime;
pub use descriptor::{DerivedScript, OwnScripts, ScriptKind, VaultDescriptor};
pub use document::{Mistake, Policy};
pub use ids::{
    HexError, IntentHash, KeyId, Keychain, Keyset, MerkleRoot, PolicyId, Subject, VaultId,
};
pub use intent::{
    Approval, Intent, IntentKind, ListAdd, PublicKey, RequestSignature, RequesterName, Signature,
    Statement, WithdrawalId,
};
pub use journal::{History, Journal, Receipt, SignedTransaction};
