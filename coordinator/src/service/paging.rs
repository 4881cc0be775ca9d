//! Pages of lists, cut by the place of their last line.

/// A place in a list, opaque to whoever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// Its lines.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// The cursor of these parts.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.join("."))
    }

    /// Its parts.
    pub fn parts(&self) -> Vec<String> {
        self.0.split('.').map(str::to_owned).collect()
    }
}
