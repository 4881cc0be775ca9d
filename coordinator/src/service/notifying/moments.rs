//! When something is told: at once or with the day's digest, and never in the person's quiet hours.
//!
//! Pure: hours are those of the person's own clock, whole and without summer time, as the person set them.

use policies::UnixTime;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The hours of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hours {
    /// The person's clock, in minutes from UTC.
    pub offset_minutes: i64,
    /// From which hour until which nothing is sent.
    pub quiet: Option<(u32, u32)>,
    /// The hour of the digest; at once if none.
    pub digest: Option<u32>,
}

/// When something that happened is told.
pub fn due_at(hours: Hours, urgent: bool, happened: UnixTime) -> UnixTime {
    if urgent {
        return happened;
    }
    let offset = hours.offset_minutes.saturating_mul(60);
    let happened = i64::try_from(happened.as_secs()).unwrap_or(i64::MAX);
    let mut local = happened.saturating_add(offset);
    if let Some(hour) = hours.digest {
        local = next(local, hour);
    }
    if let Some((from, until)) = hours.quiet
        && is_within(local.rem_euclid(DAY) / HOUR, from, until)
    {
        local = next(local, until);
    }
    let due = local.saturating_sub(offset);
    UnixTime::from_secs(u64::try_from(due).unwrap_or_default())
}

/// The next moment at which an hour begins, this one included.
fn next(local: i64, hour: u32) -> i64 {
    let begins = local
        .div_euclid(DAY)
        .saturating_mul(DAY)
        .saturating_add(i64::from(hour).saturating_mul(HOUR));
    if begins < local {
        begins.saturating_add(DAY)
    } else {
        begins
    }
}

fn is_within(hour: i64, from: u32, until: u32) -> bool {
    let (from, until) = (i64::from(from), i64::from(until));
    if from <= until {
        (from..until).contains(&hour)
    } else {
        hour >= from || hour < until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26T00:00:00Z.
    const MIDNIGHT: u64 = 1_795_651_200;

    fn at(hour: u64, minute: u64) -> UnixTime {
        UnixTime::from_secs(MIDNIGHT + hour * 3_600 + minute * 60)
    }

    #[test]
    fn without_hours_everything_is_told_at_once() {
        assert_eq!(due_at(Hours::default(), false, at(3, 7)), at(3, 7));
    }

    #[test]
    fn quiet_hours_over_midnight_end_in_the_morning_of_the_persons_own_clock() {
        let hours = Hours {
            offset_minutes: 60,
            quiet: Some((22, 7)),
            digest: None,
        };
        // 21:30 UTC is 22:30 there; 7:00 there is 6:00 UTC of the next day.
        assert_eq!(due_at(hours, false, at(21, 30)), at(30, 0));
        assert_eq!(due_at(hours, false, at(20, 59)), at(20, 59));
        assert_eq!(due_at(hours, false, at(5, 59)), at(6, 0));
        assert_eq!(due_at(hours, false, at(6, 0)), at(6, 0));
        assert_eq!(
            due_at(hours, true, at(23, 0)),
            at(23, 0),
            "what is urgent is told at once"
        );
    }

    #[test]
    fn a_digest_goes_out_at_its_hour_and_after_the_quiet_ones() {
        let hours = Hours {
            offset_minutes: -330,
            quiet: None,
            digest: Some(9),
        };
        // 9:00 there is 14:30 UTC.
        assert_eq!(due_at(hours, false, at(14, 30)), at(14, 30));
        assert_eq!(due_at(hours, false, at(14, 31)), at(24 + 14, 30));
        assert_eq!(due_at(hours, false, at(0, 0)), at(14, 30));
        let both = Hours {
            offset_minutes: 0,
            quiet: Some((8, 10)),
            digest: Some(9),
        };
        assert_eq!(due_at(both, false, at(0, 0)), at(10, 0));
    }
}
