//! A batch with all that a person looks at before planning it anew or cancelling it, in one read.

use bitcoin::Address;
use policies::{RequesterName, UnixTime, VaultId, WithdrawalId};

use super::attempt_lines::{AttemptLine, line};
use super::renewals::open_withdrawals;
use super::{Actor, BatchError, Right, Service, ServiceError};
use crate::session::BatchId;
use crate::store::withdrawals::{self, WithdrawalRow};
use crate::store::{attempt_lines, batches, reservations};

/// All about a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPage {
    /// Its identity.
    pub batch: BatchId,
    /// The vault that pays.
    pub vault: VaultId,
    /// What it is for.
    pub purpose: &'static str,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// The withdrawals in it.
    pub withdrawals: Vec<BatchedWithdrawal>,
    /// Its attempts, newest first.
    pub attempts: Vec<AttemptLine>,
    /// The coins reserved for it, as txid, colon, output.
    pub coins: Vec<String>,
    /// Approved and failed withdrawals that could come to it.
    pub could_join: Vec<BatchedWithdrawal>,
    /// Other batches of the vault whose withdrawals could be paid with it.
    pub could_merge: Vec<MergeableBatch>,
    /// Whether it can be cancelled: an attempt of it may still be paid.
    pub is_open: bool,
    /// Whether anything of it is signed, so that voids do not cancel it.
    pub is_signed: bool,
    /// When all this was so.
    pub now: UnixTime,
}

/// A withdrawal of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchedWithdrawal {
    /// Who asked for it.
    pub requester: RequesterName,
    /// Its id.
    pub id: WithdrawalId,
    /// The amount asked for at most.
    pub amount_sat: u64,
    /// Where it goes.
    pub address: Option<String>,
    /// The requester's own words.
    pub reference: String,
    /// The name of its state.
    pub state: &'static str,
    /// Whether this batch is the one that pays it now.
    pub is_open: bool,
}

/// Another batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeableBatch {
    /// Its identity.
    pub batch: BatchId,
    /// When it was made.
    pub created_at: UnixTime,
    /// How many withdrawals of it are open.
    pub open: usize,
}

/// How many candidates are offered.
const OFFERED: u32 = 50;

/// Everything about one batch.
///
/// # Errors
/// [`BatchError::UnknownBatch`].
pub async fn batch_page(
    service: &Service,
    actor: &Actor,
    batch: BatchId,
) -> Result<BatchPage, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let row = batches::lookup(&mut tx, batch)
        .await?
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(BatchError::UnknownBatch { batch })?;
    let open: Vec<_> = open_withdrawals(&mut tx, &row).await?;
    let shown = |withdrawal: &WithdrawalRow, is_open: bool| BatchedWithdrawal {
        requester: withdrawal.key.requester.clone(),
        id: withdrawal.key.id.clone(),
        amount_sat: withdrawal.intent.amount.to_sat(),
        address: Address::from_script(&withdrawal.intent.script_pubkey, service.network())
            .ok()
            .map(|address| address.to_string()),
        reference: withdrawal.intent.reference.clone(),
        state: withdrawal.state.name(),
        is_open,
    };
    let mut within = Vec::new();
    for key in batches::withdrawals_of(&mut tx, batch).await? {
        if let Some(withdrawal) = withdrawals::lookup(&mut tx, &key).await? {
            let is_open = open.iter().any(|one| one.key == withdrawal.key);
            within.push(shown(&withdrawal, is_open));
        }
    }
    let mut lines = Vec::new();
    for attempt in attempt_lines::of_batch(&mut tx, batch).await?.iter().rev() {
        lines.push(line(service, &mut tx, attempt).await?);
    }
    let rows = attempt_lines::of_batch(&mut tx, batch).await?;
    let is_open = rows.iter().any(|attempt| attempt.state.holds_coins());
    let mut is_signed = false;
    for attempt in rows.iter().filter(|attempt| attempt.state.holds_coins()) {
        is_signed |= !attempt_lines::signed_inputs(&mut tx, attempt.txid)
            .await?
            .is_empty();
    }
    let mut could_join = Vec::new();
    let mut could_merge = Vec::new();
    if is_open && !within.is_empty() {
        for withdrawal in withdrawals::approved(&mut tx, row.vault, OFFERED).await? {
            could_join.push(shown(&withdrawal, false));
        }
        let failed = withdrawals::list(&mut tx, row.vault, Some("failed"), OFFERED).await?;
        could_join.extend(failed.iter().map(|withdrawal| shown(withdrawal, false)));
        for other in batches::list(&mut tx, row.vault, OFFERED).await? {
            if other.id == batch {
                continue;
            }
            let open = open_withdrawals(&mut tx, &other).await?.len();
            if open > 0 {
                could_merge.push(MergeableBatch {
                    batch: other.id,
                    created_at: other.created_at,
                    open,
                });
            }
        }
    }
    let coins = reservations::coins_of(&mut tx, batch).await?;
    Ok(BatchPage {
        batch,
        vault: row.vault,
        purpose: row.purpose.name(),
        created_at: row.created_at,
        created_by: row.created_by,
        withdrawals: within,
        attempts: lines,
        coins: coins.iter().map(ToString::to_string).collect(),
        could_join,
        could_merge,
        is_open,
        is_signed,
        now,
    })
}
