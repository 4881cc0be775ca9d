//! Spends to ourselves and recoveries, each shown before it is issued.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::Ui;
use super::agreeing::{Form, Later, Step, step};
use super::fault::Fault;
use super::feerate::{FeerateChoice, feerate};
use super::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use super::posted::{Named, Posted, Wrong};
use super::preview::{Part, Previewed};
use super::routes::{Needs, Table};
use super::visitor::Visitor;
use crate::service::agreed::Agreed;
use crate::service::feerates::feerates;
use crate::service::recoveries::{CreateRecovery, create_recovery};
use crate::service::self_spends::{
    CreateSelfSpend, OwnSpendView, SelfSpendPurpose, create_self_spend,
};
use crate::service::{Right, ServiceError};

pub(super) fn routes(table: Table) -> Table {
    let batch = Needs::Right(Right::Batch);
    table
        .get("/vaults/{vault}/self-spend", batch, ask_self)
        .post("/vaults/{vault}/self-spend", batch, self_spend)
        .get("/vaults/{vault}/recovery", batch, ask_recovery)
        .post("/vaults/{vault}/recovery", batch, recover)
}

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    purpose: String,
    coins: String,
    max_inputs: String,
    older: String,
    speed: String,
    feerate: String,
    agreed: String,
}

/// Which of the two forms it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    SelfSpend,
    Recovery,
}

#[derive(Template)]
#[template(path = "own/own.html")]
struct OwnPage {
    frame: Frame,
    is_recovery: bool,
    coins_href: String,
    typed: Typed,
    form: Form,
    nothing: Option<String>,
}

/// What the typed words ask for.
struct Asked {
    coins: Option<Vec<String>>,
    max_inputs: Option<u32>,
    older: Option<u16>,
    feerate: Option<String>,
}

async fn ask_self(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    ask(&ui, &visitor, named.vault()?, What::SelfSpend).await
}

async fn ask_recovery(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    ask(&ui, &visitor, named.vault()?, What::Recovery).await
}

pub(super) async fn self_spend(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    act(&ui, &visitor, named.vault()?, What::SelfSpend, typed).await
}

pub(super) async fn recover(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    act(&ui, &visitor, named.vault()?, What::Recovery, typed).await
}

async fn ask(ui: &Ui, visitor: &Visitor, vault: VaultId, what: What) -> Result<Response, Fault> {
    let typed = Typed {
        purpose: "consolidate".to_owned(),
        ..Typed::default()
    };
    page(&form(ui, visitor, (vault, what), typed, Wrong::default()).await?)
}

async fn act(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    what: What,
    typed: Typed,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let asked = read(&mut wrong, &typed);
    let purpose = match typed.purpose.as_str() {
        "refresh" => SelfSpendPurpose::Refresh,
        "drain" => SelfSpendPurpose::Drain,
        _ => SelfSpendPurpose::Consolidate,
    };
    let agreed = typed.agreed.parse::<Agreed>().ok();
    let mut shown = form(ui, visitor, (vault, what), typed, wrong).await?;
    if !shown.form.wrong.is_empty() {
        return page_with(shown.form.status(), &shown);
    }
    let wanted = Wanted { purpose, what };
    let nothing = Agreed::to_nothing(&ui.service);
    let spend = |how| -> Later<'_, OwnSpendView> {
        Box::pin(wanted.spend(ui, visitor, vault, &asked, how))
    };
    let done = agreed.map(|_| spend((false, agreed)));
    match step(done, spend((true, Some(nothing)))).await? {
        Step::Done(done) => {
            let batch = done.batch.map(|batch| batch.batch);
            let to = batch.map_or_else(
                || format!("/vaults/{vault}/batches"),
                |batch| format!("/batches/{batch}"),
            );
            return Ok(see_other_saying(&to, "Issued. Signers are asked to sign."));
        }
        Step::Shown(own, _) if own.coins.is_empty() => {
            let next = own.waiting.iter().map(|coin| coin.from_height).min();
            shown.nothing = Some(next.map_or_else(
                || "No coin of the vault can be recovered.".to_owned(),
                |next| {
                    format!("No coin is old enough yet. The first is old enough for block {next}.")
                },
            ));
        }
        Step::Shown(own, changed) => {
            let typed = &shown.typed;
            shown.form.changed = changed;
            shown.form.previewed = Some(Previewed {
                parts: vec![Part::of_own(&own, visitor.unit)],
                action: shown.form.action.clone(),
                hidden: vec![
                    ("purpose", typed.purpose.clone()),
                    ("coins", typed.coins.clone()),
                    ("max_inputs", typed.max_inputs.clone()),
                    ("older", typed.older.clone()),
                    ("feerate", asked.feerate.clone().unwrap_or_default()),
                ],
                agreed: nothing.to(&own).to_string(),
                confirm: "Issue it".to_owned(),
                changed,
                waiting: Vec::new(),
            });
        }
        Step::Refused(fault) => shown.form.problem = Some(fault),
    }
    page_with(shown.form.status(), &shown)
}

/// What is spent to ourselves.
struct Wanted {
    purpose: SelfSpendPurpose,
    what: What,
}

impl Wanted {
    async fn spend(
        &self,
        ui: &Ui,
        visitor: &Visitor,
        vault: VaultId,
        asked: &Asked,
        (dry_run, agreed): (bool, Option<Agreed>),
    ) -> Result<OwnSpendView, ServiceError> {
        match self.what {
            What::SelfSpend => {
                let request = CreateSelfSpend {
                    purpose: self.purpose,
                    keyset: None,
                    coins: asked.coins.clone(),
                    max_inputs: asked.max_inputs,
                    feerate_sat_vb: asked.feerate.clone(),
                    dry_run,
                    agreed,
                };
                create_self_spend(&ui.service, &visitor.actor, vault, &request).await
            }
            What::Recovery => {
                let request = CreateRecovery {
                    keyset: None,
                    coins: asked.coins.clone(),
                    older: asked.older,
                    feerate_sat_vb: asked.feerate.clone(),
                    dry_run,
                    agreed,
                };
                create_recovery(&ui.service, &visitor.actor, vault, &request).await
            }
        }
    }
}

fn read(wrong: &mut Wrong, typed: &Typed) -> Asked {
    let names: Vec<String> = typed.coins.split_whitespace().map(str::to_owned).collect();
    if names
        .iter()
        .any(|name| name.parse::<bitcoin::OutPoint>().is_err())
    {
        wrong.add(
            "coins",
            "One coin a line: its txid, a colon and the output's number.",
        );
    }
    let mut number = |field: &'static str, text: &str, most: u32| {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let number = text
            .parse::<u32>()
            .ok()
            .filter(|number| (1..=most).contains(number));
        if number.is_none() {
            wrong.add(
                field,
                format!("A whole number from 1 to {most}, or nothing."),
            );
        }
        number
    };
    let max_inputs = number("max_inputs", &typed.max_inputs, 1_000);
    let older = number("older", &typed.older, u32::from(u16::MAX));
    Asked {
        coins: (!names.is_empty()).then_some(names),
        max_inputs,
        older: older.and_then(|older| u16::try_from(older).ok()),
        feerate: feerate(wrong, &typed.speed, &typed.feerate),
    }
}

async fn form(
    ui: &Ui,
    visitor: &Visitor,
    (vault, what): (VaultId, What),
    typed: Typed,
    wrong: Wrong,
) -> Result<OwnPage, Fault> {
    let offered = feerates(&ui.service, &visitor.actor, vault).await?;
    let (title, tail) = match what {
        What::SelfSpend => ("Spend to ourselves", "self-spend"),
        What::Recovery => ("Recover coins", "recovery"),
    };
    Ok(OwnPage {
        frame: visitor.frame(title, Place::Vault(vault, Tab::Coins)),
        is_recovery: what == What::Recovery,
        coins_href: format!("/vaults/{vault}/coins"),
        form: Form::new(
            format!("/vaults/{vault}/{tail}"),
            FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
            wrong,
        ),
        typed,
        nothing: None,
    })
}
