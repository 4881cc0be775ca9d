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

    fn hint(&self) -> String {
        "make no key on this machine before its system gives random bytes".to_owned()
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

    fn hint(&self) -> String {
        match self {
            Self::NobodyToAsk(_) => "give --passphrase-file FILE",
            Self::Unreadable { .. } => {
                "give --passphrase-file FILE of a file that this user may read"
            }
            Self::Empty => "choose a passphrase: it guards the key's file",
            Self::Differ => "type the same passphrase twice",
        }
        .to_owned()
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

    fn hint(&self) -> String {
        match self {
            Self::Exists(_) => "nothing is overwritten: name a file that is not there yet",
            Self::Io { .. } => "make room on the disk and the folder writable, then try again",
        }
        .to_owned()
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

    fn hint(&self) -> String {
        match self {
            Self::OriginNeeded { .. } | Self::OriginText => {
                "give --origin '[fingerprint/48h/1h/0h/2h]'"
            }
            Self::Words(_) => "give 12 to 24 English words of BIP 39, in order",
            Self::Xpriv(_) => "give an extended private key (xprv or tprv), whole and unchanged",
            Self::WrongNetwork { .. } => "give --network of the network that the key is for",
            Self::OriginMismatch { .. } => "give the origin of this key, or the key of this origin",
            Self::Derivation(_) => "give another --path",
        }
        .to_owned()
    }
}
