//! Taking the place of an attempt by one that pays more fees.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Txid;
use policies::VaultId;
use serde::Deserialize;

use super::short;
use crate::service::agreed::Agreed;
use crate::service::attempts::{AttemptView, show_attempt};
use crate::service::feerates::feerates_above;
use crate::service::renewals::{Renew, RenewalView, replace_attempt};
use crate::ui::Ui;
use crate::ui::agreeing::{Form, Later, Step, step};
use crate::ui::fault::Fault;
use crate::ui::feerate::{FeerateChoice, feerate};
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
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
    vault: VaultId,
    form: Form,
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
    let mut shown = form(&ui, &visitor, txid, &typed, wrong).await?;
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
        Box::pin(replace_attempt(service, actor, txid, request))
    };
    let done = agreed.map(|_| later(&doing));
    match step(done, later(&showing)).await? {
        Step::Done(done) => {
            let batch = done.batches.first();
            let next = batch.and_then(|batch| batch.attempts.last());
            let next = next.map_or(txid, |next| next.txid);
            let words = "Issued. Signers are asked to sign it in place of the earlier attempt.";
            return Ok(see_other_saying(&format!("/attempts/{next}"), words));
        }
        Step::Shown(planned, changed) => shown.form.preview(
            service,
            (shown.vault, visitor.unit),
            (&planned, changed),
            (
                "Issue the replacement",
                vec![("feerate", asked.unwrap_or_default())],
            ),
        ),
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
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
        vault,
        form: Form::new(
            format!("/attempts/{txid}/replace"),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
    })
}
