//! Feerates in sat/vB, read exactly: no float is on the way.

use bitcoin::FeeRate;

/// Thousandths of a sat/vB that make one sat/kwu.
const MILLI_SAT_PER_VB_IN_KWU: u64 = 4;

/// Why a text is no feerate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeeRateError {
    /// Not digits with at most three decimals.
    #[error("a feerate is a number of sat/vB with at most three decimals, like 12.5")]
    Shape,
    /// Not a whole number of sat/kwu.
    #[error("a feerate is a multiple of 0.004 sat/vB (one satoshi per 1000 weight units)")]
    BetweenSteps,
    /// Zero where a bound is meant.
    #[error("a feerate above zero")]
    Zero,
    /// Too large to be counted.
    #[error("the feerate is too high")]
    TooHigh,
}

/// Reads a feerate in sat/vB with at most three decimals.
///
/// # Errors
/// Refuses what cannot be held exactly as whole sat/kwu.
pub fn parse_sat_per_vb(text: &str) -> Result<FeeRate, FeeRateError> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if (1..=3).contains(&decimals.len()) => (whole, decimals),
        Some(_) => return Err(FeeRateError::Shape),
        None => (text, ""),
    };
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(decimals) {
        return Err(FeeRateError::Shape);
    }
    let milli = format!("{whole}{decimals:0<3}")
        .parse::<u64>()
        .map_err(|_| FeeRateError::TooHigh)?;
    if !milli.is_multiple_of(MILLI_SAT_PER_VB_IN_KWU) {
        return Err(FeeRateError::BetweenSteps);
    }
    Ok(FeeRate::from_sat_per_kwu(milli / MILLI_SAT_PER_VB_IN_KWU))
}

/// Writes a feerate in sat/vB, exactly, without trailing zeros.
pub fn format_sat_per_vb(feerate: FeeRate) -> String {
    let milli = u128::from(feerate.to_sat_per_kwu()) * u128::from(MILLI_SAT_PER_VB_IN_KWU);
    let (whole, decimals) = (milli / 1000, milli % 1000);
    if decimals == 0 {
        return whole.to_string();
    }
    format!("{whole}.{decimals:03}")
        .trim_end_matches('0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_feerate_is_read_exactly() {
        for (text, sat_per_kwu) in [
            ("1", 250),
            ("12.5", 3_125),
            ("0.1", 25),
            ("0.004", 1),
            ("1.124", 281),
            ("200.000", 50_000),
            ("0", 0),
        ] {
            assert_eq!(
                parse_sat_per_vb(text),
                Ok(FeeRate::from_sat_per_kwu(sat_per_kwu)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_feerate_that_is_not_exact_is_refused() {
        for text in [
            "", ".5", "1.", "1.0000", "-1", "+1", "1e3", "nan", "inf", "1_000", "1,5",
        ] {
            assert_eq!(parse_sat_per_vb(text), Err(FeeRateError::Shape), "{text}");
        }
        assert_eq!(parse_sat_per_vb("1.001"), Err(FeeRateError::BetweenSteps));
        assert_eq!(
            parse_sat_per_vb("18446744073709551615"),
            Err(FeeRateError::TooHigh)
        );
    }

    proptest! {
        #[test]
        fn a_written_feerate_reads_back(sat_per_kwu in 0..u64::MAX / 4) {
            let feerate = FeeRate::from_sat_per_kwu(sat_per_kwu);
            prop_assert_eq!(parse_sat_per_vb(&format_sat_per_vb(feerate)), Ok(feerate));
        }
    }
}
