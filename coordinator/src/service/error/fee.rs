//! What is refused about fee policies, ladders and children that pay.

use bitcoin::{Amount, FeeRate, Txid};
use policies::document::format_sat_per_vb;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::fee_bump::ChildError;
use crate::fees::FeePolicyError;

/// A refusal about fees.
#[derive(Debug, thiserror::Error)]
pub enum FeeError {
    /// A fee policy that makes no sense.
    #[error("{0}")]
    Policy(FeePolicyError),
    /// A rung that no signer would sign.
    #[error("the rung of {} sat/vB is above the policy's {} sat/vB", format_sat_per_vb(*.feerate), format_sat_per_vb(*.most))]
    RungAboveCap {
        /// The rung.
        feerate: FeeRate,
        /// The policy document's highest feerate.
        most: FeeRate,
    },
    /// An attempt is no rung of a ladder.
    #[error("attempt {txid} is no rung of a ladder")]
    NoLadder {
        /// The attempt.
        txid: Txid,
    },
    /// An attempt is a rung already.
    #[error("attempt {txid} is a rung of a ladder already")]
    LadderThere {
        /// The attempt.
        txid: Txid,
    },
    /// No rung is above what the attempt pays.
    #[error("no rung is above the {} sat/vB that the attempt pays", format_sat_per_vb(*.paid))]
    NoRungAbove {
        /// What it pays.
        paid: FeeRate,
    },
    /// A rung's fee comes out of change, and there is none.
    #[error("attempt {txid} has no change output that a dearer rung could be paid out of")]
    NoChange {
        /// The attempt.
        txid: Txid,
    },
    /// A rung would leave too little change.
    #[error("a rung with a fee of {} sat leaves {} sat of change, and the least is {} sat", .fee.to_sat(), .left.to_sat(), .least.to_sat())]
    ChangeTooSmall {
        /// The rung's fee.
        fee: Amount,
        /// What it would leave.
        left: Amount,
        /// The least change of the policy.
        least: Amount,
    },
    /// No child can pay for an attempt.
    #[error("no child can pay for it: {0}")]
    Child(ChildError),
    /// Signers would not sign a child without approvals of maintenance.
    #[error("a child of {txid} would be beyond the signers' budget of spends to ourselves")]
    ChildBeyondBudget {
        /// The attempt.
        txid: Txid,
    },
    /// No rung of a ladder is held any more.
    #[error("no rung of the ladder {ladder} is held")]
    NothingHeld {
        /// The ladder.
        ladder: Txid,
    },
}

impl FeeError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Policy(_) => (
                "bad_fee_policy",
                Class::Refused,
                "mend the field that is named; `fees set --help` says what each may be",
            ),
            Self::RungAboveCap { .. } => (
                "rung_above_cap",
                Class::Refused,
                "give rungs within the policy's cap: no signer signs above it",
            ),
            Self::NoLadder { .. } => (
                "no_ladder",
                Class::NotFound,
                "make one with `attempt ladder TXID --rungs N,N`",
            ),
            Self::LadderThere { .. } => (
                "ladder_there",
                Class::Conflict,
                "`attempt ladder TXID --show` shows it; replace its top rung to pay more",
            ),
            Self::NoRungAbove { .. } => (
                "no_rung_above",
                Class::Refused,
                "give higher rungs with --rungs, or set them with `fees set`",
            ),
            Self::NoChange { .. } => (
                "ladder_without_change",
                Class::Refused,
                "replace it with `attempt replace`, which may add coins",
            ),
            Self::ChangeTooSmall { .. } => (
                "rung_change_too_small",
                Class::Refused,
                "give lower rungs, or replace it with `attempt replace`, which may add coins",
            ),
            Self::Child(_) => (
                "no_child_can_pay",
                Class::Refused,
                "replace it with `attempt replace`, or wait until fees fall",
            ),
            Self::ChildBeyondBudget { .. } => (
                "child_beyond_budget",
                Class::Refused,
                "wait until the budget's window has passed, or replace it with `attempt replace`",
            ),
            Self::NothingHeld { .. } => (
                "nothing_held_of_ladder",
                Class::Conflict,
                "replace its top rung with `attempt replace` to pay more",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Policy(_) | Self::Child(_) | Self::ChangeTooSmall { .. } => Value::Null,
            Self::NoLadder { txid }
            | Self::LadderThere { txid }
            | Self::NoChange { txid }
            | Self::ChildBeyondBudget { txid } => json!({ "txid": txid }),
            Self::NoRungAbove { paid } => json!({ "feerate_sat_vb": format_sat_per_vb(*paid) }),
            Self::NothingHeld { ladder } => json!({ "ladder": ladder }),
            Self::RungAboveCap { feerate, most } => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "most_sat_vb": format_sat_per_vb(*most),
            }),
        }
    }
}
