//! Blocks that the watchtower is asked to read again, and how far it is with that and with the chain.

use policies::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::chain;
use watchtower::store::database::Transaction;
use watchtower::store::scans::{self, Progress, Scan};

use super::{Actor, Right, Service, ServiceError};

/// Scans that are listed.
const LISTED: u32 = 100;

/// Asks for blocks to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScan {
    /// The height of the first block.
    pub from: u32,
    /// The height of the last one; without it, the tip. Where coins are found, blocks are read up to the tip.
    #[serde(default)]
    pub to: Option<u32>,
}

/// How much of a work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgressView {
    /// Blocks that were read.
    pub done: u64,
    /// Blocks to be read in all.
    pub of: u64,
}

impl From<Progress> for ProgressView {
    fn from(Progress { done, of }: Progress) -> Self {
        Self { done, of }
    }
}

/// Blocks that are, or were, read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScanView {
    /// Its number.
    pub id: u64,
    /// The height of the first block.
    pub from: u32,
    /// The height of the last one; null until it begins, where nobody named one.
    pub to: Option<u32>,
    /// How far it is.
    pub progress: ProgressView,
    /// Headers to be read first, of blocks below those that the watchtower ever knew.
    pub headers_first: u32,
    /// How many coins it found. None of them is spent before it has ended well.
    pub found: u64,
    /// Who asked.
    pub requested_by: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub requested_at: UnixTime,
    /// When it ended (unix seconds); null while it is open.
    #[schema(value_type = Option<u64>)]
    pub ended_at: Option<UnixTime>,
    /// Why it ended before its end, and what to do.
    pub failure: Option<String>,
}

/// Asks the watchtower to read blocks again.
///
/// # Errors
/// [`ServiceError::Malformed`] for heights that are above the tip or in the wrong order.
pub async fn request_scan(
    service: &Service,
    actor: &Actor,
    request: &NewScan,
) -> Result<ScanView, ServiceError> {
    actor.require_everywhere(Right::Reconcile)?;
    let NewScan { from, to } = *request;
    let mut tx = service.database().begin_write().await?;
    let tip = chain::tip(&mut tx).await?.map(|tip| tip.height);
    if tip.is_none_or(|tip| from > tip) {
        return Err(ServiceError::Malformed {
            field: "from",
            expected: "the height of a block that the watchtower has read or passed",
        });
    }
    if to.is_some_and(|to| to < from) {
        return Err(ServiceError::Malformed {
            field: "to",
            expected: "a height at or above the first one",
        });
    }
    let asked = (from, to.filter(|to| Some(*to) < tip));
    let id = scans::request(&mut tx, asked, &actor.name, service.now()).await?;
    let view = scan_in(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// The last scans, newest first.
///
/// # Errors
/// On a database failure.
pub async fn list_scans(service: &Service, actor: &Actor) -> Result<Vec<ScanView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut views = Vec::new();
    for scan in scans::scans(&mut tx, LISTED).await? {
        views.push(of(&mut tx, scan).await?);
    }
    Ok(views)
}

/// One scan.
///
/// # Errors
/// [`ServiceError::UnknownScan`].
pub async fn show_scan(
    service: &Service,
    actor: &Actor,
    id: u64,
) -> Result<ScanView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    scan_in(&mut tx, id).await
}

/// One scan, in an open transaction.
pub(super) async fn scan_in(tx: &mut Transaction, id: u64) -> Result<ScanView, ServiceError> {
    let id = id.min(u64::MAX / 2);
    let scan = scans::scan(tx, id).await?;
    of(tx, scan.ok_or(ServiceError::UnknownScan { id })?).await
}

async fn of(tx: &mut Transaction, scan: Scan) -> Result<ScanView, ServiceError> {
    let tip = chain::tip(tx).await?.map_or(0, |tip| tip.height);
    let lowest = chain::lowest(tx).await?.map_or(0, |lowest| lowest.height);
    let is_open = scan.ended_at.is_none();
    Ok(ScanView {
        id: scan.id,
        from: scan.from,
        to: scan.to,
        progress: scan.progress(tip).into(),
        headers_first: if is_open {
            lowest.saturating_sub(scan.from)
        } else {
            0
        },
        found: scan.found,
        requested_by: scan.requested_by,
        requested_at: scan.requested_at,
        ended_at: scan.ended_at,
        failure: scan.failure,
    })
}
