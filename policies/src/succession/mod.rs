//! How one version of a policy follows another: what a successor may change, who approves it, when it counts.
//!
//! Invariant: versions form one line, forwards only, one successor each. A version that leaves signers,
//! descriptor and recovery as they are may be followed once the delay is over, which each signer counts by its
//! own clock from when its own journal first held the proposal with its quorum; every other version introduces a
//! keyset, and only a human pins it. Nothing a document says of its own place is believed: it is compared with the
//! version before. Follows docs/formats.md F6 and F11.

mod acknowledged;
mod approved;
mod difference;
mod file;
mod line;
mod next_draft;
mod replacement;
mod step;

pub use acknowledged::{Voice, WrongAck, acknowledged, voices};
pub use approved::{
    ApprovalFault, Approved, VersionApprovals, approve_message, approved, approved_once,
};
pub use difference::{Change, Direction, Part, diff};
pub use file::{
    MAX_APPROVALS, MAX_FILE_BYTES, SUCCESSION_FORMAT, SuccessionFile, SuccessionFileError,
};
pub use line::{LineMistake, line};
pub use next_draft::draft_next;
pub use replacement::{ReplacementMistake, draft_replacement, draft_replacements};
pub use step::{Altered, Step, SuccessionMistake, follows, ripe_at};

#[cfg(all(test, feature = "signing"))]
pub(crate) mod samples;
#[cfg(all(test, feature = "signing"))]
mod tests;
