//! What the key store's errors tell people and programs.

use super::{KeyError, NoEntropy, PassphraseError, WriteError};
use crate::failure::{Class, Explained};

impl Explained for NoEntropy {
    fn class(&self) -> Class {
        Class::Device
    }

    fn code(&self) -> &'static str {
        "NO_ENTROPY"
    }
}

impl Explained for PassphraseError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::NobodyToAsk(_) => "NO_PASSPHRASE",
            Self::Empty => "EMPTY_PASSPHRASE",
            Self::Differ => "PASSPHRASES_DIFFER",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NobodyToAsk(_) => Some("give --passphrase-file FILE".to_owned()),
            Self::Unreadable { .. } | Self::Empty | Self::Differ => None,
        }
    }
}

impl Explained for WriteError {
    fn class(&self) -> Class {
        match self {
            Self::Exists(_) => Class::Usage,
            Self::Io { .. } => Class::Device,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Exists(_) => "FILE_EXISTS",
            Self::Io { .. } => "CANNOT_WRITE",
        }
    }
}

impl Explained for KeyError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Words(_) => "NOT_WORDS",
            Self::Xpriv(_) => "NOT_A_KEY",
            Self::WrongNetwork { .. } => "WRONG_NETWORK",
            Self::OriginNeeded { .. } => "ORIGIN_NEEDED",
            Self::OriginMismatch { .. } => "ORIGIN_MISMATCH",
            Self::OriginText => "ORIGIN_TEXT",
            Self::Derivation(_) => "CANNOT_DERIVE",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::OriginNeeded { .. } => {
                Some("give --origin '[fingerprint/48h/1h/0h/2h]'".to_owned())
            }
            Self::Words(_) => Some("12 to 24 English words of BIP 39, in order".to_owned()),
            Self::Xpriv(_)
            | Self::WrongNetwork { .. }
            | Self::OriginMismatch { .. }
            | Self::OriginText
            | Self::Derivation(_) => None,
        }
    }
}
