//! The values that cross between the program and a database.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, Postgres};

use super::DatabaseError;

/// A value of a column or a statement's parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value; the engine takes its type from where it stands.
    Null,
    /// A 64-bit integer: numbers, satoshi, heights, unix seconds, 0 and 1.
    Int(i64),
    /// UTF-8 text.
    Text(String),
    /// Raw bytes: hashes, scripts, transactions.
    Bytes(Vec<u8>),
}

impl Value {
    /// A `u64` as an integer value.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::TooLarge`] from 2^63 on.
    pub fn from_u64(value: u64) -> Result<Self, DatabaseError> {
        i64::try_from(value)
            .map(Self::Int)
            .map_err(|_| DatabaseError::TooLarge(value))
    }

    /// A pattern for `LOWER(…) LIKE $n ESCAPE '!'` that finds texts which contain this one, in whatever case;
    /// the empty text for the empty one.
    pub fn containing(text: &str) -> Self {
        Self::pattern("%", text)
    }

    /// The same for texts that begin with this one.
    pub fn beginning(text: &str) -> Self {
        Self::pattern("", text)
    }

    fn pattern(before: &str, text: &str) -> Self {
        if text.is_empty() {
            return Self::Text(String::new());
        }
        let mut pattern = before.to_owned();
        for letter in text.to_lowercase().chars() {
            if matches!(letter, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        Self::Text(pattern)
    }

    /// A list of byte strings as one parameter, for `IN (…)` over [`super::Transaction::pick`]ed
    /// text: SQLite unpacks it with `SELECT unhex(value) FROM json_each($n)`, PostgreSQL with
    /// `SELECT decode(value, 'hex') FROM json_array_elements_text($n::json)`.
    pub fn bytes_list<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Self {
        use bitcoin::hex::DisplayHex as _;
        use std::fmt::Write as _;
        let mut text = String::from("[");
        for (position, item) in items.into_iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(text, "{comma}\"{}\"", item.as_ref().as_hex())
                .expect("writing to a string cannot fail");
        }
        text.push(']');
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A null parameter whose type PostgreSQL infers from the statement (type id 0).
#[derive(Debug, Clone, Copy)]
pub(super) struct UntypedNull;

impl sqlx::Type<Postgres> for UntypedNull {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl sqlx::Encode<'_, Postgres> for UntypedNull {
    fn encode_by_ref(&self, _buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}
