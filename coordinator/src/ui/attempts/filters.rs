//! The filters of the lists of attempts and batches, as they are typed.

use policies::UnixTime;
use policies::psbt::AttemptPurpose;
use serde::Deserialize;

use super::purpose;
use crate::service::attempt_lines::Filter;
use crate::service::paging::Cursor;
use crate::session::attempt::AttemptState;
use crate::ui::posted::Wrong;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What is asked of a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    pub(crate) state: String,
    pub(crate) signer: String,
    pub(crate) purpose: String,
    pub(crate) since: String,
    pub(crate) until: String,
    pub(crate) text: String,
    pub(crate) after: String,
    pub(crate) format: String,
}

/// A choice of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) words: String,
    pub(crate) chosen: bool,
}

impl ListQuery {
    /// What the service is asked, and what of it cannot be understood.
    pub(crate) fn read(&self) -> (Filter, Option<Cursor>, Wrong) {
        let mut wrong = Wrong::default();
        let mut known = |field: &'static str, value: &str, known: &[&str]| {
            if value.is_empty() || known.contains(&value) {
                value.to_owned()
            } else {
                wrong.add(field, "Choose one of the list.");
                String::new()
            }
        };
        let purposes = AttemptPurpose::ALL.map(AttemptPurpose::name);
        let state = known("state", &self.state, &AttemptState::NAMES);
        let purpose = known("purpose", &self.purpose, &purposes);
        let mut day = |field: &'static str, text: &str| {
            if text.is_empty() {
                return None;
            }
            let at = format!("{text}T00:00:00Z").parse::<UnixTime>();
            if at.is_err() {
                wrong.add(field, "A day such as 2026-11-26.");
            }
            at.ok()
        };
        let since = day("since", &self.since);
        // The last day is meant to its end.
        let until = day("until", &self.until).map(|day| day.saturating_add(DAY));
        let text = self.text.trim().to_ascii_lowercase();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            wrong.add("text", "Part of an id: digits and the letters a to f.");
        }
        let after = (!self.after.is_empty()).then(|| Cursor::decode(&self.after));
        let filter = Filter {
            state,
            purpose,
            signer: self.signer.clone(),
            since,
            until,
            text: if is_hex { text } else { String::new() },
        };
        // A mark that is none begins at the first page.
        (filter, after.and_then(Result::ok), wrong)
    }

    /// Its filters as a query carries them.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("state", &self.state),
            ("signer", &self.signer),
            ("purpose", &self.purpose),
            ("since", &self.since),
            ("until", &self.until),
            ("text", &self.text),
        ]
    }

    /// Whether anything is filtered.
    pub(crate) fn is_filtering(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// The states to choose from.
    pub(crate) fn states(&self) -> Vec<Choice> {
        let names = AttemptState::NAMES.into_iter();
        names
            .filter(|name| *name != "draft")
            .map(|name| choice(name, &name.replace('_', " "), &self.state))
            .collect()
    }

    /// The purposes to choose from.
    pub(crate) fn purposes(&self) -> Vec<Choice> {
        let all = AttemptPurpose::ALL.into_iter();
        all.map(|one| choice(one.name(), purpose(one.name()), &self.purpose))
            .collect()
    }

    /// The signers to choose from.
    pub(crate) fn signers(&self, names: &[String]) -> Vec<Choice> {
        names
            .iter()
            .map(|name| choice(name, name, &self.signer))
            .collect()
    }
}

fn choice(value: &str, words: &str, chosen: &str) -> Choice {
    Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        chosen: value == chosen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_told_beside_its_filter_and_filters_nothing() {
        let query = ListQuery {
            state: "lost".to_owned(),
            purpose: "steal".to_owned(),
            since: "yesterday".to_owned(),
            until: "2026-11-26".to_owned(),
            text: "xyz".to_owned(),
            after: "%%%".to_owned(),
            ..ListQuery::default()
        };
        let (filter, after, wrong) = query.read();
        for field in ["state", "purpose", "since", "text"] {
            assert!(wrong.of(field).is_some(), "{field}");
        }
        assert!(wrong.of("until").is_none() && after.is_none());
        let until = UnixTime::from_secs(1_795_651_200 + DAY);
        assert_eq!(
            filter,
            Filter {
                until: Some(until),
                ..Filter::default()
            }
        );
        assert!(query.is_filtering() && !ListQuery::default().is_filtering());
    }
}
