//! The part of the ledger's page about customers: whether references are accounts, and which of them are below 0.

use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::see_other_saying;
use super::posted::{Named, Posted};
use super::routes::{Needs, Table};
use super::show::{Moment, Money, Outside};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::customers::{
    NegativeView, ReleaseCustomer, SetCustomers, release_customer, set_customers, show_customers,
};

/// What the page shows of customers.
#[derive(Debug)]
pub(super) struct Customers {
    pub(super) are_accounts: bool,
    pub(super) negative: Vec<Negative>,
    pub(super) may_decide: bool,
}

/// A customer below 0.
#[derive(Debug)]
pub(super) struct Negative {
    pub(super) reference: Outside,
    pub(super) balance: Money,
    pub(super) since: Moment,
    /// Why their withdrawals go on; none while they wait.
    pub(super) released: Option<Outside>,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .post("/vaults/{vault}/customers", Needs::Right(Right::Batch), set)
        .post(
            "/vaults/{vault}/customers/release",
            Needs::Right(Right::Batch),
            release,
        )
}

impl Customers {
    pub(super) async fn of(ui: &Ui, visitor: &Visitor, vault: VaultId) -> Result<Self, Fault> {
        let shown = show_customers(&ui.service, &visitor.actor, vault).await?;
        let negative = |one: NegativeView| Negative {
            reference: Outside::new(&one.reference),
            balance: Money::signed(one.balance_sat, visitor.unit),
            since: Moment::new(one.since),
            released: one.release_reason.as_deref().map(Outside::new),
        };
        Ok(Self {
            are_accounts: shown.references_are_accounts,
            negative: shown.negative.into_iter().map(negative).collect(),
            may_decide: visitor.may(Right::Batch),
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SetForm {
    accounts: bool,
}

pub(super) async fn set(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<SetForm>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let request = SetCustomers {
        references_are_accounts: form.accounts,
    };
    set_customers(&ui.service, &visitor.actor, vault, &request).await?;
    let said = if form.accounts {
        "References are accounts of customers. None is paid on while it is below 0."
    } else {
        "References are no accounts any more. Nothing is held for them."
    };
    Ok(see_other_saying(&format!("/vaults/{vault}/ledger"), said))
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReleaseForm {
    reference: String,
    reason: String,
}

pub(super) async fn release(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<ReleaseForm>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let request = ReleaseCustomer {
        reference: form.reference,
        reason: form.reason,
    };
    release_customer(&ui.service, &visitor.actor, vault, &request).await?;
    let said = "Withdrawals in that name go on, until it is even again.";
    Ok(see_other_saying(&format!("/vaults/{vault}/ledger"), said))
}
