//! A version and where it stands: what it changes in words, side by side, what it would have asked of the past, who
//! approved it and who must still, how it is approved, pinned and put in force.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::{PolicyId, VaultId};

use super::show::chip;
use super::shown::Shown;
use super::sides::{Stretch, sides};
use crate::service::agenda::{absent_now, of_proposal};
use crate::service::policy_review::{
    Case, Comparison, ReplayView, StandingOf, case, compare, replay_version,
};
use crate::service::versions::{ProposalView, SubmitSuccession, submit_succession};
use crate::service::{Right, ServiceError};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page_with, see_other_saying};
use crate::ui::guard::bridged;
use crate::ui::posted::{Named, Uploaded, Wrong};
use crate::ui::show::{Ask, Command, State as Chip, Waiting, waiting_line};
use crate::ui::visitor::Visitor;

/// What the person who looks at it can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Approve it.
    Approve,
    /// Nothing more: the person has approved it.
    Approved,
    /// Look: the person is not of those who approve it.
    Look,
}

/// A command at a signer.
struct AtSigner {
    signer: String,
    command: Command,
    done: bool,
}

#[derive(Template)]
#[template(path = "policy/version.html")]
struct VersionPage {
    frame: Frame,
    show: Shown,
    wrong: Wrong,
    vault: VaultId,
    case: Case,
    chip: Chip,
    waits: String,
    comparison: Option<Comparison>,
    sides: Vec<Stretch>,
    replay: Option<ReplayView>,
    part: Part,
    ask: Ask,
    waiting: Option<Waiting>,
    at_signers: Vec<AtSigner>,
    /// What was pasted and not taken.
    pasted: String,
    may_hand_in: bool,
    may_tell: bool,
    may_activate: bool,
}

/// Shows a version.
pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, version) = (named.vault()?, named.get("id")?);
    answer(&ui, &visitor, (vault, version), Wrong::default(), "").await
}

/// Takes a succession file with signatures in.
pub(super) async fn hand_in(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let (vault, version): (VaultId, PolicyId) = (named.vault()?, named.get("id")?);
    let mut wrong = Wrong::default();
    let text = match uploaded.files("file").first() {
        Some(file) => String::from_utf8(file.bytes.to_vec()).unwrap_or_default(),
        None => uploaded.text("text").trim().to_owned(),
    };
    let read = policies::succession::SuccessionFile::read(text.as_bytes());
    match &read {
        _ if text.is_empty() => wrong.add(
            "file",
            "Choose the file that policy approve wrote, or paste its text.",
        ),
        Ok(file) if file.version() != version => {
            wrong.add(
                "file",
                "This is the file of another version. Choose the one of this version.",
            );
        }
        Ok(_) | Err(_) => {}
    }
    if wrong.is_empty() {
        let request = SubmitSuccession {
            file: text.clone(),
            despite_devices: false,
        };
        match submit_succession(&ui.service, &visitor.actor, vault, &request).await {
            Ok((view, _)) if view.not_counted.is_empty() => {
                let path = format!("/vaults/{vault}/policy/versions/{version}");
                return Ok(see_other_saying(&path, &taken(&view)));
            }
            Ok((view, _)) => wrong.add(
                "file",
                format!("Not counted: {}.", view.not_counted.join("; ")),
            ),
            Err(error) => wrong.add("file", told(error)),
        }
    }
    answer(&ui, &visitor, (vault, version), wrong, &text).await
}

fn taken(view: &ProposalView) -> String {
    format!(
        "Taken in: {} of {} approvals.",
        view.approved_by.len(),
        view.needed
    )
}

/// What the service refused, with what to do.
pub(super) fn told(error: ServiceError) -> String {
    let fault = Fault::from(error);
    match fault.hint() {
        Some(hint) => format!("{} What to do: {hint}.", fault.words()),
        None => fault.words().to_owned(),
    }
}

async fn answer(
    ui: &Ui,
    visitor: &Visitor,
    (vault, version): (VaultId, PolicyId),
    wrong: Wrong,
    pasted: &str,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let case = case(service, actor, vault, version).await?;
    let comparison = match case.previous {
        Some(previous) => Some(compare(service, actor, vault, previous, version).await?),
        None => None,
    };
    let replay = match case.standing {
        StandingOf::Proposed => Some(replay_version(service, actor, vault, version).await?),
        StandingOf::InForce | StandingOf::Former => None,
    };
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let absent = absent_now(service).await?;
    let viewer = visitor.viewer(&absent);
    let line = of_proposal(service, &viewer, vault, version).await?;
    let mut template = draw(visitor, vault, case, (comparison, replay), wrong);
    template.waiting = line.map(|line| waiting_line(&line).at(service.now()));
    template.ask = ask(visitor, vault, version, ui.public.origin());
    pasted.clone_into(&mut template.pasted);
    let response = page_with(status, &template)?;
    Ok(bridged(response, visitor.bridge))
}

fn draw(
    visitor: &Visitor,
    vault: VaultId,
    case: Case,
    (comparison, replay): (Option<Comparison>, Option<ReplayView>),
    wrong: Wrong,
) -> VersionPage {
    let state = case.proposal.as_ref().map(|view| view.state.clone());
    let is = |names: &[&str]| state.as_deref().is_some_and(|state| names.contains(&state));
    let may_activate = visitor.may(Right::ChangePolicy) && is(&["ripe", "disputed"]);
    let stretches = comparison
        .as_ref()
        .map(|comparison| sides(&comparison.document_before, &comparison.document_after));
    let chip = match (&case.standing, &state) {
        (StandingOf::Proposed, Some(state)) => Chip::new(state),
        (StandingOf::Proposed | StandingOf::InForce | StandingOf::Former, _) => chip(case.standing),
    };
    VersionPage {
        frame: visitor.frame(
            &format!("Policy version {}", case.version),
            Place::Vault(vault, Tab::Policy),
        ),
        show: Shown { unit: visitor.unit },
        wrong,
        vault,
        chip,
        waits: waits(&case),
        sides: stretches.unwrap_or_default(),
        comparison,
        replay,
        part: part(&case, &visitor.person),
        ask: ask(visitor, vault, case.id, ""),
        waiting: None,
        pasted: String::new(),
        at_signers: at_signers(&case),
        may_hand_in: visitor.may(Right::Approve) && is(&["open", "waiting", "ripe", "disputed"]),
        may_tell: visitor.may(Right::Approve) && case.followers.iter().any(|one| !one.follows),
        may_activate,
        case,
    }
}

/// The form that asks the person's own tool to review and approve it. The page passes the id and nothing else: the tool
/// fetches the bytes and checks that they hash to it.
fn ask(visitor: &Visitor, vault: VaultId, version: PolicyId, origin: &str) -> Ask {
    let back = format!("{origin}/vaults/{vault}/policy/versions/{version}");
    let button = "Review and approve";
    Ask::new(visitor.bridge, vault, "policy-approve", back, button)
        .with("hash", &version.to_string())
}

/// What the person can do about it.
fn part(case: &Case, person: &str) -> Part {
    let Some(proposal) = &case.proposal else {
        return Part::Look;
    };
    if proposal.approved_by.iter().any(|one| one == person) {
        Part::Approved
    } else if proposal.missing_of.iter().any(|one| one == person) && proposal.state == "open" {
        Part::Approve
    } else {
        Part::Look
    }
}

/// On whom it waits, and what is to be done, in one line.
fn waits(case: &Case) -> String {
    let Some(proposal) = &case.proposal else {
        return "The first version of this vault: it follows no other.".to_owned();
    };
    let missing = usize::try_from(proposal.needed)
        .unwrap_or(usize::MAX)
        .saturating_sub(proposal.approved_by.len());
    match (proposal.state.as_str(), proposal.ripe_at) {
        ("adopted", _) => match &case.reach {
            Some(reach) if reach.waits_for.is_empty() => "Nothing waits.".to_owned(),
            Some(reach) => format!(
                "What it ends is {}. Signers who have not said that they follow it: {}.",
                reach.state,
                reach.waits_for.join(", ")
            ),
            None => "Nothing waits.".to_owned(),
        },
        ("superseded", _) => "Another successor came in force, so this one never will.".to_owned(),
        ("disputed", _) => {
            "Another successor was approved too. Decide together which one is activated; the signers ask a human as well."
                .to_owned()
        }
        ("ripe", _) if proposal.step == "keyset" => {
            "Its delay is over here. An operator activates it; at each signer a human pins it.".to_owned()
        }
        ("ripe", _) => "Its delay is over here. It comes in force by itself within a minute.".to_owned(),
        (_, Some(_)) => "It has its approvals. Its delay runs, at each signer by that signer's own clock.".to_owned(),
        (_, None) => {
            let persons = if missing == 1 { "person" } else { "persons" };
            format!(
                "Waits for the approval of {missing} more {persons}. Who can give it: {}.",
                proposal.missing_of.join(", ")
            )
        }
    }
}

/// What is typed at each signer.
fn at_signers(case: &Case) -> Vec<AtSigner> {
    let Some(proposal) = &case.proposal else {
        return Vec::new();
    };
    let file = format!("version-{}.json", case.version);
    let command = |signer: &str, verb: &'static str, more: &[&str]| AtSigner {
        signer: signer.to_owned(),
        command: Command::new(
            [
                "countersign-signer",
                "--home",
                signer,
                "policy",
                verb,
                &file,
            ]
            .into_iter()
            .chain(more.iter().copied()),
        ),
        done: (case.followers.iter()).any(|one| {
            let leaves = more.contains(&"--leaving");
            one.signer == signer && one.follows && one.stays != leaves
        }),
    };
    let id = case.id.to_string();
    let follow = proposal.follow.iter();
    let mut all: Vec<AtSigner> = follow
        .map(|signer| command(signer, "follow", &[]))
        .collect();
    let pin = proposal.pin.iter();
    all.extend(pin.map(|signer| command(signer, "pin", &["--id", &id])));
    let leave = proposal.leaving.iter();
    all.extend(leave.map(|signer| command(signer, "pin", &["--id", &id, "--leaving"])));
    all
}

#[cfg(test)]
pub(super) fn drawn(
    visitor: &Visitor,
    vault: VaultId,
    case: Case,
    told: (Option<Comparison>, Option<ReplayView>),
) -> String {
    draw(visitor, vault, case, told, Wrong::default())
        .render()
        .expect("a page")
}
