//! What a vault's operators said of fees: how fast, how long to wait, how much more to pay, and who decides.

use std::fmt;
use std::str::FromStr;

use bitcoin::{Amount, FeeRate};
use serde::{Deserialize, Serialize};

/// The farthest target for which a node estimates, in blocks.
pub const MOST_BLOCKS: u32 = 1_008;
/// The most rungs of a ladder: each is one more transaction that signers look at.
pub const MOST_RUNGS: usize = 8;

/// What happens to an attempt that is stuck.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub enum Bump {
    /// Nothing by itself.
    #[default]
    Off,
    /// Operators are told what a replacement would cost.
    Propose,
    /// The replacement is made, within the budget.
    Automatic,
}

impl Bump {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Propose, Self::Automatic];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Propose => "propose",
            Self::Automatic => "automatic",
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text names nothing that happens to an attempt that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not off, propose or automatic")]
pub struct UnknownBump;

impl FromStr for Bump {
    type Err = UnknownBump;

    fn from_str(text: &str) -> Result<Self, UnknownBump> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.name() == text).ok_or(UnknownBump)
    }
}

/// A vault's fee policy. It binds this coordinator alone, and never opens what the policy document closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeePolicy {
    /// The confirmation target in blocks, whose estimate a stuck attempt is raised to.
    pub target: u32,
    /// How many blocks an attempt may wait unconfirmed before it counts as stuck.
    pub deadline: u32,
    /// What all that is done for one batch may cost beyond its first fee.
    pub budget: Amount,
    /// What happens then.
    pub bump: Bump,
    /// Whether a child may pay for an attempt that cannot be replaced.
    pub cpfp: bool,
    /// Below this estimate joining coins is proposed; never if there is none.
    pub consolidate_below: Option<FeeRate>,
    /// The feerates of a ladder, lowest first; empty for none.
    pub rungs: Vec<FeeRate>,
}

/// What is wrong with a fee policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeePolicyError {
    /// A number of blocks that is none.
    #[error("{field} is {found}, not between 1 and {MOST_BLOCKS} blocks")]
    Blocks {
        /// The field.
        field: &'static str,
        /// What it is.
        found: u32,
    },
    /// More than all money.
    #[error("a budget of {found} sat is more than there is")]
    Budget {
        /// What it is, in satoshi.
        found: u64,
    },
    /// More rungs than signers should look at.
    #[error("{found} rungs are more than {MOST_RUNGS}")]
    ManyRungs {
        /// How many.
        found: usize,
    },
    /// A ladder has at least two.
    #[error("a ladder has at least two rungs")]
    LoneRung,
    /// A rung that is not above the one before.
    #[error("rung {position} is not above the one before it")]
    RungOrder {
        /// Its place, from 1.
        position: usize,
    },
}

impl FeePolicy {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), FeePolicyError> {
        for (field, found) in [("target", self.target), ("deadline", self.deadline)] {
            if found == 0 || found > MOST_BLOCKS {
                return Err(FeePolicyError::Blocks { field, found });
            }
        }
        if self.budget > Amount::MAX_MONEY {
            let found = self.budget.to_sat();
            return Err(FeePolicyError::Budget { found });
        }
        if self.rungs.is_empty() {
            return Ok(());
        }
        check_rungs(&self.rungs)
    }
}

/// Whether feerates are the rungs of a ladder: two or more, each above the one before.
///
/// # Errors
/// Names the rung.
pub fn check_rungs(rungs: &[FeeRate]) -> Result<(), FeePolicyError> {
    if rungs.len() > MOST_RUNGS {
        let found = rungs.len();
        return Err(FeePolicyError::ManyRungs { found });
    }
    if rungs.len() < 2 {
        return Err(FeePolicyError::LoneRung);
    }
    let mut below = FeeRate::ZERO;
    for (position, rung) in (1..).zip(rungs) {
        if *rung <= below {
            return Err(FeePolicyError::RungOrder { position });
        }
        below = *rung;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> FeePolicy {
        FeePolicy {
            target: 6,
            deadline: 6,
            budget: Amount::from_sat(50_000),
            bump: Bump::Automatic,
            cpfp: false,
            consolidate_below: None,
            rungs: Vec::new(),
        }
    }

    #[test]
    fn a_fee_policy_names_the_field_that_is_wrong() {
        assert_eq!(policy().check(), Ok(()));
        let wrong = FeePolicy {
            deadline: 0,
            ..policy()
        };
        let found = wrong.check().expect_err("is wrong").to_string();
        assert_eq!(found, "deadline is 0, not between 1 and 1008 blocks");
        let wrong = FeePolicy {
            target: 1_009,
            ..policy()
        };
        assert!(wrong.check().is_err());
    }

    #[test]
    fn rungs_climb_and_are_two_to_eight() {
        let rungs = |feerates: &[u64]| {
            let rungs: Vec<FeeRate> = (feerates.iter().copied())
                .map(FeeRate::from_sat_per_kwu)
                .collect();
            check_rungs(&rungs)
        };
        assert_eq!(rungs(&[250, 500, 1_000]), Ok(()));
        assert_eq!(rungs(&[250]), Err(FeePolicyError::LoneRung));
        assert_eq!(
            rungs(&[250, 500, 500]),
            Err(FeePolicyError::RungOrder { position: 3 })
        );
        assert_eq!(
            rungs(&[0, 250]),
            Err(FeePolicyError::RungOrder { position: 1 })
        );
        assert_eq!(
            rungs(&[1, 2, 3, 4, 5, 6, 7, 8, 9]),
            Err(FeePolicyError::ManyRungs { found: 9 })
        );
    }

    #[test]
    fn what_happens_is_read_by_its_name() {
        for bump in Bump::ALL {
            assert_eq!(bump.name().parse(), Ok(bump));
        }
        assert_eq!("on".parse::<Bump>(), Err(UnknownBump));
    }
}
