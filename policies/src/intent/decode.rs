//! Reading an intent: every form but the canonical one is refused by name.

use bitcoin::{Amount, ScriptBuf};

use super::canonical::{CanonicalError, FieldError, Object};
use super::names::{NameError, WithdrawalId};
use super::{INTENT_FORMAT, Intent, MAX_REFERENCE};
use crate::ids::{HexError, read_lower_hex};
use crate::time::UnixTime;

/// Why bytes are not an intent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// The bytes are not canonical JSON.
    #[error("intent: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not exactly those of an intent.
    #[error("intent: {0}")]
    Field(#[from] FieldError),
    /// The format is another one.
    #[error("intent: format is not {INTENT_FORMAT:?}")]
    Format,
    /// An id or a script is not lower hex.
    #[error("intent: {key}: {source}")]
    Hex {
        /// The key.
        key: &'static str,
        /// What is wrong.
        source: HexError,
    },
    /// A name is none.
    #[error("intent: {key}: {source}")]
    Name {
        /// The key.
        key: &'static str,
        /// What is wrong.
        source: NameError,
    },
    /// The kind is unknown.
    #[error("intent: kind is not payment, transfer or sweep")]
    Kind,
    /// The script is empty.
    #[error("intent: script_pubkey is empty")]
    EmptyScript,
    /// The amount is zero.
    #[error("intent: amount_sat is 0")]
    ZeroAmount,
    /// The least amount is zero.
    #[error("intent: min_sat is 0")]
    ZeroMin,
    /// The amount is above 21 million bitcoin.
    #[error("intent: amount_sat {amount} is more than there can ever be")]
    AmountAboveSupply {
        /// The amount found.
        amount: Amount,
    },
    /// The least is more than the most.
    #[error("intent: min_sat {min} is above amount_sat {amount}")]
    MinAboveAmount {
        /// The least.
        min: Amount,
        /// The most.
        amount: Amount,
    },
    /// The least differs from the most, although it is no sweep.
    #[error("intent: min_sat {min} differs from amount_sat {amount}, which only a sweep may")]
    MinDiffers {
        /// The least.
        min: Amount,
        /// The most.
        amount: Amount,
    },
    /// It ends before it begins.
    #[error("intent: expires {expires} is not after created {created}")]
    ExpiresBeforeCreated {
        /// When it was made.
        created: UnixTime,
        /// When it ends.
        expires: UnixTime,
    },
    /// It names itself as the one that it replaces or repeats.
    #[error("intent: {key} names the intent itself")]
    NamesItself {
        /// The key.
        key: &'static str,
    },
    /// It replaces and repeats the same id.
    #[error("intent: replaces and repeats {id}, which exclude each other")]
    ReplacesAndRepeats {
        /// The id.
        id: WithdrawalId,
    },
    /// The reference is too long.
    #[error("intent: a reference of {found} characters, at most {MAX_REFERENCE} are allowed")]
    ReferenceTooLong {
        /// Characters found.
        found: usize,
    },
    /// The bytes do not encode to themselves.
    #[error("intent: encoding it again gives other bytes")]
    NotCanonical,
}

/// Reads canonical bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Intent, IntentError> {
    let intent = Intent::from_object(Object::decode(bytes)?)?;
    if intent.encode() != bytes {
        return Err(IntentError::NotCanonical);
    }
    Ok(intent)
}

impl Intent {
    /// Reads the object of an intent, as a journal's line holds it.
    pub fn from_object(mut object: Object) -> Result<Self, IntentError> {
        let intent = Self::read_fields(&mut object)?;
        object.finish()?;
        intent.check()?;
        Ok(intent)
    }

    fn read_fields(object: &mut Object) -> Result<Self, IntentError> {
        if object.take_text("format")? != INTENT_FORMAT {
            return Err(IntentError::Format);
        }
        Ok(Self {
            vault: hex(object, "vault")?,
            keyset: hex(object, "keyset")?,
            requester: name(object, "requester")?,
            id: name(object, "id")?,
            kind: object
                .take_text("kind")?
                .parse()
                .map_err(|_| IntentError::Kind)?,
            script_pubkey: read_lower_hex(&object.take_text("script_pubkey")?)
                .map(ScriptBuf::from_bytes)
                .map_err(|source| IntentError::Hex {
                    key: "script_pubkey",
                    source,
                })?,
            amount: Amount::from_sat(object.take_integer("amount_sat")?),
            min: Amount::from_sat(object.take_integer("min_sat")?),
            created: UnixTime::from_secs(object.take_integer("created")?),
            expires: UnixTime::from_secs(object.take_integer("expires")?),
            replaces: optional_name(object, "replaces")?,
            repeats: optional_name(object, "repeats")?,
            reference: object.take_text("reference")?,
        })
    }

    /// Checks what the types do not say: that the values make sense together, and fit the format.
    pub fn check(&self) -> Result<(), IntentError> {
        let (amount, min) = (self.amount, self.min);
        if self.script_pubkey.is_empty() {
            return Err(IntentError::EmptyScript);
        }
        if amount == Amount::ZERO {
            return Err(IntentError::ZeroAmount);
        }
        if amount > Amount::MAX_MONEY {
            return Err(IntentError::AmountAboveSupply { amount });
        }
        if min == Amount::ZERO {
            return Err(IntentError::ZeroMin);
        }
        if min > amount {
            return Err(IntentError::MinAboveAmount { min, amount });
        }
        if min != amount && self.kind != super::IntentKind::Sweep {
            return Err(IntentError::MinDiffers { min, amount });
        }
        if self.expires <= self.created {
            let (created, expires) = (self.created, self.expires);
            return Err(IntentError::ExpiresBeforeCreated { created, expires });
        }
        for (key, id) in [("replaces", &self.replaces), ("repeats", &self.repeats)] {
            if id.as_ref() == Some(&self.id) {
                return Err(IntentError::NamesItself { key });
            }
        }
        if let Some(id) = self
            .replaces
            .as_ref()
            .filter(|_| self.replaces == self.repeats)
        {
            return Err(IntentError::ReplacesAndRepeats { id: id.clone() });
        }
        if self.reference.len() > MAX_REFERENCE {
            return Err(IntentError::ReferenceTooLong {
                found: self.reference.len(),
            });
        }
        // Characters, integers and total length: whatever the reader refuses.
        Object::decode(&self.encode())?;
        Ok(())
    }
}

fn hex<T: std::str::FromStr<Err = HexError>>(
    object: &mut Object,
    key: &'static str,
) -> Result<T, IntentError> {
    object
        .take_text(key)?
        .parse()
        .map_err(|source| IntentError::Hex { key, source })
}

fn name<T: std::str::FromStr<Err = NameError>>(
    object: &mut Object,
    key: &'static str,
) -> Result<T, IntentError> {
    object
        .take_text(key)?
        .parse()
        .map_err(|source| IntentError::Name { key, source })
}

fn optional_name(
    object: &mut Object,
    key: &'static str,
) -> Result<Option<WithdrawalId>, IntentError> {
    let text = object.take_text(key)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|source| IntentError::Name { key, source })
}
