//! Bounds that hold for every transaction of a vault.

use bitcoin::{Amount, FeeRate};

/// The `[limits]` of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The highest feerate.
    pub feerate_max: FeeRate,
    /// The highest fee of one transaction.
    pub fee_max: Amount,
    /// The highest fee in percent of the approved payments.
    pub fee_share_max_percent: u8,
    /// The most change outputs.
    pub change_max_outputs: u32,
    /// The least amount of a change output.
    pub change_min: Amount,
    /// The most inputs.
    pub max_inputs: u32,
    /// The most outputs, change included.
    pub max_outputs: u32,
    /// Confirmations at which deposits are settled.
    pub confirmations_deposit: u32,
    /// Confirmations at which own change is settled.
    pub confirmations_change: u32,
    /// Seconds that two clocks may differ.
    pub clock_skew: u64,
}
