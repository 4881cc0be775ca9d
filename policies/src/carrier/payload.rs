//! What is carried: bytes, and the kind that they are by their own magic, never by a name.

use std::fmt;

use bitcoin::Transaction;
use bitcoin::consensus::deserialize;
use serde_json::value::RawValue;

use super::{CarrierError, MAX_PAYLOAD};
use crate::psbt::to_binary;

/// The magic that every PSBT begins with (BIP 174).
const PSBT_MAGIC: &[u8] = b"psbt\xff";

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// A PSBT, in binary.
    Psbt,
    /// A transaction, in binary.
    Transaction,
    /// JSON: approvals, requests, statements, receipts, voids, journals' exports.
    Json,
    /// Text: policies and key records.
    Text,
    /// Anything else.
    Binary,
}

impl fmt::Display for PayloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Psbt => "a PSBT",
            Self::Transaction => "a transaction",
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Binary => "bytes",
        })
    }
}

/// Bytes to be carried, with their kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    kind: PayloadKind,
    bytes: Vec<u8>,
}

impl Payload {
    /// Takes the bytes of a file; a PSBT or transaction in base64 or hex becomes binary.
    ///
    /// # Errors
    /// [`CarrierError::Empty`] and [`CarrierError::TooLarge`].
    pub fn sniff(bytes: &[u8]) -> Result<Self, CarrierError> {
        if bytes.trim_ascii().is_empty() {
            return Err(CarrierError::Empty);
        }
        // What is base64 or hex of a PSBT or transaction is that; other texts stay as they are.
        if let Ok(binary) = to_binary(bytes)
            && let Some(kind) = binary_kind(&binary)
        {
            return Self::of(kind, binary.into_owned());
        }
        let kind = text_kind(bytes).unwrap_or(PayloadKind::Binary);
        Self::of(kind, bytes.to_vec())
    }

    /// Takes bytes that are said to be of a kind.
    ///
    /// # Errors
    /// [`CarrierError::NotWhatItSays`] when they are not; [`CarrierError::Empty`] and
    /// [`CarrierError::TooLarge`].
    pub(super) fn said(kind: PayloadKind, bytes: Vec<u8>) -> Result<Self, CarrierError> {
        let holds = match kind {
            PayloadKind::Psbt | PayloadKind::Transaction => binary_kind(&bytes) == Some(kind),
            PayloadKind::Json => text_kind(&bytes) == Some(kind),
            PayloadKind::Text => text_kind(&bytes).is_some(),
            PayloadKind::Binary => true,
        };
        if holds || bytes.is_empty() {
            Self::of(kind, bytes)
        } else {
            Err(CarrierError::NotWhatItSays { said: kind })
        }
    }

    fn of(kind: PayloadKind, bytes: Vec<u8>) -> Result<Self, CarrierError> {
        match bytes.len() {
            0 => Err(CarrierError::Empty),
            found if found > MAX_PAYLOAD => Err(CarrierError::TooLarge { found }),
            _ => Ok(Self { kind, bytes }),
        }
    }

    /// What it is.
    pub const fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, as their owner.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn binary_kind(bytes: &[u8]) -> Option<PayloadKind> {
    if bytes.starts_with(PSBT_MAGIC) {
        return Some(PayloadKind::Psbt);
    }
    let transaction = deserialize::<Transaction>(bytes);
    transaction.is_ok().then_some(PayloadKind::Transaction)
}

fn text_kind(bytes: &[u8]) -> Option<PayloadKind> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_shown = |shown: char| !shown.is_control() || matches!(shown, '\n' | '\r' | '\t');
    if !text.chars().all(is_shown) {
        return None;
    }
    let opens = text.trim_start().starts_with(['{', '[']);
    if opens && serde_json::from_str::<&RawValue>(text).is_ok() {
        return Some(PayloadKind::Json);
    }
    Some(PayloadKind::Text)
}
