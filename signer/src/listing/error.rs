//! Why nothing is said of an open list, and what to do then.

use crate::failure::{Class, Explained};
use policies::destination::DestinationError;
use policies::intent::StatementError;
use policies::{PublicKey, UnixTime};

/// Why nothing is said.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The file holds no signed statement.
    #[error("not a file with a statement: {0}")]
    File(serde_json::Error),
    /// The statement is none.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The file's statement adds no destination.
    #[error("the file's statement adds no destination")]
    NotAnEntry,
    /// What it says it is about is another entry.
    #[error("the statement is about another entry than the file shows")]
    OtherEntry,
    /// The policy has no such open list.
    #[error("the policy has no open list {list}")]
    NotOpen {
        /// The list named.
        list: String,
    },
    /// The list asks for no confirmation.
    #[error("the list {list} asks for no confirmation of a first payment")]
    NothingToConfirm {
        /// The list.
        list: String,
    },
    /// The address cannot be paid: it is of another network, or of a kind that is not paid.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The entry has ended.
    #[error("the entry expired {expires}")]
    Expired {
        /// When.
        expires: UnixTime,
    },
    /// The key is no approver's.
    #[error("the policy names no approver with the key {0}")]
    NotAnApprover(PublicKey),
    /// The person is not of the group.
    #[error("{person} is not of the group {group} that may say this")]
    NotEntitled {
        /// The person.
        person: String,
        /// The group.
        group: String,
    },
}

impl Explained for ListingError {
    fn class(&self) -> Class {
        match self {
            Self::File(_) => Class::Usage,
            Self::Statement(_)
            | Self::NotAnEntry
            | Self::OtherEntry
            | Self::NotOpen { .. }
            | Self::NothingToConfirm { .. }
            | Self::Destination(_)
            | Self::Expired { .. }
            | Self::NotAnApprover(_)
            | Self::NotEntitled { .. } => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "NOT_A_STATEMENT_FILE",
            Self::Statement(_) => "BAD_STATEMENT",
            Self::NotAnEntry => "NOT_AN_ENTRY",
            Self::OtherEntry => "OTHER_ENTRY",
            Self::NotOpen { .. } => "LIST_NOT_OPEN",
            Self::NothingToConfirm { .. } => "NOTHING_TO_CONFIRM",
            Self::Destination(error) => error.code(),
            Self::Expired { .. } => "ENTRY_EXPIRED",
            Self::NotAnApprover(_) => "NOT_AN_APPROVER",
            Self::NotEntitled { .. } => "NOT_ENTITLED",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::File(_) => {
                "give what `stop`, `stop release`, `list add` or `statement list --json` wrote"
            }
            Self::Destination(error) => error.hint(),
            Self::NotAnEntry => "give the file that added the entry",
            Self::OtherEntry => "do not sign it: it shows one entry and is about another",
            Self::NotOpen { .. } => "name an open list of the policy under --list",
            Self::NotAnApprover(_) => {
                "give --key NAME of a key that the policy names under [[approvers]]"
            }
            Self::Statement(_) => {
                "have it made again with `list add`, with a label and a span as that asks for"
            }
            Self::NothingToConfirm { .. } => {
                "nothing is to be done: its entries may be paid without a confirmation"
            }
            Self::Expired { .. } => "have it added again with a later --expires",
            Self::NotEntitled { .. } => "give the file to a person of that group to sign",
        }
        .to_owned()
    }
}
