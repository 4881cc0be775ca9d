//! What is refused about versions of a policy, their keysets, and the signers in them.

use policies::succession::{SuccessionFileError, SuccessionMistake};
use policies::{KeyId, Keyset, PolicyId, UnixTime};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about versions of a policy.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// What was handed in is no succession file.
    #[error("{0}")]
    File(SuccessionFileError),
    /// The document does not follow the version in force.
    #[error("it does not follow version {version}, which is in force: {}", .mistakes.first().map_or_else(String::new, ToString::to_string))]
    DoesNotFollow {
        /// The number of the version in force.
        version: u32,
        /// Every mistake.
        mistakes: Vec<SuccessionMistake>,
    },
    /// The version in force names nobody who approves a next one.
    #[error("the version in force has no [change]: nobody can approve a next one")]
    NoSuccession,
    /// As many proposals as are kept stand open.
    #[error("{found} proposals to follow the version in force stand open already")]
    TooManyProposals {
        /// How many.
        found: usize,
    },
    /// No such version was proposed.
    #[error("no version {policy} was proposed")]
    UnknownVersion {
        /// The version asked for.
        policy: PolicyId,
    },
    /// Another successor of the version before is in force.
    #[error("version {policy} follows one that is not in force any more")]
    Superseded {
        /// The version asked for.
        policy: PolicyId,
    },
    /// Too few persons have approved it.
    #[error("{} of {needed} {} approved it", .approved_by.len(), if *needed == 1 { "person has" } else { "persons have" })]
    TooFewApprovals {
        /// Who has.
        approved_by: Vec<String>,
        /// How many must.
        needed: u32,
    },
    /// Its delay is not over.
    #[error("its delay runs until {ripe}")]
    NotRipe {
        /// When it is over.
        ripe: UnixTime,
    },
    /// The vault never had such a keyset.
    #[error("the vault has no keyset {keyset}")]
    UnknownKeyset {
        /// The keyset asked for.
        keyset: Keyset,
    },
    /// There is nothing to drain.
    #[error("the vault has no former keyset of another descriptor")]
    NothingFormer,
    /// The key is no journal's of the version or the one before it.
    #[error("neither the version nor the one before it names a journal with the key {key}")]
    ForeignAck {
        /// The key.
        key: KeyId,
    },
    /// An acknowledgement is signed as if it ended by itself.
    #[error("the signature on an acknowledgement ends {expires}; it never ends by itself")]
    AckEnds {
        /// The end found.
        expires: UnixTime,
    },
    /// The policy in force names no such signer.
    #[error("the version in force names no signer {signer}")]
    UnknownSigner {
        /// The name asked for.
        signer: String,
    },
}

impl VersionError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::File(_) => (
                "not_a_succession",
                Class::Malformed,
                "give the file as `countersign-signer policy propose` and `policy approve` wrote it",
            ),
            Self::DoesNotFollow { .. } => (
                "version_does_not_follow",
                Class::Refused,
                "mend the mistakes named: each version has one successor, and names the one before by its id",
            ),
            Self::NoSuccession => (
                "no_succession",
                Class::Refused,
                "such a vault keeps its policy: make another vault, and move its coins there by transfers",
            ),
            Self::TooManyProposals { .. } => (
                "too_many_proposals",
                Class::Refused,
                "agree on one of those that `policy versions` lists",
            ),
            Self::UnknownVersion { .. } => (
                "unknown_version",
                Class::NotFound,
                "`policy versions` lists them; `policy propose FILE` hands one in",
            ),
            Self::Superseded { .. } => (
                "version_superseded",
                Class::Conflict,
                "propose it anew, as the successor of the version in force",
            ),
            Self::TooFewApprovals { .. } => (
                "version_not_approved",
                Class::Refused,
                "have more persons approve the file with their own tools, and hand it in again",
            ),
            Self::NotRipe { .. } => (
                "version_not_ripe",
                Class::Unavailable,
                "wait until then; signers count the same delay by their own clocks",
            ),
            Self::UnknownKeyset { .. } => (
                "unknown_keyset",
                Class::NotFound,
                "`policy versions` lists the keysets of the vault",
            ),
            Self::NothingFormer => (
                "nothing_former",
                Class::Refused,
                "nothing is to be done: no version has brought another descriptor",
            ),
            Self::ForeignAck { .. } => (
                "foreign_ack",
                Class::Refused,
                "a signer's journal acknowledges: give what `policy ack` wrote there; if it moved, hand in the move first",
            ),
            Self::AckEnds { .. } => (
                "ack_ends",
                Class::Refused,
                "give the file as `countersign-signer policy ack` wrote it, with expires 0",
            ),
            Self::UnknownSigner { .. } => (
                "unknown_signer",
                Class::NotFound,
                "`signer standing` lists the signers of the version in force",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::File(error) => {
                json!({ "reason_code": error.code(), "reason_hint": error.hint() })
            }
            Self::DoesNotFollow { mistakes, .. } => {
                let mistakes = mistakes.iter().map(|mistake| {
                    json!({
                        "code": mistake.code(), "detail": mistake.to_string(),
                        "hint": mistake.hint(),
                    })
                });
                json!({ "mistakes": mistakes.collect::<Vec<_>>() })
            }
            Self::TooFewApprovals {
                approved_by,
                needed,
            } => json!({ "approved_by": approved_by, "needed": needed }),
            Self::NotRipe { ripe } => json!({ "ripe_at": ripe }),
            Self::NoSuccession
            | Self::TooManyProposals { .. }
            | Self::UnknownVersion { .. }
            | Self::Superseded { .. }
            | Self::UnknownKeyset { .. }
            | Self::NothingFormer
            | Self::ForeignAck { .. }
            | Self::AckEnds { .. }
            | Self::UnknownSigner { .. } => Value::Null,
        }
    }
}
