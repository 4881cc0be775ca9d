//! Chains events again, so that a rewritten history shows.
//!
//! The chain's hash is `TH("event", previous ‖ number u64 ‖ SHA-256(canonical JSON of the event))`.

use std::collections::BTreeMap;

use bitcoin::{
    hashes::{Hash as _, sha256},
    hex::DisplayHex as _,
};
use policies::hash::tagged;
use serde_json::{Value, json};

use super::wire::Event;

/// The end of a chain that was verified so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventChain {
    number: u64,
    head: [u8; 32],
}

/// Where a chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A number is missing or comes twice.
    #[error("event {expected} was expected, {found} came")]
    Number {
        /// The number expected.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// The hash is not that of the event and its predecessors.
    #[error("the hash of event {number} is not that of it and its predecessors")]
    Hash {
        /// The event.
        number: u64,
    },
    /// A number in the body is not an integer.
    #[error("the body of event {number} has a fraction")]
    Fraction {
        /// The event.
        number: u64,
    },
}

impl EventChain {
    /// The chain before its first event.
    pub const fn begin() -> Self {
        Self {
            number: 0,
            head: [0; 32],
        }
    }

    /// Goes on where an earlier verification ended.
    pub const fn resume(number: u64, head: [u8; 32]) -> Self {
        Self { number, head }
    }

    /// The number of the last event verified.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The chain's hash up to it.
    pub const fn head(&self) -> [u8; 32] {
        self.head
    }

    /// Verifies that `events` follow; after an error the chain stands where it was.
    ///
    /// # Errors
    /// Returns the first event that does not follow.
    pub fn follow<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<(), ChainError> {
        let Self {
            mut number,
            mut head,
        } = self.clone();
        for event in events {
            let expected = number.saturating_add(1);
            if event.number != expected {
                return Err(ChainError::Number {
                    expected,
                    found: event.number,
                });
            }
            let fraction = || ChainError::Fraction { number: expected };
            head = hash_of(head, event).ok_or_else(fraction)?;
            if head.to_lower_hex_string() != event.hash {
                return Err(ChainError::Hash { number: expected });
            }
            number = expected;
        }
        *self = Self { number, head };
        Ok(())
    }
}

pub(super) fn hash_of(previous: [u8; 32], event: &Event) -> Option<[u8; 32]> {
    let value = json!({
        "actor": event.actor,
        "at": event.at,
        "body": event.body,
        "kind": event.kind,
        "object_id": event.object_id,
        "object_kind": event.object_kind,
        "reason": event.reason,
        "vault": event.vault.map_or_else(String::new, |vault| vault.to_string()),
        "version": event.version,
    });
    let digest = sha256::Hash::hash(canonical(&value)?.as_bytes()).to_byte_array();
    Some(tagged(
        "event",
        &[&previous, &event.number.to_le_bytes(), &digest],
    ))
}

/// RFC 8785 for values without fractions: keys sorted by UTF-16, no white space.
fn canonical(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => None,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(value.to_string())
        }
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(canonical).collect();
            Some(format!("[{}]", items?.join(",")))
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<Vec<u16>, (&String, &Value)> = fields
                .iter()
                .map(|(key, value)| (key.encode_utf16().collect(), (key, value)))
                .collect();
            let fields: Option<Vec<String>> = sorted
                .into_values()
                .map(|(key, value)| {
                    Some(format!(
                        "{}:{}",
                        Value::from(key.as_str()),
                        canonical(value)?
                    ))
                })
                .collect();
            Some(format!("{{{}}}", fields?.join(",")))
        }
    }
}
