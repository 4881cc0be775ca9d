//! What people and services sign: requests for one intent, approvals and rejections of several, and what
//! they say of open lists and of spends to ourselves.

use crate::hash::{Purpose, signing_message};
#[cfg(feature = "signing")]
use crate::ids::MerkleRoot;
use crate::ids::{IntentHash, KeyId, Subject, VaultId};
use crate::time::UnixTime;

#[cfg(feature = "signing")]
use super::secret::SecretKey;
use super::signature::{Signature, SignatureError, VerifyingParty};

/// A requester's signature over one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSignature {
    /// The key that signed.
    pub key: KeyId,
    /// Its signature, with expiry 0: the intent carries its own.
    pub signature: Signature,
}

impl RequestSignature {
    /// The 32 bytes that a request's signature is over.
    pub fn message(vault: VaultId, intent: IntentHash) -> [u8; 32] {
        signing_message(Purpose::Request, vault, intent.to_bytes(), 0)
    }

    /// Signs an intent.
    #[cfg(feature = "signing")]
    pub fn sign(key: &SecretKey, vault: VaultId, intent: IntentHash) -> Self {
        let signature = key.sign(&Self::message(vault, intent));
        Self {
            key: key.public().id(),
            signature,
        }
    }

    /// Verifies that `key` asked for the intent in this vault.
    pub fn verify(
        &self,
        key: &impl VerifyingParty,
        vault: VaultId,
        intent: IntentHash,
    ) -> Result<(), SignatureError> {
        expect_key(self.key, key)?;
        key.verify_signature(&Self::message(vault, intent), &self.signature)
    }
}

/// What an approver says of withdrawals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Pay them.
    Approve,
    /// Do not pay them.
    Reject,
}

impl Verdict {
    /// The purpose of its signature.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Approve => Purpose::Approve,
            Self::Reject => Purpose::Reject,
        }
    }
}

/// Why bytes are no approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Fewer bytes than purpose and expiry take.
    #[error("an approval of {found} bytes")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The purpose byte has no meaning.
    #[error("purpose byte {byte} has no meaning")]
    UnknownPurpose {
        /// The byte.
        byte: u8,
    },
    /// A purpose that this record may carry, but that this version does not act on.
    #[error("signatures to {purpose} are not supported yet")]
    NotYet {
        /// Which one.
        purpose: Purpose,
    },
    /// The signature in it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// An approver's signature: over the Merkle root of one or more intents, a statement about an open list,
/// or a spend to ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// One of [`Approval::PURPOSES`].
    pub purpose: Purpose,
    /// To approve and reject the root over the intents' hashes (a tree of one for one intent), to maintain
    /// the transaction's subject, otherwise the statement's.
    pub subject: Subject,
    /// The moment it ends.
    pub expires: UnixTime,
    /// The key that signed.
    pub key: KeyId,
    /// Its signature.
    pub signature: Signature,
}

impl Approval {
    /// What approvers' signatures may say.
    pub const PURPOSES: [Purpose; 9] = [
        Purpose::Approve,
        Purpose::Reject,
        Purpose::ListAdd,
        Purpose::ListRemove,
        Purpose::ListConfirm,
        Purpose::Maintain,
        Purpose::Stop,
        Purpose::Release,
        Purpose::Go,
    ];

    /// The 32 bytes that an approval's signature is over.
    pub fn message(
        purpose: Purpose,
        vault: VaultId,
        subject: impl Into<Subject>,
        expires: UnixTime,
    ) -> [u8; 32] {
        signing_message(purpose, vault, subject.into().to_bytes(), expires.as_secs())
    }

    /// Approves a root.
    #[cfg(feature = "signing")]
    pub fn approve(key: &SecretKey, vault: VaultId, root: MerkleRoot, expires: UnixTime) -> Self {
        Self::sign(key, Purpose::Approve, vault, root, expires)
    }

    /// Rejects a root.
    #[cfg(feature = "signing")]
    pub fn reject(key: &SecretKey, vault: VaultId, root: MerkleRoot, expires: UnixTime) -> Self {
        Self::sign(key, Purpose::Reject, vault, root, expires)
    }

    /// Signs a subject for a purpose.
    #[cfg(feature = "signing")]
    pub fn sign(
        key: &SecretKey,
        purpose: Purpose,
        vault: VaultId,
        subject: impl Into<Subject>,
        expires: UnixTime,
    ) -> Self {
        let subject = subject.into();
        let signature = key.sign(&Self::message(purpose, vault, subject, expires));
        Self {
            purpose,
            subject,
            expires,
            key: key.public().id(),
            signature,
        }
    }

    /// Verifies the signature of `key` in this vault; whether it has ended is the caller's question.
    pub fn verify(&self, key: &impl VerifyingParty, vault: VaultId) -> Result<(), SignatureError> {
        expect_key(self.key, key)?;
        let message = Self::message(self.purpose, vault, self.subject, self.expires);
        key.verify_signature(&message, &self.signature)
    }

    /// Whether it has ended at a moment: the moment it expires is the first at which it does not count.
    pub fn has_expired(&self, now: UnixTime) -> bool {
        now >= self.expires
    }

    /// The value of its manifest record: purpose byte ‖ expires u64 ‖ signature.
    pub fn encode_value(&self) -> Vec<u8> {
        let mut bytes = vec![self.purpose.to_byte()];
        bytes.extend_from_slice(&self.expires.as_secs().to_le_bytes());
        bytes.extend_from_slice(&self.signature.encode());
        bytes
    }

    /// Reads the value of a manifest record whose key names `subject` and `key`.
    ///
    /// # Errors
    /// Why the bytes are no approval.
    pub fn decode_value(
        subject: impl Into<Subject>,
        key: KeyId,
        value: &[u8],
    ) -> Result<Self, ApprovalError> {
        let too_short = ApprovalError::Length { found: value.len() };
        let (byte, rest) = value.split_first().ok_or(too_short)?;
        let (expires, signature) = rest.split_first_chunk::<8>().ok_or(too_short)?;
        let purpose =
            Purpose::from_byte(*byte).ok_or(ApprovalError::UnknownPurpose { byte: *byte })?;
        if !Self::PURPOSES.contains(&purpose) {
            return Err(ApprovalError::NotYet { purpose });
        }
        Ok(Self {
            purpose,
            subject: subject.into(),
            expires: UnixTime::from_secs(u64::from_le_bytes(*expires)),
            key,
            signature: Signature::decode(signature)?,
        })
    }
}

fn expect_key(found: KeyId, expected: &impl VerifyingParty) -> Result<(), SignatureError> {
    let expected = expected.public_key().id();
    if found == expected {
        Ok(())
    } else {
        Err(SignatureError::OtherKey { found, expected })
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "approval_tests.rs"]
mod tests;
