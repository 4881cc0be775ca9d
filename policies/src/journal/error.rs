//! Why a journal cannot be read, or an entry not be appended.

use bitcoin::Txid;

use super::entry::EntryError;
use super::fault::Fault;
use super::line::MAX_LINE_BYTES;
use super::moving::MoveError;
use super::version::VersionFault;
use crate::ids::{HexError, JournalHead, VaultId};
use crate::intent::PublicKey;
use crate::time::UnixTime;

/// What is wrong with a journal's lines, or with an entry for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// There is no line at all.
    #[error("the journal is empty")]
    Empty,
    /// The last line has no line feed: its writing was cut off, before any signature left.
    #[error("line {line}: the line is torn; its entry never took effect")]
    Torn {
        /// The line, from 0 as the counter.
        line: u64,
    },
    /// The line is no entry.
    #[error("line {line}: {source}")]
    Entry {
        /// The line.
        line: u64,
        /// What is wrong.
        source: EntryError,
    },
    /// The line's head is no hash.
    #[error("line {line}: head: {source}")]
    HeadText {
        /// The line.
        line: u64,
        /// What is wrong.
        source: HexError,
    },
    /// The counter is not the next one: a line is missing, moved or put in.
    #[error("line {line}: the counter is {found}")]
    Counter {
        /// The line.
        line: u64,
        /// The counter found.
        found: u64,
    },
    /// The head does not follow from the lines before: something was altered.
    #[error("line {line}: the head is {found}, expected {expected}")]
    Head {
        /// The line.
        line: u64,
        /// The head found.
        found: JournalHead,
        /// The head that follows.
        expected: JournalHead,
    },
    /// The first entry is not a birth.
    #[error("line 0: a journal begins with its birth")]
    NoBirth,
    /// A journal is born once.
    #[error("line {line}: a second birth")]
    SecondBirth {
        /// The line.
        line: u64,
    },
    /// A receipt is given again for what was never signed.
    #[error("line {line}: a receipt for {txid}, which was never signed")]
    NeverSigned {
        /// The line.
        line: u64,
        /// The transaction.
        txid: Txid,
    },
    /// The journal moved; nothing follows its last entry.
    #[error("line {line}: the journal moved to {to} and takes no more entries")]
    Moved {
        /// The line.
        line: u64,
        /// The journal that goes on.
        to: PublicKey,
    },
    /// A journal cannot move to a key that is or was its own.
    #[error("line {line}: {to} kept this journal already")]
    MovedBack {
        /// The line.
        line: u64,
        /// The key.
        to: PublicKey,
    },
    /// What goes on after a move is not the journal that was named, or begins in another way.
    #[error("line {line}: this is not how the journal goes on after its move")]
    NotInherited {
        /// The line.
        line: u64,
    },
    /// The move was not signed by the journal before.
    #[error("line {line}: {source}")]
    Certificate {
        /// The line.
        line: u64,
        /// What is wrong.
        source: MoveError,
    },
    /// What was signed, or voided before, cannot be voided.
    #[error("line {line}: voids {txid}, which was signed or voided before")]
    VoidsAnswered {
        /// The line.
        line: u64,
        /// The transaction.
        txid: Txid,
    },
    /// Time runs backwards.
    #[error("line {line}: written {at}, before {last}, when the entry before was written")]
    TimeRunsBackwards {
        /// The line.
        line: u64,
        /// The entry's time.
        at: UnixTime,
        /// The time of the entry before.
        last: UnixTime,
    },
    /// An intent of another vault.
    #[error("line {line}: an intent of vault {found}, the journal's is {expected}")]
    OtherVault {
        /// The line.
        line: u64,
        /// The intent's vault.
        found: VaultId,
        /// The journal's vault.
        expected: VaultId,
    },
    /// A transaction that the history before does not admit.
    #[error("line {line}: {source}")]
    NotAdmitted {
        /// The line.
        line: u64,
        /// What is wrong.
        source: Fault,
    },
    /// A policy version that the versions before do not allow.
    #[error("line {line}: {source}")]
    Version {
        /// The line.
        line: u64,
        /// What is wrong.
        source: VersionFault,
    },
    /// The line is longer than lines may be.
    #[error("line {line}: {found} bytes, at most {MAX_LINE_BYTES} are allowed")]
    LineTooLong {
        /// The line.
        line: u64,
        /// Bytes found.
        found: usize,
    },
}
