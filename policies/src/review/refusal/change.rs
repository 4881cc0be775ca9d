//! What is wrong with change: it does not surely come back, or not as the policy allows.

use bitcoin::Amount;
use serde::Serialize;

use crate::ids::PolicyId;

/// One reason not to accept an output as change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum ChangeRefusal {
    /// Change does not come back to us.
    #[error("output {output} is called change, but is not our internal script {index}")]
    NotOurs {
        /// Position of the output.
        output: usize,
        /// The index named.
        index: u32,
    },
    /// Change goes to another policy version.
    #[error("output {output} is change under policy version {found}, expected {expected}")]
    Version {
        /// Position of the output.
        output: usize,
        /// The version pinned.
        expected: PolicyId,
        /// The version named.
        found: PolicyId,
    },
    /// Change lies so far out that a restored wallet might not find it.
    #[error("output {output}: change index {index} is beyond {max}")]
    IndexTooFar {
        /// Position of the output.
        output: usize,
        /// The index named.
        index: u32,
        /// The largest index allowed.
        max: u32,
    },
    /// Change is smaller than the policy allows.
    #[error("output {output}: change of {found} is below the policy's minimum of {min}")]
    TooSmall {
        /// Position of the output.
        output: usize,
        /// Its amount.
        #[serde(rename = "found_sat", with = "bitcoin::amount::serde::as_sat")]
        found: Amount,
        /// The minimum.
        #[serde(rename = "min_sat", with = "bitcoin::amount::serde::as_sat")]
        min: Amount,
    },
    /// Too many change outputs.
    #[error("{found} change outputs, the policy allows {max}")]
    TooMuch {
        /// Change outputs found.
        found: usize,
        /// Change outputs allowed.
        max: u32,
    },
}

impl ChangeRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NotOurs { .. } => "CHANGE_NOT_OURS",
            Self::Version { .. } => "CHANGE_VERSION",
            Self::IndexTooFar { .. } => "CHANGE_INDEX_TOO_FAR",
            Self::TooSmall { .. } => "CHANGE_TOO_SMALL",
            Self::TooMuch { .. } => "TOO_MUCH_CHANGE",
        }
    }
}
