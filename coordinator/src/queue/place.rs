//! One withdrawal's place in the queue, and why it waits.

use bitcoin::{Amount, FeeRate};
use policies::{RequesterName, UnixTime, WithdrawalId};
use serde::Serialize;

use super::Speed;

/// An approved withdrawal that is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The requester's name.
    pub requester: RequesterName,
    /// The requester's id.
    pub id: WithdrawalId,
    /// What it pays.
    pub amount: Amount,
    /// How fast.
    pub speed: Speed,
    /// The latest time at which it should be paid, if one was given.
    pub latest: Option<UnixTime>,
    /// Since when it waits.
    pub since: UnixTime,
    /// What was found to stand in its way whatever the feerate.
    pub obstacle: Option<Obstacle>,
}

/// What stands in the way of one withdrawal, found when it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// The free coins do not suffice for it beside those before it: it is one of those a batch would be made for.
    Coins,
    /// It may not be paid now: approvals ran out, a rule denies it, nothing makes it exclusive.
    Other,
}

/// Why a withdrawal waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Wait {
    /// No batch is due yet.
    NotDue,
    /// The batch that goes now is dearer than this needs.
    Cheaper,
    /// The node asks for more than the queue may pay.
    AboveCap,
    /// The node has no estimate.
    NoEstimate,
    /// The node's estimate is too old to count, or the node is in trouble.
    StaleEstimate,
    /// The free coins do not suffice.
    Coins,
    /// It may not be paid now.
    Blocked,
}

impl Wait {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotDue => "not_due",
            Self::Cheaper => "cheaper",
            Self::AboveCap => "above_cap",
            Self::NoEstimate => "no_estimate",
            Self::StaleEstimate => "stale_estimate",
            Self::Coins => "coins",
            Self::Blocked => "blocked",
        }
    }

    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::NotDue => "waits for the next batch",
            Self::Cheaper => "waits for a batch at a lower feerate",
            Self::AboveCap => "held: the estimate is above the fee cap",
            Self::NoEstimate => "waits until the node has an estimate",
            Self::StaleEstimate => "held: the node's estimate is too old to count",
            Self::Coins => "waits until coins settle or come free",
            Self::Blocked => "may not be paid now; the others go without it",
        }
    }
}

impl From<Obstacle> for Wait {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Coins => Self::Coins,
            Obstacle::Other => Self::Blocked,
        }
    }
}

/// How a withdrawal stands to its latest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub enum Late {
    /// It is paid in time only if it goes about now.
    InDanger,
    /// It passed.
    Passed,
}

impl Late {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InDanger => "in_danger",
            Self::Passed => "passed",
        }
    }
}

/// One withdrawal's place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The withdrawal.
    pub queued: Queued,
    /// Seconds that it waits.
    pub age: u64,
    /// How fast it has become, by its latest time.
    pub speed: Speed,
    /// The feerate at which it would go.
    pub feerate: Option<FeeRate>,
    /// How it stands to its latest time.
    pub late: Option<Late>,
    /// Why it waits; none if it goes now.
    pub wait: Option<Wait>,
}
