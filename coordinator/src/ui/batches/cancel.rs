//! Cancelling a batch: by signers' words where nobody signed, else by a transaction that takes its place.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Txid;
use serde::Deserialize;

use crate::service::agreed::Agreed;
use crate::service::batch_page::{BatchPage, batch_page};
use crate::service::feerates::feerates;
use crate::service::renewals::{Renew, RenewalView, cancel_batch};
use crate::service::voids::{VoidsView, WishVoids, wish_voids};
use crate::session::BatchId;
use crate::ui::Ui;
use crate::ui::agreeing::{Form, Later, Step, step};
use crate::ui::attempts::short;
use crate::ui::fault::Fault;
use crate::ui::feerate::{FeerateChoice, feerate};
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
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
    form: Form,
    is_signed: bool,
    by_voids: bool,
    voids: Option<VoidsShown>,
}

/// What signers would be asked.
struct VoidsShown {
    attempts: Vec<(String, String, String)>,
    agreed: String,
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
    let shown = form(&ui, &visitor, &found, &typed, wrong).await?;
    if !shown.form.wrong.is_empty() {
        return page_with(shown.form.status(), &shown);
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
    let (service, actor) = (&ui.service, &visitor.actor);
    let (doing, showing) = (wish(false, agreed), wish(true, None));
    let later = |request| -> Later<'_, Vec<VoidsView>> {
        Box::pin(wish_voids(service, actor, found.batch, request))
    };
    let done = agreed.map(|_| later(&doing));
    match step(done, later(&showing)).await? {
        Step::Done(_) => {
            let words = "Signers are asked to void it. Once enough did, its coins and withdrawals are free.";
            return Ok(see_other_saying(&shown.back, words));
        }
        Step::Shown(views, changed) => {
            let meant: Vec<Txid> = views.iter().map(|view| view.txid).collect();
            shown.form.changed = changed;
            shown.voids = Some(VoidsShown {
                attempts: views.iter().map(asked_of).collect(),
                agreed: Agreed::to_nothing(service).to(&meant).to_string(),
            });
        }
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
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
    let request = |preview, agreed| Renew {
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let (service, actor) = (&ui.service, &visitor.actor);
    let (doing, showing) = (request(false, agreed), request(true, None));
    let later = |request| -> Later<'_, RenewalView> {
        Box::pin(cancel_batch(service, actor, found.batch, request))
    };
    let done = agreed.map(|_| later(&doing));
    match step(done, later(&showing)).await? {
        Step::Done(_) => {
            let words = "Issued. Once the cancellation is settled, the withdrawals have failed and can be paid again or cancelled.";
            return Ok(see_other_saying(&shown.back, words));
        }
        Step::Shown(planned, changed) => {
            let hidden = vec![
                ("how", "chain".to_owned()),
                ("feerate", asked.unwrap_or_default()),
            ];
            shown.form.preview(
                service,
                (found.vault, visitor.unit),
                (&planned, changed),
                ("Issue the cancellation", hidden),
            );
        }
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
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
        form: Form::new(
            format!("/batches/{}/cancel", found.batch),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
        is_signed: found.is_signed,
        by_voids: typed.how == "voids",
        voids: None,
    })
}
