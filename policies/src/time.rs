//! Time as everything here counts it: whole seconds since 1970 in UTC, always passed in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in seconds since 1970-01-01T00:00:00Z; in JSON the number, as text RFC 3339 in UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const ZERO: Self = Self(0);

    /// The moment this many seconds after 1970.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// Seconds since 1970.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The moment `secs` later, unless it cannot be written.
    pub const fn checked_add(self, secs: u64) -> Option<Self> {
        match self.0.checked_add(secs) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The moment `secs` earlier, unless that is before 1970.
    pub const fn checked_sub(self, secs: u64) -> Option<Self> {
        match self.0.checked_sub(secs) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The moment `secs` later, or the last one that can be written.
    #[must_use]
    pub const fn saturating_add(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// The moment `secs` earlier, or 1970.
    #[must_use]
    pub const fn saturating_sub(self, secs: u64) -> Self {
        Self(self.0.saturating_sub(secs))
    }

    /// Seconds from `earlier` to this moment; 0 when it is not earlier.
    pub const fn secs_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rfc3339 = i64::try_from(self.0)
            .ok()
            .and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok())
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match rfc3339 {
            Some(text) => f.write_str(&text),
            // Beyond the year 9999, RFC 3339 has no words.
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

/// Why a text is not a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is not RFC 3339.
    #[error("not an RFC 3339 time such as 2026-11-23T00:00:00Z")]
    NotRfc3339,
    /// The moment has fractions of a second.
    #[error("fractions of a second are not counted")]
    Fraction,
    /// The moment is before 1970.
    #[error("a time before 1970")]
    BeforeUnixEpoch,
}

impl FromStr for UnixTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError::NotRfc3339)?;
        if moment.nanosecond() != 0 {
            return Err(TimeError::Fraction);
        }
        u64::try_from(moment.unix_timestamp())
            .map(Self)
            .map_err(|_| TimeError::BeforeUnixEpoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_and_read_as_rfc_3339() {
        let moment = UnixTime::from_secs(1_795_478_400);
        assert_eq!(moment.to_string(), "2026-11-24T00:00:00Z");
        assert_eq!("2026-11-24T00:00:00Z".parse(), Ok(moment));
        assert_eq!("2026-11-24T01:00:00+01:00".parse(), Ok(moment));
        assert_eq!(
            UnixTime::from_secs(u64::MAX).to_string(),
            "18446744073709551615 s after 1970"
        );
    }

    #[test]
    fn a_text_that_is_no_whole_second_since_1970_is_refused() {
        assert_eq!("yesterday".parse::<UnixTime>(), Err(TimeError::NotRfc3339));
        assert_eq!(
            "2026-11-24T00:00:00.5Z".parse::<UnixTime>(),
            Err(TimeError::Fraction)
        );
        assert_eq!(
            "1969-12-31T23:59:59Z".parse::<UnixTime>(),
            Err(TimeError::BeforeUnixEpoch)
        );
    }

    #[test]
    fn sums_never_wrap() {
        let last = UnixTime::from_secs(u64::MAX);
        assert_eq!(last.checked_add(1), None);
        assert_eq!(last.saturating_add(1), last);
        assert_eq!(UnixTime::ZERO.checked_sub(1), None);
        assert_eq!(UnixTime::ZERO.saturating_sub(1), UnixTime::ZERO);
        assert_eq!(last.secs_since(UnixTime::from_secs(1)), u64::MAX - 1);
        assert_eq!(UnixTime::ZERO.secs_since(last), 0);
    }
}
