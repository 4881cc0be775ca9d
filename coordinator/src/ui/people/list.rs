//! The list of persons: its filters, its lines, and the whole of it as CSV.

use axum::response::Response;
use policies::UnixTime;
use serde::Deserialize;

use super::super::Ui;
use super::super::fault::Fault;
use super::super::filters::moment;
use super::super::listing::csv;
use super::super::show::{Ago, Moment};
use super::super::visitor::Visitor;
use crate::service::MAX_LIMIT;
use crate::service::people::listing::{PersonFilter, Standing, page_of_people};
use crate::service::people::view::PersonView;

/// The columns of the CSV file.
const HEADER: [&str; 10] = [
    "name",
    "role",
    "vault",
    "joined",
    "invited_by",
    "passkeys",
    "page_keys",
    "seen",
    "away_until",
    "revoked",
];

/// What somebody is in a policy.
pub(in crate::ui) struct Part {
    pub(in crate::ui) what: String,
    pub(in crate::ui) vault: String,
    pub(in crate::ui) href: String,
}

pub(in crate::ui) fn parts_of(person: &PersonView) -> Vec<Part> {
    let parts = person.parts.iter().map(|part| Part {
        what: part.what.clone(),
        vault: part.vault_name.clone(),
        href: format!("/vaults/{}/policy", part.vault),
    });
    parts.collect()
}

/// A person in the list.
pub(super) struct PersonLine {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) vault: Option<String>,
    pub(super) parts: Vec<Part>,
    pub(super) passkeys: usize,
    pub(super) page_keys: usize,
    pub(super) seen: Option<Ago>,
    pub(super) away: Option<Moment>,
    pub(super) ended: Option<Moment>,
}

impl PersonLine {
    pub(super) fn of(person: &PersonView, visitor: &Visitor, now: UnixTime) -> Self {
        Self {
            name: person.name.clone(),
            role: person.role.name(),
            vault: person.vault.map(|vault| visitor.name_of(vault)),
            parts: parts_of(person),
            passkeys: person.passkeys,
            page_keys: person.page_keys,
            seen: person.seen_at.map(|at| Ago::new(at, now)),
            away: person.away_until.map(Moment::new),
            ended: person.ended_at.map(Moment::new),
        }
    }
}

/// Which persons are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeopleQuery {
    /// A role, or nothing for all.
    pub(super) role: String,
    /// `active` (also where nothing is said), `away` or `revoked`.
    pub(super) state: String,
    /// Part of a name.
    pub(super) text: String,
    /// The place where the page begins.
    pub(super) after: String,
    pub(super) format: String,
}

impl PeopleQuery {
    pub(super) fn read(&self) -> PersonFilter {
        PersonFilter {
            standing: match self.state.as_str() {
                "revoked" => Standing::Revoked,
                "away" => Standing::Away,
                "all" => Standing::Any,
                _ => Standing::Active,
            },
            role: self.role.clone(),
            text: self.text.trim().to_owned(),
        }
    }

    pub(super) fn filters(&self) -> [(&str, &str); 3] {
        [
            ("role", &self.role),
            ("state", &self.state),
            ("text", &self.text),
        ]
    }
}

pub(super) async fn as_csv(
    ui: &Ui,
    visitor: &Visitor,
    query: PeopleQuery,
) -> Result<Response, Fault> {
    let (service, actor, wanted) = (ui.service.clone(), visitor.actor.clone(), query.read());
    csv(
        "people.csv",
        &HEADER,
        move |after| {
            let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
            async move {
                let after = after.as_ref();
                Ok(page_of_people(&service, &actor, &wanted, after, MAX_LIMIT).await?)
            }
        },
        cells,
    )
    .await
}

fn cells(person: &PersonView) -> Vec<String> {
    vec![
        person.name.clone(),
        person.role.name().to_owned(),
        person
            .vault
            .map_or_else(String::new, |vault| vault.to_string()),
        moment(Some(person.created_at)),
        person.created_by.clone(),
        person.passkeys.to_string(),
        person.page_keys.to_string(),
        moment(person.seen_at),
        moment(person.away_until),
        moment(person.ended_at),
    ]
}
