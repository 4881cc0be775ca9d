//! The entries of a journal and their canonical JSON.
//!
//! An entry is an object with lists: `inputs` of texts `txid:vout`, `change` of integers, `intents` and
//! `replaced` of whole intents, each written exactly as its requester signed it. So a journal proves by
//! itself what its signer agreed to, and any JSON tool can read it.

use std::str::FromStr;

use bitcoin::{Amount, OutPoint, Txid};

use crate::ids::VaultId;
use crate::intent::canonical::{CanonicalError, FieldError, MAX_INTEGER, Object, Value};
use crate::intent::{Intent, IntentError, PublicKey};
use crate::time::UnixTime;

/// The format name in a journal's first entry.
pub const JOURNAL_FORMAT: &str = "countersign/journal/1";

/// The first entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// The vault it serves.
    pub vault: VaultId,
    /// The journal's own key.
    pub key: PublicKey,
    /// Intents created before this moment (and twice the clock skew) are not for this journal; zero
    /// for a journal that the vault's first policy version names.
    pub birth: UnixTime,
}

/// One transaction that the signer agreed to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    /// Its txid.
    pub txid: Txid,
    /// The outpoints it spends, in its order.
    pub inputs: Vec<OutPoint>,
    /// The intents it pays, each once.
    pub intents: Vec<Intent>,
    /// The intents that those replace, as the file carried them; they are not paid by it.
    pub replaced: Vec<Intent>,
    /// The indexes of its change outputs on the internal keychain.
    pub change_indexes: Vec<u32>,
    /// Its fee.
    pub fee: Amount,
    /// When it was signed, by the journal's time ([`super::History::now`]).
    pub at: UnixTime,
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The journal begins.
    Birth(Birth),
    /// The signer agreed to sign a transaction.
    Signed(SignedTransaction),
}

/// Why an object is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes are not canonical JSON.
    #[error("{0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not those of the entry.
    #[error("{0}")]
    Field(#[from] FieldError),
    /// The kind of entry is unknown: written by a later version, or by someone else.
    #[error("an entry of an unknown kind")]
    UnknownKind,
    /// The format is another one.
    #[error("format is not {JOURNAL_FORMAT:?}")]
    Format,
    /// A text does not say what it should.
    #[error("key {key:?} does not hold {expected}")]
    Text {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// An intent in it is none.
    #[error("{0}")]
    Intent(#[from] IntentError),
    /// A number is beyond what JSON carries, or what there can be.
    #[error("key {key:?} holds {found}, at most {max} is allowed")]
    TooLarge {
        /// The key.
        key: &'static str,
        /// The number found.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// Writing the entry again gives another text.
    #[error("writing the entry again gives other bytes")]
    NotCanonical,
}

impl Entry {
    /// The object of its canonical JSON.
    pub fn to_object(&self) -> Object {
        match self {
            Self::Birth(birth) => Object::new()
                .text("entry", "birth")
                .text("format", JOURNAL_FORMAT)
                .text("vault", &birth.vault)
                .text("journal", &birth.key)
                .integer("birth", birth.birth.as_secs()),
            Self::Signed(signed) => Object::new()
                .text("entry", "signed")
                .text("txid", &signed.txid)
                .list(
                    "inputs",
                    signed
                        .inputs
                        .iter()
                        .map(|input| Value::Text(input.to_string())),
                )
                .list(
                    "intents",
                    signed
                        .intents
                        .iter()
                        .map(|intent| intent.to_object().into()),
                )
                .list(
                    "replaced",
                    signed
                        .replaced
                        .iter()
                        .map(|intent| intent.to_object().into()),
                )
                .list(
                    "change",
                    signed
                        .change_indexes
                        .iter()
                        .map(|index| u64::from(*index).into()),
                )
                .integer("fee_sat", signed.fee.to_sat())
                .integer("at", signed.at.as_secs()),
        }
    }

    /// Reads the object of an entry; refuses one that is not written as [`Entry::to_object`] writes it.
    pub fn from_object(mut object: Object) -> Result<Self, EntryError> {
        let given = object.clone();
        let entry = match object.take_text("entry")?.as_str() {
            "birth" => Self::Birth(Birth::take(&mut object)?),
            "signed" => Self::Signed(SignedTransaction::take(&mut object)?),
            _ => return Err(EntryError::UnknownKind),
        };
        object.finish()?;
        if entry.to_object() != given {
            return Err(EntryError::NotCanonical);
        }
        Ok(entry)
    }
}

impl Birth {
    fn take(object: &mut Object) -> Result<Self, EntryError> {
        if object.take_text("format")? != JOURNAL_FORMAT {
            return Err(EntryError::Format);
        }
        Ok(Self {
            vault: parse(&object.take_text("vault")?, "vault", "a vault's id")?,
            key: parse(&object.take_text("journal")?, "journal", "a key")?,
            birth: time(object, "birth")?,
        })
    }
}

impl SignedTransaction {
    fn take(object: &mut Object) -> Result<Self, EntryError> {
        let inputs = object
            .take_list("inputs")?
            .into_iter()
            .map(|value| match value {
                Value::Text(text) => parse(&text, "inputs", "outpoints"),
                Value::Integer(_) | Value::List(_) | Value::Object(_) => Err(EntryError::Text {
                    key: "inputs",
                    expected: "outpoints",
                }),
            });
        let change = object
            .take_list("change")?
            .into_iter()
            .map(|value| match value {
                Value::Integer(index) => u32::try_from(index).map_err(|_| EntryError::TooLarge {
                    key: "change",
                    found: index,
                    max: u64::from(u32::MAX),
                }),
                Value::Text(_) | Value::List(_) | Value::Object(_) => Err(EntryError::Text {
                    key: "change",
                    expected: "integers",
                }),
            });
        Ok(Self {
            inputs: inputs.collect::<Result<_, _>>()?,
            change_indexes: change.collect::<Result<_, _>>()?,
            txid: parse(&object.take_text("txid")?, "txid", "a txid")?,
            intents: intents(object, "intents")?,
            replaced: intents(object, "replaced")?,
            fee: Amount::from_sat(at_most(
                object.take_integer("fee_sat")?,
                "fee_sat",
                Amount::MAX_MONEY.to_sat(),
            )?),
            at: time(object, "at")?,
        })
    }
}

fn intents(object: &mut Object, key: &'static str) -> Result<Vec<Intent>, EntryError> {
    let read = |value| match value {
        Value::Object(object) => Ok(Intent::from_object(object)?),
        Value::Text(_) | Value::Integer(_) | Value::List(_) => Err(EntryError::Text {
            key,
            expected: "intents",
        }),
    };
    object.take_list(key)?.into_iter().map(read).collect()
}

fn time(object: &mut Object, key: &'static str) -> Result<UnixTime, EntryError> {
    at_most(object.take_integer(key)?, key, MAX_INTEGER).map(UnixTime::from_secs)
}

fn at_most(found: u64, key: &'static str, max: u64) -> Result<u64, EntryError> {
    if found > max {
        Err(EntryError::TooLarge { key, found, max })
    } else {
        Ok(found)
    }
}

fn parse<T: FromStr>(
    text: &str,
    key: &'static str,
    expected: &'static str,
) -> Result<T, EntryError> {
    text.parse().map_err(|_| EntryError::Text { key, expected })
}
