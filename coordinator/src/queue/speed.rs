//! How fast a withdrawal is to be paid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How fast a withdrawal is to be paid.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub enum Speed {
    /// At once, at whatever the next blocks cost within the vault's cap.
    Urgent,
    /// With the next batch.
    #[default]
    Normal,
    /// When it is cheap.
    Economy,
}

/// A text that names no speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no speed: urgent, normal or economy")]
pub struct SpeedError {
    /// The text.
    pub text: String,
}

impl Speed {
    /// All speeds, fastest first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Economy];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Economy => "economy",
        }
    }

    /// Its place behind the old ones, from 1.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Urgent => 1,
            Self::Normal => 2,
            Self::Economy => 3,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        let known = Self::ALL.into_iter().find(|speed| speed.name() == text);
        known.ok_or_else(|| SpeedError {
            text: text.chars().take(40).collect(),
        })
    }
}
