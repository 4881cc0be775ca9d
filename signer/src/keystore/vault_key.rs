//! The software key of a signer: one BIP 32 account key with its origin.
//!
//! Only the account key is kept, never the words or the master key above it: what is on disk can
//! sign for this account and nothing else. Words are BIP 39 (English), paths default to the
//! multisig account of BIP 48.

use super::container::{Cost, Kind, Made, OpenError, Sealed};
use super::{NoEntropy, Passphrase, fresh};
use bip39::{Language, Mnemonic};
use bitcoin::Network;
use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpriv, Xpub};
use bitcoin::secp256k1::{All, Secp256k1};
use policies::descriptor::KeyPosition;
use policies::document::SignerKey;
use std::str::FromStr;
use zeroize::Zeroizing;

/// An account's extended private key, wiped as far as possible when dropped.
pub struct VaultKey {
    account: Xpriv,
    origin: Origin,
}

/// Where an account key comes from: the master key's fingerprint and the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The master key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The path from there to the account.
    pub path: DerivationPath,
}

/// Why a text gives no account key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The words are not a BIP 39 mnemonic.
    #[error("not BIP 39 words: {0}")]
    Words(bip39::Error),
    /// The text is neither an extended private key nor words.
    #[error("not an extended private key: {0}")]
    Xpriv(bitcoin::bip32::Error),
    /// The key serves another kind of network.
    #[error("the key is for {found:?} networks, not for {network}")]
    WrongNetwork {
        /// The network asked for.
        network: Network,
        /// What the key says.
        found: NetworkKind,
    },
    /// An account key alone does not tell its origin.
    #[error("an extended key of depth {depth} needs its origin, as [fingerprint/path]")]
    OriginNeeded {
        /// Its depth.
        depth: u8,
    },
    /// The origin given does not lead to this key.
    #[error(
        "the origin has {path} steps ending in {last:?}, the key says depth {depth}, child {child}"
    )]
    OriginMismatch {
        /// Number of steps of the origin's path.
        path: usize,
        /// Its last step.
        last: Option<ChildNumber>,
        /// The key's depth.
        depth: u8,
        /// The key's child number.
        child: ChildNumber,
    },
    /// The origin is not of the form `[fingerprint/path]`.
    #[error("not an origin of the form [f5acc2fd/48h/1h/0h/2h]")]
    OriginText,
    /// The derivation of a child failed.
    #[error("cannot derive the account: {0}")]
    Derivation(bitcoin::bip32::Error),
}

/// The default account of a network: BIP 48, first account, script type 2.
pub fn default_path(network: Network) -> DerivationPath {
    let coin = match NetworkKind::from(network) {
        NetworkKind::Main => 0,
        NetworkKind::Test => 1,
    };
    [48, coin, 0, 2]
        .into_iter()
        .map(|index| ChildNumber::from_hardened_idx(index).expect("small indexes are in range"))
        .collect()
}

/// Draws 24 fresh BIP 39 words.
///
/// # Errors
/// When the system gives no randomness.
pub fn fresh_words() -> Result<Zeroizing<String>, NoEntropy> {
    let entropy = fresh::<32>()?;
    let words = Mnemonic::from_entropy_in(Language::English, entropy.as_slice())
        .expect("32 bytes are a length of BIP 39");
    Ok(Zeroizing::new(words.to_string()))
}

impl VaultKey {
    /// Derives the account from BIP 39 words (no extra passphrase).
    ///
    /// # Errors
    /// When the words are none or their checksum is wrong.
    pub fn from_words(
        words: &str,
        network: Network,
        path: &DerivationPath,
    ) -> Result<Self, KeyError> {
        let normal = Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" "));
        let words =
            Mnemonic::parse_in(Language::English, normal.as_str()).map_err(KeyError::Words)?;
        let seed = Zeroizing::new(words.to_seed(""));
        let master = Xpriv::new_master(network, seed.as_slice()).map_err(KeyError::Derivation)?;
        Self::from_master(&master, path)
    }

    /// Takes an extended private key: a master key is derived along `path`, any other must come
    /// with its origin, which must lead to its depth and child number.
    ///
    /// # Errors
    /// When the text is no key, is for another network, or does not fit the origin.
    pub fn from_xpriv(
        text: &str,
        network: Network,
        path: &DerivationPath,
        origin: Option<Origin>,
    ) -> Result<Self, KeyError> {
        let key = Xpriv::from_str(text.trim()).map_err(KeyError::Xpriv)?;
        if key.network != NetworkKind::from(network) {
            return Err(KeyError::WrongNetwork {
                network,
                found: key.network,
            });
        }
        match origin {
            None if key.depth == 0 => Self::from_master(&key, path),
            None => Err(KeyError::OriginNeeded { depth: key.depth }),
            Some(origin) => {
                let last = origin.path.as_ref().last().copied();
                let fits = origin.path.len() == usize::from(key.depth)
                    && last.is_none_or(|last| last == key.child_number);
                if !fits {
                    return Err(KeyError::OriginMismatch {
                        path: origin.path.len(),
                        last,
                        depth: key.depth,
                        child: key.child_number,
                    });
                }
                Ok(Self {
                    account: key,
                    origin,
                })
            }
        }
    }

    fn from_master(master: &Xpriv, path: &DerivationPath) -> Result<Self, KeyError> {
        let secp = Secp256k1::new();
        Ok(Self {
            account: master
                .derive_priv(&secp, path)
                .map_err(KeyError::Derivation)?,
            origin: Origin {
                fingerprint: master.fingerprint(&secp),
                path: path.clone(),
            },
        })
    }

    /// The account's private key, to sign with.
    pub fn account(&self) -> &Xpriv {
        &self.account
    }

    /// The public half with its origin, as policies name it.
    pub fn public(&self, secp: &Secp256k1<All>) -> KeyPosition {
        KeyPosition {
            fingerprint: self.origin.fingerprint,
            path: self.origin.path.clone(),
            xpub: Xpub::from_priv(secp, &self.account),
        }
    }

    /// Seals the key under a passphrase.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(
        &self,
        made: Made,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Sealed, NoEntropy> {
        let secret = Zeroizing::new(self.account.encode());
        Sealed::seal(
            Kind::Vault,
            made,
            self.public(&Secp256k1::new()).to_string(),
            secret.as_slice(),
            passphrase,
            cost,
        )
    }

    /// Opens a sealed key and checks it against its public half.
    ///
    /// # Errors
    /// As [`Sealed::open`], and [`OpenError::PublicMismatch`].
    pub fn open(sealed: &Sealed, passphrase: &Passphrase) -> Result<Self, OpenError> {
        let mismatch = || OpenError::PublicMismatch {
            public: sealed.header.public.clone(),
        };
        let secret = sealed.open(Kind::Vault, passphrase)?;
        let public: SignerKey = sealed.header.public.parse().map_err(|_| mismatch())?;
        let key = Self {
            account: Xpriv::decode(&secret).map_err(|_| mismatch())?,
            origin: Origin {
                fingerprint: public.fingerprint,
                path: public.path.clone(),
            },
        };
        if key.public(&Secp256k1::new()) != public.position() {
            return Err(mismatch());
        }
        Ok(key)
    }
}

impl Drop for VaultKey {
    fn drop(&mut self) {
        self.account.private_key.non_secure_erase();
    }
}

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "VaultKey(under {}…)", self.origin.fingerprint)
    }
}

impl FromStr for Origin {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let inner = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .ok_or(KeyError::OriginText)?;
        let (fingerprint, path) = inner.split_once('/').unwrap_or((inner, ""));
        Ok(Self {
            fingerprint: fingerprint.parse().map_err(|_| KeyError::OriginText)?,
            path: path.parse().map_err(|_| KeyError::OriginText)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                         abandon abandon about";

    fn key() -> VaultKey {
        VaultKey::from_words(WORDS, Network::Regtest, &default_path(Network::Regtest))
            .expect("the words of BIP 39's first vector")
    }

    #[test]
    fn words_give_the_account_that_other_wallets_derive() {
        // BIP 39's first vector has this master fingerprint in every wallet.
        let public = key().public(&Secp256k1::new());
        let text = public.to_string();
        assert!(text.starts_with("[73c5da0a/48h/1h/0h/2h]tpub"), "{text}");
        let read: SignerKey = text.parse().expect("policies read it");
        assert_eq!(read.position(), public);
    }

    #[test]
    fn words_with_a_wrong_checksum_are_refused() {
        let wrong = WORDS.replace("about", "abandon");
        let path = default_path(Network::Regtest);
        let refused = VaultKey::from_words(&wrong, Network::Regtest, &path);
        assert!(matches!(refused, Err(KeyError::Words(_))));
    }

    #[test]
    fn fresh_words_are_24_and_never_the_same() {
        let (first, second) = (fresh_words().expect("draws"), fresh_words().expect("draws"));
        assert_eq!(first.split(' ').count(), 24);
        assert_ne!(*first, *second);
        let path = default_path(Network::Bitcoin);
        VaultKey::from_words(&first, Network::Bitcoin, &path).expect("are words of BIP 39");
    }

    #[test]
    fn an_account_key_is_taken_only_with_an_origin_that_leads_to_it() {
        let account = key();
        let text = account.account().to_string();
        let path = default_path(Network::Regtest);
        let take = |origin: Option<&str>| {
            let origin = origin.map(|text| text.parse().expect("an origin"));
            VaultKey::from_xpriv(&text, Network::Regtest, &path, origin)
        };
        assert!(matches!(
            take(None),
            Err(KeyError::OriginNeeded { depth: 4 })
        ));
        assert!(matches!(
            take(Some("[73c5da0a/48h/1h/0h]")),
            Err(KeyError::OriginMismatch { .. })
        ));
        assert!(matches!(
            take(Some("[73c5da0a/48h/1h/0h/3h]")),
            Err(KeyError::OriginMismatch { .. })
        ));
        let taken = take(Some("[73c5da0a/48h/1h/0h/2h]")).expect("fits");
        let secp = Secp256k1::new();
        assert_eq!(taken.public(&secp), account.public(&secp));
    }

    #[test]
    fn a_key_for_another_network_is_refused() {
        let text = key().account().to_string();
        let path = default_path(Network::Bitcoin);
        let refused = VaultKey::from_xpriv(&text, Network::Bitcoin, &path, None);
        assert!(matches!(refused, Err(KeyError::WrongNetwork { .. })));
    }

    #[test]
    fn a_sealed_key_comes_back_with_its_origin() {
        let key = key();
        let passphrase = Passphrase::new("correct horse".to_owned()).expect("not empty");
        let sealed = key
            .seal(Made::Imported, &passphrase, Cost::new(16, 1, 1))
            .expect("seals");
        let secp = Secp256k1::new();
        let opened = VaultKey::open(&sealed, &passphrase).expect("opens");
        assert_eq!(opened.public(&secp), key.public(&secp));
        assert_eq!(opened.account(), key.account());
    }
}
