//! Freezing, thawing and labelling a coin.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::OutPoint;
use policies::VaultId;
use serde::Deserialize;

use super::{DetailPage, detail_page};
use crate::service::browsing::coins::show_coin;
use crate::service::coin_marks::{
    FreezeCoin, LabelCoin, MAX_LABEL, freeze_coin, label_coin, thaw_coin,
};
use crate::service::said_of_vault::MAX_REASON;
use crate::service::{Right, ServiceError};
use crate::ui::Ui;
use crate::ui::deposits::nothing_where_unknown;
use crate::ui::fault::Fault;
use crate::ui::frame::{page_with, see_other_saying};
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::routes::{Needs, Table};
use crate::ui::visitor::Visitor;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct FreezeForm {
    reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct LabelForm {
    label: String,
}

pub(super) fn routes(table: Table) -> Table {
    let needs = Needs::Right(Right::Batch);
    table
        .post("/vaults/{vault}/coins/{outpoint}/freeze", needs, freeze)
        .post("/vaults/{vault}/coins/{outpoint}/thaw", needs, thaw)
        .post("/vaults/{vault}/coins/{outpoint}/label", needs, label)
}

pub(in crate::ui) async fn freeze(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<FreezeForm>,
) -> Result<Response, Fault> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    let request = FreezeCoin {
        reason: form.reason.clone(),
    };
    match freeze_coin(&ui.service, &visitor.actor, vault, coin, &request).await {
        Ok(frozen) if frozen.reserved => Ok(see_other_saying(
            &place(vault, coin),
            "Frozen. A batch holds it already and goes on; cancel that batch if it must not.",
        )),
        Ok(_) => Ok(see_other_saying(
            &place(vault, coin),
            "Frozen. No new attempt is made of it.",
        )),
        Err(ServiceError::Malformed { .. }) => {
            let words = format!("Say why, in one line of at most {MAX_REASON} characters.");
            let mut wrong = Wrong::default();
            wrong.add("reason", words);
            let page = DetailPage {
                reason: form.reason,
                wrong,
                ..standing(&ui, &visitor, vault, coin).await?
            };
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(nothing_where_unknown(error)),
    }
}

pub(in crate::ui) async fn thaw(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    thaw_coin(&ui.service, &visitor.actor, vault, coin)
        .await
        .map_err(nothing_where_unknown)?;
    Ok(see_other_saying(
        &place(vault, coin),
        "Thawed. It may be spent again.",
    ))
}

pub(in crate::ui) async fn label(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<LabelForm>,
) -> Result<Response, Fault> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    let request = LabelCoin {
        label: form.label.clone(),
    };
    match label_coin(&ui.service, &visitor.actor, vault, coin, &request).await {
        Ok(labelled) => {
            let words = if labelled.label.is_some() {
                "Labelled."
            } else {
                "The label is gone."
            };
            Ok(see_other_saying(&place(vault, coin), words))
        }
        Err(ServiceError::Malformed { .. }) => {
            let mut wrong = Wrong::default();
            wrong.add(
                "label",
                format!("One line of at most {MAX_LABEL} characters."),
            );
            let page = DetailPage {
                label: form.label,
                wrong,
                ..standing(&ui, &visitor, vault, coin).await?
            };
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(nothing_where_unknown(error)),
    }
}

/// The coin's page as it stands.
async fn standing(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    coin: OutPoint,
) -> Result<DetailPage, Fault> {
    let coin = show_coin(&ui.service, &visitor.actor, vault, coin)
        .await
        .map_err(nothing_where_unknown)?;
    Ok(detail_page(ui, visitor, vault, &coin))
}

fn place(vault: VaultId, coin: OutPoint) -> String {
    format!("/vaults/{vault}/coins/{coin}")
}
