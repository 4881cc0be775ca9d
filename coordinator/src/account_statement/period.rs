//! Periods of whole months or days in UTC.

use policies::UnixTime;
use time::{Date, Month, Time};

/// How long after its end a period may still get entries: whatever was being booked when it ended is booked by then.
pub const SETTLING_SECONDS: u64 = 3_600;
/// The seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// From a moment on, up to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: UnixTime,
    /// The first moment after it.
    pub until: UnixTime,
}

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Neither a month nor a day.
    #[error(
        "{text:?} is neither a month such as 2026-10 nor a day such as 2026-10-31, from 1970 on"
    )]
    NotADate {
        /// The text, at most 40 characters of it.
        text: String,
    },
    /// The end is before the beginning.
    #[error("{to} is before {from}")]
    Backwards {
        /// Where it begins.
        from: String,
        /// Where it ends.
        to: String,
    },
}

impl Period {
    /// The period from a month or day up to and with another one; without one, that month or day.
    ///
    /// # Errors
    /// [`PeriodError::NotADate`], [`PeriodError::Backwards`].
    pub fn parse(from: &str, to: Option<&str>) -> Result<Self, PeriodError> {
        let not_a_date = |text: &str| PeriodError::NotADate {
            text: text.chars().take(40).collect(),
        };
        let (first, only) = read(from).ok_or_else(|| not_a_date(from))?;
        let (_, until) = match to {
            Some(to) => read(to).ok_or_else(|| not_a_date(to))?,
            None => (first, only),
        };
        if until <= first {
            return Err(PeriodError::Backwards {
                from: from.to_owned(),
                to: to.unwrap_or(from).to_owned(),
            });
        }
        Ok(Self { from: first, until })
    }

    /// The month before the one in which a moment lies, as `2026-10`.
    pub fn month_before(now: UnixTime) -> String {
        let this = date_of(now).unwrap_or(Date::MIN);
        let last = this.replace_day(1).ok().and_then(Date::previous_day);
        let last = last.unwrap_or(this);
        format!("{:04}-{:02}", last.year(), u8::from(last.month()))
    }

    /// Whether it is over at a moment, and whatever was being booked when it ended is booked.
    pub const fn is_over(self, now: UnixTime) -> bool {
        now.as_secs() >= self.until.saturating_add(SETTLING_SECONDS).as_secs()
    }
}

/// The day of a moment, as `2026-10-31`.
pub fn day(at: UnixTime) -> String {
    match date_of(at) {
        Some(date) => format!(
            "{:04}-{:02}-{:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        ),
        None => at.to_string(),
    }
}

/// The last moment before another one.
pub(super) fn last_before(until: UnixTime) -> UnixTime {
    until.saturating_sub(1)
}

fn date_of(at: UnixTime) -> Option<Date> {
    let secs = i64::try_from(at.as_secs()).ok()?;
    let moment = time::OffsetDateTime::from_unix_timestamp(secs).ok()?;
    Some(moment.date())
}

/// The first moment of a month or day, and the first one after it.
fn read(text: &str) -> Option<(UnixTime, UnixTime)> {
    let mut parts = text.split('-');
    let (year, month) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?);
    let day = match parts.next() {
        Some(day) => Some(digits(day, 2)?),
        None => None,
    };
    if parts.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let year = i32::from(year);
    let begin = |date: Date| {
        let secs = date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
        u64::try_from(secs).ok().map(UnixTime::from_secs)
    };
    if let Some(day) = day {
        let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
        let first = begin(date)?;
        return Some((first, first.saturating_add(DAY_SECONDS)));
    }
    let next = month.next();
    let year_of_next = if next == Month::January {
        year.checked_add(1)?
    } else {
        year
    };
    let first = begin(Date::from_calendar_date(year, month, 1).ok()?)?;
    let until = begin(Date::from_calendar_date(year_of_next, next, 1).ok()?)?;
    Some((first, until))
}

/// A number of exactly so many digits.
fn digits(text: &str, length: usize) -> Option<u16> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// A day as it is written, checked: `2026-10-31`.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10 && read(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(from: &str, to: Option<&str>) -> Option<(String, String)> {
        let period = Period::parse(from, to).ok()?;
        Some((period.from.to_string(), period.until.to_string()))
    }

    #[test]
    fn a_month_ends_where_the_next_one_begins() {
        let text = |from: &str, until: &str| Some((from.to_owned(), until.to_owned()));
        let october = bounds("2026-10", None);
        assert_eq!(
            october,
            text("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
        );
        let quarter = bounds("2026-10", Some("2026-12"));
        assert_eq!(
            quarter,
            text("2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z")
        );
        let leap = bounds("2028-02", None);
        assert_eq!(leap, text("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
        let day = bounds("2026-10-31", None);
        assert_eq!(day, text("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for (from, to) in [
            ("2026", None),
            ("2026-13", None),
            ("2026-1", None),
            ("2026-02-30", None),
            ("1969-12", None),
            ("2026-10-01-1", None),
            ("+026-10", None),
            ("2026-10", Some("october")),
            ("2026-10", Some("2026-09")),
            ("2026-10-02", Some("2026-10-01")),
        ] {
            assert!(Period::parse(from, to).is_err(), "{from} {to:?}");
        }
    }

    #[test]
    fn a_period_is_over_an_hour_after_its_end() {
        let period = Period::parse("2026-10", None).expect("a month");
        let hour = SETTLING_SECONDS;
        assert!(!period.is_over(period.until));
        assert!(!period.is_over(period.until.saturating_add(hour - 1)));
        assert!(period.is_over(period.until.saturating_add(hour)));
    }

    #[test]
    fn the_month_before_is_named() {
        let at = |text: &str| text.parse::<UnixTime>().expect("a time");
        assert_eq!(Period::month_before(at("2026-11-27T16:00:00Z")), "2026-10");
        assert_eq!(Period::month_before(at("2027-01-31T00:00:00Z")), "2026-12");
    }
}
