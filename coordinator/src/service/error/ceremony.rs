//! What is refused about ceremonies, their seats and what persons confirm.

use policies::PolicyId;
use policies::document::OfferedError;
use policies::succession::ReplacementMistake;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about a ceremony.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// No such ceremony, or none that the asker may see.
    #[error("no ceremony {id}")]
    Unknown {
        /// The id asked for.
        id: String,
    },
    /// It has ended.
    #[error("the ceremony has ended: {outcome}")]
    Ended {
        /// As what.
        outcome: String,
    },
    /// Another ceremony of the same vault is open.
    #[error("a ceremony of this vault is open already")]
    OtherOpen,
    /// The version with which it began is not in force any more.
    #[error("the vault's policy has changed since the ceremony began")]
    Stale,
    /// It has too few seats or too many.
    #[error("{found} named, a ceremony has {least} to {most} seats")]
    SeatCount {
        /// How many were named.
        found: usize,
        /// The fewest there may be: of a new vault two, for nobody compares words alone.
        least: usize,
        /// The most there may be.
        most: usize,
    },
    /// One name for two seats.
    #[error("two seats are named {seat}")]
    SeatTwice {
        /// The name.
        seat: String,
    },
    /// No seat of this name.
    #[error("no seat is named {seat}")]
    UnknownSeat {
        /// The name asked for.
        seat: String,
    },
    /// The key of the seat stays as it is.
    #[error("the key of {seat} is not replaced in this ceremony")]
    SeatKeeps {
        /// The seat.
        seat: String,
    },
    /// The browser or the file has no sitting, or one that is over.
    #[error("this sitting is over, or never began")]
    SittingOver,
    /// What was handed in is no record.
    #[error(transparent)]
    Record(#[from] OfferedError),
    /// Another seat has the key.
    #[error("{seat} has this key already")]
    KeyTaken {
        /// The seat that has it.
        seat: String,
    },
    /// Another seat has the journal.
    #[error("{seat} has this journal already")]
    JournalTaken {
        /// The seat that has it.
        seat: String,
    },
    /// The vault has or had the key.
    #[error("the vault has this key already, or had it")]
    KeyKnown,
    /// A key is changed although the document with it is there.
    #[error("the document is there already: the key of {seat} stands in it")]
    DraftStands {
        /// The seat.
        seat: String,
    },
    /// Keys are missing.
    #[error("no key yet of {}", .seats.join(", "))]
    SeatsEmpty {
        /// Whose.
        seats: Vec<String>,
    },
    /// There is no document yet.
    #[error("there is no document yet that could be confirmed")]
    NoDraft,
    /// The document is not the one of the seats.
    #[error("the document says otherwise than the seat of {signer}: {part}")]
    DraftDiffers {
        /// The signer.
        signer: String,
        /// What differs.
        part: &'static str,
    },
    /// No document comes of the records.
    #[error("no next version comes of the records: {0}")]
    NoReplacement(ReplacementMistake),
    /// Only the next version of a vault can be written from records.
    #[error("the document of a new vault is written by people")]
    NotWritten,
    /// Another document is there by now.
    #[error("the document is another one by now: {current}")]
    DraftChanged {
        /// The one there is.
        current: PolicyId,
    },
    /// A person compares with oneself.
    #[error("the words are compared with another person than oneself")]
    ComparedAlone,
    /// The words are not those of the document.
    #[error("these are not the first and the last word of this document")]
    WordsDiffer,
    /// The address was not compared.
    #[error("the first address has not been compared")]
    AddressNotCompared,
    /// The person has not compared this document.
    #[error("the words of this document have not been compared yet")]
    NotCompared,
    /// Persons have not confirmed.
    #[error("not confirmed yet by {}", .seats.join(", "))]
    NotConfirmed {
        /// Whose confirmation is missing.
        seats: Vec<String>,
    },
}

impl CeremonyError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Unknown { .. } => (
                "unknown_ceremony",
                Class::NotFound,
                "`ceremony list` names those that the token may see",
            ),
            Self::Ended { .. } => (
                "ceremony_ended",
                Class::Conflict,
                "begin another one; what came of this one goes on by itself",
            ),
            Self::OtherOpen => (
                "ceremony_open",
                Class::Conflict,
                "finish or end that one first: `ceremony list` shows it",
            ),
            Self::Stale => (
                "ceremony_stale",
                Class::Conflict,
                "end this ceremony and begin another one under the version in force",
            ),
            Self::SeatCount { .. } => (
                "seat_count",
                Class::Refused,
                "name one seat for each signer that the policy is to have",
            ),
            Self::SeatTwice { .. } => (
                "seat_twice",
                Class::Refused,
                "give each signer a name of its own, also two of one person",
            ),
            Self::UnknownSeat { .. } => (
                "unknown_seat",
                Class::NotFound,
                "`ceremony show` names the seats",
            ),
            Self::SeatKeeps { .. } => (
                "seat_keeps_its_key",
                Class::Conflict,
                "to replace this key too, begin the ceremony anew with both seats",
            ),
            Self::SittingOver => (
                "sitting_over",
                Class::Unauthorized,
                "ask the operator for a new invitation to your seat; the key that you handed in stays",
            ),
            Self::Record(error) => (error.code(), Class::Refused, error.hint()),
            Self::KeyTaken { .. } => (
                "key_taken",
                Class::Refused,
                "each seat needs a key of its own: make one, or use the device's next account; if it is yours, \
                 somebody handed it in elsewhere, and the operator must know",
            ),
            Self::JournalTaken { .. } => (
                "journal_taken",
                Class::Refused,
                "each seat needs a journal of its own: make the key in a home folder of its own",
            ),
            Self::KeyKnown => (
                "key_known",
                Class::Refused,
                "a signer is replaced by a new key with its own journal",
            ),
            Self::DraftStands { .. } => (
                "draft_stands",
                Class::Conflict,
                "an operator empties the seat first: that takes the document and all confirmations back",
            ),
            Self::SeatsEmpty { .. } => (
                "seats_empty",
                Class::Conflict,
                "wait for these keys, or invite those persons again",
            ),
            Self::NoDraft => (
                "no_draft",
                Class::Conflict,
                "an operator sets the document once all keys are in",
            ),
            Self::DraftDiffers { .. } => (
                "draft_differs",
                Class::Refused,
                "put the records of the seats into the document as they are: `ceremony records` prints them",
            ),
            Self::NoReplacement(_) => (
                "no_replacement",
                Class::Refused,
                "write the next version by hand and give it as a file",
            ),
            Self::NotWritten => (
                "draft_not_written",
                Class::Refused,
                "write it around the records, and give it as a file: `ceremony records` prints them",
            ),
            Self::DraftChanged { .. } => (
                "draft_changed",
                Class::Conflict,
                "fetch the document anew and compare its words; all confirmations before it are void",
            ),
            Self::ComparedAlone => (
                "compared_alone",
                Class::Refused,
                "call another person, who reads the words out from the own tool",
            ),
            Self::WordsDiffer => (
                "words_differ",
                Class::Refused,
                "stop, and compare all 24 words from both tools: if they differ, one of you was shown another document",
            ),
            Self::AddressNotCompared => (
                "address_not_compared",
                Class::Refused,
                "compare the first address by voice too, as the device or the own tool shows it",
            ),
            Self::NotCompared => (
                "not_compared",
                Class::Refused,
                "compare the words and the first address first",
            ),
            Self::NotConfirmed { .. } => (
                "not_confirmed",
                Class::Conflict,
                "nothing becomes active before each person has compared the words and is ready",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Unknown { id } => json!({ "id": id }),
            Self::Ended { outcome } => json!({ "outcome": outcome }),
            Self::SeatCount { found, least, most } => {
                json!({ "found": found, "least": least, "most": most })
            }
            Self::SeatTwice { seat }
            | Self::UnknownSeat { seat }
            | Self::SeatKeeps { seat }
            | Self::KeyTaken { seat }
            | Self::JournalTaken { seat }
            | Self::DraftStands { seat } => json!({ "seat": seat }),
            Self::SeatsEmpty { seats } | Self::NotConfirmed { seats } => json!({ "seats": seats }),
            Self::DraftDiffers { signer, part } => json!({ "signer": signer, "part": part }),
            Self::NoReplacement(mistake) => json!({ "mistake": mistake.code() }),
            Self::DraftChanged { current } => json!({ "current": current }),
            Self::OtherOpen
            | Self::Stale
            | Self::SittingOver
            | Self::Record(_)
            | Self::KeyKnown
            | Self::NoDraft
            | Self::NotWritten
            | Self::ComparedAlone
            | Self::WordsDiffer
            | Self::AddressNotCompared
            | Self::NotCompared => Value::Null,
        }
    }
}
