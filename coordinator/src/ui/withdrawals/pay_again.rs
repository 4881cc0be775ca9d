//! Paying a withdrawal again that failed: what it means is shown first, and only what was shown is done.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{href, key};
use crate::service::agreed::Agreed;
use crate::service::feerates::feerates;
use crate::service::renewals::{self, Renew, RenewalView};
use crate::store::withdrawals::WithdrawalKey;
use crate::ui::Ui;
use crate::ui::agreeing::{Form, Later, Step, step};
use crate::ui::fault::Fault;
use crate::ui::feerate::{FeerateChoice, feerate};
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
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
    form: Form,
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
    let mut shown = form(&ui, &visitor, &key, &typed, wrong).await?;
    if !shown.form.wrong.is_empty() {
        return page_with(shown.form.status(), &shown);
    }
    let request = |preview, agreed| Renew {
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let agreed = typed.agreed.parse::<Agreed>().ok();
    let (service, actor) = (&ui.service, &visitor.actor);
    let (doing, showing) = (request(false, agreed), request(true, None));
    let later = |request| -> Later<'_, RenewalView> {
        Box::pin(renewals::pay_again(service, actor, &key, request))
    };
    let done = agreed.map(|_| later(&doing));
    match step(done, later(&showing)).await? {
        Step::Done(_) => {
            let words = "It is paid again. Signers are asked.";
            return Ok(see_other_saying(&shown.back, words));
        }
        Step::Shown(planned, changed) => shown.form.preview(
            service,
            (key.vault, visitor.unit),
            (&planned, changed),
            ("Pay it again", vec![("feerate", asked.unwrap_or_default())]),
        ),
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
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
        form: Form::new(
            format!("{back}/pay-again"),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
        back,
    })
}
