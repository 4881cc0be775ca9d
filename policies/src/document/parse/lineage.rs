//! Reading where a version stands in its vault's line: `version`, `vault`, `previous` and `keyset`.
//!
//! A first version is the vault and introduces its keyset, so that it names none of them. That a later
//! version tells the truth about them is decided beside the version before it ([`crate::succession`]).

use std::str::FromStr;

use super::super::Problem;
use super::super::reader::{Mistakes, Table};
use crate::{HexError, Keyset, PolicyId, VaultId};

/// What a document says of its place; nothing of a first version's.
pub(super) struct Lineage {
    pub(super) version: u32,
    pub(super) vault: Option<VaultId>,
    pub(super) previous: Option<PolicyId>,
    /// Nothing where this version introduces its keyset.
    pub(super) keyset: Option<Keyset>,
}

pub(super) fn lineage(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Lineage> {
    let version: Option<u32> = root
        .required("version", mistakes)
        .and_then(|field| field.integer(1..=u64::from(u32::MAX), mistakes));
    let first = version == Some(1);
    let vault = identity(root, "vault", first, mistakes);
    let previous = identity(root, "previous", first, mistakes);
    let keyset = identity(root, "keyset", first, mistakes);
    let version = version?;
    if !first {
        for (key, missing) in [("vault", vault.is_none()), ("previous", previous.is_none())] {
            let written = root
                .optional(key)
                .is_some_and(|field| field.text(mistakes) != Some(""));
            if missing && !written {
                mistakes.add(&root.place(key), Problem::Missing);
            }
        }
    }
    Some(Lineage {
        version,
        vault,
        previous,
        keyset,
    })
}

/// An identity that a later version may name; empty is none.
fn identity<T: FromStr<Err = HexError>>(
    root: &Table<'_>,
    key: &str,
    first: bool,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let field = root.optional(key)?;
    let text = field.text(mistakes)?;
    if text.is_empty() {
        return None;
    }
    if first {
        return field.invalid(text, &"nothing in a first version", mistakes);
    }
    field.parse(mistakes, |text| {
        text.parse().map_err(|_| "64 lower hex digits")
    })
}
