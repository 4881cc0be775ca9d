//! Times: stored in UTC, written in UTC, and turned into the viewer's zone with its offset by the script.

use std::fmt;

use askama::filters::HtmlSafe;
use policies::UnixTime;
use time::OffsetDateTime;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(UnixTime);

impl Moment {
    /// A moment.
    pub(crate) const fn new(at: UnixTime) -> Self {
        Self(at)
    }

    /// `2026-11-26 17:44`, and the second.
    fn parts(self) -> Option<(String, u8)> {
        let secs = i64::try_from(self.0.as_secs()).ok()?;
        let at = OffsetDateTime::from_unix_timestamp(secs).ok()?;
        let date = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute()
        );
        Some((date, at.second()))
    }

    /// Without HTML: `2026-11-26 17:44:19 UTC`.
    pub(crate) fn text(self) -> String {
        match self.parts() {
            Some((date, second)) => format!("{date}:{second:02} UTC"),
            None => format!("second {}", self.0.as_secs()),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some((date, second)) => write!(
                f,
                "<time datetime=\"{}:{second:02}Z\" title=\"{}\">{date} UTC</time>",
                date.replace(' ', "T"),
                self.text()
            ),
            None => f.write_str(&self.text()),
        }
    }
}

impl HtmlSafe for Moment {}

/// How long ago a moment is, or in how long it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ago {
    at: UnixTime,
    now: UnixTime,
}

impl Ago {
    /// A moment as seen from now.
    pub(crate) const fn new(at: UnixTime, now: UnixTime) -> Self {
        Self { at, now }
    }

    /// The same as `5 min ago`; what a clock ahead of ours says is now.
    pub(crate) const fn words(self) -> Since {
        Since(self)
    }
}

/// How long ago something was, with the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(Ago);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Ago { at, now }) = *self;
        write!(
            f,
            "<span title=\"{}\">{} ago</span>",
            Moment(at).text(),
            duration(now.secs_since(at))
        )
    }
}

impl HtmlSafe for Since {}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, now) = (self.at.as_secs(), self.now.as_secs());
        let words = if at > now {
            format!("in {}", duration(at.saturating_sub(now)))
        } else {
            duration(now.saturating_sub(at))
        };
        write!(
            f,
            "<span title=\"{}\">{words}</span>",
            Moment(self.at).text()
        )
    }
}

impl HtmlSafe for Ago {}

/// Seconds in the largest unit that fits: `3 h`, `2 days`.
pub(crate) fn duration(secs: u64) -> String {
    match secs {
        0..=59 => format!("{secs} s"),
        60..=3_599 => format!("{} min", secs / 60),
        3_600..=172_799 => format!("{} h", secs / 3_600),
        _ => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_in_utc() {
        let shown = Moment::new(UnixTime::from_secs(1_795_715_059)).to_string();
        assert_eq!(
            shown,
            "<time datetime=\"2026-11-26T17:44:19Z\" title=\"2026-11-26 17:44:19 UTC\">2026-11-26 17:44 UTC</time>"
        );
        let far = Moment::new(UnixTime::from_secs(u64::MAX)).to_string();
        assert_eq!(far, "second 18446744073709551615");
    }

    #[test]
    fn durations_are_short() {
        for (secs, words) in [
            (5, "5 s"),
            (61, "1 min"),
            (7_200, "2 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(secs), words);
        }
    }
}
