//! What a bound over a stretch of time has left, and when more of it is free again.

use bitcoin::Amount;

use crate::time::UnixTime;

/// How far a bound over any stretch of time of a length is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What counts at this moment.
    pub spent: Amount,
    /// The bound.
    pub most: Amount,
    /// The length in seconds.
    pub per: u64,
    /// What is free again next; none where nothing counts.
    pub next: Option<Freed>,
}

/// A part of a bound that is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// The moment from which it does not count any more.
    pub at: UnixTime,
    /// How much.
    pub amount: Amount,
}

impl Allowance {
    /// What is left; nothing where more was spent than the bound allows.
    #[must_use]
    pub fn left(&self) -> Amount {
        self.most.checked_sub(self.spent).unwrap_or(Amount::ZERO)
    }
}
