//! What is wrong with a fee: it is above a cap of the policy.

use bitcoin::{Amount, FeeRate};
use serde::Serialize;

/// One reason not to accept a fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum FeeRefusal {
    /// The fee is above the policy's cap.
    #[error("fee of {fee} is above the policy's cap of {cap}")]
    AboveCap {
        /// The fee.
        #[serde(rename = "fee_sat", with = "bitcoin::amount::serde::as_sat")]
        fee: Amount,
        /// The cap.
        #[serde(rename = "cap_sat", with = "bitcoin::amount::serde::as_sat")]
        cap: Amount,
    },
    /// The feerate is above the policy's cap.
    #[error("feerate of {} sat/kwu is above the policy's cap of {} sat/kwu", .feerate.to_sat_per_kwu(), .cap.to_sat_per_kwu())]
    FeerateAboveCap {
        /// The feerate.
        #[serde(rename = "feerate_sat_kwu")]
        feerate: FeeRate,
        /// The cap.
        #[serde(rename = "cap_sat_kwu")]
        cap: FeeRate,
    },
    /// The fee is too large a share of what is paid.
    #[error("fee of {fee} is more than {percent} % of the payments, {payments}")]
    ShareAboveCap {
        /// The fee.
        #[serde(rename = "fee_sat", with = "bitcoin::amount::serde::as_sat")]
        fee: Amount,
        /// Sum of the approved payments.
        #[serde(rename = "payments_sat", with = "bitcoin::amount::serde::as_sat")]
        payments: Amount,
        /// The cap in percent.
        percent: u8,
    },
}

impl FeeRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::AboveCap { .. } => "FEE_ABOVE_CAP",
            Self::FeerateAboveCap { .. } => "FEERATE_ABOVE_CAP",
            Self::ShareAboveCap { .. } => "FEE_SHARE_ABOVE_CAP",
        }
    }
}
