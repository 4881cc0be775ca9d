//! The batches of a vault page by page, one line each.

use bitcoin::Txid;
use policies::{UnixTime, VaultId};

use super::attempt_lines::{AttemptLine, Filter, asked, at, line, read_place, rows_of};
use super::paging::{Cursor, Paged};
use super::{Actor, Right, Service, ServiceError, expect_state};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempt_lines;
use crate::store::batch_lines::{self, Wanted};

/// The rows that are read at a time while lines are looked for.
const CHUNK: u32 = 200;

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
    actor.require(Right::Read, vault)?;
    expect_state(asked(&filter.state), &AttemptState::NAMES)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let mut place = after.and_then(read_place::<BatchId>);
    let text = filter.text.trim().to_ascii_lowercase();
    let mut items: Vec<BatchLine> = Vec::new();
    loop {
        let wanted = Wanted {
            vault,
            state: &filter.state,
            purpose: &filter.purpose,
            since: filter.since.unwrap_or(UnixTime::from_secs(0)),
            until: filter.until.unwrap_or(UnixTime::from_secs(u64::MAX)),
            after: place,
        };
        let rows = batch_lines::page(&mut tx, &wanted, CHUNK).await?;
        let read = rows.len();
        for row in rows {
            place = Some((row.created_at, row.id));
            let found = attempt_lines::of_batch(&mut tx, row.id).await?;
            let txids: Vec<Txid> = found.iter().map(|attempt| attempt.txid).collect();
            let is_meant = |name: String| name.contains(&text);
            if !is_meant(row.id.to_string()) && !txids.iter().any(|txid| is_meant(txid.to_string()))
            {
                continue;
            }
            let mut lines = Vec::new();
            for attempt in &found {
                lines.push(line(service, &mut tx, attempt).await?);
            }
            let awaits = |line: &AttemptLine| line.missing.contains(&filter.signer);
            if !filter.signer.is_empty() && !lines.iter().any(awaits) {
                continue;
            }
            if items.len() == rows_of(most) {
                return Ok(Paged {
                    next: items.last().map(|last| at(last.created_at, &last.batch)),
                    items,
                });
            }
            items.push(BatchLine {
                batch: row.id,
                purpose: row.purpose.name(),
                created_at: row.created_at,
                created_by: row.created_by,
                withdrawals: row.withdrawals,
                asked_sat: row.asked.to_sat(),
                attempts: lines.len(),
                current: current(lines),
            });
        }
        if read < rows_of(CHUNK) {
            return Ok(Paged { items, next: None });
        }
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
