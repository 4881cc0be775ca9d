//! The pages of a vault's policy: what the version in force means, which versions there are, and what the next one
//! changes.
//!
//! Invariant: a version is made, approved and pinned by people with their own tools; these pages show it in the words
//! of review, carry files, and say with which command each thing is checked. Activating a version only tells this
//! coordinator to follow it.

mod activate;
mod compare;
mod exports;
mod propose;
mod replay;
mod sheet;
mod show;
mod shown;
mod sides;
mod version;
mod versions;

use super::routes::{Needs, Table};
use crate::service::Right;

/// The pages of a vault's policy.
pub(super) fn routes(table: Table) -> Table {
    let (read, approve) = (Needs::Right(Right::Read), Needs::Right(Right::Approve));
    let change = Needs::Right(Right::ChangePolicy);
    table
        .get("/vaults/{vault}/policy", read, show::show)
        .get("/vaults/{vault}/policy/sheet", read, sheet::in_force)
        .get("/vaults/{vault}/policy/versions", read, versions::list)
        .get("/vaults/{vault}/policy/versions/{id}", read, version::show)
        .post(
            "/vaults/{vault}/policy/versions/{id}/approvals",
            approve,
            version::hand_in,
        )
        .get(
            "/vaults/{vault}/policy/versions/{id}/activate",
            change,
            activate::preview,
        )
        .post(
            "/vaults/{vault}/policy/versions/{id}/activate",
            change,
            activate::activate,
        )
        .get(
            "/vaults/{vault}/policy/versions/{id}/replay",
            read,
            replay::show,
        )
        .get(
            "/vaults/{vault}/policy/versions/{id}/sheet",
            read,
            sheet::of_version,
        )
        .get(
            "/vaults/{vault}/policy/versions/{id}/export/{what}",
            read,
            exports::export,
        )
        .get("/vaults/{vault}/policy/compare", read, compare::show)
        .get("/vaults/{vault}/policy/propose", approve, propose::blank)
        .post("/vaults/{vault}/policy/propose", approve, propose::look)
}

#[cfg(test)]
mod tests;
