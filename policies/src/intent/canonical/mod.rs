//! Canonical JSON: RFC 8785, narrowed so that encoder and decoder fit on a page.
//!
//! Strings are printable ASCII (0x20–0x7E), numbers are integers 0..2^53−1, keys are sorted and
//! distinct, and there is no white space. The only escapes are `\"` and `\\`, since these two bytes have
//! no other form. Whatever is signed (intents, statements) is *flat*: an object of strings and integers.
//! A journal's lines may also hold lists and objects, at most [`MAX_DEPTH`] deep, written as RFC 8785
//! writes them.
//!
//! Invariant: `decode(x)` succeeds only if encoding its value gives the bytes `x` again.

mod read;

use std::collections::BTreeMap;

pub use read::CanonicalError;
use read::{Reader, is_white_space};

/// The largest integer that every JSON implementation reads exactly, 2^53 − 1 (RFC 8785 §3.2.2.3).
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// The most bytes a signed object (intent or statement) may have.
pub const MAX_SIGNED_BYTES: usize = 1024;

/// How deep lists and objects may lie in a journal's line, the line's own object included.
pub const MAX_DEPTH: usize = 4;

/// One value of canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string of printable ASCII.
    Text(String),
    /// An integer 0..2^53−1.
    Integer(u64),
    /// A list; never in anything signed.
    List(Vec<Value>),
    /// An object; never inside anything signed.
    Object(Object),
}

/// An object of canonical JSON, built key by key or taken apart key by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object(BTreeMap<String, Value>);

/// Why an object does not have the keys it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A key is missing.
    #[error("key {key:?} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A key that has no meaning.
    #[error("key {key:?} is unknown")]
    Unknown {
        /// The key.
        key: String,
    },
    /// A value of another kind.
    #[error("key {key:?} must hold {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
}

impl Object {
    /// An object without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key; a later value replaces an earlier one.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    /// Adds a string.
    #[must_use]
    pub fn text(self, key: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.with(key, Value::Text(value.to_string()))
    }

    /// Adds an integer.
    #[must_use]
    pub fn integer(self, key: &str, value: u64) -> Self {
        self.with(key, Value::Integer(value))
    }

    /// Adds a list.
    #[must_use]
    pub fn list(self, key: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.with(key, Value::List(values.into_iter().collect()))
    }

    /// Adds an object.
    #[must_use]
    pub fn object(self, key: &str, value: Object) -> Self {
        self.with(key, Value::Object(value))
    }

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_object(&mut bytes, self);
        bytes
    }

    /// Reads a flat object: strings and integers only, at most [`MAX_SIGNED_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CanonicalError> {
        Self::decode_deep(bytes, MAX_SIGNED_BYTES, 1)
    }

    /// Reads an object of a journal: at most `max` bytes, lists and objects down to [`MAX_DEPTH`].
    pub fn decode_nested(bytes: &[u8], max: usize) -> Result<Self, CanonicalError> {
        Self::decode_deep(bytes, max, MAX_DEPTH)
    }

    fn decode_deep(bytes: &[u8], max: usize, depth: usize) -> Result<Self, CanonicalError> {
        if bytes.len() > max {
            return Err(CanonicalError::TooLong {
                found: bytes.len(),
                max,
            });
        }
        let mut reader = Reader { bytes, position: 0 };
        let object = reader.object(depth)?;
        match reader.peek() {
            None => Ok(object),
            Some(byte) if is_white_space(byte) => Err(CanonicalError::WhiteSpace {
                position: reader.position,
            }),
            Some(_) => Err(CanonicalError::Trailing {
                position: reader.position,
            }),
        }
    }

    /// Takes a string out.
    pub fn take_text(&mut self, key: &'static str) -> Result<String, FieldError> {
        match self.take(key)? {
            Value::Text(text) => Ok(text),
            Value::Integer(_) | Value::List(_) | Value::Object(_) => Err(FieldError::Kind {
                key,
                expected: "a string",
            }),
        }
    }

    /// Takes an integer out.
    pub fn take_integer(&mut self, key: &'static str) -> Result<u64, FieldError> {
        match self.take(key)? {
            Value::Integer(integer) => Ok(integer),
            Value::Text(_) | Value::List(_) | Value::Object(_) => Err(FieldError::Kind {
                key,
                expected: "an integer",
            }),
        }
    }

    /// Takes a list out.
    pub fn take_list(&mut self, key: &'static str) -> Result<Vec<Value>, FieldError> {
        match self.take(key)? {
            Value::List(list) => Ok(list),
            Value::Text(_) | Value::Integer(_) | Value::Object(_) => Err(FieldError::Kind {
                key,
                expected: "a list",
            }),
        }
    }

    /// Takes an object out.
    pub fn take_object(&mut self, key: &'static str) -> Result<Object, FieldError> {
        match self.take(key)? {
            Value::Object(object) => Ok(object),
            Value::Text(_) | Value::Integer(_) | Value::List(_) => Err(FieldError::Kind {
                key,
                expected: "an object",
            }),
        }
    }

    /// Proves that every key was taken.
    pub fn finish(self) -> Result<(), FieldError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => Err(FieldError::Unknown { key }),
        }
    }

    /// The keys and values not taken yet, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    fn take(&mut self, key: &'static str) -> Result<Value, FieldError> {
        self.0.remove(key).ok_or(FieldError::Missing { key })
    }
}

impl From<u64> for Value {
    fn from(integer: u64) -> Self {
        Self::Integer(integer)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

fn write_object(bytes: &mut Vec<u8>, object: &Object) {
    bytes.push(b'{');
    for (position, (key, value)) in object.0.iter().enumerate() {
        if position > 0 {
            bytes.push(b',');
        }
        write_text(bytes, key);
        bytes.push(b':');
        write_value(bytes, value);
    }
    bytes.push(b'}');
}

fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => write_text(bytes, text),
        Value::Integer(integer) => bytes.extend_from_slice(integer.to_string().as_bytes()),
        Value::List(list) => {
            bytes.push(b'[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    bytes.push(b',');
                }
                write_value(bytes, item);
            }
            bytes.push(b']');
        }
        Value::Object(object) => write_object(bytes, object),
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests;
