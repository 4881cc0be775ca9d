//! Planning a batch anew: more, fewer or other withdrawals, merged with other batches, or split.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::all_named;
use super::detail::WithdrawalRow;
use crate::service::agreed::Agreed;
use crate::service::batch_page::{BatchPage, batch_page};
use crate::service::feerates::feerates;
use crate::service::renewals::{PlanBatch, RenewalView, plan_batch};
use crate::session::BatchId;
use crate::ui::Ui;
use crate::ui::agreeing::{Form, Later, Step, step};
use crate::ui::attempts::{counted, short};
use crate::ui::fault::Fault;
use crate::ui::feerate::{FeerateChoice, feerate};
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::show::Moment;
use crate::ui::visitor::Visitor;

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    speed: String,
    feerate: String,
    add: Vec<String>,
    remove: Vec<String>,
    split: Vec<String>,
    merge: Vec<String>,
    agreed: String,
}

#[derive(Template)]
#[template(path = "batches/plan.html")]
struct PlanPage {
    frame: Frame,
    short: String,
    back: String,
    form: Form,
    within: Vec<Within>,
    could_join: Vec<WithdrawalRow>,
    could_merge: Vec<Mergeable>,
}

/// A withdrawal that is paid now, and what is to become of it.
struct Within {
    row: WithdrawalRow,
    remove: bool,
    split: bool,
}

/// Another batch.
struct Mergeable {
    id: String,
    short: String,
    made: Moment,
    open: String,
    checked: bool,
}

pub(crate) async fn ask(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let batch = named.get("batch")?;
    let found = batch_page(&ui.service, &visitor.actor, batch).await?;
    let typed = Typed::default();
    page(&form(&ui, &visitor, &found, &typed, Wrong::default()).await?)
}

pub(crate) async fn plan(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let batch: BatchId = named.get("batch")?;
    let found = batch_page(&ui.service, &visitor.actor, batch).await?;
    let mut wrong = Wrong::default();
    let asked = feerate(&mut wrong, &typed.speed, &typed.feerate);
    let merge: Vec<BatchId> = typed
        .merge
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect();
    if typed.remove.iter().any(|name| typed.split.contains(name)) {
        wrong.add(
            "within",
            "A withdrawal can be left out or split off, not both.",
        );
    }
    let mut shown = form(&ui, &visitor, &found, &typed, wrong).await?;
    if !shown.form.wrong.is_empty() {
        return page_with(shown.form.status(), &shown);
    }
    let request = |preview, agreed| PlanBatch {
        add: all_named(&typed.add),
        remove: all_named(&typed.remove),
        split: all_named(&typed.split),
        merge: merge.clone(),
        feerate_sat_vb: asked.clone(),
        preview,
        agreed,
    };
    let agreed = typed.agreed.parse::<Agreed>().ok();
    let (service, actor) = (&ui.service, &visitor.actor);
    let (doing, showing) = (request(false, agreed), request(true, None));
    let later = |request| -> Later<'_, RenewalView> {
        Box::pin(plan_batch(service, actor, batch, request))
    };
    let done = agreed.map(|_| later(&doing));
    match step(done, later(&showing)).await? {
        Step::Done(done) => {
            let words = format!(
                "Issued {}. Signers are asked to sign anew.",
                counted(done.plans.len(), "attempt")
            );
            return Ok(see_other_saying(&shown.back, &words));
        }
        Step::Shown(planned, changed) => shown.form.preview(
            service,
            (found.vault, visitor.unit),
            (&planned, changed),
            ("Issue this plan", hidden(&typed, asked)),
        ),
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
}

fn hidden(typed: &Typed, feerate: Option<String>) -> Vec<(&'static str, String)> {
    let mut hidden = vec![("feerate", feerate.unwrap_or_default())];
    for (field, values) in [
        ("add", &typed.add),
        ("remove", &typed.remove),
        ("split", &typed.split),
        ("merge", &typed.merge),
    ] {
        hidden.extend(values.iter().map(|value| (field, value.clone())));
    }
    hidden
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    found: &BatchPage,
    typed: &Typed,
    wrong: Wrong,
) -> Result<PlanPage, Fault> {
    let vault: VaultId = found.vault;
    let offered = feerates(&ui.service, &visitor.actor, vault).await?;
    let open = found.withdrawals.iter().filter(|one| one.is_open);
    let row = |one| WithdrawalRow::of(one, vault, visitor.unit);
    let could_join = found.could_join.iter().map(|one| {
        let row = row(one);
        WithdrawalRow {
            checked: typed.add.contains(&row.name),
            ..row
        }
    });
    let could_merge = found.could_merge.iter().map(|other| {
        let id = other.batch.to_string();
        Mergeable {
            short: short(&other.batch),
            made: Moment::new(other.created_at),
            open: counted(other.open, "withdrawal"),
            checked: typed.merge.contains(&id),
            id,
        }
    });
    Ok(PlanPage {
        frame: visitor.frame("Plan a batch anew", Place::Vault(vault, Tab::Batches)),
        short: short(&found.batch),
        back: format!("/batches/{}", found.batch),
        form: Form::new(
            format!("/batches/{}/plan", found.batch),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
        within: open
            .map(|one| {
                let row = row(one);
                Within {
                    remove: typed.remove.contains(&row.name),
                    split: typed.split.contains(&row.name),
                    row,
                }
            })
            .collect(),
        could_join: could_join.collect(),
        could_merge: could_merge.collect(),
    })
}
