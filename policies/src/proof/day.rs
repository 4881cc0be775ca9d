//! A day in UTC: fine enough to tell how old a proof is, and the same for all who prove on it.

use std::fmt;
use std::str::FromStr;

use crate::UnixTime;

const SECONDS: u64 = 86_400;

/// A day in UTC, written as `2026-11-27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u64);

/// A text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day such as 2026-11-27")]
pub struct DayError;

impl Day {
    /// The day of a moment; after the year 9999, which has no words, the last one that has.
    pub fn of(moment: UnixTime) -> Self {
        /// 9999-12-31.
        const LAST: u64 = 2_932_896;
        Self((moment.as_secs() / SECONDS).min(LAST))
    }

    /// When it begins.
    pub fn begins(self) -> UnixTime {
        UnixTime::from_secs(self.0.saturating_mul(SECONDS))
    }

    /// Whole days from `earlier` to this one; 0 when it is not earlier.
    pub fn days_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let moment: UnixTime = format!("{text}T00:00:00Z").parse().map_err(|_| DayError)?;
        let day = Self::of(moment);
        // One day has one text.
        if day.to_string() == text {
            Ok(day)
        } else {
            Err(DayError)
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.begins().to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}
