//! Reading TOML strictly: every key known, every value of its type, all mistakes collected with
//! their places. Numbers stay text until they are exact integers.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Mistake, Problem};
use crate::UnixTime;

/// The mistakes found so far, and the lines of the fields seen.
#[derive(Debug)]
pub(super) struct Mistakes<'t> {
    text: &'t str,
    lines: BTreeMap<String, usize>,
    found: Vec<Mistake>,
}

impl<'t> Mistakes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            lines: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// Notes a mistake at a field, or at the nearest table around it.
    pub(super) fn add(&mut self, path: &str, problem: Problem) {
        let mut around = path;
        let line = loop {
            if let Some(line) = self.lines.get(around) {
                break Some(*line);
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = &around[..end],
                None => break None,
            }
        };
        self.found.push(Mistake {
            path: path.to_owned(),
            line,
            problem,
        });
    }

    /// Notes what the TOML parser refuses.
    pub(super) fn add_syntax(&mut self, error: &toml::de::Error) {
        let line = error.span().map(|span| self.line_of(&span));
        self.found.push(Mistake {
            path: String::new(),
            line,
            problem: Problem::Toml {
                message: error.message().to_owned(),
            },
        });
    }

    pub(super) fn into_found(self) -> Vec<Mistake> {
        self.found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn line_of(&self, span: &Range<usize>) -> usize {
        self.text
            .bytes()
            .take(span.start)
            .filter(|byte| *byte == b'\n')
            .count()
            .saturating_add(1)
    }

    fn see(&mut self, path: &str, span: &Range<usize>) {
        let line = self.line_of(span);
        self.lines.insert(path.to_owned(), line);
    }
}

/// One value and its place.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    value: &'a DeValue<'a>,
    pub(super) path: String,
}

/// One table and its place.
#[derive(Debug, Clone)]
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    path: String,
}

/// A key that the format reserves, and what its refusal calls it.
pub(super) type Reserved = (&'static str, &'static str);

impl<'a> Table<'a> {
    /// Takes a table, noting unknown and reserved keys.
    pub(super) fn new(
        table: &'a DeTable<'a>,
        path: &str,
        known: &[&'static str],
        reserved: &[Reserved],
        mistakes: &mut Mistakes<'_>,
    ) -> Self {
        let this = Self {
            table,
            path: path.to_owned(),
        };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            let place = this.place(name);
            mistakes.see(&place, &key.span());
            if let Some((_, field)) = reserved.iter().find(|(reserved, _)| *reserved == name) {
                mistakes.add(&place, Problem::NotYet { field });
            } else if !known.contains(&name) {
                mistakes.add(
                    &place,
                    Problem::UnknownKey {
                        key: name.to_owned(),
                        suggestion: nearest(name, known.iter().copied()),
                    },
                );
            }
        }
        this
    }

    /// The value of a key, if it is there.
    pub(super) fn optional(&self, key: &str) -> Option<Field<'a>> {
        self.table.get(key).map(|value| Field {
            value: value.get_ref(),
            path: self.place(key),
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<Field<'a>> {
        let field = self.optional(key);
        if field.is_none() {
            mistakes.add(&self.place(key), Problem::Missing);
        }
        field
    }

    /// The path of a key in this table.
    pub(super) fn place(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl<'a> Field<'a> {
    /// A string.
    pub(super) fn text(&self, mistakes: &mut Mistakes<'_>) -> Option<&'a str> {
        if let DeValue::String(text) = self.value {
            return Some(text.as_ref());
        }
        self.wrong_type("a string", mistakes)
    }

    /// A string that means something.
    pub(super) fn parse<T, E: Display>(
        &self,
        mistakes: &mut Mistakes<'_>,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(mistakes)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => self.invalid(text, &error, mistakes),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, mistakes: &mut Mistakes<'_>) -> Option<bool> {
        if let DeValue::Boolean(value) = self.value {
            return Some(*value);
        }
        self.wrong_type("true or false", mistakes)
    }

    /// A whole number within bounds.
    pub(super) fn integer<T: TryFrom<u64>>(
        &self,
        bounds: std::ops::RangeInclusive<u64>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<T> {
        let DeValue::Integer(integer) = self.value else {
            return self.wrong_type("a whole number", mistakes);
        };
        let value = (integer.radix() == 10)
            .then(|| integer.as_str().parse::<u64>().ok())
            .flatten()
            .filter(|value| bounds.contains(value))
            .and_then(|value| T::try_from(value).ok());
        if value.is_none() {
            mistakes.add(
                &self.path,
                Problem::OutOfRange {
                    value: integer.to_string(),
                    min: *bounds.start(),
                    max: *bounds.end(),
                },
            );
        }
        value
    }

    /// A decimal number, as a string or a number, read from its text.
    pub(super) fn decimal<T, E: Display>(
        &self,
        mistakes: &mut Mistakes<'_>,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = match self.value {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => return self.wrong_type("a number", mistakes),
        };
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => self.invalid(text, &error, mistakes),
        }
    }

    /// An RFC 3339 time with offset.
    pub(super) fn moment(&self, mistakes: &mut Mistakes<'_>) -> Option<UnixTime> {
        let DeValue::Datetime(moment) = self.value else {
            return self.wrong_type("a time like 2026-11-23T00:00:00Z, unquoted", mistakes);
        };
        let text = moment.to_string();
        match text.parse() {
            Ok(moment) => Some(moment),
            Err(error) => self.invalid(&text, &error, mistakes),
        }
    }

    /// A calendar day.
    pub(super) fn day(&self, mistakes: &mut Mistakes<'_>) -> Option<String> {
        if let DeValue::Datetime(day) = self.value
            && day.time.is_none()
        {
            return Some(day.to_string());
        }
        self.wrong_type("a day like 2026-10-01, unquoted", mistakes)
    }

    /// The items of an array.
    pub(super) fn array(&self, mistakes: &mut Mistakes<'_>) -> Option<Vec<Field<'a>>> {
        let DeValue::Array(items) = self.value else {
            return self.wrong_type("an array", mistakes);
        };
        let items: Vec<Field<'a>> = items
            .iter()
            .enumerate()
            .map(|(position, item)| {
                let path = format!("{}[{position}]", self.path);
                mistakes.see(&path, &item.span());
                Field {
                    value: item.get_ref(),
                    path,
                }
            })
            .collect();
        if items.is_empty() {
            mistakes.add(&self.path, Problem::Empty);
            return None;
        }
        Some(items)
    }

    /// A table with known and reserved keys.
    pub(super) fn table(
        &self,
        known: &[&'static str],
        reserved: &[Reserved],
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Table<'a>> {
        let DeValue::Table(table) = self.value else {
            return self.wrong_type("a table", mistakes);
        };
        Some(Table::new(table, &self.path, known, reserved, mistakes))
    }

    /// Notes that the value does not mean anything here.
    pub(super) fn invalid<T>(
        &self,
        value: &str,
        expected: &impl Display,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<T> {
        mistakes.add(
            &self.path,
            Problem::Invalid {
                value: value.chars().take(120).collect(),
                expected: expected.to_string(),
            },
        );
        None
    }

    fn wrong_type<T>(&self, expected: &'static str, mistakes: &mut Mistakes<'_>) -> Option<T> {
        mistakes.add(
            &self.path,
            Problem::WrongType {
                expected,
                found: self.value.type_str(),
            },
        );
        None
    }
}

/// The known name that a typing error most likely meant.
pub(super) fn nearest<'k, S: AsRef<str> + 'k>(
    name: &str,
    known: impl Iterator<Item = S>,
) -> Option<S> {
    known
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(name, candidate.as_ref()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance * 2 <= candidate.as_ref().len().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
