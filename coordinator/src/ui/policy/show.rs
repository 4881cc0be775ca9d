//! One version in full: rules, spending paths, who can spend when, loss and theft, people and keys, the document.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, VaultId};
use serde::Deserialize;

use super::shown::Shown;
use crate::service::Right;
use crate::service::policy_review::{PolicyReview, StandingOf, review};
use crate::ui::Ui;
use crate::ui::drawing::{Span, who_when};
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::{Asked, Named};
use crate::ui::show::State as Chip;
use crate::ui::visitor::Visitor;

/// The parts of the page: as the address says, and as people read.
const PARTS: [(&str, &str); 6] = [
    ("rules", "Rules"),
    ("paths", "Spending paths"),
    ("when", "Who can spend when"),
    ("loss", "Loss and theft"),
    ("people", "People and keys"),
    ("document", "Document"),
];

#[derive(Debug, Default, Deserialize)]
pub(super) struct PolicyQuery {
    #[serde(default)]
    version: String,
    #[serde(default)]
    tab: String,
}

/// A part of the page to go to.
struct PartLink {
    href: String,
    words: &'static str,
    here: bool,
}

#[derive(Template)]
#[template(path = "policy/show.html")]
struct PolicyPage {
    frame: Frame,
    show: Shown,
    vault: VaultId,
    review: PolicyReview,
    chip: Chip,
    part: &'static str,
    parts: Vec<PartLink>,
    drawing: String,
    may_propose: bool,
}

/// Shows the version in force, or the one that the query names.
pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<PolicyQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let version = match query.version.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Fault::nothing_here())?),
    };
    let review = review(&ui.service, &visitor.actor, vault, version).await?;
    page(&draw(&visitor, vault, review, version, &query.tab))
}

fn draw(
    visitor: &Visitor,
    vault: VaultId,
    review: PolicyReview,
    version: Option<PolicyId>,
    tab: &str,
) -> PolicyPage {
    let part = PARTS.into_iter().find(|(name, _)| *name == tab);
    let part = part.map_or("rules", |(name, _)| name);
    let of_version = version.map_or_else(String::new, |id| format!("&version={id}"));
    let parts = PARTS.map(|(name, words)| PartLink {
        href: format!("/vaults/{vault}/policy?tab={name}{of_version}"),
        words,
        here: name == part,
    });
    let spans: Vec<Span> = (review.spending.bands.iter())
        .map(|band| Span {
            from: band.from,
            who: band.who.clone(),
        })
        .collect();
    PolicyPage {
        frame: visitor.frame("Policy", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        vault,
        chip: chip(review.standing),
        review,
        part,
        parts: parts.into_iter().collect(),
        drawing: who_when(&spans),
        may_propose: visitor.may(Right::Approve),
    }
}

/// The chip of where a version stands.
pub(super) fn chip(standing: StandingOf) -> Chip {
    Chip::new(standing.name())
}

#[cfg(test)]
pub(super) fn drawn(visitor: &Visitor, review: PolicyReview, tab: &str) -> String {
    let vault = review.vault;
    draw(visitor, vault, review, None, tab)
        .render()
        .expect("a page")
}
