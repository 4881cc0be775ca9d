//! Withdrawals: listed, asked for, looked at, approved and refused.
//!
//! Invariant: no page here signs anything. What is signed is shown with the command or the tool that shows it
//! again; an approval in the page is offered only where the rules count it, and says what it means.

mod approve;
mod approving;
mod detail;
mod files;
mod list;
mod new;
mod pay_again;
mod requesting;
#[cfg(test)]
mod tests;
mod words;

use policies::VaultId;

use super::fault::Fault;
use super::posted::Named;
use super::routes::{Needs, Table};
use crate::service::Right;
use crate::store::withdrawals::WithdrawalKey;

/// The pages.
pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    let submit = Needs::Right(Right::Submit);
    let approve = Needs::Right(Right::Approve);
    let batch = Needs::Right(Right::Batch);
    table
        .get("/vaults/{vault}/withdrawals", read, list::list)
        .get("/vaults/{vault}/withdrawals/new", submit, new::form)
        .post(
            "/vaults/{vault}/withdrawals/new",
            submit,
            requesting::review,
        )
        .post(
            "/vaults/{vault}/withdrawals/new/preview",
            submit,
            new::preview,
        )
        .post(
            "/vaults/{vault}/withdrawals/new/intent",
            submit,
            requesting::intent,
        )
        .post(
            "/vaults/{vault}/withdrawals/new/signed",
            submit,
            requesting::signed,
        )
        .get(
            "/vaults/{vault}/withdrawals/approve",
            approve,
            approve::page,
        )
        .post(
            "/vaults/{vault}/withdrawals/approve/touched",
            approve,
            approving::touched,
        )
        .post(
            "/vaults/{vault}/withdrawals/approve/signed",
            approve,
            approving::signed,
        )
        .get(
            "/vaults/{vault}/withdrawals/{requester}/{id}",
            read,
            detail::detail,
        )
        .get(
            "/vaults/{vault}/withdrawals/{requester}/{id}/request.json",
            read,
            files::request,
        )
        .get(
            "/vaults/{vault}/withdrawals/{requester}/{id}/receipt.json",
            read,
            files::receipt,
        )
        .get(
            "/vaults/{vault}/withdrawals/{requester}/{id}/receipt",
            read,
            files::printed,
        )
        .post(
            "/vaults/{vault}/withdrawals/{requester}/{id}/speed",
            batch,
            detail::speed,
        )
        .post(
            "/vaults/{vault}/withdrawals/{requester}/{id}/cancel",
            submit,
            detail::cancel,
        )
        .get(
            "/vaults/{vault}/withdrawals/{requester}/{id}/pay-again",
            batch,
            pay_again::ask,
        )
        .post(
            "/vaults/{vault}/withdrawals/{requester}/{id}/pay-again",
            batch,
            pay_again::pay_again,
        )
}

/// Where the withdrawals of a vault are.
fn root(vault: VaultId) -> String {
    format!("/vaults/{vault}/withdrawals")
}

/// Where a withdrawal is. Names and ids are made of letters that a path takes as they are.
fn href(vault: VaultId, requester: &impl std::fmt::Display, id: &impl std::fmt::Display) -> String {
    format!("{}/{requester}/{id}", root(vault))
}

/// The withdrawal of the path.
fn key(named: &Named) -> Result<WithdrawalKey, Fault> {
    Ok(WithdrawalKey {
        vault: named.vault()?,
        requester: named.get("requester")?,
        id: named.get("id")?,
    })
}
