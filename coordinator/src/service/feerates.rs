//! Feerates to choose from: what the node expects for three speeds, and what bounds the choice.

use bitcoin::{FeeRate, Txid};
use policies::VaultId;
use policies::document::{format_sat_per_vb, parse_sat_per_vb};

use super::attempts::existing;
use super::node_fees;
use super::{Actor, Right, Service, ServiceError};

/// One sat/vB, in the unit of [`FeeRate`].
const ONE_SAT_PER_VB: u64 = 250;

/// Feerates to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feerates {
    /// Three speeds, fastest first; fewer where the node has no estimate.
    pub suggested: Vec<Suggested>,
    /// The highest feerate that is paid without asking, in sat/vB.
    pub cap_sat_vb: String,
    /// The policy's highest feerate, in sat/vB.
    pub most_sat_vb: String,
}

/// A feerate for a speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggested {
    /// `urgent`, `normal` or `economy`.
    pub speed: &'static str,
    /// Blocks until confirmation, as the node expects.
    pub target: u32,
    /// The feerate in sat/vB.
    pub feerate_sat_vb: String,
    /// Whether it is above what the policy allows.
    pub is_above_most: bool,
}

/// What a vault's next batch may pay.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn feerates(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Feerates, ServiceError> {
    suggest(service, actor, vault, FeeRate::ZERO).await
}

/// What may take the place of an attempt: each at least one sat/vB above what it pays, since no mempool takes less.
///
/// # Errors
/// `AttemptError::UnknownAttempt`.
pub async fn feerates_above(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<Feerates, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let row = {
        let mut tx = service.database().begin_read().await?;
        existing(&mut tx, actor, txid).await?
    };
    let paid = (row.fee / row.weight).to_sat_per_kwu();
    let least = FeeRate::from_sat_per_kwu(paid.saturating_add(ONE_SAT_PER_VB));
    suggest(service, actor, row.vault, least).await
}

async fn suggest(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    least: FeeRate,
) -> Result<Feerates, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let estimates = node_fees::estimates(service, &mut tx).await?;
    let settings = service.batch_settings();
    let most = policy.limits.feerate_max;
    let of = |(speed, target): (&'static str, u32)| {
        let feerate = estimates.for_target(target).ok()?.max(least);
        Some(Suggested {
            speed,
            target,
            feerate_sat_vb: format_sat_per_vb(feerate),
            is_above_most: feerate > most,
        })
    };
    let mut suggested: Vec<Suggested> = [
        ("urgent", settings.urgent_target),
        ("normal", settings.fee_target),
        ("economy", settings.economy_target),
    ]
    .into_iter()
    .filter_map(of)
    .collect();
    if suggested.is_empty() && least > FeeRate::ZERO {
        // No estimate is there: what replacing takes at least, twice that, and three times.
        suggested = [("economy", 1_u64), ("normal", 2), ("urgent", 3)]
            .into_iter()
            .map(|(speed, times)| {
                let feerate =
                    FeeRate::from_sat_per_kwu(least.to_sat_per_kwu().saturating_mul(times));
                Suggested {
                    speed,
                    target: 0,
                    feerate_sat_vb: format_sat_per_vb(feerate),
                    is_above_most: feerate > most,
                }
            })
            .rev()
            .collect();
    }
    Ok(Feerates {
        suggested,
        cap_sat_vb: format_sat_per_vb(settings.cap_under(&policy)),
        most_sat_vb: format_sat_per_vb(most),
    })
}

/// Whether a text is a feerate as the service takes it.
pub fn is_feerate(text: &str) -> bool {
    parse_sat_per_vb(text).is_ok_and(|feerate| feerate > FeeRate::ZERO)
}
