//! The batches of a vault page by page, one line each.

use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::attempt_lines::{AttemptLine, Filter, line};
use super::list_walk::{self, Lines};
use super::paging::{Cursor, Paged};
use super::{Actor, Service, ServiceError};
use crate::session::BatchId;
use crate::store::attempt_lines::{self, Wanted};
use crate::store::batch_lines::{self, BatchLineRow};

/// A batch in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Its identity.
    pub batch: BatchId,
    /// What it is for.
    pub purpose: &'static str,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// How many withdrawals are in it.
    pub withdrawals: u32,
    /// What they ask for at most.
    pub asked_sat: u64,
    /// How many attempts it has.
    pub attempts: usize,
    /// The attempt that stands for it: the newest that may still be paid or was, else the newest.
    pub current: Option<AttemptLine>,
}

/// The batches of a vault that a filter lets through, newest first, a page at a time. A state or a signer asks for
/// batches with an attempt in that state or awaiting that signer; a text for part of a txid or of the batch's id.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ServiceError::UnknownState`].
pub async fn page_of_batches(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    filter: &Filter,
    after: Option<&Cursor>,
    most: u32,
) -> Result<Paged<BatchLine>, ServiceError> {
    let lines = Batches { service, filter };
    list_walk::page_of(service, actor, vault, (&lines, filter), after, most).await
}

struct Batches<'a> {
    service: &'a Service,
    filter: &'a Filter,
}

impl Lines for Batches<'_> {
    type Id = BatchId;
    type Row = BatchLineRow;
    type Line = BatchLine;

    async fn rows(
        &self,
        tx: &mut Transaction,
        wanted: &Wanted<'_, BatchId>,
        limit: u32,
    ) -> Result<Vec<BatchLineRow>, ServiceError> {
        Ok(batch_lines::page(tx, wanted, limit).await?)
    }

    fn place(row: &BatchLineRow) -> (UnixTime, BatchId) {
        (row.created_at, row.id)
    }

    async fn line(
        &self,
        tx: &mut Transaction,
        row: BatchLineRow,
    ) -> Result<Option<BatchLine>, ServiceError> {
        let found = attempt_lines::of_batch(tx, row.id).await?;
        let names = |txid| self.filter.names(txid);
        if !self.filter.names(&row.id) && !found.iter().map(|one| &one.txid).any(names) {
            return Ok(None);
        }
        let mut lines = Vec::new();
        for attempt in &found {
            lines.push(line(self.service, tx, attempt).await?);
        }
        // A batch without an attempt awaits nobody.
        let awaits =
            self.filter.signer.is_empty() || lines.iter().any(|one| self.filter.awaits(one));
        Ok(awaits.then(|| BatchLine {
            batch: row.id,
            purpose: row.purpose.name(),
            created_at: row.created_at,
            created_by: row.created_by,
            withdrawals: row.withdrawals,
            asked_sat: row.asked.to_sat(),
            attempts: lines.len(),
            current: current(lines),
        }))
    }
}

/// The attempt that stands for a batch: one in a block before others, then the newest that may confirm.
pub(super) fn current(lines: Vec<AttemptLine>) -> Option<AttemptLine> {
    let rank = |line: &AttemptLine| match line.state {
        "settled" => 3,
        "confirmed" => 2,
        "dead" | "dropped" => 0,
        _ => 1,
    };
    lines
        .into_iter()
        .max_by_key(|line| (rank(line), line.number))
}
