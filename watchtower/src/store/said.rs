//! Who said what a row holds, and when: its columns `set_at` and `set_by`.

use policies::UnixTime;

use super::database::{DatabaseError, Row, Value};

/// Who said something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: UnixTime,
    /// By whom.
    pub by: String,
}

impl Said {
    /// What somebody says at a time.
    pub fn by(who: &str, at: UnixTime) -> Self {
        let by = who.to_owned();
        Self { at, by }
    }

    /// The values of the two columns, in this order.
    ///
    /// # Errors
    ///
    /// If the time is none that a column holds.
    pub fn values(&self) -> Result<[Value; 2], DatabaseError> {
        Ok([Value::from_u64(self.at.as_secs())?, self.by.clone().into()])
    }

    /// Who said what a row holds.
    ///
    /// # Errors
    ///
    /// On a corrupt row.
    pub fn read(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            at: UnixTime::from_secs(row.u64("set_at")?),
            by: row.text("set_by")?.to_owned(),
        })
    }
}
