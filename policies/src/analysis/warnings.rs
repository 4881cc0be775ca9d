//! What a reader of a policy should not overlook.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::Analysis;
use crate::document::{DoublePayment, Policy};

/// The heaviest transaction that nodes relay, in weight units (Bitcoin Core,
/// `MAX_STANDARD_TX_WEIGHT`).
const MAX_STANDARD_TX_WEIGHT: u64 = 400_000;

/// Version, lock time, segwit marker and flag, and the counts of inputs and outputs at their longest.
const TRANSACTION_BASE_WEIGHT: u64 = 4 * (4 + 4 + 3 + 3) + 2;

/// One thing that a document may say, but should be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A recovery path opens soon.
    #[error("a timelock of {blocks} blocks is shorter than 30 days")]
    ShortTimelock {
        /// The timelock.
        blocks: u16,
    },
    /// Two sets of signers may share no signer.
    #[error("the coordinator is trusted not to have a withdrawal paid twice")]
    TrustsCoordinator,
    /// One holder takes everything.
    #[error("{holder} alone can take every coin")]
    OneHolder {
        /// The holder.
        holder: String,
    },
    /// One loss freezes coins for good.
    #[error("if {holder} loses the keys, coins are frozen {until}")]
    OneLoss {
        /// The holder.
        holder: String,
        /// For how long.
        until: Until,
    },
    /// A requester moves coins without bound.
    #[error("a stolen key of {requester} moves coins without a bound in time: rule {rule:?}")]
    Unbounded {
        /// The requester.
        requester: String,
        /// The rule.
        rule: String,
    },
    /// No budget bounds the fees.
    #[error("no fee_budget: all fees together have no bound in time")]
    NoFeeBudget,
    /// The largest transaction that the limits allow is not relayed.
    #[error(
        "a transaction of {inputs} inputs and {outputs} outputs weighs up to {weight} weight units, \
         more than the {MAX_STANDARD_TX_WEIGHT} that nodes relay"
    )]
    TooHeavy {
        /// The most inputs.
        inputs: u32,
        /// The most outputs.
        outputs: u32,
        /// Its weight.
        weight: u64,
    },
}

/// How long coins are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Nothing ever moves them.
    Ever,
    /// Until coins are this many blocks old.
    Blocks(u16),
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ever => f.write_str("for ever"),
            Self::Blocks(blocks) => write!(f, "until they are {blocks} blocks old"),
        }
    }
}

impl Warning {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ShortTimelock { .. } => "SHORT_TIMELOCK",
            Self::TrustsCoordinator => "TRUSTS_COORDINATOR",
            Self::OneHolder { .. } => "ONE_HOLDER",
            Self::OneLoss { .. } => "ONE_LOSS",
            Self::Unbounded { .. } => "UNBOUNDED_REQUESTER",
            Self::NoFeeBudget => "NO_FEE_BUDGET",
            Self::TooHeavy { .. } => "TRANSACTION_TOO_HEAVY",
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Warning", 2)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}

/// All that is to be said about a document.
pub(super) fn warnings(policy: &Policy, analysis: &Analysis) -> Vec<Warning> {
    let mut found = Vec::new();
    if policy.double_payment == DoublePayment::TrustCoordinator
        && analysis.double_payment_tolerance < 0
    {
        found.push(Warning::TrustsCoordinator);
    }
    for set in analysis
        .exposures
        .first()
        .and_then(|now| now.theft.as_ref())
        .into_iter()
        .flatten()
    {
        if let [holder] = set.as_slice() {
            let holder = holder.clone();
            found.push(Warning::OneHolder { holder });
        }
    }
    found.extend(single_losses(analysis));
    for theft in &analysis.requester_thefts {
        found.extend(
            theft
                .moves
                .iter()
                .filter(|automatic| automatic.window.is_none())
                .map(|automatic| Warning::Unbounded {
                    requester: theft.requester.clone(),
                    rule: automatic.rule.clone(),
                }),
        );
    }
    found.extend(
        analysis
            .short_timelocks
            .iter()
            .map(|blocks| Warning::ShortTimelock { blocks: *blocks }),
    );
    let limits = &policy.limits;
    if limits.fee_budget.is_none() {
        found.push(Warning::NoFeeBudget);
    }
    let weight = analysis
        .input_weight
        .saturating_mul(u64::from(limits.max_inputs))
        .saturating_add(
            analysis
                .output_weight
                .saturating_mul(u64::from(limits.max_outputs)),
        )
        .saturating_add(TRANSACTION_BASE_WEIGHT);
    if weight > MAX_STANDARD_TX_WEIGHT {
        found.push(Warning::TooHeavy {
            inputs: limits.max_inputs,
            outputs: limits.max_outputs,
            weight,
        });
    }
    found
}

/// Holders without whom nobody can spend now, and the first age at which others can.
fn single_losses(analysis: &Analysis) -> Vec<Warning> {
    let alone = |loss: &Option<Vec<Vec<String>>>, holder: &String| {
        loss.as_ref()
            .is_none_or(|sets| sets.iter().any(|set| set.as_slice() == [holder.clone()]))
    };
    let Some((now, later)) = analysis.exposures.split_first() else {
        return Vec::new();
    };
    now.loss
        .iter()
        .flatten()
        .filter_map(|set| match set.as_slice() {
            [holder] => Some(holder),
            [] | [_, _, ..] => None,
        })
        .map(|holder| Warning::OneLoss {
            holder: holder.clone(),
            until: later
                .iter()
                .find(|exposure| !alone(&exposure.loss, holder))
                .and_then(|exposure| exposure.older)
                .map_or(Until::Ever, Until::Blocks),
        })
        .collect()
}
