//! Why the next version is not heard, followed or pinned.

use super::given::Given;
use crate::failure::{Class, Explained, NO_REASON, Reason, reason};
use crate::home::HomeError;
use crate::journal_file::JournalFileError;
use crate::keystore::WriteError;
use crate::pin::{PinError, mistake_reason};
use policies::succession::{ApprovalFault, Approved, SuccessionFileError, SuccessionMistake};
use policies::words::count;
use policies::{Mistake, PolicyId, UnixTime};
use std::path::PathBuf;

/// Why a version does not become the pinned one.
#[derive(Debug, thiserror::Error)]
pub enum SucceedingError {
    /// The file is no succession file.
    #[error(transparent)]
    File(#[from] SuccessionFileError),
    /// The document has mistakes.
    #[error("the next version has {}", count(.0.len(), "mistake"))]
    Mistakes(Vec<Mistake>),
    /// It does not follow the pinned version.
    #[error("it does not follow the pinned version: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    DoesNotFollow(Vec<SuccessionMistake>),
    /// The pinned version has no `[change]`.
    #[error("the pinned version says nobody who may approve a next one")]
    NoSuccession,
    /// Too few persons of the pinned version approved it.
    #[error("{} of {} persons of the pinned version approved it", .0.persons.len(), .0.needed)]
    TooFewApprovals(Approved),
    /// Its delay is not over.
    #[error("version {version} was taken in; call again from {ripe} on")]
    NotRipe {
        /// The version.
        version: PolicyId,
        /// The first moment.
        ripe: UnixTime,
    },
    /// It was never taken in here.
    #[error("version {version} was not taken in here with its approvals")]
    NotHeard {
        /// The version.
        version: PolicyId,
    },
    /// It alters keys.
    #[error(
        "version {version} alters signers, descriptor or recovery: it is never followed by itself"
    )]
    NeedsPin {
        /// The version.
        version: PolicyId,
    },
    /// Two successors of one version were approved.
    #[error("version {previous} has two approved successors")]
    Disputed {
        /// The version that both follow.
        previous: PolicyId,
    },
    /// The typed id is another one.
    #[error("the version's id is {found}, you gave {typed}")]
    IdMismatch {
        /// What the human gave.
        typed: PolicyId,
        /// The version's id.
        found: PolicyId,
    },
    /// Journal and pin do not agree on the newest version.
    #[error("the journal adopted version {adopted}, but {pinned} is pinned")]
    PinBehindJournal {
        /// What is pinned.
        pinned: PolicyId,
        /// What the journal adopted last.
        adopted: PolicyId,
    },
    /// The home's signing key is not in it.
    #[error("this home's signing key is not in version {version}: the signer leaves with it")]
    Leaves {
        /// The version.
        version: PolicyId,
    },
    /// The home's signing key is in it, though the human said that it is not.
    #[error("this home's signing key is in version {version}, or it has none: nobody leaves")]
    Stays {
        /// The version.
        version: PolicyId,
    },
    /// This home approved another successor of the same version.
    #[error("this home approved another successor of the pinned version, {}, at {}; that approval ends {}", .0.policy, .0.at, .0.expires)]
    SecondApproval(Given),
    /// The version that this one is said to replace was not approved here last.
    #[error("this home did not approve version {version} as a successor of the pinned one")]
    NotApprovedBefore {
        /// The version.
        version: PolicyId,
    },
    /// The record of what was approved here is not readable.
    #[error("{} is not a record of approved versions", .0.display())]
    ApprovedVersionsBroken(PathBuf),
    /// Another run of the program approved a successor of the same version at the same time.
    #[error("another run of this program wrote {} meanwhile", .0.display())]
    ApprovedMeanwhile(PathBuf),
    /// The journal adopted no version, so that there is none to acknowledge.
    #[error("this journal adopted no version since it was begun: there is none to acknowledge")]
    NothingAdopted,
    /// The journal moved to another machine, which speaks for it.
    #[error("this journal moved to another machine")]
    JournalMoved,
    /// The key is no approver's.
    #[error("the pinned version names no approver with this key")]
    NotAnApprover,
    /// The person is not of the group.
    #[error("this key's person is not of the group {group} that approves next versions")]
    NotEntitled {
        /// The group.
        group: String,
    },
    /// The approval would count for nothing.
    #[error("this key's approval would not count: {0}")]
    NotCounted(ApprovalFault),
    /// The home's keys do not fit.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The home refused.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl SucceedingError {
    /// Whether time or a human is waited for, so that a co-signer goes on as it is.
    pub const fn waits(&self) -> bool {
        matches!(
            self,
            Self::NotRipe { .. }
                | Self::NeedsPin { .. }
                | Self::Disputed { .. }
                | Self::NotHeard { .. }
                | Self::Pin(PinError::Key(_))
        )
    }
}

impl SucceedingError {
    /// Whether what is waited for does not come by itself with time.
    pub const fn needs_a_human(&self) -> bool {
        self.waits() && !matches!(self, Self::NotRipe { .. })
    }
}

impl Explained for SucceedingError {
    fn class(&self) -> Class {
        match self {
            Self::File(_)
            | Self::Mistakes(_)
            | Self::DoesNotFollow(_)
            | Self::NoSuccession
            | Self::TooFewApprovals(_)
            | Self::NotRipe { .. }
            | Self::NeedsPin { .. }
            | Self::Disputed { .. }
            | Self::IdMismatch { .. }
            | Self::PinBehindJournal { .. }
            | Self::Leaves { .. }
            | Self::Stays { .. }
            | Self::SecondApproval(_)
            | Self::NotApprovedBefore { .. }
            | Self::ApprovedVersionsBroken(_)
            | Self::ApprovedMeanwhile(_)
            | Self::NothingAdopted
            | Self::NotEntitled { .. }
            | Self::NotCounted(_)
            | Self::JournalMoved => Class::Refused,
            Self::NotHeard { .. } | Self::NotAnApprover => Class::Usage,
            Self::Pin(error) => error.class(),
            Self::Journal(error) => error.class(),
            Self::Write(error) => error.class(),
            Self::Home(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Mistakes(_) => "POLICY_MISTAKES",
            Self::DoesNotFollow(_) => "DOES_NOT_FOLLOW",
            Self::NoSuccession => "NO_SUCCESSION",
            Self::TooFewApprovals(_) => "VERSION_NOT_APPROVED",
            Self::NotRipe { .. } => "VERSION_NOT_RIPE",
            Self::NotHeard { .. } => "VERSION_NOT_HEARD",
            Self::NeedsPin { .. } => "VERSION_NEEDS_PIN",
            Self::Disputed { .. } => "VERSION_DISPUTED",
            Self::IdMismatch { .. } => "POLICY_ID_MISMATCH",
            Self::PinBehindJournal { .. } => "PIN_BEHIND_JOURNAL",
            Self::Leaves { .. } => "SIGNER_LEAVES",
            Self::Stays { .. } => "SIGNER_STAYS",
            Self::SecondApproval(_) => "SECOND_APPROVAL",
            Self::NotApprovedBefore { .. } => "NOT_APPROVED_BEFORE",
            Self::ApprovedVersionsBroken(_) => "APPROVED_VERSIONS_BROKEN",
            Self::ApprovedMeanwhile(_) => "APPROVED_MEANWHILE",
            Self::NothingAdopted => "NOTHING_ADOPTED",
            Self::JournalMoved => "JOURNAL_MOVED",
            Self::NotAnApprover => "NOT_AN_APPROVER",
            Self::NotEntitled { .. } | Self::NotCounted(_) => "NOT_ENTITLED",
            Self::Pin(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Write(error) => error.code(),
            Self::Home(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::File(error) => error.hint().to_owned(),
            Self::Mistakes(mistakes) => {
                let first = mistakes.first().map(Mistake::hint);
                first.unwrap_or_else(|| NO_REASON.to_owned())
            }
            Self::DoesNotFollow(mistakes) => {
                let first = mistakes.first().map(SuccessionMistake::hint);
                first.unwrap_or_else(|| NO_REASON.to_owned())
            }
            Self::NoSuccession => {
                "its document has no [change]: move the coins to a new vault with one".to_owned()
            }
            Self::TooFewApprovals(_) => {
                "more persons of the pinned version approve it with `policy approve`; where approvals ended, a human \
                 may pin it by its id"
                    .to_owned()
            }
            Self::NotRipe { .. } => {
                "from then on give the same file to `policy follow` or `policy pin`; `serve` follows by itself"
                    .to_owned()
            }
            Self::NotHeard { .. } => {
                "give the file with the approvals to `policy follow` or `policy pin`".to_owned()
            }
            Self::NeedsPin { .. } => {
                "have its id read out by another person, then give it to `policy pin FILE --id ID`".to_owned()
            }
            Self::Disputed { .. } => {
                "ask the approvers which one counts, then give that file to `policy follow`".to_owned()
            }
            Self::IdMismatch { .. } => {
                "do not pin it: have the id read out by another person who reviewed the document".to_owned()
            }
            Self::PinBehindJournal { .. } => {
                "do not sign with this home: pin or journal come from a backup; bring back the newer files".to_owned()
            }
            Self::Leaves { .. } => {
                "pin it with --leaving if that is meant: this home then signs only what brings former coins home"
                    .to_owned()
            }
            Self::Stays { .. } => "pin it without --leaving".to_owned(),
            Self::SecondApproval(_) => {
                "signers may have followed that one: let this one follow it; only where no signer has heard of it, \
                 give --instead-of and its id"
                    .to_owned()
            }
            Self::NotApprovedBefore { .. } => {
                "leave --instead-of away, or name the version that this home approved last".to_owned()
            }
            Self::ApprovedVersionsBroken(_) => {
                "bring the file back as it was: without it this home may approve two successors of one version"
                    .to_owned()
            }
            Self::ApprovedMeanwhile(_) => "see which version was approved there, then try again".to_owned(),
            Self::NothingAdopted => {
                "follow or pin the version first, with `policy follow` or `policy pin`".to_owned()
            }
            Self::JournalMoved => "ask for it on the machine that the journal moved to".to_owned(),
            Self::NotAnApprover => "use the home of an approver whom the pinned version names".to_owned(),
            Self::NotEntitled { .. } => {
                "nothing was approved: give the file to a person of that group to approve".to_owned()
            }
            Self::NotCounted(_) => {
                "nothing was approved: use an `own` key of the person, and an --expires-in that leaves time".to_owned()
            }
            Self::Pin(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Home(error) => error.hint(),
        }
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Mistakes(mistakes) => mistakes.iter().map(mistake_reason).collect(),
            Self::Pin(error) => error.reasons(),
            Self::File(_)
            | Self::DoesNotFollow(_)
            | Self::NoSuccession
            | Self::TooFewApprovals(_)
            | Self::NotRipe { .. }
            | Self::NotHeard { .. }
            | Self::NeedsPin { .. }
            | Self::Disputed { .. }
            | Self::IdMismatch { .. }
            | Self::PinBehindJournal { .. }
            | Self::Leaves { .. }
            | Self::Stays { .. }
            | Self::SecondApproval(_)
            | Self::NotApprovedBefore { .. }
            | Self::ApprovedVersionsBroken(_)
            | Self::ApprovedMeanwhile(_)
            | Self::NothingAdopted
            | Self::JournalMoved
            | Self::NotAnApprover
            | Self::NotEntitled { .. }
            | Self::NotCounted(_)
            | Self::Journal(_)
            | Self::Write(_)
            | Self::Home(_) => vec![reason(self)],
        }
    }
}
