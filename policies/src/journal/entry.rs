//! The entries of a journal and their canonical JSON.
//!
//! An entry is an object with lists: `inputs` of texts `txid:vout`, `change` of integers, `intents` and
//! `replaced` of whole intents, each written exactly as its requester signed it. So a journal proves by
//! itself what its signer agreed to, and any JSON tool can read it. Follows docs/formats.md F7.

use std::str::FromStr;

use bitcoin::{Amount, OutPoint, Txid};

use super::given::{Again, Given};
use super::line::MAX_LINE_BYTES;
use super::moving::{Inherited, Moved};
use super::seen::Seen;
use super::version::{Adopted, Proposed};
use super::void::Voided;
use crate::ids::VaultId;
use crate::intent::canonical::{CanonicalError, FieldError, MAX_INTEGER, Object, Value};
use crate::intent::{Intent, IntentError, PublicKey};
use crate::time::UnixTime;

/// The format name in a journal's first entry.
pub const JOURNAL_FORMAT: &str = "countersign/journal/1";

/// The most bytes of a rule's name (docs/formats.md F8).
const MAX_RULE_BYTES: usize = 64;

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

/// What a transaction is for, as far as bounds and budgets differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpendMode {
    /// It pays intents.
    Pay,
    /// It pays only the vault itself.
    SelfSpend,
    /// It recovers coins after their timelock.
    Recovery,
}

impl SpendMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Pay, Self::SelfSpend, Self::Recovery];

    /// Its name in a journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::SelfSpend => "self-spend",
            Self::Recovery => "recovery",
        }
    }
}

/// What an ancestor of a transaction spends; review proved by its bytes that it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AncestorInputs {
    /// The ancestor's txid.
    pub txid: Txid,
    /// The outpoints it spends, in its order.
    pub inputs: Vec<OutPoint>,
}

/// One transaction that the signer agreed to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    /// Its txid.
    pub txid: Txid,
    /// What it is for.
    pub mode: SpendMode,
    /// The outpoints it spends, in its order.
    pub inputs: Vec<OutPoint>,
    /// Those of its ancestors whose bytes the file carried, in any order.
    pub ancestors: Vec<AncestorInputs>,
    /// The intents it pays, each once.
    pub intents: Vec<Intent>,
    /// For each intent the name of the rule that allowed it, `""` where nothing new was granted.
    pub rules: Vec<String>,
    /// The intents that those replace, as the file carried them; they are not paid by it.
    pub replaced: Vec<Intent>,
    /// The indexes of its change outputs on the internal keychain.
    pub change_indexes: Vec<u32>,
    /// Its fee.
    pub fee: Amount,
    /// When it was signed, by the journal's time ([`super::History::now`]).
    pub at: UnixTime,
    /// What the receipt of this entry says besides; none in journals that did not keep it yet.
    pub given: Option<Given>,
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The journal begins.
    Birth(Birth),
    /// The signer agreed to sign a transaction.
    Signed(SignedTransaction),
    /// A transaction that was signed before got another receipt.
    Again(Again),
    /// A signed statement about an open list was seen for the first time.
    Seen(Seen),
    /// The signer promised never to sign a transaction.
    Voided(Voided),
    /// The next policy version was held for the first time with its quorum.
    Proposed(Proposed),
    /// A policy version was adopted.
    Adopted(Adopted),
    /// The last entry: another journal goes on, this one signs nothing more.
    Moved(Moved),
    /// The first entry after the birth of a journal that goes on where another stopped.
    Inherited(Inherited),
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
    /// There is not one rule for each intent.
    #[error("key \"rules\" holds {rules} names for {intents} intents")]
    Rules {
        /// Rules found.
        rules: usize,
        /// Intents found.
        intents: usize,
    },
    /// Writing the entry again gives another text.
    #[error("writing the entry again gives other bytes")]
    NotCanonical,
}

impl Entry {
    /// Its canonical JSON, as it stands in a line.
    pub fn encode(&self) -> Vec<u8> {
        self.to_object().encode()
    }

    /// Reads canonical JSON of an entry alone, outside any journal.
    ///
    /// # Errors
    /// When the bytes are no entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        Self::from_object(Object::decode_nested(bytes, MAX_LINE_BYTES)?)
    }

    /// The object of its canonical JSON.
    pub fn to_object(&self) -> Object {
        match self {
            Self::Birth(birth) => Object::new()
                .text("entry", "birth")
                .text("format", JOURNAL_FORMAT)
                .text("vault", &birth.vault)
                .text("journal", &birth.key)
                .integer("birth", birth.birth.as_secs()),
            Self::Signed(signed) => signed.to_object(),
            Self::Again(again) => again.to_object(),
            Self::Seen(seen) => seen.to_object(),
            Self::Voided(voided) => voided.to_object(),
            Self::Proposed(proposed) => proposed.to_object(),
            Self::Adopted(adopted) => adopted.to_object(),
            Self::Moved(moved) => moved.to_object(),
            Self::Inherited(inherited) => inherited.to_object(),
        }
    }

    /// Reads the object of an entry; refuses one that is not written as [`Entry::to_object`] writes it.
    pub fn from_object(mut object: Object) -> Result<Self, EntryError> {
        let given = object.clone();
        let entry = match object.take_text("entry")?.as_str() {
            "birth" => Self::Birth(Birth::take(&mut object)?),
            "signed" => Self::Signed(SignedTransaction::take(&mut object)?),
            "again" => Self::Again(Again::take(&mut object)?),
            "seen" => Self::Seen(Seen::take(&mut object)?),
            "voided" => Self::Voided(Voided::take(&mut object)?),
            "proposed" => Self::Proposed(Proposed::take(&mut object)?),
            "adopted" => Self::Adopted(Adopted::take(&mut object)?),
            "moved" => Self::Moved(Moved::take(&mut object)?),
            "inherited" => Self::Inherited(Inherited::take(&mut object)?),
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
    fn to_object(&self) -> Object {
        let ancestors = self.ancestors.iter().fold(Object::new(), |object, one| {
            object.list(&one.txid.to_string(), one.inputs.iter().map(text))
        });
        let intents = |intents: &[Intent]| -> Vec<Value> {
            let objects = intents.iter().map(|intent| intent.to_object().into());
            objects.collect()
        };
        let object = Object::new()
            .text("entry", "signed")
            .text("txid", &self.txid)
            .text("mode", self.mode.name())
            .list("inputs", self.inputs.iter().map(text))
            .object("ancestors", ancestors)
            .list("intents", intents(&self.intents))
            .list("rules", self.rules.iter().map(text))
            .list("replaced", intents(&self.replaced))
            .list(
                "change",
                self.change_indexes
                    .iter()
                    .map(|index| u64::from(*index).into()),
            )
            .integer("fee_sat", self.fee.to_sat())
            .integer("at", self.at.as_secs());
        match self.given {
            None => object,
            Some(given) => given.add_to(object),
        }
    }

    fn take(object: &mut Object) -> Result<Self, EntryError> {
        let mode = object.take_text("mode")?;
        let mode = SpendMode::ALL.into_iter().find(|one| one.name() == mode);
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
        let signed = Self {
            mode: mode.ok_or(EntryError::Text {
                key: "mode",
                expected: "pay, self-spend or recovery",
            })?,
            inputs: texts(object.take_list("inputs")?, "inputs", "outpoints")?,
            ancestors: ancestors(&object.take_object("ancestors")?)?,
            rules: texts(object.take_list("rules")?, "rules", "names of rules")?,
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
            given: Given::take_if_there(object)?,
        };
        if signed.rules.len() != signed.intents.len() {
            return Err(EntryError::Rules {
                rules: signed.rules.len(),
                intents: signed.intents.len(),
            });
        }
        let is_name = |rule: &String| {
            let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
            rule.len() <= MAX_RULE_BYTES && rule.bytes().all(printable)
        };
        if !signed.rules.iter().all(is_name) {
            return Err(EntryError::Text {
                key: "rules",
                expected: "names of rules",
            });
        }
        Ok(signed)
    }
}

/// The ancestors, as an object from txids to lists of outpoints.
fn ancestors(object: &Object) -> Result<Vec<AncestorInputs>, EntryError> {
    let wrong = EntryError::Text {
        key: "ancestors",
        expected: "outpoints by txid",
    };
    let read = |(txid, inputs): (&str, &Value)| match inputs {
        Value::List(inputs) => Ok(AncestorInputs {
            txid: parse(txid, "ancestors", "outpoints by txid")?,
            inputs: texts(inputs.clone(), "ancestors", "outpoints by txid")?,
        }),
        Value::Text(_) | Value::Integer(_) | Value::Object(_) => Err(wrong.clone()),
    };
    object.iter().map(read).collect()
}

fn text(value: &impl ToString) -> Value {
    Value::Text(value.to_string())
}

/// Reads a list of texts.
fn texts<T: FromStr>(
    list: Vec<Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<Vec<T>, EntryError> {
    let read = |value| match value {
        Value::Text(text) => parse(&text, key, expected),
        Value::Integer(_) | Value::List(_) | Value::Object(_) => {
            Err(EntryError::Text { key, expected })
        }
    };
    list.into_iter().map(read).collect()
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

pub(super) fn time(object: &mut Object, key: &'static str) -> Result<UnixTime, EntryError> {
    at_most(object.take_integer(key)?, key, MAX_INTEGER).map(UnixTime::from_secs)
}

pub(super) fn at_most(found: u64, key: &'static str, max: u64) -> Result<u64, EntryError> {
    if found > max {
        Err(EntryError::TooLarge { key, found, max })
    } else {
        Ok(found)
    }
}

pub(super) fn parse<T: FromStr>(
    text: &str,
    key: &'static str,
    expected: &'static str,
) -> Result<T, EntryError> {
    text.parse().map_err(|_| EntryError::Text { key, expected })
}
