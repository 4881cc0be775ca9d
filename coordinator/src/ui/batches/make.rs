//! Making a batch now.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::all_named;
use crate::service::agreed::Agreed;
use crate::service::batch_preview::preview_batch;
use crate::service::batches::{CreateBatch, create_batch};
use crate::service::feerates::feerates;
use crate::service::queue::{QueuedView, show_queue};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::preview::{FeerateChoice, Part, Previewed, feerate, told};
use crate::ui::show::duration;
use crate::ui::visitor::Visitor;

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    speed: String,
    feerate: String,
    which: String,
    withdrawal: Vec<String>,
    agreed: String,
}

#[derive(Template)]
#[template(path = "batches/make.html")]
struct MakePage {
    frame: Frame,
    vault: VaultId,
    action: String,
    all: bool,
    queued: Vec<QueuedRow>,
    choice: FeerateChoice,
    wrong: Wrong,
    problem: Option<Fault>,
    previewed: Option<Previewed>,
}

struct QueuedRow {
    name: String,
    href: String,
    speed: &'static str,
    age: String,
    says: String,
    checked: bool,
}

pub(crate) async fn ask(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let typed = Typed::default();
    page(&form(&ui, &visitor, named.vault()?, &typed, Wrong::default()).await?)
}

pub(crate) async fn make(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let asked = feerate(&mut wrong, &typed.speed, &typed.feerate);
    let chosen = all_named(&typed.withdrawal);
    let some = typed.which == "some";
    if some && chosen.is_empty() {
        wrong.add(
            "withdrawal",
            "Choose at least one, or let all that fit be paid.",
        );
    }
    let is_well = wrong.is_empty();
    let mut shown = form(&ui, &visitor, vault, &typed, wrong).await?;
    if !is_well {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let request = |agreed| CreateBatch {
        withdrawals: some.then(|| chosen.clone()),
        feerate_sat_vb: asked.clone(),
        agreed: Some(agreed),
        ..CreateBatch::default()
    };
    let mut changed = false;
    if let Ok(agreed) = typed.agreed.parse::<Agreed>() {
        match create_batch(&ui.service, &visitor.actor, vault, &request(agreed)).await {
            Ok(made) => {
                let words = "Made. Its coins are reserved, and signers are asked to sign.";
                return Ok(see_other_saying(&format!("/batches/{}", made.batch), words));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return refused(shown, error),
        }
    }
    let agreed = Agreed::to_nothing(&ui.service);
    let planned = preview_batch(&ui.service, &visitor.actor, vault, &request(agreed)).await;
    let planned = match planned {
        Ok(planned) => planned,
        Err(error) => return refused(shown, error),
    };
    let mut hidden = vec![
        ("feerate", asked.unwrap_or_default()),
        ("which", typed.which.clone()),
    ];
    if some {
        hidden.extend(
            typed
                .withdrawal
                .iter()
                .map(|name| ("withdrawal", name.clone())),
        );
    }
    let waiting = planned.waiting.iter();
    shown.previewed = Some(Previewed {
        parts: vec![Part::of_batch(&planned, vault, visitor.unit)],
        action: shown.action.clone(),
        hidden,
        agreed: agreed.to(&planned).to_string(),
        confirm: "Make this batch".to_owned(),
        changed,
        waiting: waiting
            .map(|one| (format!("{}/{}", one.requester, one.id), one.says.clone()))
            .collect(),
    });
    let status = if changed {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    page_with(status, &shown)
}

fn refused(mut shown: MakePage, error: crate::service::ServiceError) -> Result<Response, Fault> {
    let fault = told(error)?;
    let status = fault.status();
    shown.problem = Some(fault);
    page_with(status, &shown)
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    typed: &Typed,
    wrong: Wrong,
) -> Result<MakePage, Fault> {
    let offered = feerates(&ui.service, &visitor.actor, vault).await?;
    let queue = show_queue(&ui.service, &visitor.actor, vault).await?;
    let approved = queue
        .withdrawals
        .iter()
        .filter(|one| one.state == "approved");
    Ok(MakePage {
        frame: visitor.frame("Make a batch", Place::Vault(vault, Tab::Batches)),
        vault,
        action: format!("/vaults/{vault}/batches/new"),
        all: typed.which != "some",
        queued: approved.map(|one| row(one, vault, typed)).collect(),
        choice: FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
        wrong,
        problem: None,
        previewed: None,
    })
}

fn row(one: &QueuedView, vault: VaultId, typed: &Typed) -> QueuedRow {
    let name = format!("{}/{}", one.requester, one.id);
    QueuedRow {
        href: format!("/vaults/{vault}/withdrawals/{name}"),
        speed: one.becomes.name(),
        age: duration(one.age_s),
        says: one.says.clone(),
        checked: typed.withdrawal.contains(&name),
        name,
    }
}
