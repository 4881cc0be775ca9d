//! The entries of a vault's ledger.

use policies::VaultId;
use watchtower::store::pages::entries::{EntryFilter, page};

use super::{number, one_more};
use crate::service::books::{self, EntryView, entry_view};
use crate::service::paging::{Cursor, Paged};
use crate::service::{Actor, Service, ServiceError};

/// The next entries of a vault after a place, the last made first.
///
/// # Errors
/// `VaultError::UnknownVault`; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_entries(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    filter: &EntryFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<EntryView>, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let more = one_more(limit);
    let rows = page(&mut tx, vault, filter, number(after)?, more).await?;
    let rows = rows.into_iter().map(entry_view).collect();
    Ok(Paged::from_rows(
        rows,
        more.saturating_sub(1),
        |row: &EntryView| Cursor::of(&[&row.number.to_string()]),
    ))
}
