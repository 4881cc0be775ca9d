//! The one place of this program that reads the system's clock, and what stands in for it where that is not to be
//! trusted: the date as a person gives it.
//!
//! Invariant: a date that was given goes on from there by the time that the system counts, never by its date.

use policies::UnixTime;
use std::str::FromStr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, in whole seconds; a clock before 1970 reads as 1970, which every check refuses.
#[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |elapsed| elapsed.as_secs()))
}

/// A moment as a person gives it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    at: UnixTime,
    with_time: bool,
}

/// A text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time in UTC, such as 2026-11-27 10:00")]
pub struct TodayError;

impl Today {
    /// The moment.
    pub const fn at(self) -> UnixTime {
        self.at
    }

    /// Whether the time of the day was given too; else it is the beginning of the day.
    pub const fn has_time(self) -> bool {
        self.with_time
    }
}

/// RFC 3339, also without seconds, with a space for `T`, and without the `Z`; or the day alone.
impl FromStr for Today {
    type Err = TodayError;

    fn from_str(text: &str) -> Result<Self, TodayError> {
        let text = text.trim();
        let (day, rest) = match text.split_once(['T', 't', ' ']) {
            Some((day, rest)) => (day, Some(rest.trim())),
            None => (text, None),
        };
        let time = match rest {
            None => "00:00:00Z".to_owned(),
            Some(time) => {
                let end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
                let (clock, zone) = time.split_at(end);
                let seconds = if clock.matches(':').count() == 1 {
                    ":00"
                } else {
                    ""
                };
                let zone = if zone.is_empty() { "Z" } else { zone };
                format!("{}{seconds}{zone}", clock.trim())
            }
        };
        let at = format!("{day}T{time}").parse().map_err(|_| TodayError)?;
        Ok(Self {
            at,
            with_time: rest.is_some(),
        })
    }
}

/// What tells the time.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The system.
    System,
    /// A person, once; from then on it is counted.
    Given {
        /// What they said.
        today: Today,
        /// When they said it.
        since: Instant,
        /// Whether it stood on the command line.
        on_command_line: bool,
    },
}

impl Clock {
    /// A clock that a person set now.
    pub fn given(today: Today, on_command_line: bool) -> Self {
        Self::Given {
            today,
            since: Instant::now(),
            on_command_line,
        }
    }

    /// What it shows.
    pub fn now(&self) -> UnixTime {
        match self {
            Self::System => now(),
            Self::Given { today, since, .. } => today.at.saturating_add(since.elapsed().as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, bool), TodayError> {
        let today: Today = text.parse()?;
        Ok((today.at().to_string(), today.has_time()))
    }

    #[test]
    fn a_date_is_read_as_people_write_it() {
        let noon = Ok(("2026-11-27T12:00:00Z".to_owned(), true));
        for text in [
            "2026-11-27T12:00:00Z",
            "2026-11-27T12:00Z",
            "2026-11-27 12:00",
            " 2026-11-27 12:00:00 \n",
            "2026-11-27 13:00+01:00",
        ] {
            assert_eq!(read(text), noon, "{text}");
        }
        let day = Ok(("2026-11-27T00:00:00Z".to_owned(), false));
        assert_eq!(read("2026-11-27"), day);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "today",
            "27.11.2026",
            "2026-13-01",
            "2026-11-27 25:00",
            "2026-11-27 é",
        ] {
            assert_eq!(read(text), Err(TodayError), "{text}");
        }
    }
}
