//! Prices of a bitcoin by day, from a file that the operator supplies: for columns beside amounts, and nothing else.
//!
//! Invariant: they are read and multiplied exactly, in integers; a value is rounded once, to hundredths, halves up.
//! Nothing of them is stored or sent anywhere.

use std::collections::BTreeMap;

use policies::UnixTime;

use super::period::{day, is_day};

/// The most places behind the point of a price.
const PLACES: usize = 8;
/// How many of the least parts of a price make one.
const ONE: u64 = 100_000_000;
/// How many least parts of satoshi times price make a hundredth: 8 + 8 places, less 2.
const HUNDREDTH: u128 = 100_000_000_000_000;
/// The highest price that is read, in least parts: far above any, and no product with all money overflows.
const MOST: u64 = 1_000_000_000 * ONE;
/// The columns of the file.
const HEADER: &str = "date,currency,price";

/// Prices of a bitcoin, by currency and day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, BTreeMap<String, Price>>);

/// A price as it was written, and in its least parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Price {
    text: String,
    parts: u64,
}

/// What an amount is worth by the newest price at or before a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    /// The day of the price.
    pub date: String,
    /// The price as the file has it.
    pub price: String,
    /// The value, with two places.
    pub value: String,
}

/// Why a file of prices is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    /// Its first line is another one.
    #[error("line 1 is not {HEADER}")]
    Header,
    /// A line has not three cells.
    #[error("line {line} has not three cells")]
    Cells {
        /// The line.
        line: usize,
    },
    /// The first cell is no day.
    #[error("line {line}: the date is not a day such as 2026-10-31")]
    Date {
        /// The line.
        line: usize,
    },
    /// The second cell is no currency.
    #[error("line {line}: the currency is not three to five capital letters")]
    Currency {
        /// The line.
        line: usize,
    },
    /// The third cell is no price.
    #[error(
        "line {line}: the price is not a decimal number above 0, with at most {PLACES} places and below 1,000,000,000"
    )]
    Price {
        /// The line.
        line: usize,
    },
    /// A day has two prices in one currency.
    #[error("line {line}: that day has a price in that currency already")]
    Twice {
        /// The line.
        line: usize,
    },
}

impl Prices {
    /// Reads a CSV file of `date,currency,price`.
    ///
    /// # Errors
    /// Which line is not understood. Nothing is guessed and no line is left out.
    pub fn parse(text: &str) -> Result<Self, PricesError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().zip(1_usize..);
        if lines
            .next()
            .is_none_or(|(head, _)| head.trim_end() != HEADER)
        {
            return Err(PricesError::Header);
        }
        let mut prices = Self::default();
        for (text, line) in lines {
            let text = text.trim_end();
            if text.is_empty() {
                continue;
            }
            let mut cells = text.split(',');
            let (Some(date), Some(currency), Some(price), None) =
                (cells.next(), cells.next(), cells.next(), cells.next())
            else {
                return Err(PricesError::Cells { line });
            };
            if !is_day(date) {
                return Err(PricesError::Date { line });
            }
            let is_code = (3..=5).contains(&currency.len())
                && currency.bytes().all(|byte| byte.is_ascii_uppercase());
            if !is_code {
                return Err(PricesError::Currency { line });
            }
            let parts = parts(price).ok_or(PricesError::Price { line })?;
            let days = prices.0.entry(currency.to_owned()).or_default();
            let price = Price {
                text: price.to_owned(),
                parts,
            };
            if days.insert(date.to_owned(), price).is_some() {
                return Err(PricesError::Twice { line });
            }
        }
        Ok(prices)
    }

    /// The currencies, by name.
    pub fn currencies(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What an amount is worth by the newest price at or before the day of a moment; nothing where there is no price.
    pub fn worth(&self, currency: &str, amount_sat: u64, at: UnixTime) -> Option<Worth> {
        let days = self.0.get(currency)?;
        let (date, price) = days.range(..=day(at)).next_back()?;
        Some(Worth {
            date: date.clone(),
            price: price.text.clone(),
            value: value(amount_sat, price.parts),
        })
    }

    /// The prices of a currency at or before a moment: day and price, oldest first.
    pub(super) fn until(&self, currency: &str, at: UnixTime) -> Vec<(&str, &str)> {
        let days = self.0.get(currency).into_iter();
        let days = days.flat_map(|days| days.range(..=day(at)));
        days.map(|(date, price)| (date.as_str(), price.text.as_str()))
            .collect()
    }
}

/// A price in its least parts, if it is a plain decimal number.
fn parts(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 9) || !digits(rest, PLACES) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let rest: u64 = format!("{rest:0<PLACES$}").parse().ok()?;
    let parts = whole.checked_mul(ONE)?.checked_add(rest)?;
    (parts > 0 && parts < MOST).then_some(parts)
}

/// Satoshi times price, with two places; halves are rounded up.
fn value(amount_sat: u64, parts: u64) -> String {
    let exact = u128::from(amount_sat).saturating_mul(u128::from(parts));
    let half = HUNDREDTH.div_euclid(2);
    let hundredths = exact.saturating_add(half).div_euclid(HUNDREDTH);
    let (whole, rest) = (hundredths.div_euclid(100), hundredths.rem_euclid(100));
    format!("{whole}.{rest:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "date,currency,price\n2026-10-01,EUR,60000.5\n2026-10-03,EUR,61000\n2026-10-01,JPY,0.00000001\n";

    fn at(text: &str) -> UnixTime {
        text.parse().expect("a time")
    }

    #[test]
    fn the_newest_price_at_or_before_the_day_counts() {
        let prices = Prices::parse(FILE).expect("prices");
        let worth = |moment: &str| {
            let worth = prices.worth("EUR", 100_000_000, at(moment))?;
            Some((worth.date, worth.price, worth.value))
        };
        let is = |date: &str, price: &str, value: &str| {
            Some((date.to_owned(), price.to_owned(), value.to_owned()))
        };
        assert_eq!(worth("2026-09-30T23:59:59Z"), None);
        assert_eq!(
            worth("2026-10-02T12:00:00Z"),
            is("2026-10-01", "60000.5", "60000.50")
        );
        assert_eq!(
            worth("2026-10-03T00:00:00Z"),
            is("2026-10-03", "61000", "61000.00")
        );
        assert_eq!(prices.worth("USD", 1, at("2026-10-03T00:00:00Z")), None);
        assert_eq!(prices.currencies().collect::<Vec<_>>(), ["EUR", "JPY"]);
    }

    #[test]
    fn a_value_is_exact_and_rounded_once_halves_up() {
        // 1 BTC at 0.005 is half a hundredth.
        assert_eq!(value(100_000_000, 500_000), "0.01");
        assert_eq!(value(99_999_999, 500_000), "0.00");
        assert_eq!(value(1, 6_000_050_000_000), "0.00");
        assert_eq!(value(12_345_678, 6_000_050_000_000), "7407.47");
        // All money at the highest price is still exact.
        assert_eq!(
            value(2_100_000_000_000_000, MOST - 1),
            "20999999999999999.79"
        );
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let read = |line: &str| Prices::parse(&format!("{HEADER}\r\n{line}\r\n"));
        read("2026-10-01,EUR,1.12345678").expect("eight places");
        for (line, error) in [
            ("2026-10-01,EUR", PricesError::Cells { line: 2 }),
            ("2026-10-01,EUR,1,2", PricesError::Cells { line: 2 }),
            ("2026-10,EUR,1", PricesError::Date { line: 2 }),
            ("2026-02-30,EUR,1", PricesError::Date { line: 2 }),
            ("2026-10-01,eur,1", PricesError::Currency { line: 2 }),
            ("2026-10-01,=EUR,1", PricesError::Currency { line: 2 }),
            ("2026-10-01,EUR,1.123456789", PricesError::Price { line: 2 }),
            ("2026-10-01,EUR,1e5", PricesError::Price { line: 2 }),
            ("2026-10-01,EUR,-1", PricesError::Price { line: 2 }),
            ("2026-10-01,EUR,0", PricesError::Price { line: 2 }),
            ("2026-10-01,EUR,1.", PricesError::Price { line: 2 }),
            ("2026-10-01,EUR,1000000000", PricesError::Price { line: 2 }),
            (
                "2026-10-01,EUR,1\n2026-10-01,EUR,1",
                PricesError::Twice { line: 3 },
            ),
        ] {
            assert_eq!(read(line), Err(error), "{line}");
        }
        assert_eq!(Prices::parse(""), Err(PricesError::Header));
        assert_eq!(Prices::parse("a,b,c"), Err(PricesError::Header));
    }
}
