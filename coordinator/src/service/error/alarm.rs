//! What is refused about alarms.

use serde_json::{Value, json};
use watchtower::alarm::AlarmKind;

use super::{Answer, ErrorClass as Class};

/// A refusal about alarms.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// There is no such alarm.
    #[error("there is no alarm {id}")]
    UnknownAlarm {
        /// The number asked for.
        id: u64,
    },
    /// Nobody's word ends such an alarm.
    #[error("alarm {id} ({}) ends by itself once {when}", .kind.code())]
    EndsByItself {
        /// Its number.
        id: u64,
        /// Its kind.
        kind: AlarmKind,
        /// When it ends.
        when: &'static str,
    },
}

impl AlarmError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownAlarm { .. } => (
                "unknown_alarm",
                Class::NotFound,
                "`alarm list` names the open ones, `alarm list --over` also those that are over",
            ),
            Self::EndsByItself { .. } => (
                "ends_by_itself",
                Class::Conflict,
                "do what `alarm list` says of it; it is over once its cause is",
            ),
        }
    }

    /// The facts by name.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownAlarm { id } => json!({ "id": id }),
            Self::EndsByItself { id, kind, when } => {
                json!({ "id": id, "alarm": kind.code(), "when": when })
            }
        }
    }
}
