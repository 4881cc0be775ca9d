//! Reading canonical JSON: each other form is refused by name, at its place.

use std::collections::BTreeMap;

use super::{MAX_INTEGER, Object, Value};

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

pub(super) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Reads from the front, byte by byte.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) position: usize,
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
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
    pub(super) fn object(&mut self, depth: usize) -> Result<Object, CanonicalError> {
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
