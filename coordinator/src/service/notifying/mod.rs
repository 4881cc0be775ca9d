//! What is told outside of the pages: by mail to persons, by webhooks to programs.
//!
//! Invariant: a notice tells and decides nothing: its link opens a page, and approves nothing. What is to be told is
//! written down with the cursor of the events that cause it, or with the wait that was seen, and is sent at least once.
//! Addresses that others gave are never followed into this network ([`guarding`]).

pub mod former;
pub mod gathering;
pub mod guarding;
pub mod kinds;
pub mod letter;
pub mod mailing;
pub mod moments;
pub mod posting;
pub mod settings;
pub mod shaping;
pub mod telling;
#[cfg(test)]
mod tests;
pub mod webhook_view;
pub mod webhooks;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of thing is told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Something waits for the person.
    Waits,
    /// A withdrawal is settled.
    Settled,
    /// A withdrawal will not be paid.
    Failed,
    /// A vault is stopped, or released.
    Stop,
    /// A version of the policy is proposed, approved or in force.
    Policy,
    /// Something is wrong.
    Alarm,
}

impl NoticeKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Waits,
        Self::Settled,
        Self::Failed,
        Self::Stop,
        Self::Policy,
        Self::Alarm,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::Stop => "stop",
            Self::Policy => "policy",
            Self::Alarm => "alarm",
        }
    }

    /// What it is, for whoever chooses.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Waits => "Something waits for me",
            Self::Settled => "A withdrawal is settled",
            Self::Failed => "A withdrawal failed, expired or was rejected",
            Self::Stop => "A vault is stopped or released",
            Self::Policy => "A version of the policy is proposed, approved or in force",
            Self::Alarm => "Something is wrong and somebody must look",
        }
    }

    /// Whether it is told at once, also in quiet hours and beside a digest.
    pub const fn is_urgent(self) -> bool {
        matches!(self, Self::Stop | Self::Alarm)
    }
}

/// A text names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of notice")]
pub struct UnknownKind;

impl FromStr for NoticeKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or(UnknownKind)
    }
}
