//! What is refused about fee policies, ladders and children that pay.

use bitcoin::FeeRate;
use policies::document::format_sat_per_vb;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
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
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Policy(_) => Value::Null,
            Self::RungAboveCap { feerate, most } => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "most_sat_vb": format_sat_per_vb(*most),
            }),
        }
    }
}
