//! Paying a withdrawal again that failed: what it means is shown first, and only then done.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{href, key};
use crate::service::renewals::{self, Renew};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::show::Outside;
use crate::ui::visitor::Visitor;

/// At which feerate, and whether it is only shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    feerate: String,
    step: String,
}

#[derive(Template)]
#[template(path = "withdrawals/pay_again.html")]
struct PayAgainPage {
    frame: Frame,
    href: String,
    id: Outside,
    feerate: String,
    wrong: Wrong,
    plans: Vec<Vec<String>>,
}

pub(super) async fn pay_again(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<Form>,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let href = href(key.vault, &key.requester, &key.id);
    let feerate = Some(form.feerate.trim().to_owned()).filter(|feerate| !feerate.is_empty());
    let make = form.step == "make";
    let renew = Renew {
        feerate_sat_vb: feerate,
        preview: !make,
        agreed: None,
    };
    let mut wrong = Wrong::default();
    let mut status = StatusCode::OK;
    let plans = match renewals::pay_again(&ui.service, &visitor.actor, &key, &renew).await {
        Ok(view) if make => {
            let batch = view.batches.first().map(|batch| batch.batch.to_string());
            let next = batch.map_or_else(|| href.clone(), |batch| format!("/batches/{batch}"));
            return Ok(see_other_saying(
                &next,
                "It is paid again. Signers are asked.",
            ));
        }
        Ok(view) => view.plans.into_iter().map(|plan| plan.words).collect(),
        Err(error) => {
            let fault = Fault::from(error);
            if fault.status().is_server_error() {
                return Err(fault);
            }
            status = fault.status();
            let hint = fault
                .hint()
                .map_or_else(String::new, |hint| format!(" What to do: {hint}."));
            wrong.add("feerate", format!("{}{hint}", fault.words()));
            Vec::new()
        }
    };
    page_with(
        status,
        &PayAgainPage {
            frame: visitor.frame("Pay again", Place::Vault(key.vault, Tab::Withdrawals)),
            id: Outside::new(key.id.as_str()),
            feerate: form.feerate,
            href,
            wrong,
            plans,
        },
    )
}
