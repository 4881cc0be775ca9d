//! Axes: round steps, and numbers and dates as they stand beside them.

use policies::words::thousands;
use time::OffsetDateTime;

/// The most steps between the lowest and the highest line.
const STEPS: i128 = 4;
/// The seconds of a day.
const DAY: i64 = 86_400;
/// Satoshi of a bitcoin.
const BITCOIN: u64 = 100_000_000;

/// What numbers on an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Satoshi, written as bitcoin.
    Bitcoin,
    /// Satoshi.
    Satoshi,
    /// Thousandths of a satoshi a virtual byte, written as sat/vB.
    Feerate,
}

impl Axis {
    /// The unit in which amounts up to this are read best: nobody counts zeros behind a point.
    pub(crate) fn of_amounts(wanted_satoshi: bool, values: impl IntoIterator<Item = i64>) -> Self {
        let most = values.into_iter().map(i64::unsigned_abs).max().unwrap_or(0);
        if wanted_satoshi || most < BITCOIN / 1_000 {
            Self::Satoshi
        } else {
            Self::Bitcoin
        }
    }

    /// Its unit.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Bitcoin => "BTC",
            Self::Satoshi => "sat",
            Self::Feerate => "sat/vB",
        }
    }

    /// A number on it, without its unit.
    pub(super) fn number(self, value: i64) -> String {
        let sign = if value < 0 { "−" } else { "" };
        let size = value.unsigned_abs();
        let written = match self {
            Self::Satoshi => thousands(size),
            Self::Bitcoin => decimal(size, BITCOIN, 8),
            Self::Feerate => decimal(size, 1_000, 3),
        };
        format!("{sign}{written}")
    }

    /// A number with its unit.
    pub(super) fn words(self, value: i64) -> String {
        format!("{} {}", self.number(value), self.unit())
    }
}

fn decimal(size: u64, one: u64, places: usize) -> String {
    let whole = thousands(size / one);
    match size % one {
        0 => whole,
        rest => {
            let rest = format!("{rest:0places$}");
            format!("{whole}.{}", rest.trim_end_matches('0'))
        }
    }
}

/// Where an axis begins and ends, and its lines between: 0 is always on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) low: i128,
    pub(super) high: i128,
    step: i128,
}

impl Scale {
    /// An axis that holds these numbers.
    pub(super) fn of(values: impl IntoIterator<Item = i64>) -> Self {
        let (mut low, mut high) = (0_i128, 0_i128);
        for value in values {
            low = low.min(i128::from(value));
            high = high.max(i128::from(value));
        }
        if low == high {
            high = STEPS;
        }
        let step = round_up((high - low + STEPS - 1) / STEPS);
        Self {
            low: low.div_euclid(step) * step,
            high: -(-high).div_euclid(step) * step,
            step,
        }
    }

    /// Its lines, from below.
    pub(super) fn lines(self) -> Vec<i64> {
        let mut lines = Vec::new();
        let mut line = self.low;
        while line <= self.high {
            lines.extend(i64::try_from(line));
            line += self.step;
        }
        lines
    }
}

/// The next of 1, 2, 5, 10, 20, 50, … that is at least this.
fn round_up(least: i128) -> i128 {
    let mut ten = 1_i128;
    loop {
        for step in [1, 2, 5] {
            if step * ten >= least {
                return step * ten;
            }
        }
        ten *= 10;
    }
}

fn moment(day: u64) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(day).ok()?.checked_mul(DAY)?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// A day as axes say it: `26 Nov`.
pub(super) fn short_date(day: u64) -> String {
    let Some(moment) = moment(day) else {
        return String::new();
    };
    let month = moment.month().to_string();
    format!("{} {}", moment.day(), month.get(..3).unwrap_or(&month))
}

/// A day as tables say it: `2026-11-26`.
pub(super) fn date(day: u64) -> String {
    let Some(moment) = moment(day) else {
        return String::new();
    };
    format!(
        "{:04}-{:02}-{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day()
    )
}
