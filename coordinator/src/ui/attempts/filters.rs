//! The filters of the lists of attempts and batches, as they are typed.

use policies::VaultId;
use policies::psbt::AttemptPurpose;

use super::purpose;
use crate::service::attempt_lines::{Filter, signers_of};
use crate::service::paging::Cursor;
use crate::session::attempt::AttemptState;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::filters::{Choice, since, until};
use crate::ui::listing::{Around, query};
use crate::ui::posted::Wrong;
use crate::ui::visitor::Visitor;

query! {
    /// What is asked of a list.
    pub(crate) struct ListQuery { state, signer, purpose, since, until, text }
}

/// The filters of a list as its page shows them.
pub(crate) struct Filters {
    pub(crate) path: String,
    pub(crate) query: ListQuery,
    pub(crate) wrong: Wrong,
    pub(crate) states: Vec<Choice>,
    pub(crate) purposes: Vec<Choice>,
    pub(crate) signers: Vec<Choice>,
    pub(crate) around: Around,
}

impl Filters {
    /// The filters over a list of a vault at `path`, as they were typed.
    pub(crate) async fn of(
        ui: &Ui,
        visitor: &Visitor,
        (vault, path): (VaultId, String),
        (query, wrong): (ListQuery, Wrong),
        around: Around,
    ) -> Result<Self, Fault> {
        let names = signers_of(&ui.service, &visitor.actor, vault).await?;
        Ok(Self {
            path,
            states: query.states(),
            purposes: query.purposes(),
            signers: query.signers(&names),
            query,
            wrong,
            around,
        })
    }
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
        let since = since(&mut wrong, &self.since);
        // The last day is meant to its end.
        let until = until(&mut wrong, &self.until).map(|last| last.saturating_add(1));
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

    /// The states to choose from.
    fn states(&self) -> Vec<Choice> {
        let names = AttemptState::NAMES.into_iter();
        names
            .filter(|name| *name != "draft")
            .map(|name| choice(name, &name.replace('_', " "), &self.state))
            .collect()
    }

    /// The purposes to choose from.
    fn purposes(&self) -> Vec<Choice> {
        let all = AttemptPurpose::ALL.into_iter();
        all.map(|one| choice(one.name(), purpose(one.name()), &self.purpose))
            .collect()
    }

    /// The signers to choose from.
    fn signers(&self, names: &[String]) -> Vec<Choice> {
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
    use policies::UnixTime;

    use super::*;
    use crate::ui::listing::Query as _;

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
        let until = UnixTime::from_secs(1_795_651_200 + 86_400);
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
