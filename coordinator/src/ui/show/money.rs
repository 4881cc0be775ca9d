//! Amounts with grouped digits, in bitcoin or satoshi. Whole satoshi only.

use std::fmt;

use askama::filters::HtmlSafe;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use bitcoin::Amount;
use policies::words::thousands;

/// In which unit a person wants amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    /// Bitcoin with eight places.
    #[default]
    Bitcoin,
    /// Whole satoshi.
    Satoshi,
}

impl Unit {
    /// The cookie that remembers it.
    pub(crate) const COOKIE: &'static str = "countersign-unit";

    pub(crate) fn of(jar: &CookieJar) -> Self {
        match jar.get(Self::COOKIE).map(Cookie::value) {
            Some("sat") => Self::Satoshi,
            Some(_) | None => Self::Bitcoin,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bitcoin => "BTC",
            Self::Satoshi => "sat",
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Bitcoin => Self::Satoshi,
            Self::Satoshi => Self::Bitcoin,
        }
    }
}

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Money {
    sat: i64,
    unit: Unit,
}

impl Money {
    /// An amount that is never below 0.
    pub(crate) fn new(amount: Amount, unit: Unit) -> Self {
        let sat = i64::try_from(amount.to_sat()).unwrap_or(i64::MAX);
        Self { sat, unit }
    }

    /// Satoshi that may be below 0.
    pub(crate) const fn signed(sat: i64, unit: Unit) -> Self {
        Self { sat, unit }
    }

    /// Without HTML, in its unit.
    pub(crate) fn text(self) -> String {
        let sign = if self.sat < 0 { "−" } else { "" };
        format!("{sign}{} {}", self.digits(self.unit), self.unit.name())
    }

    fn digits(self, unit: Unit) -> String {
        let sat = self.sat.unsigned_abs();
        match unit {
            Unit::Satoshi => thousands(sat),
            Unit::Bitcoin => {
                let (whole, rest) = (sat / 100_000_000, sat % 100_000_000);
                let (cents, middle, last) = (rest / 1_000_000, rest / 1_000 % 1_000, rest % 1_000);
                format!("{}.{cents:02} {middle:03} {last:03}", thousands(whole))
            }
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = Self {
            unit: self.unit.other(),
            ..*self
        };
        write!(
            f,
            "<data class=\"money num\" value=\"{}\" title=\"{}\">{}</data>",
            self.sat,
            other.text(),
            self.text()
        )
    }
}

impl HtmlSafe for Money {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_exact() {
        let text = |sat, unit| Money::signed(sat, unit).text();
        assert_eq!(text(4_200_000, Unit::Bitcoin), "0.04 200 000 BTC");
        assert_eq!(text(1, Unit::Bitcoin), "0.00 000 001 BTC");
        assert_eq!(text(-150_000_000, Unit::Bitcoin), "−1.50 000 000 BTC");
        assert_eq!(
            text(2_100_000_000_000_000, Unit::Bitcoin),
            "21,000,000.00 000 000 BTC"
        );
        assert_eq!(text(-4_200_000, Unit::Satoshi), "−4,200,000 sat");
        assert_eq!(
            Money::new(Amount::from_sat(5), Unit::Bitcoin).to_string(),
            "<data class=\"money num\" value=\"5\" title=\"5 sat\">0.00 000 005 BTC</data>"
        );
    }
}
