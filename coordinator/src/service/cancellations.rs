//! Cancelling on the chain: what a cancellation of a batch is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use policies::psbt::AttemptPurpose;
use watchtower::store::database::Transaction;

use super::free_coins::{Purse, candidates_of};
use super::lines::{Issued, is_live};
use super::own_building::OwnPlan;
use super::own_spend_view::{BudgetView, MaintenanceNeedsView};
use super::own_spends::count;
use super::rehearsal::Rehearsal;
use super::renewals::open_withdrawals;
use super::renewing::{Ground, Renewed, next_number};
use super::rooms::Rooms;
use super::{BatchError, ServiceError};
use crate::coin_selection::Take;
use crate::exclusion::{Fate, WithdrawalFate};
use crate::store::attempts::AttemptRow;
use crate::store::batches::BatchRow;
use crate::store::{attempts, payments};

/// A cancellation, and what it takes beside signatures.
#[derive(Debug)]
pub(super) struct Cancelling {
    pub(super) renewed: Renewed,
    pub(super) budget: Option<BudgetView>,
    pub(super) maintenance: Option<MaintenanceNeedsView>,
}

/// The attempts that a cancellation of a batch takes the place of.
///
/// # Errors
/// [`BatchError::NothingToCancel`] where none is live.
pub(super) async fn to_cancel(
    tx: &mut Transaction,
    batch: &BatchRow,
) -> Result<Vec<AttemptRow>, ServiceError> {
    let mut rows = attempts::of_batch(tx, batch.id).await?;
    for withdrawal in open_withdrawals(tx, batch).await? {
        rows.extend(payments::paying(tx, &withdrawal.key).await?);
    }
    rows.retain(|row| is_live(&row.state));
    if rows.is_empty() {
        return Err(BatchError::NothingToCancel { batch: batch.id }.into());
    }
    Ok(rows)
}

/// Plans and builds the cancellation of a batch: of its attempts, and of those of other batches that pay what
/// it pays.
pub(super) async fn cancellation(
    tx: &mut Transaction,
    ground: &Ground,
    batch: &BatchRow,
    rehearsal: &mut Rehearsal,
) -> Result<Cancelling, ServiceError> {
    let policy = &ground.policy;
    let rows = to_cancel(tx, batch).await?;
    let mut paid = BTreeSet::new();
    for row in &rows {
        paid.extend(payments::of_attempt(tx, row.txid).await?);
    }
    let issued = Issued::of(tx, policy, rows).await?;
    // What they spend is what cancels them, also where a later version has other keys.
    let purse = Purse::of_keyset(tx, &ground.vault, policy, batch.keyset).await?;
    let purse = purse.unwrap_or_else(|| Purse::newest(&ground.vault));
    let (vault, tip) = (&ground.vault, ground.tip);
    let (coins, fundings) = candidates_of(tx, vault, purse, tip, &issued.freed).await?;
    let number = next_number(tx, Some(batch)).await?;
    let id = batch.id.to_bytes();
    let own = OwnPlan {
        policy: Arc::clone(policy),
        purpose: AttemptPurpose::Cancel,
        former: purse.former,
        older: None,
        coins,
        take: Take::Every,
        max_inputs: usize::try_from(policy.limits.max_inputs).unwrap_or(usize::MAX),
        rooms: Rooms::any(),
        fundings,
        feerate: ground.feerate,
        change_index: ground.change_index,
        tip: ground.tip,
        seed: ground.seed([id.as_slice(), number.to_be_bytes().as_slice()]),
        now: ground.hold.now,
        spent: ground.spent.clone(),
        number,
        required: 0,
        replacing: None,
    };
    let from = issued.batches();
    let own = rehearsal.cancellation(own, issued.before).await?;
    let (budget, maintenance) = count(tx, policy, ground.hold.now, own.built.fee).await?;
    let fates = paid.into_iter().map(|key| WithdrawalFate {
        requester: key.requester,
        id: key.id,
        fate: Fate::Fails,
    });
    Ok(Cancelling {
        renewed: Renewed {
            built: own.built,
            batch: Some(batch.clone()),
            from,
            fates: fates.collect(),
        },
        budget,
        maintenance,
    })
}
