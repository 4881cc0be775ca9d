//! Firmware as policies write it: dotted numbers, the maker's letters, and `>=` where later ones are meant too.
//!
//! Invariant: what parses is understood whole; nothing is guessed of other texts.

use std::fmt;
use std::str::FromStr;

/// The most numbers of a version.
const PARTS: usize = 4;

/// A version: up to four numbers, those that are not written being 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u16; PARTS]);

/// What a maker writes after the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suffix {
    /// Nothing.
    None,
    /// `Q`: a Coldcard Q.
    Q,
    /// `X`: a Coldcard's EDGE firmware.
    X,
    /// `QX`: the EDGE firmware of a Coldcard Q.
    Qx,
}

/// A firmware that a policy pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware {
    /// The version, or the earliest one.
    pub version: Version,
    /// Whether later ones are meant too.
    pub or_later: bool,
    /// The maker's letters.
    pub suffix: Suffix,
}

/// Why a text is no firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FirmwareError {
    /// No number, one of more than five digits or above 65535, or more than four.
    #[error("not one to four numbers with dots between them")]
    Numbers,
    /// Other letters than `Q`, `X` or `QX` behind the numbers.
    #[error("letters other than Q, X or QX behind the numbers")]
    Suffix,
}

impl Version {
    /// Before every version.
    pub const ANY: Self = Self([0; PARTS]);

    /// A version of three numbers.
    pub const fn of(major: u16, minor: u16, patch: u16) -> Self {
        Self([major, minor, patch, 0])
    }

    /// Whether every version is as late.
    pub fn is_any(self) -> bool {
        self == Self::ANY
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch, fourth] = self.0;
        write!(f, "{major}.{minor}.{patch}")?;
        match fourth {
            0 => Ok(()),
            some => write!(f, ".{some}"),
        }
    }
}

impl Suffix {
    /// The letters.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Q => "Q",
            Self::X => "X",
            Self::Qx => "QX",
        }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let later = if self.or_later { ">=" } else { "" };
        write!(f, "{later}{}{}", self.version, self.suffix.letters())
    }
}

impl FromStr for Firmware {
    type Err = FirmwareError;

    fn from_str(text: &str) -> Result<Self, FirmwareError> {
        let (or_later, rest) = match text.strip_prefix(">=") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let numbers = rest.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let letters = rest.get(numbers.len()..).unwrap_or_default();
        let suffix = [Suffix::None, Suffix::Q, Suffix::X, Suffix::Qx]
            .into_iter()
            .find(|suffix| suffix.letters() == letters)
            .ok_or(FirmwareError::Suffix)?;
        let mut parts = [0; PARTS];
        for (place, number) in numbers.split('.').enumerate() {
            let part = parts.get_mut(place).ok_or(FirmwareError::Numbers)?;
            *part = number_of(number).ok_or(FirmwareError::Numbers)?;
        }
        Ok(Self {
            version: Version(parts),
            or_later,
            suffix,
        })
    }
}

/// Digits alone: `str::parse` would take a sign.
fn number_of(text: &str) -> Option<u16> {
    let is_plain = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Firmware {
        text.parse().expect("a firmware")
    }

    #[test]
    fn firmware_is_read_as_makers_write_it() {
        for (text, version, or_later, suffix) in [
            ("2.4.6", Version::of(2, 4, 6), false, Suffix::None),
            (">=2.4.6", Version::of(2, 4, 6), true, Suffix::None),
            ("1", Version::of(1, 0, 0), false, Suffix::None),
            ("25.03.0", Version::of(25, 3, 0), false, Suffix::None),
            ("1.3.2Q", Version::of(1, 3, 2), false, Suffix::Q),
            (">=6.3.3X", Version::of(6, 3, 3), true, Suffix::X),
            ("6.3.5QX", Version::of(6, 3, 5), false, Suffix::Qx),
            ("1.2.3.4", Version([1, 2, 3, 4]), false, Suffix::None),
        ] {
            let expected = Firmware {
                version,
                or_later,
                suffix,
            };
            assert_eq!(read(text), expected, "{text}");
            assert_eq!(read(&expected.to_string()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_firmware_is_not_guessed_at() {
        for text in [
            "",
            ">=",
            ".",
            "1.",
            ".1",
            "1..2",
            "v2.4.6",
            "2.4.6 ",
            " 2.4.6",
            "+2.4",
            "-1",
            "2,4",
            "1.2.3.4.5",
            "99999",
            "123456",
            "2.4.6x",
            "2.4.6XQ",
            "2.4.6-rc1",
            "> =2",
            "<2",
            "=2",
            "2.4.6\u{661}",
            "latest",
        ] {
            assert!(text.parse::<Firmware>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_are_ordered_by_their_numbers_and_not_by_their_letters() {
        assert!(read("2.10").version > read("2.9.9").version);
        assert!(read("9.15.0").version < read("9.21").version);
        assert_eq!(read("2.1").version, read("2.1.0").version);
        assert_eq!(read("6.3.3X").version, read("6.3.3").version);
    }
}
