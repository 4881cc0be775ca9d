//! Tagged hashes and the one message form that every signature of the system is over.
//!
//! Invariant: a signature made for one purpose, vault, subject or expiry is never valid for another.
//! Follows BIP 340's tagged hashes; docs/formats.md F1.

use bitcoin::Txid;
use bitcoin::hashes::{Hash, HashEngine, sha256};

use crate::ids::VaultId;

const PREFIX: &str = "countersign/v1/";

/// The BIP 340 tagged hash of the joined parts, with the tag `countersign/v1/` + `tag`.
pub fn tagged(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut tag_engine = sha256::Hash::engine();
    tag_engine.input(PREFIX.as_bytes());
    tag_engine.input(tag.as_bytes());
    let tag_hash = sha256::Hash::from_engine(tag_engine).to_byte_array();

    let mut engine = sha256::Hash::engine();
    engine.input(&tag_hash);
    engine.input(&tag_hash);
    for part in parts {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// What a signature says; its position in [`Purpose::ALL`] is its byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A requester asks for a withdrawal.
    Request,
    /// An approver approves the intents of a root.
    Approve,
    /// An approver rejects the intents of a root.
    Reject,
    /// Adds a destination to an open list.
    ListAdd,
    /// Removes a destination from an open list.
    ListRemove,
    /// Confirms the first, small payment to a destination.
    ListConfirm,
    /// Approves a self-spend.
    Maintain,
    /// Approves the next policy version.
    Policy,
    /// Acknowledges a revocation.
    Ack,
    /// Stops a vault.
    Stop,
    /// Releases a stop.
    Release,
    /// Starts a vault.
    Go,
    /// A signer says that it did not and will never sign a transaction.
    Void,
    /// A signer's journal says what it signed.
    Receipt,
    /// A signer's journal says which journal goes on for it.
    Move,
}

impl Purpose {
    /// All purposes, in the order of their bytes.
    pub const ALL: [Self; 15] = [
        Self::Request,
        Self::Approve,
        Self::Reject,
        Self::ListAdd,
        Self::ListRemove,
        Self::ListConfirm,
        Self::Maintain,
        Self::Policy,
        Self::Ack,
        Self::Stop,
        Self::Release,
        Self::Go,
        Self::Void,
        Self::Receipt,
        Self::Move,
    ];

    /// Its name, the end of the hash tag.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::ListAdd => "list-add",
            Self::ListRemove => "list-remove",
            Self::ListConfirm => "list-confirm",
            Self::Maintain => "maintain",
            Self::Policy => "policy",
            Self::Ack => "ack",
            Self::Stop => "stop",
            Self::Release => "release",
            Self::Go => "go",
            Self::Void => "void",
            Self::Receipt => "receipt",
            Self::Move => "move",
        }
    }

    /// Its byte: the position in [`Purpose::ALL`], from 0.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The purpose of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.name() == text)
            .ok_or(UnknownPurpose)
    }
}

/// A text names no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a purpose")]
pub struct UnknownPurpose;

/// The 32 bytes that a signature of `purpose` is over; `expires` is 0 where the subject carries its own.
pub fn signing_message(
    purpose: Purpose,
    vault: VaultId,
    subject: [u8; 32],
    expires: u64,
) -> [u8; 32] {
    tagged(
        &format!("sign/{purpose}"),
        &[vault.as_bytes(), &subject, &expires.to_le_bytes()],
    )
}

/// The subject of a statement: the hash of its canonical JSON.
pub fn statement_subject(canonical: &[u8]) -> [u8; 32] {
    tagged("statement", &[canonical])
}

/// The subject of a signature about a transaction (`maintain`, `void`).
pub fn transaction_subject(txid: Txid) -> [u8; 32] {
    tagged("tx", &[txid.as_byte_array()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_position_as_byte_and_reads_back_from_its_name() {
        for (position, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(purpose.to_byte()), position);
            assert_eq!(Purpose::from_byte(purpose.to_byte()), Some(purpose));
            assert_eq!(purpose.name().parse(), Ok(purpose));
        }
        assert_eq!(Purpose::from_byte(15), None);
        assert_eq!("pay".parse::<Purpose>(), Err(UnknownPurpose));
    }

    #[test]
    fn a_tagged_hash_follows_bip_340() {
        let tag = sha256::Hash::hash(b"countersign/v1/leaf").to_byte_array();
        let by_hand = sha256::Hash::hash(&[&tag[..], &tag[..], b"ab"].concat()).to_byte_array();
        assert_eq!(tagged("leaf", &[b"a", b"b"]), by_hand);
    }

    #[test]
    fn a_message_changes_with_each_of_its_parts() {
        let vault = VaultId::from_bytes([1; 32]);
        let message = signing_message(Purpose::Approve, vault, [2; 32], 3);
        let others = [
            signing_message(Purpose::Reject, vault, [2; 32], 3),
            signing_message(Purpose::Approve, VaultId::from_bytes([2; 32]), [2; 32], 3),
            signing_message(Purpose::Approve, vault, [3; 32], 3),
            signing_message(Purpose::Approve, vault, [2; 32], 4),
        ];
        assert!(!others.contains(&message));
    }
}
