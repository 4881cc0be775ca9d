//! Voids: a journal's promise that it did not and will never sign a transaction.
//!
//! The entry is durable before the promise leaves, and a journal that voided a transaction never admits it.
//! Signers without whom no path can be satisfied make an attempt void together: no one can ever finish it.
//! Only a journal of birth zero, or one that moved here from such a one, can promise anything about what was
//! signed before it. Follows docs/formats.md F7.

use std::collections::BTreeSet;

use bitcoin::hex::DisplayHex;
use bitcoin::{Transaction, Txid};

use super::entry::{EntryError, parse, time};
use super::history::History;
use crate::document::KeysetView;
use crate::hash::{Purpose, signing_message, transaction_subject};
use crate::ids::{VaultId, read_lower_hex};
#[cfg(feature = "signing")]
use crate::intent::SecretKey;
use crate::intent::canonical::{CanonicalError, FieldError, Object};
use crate::intent::{PublicKey, Signature, SignatureError};
use crate::planted::{Bug, planted};
use crate::time::UnixTime;

/// The format name that every void carries.
pub const VOID_FORMAT: &str = "countersign/void/1";

/// The journal's entry of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// The transaction.
    pub txid: Txid,
    /// When, by the journal's time.
    pub at: UnixTime,
}

/// A journal's signed promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Void {
    /// The journal.
    pub journal: PublicKey,
    /// The transaction that it did not and will never sign.
    pub txid: Txid,
    /// Its signature of purpose `void`, which never ends.
    pub signature: Signature,
}

/// Why bytes are no void, or one does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoidError {
    /// The JSON is not canonical.
    #[error("void: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not exactly those of a void.
    #[error("void: {0}")]
    Field(#[from] FieldError),
    /// The format is another one.
    #[error("void: format is not {VOID_FORMAT:?}")]
    Format,
    /// A value does not say what it should.
    #[error("void: {0}")]
    Value(#[from] EntryError),
    /// The JSON does not encode to itself.
    #[error("void: encoding it again gives other bytes")]
    NotCanonical,
    /// The signature does not count.
    #[error("void: {0}")]
    Signature(#[from] SignatureError),
}

/// Why a journal cannot promise never to have signed a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotVoid {
    /// It signed it.
    #[error("{txid} was signed here already; its signatures may have left")]
    AlreadySigned {
        /// The transaction.
        txid: Txid,
    },
    /// A journal before this one, which it knows nothing of, may have signed it.
    #[error("this journal was born {birth} and does not know what was signed before")]
    BornLater {
        /// When.
        birth: UnixTime,
    },
    /// It moved.
    #[error("this journal moved to {to} and promises nothing more")]
    Moved {
        /// The journal that goes on.
        to: PublicKey,
    },
}

/// Whether a journal with this history may promise never to sign a transaction.
///
/// # Errors
/// Why it cannot.
pub fn may_void(history: &History, txid: Txid) -> Result<(), CannotVoid> {
    if let Some(to) = history.moved_to() {
        return Err(CannotVoid::Moved { to });
    }
    if history.contains(&txid) && !planted(Bug::VoidsSigned) {
        return Err(CannotVoid::AlreadySigned { txid });
    }
    let birth = history.birth();
    if birth != UnixTime::ZERO {
        return Err(CannotVoid::BornLater { birth });
    }
    Ok(())
}

/// Whether a transaction could satisfy a path that asks for the age of a coin: only where an input's sequence is an age
/// (BIP 68, BIP 112). The txid commits to it, and a payment's never is.
pub fn may_recover(transaction: &Transaction) -> bool {
    let mut inputs = transaction.input.iter();
    transaction.version.0 >= 2 && inputs.any(|input| input.sequence.is_relative_lock_time())
}

/// Whether no path that a transaction could satisfy is left without these signers of the keyset whose coins it spends:
/// every ordinary one, and those of recovery if it may recover ([`may_recover`]). The signers of another keyset, a later
/// one too, block nothing of it.
pub fn block_every_path(
    keyset: KeysetView<'_>,
    signers: &BTreeSet<String>,
    recovers: bool,
) -> bool {
    let positions = keyset.descriptor.key_positions();
    let named = keyset
        .signers
        .iter()
        .filter(|signer| signers.contains(&signer.name));
    let theirs: BTreeSet<usize> = named
        .filter_map(|signer| {
            let position = signer.key.position();
            positions.iter().position(|one| *one == position)
        })
        .collect();
    let paths = keyset.descriptor.paths().iter();
    let mut open = paths
        .filter(|path| recovers || path.older.is_none())
        .peekable();
    open.peek().is_some() && open.all(|path| path.keys.iter().any(|key| theirs.contains(key)))
}

impl Voided {
    pub(super) fn to_object(self) -> Object {
        Object::new()
            .text("entry", "voided")
            .text("txid", &self.txid)
            .integer("at", self.at.as_secs())
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        Ok(Self {
            txid: parse(&object.take_text("txid")?, "txid", "a txid")?,
            at: time(object, "at")?,
        })
    }
}

impl Void {
    /// The 32 bytes that the signature is over.
    pub fn message(vault: VaultId, txid: Txid) -> [u8; 32] {
        signing_message(Purpose::Void, vault, transaction_subject(txid), 0)
    }

    /// Signs the promise. The journal's entry must be durable before.
    #[cfg(feature = "signing")]
    pub fn sign(key: &SecretKey, vault: VaultId, txid: Txid) -> Self {
        Self {
            journal: key.public(),
            txid,
            signature: key.sign(&Self::message(vault, txid)),
        }
    }

    /// Verifies that the journal it names promised this for a vault. Whose journal that is, is the caller's
    /// question.
    ///
    /// # Errors
    /// Why it did not.
    pub fn verify(&self, vault: VaultId) -> Result<(), VoidError> {
        let message = Self::message(vault, self.txid);
        Ok(self.journal.verify(&message, &self.signature)?)
    }

    /// Its canonical JSON.
    pub fn encode(&self) -> Vec<u8> {
        Object::new()
            .text("format", VOID_FORMAT)
            .text("journal", &self.journal)
            .text("txid", &self.txid)
            .text("signature", &self.signature.encode().as_hex())
            .encode()
    }

    /// Reads canonical JSON; whether it counts is [`Void::verify`]'s question.
    ///
    /// # Errors
    /// When the bytes are no void.
    pub fn decode(bytes: &[u8]) -> Result<Self, VoidError> {
        let mut object = Object::decode(bytes)?;
        if object.take_text("format")? != VOID_FORMAT {
            return Err(VoidError::Format);
        }
        let signature = read_lower_hex(&object.take_text("signature")?).ok();
        let signature = signature.and_then(|bytes| Signature::decode(&bytes).ok());
        let void = Self {
            journal: parse(&object.take_text("journal")?, "journal", "a key")?,
            txid: parse(&object.take_text("txid")?, "txid", "a txid")?,
            signature: signature.ok_or(EntryError::Text {
                key: "signature",
                expected: "a signature",
            })?,
        };
        object.finish()?;
        if void.encode() != bytes {
            return Err(VoidError::NotCanonical);
        }
        Ok(void)
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "void_tests.rs"]
mod tests;
