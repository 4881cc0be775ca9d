//! What a withdrawal costs at three feerates: its own output in a batch, and a transaction for it alone.

use bitcoin::{Amount, FeeRate, TxOut, Weight};
use policies::IntentKind;
use policies::document::Policy;
use watchtower::store::database::Transaction;

use super::draft::Reading;
use super::estimates;
use crate::coin_selection::single_payment_weight;
use crate::service::{Service, ServiceError};

/// Feerates in sat/vB that are shown while the node has no estimate.
const EXAMPLES: [u64; 3] = [25, 10, 2];
/// Their names, fastest first.
const NAMES: [&str; 3] = ["urgent", "normal", "economy"];

/// What a withdrawal costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// At each feerate, fastest first.
    pub at: Vec<Cost>,
    /// Whether the feerates are the node's estimates; else they are examples.
    pub estimated: bool,
    /// Whether the fee comes out of the amount.
    pub out_of_amount: bool,
}

/// What it costs at one feerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// `urgent`, `normal` or `economy`.
    pub name: &'static str,
    /// The target in blocks.
    pub target: u32,
    /// The feerate.
    pub feerate: FeeRate,
    /// Its own output's share of a batch's fee.
    pub output: Amount,
    /// The fee of a transaction with one coin, this payment and change.
    pub alone: Amount,
    /// Whether the feerate is above what the queue pays without asking.
    pub above_cap: bool,
}

/// The costs of what was read; none before there is a destination.
pub(super) async fn costs(
    tx: &mut Transaction,
    service: &Service,
    policy: &Policy,
    reading: &Reading,
) -> Result<Option<Costs>, ServiceError> {
    let Some(script) = &reading.script else {
        return Ok(None);
    };
    let output = TxOut {
        value: reading.amount.unwrap_or(Amount::ZERO),
        script_pubkey: script.clone(),
    };
    let known = estimates(service, tx).await?;
    let settings = service.batch_settings();
    let targets = [
        settings.urgent_target,
        settings.fee_target,
        settings.economy_target,
    ];
    let cap = settings.cap_under(policy);
    let at =
        targets
            .into_iter()
            .zip(NAMES)
            .zip(EXAMPLES)
            .filter_map(|((target, name), example)| {
                let fitting = known.iter().find(|(of, _)| *of >= target).or(known.last());
                let example = FeeRate::from_sat_per_vb(example)?;
                let feerate = fitting.map_or(example, |(_, feerate)| *feerate);
                cost((name, target), feerate, output.weight(), policy, cap)
            });
    Ok(Some(Costs {
        at: at.collect(),
        estimated: !known.is_empty(),
        out_of_amount: reading.kind == IntentKind::Sweep,
    }))
}

fn cost(
    (name, target): (&'static str, u32),
    feerate: FeeRate,
    output: Weight,
    policy: &Policy,
    cap: FeeRate,
) -> Option<Cost> {
    let descriptor = &policy.descriptor;
    let alone = single_payment_weight(
        descriptor.input_weight(),
        output,
        descriptor.output_weight(),
    )?;
    Some(Cost {
        name,
        target,
        feerate,
        output: feerate.fee_wu(output)?,
        alone: feerate.fee_wu(alone)?,
        above_cap: feerate > cap,
    })
}
