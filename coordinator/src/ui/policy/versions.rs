//! The versions of a policy: those in force one after the other, and those proposed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::shown::Shown;
use crate::service::Right;
use crate::service::paging::Paged;
use crate::service::versions::{ProposalView, VersionView, list_versions};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::csv;
use crate::ui::posted::{Asked, Named};
use crate::ui::show::State as Chip;
use crate::ui::visitor::Visitor;

#[derive(Debug, Default, Deserialize)]
pub(super) struct VersionsQuery {
    #[serde(default)]
    format: String,
}

struct Proposed {
    view: ProposalView,
    chip: Chip,
}

struct Version {
    view: VersionView,
    chip: Chip,
    reach: Option<Chip>,
}

#[derive(Template)]
#[template(path = "policy/versions.html")]
struct VersionsPage {
    frame: Frame,
    show: Shown,
    vault: VaultId,
    proposals: Vec<Proposed>,
    versions: Vec<Version>,
    may_propose: bool,
}

/// Lists the versions, the newest first.
pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<VersionsQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut view = list_versions(&ui.service, &visitor.actor, vault).await?;
    view.versions.reverse();
    view.proposals
        .sort_by_key(|one| std::cmp::Reverse(one.proposed_at));
    if query.format == "csv" {
        return as_csv(view.versions, view.proposals).await;
    }
    let newest = view.versions.first().map(|one| one.policy);
    let versions = view.versions.into_iter().map(|view| Version {
        chip: Chip::new(if Some(view.policy) == newest {
            "in force"
        } else {
            "replaced"
        }),
        reach: view.reach.as_ref().map(|reach| Chip::new(&reach.state)),
        view,
    });
    let proposals = view.proposals.into_iter().map(|view| Proposed {
        chip: Chip::new(&view.state),
        view,
    });
    page(&VersionsPage {
        frame: visitor.frame("Policy versions", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        vault,
        proposals: proposals.collect(),
        versions: versions.collect(),
        may_propose: visitor.may(Right::Approve),
    })
}

async fn as_csv(
    versions: Vec<VersionView>,
    proposals: Vec<ProposalView>,
) -> Result<Response, Fault> {
    let proposed = proposals.into_iter().map(|one| {
        vec![
            one.version.to_string(),
            one.policy.to_string(),
            one.state,
            one.step,
            one.proposed_at.to_string(),
            one.approved_by.join(" "),
        ]
    });
    let standing = versions.into_iter().map(|one| {
        let state = one.reach.map_or_else(String::new, |reach| reach.state);
        vec![
            one.version.to_string(),
            one.policy.to_string(),
            state,
            one.step,
            one.since.to_string(),
            one.by,
        ]
    });
    let rows: Vec<Vec<String>> = proposed.chain(standing).collect();
    let read = move |_| {
        let items = rows.clone();
        async move { Ok(Paged { items, next: None }) }
    };
    let header = ["version", "id", "state", "alters", "since", "by"];
    csv("policy-versions.csv", &header, read, Vec::clone).await
}
