//! Lists in pages: where the next one begins, by the key of the last row, never by a count of rows.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ServiceError;

/// How many rows a page shows.
pub const PAGE: u32 = 50;

/// The key of the last row of a page, as an opaque text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<String>);

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// The cursor of these parts.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    /// Its parts; they come from outside and are parsed like anything else.
    pub fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// As a query carries it.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.join("\n"))
    }

    /// Reads what a query carries.
    ///
    /// # Errors
    /// [`ServiceError::Malformed`] for anything that [`Self::encode`] does not write.
    pub fn decode(text: &str) -> Result<Self, ServiceError> {
        let malformed = ServiceError::Malformed {
            field: "after",
            expected: "the mark of a page of this list",
        };
        let Some(text) = (text.len() <= 1024)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            return Err(malformed);
        };
        Ok(Self(text.split('\n').map(str::to_owned).collect()))
    }
}

impl<T> Paged<T> {
    /// Makes a page of rows that were read with one more than `limit`, so that it is known whether more follow.
    pub fn from_rows(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(key);
        Self { items: rows, next }
    }

    /// The same page of other things.
    ///
    /// # Errors
    /// The first that `change` says.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Paged<U>, E> {
        Ok(Paged {
            items: self
                .items
                .into_iter()
                .map(change)
                .collect::<Result<_, E>>()?,
            next: self.next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_nothing_else_is_one() {
        let cursor = Cursor::of(&["17", "a/b", ""]);
        assert_eq!(Cursor::decode(&cursor.encode()).expect("its own"), cursor);
        for text in ["%", "a", "====", &"a".repeat(2000)] {
            Cursor::decode(text).expect_err(text);
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_next_one() {
        let key = |row: &u32| Cursor::of(&[&row.to_string()]);
        let page = Paged::from_rows(vec![1, 2, 3], 2, key);
        assert_eq!(
            (page.items, page.next),
            (vec![1, 2], Some(Cursor::of(&["2"])))
        );
        let page = Paged::from_rows(vec![1, 2], 2, key);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
