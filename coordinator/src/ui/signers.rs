//! The signers of a vault: who they are, when they were last heard of, how they are marked, and what that means.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use policies::analysis::{Stage, Standing};
use policies::document::Device;
use policies::{UnixTime, VaultId};
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use super::posted::{Asked, Named, Posted, Wrong, percent_encoded};
use super::routes::{Needs, Table};
use super::show::{Ago, Command, Moment, Outside, State, TxidText};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::said_of_vault::{MAX_REASON, is_line};
use crate::service::signer_view::{
    MarkPreview, MarkView, SignerView, SignersView, coins_of, preview_mark, show_signers,
};
use crate::service::signers::{MarkSigner, SignerMark, mark_signer};

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table
        .get("/vaults/{vault}/signers", read, list)
        .get("/vaults/{vault}/signers/{signer}", read, show)
        .post(
            "/vaults/{vault}/signers/{signer}/mark",
            Needs::Right(Right::ChangePolicy),
            mark,
        )
}

#[derive(Template)]
#[template(path = "signers/list.html")]
struct SignersPage {
    frame: Frame,
    version: u32,
    signers: Vec<SignerRow>,
    stands: StandingShown,
    reach: Option<String>,
    policy_href: String,
    check: String,
}

#[derive(Template)]
#[template(path = "signers/show.html")]
struct SignerPage {
    frame: Frame,
    back: String,
    here: String,
    name: String,
    row: SignerRow,
    key: String,
    journal: TxidText,
    moves: u32,
    head: Option<TxidText>,
    refused: Option<(String, String)>,
    may_mark: bool,
    marks: Vec<MarkChoice>,
    reason: String,
    wrong: Wrong,
    preview: Option<PreviewShown>,
}

struct SignerRow {
    href: String,
    name: String,
    person: Outside,
    device: String,
    fingerprint: String,
    heard: Option<(Ago, Moment)>,
    counter: String,
    trouble: Option<String>,
    mark: Option<MarkRow>,
}

struct MarkRow {
    state: State,
    reason: Outside,
    says: bool,
    at: Moment,
    by: Outside,
}

struct StandingShown {
    can_sign: String,
    possible: bool,
    open: String,
    first: Vec<String>,
    next: Option<Command>,
    stages: Vec<StageRow>,
}

struct StageRow {
    coins: String,
    spend: &'static str,
    spend_class: &'static str,
    losses: String,
    thieves: String,
}

struct MarkChoice {
    value: &'static str,
    words: &'static str,
    chosen: bool,
}

struct PreviewShown {
    title: String,
    value: &'static str,
    changes: Vec<String>,
    stands: StandingShown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MarkQuery {
    mark: String,
    reason: String,
}

const MARKS: [(SignerMark, &str, &str); 5] = [
    (
        SignerMark::Lost,
        "lost",
        "lost: nobody has the key any more",
    ),
    (
        SignerMark::Stolen,
        "stolen",
        "stolen: a thief may have the key",
    ),
    (
        SignerMark::Away,
        "away",
        "away: cannot sign now, and comes back",
    ),
    (
        SignerMark::Leaving,
        "leaving",
        "leaving: can sign now, and soon no more",
    ),
    (SignerMark::Present, "present", "present: signs as before"),
];

fn place(vault: VaultId) -> Place {
    Place::Vault(vault, Tab::Signers)
}

async fn list(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    draw(&ui, &visitor, named.vault()?).await
}

async fn draw(ui: &Ui, visitor: &Visitor, vault: VaultId) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let found = show_signers(service, actor, vault).await?;
    let now = service.now();
    page(&SignersPage {
        frame: visitor.frame("Signers", place(vault)),
        version: found.version,
        signers: found
            .signers
            .iter()
            .map(|one| row(vault, one, now))
            .collect(),
        reach: found.reach.as_ref().map(|reach| reach.says.clone()),
        stands: stands(&found.standing, &found.first, &found.next),
        policy_href: format!("/vaults/{vault}/policy"),
        check: check_of(&found.standing),
    })
}

async fn show(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<MarkQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let name = named.text("signer")?.to_owned();
    answer(&ui, &visitor, (vault, &name), query).await
}

async fn answer(
    ui: &Ui,
    visitor: &Visitor,
    (vault, name): (VaultId, &str),
    query: MarkQuery,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let SignersView { signers, .. } = show_signers(service, actor, vault).await?;
    let signer = signers.into_iter().find(|signer| signer.name == name);
    let signer = signer.ok_or_else(Fault::nothing_here)?;
    let mut wrong = Wrong::default();
    let chosen = mark_of(&query.mark);
    if chosen.is_none() && !query.mark.is_empty() {
        wrong.add("mark", "Choose one of these.");
    }
    if !is_line(&query.reason, MAX_REASON) {
        wrong.add("reason", "One line of at most 200 characters.");
    }
    let mut preview = None;
    if let Some(mark) = chosen.filter(|_| wrong.is_empty()) {
        let found = preview_mark(service, actor, vault, name, mark).await?;
        preview = Some(preview_shown(&found));
    }
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let refused = signer.journal.refused.as_ref();
    page_with(
        status,
        &SignerPage {
            frame: visitor.frame(name, place(vault)),
            back: format!("/vaults/{vault}/signers"),
            here: format!("/vaults/{vault}/signers/{}", percent_encoded(name)),
            name: name.to_owned(),
            key: signer.key.clone(),
            journal: TxidText::of(&signer.journal.journal),
            moves: signer.journal.moves,
            head: signer.journal.head.as_deref().map(TxidText::of),
            refused: refused.map(|one| (one.reason.clone(), one.hint.clone())),
            may_mark: visitor.may(Right::ChangePolicy),
            marks: choices(chosen, signer.mark.is_some()),
            reason: query.reason,
            wrong,
            preview,
            row: row(vault, &signer, service.now()),
        },
    )
}

/// Marks a signer, as the preview said.
async fn mark(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<MarkQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let name = named.text("signer")?.to_owned();
    let Some(mark) = mark_of(&form.mark).filter(|_| is_line(&form.reason, MAX_REASON)) else {
        return answer(&ui, &visitor, (vault, &name), form).await;
    };
    let request = MarkSigner {
        mark,
        reason: form.reason.trim().to_owned(),
    };
    mark_signer(&ui.service, &visitor.actor, vault, &name, &request).await?;
    let to = format!("/vaults/{vault}/signers");
    Ok(see_other_saying(
        &to,
        &format!("{name} is marked as {}.", form.mark),
    ))
}

/// The command that answers the same from the policy's file.
fn check_of(standing: &Standing) -> String {
    let mut command = "countersign-coordinator policy standing policy.toml".to_owned();
    for (name, way) in &standing.gone {
        command += &format!(" --{} {name}", way.name());
    }
    command
}

fn mark_of(text: &str) -> Option<SignerMark> {
    let mut marks = MARKS.into_iter();
    let found = marks.find(|(_, name, _)| *name == text);
    found.map(|(mark, ..)| mark)
}

fn name_of(mark: SignerMark) -> &'static str {
    let mut marks = MARKS.into_iter();
    let found = marks.find(|(known, ..)| *known == mark);
    found.map_or("", |(_, name, _)| name)
}

fn choices(chosen: Option<SignerMark>, marked: bool) -> Vec<MarkChoice> {
    let all = MARKS.into_iter();
    all.filter(|(mark, ..)| marked || *mark != SignerMark::Present)
        .map(|(mark, value, words)| MarkChoice {
            value,
            words,
            chosen: chosen == Some(mark),
        })
        .collect()
}

fn row(vault: VaultId, signer: &SignerView, now: UnixTime) -> SignerRow {
    let journal = &signer.journal;
    SignerRow {
        href: format!("/vaults/{vault}/signers/{}", percent_encoded(&signer.name)),
        name: signer.name.clone(),
        person: Outside::new(&signer.person),
        device: signer.device.as_ref().map(device).unwrap_or_default(),
        fingerprint: signer.fingerprint.clone(),
        heard: (journal.received_at).map(|at| (Ago::new(at, now), Moment::new(at))),
        counter: journal
            .counter
            .map(|number| number.to_string())
            .unwrap_or_default(),
        trouble: journal
            .refused
            .as_ref()
            .map(|refused| refused.reason.clone()),
        mark: signer.mark.as_ref().map(mark_row),
    }
}

fn mark_row(mark: &MarkView) -> MarkRow {
    MarkRow {
        state: State::new(&mark.mark),
        reason: Outside::new(&mark.reason),
        says: !mark.reason.is_empty(),
        at: Moment::new(mark.at),
        by: Outside::new(&mark.by),
    }
}

fn device(device: &Device) -> String {
    let more = [
        device
            .firmware
            .as_ref()
            .map(|firmware| format!("firmware {firmware}")),
        device
            .seed_created
            .as_ref()
            .map(|day| format!("seed of {day}")),
        device.host.as_ref().map(|host| format!("on {host}")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() {
        device.kind.clone()
    } else {
        format!("{}, {}", device.kind, more.join(", "))
    }
}

fn stands(standing: &Standing, first: &[String], next: &[String]) -> StandingShown {
    let stolen = standing.gone.values().any(|way| way.name() == "stolen");
    let open = standing.open_paths.len();
    StandingShown {
        can_sign: match standing.can_sign.as_slice() {
            [] => "nobody".to_owned(),
            all => all.join(", "),
        },
        possible: open > 0,
        open: match standing.open_paths.first() {
            None => "NOT POSSIBLE now".to_owned(),
            Some(path) if open == 1 => format!("possible now, one way: {path}"),
            Some(path) => format!("possible now, {open} ways, such as {path}"),
        },
        first: first.to_vec(),
        next: (!next.is_empty()).then(|| Command::of_lines(next)),
        stages: (standing.stages.iter())
            .map(|stage| stage_row(stage, stolen))
            .collect(),
    }
}

fn stage_row(stage: &Stage, stolen: bool) -> StageRow {
    let (spend, spend_class) = if stage.spendable {
        ("possible now", "chip-good")
    } else if stage.spendable_with_away {
        ("once those who are away are back", "chip-warn")
    } else {
        ("not possible", "chip-bad")
    };
    let losses = if stage.is_frozen() && stage.spendable {
        "frozen once those who leave have left".to_owned()
    } else if stage.is_frozen() {
        "frozen: nobody can spend them".to_owned()
    } else {
        sets(stage.freezing.as_ref())
    };
    let thieves = if stage.thieves_can {
        "CAN SPEND with the stolen keys alone".to_owned()
    } else if stolen {
        format!("lack {}", sets(stage.thieves_lack.as_ref()))
    } else {
        format!("need {}", sets(stage.thieves_lack.as_ref()))
    };
    StageRow {
        coins: coins_of(stage),
        spend,
        spend_class,
        losses,
        thieves,
    }
}

/// Sets of holders in words, at most some of them.
fn sets(sets: Option<&Vec<Vec<String>>>) -> String {
    const LISTED: usize = 6;
    let Some(sets) = sets else {
        return "too many sets to list".to_owned();
    };
    let words: Vec<String> = (sets.iter().take(LISTED))
        .map(|set| set.join(" + "))
        .collect();
    let more = sets.len().saturating_sub(LISTED);
    let rest = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", words.join("; or "))
}

fn preview_shown(preview: &MarkPreview) -> PreviewShown {
    let value = name_of(preview.mark);
    PreviewShown {
        title: format!("What it means if {} is {value}", preview.signer),
        value,
        changes: preview.changes.clone(),
        stands: stands(&preview.then, &preview.first, &preview.next),
    }
}

#[cfg(test)]
mod tests;
