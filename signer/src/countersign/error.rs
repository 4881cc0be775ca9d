//! Why a transfer is not signed, and what to do then.

use crate::failure::{Class, Explained, Facts, NO_REASON, Reason};
use crate::home::HomeError;
use crate::journal_file::JournalFileError;
use crate::keystore::{DeviceKind, WriteError};
use crate::pin::PinError;
use crate::signing::SigningError;
use crate::succeeding::SucceedingError;
use bitcoin::Txid;
use policies::ladder::LadderFault;
use policies::psbt::{BadSignature, PsbtRefusal};
use policies::review::Refusal;
use policies::words::count;

/// Why a transfer is not signed.
#[derive(Debug, thiserror::Error)]
pub enum CountersignError {
    /// The home is no signer in its policy.
    #[error("this home is no signer of its policy")]
    NotASigner,
    /// It spends coins of a keyset in which this signer has no key.
    #[error("it spends coins of {}keyset, in which this signer has no key", if *.former { "a former " } else { "the newest " })]
    OtherKeyset {
        /// Whether that is a former one.
        former: bool,
    },
    /// The key that signs lies in a foreign device: nothing is signed here.
    #[error("the key that signs lies in a device ({device}), not in this home")]
    KeyElsewhere {
        /// Its kind.
        device: DeviceKind,
    },
    /// The key that signs lies here: nothing is handed to a device, nor taken from one.
    #[error("the key that signs lies in this home, not in a device")]
    KeyHere,
    /// Signatures of a transaction that this journal never let a device sign.
    #[error("transaction {txid} was never handed over from here")]
    NotHandedOver {
        /// The transaction.
        txid: Txid,
    },
    /// An answer without a signature of this signer.
    #[error("no signature of this signer for {txid}: the device did not sign it")]
    NotAnswered {
        /// The transaction.
        txid: Txid,
        /// Whether signatures of others are in it.
        others: bool,
    },
    /// An answer in which every signature is wrong.
    #[error("no signature of this signer for {txid}; {} refused", count(.refused.len(), "signature"))]
    BadAnswer {
        /// The transaction.
        txid: Txid,
        /// What was refused, and why.
        refused: Vec<BadSignature>,
    },
    /// What was handed over could not be kept.
    #[error(transparent)]
    Kept(#[from] WriteError),
    /// The next version is not heard or followed.
    #[error(transparent)]
    Succeeding(Box<SucceedingError>),
    /// The bytes are no PSBT that a signer reads.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// The review refused, for every reason named.
    #[error("refused for {}, first: {}", count(.0.len(), "reason"), first(.0))]
    Refused(Vec<Refusal>),
    /// What was to be signed in one sitting is no ladder.
    #[error("this is no ladder: {0}")]
    Ladder(LadderFault),
    /// The pin does not hold.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// A key does not open.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The journal does not open or did not remember.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// No signature came out, or a wrong one.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// What was examined is not what was remembered: a mistake of this program.
    #[error("the reviewed transaction is not the remembered one")]
    Inconsistent,
}

impl From<SucceedingError> for CountersignError {
    fn from(error: SucceedingError) -> Self {
        Self::Succeeding(Box::new(error))
    }
}

/// What to do about a signature that does not hold.
const BAD_ANSWER: &str = "have the device that this home was made with sign it again, whole and with sighash ALL or DEFAULT";

fn refused_signature(bad: &BadSignature) -> Reason {
    Reason {
        code: bad.reason.code(),
        message: bad.to_string(),
        hint: BAD_ANSWER.to_owned(),
        facts: Facts::from_iter([("input".to_owned(), bad.input.into())]),
    }
}

fn first(refusals: &[Refusal]) -> String {
    refusals.first().map(Refusal::to_string).unwrap_or_default()
}

impl Explained for CountersignError {
    fn class(&self) -> Class {
        match self {
            Self::NotASigner | Self::KeyElsewhere { .. } | Self::KeyHere => Class::Usage,
            Self::Psbt(_)
            | Self::Refused(_)
            | Self::OtherKeyset { .. }
            | Self::NotHandedOver { .. }
            | Self::NotAnswered { .. }
            | Self::Ladder(_)
            | Self::BadAnswer { .. } => Class::Refused,
            Self::Kept(error) => error.class(),
            Self::Succeeding(error) => error.class(),
            Self::Pin(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::Journal(error) => error.class(),
            Self::Signing(SigningError::Fault { .. }) => Class::Device,
            Self::Signing(
                SigningError::InputCount { .. }
                | SigningError::NoOwnKey { .. }
                | SigningError::UnsupportedScript { .. }
                | SigningError::Derivation { .. },
            )
            | Self::Inconsistent => Class::Bug,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotASigner => "NOT_A_SIGNER",
            Self::OtherKeyset { .. } => "NO_KEY_OF_KEYSET",
            Self::KeyElsewhere { .. } => "KEY_ELSEWHERE",
            Self::KeyHere => "KEY_HERE",
            Self::NotHandedOver { .. } => "NOT_HANDED_OVER",
            Self::NotAnswered { .. } => "NOT_ANSWERED",
            Self::BadAnswer { refused, .. } => {
                let first = refused.first().map(|bad| bad.reason.code());
                first.unwrap_or("NOT_ANSWERED")
            }
            Self::Kept(error) => error.code(),
            Self::Succeeding(error) => error.code(),
            Self::Psbt(refusal) => refusal.code(),
            Self::Refused(refusals) => refusals.first().map_or("REFUSED", Refusal::code),
            Self::Ladder(fault) => fault.code(),
            Self::Pin(error) => error.code(),
            Self::Home(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Signing(_) => "CANNOT_SIGN",
            Self::Inconsistent => "INCONSISTENT",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotASigner => "sign with a home made by keygen or import".to_owned(),
            Self::OtherKeyset { former: true } => {
                "signers of that keyset must sign it: those who joined later have no key of it".to_owned()
            }
            Self::OtherKeyset { former: false } => {
                "this home leaves the vault: it signs only what brings coins of its former keysets home".to_owned()
            }
            Self::KeyElsewhere { .. } => {
                "where it is plugged in, with --device; else --hand-to DIR writes it for the device, and --answer FILE takes its signatures".to_owned()
            }
            Self::KeyHere => "no device takes part: leave out --device, --hand-to or --answer, and register nothing; `policy check` shows the first address".to_owned(),
            Self::NotHandedOver { .. } => {
                "do not use these signatures: hand the transfer over first, with `sign FILE --hand-to DIR`".to_owned()
            }
            Self::NotAnswered { others: false, .. } => {
                "sign it on the device, then give what it wrote; a file that ends in -part or -signed is newer".to_owned()
            }
            Self::NotAnswered { others: true, .. } => {
                "those of others are handed in by them; have this signer's own device sign".to_owned()
            }
            Self::BadAnswer { .. } => BAD_ANSWER.to_owned(),
            Self::Kept(error) => error.hint(),
            Self::Succeeding(error) => error.hint(),
            Self::Ladder(_) => "sign nothing of it: fetch the rungs again, with `attempt psbts`, or review each file alone".to_owned(),
            Self::Psbt(refusal) => refusal.hint().to_owned(),
            Self::Pin(error) => error.hint(),
            Self::Home(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Refused(refusals) => {
                let first = refusals.first().map_or(NO_REASON, Refusal::hint);
                first.to_owned()
            }
            Self::Signing(SigningError::Fault { .. }) => {
                "nothing was signed; do not use this machine before its memory was tested".to_owned()
            }
            Self::Signing(
                SigningError::InputCount { .. }
                | SigningError::NoOwnKey { .. }
                | SigningError::UnsupportedScript { .. }
                | SigningError::Derivation { .. },
            )
            | Self::Inconsistent => {
                "nothing was signed and nothing can be done: report this as a mistake of the program"
                    .to_owned()
            }
        }
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refused(refusals) => refusals.iter().map(Reason::of_refusal).collect(),
            Self::Succeeding(error) => error.reasons(),
            Self::BadAnswer { refused, .. } => refused.iter().map(refused_signature).collect(),
            Self::NotASigner
            | Self::OtherKeyset { .. }
            | Self::KeyElsewhere { .. }
            | Self::KeyHere
            | Self::NotHandedOver { .. }
            | Self::NotAnswered { .. }
            | Self::Kept(_)
            | Self::Psbt(_)
            | Self::Ladder(_)
            | Self::Pin(_)
            | Self::Home(_)
            | Self::Journal(_)
            | Self::Signing(_)
            | Self::Inconsistent => vec![crate::failure::reason(self)],
        }
    }
}
