//! Canonical JSON: RFC 8785, narrowed so that encoder and decoder fit on a page.
//!
//! Strings are printable ASCII (0x20–0x7E), numbers are integers 0..2^53−1, keys are sorted and
//! distinct, and there is no white space. The only escapes are `\"` and `\\`, since these two bytes have
//! no other form. Whatever is signed (intents, statements) is *flat*: an object of strings and integers.
//! A journal's lines may also hold lists and objects, at most [`MAX_DEPTH`] deep, written as RFC 8785
//! writes them.
//!
//! Invariant: `decode(x)` succeeds only if encoding its value gives the bytes `x` again.

use std::collections::BTreeMap;

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

/// Why bytes are not canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// More bytes than allowed.
    #[error("{found} bytes, at most {max} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes end in the middle.
    #[error("the JSON ends early")]
    EndsEarly,
    /// Something follows the object.
    #[error("something follows the JSON at byte {position}")]
    Trailing {
        /// Where.
        position: usize,
    },
    /// White space outside a string.
    #[error("white space at byte {position}")]
    WhiteSpace {
        /// Where.
        position: usize,
    },
    /// A byte that is not printable ASCII.
    #[error("byte {byte:#04x} at {position} is not printable ASCII")]
    NotPrintableAscii {
        /// Where.
        position: usize,
        /// Which byte.
        byte: u8,
    },
    /// An escape other than `\"` and `\\`.
    #[error("an escape that is not canonical at byte {position}")]
    Escape {
        /// Where.
        position: usize,
    },
    /// A key comes before its predecessor.
    #[error("key {key:?} is out of order")]
    KeyOrder {
        /// The key.
        key: String,
    },
    /// A key comes twice.
    #[error("key {key:?} comes twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A negative number.
    #[error("a negative number at byte {position}")]
    Negative {
        /// Where.
        position: usize,
    },
    /// A number with a fraction.
    #[error("a number with a fraction at byte {position}")]
    Fraction {
        /// Where.
        position: usize,
    },
    /// A number with an exponent.
    #[error("a number with an exponent at byte {position}")]
    Exponent {
        /// Where.
        position: usize,
    },
    /// A number with a leading zero.
    #[error("a number with a leading zero at byte {position}")]
    LeadingZero {
        /// Where.
        position: usize,
    },
    /// A number above 2^53 − 1.
    #[error("a number above 2^53 - 1 at byte {position}")]
    NumberTooLarge {
        /// Where.
        position: usize,
    },
    /// `true`, `false` or `null`.
    #[error("a literal that is neither string nor integer at byte {position}")]
    Literal {
        /// Where.
        position: usize,
    },
    /// A list or object where none may be.
    #[error("nested too deep at byte {position}")]
    Nested {
        /// Where.
        position: usize,
    },
    /// Another byte than JSON has there.
    #[error("unexpected byte {byte:#04x} at {position}")]
    Unexpected {
        /// Where.
        position: usize,
        /// Which byte.
        byte: u8,
    },
}

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

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn step(&mut self) {
        self.position = self.position.saturating_add(1);
    }

    fn next(&mut self) -> Result<u8, CanonicalError> {
        let byte = self.peek().ok_or(CanonicalError::EndsEarly)?;
        self.step();
        Ok(byte)
    }

    /// What to say about a byte that cannot stand at the position.
    fn unexpected(&self) -> CanonicalError {
        let position = self.position;
        match self.peek() {
            None => CanonicalError::EndsEarly,
            Some(byte) if is_white_space(byte) => CanonicalError::WhiteSpace { position },
            Some(byte) if !matches!(byte, 0x20..=0x7e) => {
                CanonicalError::NotPrintableAscii { position, byte }
            }
            Some(byte) => CanonicalError::Unexpected { position, byte },
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), CanonicalError> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.step();
        Ok(())
    }

    /// After an item: true if a comma promises another, false if `close` ends the sequence.
    fn another(&mut self, close: u8) -> Result<bool, CanonicalError> {
        match self.peek() {
            Some(b',') => {
                self.step();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.step();
                Ok(false)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads an object; `depth` counts the levels allowed, this one included.
    fn object(&mut self, depth: usize) -> Result<Object, CanonicalError> {
        self.expect(b'{')?;
        let mut entries: BTreeMap<String, Value> = BTreeMap::new();
        if self.peek() == Some(b'}') {
            self.step();
            return Ok(Object(entries));
        }
        loop {
            let key = self.text()?;
            if entries.contains_key(&key) {
                return Err(CanonicalError::DuplicateKey { key });
            }
            if entries
                .last_key_value()
                .is_some_and(|(last, _)| *last > key)
            {
                return Err(CanonicalError::KeyOrder { key });
            }
            self.expect(b':')?;
            let value = self.value(depth)?;
            entries.insert(key, value);
            if !self.another(b'}')? {
                return Ok(Object(entries));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, CanonicalError> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.step();
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            if !self.another(b']')? {
                return Ok(items);
            }
        }
    }

    /// Reads a value inside a list or object that lies at `depth`.
    fn value(&mut self, depth: usize) -> Result<Value, CanonicalError> {
        let position = self.position;
        let inner = depth.saturating_sub(1);
        match self.peek() {
            Some(b'"') => self.text().map(Value::Text),
            Some(b'0'..=b'9') => self.integer().map(Value::Integer),
            Some(b'-') => Err(CanonicalError::Negative { position }),
            Some(b't' | b'f' | b'n') => Err(CanonicalError::Literal { position }),
            Some(b'{' | b'[') if inner == 0 => Err(CanonicalError::Nested { position }),
            Some(b'{') => self.object(inner).map(Value::Object),
            Some(b'[') => self.list(inner).map(Value::List),
            _ => Err(self.unexpected()),
        }
    }

    fn text(&mut self) -> Result<String, CanonicalError> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let position = self.position;
            match self.next()? {
                b'"' => return Ok(text),
                b'\\' => match self.next()? {
                    byte @ (b'"' | b'\\') => text.push(char::from(byte)),
                    _ => return Err(CanonicalError::Escape { position }),
                },
                byte @ 0x20..=0x7e => text.push(char::from(byte)),
                byte => return Err(CanonicalError::NotPrintableAscii { position, byte }),
            }
        }
    }

    fn integer(&mut self) -> Result<u64, CanonicalError> {
        let position = self.position;
        let mut integer: u64 = 0;
        let too_large = CanonicalError::NumberTooLarge { position };
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            if integer == 0 && self.position > position {
                return Err(CanonicalError::LeadingZero { position });
            }
            let digit = u64::from(byte.wrapping_sub(b'0'));
            integer = integer
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit))
                .filter(|integer| *integer <= MAX_INTEGER)
                .ok_or_else(|| too_large.clone())?;
            self.step();
        }
        match self.peek() {
            Some(b'.') => Err(CanonicalError::Fraction { position }),
            Some(b'e' | b'E') => Err(CanonicalError::Exponent { position }),
            _ => Ok(integer),
        }
    }
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
