//! A row as values by column name; every getter refuses a value of another shape.

use bitcoin::Amount;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::{DatabaseError, Value};

/// One row of a query's answer.
#[derive(Debug, Clone)]
pub struct Row {
    statement: &'static str,
    columns: Vec<(String, Value)>,
}

impl Row {
    pub(super) fn from_sqlite(
        statement: &'static str,
        row: &sqlx::sqlite::SqliteRow,
    ) -> Result<Self, sqlx::Error> {
        let mut columns = Vec::with_capacity(row.columns().len());
        for column in row.columns() {
            let raw = row.try_get_raw(column.ordinal())?;
            let value = if raw.is_null() {
                Value::Null
            } else {
                match raw.type_info().name() {
                    "INTEGER" | "BOOLEAN" => Value::Int(row.try_get(column.ordinal())?),
                    "TEXT" => Value::Text(row.try_get(column.ordinal())?),
                    "BLOB" => Value::Bytes(row.try_get(column.ordinal())?),
                    other => return Err(foreign_type(column.name(), other)),
                }
            };
            columns.push((column.name().to_owned(), value));
        }
        Ok(Self { statement, columns })
    }

    pub(super) fn from_postgres(
        statement: &'static str,
        row: &sqlx::postgres::PgRow,
    ) -> Result<Self, sqlx::Error> {
        let mut columns = Vec::with_capacity(row.columns().len());
        for column in row.columns() {
            let position = column.ordinal();
            let raw = row.try_get_raw(position)?;
            let value = if raw.is_null() {
                Value::Null
            } else {
                match raw.type_info().name() {
                    "INT8" => Value::Int(row.try_get(position)?),
                    "INT4" => Value::Int(i64::from(row.try_get::<i32, _>(position)?)),
                    "BOOL" => Value::Int(i64::from(row.try_get::<bool, _>(position)?)),
                    "TEXT" | "VARCHAR" | "NAME" => Value::Text(row.try_get(position)?),
                    "BYTEA" => Value::Bytes(row.try_get(position)?),
                    other => return Err(foreign_type(column.name(), other)),
                }
            };
            columns.push((column.name().to_owned(), value));
        }
        Ok(Self { statement, columns })
    }

    /// The value of a column as it is.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::CorruptRow`] if the query has no such column.
    pub fn get(&self, column: &'static str) -> Result<&Value, DatabaseError> {
        self.columns
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| value)
            .ok_or_else(|| self.corrupt(column, "a column of this name", "no such column"))
    }

    /// A 64-bit integer.
    pub fn int(&self, column: &'static str) -> Result<i64, DatabaseError> {
        self.optional_int(column)?
            .ok_or_else(|| self.corrupt(column, "an integer", "null"))
    }

    /// A 64-bit integer or null.
    pub fn optional_int(&self, column: &'static str) -> Result<Option<i64>, DatabaseError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(*value)),
            other @ (Value::Text(_) | Value::Bytes(_)) => {
                Err(self.corrupt(column, "an integer", &format!("{other:?}")))
            }
        }
    }

    /// An integer from 0 to 2^63 − 1.
    pub fn u64(&self, column: &'static str) -> Result<u64, DatabaseError> {
        let value = self.int(column)?;
        u64::try_from(value)
            .map_err(|_| self.corrupt(column, "a non-negative integer", &value.to_string()))
    }

    /// An integer from 0 to 2^63 − 1, or null.
    pub fn optional_u64(&self, column: &'static str) -> Result<Option<u64>, DatabaseError> {
        self.optional_int(column)?
            .map(|value| {
                u64::try_from(value)
                    .map_err(|_| self.corrupt(column, "a non-negative integer", &value.to_string()))
            })
            .transpose()
    }

    /// An integer from 0 to 2^32 − 1.
    pub fn u32(&self, column: &'static str) -> Result<u32, DatabaseError> {
        let value = self.int(column)?;
        u32::try_from(value)
            .map_err(|_| self.corrupt(column, "an integer below 2^32", &value.to_string()))
    }

    /// An integer from 0 to 2^32 − 1, or null.
    pub fn optional_u32(&self, column: &'static str) -> Result<Option<u32>, DatabaseError> {
        self.optional_int(column)?
            .map(|value| {
                u32::try_from(value)
                    .map_err(|_| self.corrupt(column, "an integer below 2^32", &value.to_string()))
            })
            .transpose()
    }

    /// 0 or 1.
    pub fn bool(&self, column: &'static str) -> Result<bool, DatabaseError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(column, "0 or 1", &other.to_string())),
        }
    }

    /// An amount stored in satoshi, at most 21 million bitcoin.
    pub fn amount(&self, column: &'static str) -> Result<Amount, DatabaseError> {
        let amount = Amount::from_sat(self.u64(column)?);
        if amount > Amount::MAX_MONEY {
            return Err(self.corrupt(column, "an amount of money", &amount.to_string()));
        }
        Ok(amount)
    }

    /// Text.
    pub fn text(&self, column: &'static str) -> Result<&str, DatabaseError> {
        self.optional_text(column)?
            .ok_or_else(|| self.corrupt(column, "text", "null"))
    }

    /// Text or null.
    pub fn optional_text(&self, column: &'static str) -> Result<Option<&str>, DatabaseError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other @ (Value::Int(_) | Value::Bytes(_)) => {
                Err(self.corrupt(column, "text", &format!("{other:?}")))
            }
        }
    }

    /// Text parsed into a domain type.
    pub fn parse<T: std::str::FromStr>(
        &self,
        column: &'static str,
        expected: &'static str,
    ) -> Result<T, DatabaseError> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| self.corrupt(column, expected, text))
    }

    /// Bytes.
    pub fn bytes(&self, column: &'static str) -> Result<&[u8], DatabaseError> {
        self.optional_bytes(column)?
            .ok_or_else(|| self.corrupt(column, "bytes", "null"))
    }

    /// Bytes or null.
    pub fn optional_bytes(&self, column: &'static str) -> Result<Option<&[u8]>, DatabaseError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Bytes(value) => Ok(Some(value)),
            other @ (Value::Int(_) | Value::Text(_)) => {
                Err(self.corrupt(column, "bytes", &format!("{other:?}")))
            }
        }
    }

    /// Exactly `N` bytes: a hash or an identity.
    pub fn array<const N: usize>(&self, column: &'static str) -> Result<[u8; N], DatabaseError> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| {
            self.corrupt(
                column,
                "bytes of a fixed length",
                &format!("{} bytes", bytes.len()),
            )
        })
    }

    /// Exactly `N` bytes, or null.
    pub fn optional_array<const N: usize>(
        &self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, DatabaseError> {
        match self.optional_bytes(column)? {
            None => Ok(None),
            Some(_) => self.array(column).map(Some),
        }
    }

    /// The error of a column that holds something else than this program writes there.
    pub fn corrupt(
        &self,
        column: &'static str,
        expected: &'static str,
        found: &str,
    ) -> DatabaseError {
        let found = found.chars().take(80).collect();
        DatabaseError::CorruptRow {
            column,
            expected,
            found,
            statement: self.statement,
        }
    }
}

fn foreign_type(column: &str, found: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("type {found} is none of integer, text, bytes").into(),
    }
}
