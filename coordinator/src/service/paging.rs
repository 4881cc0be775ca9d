//! Pages of lists by keyset: the next page begins after the last row of this one, however many were added meanwhile.

use std::fmt;

/// The rows of a page.
pub const PAGE: u32 = 50;

/// Where a page ended: the values that its list is ordered by. Opaque to whoever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// After a row with these values.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.join("~"))
    }

    /// Its values.
    pub fn parts(&self) -> Vec<&str> {
        self.0.split('~').collect()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}
