//! Moving a journal to another machine, so that its memory and birth go on under a fresh key.
//!
//! The old journal writes a last entry that names the new key, signs a *certificate* over where it
//! stopped, and signs nothing more. The new journal's file begins with the old one's lines; its own
//! chain begins with the same birth and the certificate. Invariant: at most one journal of a line can
//! sign, and it remembers all that the others signed. Follows docs/formats.md F7.

use bitcoin::VarInt;
use bitcoin::consensus::encode::{deserialize_partial, serialize};

use super::entry::{EntryError, at_most, parse, time};
use crate::document::{Policy, Signer};
use crate::hash::{Purpose, signing_message, statement_subject};
use crate::ids::{JournalHead, VaultId, read_lower_hex};
#[cfg(feature = "signing")]
use crate::intent::SecretKey;
use crate::intent::canonical::{CanonicalError, FieldError, MAX_INTEGER, Object};
use crate::intent::{PublicKey, Signature, SignatureError};
use crate::time::UnixTime;

/// The format name that every statement of a move carries.
pub const MOVE_FORMAT: &str = "countersign/move/1";

/// The last entry of a journal that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The key of the journal that goes on.
    pub to: PublicKey,
    /// When, by the journal's time.
    pub at: UnixTime,
}

/// The first entry after the birth of a journal that goes on for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The key of the journal before.
    pub from: PublicKey,
    /// The number of that journal's last entry.
    pub counter: u64,
    /// That journal's head after it.
    pub head: JournalHead,
    /// The old key's signature over the move.
    pub certificate: Signature,
}

/// What the old key says when its journal moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveStatement {
    /// The old journal.
    pub from: PublicKey,
    /// The new one.
    pub to: PublicKey,
    /// The birth of both.
    pub birth: UnixTime,
    /// The number of the old journal's last entry.
    pub counter: u64,
    /// The old journal's head after it.
    pub head: JournalHead,
}

/// A statement of a move with the old key's signature: what makes receipts of the new key count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveCertificate {
    /// What it says.
    pub statement: MoveStatement,
    /// The old key's signature of purpose `move`.
    pub signature: Signature,
}

/// Why bytes are no certificate of a move, or one does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// The bytes end in the middle.
    #[error("move: the bytes end early")]
    EndsEarly,
    /// The JSON is not canonical.
    #[error("move: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not exactly those of a move.
    #[error("move: {0}")]
    Field(#[from] FieldError),
    /// The format is another one.
    #[error("move: format is not {MOVE_FORMAT:?}")]
    Format,
    /// A value does not say what it should.
    #[error("move: {0}")]
    Value(#[from] EntryError),
    /// The JSON does not encode to itself.
    #[error("move: encoding it again gives other bytes")]
    NotCanonical,
    /// A journal cannot move to itself.
    #[error("move: from {key} to itself")]
    ToItself {
        /// The key.
        key: PublicKey,
    },
    /// No signer of the policy, and no move before, names the old journal.
    #[error("move: no signer's journal is {from}")]
    FromUnknown {
        /// The old journal.
        from: PublicKey,
    },
    /// The new journal's key has another use in the policy.
    #[error("move: {to} has another use in the policy")]
    ToTaken {
        /// The new journal.
        to: PublicKey,
    },
    /// The signature does not count.
    #[error("move: {0}")]
    Signature(#[from] SignatureError),
}

impl MoveError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EndsEarly
            | Self::Canonical(_)
            | Self::Field(_)
            | Self::Format
            | Self::Value(_)
            | Self::NotCanonical => "MOVE_UNREADABLE",
            Self::ToItself { .. } | Self::ToTaken { .. } => "MOVE_TO_KEY",
            Self::FromUnknown { .. } => "MOVE_FOREIGN",
            Self::Signature(_) => "MOVE_NOT_SIGNED",
        }
    }
}

impl Moved {
    pub(super) fn to_object(&self) -> Object {
        Object::new()
            .text("entry", "moved")
            .text("to", &self.to)
            .integer("at", self.at.as_secs())
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        Ok(Self {
            to: parse(&object.take_text("to")?, "to", "a key")?,
            at: time(object, "at")?,
        })
    }
}

impl Inherited {
    pub(super) fn to_object(&self) -> Object {
        use bitcoin::hex::DisplayHex;
        Object::new()
            .text("entry", "inherited")
            .text("from", &self.from)
            .integer("counter", self.counter)
            .text("head", &self.head)
            .text("certificate", &self.certificate.encode().as_hex())
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        let certificate = object.take_text("certificate")?;
        let certificate = read_lower_hex(&certificate)
            .ok()
            .and_then(|bytes| Signature::decode(&bytes).ok());
        Ok(Self {
            from: parse(&object.take_text("from")?, "from", "a key")?,
            counter: at_most(object.take_integer("counter")?, "counter", MAX_INTEGER)?,
            head: parse(&object.take_text("head")?, "head", "a head")?,
            certificate: certificate.ok_or(EntryError::Text {
                key: "certificate",
                expected: "a signature",
            })?,
        })
    }
}

impl MoveStatement {
    /// Its canonical JSON.
    pub fn encode(&self) -> Vec<u8> {
        Object::new()
            .text("format", MOVE_FORMAT)
            .text("from", &self.from)
            .text("to", &self.to)
            .integer("birth", self.birth.as_secs())
            .integer("counter", self.counter)
            .text("head", &self.head)
            .encode()
    }

    /// Reads canonical JSON.
    ///
    /// # Errors
    /// When the bytes are no statement of a move.
    pub fn decode(bytes: &[u8]) -> Result<Self, MoveError> {
        let mut object = Object::decode(bytes)?;
        if object.take_text("format")? != MOVE_FORMAT {
            return Err(MoveError::Format);
        }
        let statement = Self {
            from: parse(&object.take_text("from")?, "from", "a key")?,
            to: parse(&object.take_text("to")?, "to", "a key")?,
            birth: time(&mut object, "birth")?,
            counter: object.take_integer("counter")?,
            head: parse(&object.take_text("head")?, "head", "a head")?,
        };
        object.finish()?;
        if statement.encode() != bytes {
            return Err(MoveError::NotCanonical);
        }
        Ok(statement)
    }

    /// The 32 bytes that the certificate's signature is over; it never ends.
    pub fn message(&self, vault: VaultId) -> [u8; 32] {
        signing_message(Purpose::Move, vault, statement_subject(&self.encode()), 0)
    }

    /// Signs it with the old journal's key.
    #[cfg(feature = "signing")]
    pub fn sign(self, key: &SecretKey, vault: VaultId) -> MoveCertificate {
        let signature = key.sign(&self.message(vault));
        MoveCertificate {
            statement: self,
            signature,
        }
    }
}

impl MoveCertificate {
    /// Its bytes: compact size ‖ canonical JSON ‖ signature.
    pub fn encode(&self) -> Vec<u8> {
        let body = self.statement.encode();
        let mut bytes = serialize(&VarInt::from(body.len()));
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&self.signature.encode());
        bytes
    }

    /// Reads a certificate; whether it counts is [`accept_move`]'s question.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, MoveError> {
        let (length, prefix) =
            deserialize_partial::<VarInt>(bytes).map_err(|_| MoveError::EndsEarly)?;
        let rest = bytes.get(prefix..).ok_or(MoveError::EndsEarly)?;
        let length = usize::try_from(length.0).map_err(|_| MoveError::EndsEarly)?;
        let (body, signature) = rest.split_at_checked(length).ok_or(MoveError::EndsEarly)?;
        Ok(Self {
            statement: MoveStatement::decode(body)?,
            signature: Signature::decode(signature)?,
        })
    }

    /// Verifies that the old journal of this vault signed it.
    ///
    /// # Errors
    /// [`MoveError::ToItself`] or [`MoveError::Signature`].
    pub fn verify(&self, vault: VaultId) -> Result<(), MoveError> {
        let MoveStatement { from, to, .. } = &self.statement;
        if from == to {
            return Err(MoveError::ToItself { key: *from });
        }
        Ok(from.verify(&self.statement.message(vault), &self.signature)?)
    }
}

/// Decides whether a move from a journal that the policy names counts: then receipts of the new key
/// are that signer's, and later ones of the old key are not.
///
/// # Errors
/// Why it does not count.
pub fn accept_move<'policy>(
    policy: &'policy Policy,
    certificate: &MoveCertificate,
) -> Result<&'policy Signer, MoveError> {
    accept_moves(policy, std::slice::from_ref(certificate))
}

/// As [`accept_move`], for a journal that moved several times: the first certificate is from a journal
/// that the policy names, each further one from the journal that the one before moved to.
///
/// # Errors
/// Why they do not count; [`MoveError::EndsEarly`] when there is none.
pub fn accept_moves<'policy>(
    policy: &'policy Policy,
    certificates: &[MoveCertificate],
) -> Result<&'policy Signer, MoveError> {
    let (first, later) = certificates.split_first().ok_or(MoveError::EndsEarly)?;
    let from = first.statement.from;
    let signer = policy
        .signer_of_journal(&from)
        .ok_or(MoveError::FromUnknown { from })?;
    let mut expected = from;
    for certificate in std::iter::once(first).chain(later) {
        let MoveStatement { from, to, .. } = certificate.statement;
        if from != expected {
            return Err(MoveError::FromUnknown { from });
        }
        let id = to.id();
        let taken = policy.signer_of_journal(&to).is_some()
            || policy.requester_of_key(id).is_some()
            || policy.approver_of_key(id).is_some();
        if taken && from != to {
            return Err(MoveError::ToTaken { to });
        }
        certificate.verify(policy.vault)?;
        expected = to;
    }
    Ok(signer)
}

#[cfg(all(test, feature = "signing"))]
#[path = "moving_tests.rs"]
mod tests;
