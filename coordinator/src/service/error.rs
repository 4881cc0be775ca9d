//! What the service refuses and why: one stable code each, with the facts and what to do.
//!
//! A file for each thing that is refused about; here, what every operation may meet.

mod alarm;
mod approval;
mod attempt;
mod batch;
mod books;
mod ceremony;
mod fee;
mod journal;
mod list;
mod notify;
mod own_spend;
mod people;
mod queue;
mod rebuild;
mod vault;
mod version;
mod watch;
mod withdrawal;

use policies::intent::{IntentError, KeyError, StatementError};
use policies::journal::MoveError;
use serde_json::{Map, Value, json};
use watchtower::store::database::DatabaseError;
use watchtower::store::events::EventError;
use watchtower::store::ledger::LedgerError;

pub use self::alarm::AlarmError;
pub use self::approval::ApprovalError;
pub use self::attempt::AttemptError;
pub use self::batch::BatchError;
pub use self::books::BooksError;
pub use self::ceremony::CeremonyError;
pub use self::fee::FeeError;
pub use self::journal::JournalError;
pub use self::list::ListError;
pub use self::notify::NotifyError;
pub use self::own_spend::OwnSpendError;
pub use self::people::PeopleError;
pub use self::queue::QueueError;
pub use self::rebuild::RebuildError;
pub use self::vault::VaultError;
pub use self::version::VersionError;
pub use self::watch::WatchError;
pub use self::withdrawal::WithdrawalError;
use super::access::{Right, Role};
use crate::session::IllegalTransition;
use crate::store::jobs::ClaimError;

/// What kind of answer an error is; decides the HTTP status and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request cannot be understood (400).
    Malformed,
    /// Nobody known asks (401).
    Unauthorized,
    /// Somebody known asks for more than allowed (403).
    Forbidden,
    /// There is no such thing (404).
    NotFound,
    /// It contradicts what stands (409).
    Conflict,
    /// It is understood and refused (422).
    Refused,
    /// It is asked for too often (429).
    TooMany,
    /// It cannot be done now, and may be later (503).
    Unavailable,
    /// The fault is ours (500).
    Internal,
}

impl ErrorClass {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Refused => 422,
            Self::TooMany => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// What an error says to programs: its stable code, its class, and what to do.
type Answer = (&'static str, ErrorClass, &'static str);

/// The answer where the fault is ours.
const fn internal() -> Answer {
    let hint = "look at the coordinator's log; report it if it comes again";
    ("internal", ErrorClass::Internal, hint)
}

/// Why the service did not do what it was asked. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The token is unknown or revoked.
    #[error("the token is not valid")]
    Unauthorized,
    /// The role does not include this.
    #[error("a token of role {role} may not {}", .right.name())]
    Forbidden {
        /// The token's role.
        role: Role,
        /// What it asked for.
        right: Right,
    },
    /// A field is not what it must be.
    #[error("{field} is not {expected}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A list is asked for by a state that does not exist.
    #[error("state: there is no state {state:?}, only {}", .known.join(", "))]
    UnknownState {
        /// The state asked for, at most 40 characters of it.
        state: String,
        /// The states there are.
        known: &'static [&'static str],
    },
    /// No such token.
    #[error("no token {id}")]
    UnknownToken {
        /// The token asked for.
        id: String,
    },
    /// No such scan.
    #[error("no scan {id}")]
    UnknownScan {
        /// The scan asked for.
        id: u64,
    },
    /// No such event.
    #[error("there is no event {number}")]
    UnknownEvent {
        /// The number asked for.
        number: u64,
    },
    /// It takes much of this machine, and is done for somebody else at the moment.
    #[error("{what} for somebody else")]
    Busy {
        /// What is going on.
        what: &'static str,
    },
    /// A key or a signature is not written as one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// About vaults and their policies.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// About versions of a policy, their keysets and signers.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// About requests and the withdrawals that they ask for.
    #[error(transparent)]
    Withdrawal(#[from] WithdrawalError),
    /// About what persons approve or reject: withdrawals, and maintenance.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// About making a batch and its transaction.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// About spends to ourselves, and recoveries.
    #[error(transparent)]
    OwnSpend(#[from] OwnSpendError),
    /// About the books.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// About the queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// About fee policies and ladders.
    #[error(transparent)]
    Fee(#[from] FeeError),
    /// About attempts and the signatures handed in for them.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// About the signers' journals.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// About open lists of destinations and what persons say of them.
    #[error(transparent)]
    List(#[from] ListError),
    /// About persons, their passkeys, sessions, invitations and roles.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// About ceremonies, their seats and what persons confirm.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// About alarms.
    #[error(transparent)]
    Alarm(#[from] AlarmError),
    /// About webhooks.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// About rebuilding a database.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// About scripts that are to be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// A state does not allow an event.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A worker lost its claim.
    #[error(transparent)]
    Claim(ClaimError),
    /// The event log refused.
    #[error(transparent)]
    Event(EventError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(LedgerError),
    /// An object's events and its version do not agree.
    #[error("{object} has version {version}, its events say {events}")]
    VersionsDiffer {
        /// Which object.
        object: String,
        /// The version of its row.
        version: u64,
        /// The version of its events.
        events: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl ServiceError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.answer().0
    }

    /// What kind of answer it is.
    pub fn class(&self) -> ErrorClass {
        self.answer().1
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        self.answer().2
    }

    /// After how many seconds it is worth while to ask again, where that is known.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        if matches!(self, Self::Busy { .. }) {
            Some(5)
        } else {
            (self.class() == ErrorClass::TooMany).then_some(300)
        }
    }

    fn answer(&self) -> Answer {
        use ErrorClass as Class;
        match self {
            Self::Unauthorized => (
                "unauthorized",
                Class::Unauthorized,
                "give a token that `token create` made and nobody revoked",
            ),
            Self::Forbidden { .. } => (
                "forbidden",
                Class::Forbidden,
                "ask with a token of a role that includes it; an operator makes one",
            ),
            Self::Malformed { .. } => (
                "malformed",
                Class::Malformed,
                "write the field as it must be; the OpenAPI document describes it",
            ),
            Self::UnknownState { .. } => (
                "unknown_state",
                Class::Malformed,
                "name one of the states listed, or none for all",
            ),
            Self::Key(_) => (
                "malformed_key",
                Class::Malformed,
                "give the key as the person's own tool printed it",
            ),
            Self::UnknownEvent { .. } => (
                "unknown_event",
                ErrorClass::NotFound,
                "`event list` shows the events, the last number is in `status`",
            ),
            Self::UnknownToken { .. } => (
                "unknown_token",
                Class::NotFound,
                "`token list` names the tokens",
            ),
            Self::UnknownScan { .. } => (
                "unknown_scan",
                Class::NotFound,
                "`chain scans` lists the last ones",
            ),
            Self::Busy { .. } => ("busy", Class::Unavailable, "try again in some seconds"),
            Self::Illegal(_) => (
                "illegal_transition",
                Class::Conflict,
                "read its state again: somebody else has moved it meanwhile",
            ),
            Self::Claim(_) => (
                "claim_lost",
                Class::Conflict,
                "nothing is to be done: another worker has taken the work over",
            ),
            Self::Vault(error) => error.answer(),
            Self::Version(error) => error.answer(),
            Self::Withdrawal(error) => error.answer(),
            Self::Approval(error) => error.answer(),
            Self::Batch(error) => error.answer(),
            Self::OwnSpend(error) => error.answer(),
            Self::Books(error) => error.answer(),
            Self::Queue(error) => error.answer(),
            Self::Fee(error) => error.answer(),
            Self::Attempt(error) => error.answer(),
            Self::Journal(error) => error.answer(),
            Self::List(error) => error.answer(),
            Self::People(error) => error.answer(),
            Self::Ceremony(error) => error.answer(),
            Self::Alarm(error) => error.answer(),
            Self::Notify(error) => error.answer(),
            Self::Rebuild(error) => error.answer(),
            Self::Watch(error) => error.answer(),
            Self::Database(DatabaseError::Connect(_) | DatabaseError::Commit(_)) => (
                "database_unavailable",
                Class::Unavailable,
                "ask again once the database answers; nothing was changed if it never committed",
            ),
            Self::Event(EventError::Broken { .. }) => (
                "event_chain_broken",
                Class::Conflict,
                "stop paying out: somebody altered the event log; compare with a backup",
            ),
            Self::Event(EventError::Body(_) | EventError::Lease(_) | EventError::Database(_))
            | Self::Ledger(_)
            | Self::VersionsDiffer { .. }
            | Self::Database(_) => internal(),
        }
    }

    /// The facts that a program can use, beside the words.
    pub fn facts(&self) -> Map<String, Value> {
        let facts = match self {
            Self::Forbidden { role, right } => {
                json!({ "role": role.name(), "right": right.name() })
            }
            Self::Malformed { field, expected } => json!({ "field": field, "expected": expected }),
            Self::UnknownState { state, known } => json!({ "state": state, "known": known }),
            Self::Vault(error) => error.facts(),
            Self::Version(error) => error.facts(),
            Self::Withdrawal(error) => error.facts(),
            Self::Approval(error) => error.facts(),
            Self::Batch(error) => error.facts(),
            Self::OwnSpend(error) => error.facts(),
            Self::Books(error) => error.facts(),
            Self::Queue(error) => error.facts(),
            Self::Fee(error) => error.facts(),
            Self::Attempt(error) => error.facts(),
            Self::Journal(error) => error.facts(),
            Self::List(error) => error.facts(),
            Self::People(error) => error.facts(),
            Self::Ceremony(error) => error.facts(),
            Self::Alarm(error) => error.facts(),
            Self::Notify(error) => error.facts(),
            Self::Rebuild(error) => error.facts(),
            Self::Watch(error) => error.facts(),
            Self::Unauthorized
            | Self::Busy { .. }
            | Self::Key(_)
            | Self::UnknownToken { .. }
            | Self::UnknownScan { .. }
            | Self::UnknownEvent { .. }
            | Self::Illegal(_)
            | Self::Claim(_)
            | Self::Event(_)
            | Self::Ledger(_)
            | Self::VersionsDiffer { .. }
            | Self::Database(_) => Value::Null,
        };
        match facts {
            Value::Object(facts) => facts,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        }
    }
}

impl From<IntentError> for ServiceError {
    fn from(error: IntentError) -> Self {
        Self::Withdrawal(WithdrawalError::Intent(error))
    }
}

impl From<StatementError> for ServiceError {
    fn from(error: StatementError) -> Self {
        Self::List(ListError::Statement(error))
    }
}

impl From<MoveError> for ServiceError {
    fn from(error: MoveError) -> Self {
        Self::Journal(JournalError::Move(error))
    }
}

impl From<policies::journal::ExportError> for ServiceError {
    fn from(error: policies::journal::ExportError) -> Self {
        Self::Journal(JournalError::Export(Box::new(error)))
    }
}

impl From<EventError> for ServiceError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Database(error) => Self::Database(error),
            other @ (EventError::Body(_) | EventError::Broken { .. } | EventError::Lease(_)) => {
                Self::Event(other)
            }
        }
    }
}

impl From<LedgerError> for ServiceError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Database(error) => Self::Database(error),
            other @ (LedgerError::CauseReused { .. } | LedgerError::Zero { .. }) => {
                Self::Ledger(other)
            }
        }
    }
}

impl From<ClaimError> for ServiceError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Database(error) => Self::Database(error),
            lost @ ClaimError::Lost { .. } => Self::Claim(lost),
        }
    }
}
