//! The little CBOR (RFC 8949) that authenticators and URs write, read without recursion into what is not
//! needed.
//!
//! Of our own, because two maps and a list are all there is to read: a general crate brings floats, tags, and
//! nesting without bounds. Authenticators write CTAP2's canonical form, and nothing else is taken of them; what
//! cameras saw of other programs' URs may have longer heads than it needs. Invariant: every length is checked against the bytes that are there, items
//! nest at most four deep, and nothing is allocated.

/// The deepest nesting that CTAP2 allows.
const MAX_DEPTH: u8 = 4;

/// Bytes not yet read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    canonical: bool,
}

/// An item's head: the kind, and its value or length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Unsigned(u64),
    Negative(u64),
    Bytes(u64),
    Text(u64),
    Array(u64),
    Map(u64),
    Simple,
}

impl<'a> Reader<'a> {
    /// Takes numbers in their shortest form alone.
    pub(crate) fn canonical(rest: &'a [u8]) -> Self {
        Self {
            rest,
            canonical: true,
        }
    }

    /// Takes numbers in any form.
    #[cfg(feature = "carriers")]
    pub(crate) fn lenient(rest: &'a [u8]) -> Self {
        Self {
            rest,
            canonical: false,
        }
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// A whole number, negative or not.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        match self.head()? {
            Head::Unsigned(value) => i64::try_from(value).ok(),
            Head::Negative(value) => i64::try_from(value).ok()?.checked_neg()?.checked_sub(1),
            Head::Bytes(_) | Head::Text(_) | Head::Array(_) | Head::Map(_) | Head::Simple => None,
        }
    }

    /// A whole number that is not negative.
    #[cfg(feature = "carriers")]
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        match self.head()? {
            Head::Unsigned(value) => Some(value),
            Head::Negative(_)
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Simple => None,
        }
    }

    /// The number of items of a list.
    #[cfg(feature = "carriers")]
    pub(crate) fn array(&mut self) -> Option<u64> {
        match self.head()? {
            Head::Array(items) => Some(items),
            Head::Unsigned(_)
            | Head::Negative(_)
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Map(_)
            | Head::Simple => None,
        }
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.head()? {
            Head::Bytes(length) => self.take(usize::try_from(length).ok()?),
            Head::Unsigned(_)
            | Head::Negative(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Simple => None,
        }
    }

    /// A text string.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        match self.head()? {
            Head::Text(length) => {
                std::str::from_utf8(self.take(usize::try_from(length).ok()?)?).ok()
            }
            Head::Unsigned(_)
            | Head::Negative(_)
            | Head::Bytes(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Simple => None,
        }
    }

    /// The number of pairs of a map.
    pub(crate) fn map(&mut self) -> Option<u64> {
        match self.head()? {
            Head::Map(pairs) => Some(pairs),
            Head::Unsigned(_)
            | Head::Negative(_)
            | Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Simple => None,
        }
    }

    /// Passes over one item.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_at(MAX_DEPTH)
    }

    fn skip_at(&mut self, depth: u8) -> Option<()> {
        let items = match self.head()? {
            Head::Unsigned(_) | Head::Negative(_) | Head::Simple => 0,
            Head::Bytes(length) | Head::Text(length) => {
                self.take(usize::try_from(length).ok()?)?;
                0
            }
            Head::Array(items) => items,
            Head::Map(pairs) => pairs.checked_mul(2)?,
        };
        if items > 0 {
            let below = depth.checked_sub(1)?;
            // Each item takes a byte at least: the loop ends with the bytes.
            for _ in 0..items {
                self.skip_at(below)?;
            }
        }
        Some(())
    }

    fn head(&mut self) -> Option<Head> {
        let first = *self.take(1)?.first()?;
        let value = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            24 => self.number(1, 24)?,
            25 => self.number(2, 0x100)?,
            26 => self.number(4, 0x1_0000)?,
            27 => self.number(8, 0x1_0000_0000)?,
            _ => return None,
        };
        match first >> 5 {
            0 => Some(Head::Unsigned(value)),
            1 => Some(Head::Negative(value)),
            2 => Some(Head::Bytes(value)),
            3 => Some(Head::Text(value)),
            4 => Some(Head::Array(value)),
            5 => Some(Head::Map(value)),
            // false, true, null and undefined alone: no floats.
            7 if matches!(first & 0x1f, 20..=23) => Some(Head::Simple),
            _ => None,
        }
    }

    /// A big-endian number; in the canonical form one that has no shorter encoding.
    fn number(&mut self, length: usize, least: u64) -> Option<u64> {
        let bytes = self.take(length)?;
        let value = bytes
            .iter()
            .fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        (value >= least || !self.canonical).then_some(value)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}
