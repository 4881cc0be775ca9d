//! The filters of lists, as they are typed: read one by one, and told beside the field where they are wrong.
//!
//! A filter that cannot be read lets everything through, so that the list is never less than it seems.

use bitcoin::Amount;
use policies::UnixTime;
use time::{Date, Month, Time};

use super::fault::Fault;
use super::posted::{Wrong, read_amount};
use super::show::Moment;
use crate::service::paging::Cursor;

/// The seconds of a day but one.
const REST_OF_DAY: u64 = 86_399;

/// One choice of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) words: String,
    pub(crate) chosen: bool,
}

/// The choices of a filter, of which one is chosen; the first if the text is none of them.
pub(super) fn choices(all: &[(&str, &str)], chosen: &str) -> Vec<Choice> {
    let known = all.iter().any(|(value, _)| *value == chosen);
    let choice = |(place, (value, words)): (usize, &(&str, &str))| Choice {
        value: (*value).to_owned(),
        words: (*words).to_owned(),
        chosen: if known { *value == chosen } else { place == 0 },
    };
    all.iter().enumerate().map(choice).collect()
}

/// `yes` and `no`.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// An amount, where one is typed.
pub(super) fn amount(wrong: &mut Wrong, field: &'static str, text: &str) -> Option<Amount> {
    if text.trim().is_empty() {
        return None;
    }
    let read = read_amount(text.trim());
    if read.is_none() {
        wrong.add(
            field,
            "Write BTC, such as 0.05, or satoshi, such as 5000000 sat.",
        );
    }
    read
}

/// The beginning of a day in UTC, where one is typed.
pub(crate) fn since(wrong: &mut Wrong, text: &str) -> Option<UnixTime> {
    day(wrong, "since", text)
}

/// The end of a day in UTC, where one is typed.
pub(crate) fn until(wrong: &mut Wrong, text: &str) -> Option<UnixTime> {
    Some(day(wrong, "until", text)?.saturating_add(REST_OF_DAY))
}

/// The place where a page begins.
pub(super) fn after(text: &str) -> Result<Option<Cursor>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Cursor::decode(text)?))
}

/// A moment as files have it: `2026-11-26 17:44:19 UTC`; empty where there is none.
pub(super) fn moment(at: Option<UnixTime>) -> String {
    at.map(|at| Moment::new(at).text()).unwrap_or_default()
}

fn day(wrong: &mut Wrong, field: &'static str, text: &str) -> Option<UnixTime> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let read = read_day(text);
    if read.is_none() {
        wrong.add(field, "A day such as 2026-11-26.");
    }
    read
}

fn read_day(text: &str) -> Option<UnixTime> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, most: usize| {
        (part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    digits(year, 4).and(digits(month, 2)).and(digits(day, 2))?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let secs = date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
    parts.next().is_none().then_some(())?;
    Some(UnixTime::from_secs(u64::try_from(secs).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_exactly_or_told_beside_their_field() {
        let mut wrong = Wrong::default();
        let from = since(&mut wrong, "2026-11-26").map(UnixTime::as_secs);
        let to = until(&mut wrong, " 2026-11-26 ").map(UnixTime::as_secs);
        assert_eq!((from, to), (Some(1_795_651_200), Some(1_795_737_599)));
        assert!(wrong.is_empty() && since(&mut wrong, "").is_none());
        for text in [
            "2026-02-30",
            "26.11.2026",
            "2026-11",
            "2026-11-26-1",
            "-1-1-1",
            "１-1-1",
            "1960-01-01",
        ] {
            let mut wrong = Wrong::default();
            assert_eq!(until(&mut wrong, text), None, "{text}");
            assert!(wrong.of("until").is_some(), "{text}");
        }
    }

    #[test]
    fn an_unknown_choice_is_the_first_one() {
        let all = [("", "Any"), ("yes", "Yes")];
        let chosen = |text| {
            let found = choices(&all, text).into_iter().find(|choice| choice.chosen);
            found.map(|choice| choice.words)
        };
        assert_eq!(chosen("yes").as_deref(), Some("Yes"));
        assert_eq!(chosen("<script>").as_deref(), Some("Any"));
    }
}
