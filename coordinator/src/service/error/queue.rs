//! What is refused about the queue.

use policies::document::format_sat_per_vb;
use policies::{RequesterName, UnixTime, WithdrawalId};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::queue::AnswerError;

/// A refusal about the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It waits for no batch any more.
    #[error("withdrawal {requester}/{id} is {state}: its speed changes nothing now")]
    NotQueued {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// A latest time that is over when it is said.
    #[error("the latest time {latest} is not after now, {now}")]
    LatestIsPast {
        /// The latest time.
        latest: UnixTime,
        /// The coordinator's time.
        now: UnixTime,
    },
    /// An answer to the question of a held queue that is not taken.
    #[error(transparent)]
    Answer(AnswerError),
}

impl QueueError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::NotQueued { .. } => (
                "not_queued",
                Class::Conflict,
                "look at its batch: what was issued goes at the feerate that it has",
            ),
            Self::LatestIsPast { .. } => (
                "latest_is_past",
                Class::Refused,
                "give a later time, or none",
            ),
            Self::Answer(AnswerError::NothingHeld) => (
                "nothing_held",
                Class::Conflict,
                "nothing is to be done: `queue show` says what goes and what waits",
            ),
            Self::Answer(AnswerError::OtherQuestion { .. }) => (
                "other_question",
                Class::Conflict,
                "look at the queue again and answer the question that is open",
            ),
            Self::Answer(AnswerError::AbovePolicy { .. }) => (
                "allowance_above_policy",
                Class::Refused,
                "allow a feerate within the policy's cap: no signer signs above it",
            ),
            Self::Answer(AnswerError::TooLittle { .. }) => (
                "allowance_too_little",
                Class::Refused,
                "allow what `queue show` offers, or pay more slowly with `batch create --feerate N`",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::NotQueued {
                requester,
                id,
                state,
            } => json!({ "requester": requester, "id": id, "state": state }),
            Self::LatestIsPast { latest, now } => json!({ "latest": latest, "now": now }),
            Self::Answer(AnswerError::OtherQuestion { answered, open }) => {
                json!({ "answered": answered, "question": open })
            }
            Self::Answer(AnswerError::AbovePolicy { feerate, most }) => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "most_sat_vb": format_sat_per_vb(*most),
            }),
            Self::Answer(AnswerError::TooLittle { feerate, least }) => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "least_sat_vb": format_sat_per_vb(*least),
            }),
            Self::Answer(AnswerError::NothingHeld) => Value::Null,
        }
    }
}
