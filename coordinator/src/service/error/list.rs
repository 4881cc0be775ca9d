//! What is refused about open lists of destinations and what persons say of them.

use policies::hash::Purpose;
use policies::intent::StatementError;
use policies::{Subject, UnixTime};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about open lists of destinations and what persons say of them.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No such list.
    #[error("the policy has no list {list}")]
    UnknownList {
        /// The list asked for.
        list: String,
    },
    /// No such statement.
    #[error("no statement {subject}")]
    UnknownStatement {
        /// The statement asked for.
        subject: Subject,
    },
    /// A statement is about an entry that nobody proposed.
    #[error("no statement {entry} adds a destination")]
    UnknownEntry {
        /// The entry named.
        entry: Subject,
    },
    /// The statement is about no list.
    #[error("a statement to {purpose} is about no open list")]
    NoEntry {
        /// What it is for.
        purpose: Purpose,
    },
    /// The bytes are no statement.
    #[error(transparent)]
    Statement(StatementError),
    /// The policy has no open list of the name.
    #[error("the policy has no open list {list}")]
    ListNotOpen {
        /// The list named.
        list: String,
    },
    /// Payments to the list are not confirmed.
    #[error("the list {list} asks for no confirmation of a first payment")]
    NothingToConfirm {
        /// The list.
        list: String,
    },
    /// The entry's time is over.
    #[error("the entry expired at {expires}, it is {now}")]
    EntryExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The signature is for another purpose than the statement's.
    #[error("the purpose is {found}, the statement's is {expected}")]
    StatementPurpose {
        /// The statement's.
        expected: Purpose,
        /// The purpose found.
        found: String,
    },
    /// The policy lets nobody say it.
    #[error("the policy names nobody who may sign a {purpose}")]
    NobodyMay {
        /// What was to be said.
        purpose: Purpose,
    },
    /// A release names a stop that was not handed in.
    #[error("there is no stop {stop} to release")]
    UnknownStop {
        /// The stop named.
        stop: Subject,
    },
    /// As many stops of one key are in force as are kept.
    #[error("{most} stops that this key of {approver} signed are in force already")]
    TooManyStops {
        /// The approver's name.
        approver: String,
        /// The most that are kept.
        most: u32,
    },
    /// A stop is signed as if it ended by itself.
    #[error("the signature on a stop ends {expires}; a stop never ends by itself")]
    StopEnds {
        /// The end found.
        expires: UnixTime,
    },
    /// The person may not say this.
    #[error("{approver} may not sign a {purpose} of this list")]
    NotEntitled {
        /// The approver's name.
        approver: String,
        /// What was said.
        purpose: Purpose,
    },
}

impl ListError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownList { .. } => (
                "unknown_list",
                Class::NotFound,
                "`list show` names the policy's lists",
            ),
            Self::UnknownStatement { .. } => (
                "unknown_statement",
                Class::NotFound,
                "hand the statement in before its approvals",
            ),
            Self::UnknownEntry { .. } => (
                "unknown_entry",
                Class::NotFound,
                "hand in the statement that adds the destination first",
            ),
            Self::Statement(_) | Self::NoEntry { .. } => (
                "statement_malformed",
                Class::Refused,
                "write the statement with `countersign-signer list`",
            ),
            Self::ListNotOpen { .. } => (
                "list_not_open",
                Class::Refused,
                "name an open list; other lists change with a new policy version",
            ),
            Self::NothingToConfirm { .. } => (
                "nothing_to_confirm",
                Class::Refused,
                "nothing is to be done: the entry needs no confirmation",
            ),
            Self::EntryExpired { .. } => (
                "entry_expired",
                Class::Refused,
                "add the destination again with a later end",
            ),
            Self::StatementPurpose { .. } => (
                "statement_wrong_purpose",
                Class::Refused,
                "sign the statement for the purpose that it has",
            ),
            Self::NobodyMay { .. } => (
                "nobody_may",
                Class::Refused,
                "change the policy: [stop] or [change] names who releases, [go] who says go",
            ),
            Self::UnknownStop { .. } => (
                "unknown_stop",
                Class::NotFound,
                "hand in the stop first: the file that `countersign-signer stop release` wrote has it",
            ),
            Self::TooManyStops { .. } => (
                "too_many_stops",
                Class::Conflict,
                "the vault is stopped already; have one of them released before this key signs another",
            ),
            Self::StopEnds { .. } => (
                "stop_ends",
                Class::Refused,
                "sign it with `countersign-signer stop`",
            ),
            Self::NotEntitled { .. } => (
                "not_entitled",
                Class::Refused,
                "ask a person of the group that the list names",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownList { list }
            | Self::ListNotOpen { list }
            | Self::NothingToConfirm { list } => json!({ "list": list }),
            Self::UnknownStatement { subject } => json!({ "statement": subject }),
            Self::UnknownEntry { entry } => json!({ "entry": entry }),
            Self::EntryExpired { expires, now } => {
                json!({ "expires": expires, "now": now })
            }
            Self::StatementPurpose { expected, found } => {
                json!({ "expected": expected.to_string(), "found": found })
            }
            Self::NotEntitled { approver, purpose } => {
                json!({ "approver": approver, "purpose": purpose.to_string() })
            }
            Self::StopEnds { expires } => json!({ "expires": expires }),
            Self::UnknownStop { stop } => json!({ "stop": stop }),
            Self::TooManyStops { approver, most } => {
                json!({ "approver": approver, "most": most })
            }
            Self::NobodyMay { purpose } | Self::NoEntry { purpose } => {
                json!({ "purpose": purpose.to_string() })
            }
            Self::Statement(_) => Value::Null,
        }
    }
}
