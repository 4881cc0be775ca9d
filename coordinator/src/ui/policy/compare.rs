//! Any two versions beside one another.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, VaultId};
use serde::Deserialize;

use super::shown::Shown;
use super::sides::{Stretch, sides};
use crate::service::policy_review::{Comparison, compare};
use crate::service::versions::list_versions;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::{Asked, Named};
use crate::ui::visitor::Visitor;

#[derive(Debug, Default, Deserialize)]
pub(super) struct CompareQuery {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

/// A version to choose.
struct Choice {
    id: String,
    words: String,
    is_before: bool,
    is_after: bool,
}

#[derive(Template)]
#[template(path = "policy/compare.html")]
struct ComparePage {
    frame: Frame,
    show: Shown,
    vault: VaultId,
    choices: Vec<Choice>,
    comparison: Option<Comparison>,
    sides: Vec<Stretch>,
    unreadable: bool,
}

/// Compares the two versions that the query names; those that follow one another last where it names none.
pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<CompareQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let view = list_versions(&ui.service, &visitor.actor, vault).await?;
    let mut known: Vec<(PolicyId, String)> = (view.versions.iter())
        .map(|one| (one.policy, format!("Version {}", one.version)))
        .collect();
    known.extend(view.proposals.iter().map(|one| {
        let short: String = one.policy.to_string().chars().take(8).collect();
        (
            one.policy,
            format!("Version {} ({}, {short})", one.version, one.state),
        )
    }));
    let read = |text: &str| text.parse::<PolicyId>().ok();
    let (a, b) = match (query.a.as_str(), query.b.as_str()) {
        ("", "") => (
            known
                .len()
                .checked_sub(2)
                .and_then(|at| known.get(at))
                .map(|(id, _)| *id),
            known.last().map(|(id, _)| *id),
        ),
        (a, b) => (read(a), read(b)),
    };
    let is_asked = !query.a.is_empty() || !query.b.is_empty();
    let comparison = match (a, b) {
        (Some(a), Some(b)) => Some(compare(&ui.service, &visitor.actor, vault, a, b).await?),
        (None, _) | (_, None) => None,
    };
    let stretches = comparison
        .as_ref()
        .map(|comparison| sides(&comparison.document_before, &comparison.document_after));
    page(&ComparePage {
        frame: visitor.frame("Compare versions", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        vault,
        choices: (known.into_iter())
            .map(|(id, words)| Choice {
                is_before: a == Some(id),
                is_after: b == Some(id),
                id: id.to_string(),
                words,
            })
            .collect(),
        sides: stretches.unwrap_or_default(),
        unreadable: is_asked && comparison.is_none(),
        comparison,
    })
}
