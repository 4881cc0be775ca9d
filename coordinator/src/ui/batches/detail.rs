//! The page of a batch.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;

use crate::service::Right;
use crate::service::batch_page::{BatchPage, BatchedWithdrawal, batch_page};
use crate::session::BatchId;
use crate::ui::Ui;
use crate::ui::attempts::list::Row;
use crate::ui::attempts::{counted, purpose, short};
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::Named;
use crate::ui::show::{Address, Moment, Money, Outside, State as Chip, TxidText, Unit};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "batches/detail.html")]
struct DetailPage {
    frame: Frame,
    title: String,
    id: TxidText,
    here: String,
    list_href: String,
    made: Moment,
    by: Outside,
    withdrawals: Vec<WithdrawalRow>,
    attempts: Vec<Row>,
    coins: Vec<TxidText>,
    waits: Option<String>,
    may_plan: bool,
    may_cancel: bool,
}

/// A withdrawal of a batch.
pub(super) struct WithdrawalRow {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) amount: Money,
    pub(super) address: Address,
    pub(super) reference: Outside,
    pub(super) state: Chip,
    pub(super) is_open: bool,
    pub(super) checked: bool,
}

impl WithdrawalRow {
    pub(super) fn of(one: &BatchedWithdrawal, vault: policies::VaultId, unit: Unit) -> Self {
        Self {
            href: format!("/vaults/{vault}/withdrawals/{}/{}", one.requester, one.id),
            name: format!("{}/{}", one.requester, one.id),
            amount: Money::new(Amount::from_sat(one.amount_sat), unit),
            address: Address::new(
                one.address
                    .as_deref()
                    .unwrap_or("a script without an address"),
            ),
            reference: Outside::new(&one.reference),
            state: Chip::new(one.state),
            is_open: one.is_open,
            checked: false,
        }
    }
}

pub(crate) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let batch: BatchId = named.get("batch")?;
    let found = batch_page(&ui.service, &visitor.actor, batch).await?;
    page(&of(&visitor, &found))
}

fn of(visitor: &Visitor, found: &BatchPage) -> DetailPage {
    let vault = found.vault;
    let may = visitor.may(Right::Batch);
    let pays = !found.withdrawals.is_empty();
    let has_open = found.withdrawals.iter().any(|one| one.is_open);
    let title = if pays {
        format!(
            "Batch of {}",
            counted(found.withdrawals.len(), "withdrawal")
        )
    } else {
        format!("Batch for {}", purpose(found.purpose))
    };
    let waiting = found.attempts.iter().find(|line| !line.missing.is_empty());
    DetailPage {
        frame: visitor.frame(&title, Place::Vault(vault, Tab::Batches)),
        id: TxidText::of(&found.batch.to_string()),
        here: format!("/batches/{}", found.batch),
        list_href: format!("/vaults/{vault}/batches"),
        made: Moment::new(found.created_at),
        by: Outside::new(&found.created_by),
        withdrawals: (found.withdrawals.iter())
            .map(|one| WithdrawalRow::of(one, vault, visitor.unit))
            .collect(),
        attempts: (found.attempts.iter())
            .map(|line| Row::of(line, visitor.unit, found.now))
            .collect(),
        coins: found.coins.iter().map(|coin| TxidText::of(coin)).collect(),
        waits: waiting.map(|line| {
            format!(
                "Attempt {} waits for signatures. Still able to sign: {}.",
                short(&line.txid),
                line.missing.join(", ")
            )
        }),
        may_plan: may && has_open,
        may_cancel: may && found.is_open,
        title,
    }
}
