//! Making a batch now.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::all_named;
use crate::service::agreed::Agreed;
use crate::service::batch_preview::{PlannedBatch, preview_batch};
use crate::service::batches::{BatchView, CreateBatch, create_batch};
use crate::service::feerates::feerates;
use crate::service::queue::{QueuedView, show_queue};
use crate::ui::Ui;
use crate::ui::agreeing::{Form, Later, Step, step};
use crate::ui::fault::Fault;
use crate::ui::feerate::{FeerateChoice, feerate};
use crate::ui::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::preview::{Part, Previewed};
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
    form: Form,
    all: bool,
    queued: Vec<QueuedRow>,
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
    let mut shown = form(&ui, &visitor, vault, &typed, wrong).await?;
    if !shown.form.wrong.is_empty() {
        return page_with(shown.form.status(), &shown);
    }
    let request = |agreed| CreateBatch {
        withdrawals: some.then(|| chosen.clone()),
        feerate_sat_vb: asked.clone(),
        agreed: Some(agreed),
        ..CreateBatch::default()
    };
    let (service, actor) = (&ui.service, &visitor.actor);
    let seen = typed.agreed.parse::<Agreed>().ok();
    let nothing = Agreed::to_nothing(service);
    let (doing, showing) = (request(seen.unwrap_or(nothing)), request(nothing));
    let done = seen
        .map(|_| -> Later<'_, BatchView> { Box::pin(create_batch(service, actor, vault, &doing)) });
    let shown_anew: Later<'_, PlannedBatch> =
        Box::pin(preview_batch(service, actor, vault, &showing));
    match step(done, shown_anew).await? {
        Step::Done(made) => {
            let words = "Made. Its coins are reserved, and signers are asked to sign.";
            return Ok(see_other_saying(&format!("/batches/{}", made.batch), words));
        }
        Step::Shown(planned, changed) => {
            let mut hidden = vec![
                ("feerate", asked.unwrap_or_default()),
                ("which", typed.which.clone()),
            ];
            let named = typed.withdrawal.iter().filter(|_| some);
            hidden.extend(named.map(|name| ("withdrawal", name.clone())));
            let waiting = planned.waiting.iter();
            shown.form.changed = changed;
            shown.form.previewed = Some(Previewed {
                parts: vec![Part::of_batch(&planned, vault, visitor.unit)],
                action: shown.form.action.clone(),
                hidden,
                agreed: nothing.to(&planned).to_string(),
                confirm: "Make this batch".to_owned(),
                changed,
                waiting: waiting
                    .map(|one| (format!("{}/{}", one.requester, one.id), one.says.clone()))
                    .collect(),
            });
        }
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
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
        form: Form::new(
            format!("/vaults/{vault}/batches/new"),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
        all: typed.which != "some",
        queued: approved.map(|one| row(one, vault, typed)).collect(),
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
