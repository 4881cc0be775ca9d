//! Editing a document's own text, so that comments, order and spelling stay.
//!
//! Invariant: only the values that are set, and lines that are inserted or removed, differ. Whether the outcome is a
//! policy is the parser's question, which whoever edits asks.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A step to a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// An item of an array.
    Item(usize),
}

/// A document's text, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Edit<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    edits: Vec<(Range<usize>, String)>,
}

impl<'t> Edit<'t> {
    /// Begins with a text that parses; none where it does not.
    pub(crate) fn of(text: &'t str) -> Option<Self> {
        let (root, errors) = DeTable::parse_recoverable(text);
        errors.is_empty().then_some(Self {
            text,
            root,
            edits: Vec::new(),
        })
    }

    /// Sets the value at a path to TOML; says whether there is one.
    pub(crate) fn set(&mut self, path: &[Step<'_>], value: &str) -> bool {
        let Some((_, span)) = self.find(path) else {
            return false;
        };
        self.edits.push((span, value.to_owned()));
        true
    }

    /// Writes a key and its value behind the value at a path, in the same table; says whether there is one.
    pub(crate) fn insert_after(&mut self, path: &[Step<'_>], key: &str, value: &str) -> bool {
        let Some((key_span, span)) = self.find(path) else {
            return false;
        };
        let rest = self.text.get(span.end..).unwrap_or_default();
        let (at, text) = if rest.trim_start().starts_with([',', '}']) {
            (span.end, format!(", {key} = {value}"))
        } else {
            // Behind a comment on the same line.
            let line = rest.find('\n').unwrap_or(rest.len());
            let prefix = self.dotted(&key_span);
            (
                span.end.saturating_add(line),
                format!("\n{prefix}{key} = {value}"),
            )
        };
        self.edits.push((at..at, text));
        true
    }

    /// Removes the line of the value at a path.
    pub(crate) fn remove_line(&mut self, path: &[Step<'_>]) {
        let Some((key, span)) = self.find(path) else {
            return;
        };
        let before = self.text.get(..key.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |line| line.saturating_add(1));
        let rest = self.text.get(span.end..).unwrap_or_default();
        let line = rest.find('\n').map(|line| line.saturating_add(1));
        let end = span.end.saturating_add(line.unwrap_or(rest.len()));
        self.edits.push((start..end, String::new()));
    }

    /// Whether there is a value at a path.
    pub(crate) fn has(&self, path: &[Step<'_>]) -> bool {
        self.find(path).is_some()
    }

    /// Whether the value at a path is a table between braces.
    pub(crate) fn is_inline(&self, path: &[Step<'_>]) -> bool {
        self.find(path)
            .and_then(|(_, span)| self.text.get(span))
            .is_some_and(|text| text.starts_with('{'))
    }

    /// The text with every edit.
    pub(crate) fn finish(mut self) -> String {
        // Stable: what is inserted at one place stays in order.
        self.edits.sort_by_key(|(span, _)| span.start);
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for (span, value) in &self.edits {
            out += self.text.get(done..span.start).unwrap_or_default();
            out += value;
            done = span.end.max(done);
        }
        out += self.text.get(done..).unwrap_or_default();
        out
    }

    /// What stands before the last part of a key such as `device.kind`.
    fn dotted(&self, key: &Range<usize>) -> &str {
        let before = self.text.get(..key.start).unwrap_or_default();
        let line = before.rfind('\n').map_or(0, |line| line.saturating_add(1));
        before.get(line..).unwrap_or_default()
    }

    /// Where the last key of a path stands, and the value.
    fn find(&self, path: &[Step<'_>]) -> Option<(Range<usize>, Range<usize>)> {
        let mut table = Some(self.root.get_ref());
        let mut value: Option<&Spanned<DeValue<'t>>> = None;
        let mut key_span = 0..0;
        for step in path {
            match step {
                Step::Key(wanted) => {
                    let (key, found) =
                        (table?.iter()).find(|(key, _)| key.get_ref().as_ref() == *wanted)?;
                    key_span = key.span();
                    value = Some(found);
                }
                Step::Item(position) => {
                    let DeValue::Array(items) = value?.get_ref() else {
                        return None;
                    };
                    value = items.get(*position);
                }
            }
            table = match value?.get_ref() {
                DeValue::Table(table) => Some(table),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => None,
            };
        }
        value.map(|value| (key_span, value.span()))
    }
}

/// A text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# why\na = 1 # one\nb = { c = 'x', d = 2 }\n\n[[e]]\nf = \"y\"\n[e.g]\nh = 3\n";

    #[test]
    fn only_what_is_set_inserted_or_removed_differs() {
        let mut edit = Edit::of(TEXT).expect("TOML");
        assert!(edit.set(&[Step::Key("a")], "7"));
        assert!(edit.insert_after(&[Step::Key("a")], "z", "0"));
        assert!(edit.insert_after(&[Step::Key("a")], "y", "0"));
        assert!(edit.set(&[Step::Key("b"), Step::Key("c")], &quoted("it's")));
        assert!(edit.insert_after(&[Step::Key("b"), Step::Key("d")], "k", "4"));
        assert!(edit.set(&[Step::Key("e"), Step::Item(0), Step::Key("f")], "5"));
        assert!(!edit.set(&[Step::Key("e"), Step::Item(1), Step::Key("f")], "5"));
        edit.remove_line(&[
            Step::Key("e"),
            Step::Item(0),
            Step::Key("g"),
            Step::Key("h"),
        ]);
        assert!(edit.is_inline(&[Step::Key("b")]) && !edit.is_inline(&[Step::Key("e")]));
        assert_eq!(
            edit.finish(),
            "# why\na = 7 # one\nz = 0\ny = 0\nb = { c = \"it's\", d = 2, k = 4 }\n\n[[e]]\nf = 5\n[e.g]\n"
        );
    }

    #[test]
    fn a_text_that_is_not_edited_stays() {
        assert_eq!(Edit::of(TEXT).expect("TOML").finish(), TEXT);
        assert!(Edit::of("a =").is_none());
    }
}
