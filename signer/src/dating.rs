//! What a transfer says of the time, for a machine whose date is a person's word.
//!
//! Pure. A date ahead of the true one opens delays and windows early, one behind it revives what has expired; so
//! both ends are shown: the newest moment that the file itself proves, and the earliest at which it ends.

use policies::review::Review;
use policies::{Policy, UnixTime};

/// How far a given date may be ahead of the clock, or of what a file proves, before it is asked for again: 7 days.
pub const FAR: u64 = 7 * DAY;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;

/// Both ends of a transfer's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// The latest moment at which a request in it was made; none where it pays nobody.
    pub newest: Option<UnixTime>,
    /// The first moment at which something that it relies on no longer counts.
    pub ends: UnixTime,
}

/// Reads both ends off a review that found nothing to refuse at a moment.
pub fn dated(review: &Review, policy: &Policy, now: UnixTime) -> Dated {
    let paid = review.payments.iter().map(|payment| &payment.intent);
    let newest = paid.clone().map(|intent| intent.created).max();
    // What was granted once is not granted again: nothing of it ends.
    let relied_on = review.granted_by.is_none();
    let intents = paid.map(|intent| intent.expires).filter(|_| relied_on);
    let approvals = review.manifest.approvals.values();
    let approvals = approvals
        .map(|approval| approval.expires)
        .filter(|ends| relied_on && *ends > now);
    let entries = review.payments.iter();
    let entries = entries.filter_map(|payment| payment.entry.as_ref().filter(|_| relied_on));
    let ends = intents
        .chain(approvals)
        .chain(entries.map(|entry| entry.expires))
        .fold(policy.valid_until, UnixTime::min);
    Dated { newest, ends }
}

/// How long it is from one moment to a later one, in words that round down.
pub fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.secs_since(from);
    let (number, word) = match seconds {
        0..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {word}{many}")
}

impl Dated {
    /// Both ends of two transfers that are looked at as one: the date is as far from the older request as it is, and what
    /// ends first ends both.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self {
            newest: self.newest.min(other.newest),
            ends: self.ends.min(other.ends),
        }
    }

    /// What a person reads whose word the date is.
    pub fn text(&self, now: UnixTime) -> String {
        let newest = match self.newest {
            Some(newest) if newest > now => {
                format!("Newest request in it  {newest}, later than the date given")
            }
            Some(newest) => format!(
                "Newest request in it  {newest},\n                      {} before the date given",
                span(newest, now)
            ),
            None => "Newest request in it  none".to_owned(),
        };
        format!(
            "Date as given         {now}\n{newest}\nGood until            {},\n                      \
             {} by the date given: if that has passed,\n                      do not sign",
            self.ends,
            span(now, self.ends)
        )
    }

    /// Whether the date given is so far after all that the file proves that it may be mistyped.
    pub fn is_far(&self, now: UnixTime) -> bool {
        self.newest
            .is_some_and(|newest| now.secs_since(newest) > FAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_unit_that_says_enough() {
        let from = UnixTime::from_secs(1_000);
        let told = |seconds| span(from, from.saturating_add(seconds));
        assert_eq!(told(60), "1 minute");
        assert_eq!(told(3_600), "60 minutes");
        assert_eq!(told(21 * HOUR + 59), "21 hours");
        assert_eq!(told(8 * DAY), "8 days");
        assert_eq!(span(from.saturating_add(1), from), "0 minutes");
    }

    #[test]
    fn a_date_more_than_seven_days_after_the_newest_request_is_far() {
        let newest = UnixTime::from_secs(1_000);
        let dated = Dated {
            newest: Some(newest),
            ends: newest,
        };
        assert!(!dated.is_far(newest.saturating_add(FAR)));
        assert!(dated.is_far(newest.saturating_add(FAR + 1)));
        let nobody = Dated {
            newest: None,
            ends: newest,
        };
        assert!(!nobody.is_far(newest.saturating_add(FAR + 1)));
    }
}
