//! Cancelling a batch: by signers' words where nobody signed, else by a transaction that takes its place.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::Txid;
use serde::Deserialize;

use crate::service::ServiceError;
use crate::service::agreed::Agreed;
use crate::service::batch_page::{BatchPage, batch_page};
use crate::service::feerates::feerates;
use crate::service::renewals::{Renew, cancel_batch};
use crate::service::voids::{VoidsView, WishVoids, wish_voids};
use crate::session::BatchId;
use crate::ui::Ui;
use crate::ui::attempts::short;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::preview::{FeerateChoice, Part, Previewed, feerate, told};
use crate::ui::sets::needs;
use crate::ui::visitor::Visitor;

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    how: String,
    speed: String,
    feerate: String,
    agreed: String,
}

#[derive(Template)]
#[template(path = "batches/cancel.html")]
struct CancelPage {
    frame: Frame,
    short: String,
    back: String,
    action: String,
    is_signed: bool,
    by_voids: bool,
    choice: FeerateChoice,
    wrong: Wrong,
    problem: Option<Fault>,
    voids: Option<VoidsShown>,
    previewed: Option<Previewed>,
}

/// What signers would be asked.
struct VoidsShown {
    attempts: Vec<(String, String, String)>,
    agreed: String,
    changed: bool,
}

pub(crate) async fn ask(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let batch = named.get("batch")?;
    let found = batch_page(&ui.service, &visitor.actor, batch).await?;
    let typed = Typed {
        how: if found.is_signed { "chain" } else { "voids" }.to_owned(),
        ..Typed::default()
    };
    page(&form(&ui, &visitor, &found, &typed, Wrong::default()).await?)
}

pub(crate) async fn cancel(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let batch: BatchId = named.get("batch")?;
    let found = batch_page(&ui.service, &visitor.actor, batch).await?;
    let mut wrong = Wrong::default();
    let asked = feerate(&mut wrong, &typed.speed, &typed.feerate);
    let is_well = wrong.is_empty();
    let shown = form(&ui, &visitor, &found, &typed, wrong).await?;
    if !is_well {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let agreed = typed.agreed.parse::<Agreed>().ok();
    if typed.how == "voids" {
        return by_voids(&ui, &visitor, &found, shown, agreed).await;
    }
    on_chain(&ui, &visitor, &found, shown, (asked, agreed)).await
}

async fn by_voids(
    ui: &Ui,
    visitor: &Visitor,
    found: &BatchPage,
    mut shown: CancelPage,
    agreed: Option<Agreed>,
) -> Result<Response, Fault> {
    let wish = |preview, agreed| WishVoids { preview, agreed };
    let batch = found.batch;
    let mut changed = false;
    if agreed.is_some() {
        match wish_voids(&ui.service, &visitor.actor, batch, &wish(false, agreed)).await {
            Ok(_) => {
                let words = "Signers are asked to void it. Once enough did, its coins and withdrawals are free.";
                return Ok(see_other_saying(&format!("/batches/{batch}"), words));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return refused(shown, error),
        }
    }
    match wish_voids(&ui.service, &visitor.actor, batch, &wish(true, None)).await {
        Ok(views) => {
            let meant: Vec<Txid> = views.iter().map(|view| view.txid).collect();
            shown.voids = Some(VoidsShown {
                attempts: views.iter().map(asked_of).collect(),
                agreed: Agreed::to_nothing(&ui.service).to(&meant).to_string(),
                changed,
            });
            page_with(status(changed), &shown)
        }
        Err(error) => refused(shown, error),
    }
}

/// An attempt, and whose word would be enough.
fn asked_of(view: &VoidsView) -> (String, String, String) {
    let enough = if view.needed.is_empty() {
        "no set of signers is enough: cancel it on the chain".to_owned()
    } else {
        format!("enough are {}", needs(&view.needed))
    };
    (
        format!("/attempts/{}", view.txid),
        short(&view.txid),
        enough,
    )
}

async fn on_chain(
    ui: &Ui,
    visitor: &Visitor,
    found: &BatchPage,
    mut shown: CancelPage,
    (asked, agreed): (Option<String>, Option<Agreed>),
) -> Result<Response, Fault> {
    let batch = found.batch;
    let request = |preview, agreed| Renew {
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let mut changed = false;
    if agreed.is_some() {
        match cancel_batch(&ui.service, &visitor.actor, batch, &request(false, agreed)).await {
            Ok(_) => {
                let words = "Issued. Once the cancellation is settled, the withdrawals have failed and can be paid again or cancelled.";
                return Ok(see_other_saying(&format!("/batches/{batch}"), words));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return refused(shown, error),
        }
    }
    let planned = cancel_batch(&ui.service, &visitor.actor, batch, &request(true, None)).await;
    let planned = match planned {
        Ok(planned) => planned,
        Err(error) => return refused(shown, error),
    };
    let parts = planned.plans.iter();
    shown.previewed = Some(Previewed {
        parts: parts
            .map(|plan| Part::of_plan(plan, found.vault, visitor.unit))
            .collect(),
        action: shown.action.clone(),
        hidden: vec![
            ("how", "chain".to_owned()),
            ("feerate", asked.unwrap_or_default()),
        ],
        agreed: Agreed::to_nothing(&ui.service)
            .to(&planned.plans)
            .to_string(),
        confirm: "Issue the cancellation".to_owned(),
        changed,
        waiting: Vec::new(),
    });
    page_with(status(changed), &shown)
}

fn status(changed: bool) -> StatusCode {
    if changed {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    }
}

fn refused(mut shown: CancelPage, error: ServiceError) -> Result<Response, Fault> {
    let fault = told(error)?;
    let status = fault.status();
    shown.problem = Some(fault);
    page_with(status, &shown)
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    found: &BatchPage,
    typed: &Typed,
    wrong: Wrong,
) -> Result<CancelPage, Fault> {
    let offered = feerates(&ui.service, &visitor.actor, found.vault).await?;
    Ok(CancelPage {
        frame: visitor.frame("Cancel a batch", Place::Vault(found.vault, Tab::Batches)),
        short: short(&found.batch),
        back: format!("/batches/{}", found.batch),
        action: format!("/batches/{}/cancel", found.batch),
        is_signed: found.is_signed,
        by_voids: typed.how == "voids",
        choice: FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
        wrong,
        problem: None,
        voids: None,
        previewed: None,
    })
}
