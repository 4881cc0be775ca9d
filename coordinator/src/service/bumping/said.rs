//! What is said of an attempt that is stuck: why it is held, or what was done and at which price.

use bitcoin::{Amount, FeeRate};
use policies::document::format_sat_per_vb;

use crate::fees::Held;

/// What is said of an attempt that is stuck.
pub(super) struct Said {
    pub(super) code: &'static str,
    pub(super) says: String,
    pub(super) feerate: FeeRate,
    pub(super) more: Amount,
    pub(super) left: Amount,
}

impl Said {
    pub(super) const fn nothing() -> Self {
        Self {
            code: "",
            says: String::new(),
            feerate: FeeRate::ZERO,
            more: Amount::ZERO,
            left: Amount::ZERO,
        }
    }

    pub(super) fn because(code: &'static str, says: String) -> Self {
        Self {
            code,
            says,
            ..Self::nothing()
        }
    }

    pub(super) fn held(held: Held) -> Self {
        let says = match held {
            Held::NoEstimate(_) => "the node has no fee estimate that counts".to_owned(),
            Held::AboveCap { estimate, cap } => format!(
                "the estimate of {} sat/vB is above the fee cap of {} sat/vB",
                format_sat_per_vb(estimate),
                format_sat_per_vb(cap)
            ),
            Held::OverBudget { more, budget } => format!(
                "it would cost {} sat beyond the first fee, and the budget is {} sat",
                more.to_sat(),
                budget.to_sat()
            ),
        };
        Self::because(held.code(), says)
    }
}
