//! The address book: lists of destinations, their entries, and new ones.

mod book;
mod entry;
mod import;
mod propose;

use policies::VaultId;

use super::frame::{Place, Tab};
use super::posted::percent_encoded;
use super::routes::{Needs, Table};
use crate::service::Right;

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    let approve = Needs::Right(Right::Approve);
    table
        .get("/vaults/{vault}/address-book", read, book::all)
        .get("/vaults/{vault}/address-book/{list}", read, book::of_list)
        .get(
            "/vaults/{vault}/address-book/{list}/propose",
            approve,
            propose::form,
        )
        .post(
            "/vaults/{vault}/address-book/{list}/propose",
            approve,
            propose::preview,
        )
        .get(
            "/vaults/{vault}/address-book/{list}/import",
            approve,
            import::form,
        )
        .post(
            "/vaults/{vault}/address-book/{list}/import",
            approve,
            import::read,
        )
        .get(
            "/vaults/{vault}/address-book/{list}/entries/{entry}",
            read,
            entry::show,
        )
        .get(
            "/vaults/{vault}/address-book/{list}/entries/{entry}/entry.json",
            read,
            entry::file,
        )
}

fn place(vault: VaultId) -> Place {
    Place::Vault(vault, Tab::AddressBook)
}

/// The path of a list.
fn path_of(vault: VaultId, list: &str) -> String {
    format!("/vaults/{vault}/address-book/{}", percent_encoded(list))
}

/// A list of names in words: `a, b or c`.
pub(super) fn any_of(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
