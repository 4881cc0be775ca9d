//! Why a rule does not match an intent: the first of its conditions that fails.
//!
//! In JSON every program shows a miss alike: the rule, a stable code, and the words.

use std::fmt;

use bitcoin::Amount;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

use crate::time::UnixTime;

/// A rule that does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The rule's name.
    pub rule: String,
    /// The first condition that fails.
    pub miss: Miss,
}

/// The condition of a rule that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// It is for another kind.
    #[error("another kind")]
    Kind,
    /// It is for other requesters.
    #[error("other requesters")]
    Requester,
    /// The destination is on none of its lists.
    #[error("destination on none of its lists")]
    Destination,
    /// The amount exceeds its bound.
    #[error("amount above {max}")]
    Amount {
        /// The bound.
        max: Amount,
    },
    /// It allows no more in its window.
    #[error("its window of {per} s has {left} left")]
    Window {
        /// What is left of the window's sum.
        left: Amount,
        /// The length of the window in seconds.
        per: u64,
    },
    /// The entry of its open list is signed by too few.
    #[error("the list's entry needs {needed} person{}, {approved} signed it", if *needed == 1 { "" } else { "s" })]
    EntryQuorum {
        /// Persons demanded.
        needed: u32,
        /// Persons who signed.
        approved: u32,
    },
    /// The entry of its open list was removed.
    #[error("the list's entry was removed")]
    EntryRemoved,
    /// The entry of its open list begins later.
    #[error("the list's entry is valid from {from}")]
    EntryNotYetValid {
        /// When it begins.
        from: UnixTime,
    },
    /// The entry of its open list has ended.
    #[error("the list's entry expired {expired}")]
    EntryExpired {
        /// When it ended.
        expired: UnixTime,
    },
    /// The entry of its open list is too new.
    #[error("the list's entry cools off until {until}")]
    CoolingOff {
        /// When it may be paid.
        until: UnixTime,
    },
    /// Only a small payment goes to the entry of its open list before it is confirmed.
    #[error("only {max} go to the list's entry before its first payment is confirmed")]
    TestAmount {
        /// The most.
        max: Amount,
    },
    /// The small payment went to the entry of its open list, and nobody confirmed it yet.
    #[error("the first payment to the list's entry is not confirmed")]
    AwaitingConfirmation,
    /// It approves automatically, which is never done for sweeps and repeats.
    #[error("never automatic for sweeps and repeated payments")]
    NeverAutomatic,
}

impl Miss {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Requester => "requester",
            Self::Destination => "destination",
            Self::Amount { .. } => "amount",
            Self::Window { .. } => "window",
            Self::EntryQuorum { .. } => "entry_quorum",
            Self::EntryRemoved => "entry_removed",
            Self::EntryNotYetValid { .. } => "entry_not_yet_valid",
            Self::EntryExpired { .. } => "entry_expired",
            Self::CoolingOff { .. } => "cooling_off",
            Self::TestAmount { .. } => "test_amount",
            Self::AwaitingConfirmation => "awaiting_confirmation",
            Self::NeverAutomatic => "never_automatic",
        }
    }
}

impl Serialize for Missed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Missed", 3)?;
        fields.serialize_field("rule", &self.rule)?;
        fields.serialize_field("code", self.miss.code())?;
        fields.serialize_field("says", &self.miss.to_string())?;
        fields.end()
    }
}

/// The misses of all rules in one line.
pub(super) struct Joined<'a>(pub(super) &'a [Missed]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the policy has no rules");
        }
        for (position, missed) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{:?} ({})", missed.rule, missed.miss)?;
        }
        Ok(())
    }
}
