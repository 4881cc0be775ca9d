//! The pages of batches: their list, each with its withdrawals and attempts, making one, planning one anew, cancelling.

pub(super) mod cancel;
pub(super) mod detail;
pub(super) mod list;
pub(super) mod make;
pub(super) mod plan;

use super::routes::{Needs, Table};
use crate::service::Right;
use crate::service::batches::WithdrawalName;

pub(super) fn routes(table: Table) -> Table {
    let (read, batch) = (Needs::Right(Right::Read), Needs::Right(Right::Batch));
    table
        .get("/vaults/{vault}/batches", read, list::list)
        .get("/vaults/{vault}/batches/new", batch, make::ask)
        .post("/vaults/{vault}/batches/new", batch, make::make)
        .get("/batches/{batch}", read, detail::show)
        .get("/batches/{batch}/plan", batch, plan::ask)
        .post("/batches/{batch}/plan", batch, plan::plan)
        .get("/batches/{batch}/cancel", batch, cancel::ask)
        .post("/batches/{batch}/cancel", batch, cancel::cancel)
}

/// A withdrawal as a form names it: requester, stroke, id.
fn named(text: &str) -> Option<WithdrawalName> {
    let (requester, id) = text.split_once('/')?;
    Some(WithdrawalName {
        requester: requester.parse().ok()?,
        id: id.parse().ok()?,
    })
}

/// The withdrawals that a form names; what names none is left out.
fn all_named(texts: &[String]) -> Vec<WithdrawalName> {
    texts.iter().filter_map(|text| named(text)).collect()
}
