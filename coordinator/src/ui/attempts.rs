//! The pages of attempts: their list, each with all about it, its files, and what takes its place.

pub(super) mod carrying;
mod detail;
mod files;
pub(super) mod filters;
mod flowing;
mod ladder;
pub(super) mod list;
mod money;
mod replace;
mod rows;
mod signatures;
#[cfg(test)]
mod tests;
mod told;

pub(super) use self::money::grouped;
use super::routes::{Needs, Table};
use crate::service::Right;

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table
        .get("/vaults/{vault}/attempts", read, list::list)
        .get("/attempts/{txid}", read, detail::show)
        .get("/attempts/{txid}/attempt.psbt", read, files::download)
        .get("/attempts/{txid}/final.txn", read, files::transaction)
        .post(
            "/attempts/{txid}/files",
            Needs::Right(Right::Sign),
            files::take_one,
        )
        .post(
            "/attempts/files",
            Needs::Right(Right::Sign),
            files::take_any,
        )
        .post(
            "/attempts/{txid}/release",
            Needs::Right(Right::Batch),
            ladder::release,
        )
        .get(
            "/attempts/{txid}/replace",
            Needs::Right(Right::Batch),
            replace::ask,
        )
        .post(
            "/attempts/{txid}/replace",
            Needs::Right(Right::Batch),
            replace::replace,
        )
}

/// A transaction's id as it stands in a link.
pub(super) fn short(id: &impl ToString) -> String {
    let id = id.to_string();
    match id.get(..8).zip(id.get(id.len().saturating_sub(8)..)) {
        Some((first, last)) if id.len() > 17 => format!("{first}…{last}"),
        Some(_) | None => id,
    }
}

/// What an attempt or a batch is for, in words.
pub(super) fn purpose(name: &str) -> &str {
    match name {
        "pay" => "payment",
        "bump" => "payment at a higher fee",
        "consolidate" => "joining coins",
        "refresh" => "renewing coins",
        "cancel" => "cancellation",
        "drain" => "bringing coins home",
        "recover" => "recovery",
        other => other,
    }
}

/// A number of things.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// A number of things, as lists have it.
pub(super) fn counted_of(count: u32, what: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), what)
}
