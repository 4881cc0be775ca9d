//! Paying a withdrawal again that failed: what it means is shown first, and only what was shown is done.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{href, key};
use crate::service::agreed::Agreed;
use crate::service::feerates::feerates;
use crate::service::renewals::{self, Renew};
use crate::store::withdrawals::WithdrawalKey;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::preview::{FeerateChoice, Part, Previewed, feerate, told};
use crate::ui::show::Outside;
use crate::ui::visitor::Visitor;

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    speed: String,
    feerate: String,
    agreed: String,
}

#[cfg(test)]
impl Typed {
    /// A feerate, and nothing agreed to.
    pub(super) fn at(feerate: &str) -> Self {
        Self {
            feerate: feerate.to_owned(),
            ..Self::default()
        }
    }
}

#[derive(Template)]
#[template(path = "withdrawals/pay_again.html")]
struct PayAgainPage {
    frame: Frame,
    back: String,
    id: Outside,
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
    let key = key(&named)?;
    page(&form(&ui, &visitor, &key, &Typed::default(), Wrong::default()).await?)
}

pub(super) async fn pay_again(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let mut wrong = Wrong::default();
    let asked = feerate(&mut wrong, &typed.speed, &typed.feerate);
    let is_well = wrong.is_empty();
    let mut shown = form(&ui, &visitor, &key, &typed, wrong).await?;
    if !is_well {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let request = |preview, agreed| Renew {
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let (service, actor) = (&ui.service, &visitor.actor);
    let agreed = typed.agreed.parse::<Agreed>().ok();
    let mut changed = false;
    if agreed.is_some() {
        match renewals::pay_again(service, actor, &key, &request(false, agreed)).await {
            Ok(_) => {
                let words = "It is paid again. Signers are asked.";
                return Ok(see_other_saying(&shown.back, words));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return refused(shown, told(error)?),
        }
    }
    match renewals::pay_again(service, actor, &key, &request(true, None)).await {
        Ok(planned) => {
            let parts = planned.plans.iter();
            shown.previewed = Some(Previewed {
                parts: parts
                    .map(|plan| Part::of_plan(plan, key.vault, visitor.unit))
                    .collect(),
                action: shown.action.clone(),
                hidden: vec![("feerate", asked.unwrap_or_default())],
                agreed: Agreed::to_nothing(service).to(&planned.plans).to_string(),
                confirm: "Pay it again".to_owned(),
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
        Err(error) => refused(shown, told(error)?),
    }
}

fn refused(shown: PayAgainPage, fault: Fault) -> Result<Response, Fault> {
    let status = fault.status();
    let problem = Some(fault);
    page_with(status, &PayAgainPage { problem, ..shown })
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    key: &WithdrawalKey,
    typed: &Typed,
    wrong: Wrong,
) -> Result<PayAgainPage, Fault> {
    let offered = feerates(&ui.service, &visitor.actor, key.vault).await?;
    let back = href(key.vault, &key.requester, &key.id);
    Ok(PayAgainPage {
        frame: visitor.frame("Pay again", Place::Vault(key.vault, Tab::Withdrawals)),
        id: Outside::new(key.id.as_str()),
        action: format!("{back}/pay-again"),
        back,
        choice: FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
        wrong,
        problem: None,
        previewed: None,
    })
}
