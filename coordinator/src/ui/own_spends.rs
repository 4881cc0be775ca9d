//! Spends to ourselves and recoveries, each shown before it is issued.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use super::posted::{Named, Posted, Wrong};
use super::preview::{FeerateChoice, Part, Previewed, feerate, told};
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
    action: String,
    coins_href: String,
    typed: Typed,
    choice: FeerateChoice,
    wrong: Wrong,
    problem: Option<Fault>,
    nothing: Option<String>,
    previewed: Option<Previewed>,
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
    let is_well = wrong.is_empty();
    let mut shown = form(ui, visitor, (vault, what), typed, wrong).await?;
    if !is_well {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let wanted = Wanted { purpose, what };
    let mut changed = false;
    if agreed.is_some() {
        match wanted
            .spend(ui, visitor, vault, &asked, (false, agreed))
            .await
        {
            Ok(done) => {
                let batch = done.batch.map(|batch| batch.batch);
                let to = batch.map_or_else(
                    || format!("/vaults/{vault}/batches"),
                    |batch| format!("/batches/{batch}"),
                );
                return Ok(see_other_saying(&to, "Issued. Signers are asked to sign."));
            }
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return refused(shown, error),
        }
    }
    let agreed = Agreed::to_nothing(&ui.service);
    match wanted
        .spend(ui, visitor, vault, &asked, (true, Some(agreed)))
        .await
    {
        Ok(own) if own.coins.is_empty() => {
            let next = own.waiting.iter().map(|coin| coin.from_height).min();
            shown.nothing = Some(next.map_or_else(
                || "No coin of the vault can be recovered.".to_owned(),
                |next| {
                    format!("No coin is old enough yet. The first is old enough for block {next}.")
                },
            ));
            page(&shown)
        }
        Ok(own) => {
            let typed = &shown.typed;
            shown.previewed = Some(Previewed {
                parts: vec![Part::of_own(&own, visitor.unit)],
                action: shown.action.clone(),
                hidden: vec![
                    ("purpose", typed.purpose.clone()),
                    ("coins", typed.coins.clone()),
                    ("max_inputs", typed.max_inputs.clone()),
                    ("older", typed.older.clone()),
                    ("feerate", asked.feerate.clone().unwrap_or_default()),
                ],
                agreed: agreed.to(&own).to_string(),
                confirm: "Issue it".to_owned(),
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
        Err(error) => refused(shown, error),
    }
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

fn refused(mut shown: OwnPage, error: ServiceError) -> Result<Response, Fault> {
    let fault = told(error)?;
    let status = fault.status();
    shown.problem = Some(fault);
    page_with(status, &shown)
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
        action: format!("/vaults/{vault}/{tail}"),
        coins_href: format!("/vaults/{vault}/coins"),
        choice: FeerateChoice::new(&offered, &typed.speed, &typed.feerate),
        typed,
        wrong,
        problem: None,
        nothing: None,
        previewed: None,
    })
}
