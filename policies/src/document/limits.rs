//! Bounds that hold for every transaction of a vault.

use bitcoin::{Amount, CompactTarget, FeeRate, Target};

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
    /// What all transactions may cost in a stretch of time; without bound when none is written.
    pub fee_budget: Option<FeeBudget>,
    /// What spends to ourselves may cost without `[maintenance]`; nothing when none is written.
    pub self_spend_budget: Option<SelfSpendBudget>,
    /// How the first attempt of a withdrawal shows that a coin of it exists; not at all when none is written.
    pub inclusion: Option<Inclusion>,
}

/// What an inclusion proof must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inclusion {
    /// The least work of each header, as its compact target.
    pub bits: CompactTarget,
    /// The headers, that of the coin's own block included.
    pub confirmations: u32,
}

impl Inclusion {
    /// The target that each header's own must not exceed.
    pub fn target(&self) -> Target {
        Target::from_compact(self.bits)
    }
}

/// The most fees in any stretch of time of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeBudget {
    /// The sum of the fees.
    pub amount: Amount,
    /// The length in seconds.
    pub window: u64,
}

/// The spends to ourselves that nobody needs to approve, in any stretch of time of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfSpendBudget {
    /// The sum of their fees.
    pub amount: Amount,
    /// How many.
    pub count: u32,
    /// The length in seconds.
    pub window: u64,
}
