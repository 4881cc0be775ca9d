//! What can be wrong with a policy document, with a stable code, the place and a hint each.

use std::fmt;

use crate::destination::DestinationError;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One mistake in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field, such as `rules[1].approvals.group`; empty for the whole file.
    pub path: String,
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong in one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file exceeds 64 KiB.
    #[error("the file has {bytes} bytes, more than {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Not UTF-8.
    #[error("byte {position} is not UTF-8")]
    NotUtf8 {
        /// Position in the file.
        position: usize,
    },
    /// A byte-order mark.
    #[error("the file begins with a byte-order mark")]
    ByteOrderMark,
    /// A carriage return.
    #[error("the file has a carriage return")]
    CarriageReturn,
    /// No final line feed, or more than one.
    #[error("the file does not end in exactly one line feed")]
    FinalLineFeed,
    /// Not TOML.
    #[error("not TOML: {message}")]
    Toml {
        /// The parser's words.
        message: String,
    },
    /// A key that the format does not know.
    #[error("unknown key {key}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The nearest known key.
        suggestion: Option<&'static str>,
    },
    /// A key is missing.
    #[error("missing")]
    Missing,
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: &'static str,
    },
    /// A value that is not what belongs here.
    #[error("{value:?} is not {expected}")]
    Invalid {
        /// The value.
        value: String,
        /// What belongs here.
        expected: String,
    },
    /// A number outside its bounds.
    #[error("{value} is not between {min} and {max}")]
    OutOfRange {
        /// The number as written.
        value: String,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// An empty list where something must stand.
    #[error("empty")]
    Empty,
    /// A name used twice.
    #[error("{value} is used twice, first in {first}")]
    Duplicate {
        /// The value.
        value: String,
        /// Where it stands first.
        first: String,
    },
    /// A key used twice.
    #[error("the same key stands in {first}")]
    DuplicateKey {
        /// Where it stands first.
        first: String,
    },
    /// A name that nothing has.
    #[error("no {kind} is named {name}")]
    UnknownName {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
    },
    /// The genesis hash is another network's.
    #[error("{found} is not the genesis block of {network}, {expected}")]
    WrongGenesis {
        /// The network's name.
        network: &'static str,
        /// Its genesis hash.
        expected: String,
        /// What the document says.
        found: String,
    },
    /// A key or address of another network.
    #[error("{value} is not of the network {network}")]
    WrongNetwork {
        /// The key or address.
        value: String,
        /// The network's name.
        network: &'static str,
    },
    /// An address whose coins anybody, or nobody, can spend.
    #[error("{value} is an address of a kind that is not paid")]
    ScriptKind {
        /// The address.
        value: String,
    },
    /// The descriptor is refused.
    #[error("{message}")]
    Descriptor {
        /// The code of the descriptor's refusal.
        code: &'static str,
        /// Why.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The policy text does not mean what the descriptor means.
    #[error("the policy does not mean the same as the descriptor")]
    PolicyDiffers,
    /// The policy text is refused.
    #[error("{message}")]
    PolicyText {
        /// Why.
        message: String,
    },
    /// A signer whose key is not in the descriptor.
    #[error("signer {signer} is in no spending path")]
    SignerInNoPath {
        /// The signer.
        signer: String,
    },
    /// A key of the descriptor that no signer holds.
    #[error("no signer holds the descriptor's key {key}")]
    KeyWithoutSigner {
        /// The key with its origin.
        key: String,
    },
    /// The descriptor has the signer's key with another origin.
    #[error("the descriptor has this key as {descriptor}")]
    KeyOriginMismatch {
        /// The key in the descriptor.
        descriptor: String,
    },
    /// Two sets of signers may share nobody.
    #[error("two sets of signers can pay without sharing a signer (tolerance {tolerance})")]
    DoublePaymentTolerance {
        /// The tolerance found.
        tolerance: i32,
    },
    /// `valid_until` is not after the head's time.
    #[error("valid_until is not after the time of head")]
    NeverValid,
    /// A rule that an earlier one always precedes, or that nothing can match.
    #[error("the rule can never match: {reason}")]
    NeverMatches {
        /// Why.
        reason: NeverMatches,
    },
    /// More persons demanded than can approve.
    #[error("{count} person{} must approve, but only {available} can", if *count == 1 { "" } else { "s" })]
    TooFewPersons {
        /// Demanded.
        count: u32,
        /// Persons who could.
        available: usize,
    },
    /// A key that only passkeys have.
    #[error("only a passkey has {field}")]
    OnlyForPasskeys {
        /// The field.
        field: &'static str,
    },
    /// A journal's key that is a passkey.
    #[error("a journal's key cannot be a passkey")]
    JournalPasskey,
    /// A key of tool `page` that no page could use, or that must not be one.
    #[error("a key of tool \"page\" must be an approver's passkey")]
    PageKey,
    /// A passkey of tool `own` of a page that is not the person's own.
    #[error("{value} is not on the person's own host")]
    OwnNotLoopback {
        /// The domain or origin.
        value: String,
    },
    /// A passkey of tool `page` on the person's own host.
    #[error("{value} is the person's own host, not the coordinator's page")]
    PageIsLoopback {
        /// The domain or origin.
        value: String,
    },
    /// An origin outside the passkey's domain.
    #[error("{origin} is not of the domain {rp_id}")]
    OriginOutsideDomain {
        /// The origin.
        origin: String,
        /// The domain.
        rp_id: String,
    },
    /// Only signets have challenges.
    #[error("{network} has no signet challenge")]
    OnlyOnSignet {
        /// The network.
        network: &'static str,
    },
    /// A rule that needs nobody's approval, for any amount, as often as one likes.
    #[error(
        "nobody approves what it matches, and neither one payment nor all of a time have a bound"
    )]
    AutomaticWithoutBound,
    /// Part of the format, but not supported by this version.
    #[error("{field} is not supported yet")]
    NotYet {
        /// The reserved item.
        field: &'static str,
    },
}

/// Why a rule can never match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeverMatches {
    /// An earlier rule matches everything that it matches.
    #[error("rule {earlier:?} before it matches everything that it matches")]
    Shadowed {
        /// The earlier rule.
        earlier: String,
    },
    /// It approves sweeps automatically, which is never done.
    #[error("sweeps are never approved automatically")]
    AutomaticSweep,
}

impl Problem {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::NotUtf8 { .. } => "NOT_UTF8",
            Self::ByteOrderMark => "BYTE_ORDER_MARK",
            Self::CarriageReturn => "CARRIAGE_RETURN",
            Self::FinalLineFeed => "FINAL_LINE_FEED",
            Self::Toml { .. } => "NOT_TOML",
            Self::UnknownKey { .. } => "UNKNOWN_KEY",
            Self::Missing => "MISSING",
            Self::WrongType { .. } => "WRONG_TYPE",
            Self::Invalid { .. } => "INVALID",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::Empty => "EMPTY",
            Self::Duplicate { .. } => "DUPLICATE",
            Self::DuplicateKey { .. } => "DUPLICATE_KEY",
            Self::UnknownName { .. } => "UNKNOWN_NAME",
            Self::WrongGenesis { .. } => "WRONG_GENESIS",
            Self::WrongNetwork { .. } => "WRONG_NETWORK",
            Self::ScriptKind { .. } => "SCRIPT_KIND",
            Self::Descriptor { code, .. } => code,
            Self::PolicyDiffers => "POLICY_DIFFERS",
            Self::PolicyText { .. } => "BAD_POLICY",
            Self::SignerInNoPath { .. } => "SIGNER_IN_NO_PATH",
            Self::KeyWithoutSigner { .. } => "KEY_WITHOUT_SIGNER",
            Self::KeyOriginMismatch { .. } => "KEY_ORIGIN_MISMATCH",
            Self::DoublePaymentTolerance { .. } => "DOUBLE_PAYMENT",
            Self::NeverValid => "NEVER_VALID",
            Self::NeverMatches { .. } => "NEVER_MATCHES",
            Self::TooFewPersons { .. } => "TOO_FEW_PERSONS",
            Self::OnlyForPasskeys { .. } => "ONLY_FOR_PASSKEYS",
            Self::JournalPasskey => "JOURNAL_PASSKEY",
            Self::PageKey => "PAGE_KEY",
            Self::OwnNotLoopback { .. } => "OWN_NOT_LOOPBACK",
            Self::PageIsLoopback { .. } => "PAGE_IS_LOOPBACK",
            Self::OriginOutsideDomain { .. } => "ORIGIN_OUTSIDE_DOMAIN",
            Self::OnlyOnSignet { .. } => "ONLY_ON_SIGNET",
            Self::AutomaticWithoutBound => "AUTOMATIC_WITHOUT_BOUND",
            Self::NotYet { .. } => "NOT_YET",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLarge { .. } => "split long lists into another vault's policy".to_owned(),
            Self::NotUtf8 { .. } | Self::ByteOrderMark => {
                "save the file as UTF-8 without a byte-order mark".to_owned()
            }
            Self::CarriageReturn => {
                "save with LF line ends, and keep git from changing them (*.toml -text)".to_owned()
            }
            Self::FinalLineFeed => "end the file in one line feed and no empty lines".to_owned(),
            Self::Toml { .. } => "see https://toml.io for the syntax".to_owned(),
            Self::UnknownKey { suggestion, .. } => suggestion.map_or_else(
                || "remove it; every key must be one that the format knows".to_owned(),
                |known| format!("did you mean {known}?"),
            ),
            Self::Missing => "add it".to_owned(),
            Self::WrongType { expected, .. } => format!("write {expected}"),
            Self::Invalid { expected, .. } => format!("write {expected}"),
            Self::OutOfRange { min, max, .. } => {
                format!("choose a whole number from {min} to {max}")
            }
            Self::Empty => "name at least one, or leave the key out".to_owned(),
            Self::Duplicate { .. } => "give each its own".to_owned(),
            Self::DuplicateKey { .. } => {
                "every person and role needs a key of its own; make a new one".to_owned()
            }
            Self::UnknownName { suggestion, .. } => suggestion.as_ref().map_or_else(
                || "define it, or correct the name".to_owned(),
                |known| format!("did you mean {known}?"),
            ),
            Self::WrongGenesis { .. } => {
                "copy the hash of block 0 from your own node (getblockhash 0)".to_owned()
            }
            Self::WrongNetwork { .. } => "use keys and addresses of the vault's network".to_owned(),
            Self::ScriptKind { .. } => DestinationError::ScriptKind.hint().to_owned(),
            Self::Descriptor { hint, .. } => hint.clone(),
            Self::PolicyDiffers => {
                "the descriptor is the truth: correct the policy, or compile it anew".to_owned()
            }
            Self::PolicyText { .. } => {
                "write a miniscript policy over the signers' names".to_owned()
            }
            Self::SignerInNoPath { .. } => {
                "put the key into the descriptor, or remove the signer".to_owned()
            }
            Self::KeyWithoutSigner { .. } => "add its holder under [[signers]]".to_owned(),
            Self::KeyOriginMismatch { .. } => {
                "fingerprint and path must be the same in both places".to_owned()
            }
            Self::DoublePaymentTolerance { .. } => {
                "raise the threshold, or write double_payment = \"trust-coordinator\" in [spending]"
                    .to_owned()
            }
            Self::NeverValid => "choose a later valid_until".to_owned(),
            Self::NeverMatches { .. } => {
                "first match decides: reorder, narrow or remove a rule".to_owned()
            }
            Self::TooFewPersons { .. } => {
                "lower the count or name more persons; the requester's person never counts"
                    .to_owned()
            }
            Self::OnlyForPasskeys { .. } => {
                "remove it, or give a key like webauthn-es256:<66 hex digits>".to_owned()
            }
            Self::JournalPasskey => "give the journal's own key, as `keygen` prints it".to_owned(),
            Self::PageKey => "write tool = \"own\" for keys of files and for requesters".to_owned(),
            Self::OwnNotLoopback { .. } => {
                "register the passkey with `keygen --passkey`, or write tool = \"page\"".to_owned()
            }
            Self::PageIsLoopback { .. } => {
                "write tool = \"own\", or the domain of the coordinator's page".to_owned()
            }
            Self::OriginOutsideDomain { .. } => "name origins on the rp_id or below it".to_owned(),
            Self::OnlyOnSignet { .. } => "remove it, or write network = \"signet\"".to_owned(),
            Self::AutomaticWithoutBound => {
                "give the rule amount_max_sat or a window, or a count of approvals above 0"
                    .to_owned()
            }
            Self::NotYet { .. } => "remove it; a later version will accept it".to_owned(),
        }
    }
}

impl Mistake {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        self.problem.hint()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for Mistake {}

impl Serialize for Mistake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Mistake", 5)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("path", &self.path)?;
        object.serialize_field("line", &self.line)?;
        object.serialize_field("message", &self.problem.to_string())?;
        object.serialize_field("hint", &self.hint())?;
        object.end()
    }
}
