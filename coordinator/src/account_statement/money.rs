//! Satoshi as bitcoin with eight places, exactly.

/// The satoshi of a bitcoin.
const BITCOIN: u64 = 100_000_000;

/// `-1.50000000`.
pub fn btc(sat: i64) -> String {
    let sign = if sat < 0 { "-" } else { "" };
    let sat = sat.unsigned_abs();
    let (whole, rest) = (
        sat.checked_div(BITCOIN).unwrap_or_default(),
        sat.checked_rem(BITCOIN).unwrap_or_default(),
    );
    format!("{sign}{whole}.{rest:08}")
}

/// The same of what is never below 0.
pub(super) fn btc_of(sat: u64) -> String {
    btc(super::signed(sat))
}
