//! Taking the place of an attempt by one that pays more fees.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::Txid;
use serde::Deserialize;

use super::short;
use crate::service::agreed::Agreed;
use crate::service::attempts::{AttemptView, show_attempt};
use crate::service::feerates::feerates_above;
use crate::service::renewals::{Renew, replace_attempt};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::preview::{FeerateChoice, Part, Previewed, feerate, told};
use crate::ui::show::{State as Chip, TxidText};
use crate::ui::visitor::Visitor;

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    speed: String,
    feerate: String,
    agreed: String,
}

#[derive(Template)]
#[template(path = "attempts/replace.html")]
struct ReplacePage {
    frame: Frame,
    txid: TxidText,
    back: String,
    state: Chip,
    feerate_now: String,
    action: String,
    choice: FeerateChoice,
    wrong: Wrong,
    problem: Option<Fault>,
    previewed: Option<Previewed>,
}

pub(super) async fn ask(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let typed = Typed::default();
    let shown = form(&ui, &visitor, named.txid()?, &typed, Wrong::default()).await?;
    page(&shown)
}

pub(super) async fn replace(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    let mut wrong = Wrong::default();
    let asked = feerate(&mut wrong, &typed.speed, &typed.feerate);
    let is_well = wrong.is_empty();
    let mut shown = form(&ui, &visitor, txid, &typed, wrong).await?;
    if !is_well {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let request = |preview, agreed| Renew {
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let agreed = typed.agreed.parse::<Agreed>().ok();
    let mut changed = false;
    if agreed.is_some() {
        let done =
            replace_attempt(&ui.service, &visitor.actor, txid, &request(false, agreed)).await;
        match done {
            Ok(done) => {
                let batch = done.batches.first();
                let next = batch.and_then(|batch| batch.attempts.last());
                let next = next.map_or(txid, |next| next.txid);
                let words = "Issued. Signers are asked to sign it in place of the earlier attempt.";
                return Ok(see_other_saying(&format!("/attempts/{next}"), words));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => {
                let fault = told(error)?;
                let status = fault.status();
                shown.problem = Some(fault);
                return page_with(status, &shown);
            }
        }
    }
    let vault = show_attempt(&ui.service, &visitor.actor, txid).await?.vault;
    match replace_attempt(&ui.service, &visitor.actor, txid, &request(true, None)).await {
        Ok(planned) => {
            let parts = planned.plans.iter();
            shown.previewed = Some(Previewed {
                parts: parts
                    .map(|plan| Part::of_plan(plan, vault, visitor.unit))
                    .collect(),
                action: shown.action.clone(),
                hidden: vec![("feerate", asked.unwrap_or_default())],
                agreed: Agreed::to_nothing(&ui.service)
                    .to(&planned.plans)
                    .to_string(),
                confirm: "Issue the replacement".to_owned(),
                changed,
                waiting: Vec::new(),
            });
            let status = if changed {
                StatusCode::CONFLICT
            } else {
                StatusCode::OK
            };
            page_with(status, &shown)
        }
        Err(error) => {
            let fault = told(error)?;
            let status = fault.status();
            shown.problem = Some(fault);
            page_with(status, &shown)
        }
    }
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    txid: Txid,
    typed: &Typed,
    wrong: Wrong,
) -> Result<ReplacePage, Fault> {
    let AttemptView {
        vault,
        state,
        feerate_sat_vb,
        ..
    } = show_attempt(&ui.service, &visitor.actor, txid).await?;
    let offered = feerates_above(&ui.service, &visitor.actor, txid).await?;
    let title = format!("Replace {}", short(&txid));
    Ok(ReplacePage {
        frame: visitor.frame(&title, Place::Vault(vault, Tab::Attempts)),
        txid: TxidText::new(txid),
        back: format!("/attempts/{txid}"),
        state: Chip::new(&state),
        feerate_now: feerate_sat_vb,
        action: format!("/attempts/{txid}/replace"),
        choice: FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
        wrong,
        problem: None,
        previewed: None,
    })
}
