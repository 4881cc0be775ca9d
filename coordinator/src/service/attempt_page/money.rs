//! The fee of an attempt, and all that bounds it.

use policies::UnixTime;
use policies::document::{Policy, format_sat_per_vb};
use policies::psbt::AttemptPurpose;
use watchtower::store::database::Transaction;

use super::outputs::{OutputFacts, OutputKind};
use crate::service::ServiceError;
use crate::service::lines::fees_left;
use crate::store::attempts::{self, AttemptRow};

/// The fee and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeFacts {
    /// The fee.
    pub fee_sat: u64,
    /// The policy's highest fee.
    pub fee_max_sat: u64,
    /// The feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// The policy's highest feerate, in sat/vB.
    pub feerate_max_sat_vb: String,
    /// The fee in hundredths of a percent of what is paid; none where nothing is paid.
    pub share_bp: Option<u64>,
    /// The policy's highest share in percent.
    pub share_max_percent: u8,
    /// The budget of fees; none where the policy has none.
    pub budget: Option<Left>,
    /// The budget of spends to ourselves, for one of them; none where the policy has none.
    pub own_budget: Option<Left>,
}

/// What is left of a budget now, this attempt counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// What is left.
    pub left_sat: u64,
    /// The budget.
    pub most_sat: u64,
    /// Its length in seconds.
    pub window_s: u64,
}

pub(super) async fn fee(
    tx: &mut Transaction,
    row: &AttemptRow,
    policy: &Policy,
    outputs: &[OutputFacts],
    now: UnixTime,
) -> Result<FeeFacts, ServiceError> {
    let limits = &policy.limits;
    let paid: u64 = outputs
        .iter()
        .filter(|output| matches!(output.kind, OutputKind::Payment { .. }))
        .fold(0, |sum, output| sum.saturating_add(output.amount_sat));
    let budget = fees_left(tx, policy, now).await?.map(|left| Left {
        left_sat: left.left().to_sat(),
        most_sat: left.most.to_sat(),
        window_s: left.per,
    });
    let own_budget = match (spends_to_us(row.purpose), limits.self_spend_budget) {
        (true, Some(budget)) => {
            let since = now.saturating_sub(budget.window);
            let (spent, _) = attempts::self_spends_since(tx, row.vault, since).await?;
            Some(Left {
                left_sat: budget.amount.to_sat().saturating_sub(spent.to_sat()),
                most_sat: budget.amount.to_sat(),
                window_s: budget.window,
            })
        }
        (false, _) | (true, None) => None,
    };
    Ok(FeeFacts {
        fee_sat: row.fee.to_sat(),
        fee_max_sat: limits.fee_max.to_sat(),
        feerate_sat_vb: format_sat_per_vb(row.fee / row.weight),
        feerate_max_sat_vb: format_sat_per_vb(limits.feerate_max),
        share_bp: share(row.fee.to_sat(), paid),
        share_max_percent: limits.fee_share_max_percent,
        budget,
        own_budget,
    })
}

/// The fee in hundredths of a percent of what is paid.
fn share(fee: u64, paid: u64) -> Option<u64> {
    let share = u128::from(fee).checked_mul(10_000)?;
    share
        .checked_div(u128::from(paid))
        .map(|share| u64::try_from(share).unwrap_or(u64::MAX))
}

const fn spends_to_us(purpose: AttemptPurpose) -> bool {
    match purpose {
        AttemptPurpose::Consolidate
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain => true,
        AttemptPurpose::Pay | AttemptPurpose::Bump | AttemptPurpose::Recover => false,
    }
}
