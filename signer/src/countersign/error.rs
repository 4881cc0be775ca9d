//! Why a transfer is not signed, and what to do then.

use crate::failure::{Class, Explained, NO_REASON, Reason};
use crate::home::HomeError;
use crate::journal_file::JournalFileError;
use crate::pin::PinError;
use crate::signing::SigningError;
use crate::succeeding::SucceedingError;
use policies::psbt::PsbtRefusal;
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
    /// The next version is not heard or followed.
    #[error(transparent)]
    Succeeding(Box<SucceedingError>),
    /// The bytes are no PSBT that a signer reads.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// The review refused, for every reason named.
    #[error("refused for {}, first: {}", count(.0.len(), "reason"), first(.0))]
    Refused(Vec<Refusal>),
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

fn first(refusals: &[Refusal]) -> String {
    refusals.first().map(Refusal::to_string).unwrap_or_default()
}

impl Explained for CountersignError {
    fn class(&self) -> Class {
        match self {
            Self::NotASigner => Class::Usage,
            Self::Psbt(_) | Self::Refused(_) | Self::OtherKeyset { .. } => Class::Refused,
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
            Self::Succeeding(error) => error.code(),
            Self::Psbt(refusal) => refusal.code(),
            Self::Refused(refusals) => refusals.first().map_or("REFUSED", Refusal::code),
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
            Self::Succeeding(error) => error.hint(),
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
            Self::NotASigner
            | Self::OtherKeyset { .. }
            | Self::Psbt(_)
            | Self::Pin(_)
            | Self::Home(_)
            | Self::Journal(_)
            | Self::Signing(_)
            | Self::Inconsistent => vec![crate::failure::reason(self)],
        }
    }
}
