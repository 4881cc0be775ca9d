//! A journal as it leaves its machine for those who keep books: its lines, and a last line in which its own
//! key says where they end.
//!
//! The chain of heads proves that lines belong together, not who wrote them: anybody can write a chain.
//! Invariant: what [`Export::read`] gives is what the journal of that key said of itself, whole, up to the
//! counter that it names. Whether that key is a signer's is [`accept_export`]'s question. Follows
//! docs/formats.md F7.

use super::book::Journal;
use super::entry::{Entry, EntryError, parse, time};
use super::error::JournalError;
use super::line::MAX_LINE_BYTES;
use super::moving::{MoveError, accept_moves};
use crate::document::{Policy, Signer};
use crate::hash::{Purpose, signing_message, statement_subject};
use crate::ids::{JournalHead, VaultId, read_lower_hex};
#[cfg(feature = "signing")]
use crate::intent::SecretKey;
use crate::intent::canonical::{CanonicalError, FieldError, Object};
use crate::intent::{PublicKey, Signature, SignatureError};
use crate::time::UnixTime;

/// The format name in the last line of an exported journal.
pub const EXPORT_FORMAT: &str = "countersign/journal-export/1";

/// What a journal's key says of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportStatement {
    /// The journal.
    pub journal: PublicKey,
    /// The number of its last entry.
    pub counter: u64,
    /// Its head after that.
    pub head: JournalHead,
    /// When it was exported, by the journal's time.
    pub at: UnixTime,
}

/// An exported journal whose own key signed where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// What its key says.
    pub statement: ExportStatement,
    /// The journal, replayed.
    pub journal: Journal,
    /// Every entry with the journal that wrote it and its counter there, the journals before this one first.
    pub entries: Vec<(PublicKey, u64, Entry)>,
}

/// Why bytes are no exported journal, or it does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// There is no last line in which the journal's key says where it ends.
    #[error("the journal is not exported: no key says where its lines end")]
    NotSigned,
    /// The last line is not canonical JSON.
    #[error("journal export: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys of the last line are not exactly those of an export.
    #[error("journal export: {0}")]
    Field(#[from] FieldError),
    /// A value does not say what it should.
    #[error("journal export: {0}")]
    Value(#[from] EntryError),
    /// The last line does not encode to itself.
    #[error("journal export: encoding it again gives other bytes")]
    NotCanonical,
    /// The lines are no journal.
    #[error("journal export: {0}")]
    Journal(#[from] JournalError),
    /// The lines end elsewhere than the last line says.
    #[error("journal export: the lines end at entry {found}, signed was entry {expected}")]
    OtherEnd {
        /// The last entry found.
        found: u64,
        /// The last entry signed for.
        expected: u64,
    },
    /// The last line is of another journal.
    #[error("journal export: the lines are of journal {found}, signed by {expected}")]
    OtherJournal {
        /// The journal of the lines.
        found: PublicKey,
        /// The journal of the last line.
        expected: PublicKey,
    },
    /// The signature does not count.
    #[error("journal export: {0}")]
    Signature(#[from] SignatureError),
    /// It is another vault's.
    #[error("journal export: of vault {found}, expected {expected}")]
    OtherVault {
        /// The vault found.
        found: VaultId,
        /// The vault expected.
        expected: VaultId,
    },
    /// No signer of the policy keeps it, and no move leads to it from one that a signer keeps.
    #[error("journal export: no signer's journal is {found}")]
    Foreign {
        /// The journal.
        found: PublicKey,
    },
    /// The moves that lead to it do not count.
    #[error("journal export: {0}")]
    Moved(#[from] MoveError),
}

impl ExportStatement {
    /// What the key of this journal says at a moment.
    pub fn of(journal: &Journal, clock: UnixTime) -> Self {
        Self {
            journal: journal.key(),
            counter: journal.counter(),
            head: journal.head(),
            at: journal.now(clock),
        }
    }

    fn object(&self) -> Object {
        Object::new()
            .text("format", EXPORT_FORMAT)
            .text("journal", &self.journal)
            .integer("counter", self.counter)
            .text("head", &self.head)
            .integer("at", self.at.as_secs())
    }

    /// The 32 bytes that its signature is over; it never ends.
    pub fn message(&self, vault: VaultId) -> [u8; 32] {
        let subject = statement_subject(&self.object().encode());
        signing_message(Purpose::Receipt, vault, subject, 0)
    }

    /// The whole export: the journal's lines and the last one, signed with the journal's key.
    #[cfg(feature = "signing")]
    pub fn export(&self, lines: &[u8], key: &SecretKey, vault: VaultId) -> Vec<u8> {
        let signature = key.sign(&self.message(vault));
        let mut bytes = lines.to_vec();
        bytes.extend_from_slice(&self.line(&signature));
        bytes
    }

    #[cfg(feature = "signing")]
    fn line(&self, signature: &Signature) -> Vec<u8> {
        use bitcoin::hex::DisplayHex;
        let hex = signature.encode().to_lower_hex_string();
        let mut line = self.object().text("signature", &hex).encode();
        line.push(b'\n');
        line
    }

    /// Reads the last line, without its line feed.
    fn read(line: &[u8]) -> Result<(Self, Signature), ExportError> {
        let mut object = Object::decode_nested(line, MAX_LINE_BYTES)?;
        if object.take_text("format").ok().as_deref() != Some(EXPORT_FORMAT) {
            return Err(ExportError::NotSigned);
        }
        let statement = Self {
            journal: parse(&object.take_text("journal")?, "journal", "a key")?,
            counter: object.take_integer("counter")?,
            head: parse(&object.take_text("head")?, "head", "a head")?,
            at: time(&mut object, "at")?,
        };
        let hex = object.take_text("signature")?;
        object.finish()?;
        if statement.object().text("signature", &hex).encode() != line {
            return Err(ExportError::NotCanonical);
        }
        let signature = read_lower_hex(&hex)
            .ok()
            .and_then(|bytes| Signature::decode(&bytes).ok())
            .ok_or(EntryError::Text {
                key: "signature",
                expected: "a signature",
            })?;
        Ok((statement, signature))
    }
}

impl Export {
    /// Reads an exported journal and verifies that its own key signed where it ends.
    ///
    /// # Errors
    /// Whatever is wrong with the lines, the last line or its signature.
    pub fn read(bytes: &[u8]) -> Result<Self, ExportError> {
        let text = bytes.strip_suffix(b"\n").ok_or(ExportError::NotSigned)?;
        let begin = Journal::complete_lines(text);
        let (lines, last) = text.split_at_checked(begin).ok_or(ExportError::NotSigned)?;
        let (statement, signature) = ExportStatement::read(last)?;
        let journal = Journal::read(lines)?;
        if statement.journal != journal.key() {
            return Err(ExportError::OtherJournal {
                found: journal.key(),
                expected: statement.journal,
            });
        }
        if (statement.counter, statement.head) != (journal.counter(), journal.head()) {
            return Err(ExportError::OtherEnd {
                found: journal.counter(),
                expected: statement.counter,
            });
        }
        let message = statement.message(journal.vault());
        statement.journal.verify(&message, &signature)?;
        let mut writer = statement.journal;
        let mut entries = Vec::new();
        for (counter, entry) in Journal::entries(lines)? {
            if let Entry::Birth(birth) = &entry {
                writer = birth.key;
            }
            entries.push((writer, counter, entry));
        }
        Ok(Self {
            statement,
            journal,
            entries,
        })
    }
}

/// Whose journal it is by the versions of a policy, the newest first: a signer who was replaced had one, too.
///
/// # Errors
/// Why it counts for no signer of the newest, if it counts for none of any.
pub fn accept_export_of<'policy>(
    versions: impl IntoIterator<Item = &'policy Policy>,
    export: &Export,
) -> Result<&'policy Signer, ExportError> {
    let found = export.journal.key();
    let mut refused = ExportError::Foreign { found };
    for (place, policy) in versions.into_iter().enumerate() {
        match accept_export(policy, export) {
            Ok(signer) => return Ok(signer),
            Err(error) if place == 0 => refused = error,
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Whose journal it is: one that the policy names, or one that moves lead to from such a one.
///
/// # Errors
/// Why it counts for no signer of the policy.
pub fn accept_export<'policy>(
    policy: &'policy Policy,
    export: &Export,
) -> Result<&'policy Signer, ExportError> {
    let found = export.journal.vault();
    if found != policy.vault {
        let expected = policy.vault;
        return Err(ExportError::OtherVault { found, expected });
    }
    let found = export.journal.key();
    let moves = export.journal.moves();
    if moves.is_empty() {
        return policy
            .signer_of_journal(&found)
            .ok_or(ExportError::Foreign { found });
    }
    let signer = accept_moves(policy, moves)?;
    let leads_here = moves.last().is_some_and(|last| last.statement.to == found);
    leads_here
        .then_some(signer)
        .ok_or(ExportError::Foreign { found })
}

#[cfg(all(test, feature = "signing"))]
#[path = "export_tests.rs"]
mod tests;
