//! A receipt: what a signer's journal says when a signature leaves (docs/formats.md F7).
//!
//! On the wire: the canonical JSON, prefixed by its length as a compact size, then the signature.

use bitcoin::Txid;
use bitcoin::VarInt;
use bitcoin::consensus::encode::{deserialize_partial, serialize};

use super::given::{Again, Given};
use crate::hash::{Purpose, signing_message, statement_subject};
use crate::ids::{HexError, JournalHead, VaultId, read_lower_hex_array};
#[cfg(feature = "signing")]
use crate::intent::SecretKey;
use crate::intent::canonical::{CanonicalError, FieldError, Object};
use crate::intent::{KeyError, PublicKey, Signature, SignatureError};
use crate::time::UnixTime;

/// The format name that every receipt carries.
pub const RECEIPT_FORMAT: &str = "countersign/receipt/1";

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptBody {
    /// The number of the journal's last entry.
    pub counter: u64,
    /// The journal's head after it.
    pub head: JournalHead,
    /// The journal's key.
    pub journal: PublicKey,
    /// The transaction signed.
    pub txid: Txid,
    /// The hash of the manifest that was reviewed.
    pub manifest: [u8; 32],
    /// The challenge that asked for it, if any.
    pub nonce: Option<[u8; 32]>,
    /// The head of the coordinator's event chain as the signer was told it, if it was.
    pub event_head: Option<[u8; 32]>,
    /// The journal's time.
    pub now: UnixTime,
}

/// A receipt with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What it says.
    pub body: ReceiptBody,
    /// The journal key's signature of purpose `receipt`.
    pub signature: Signature,
}

/// Why bytes are no receipt, or a receipt does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The bytes end in the middle, or the length is not written as a compact size.
    #[error("receipt: the bytes end early")]
    EndsEarly,
    /// The JSON is not canonical.
    #[error("receipt: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not exactly those of a receipt.
    #[error("receipt: {0}")]
    Field(#[from] FieldError),
    /// The format is another one.
    #[error("receipt: format is not {RECEIPT_FORMAT:?}")]
    Format,
    /// A hash is not lower hex.
    #[error("receipt: {key}: {source}")]
    Hex {
        /// The key.
        key: &'static str,
        /// What is wrong.
        source: HexError,
    },
    /// The txid is none.
    #[error("receipt: txid is none")]
    Txid,
    /// The journal's key is none.
    #[error("receipt: journal: {0}")]
    Key(#[from] KeyError),
    /// The JSON does not encode to itself.
    #[error("receipt: encoding it again gives other bytes")]
    NotCanonical,
    /// It is another journal's.
    #[error("receipt: of journal {found}, expected {expected}")]
    OtherJournal {
        /// The journal found.
        found: PublicKey,
        /// The journal expected.
        expected: PublicKey,
    },
    /// The signature does not count.
    #[error("receipt: {0}")]
    Signature(#[from] SignatureError),
}

impl ReceiptBody {
    /// Whether it says of a transaction what this entry would, the time aside.
    pub fn says(&self, again: &Again) -> bool {
        let given = Given {
            manifest: self.manifest,
            nonce: self.nonce,
            event_head: self.event_head,
        };
        self.txid == again.txid && given == again.given
    }

    /// Its canonical JSON.
    pub fn encode(&self) -> Vec<u8> {
        use bitcoin::hex::DisplayHex;
        let hex = |bytes: &Option<[u8; 32]>| {
            bytes
                .as_ref()
                .map_or_else(String::new, DisplayHex::to_lower_hex_string)
        };
        Object::new()
            .text("format", RECEIPT_FORMAT)
            .integer("counter", self.counter)
            .text("head", &self.head)
            .text("journal", &self.journal)
            .text("txid", &self.txid)
            .text("manifest", &self.manifest.as_hex())
            .text("nonce", &hex(&self.nonce))
            .text("event_head", &hex(&self.event_head))
            .integer("now", self.now.as_secs())
            .encode()
    }

    /// Reads canonical JSON.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let mut object = Object::decode(bytes)?;
        if object.take_text("format")? != RECEIPT_FORMAT {
            return Err(ReceiptError::Format);
        }
        let body = Self {
            counter: object.take_integer("counter")?,
            head: JournalHead::from_bytes(hash(&object.take_text("head")?, "head")?),
            journal: object.take_text("journal")?.parse()?,
            txid: object
                .take_text("txid")?
                .parse()
                .map_err(|_| ReceiptError::Txid)?,
            manifest: hash(&object.take_text("manifest")?, "manifest")?,
            nonce: optional_hash(&object.take_text("nonce")?, "nonce")?,
            event_head: optional_hash(&object.take_text("event_head")?, "event_head")?,
            now: UnixTime::from_secs(object.take_integer("now")?),
        };
        object.finish()?;
        if body.encode() != bytes {
            return Err(ReceiptError::NotCanonical);
        }
        Ok(body)
    }

    /// The 32 bytes that the receipt's signature is over; it never ends.
    pub fn message(&self, vault: VaultId) -> [u8; 32] {
        signing_message(
            Purpose::Receipt,
            vault,
            statement_subject(&self.encode()),
            0,
        )
    }

    /// Signs it with the journal's key.
    #[cfg(feature = "signing")]
    pub fn sign(self, key: &SecretKey, vault: VaultId) -> Receipt {
        let signature = key.sign(&self.message(vault));
        Receipt {
            body: self,
            signature,
        }
    }
}

impl Receipt {
    /// Its bytes: compact size ‖ canonical JSON ‖ signature.
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body.encode();
        let mut bytes = serialize(&VarInt::from(body.len()));
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&self.signature.encode());
        bytes
    }

    /// Reads a receipt; whether its signature counts is [`Receipt::verify`]'s question.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let (length, prefix) =
            deserialize_partial::<VarInt>(bytes).map_err(|_| ReceiptError::EndsEarly)?;
        let rest = bytes.get(prefix..).ok_or(ReceiptError::EndsEarly)?;
        let length = usize::try_from(length.0).map_err(|_| ReceiptError::EndsEarly)?;
        let (body, signature) = rest
            .split_at_checked(length)
            .ok_or(ReceiptError::EndsEarly)?;
        Ok(Self {
            body: ReceiptBody::decode(body)?,
            signature: Signature::decode(signature)?,
        })
    }

    /// Verifies that this journal of this vault signed it.
    pub fn verify(&self, vault: VaultId, journal: &PublicKey) -> Result<(), ReceiptError> {
        if self.body.journal != *journal {
            let (found, expected) = (self.body.journal, *journal);
            return Err(ReceiptError::OtherJournal { found, expected });
        }
        Ok(journal.verify(&self.body.message(vault), &self.signature)?)
    }
}

fn hash(text: &str, key: &'static str) -> Result<[u8; 32], ReceiptError> {
    read_lower_hex_array(text).map_err(|source| ReceiptError::Hex { key, source })
}

fn optional_hash(text: &str, key: &'static str) -> Result<Option<[u8; 32]>, ReceiptError> {
    if text.is_empty() {
        Ok(None)
    } else {
        hash(text, key).map(Some)
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "receipt_tests.rs"]
mod tests;
