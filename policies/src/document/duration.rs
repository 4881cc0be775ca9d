//! Durations as documents write them: a whole number and one unit, `"10m"`, `"24h"`.

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number and a unit.
    #[error("a whole number and s, m, h or d, like 24h")]
    Shape,
    /// More seconds than can be counted.
    #[error("the duration is too long")]
    TooLong,
}

/// Reads a duration in seconds.
pub fn parse_duration(text: &str) -> Result<u64, DurationError> {
    let unit = text.chars().last().ok_or(DurationError::Shape)?;
    let secs: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(DurationError::Shape),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::Shape);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(secs))
        .ok_or(DurationError::TooLong)
}

/// Writes seconds in the largest unit that divides them.
pub fn format_duration(secs: u64) -> String {
    [(86_400, 'd'), (3_600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(unit, _)| secs > 0 && secs.is_multiple_of(*unit))
        .map_or_else(
            || format!("{secs}s"),
            |(unit, letter)| format!("{}{letter}", secs / unit),
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_one_unit() {
        assert_eq!(parse_duration("10m"), Ok(600));
        assert_eq!(parse_duration("2d"), Ok(172_800));
        for text in [
            "", "h", "10", "1.5h", "-1h", "1h30m", "10 m", "10w", "１h", "é",
        ] {
            assert_eq!(parse_duration(text), Err(DurationError::Shape), "{text}");
        }
        assert_eq!(
            parse_duration("18446744073709551615d"),
            Err(DurationError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back(secs in any::<u64>()) {
            prop_assert_eq!(parse_duration(&format_duration(secs)), Ok(secs));
        }
    }
}
