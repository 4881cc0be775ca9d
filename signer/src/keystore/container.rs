//! The sealed file of one secret: Argon2id over the passphrase, ChaCha20-Poly1305 over the secret.
//!
//! A JSON object, so that a human sees what a file is without opening it. Everything but the
//! sealed bytes is the associated data of the seal: a changed header opens nothing.

use super::durable;
use super::passphrase::Passphrase;
use super::{NoEntropy, WriteError, fresh};
use argon2::{Algorithm, Argon2, Params, Version};
use bitcoin::hex::{DisplayHex, FromHex};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FORMAT: &str = "countersign/key/1";
const MAX_BYTES: u64 = 16 * 1024;

/// What a key is for; a key never serves two purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The account key that signs transactions.
    Vault,
    /// The Ed25519 key that names the journal and signs its receipts.
    Journal,
    /// An approver's Ed25519 key.
    Approval,
    /// A requester's Ed25519 key.
    Request,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Vault => "signing",
            Self::Journal => "journal",
            Self::Approval => "approval",
            Self::Request => "request",
        })
    }
}

/// How a key came into this home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    /// Drawn here from fresh randomness.
    Generated,
    /// Brought from outside.
    Imported,
}

/// The cost of one guess at the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// Other costs, such as for a key in a test that protects nothing.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self {
            memory_kib,
            passes,
            lanes,
        }
    }

    /// The most this program spends on opening a file that somebody may have altered.
    const MOST: Self = Self {
        memory_kib: 1024 * 1024,
        passes: 16,
        lanes: 16,
    };

    fn bounded(self) -> bool {
        self.memory_kib <= Self::MOST.memory_kib
            && self.passes <= Self::MOST.passes
            && self.lanes <= Self::MOST.lanes
    }
}

/// What stands in the clear in a key file, and is authenticated by the seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: String,
    /// What the key is for.
    pub kind: Kind,
    /// How it came here.
    pub made: Made,
    /// The public half, as text.
    pub public: String,
    argon2id: Cost,
    salt: String,
    nonce: String,
}

/// One key file: its header and the sealed secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The readable part.
    pub header: Header,
    sealed: String,
}

/// Why a key file gives no secret.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is not there or cannot be read.
    #[error("cannot read the key file {}: {cause}", .path.display())]
    Unreadable {
        /// The file meant.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The file is not one of ours.
    #[error("{} is not a key file of this version", .0.display())]
    NotAKeyFile(PathBuf),
    /// The file holds a key of another purpose.
    #[error("the file holds the {found} key, expected is the {expected} key")]
    WrongKind {
        /// What was asked for.
        expected: Kind,
        /// What the file says.
        found: Kind,
    },
    /// Opening would cost more than any file of ours.
    #[error(
        "the file asks for {memory_kib} KiB and {passes} passes, more than this program spends"
    )]
    CostOutOfBounds {
        /// Memory asked for.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
    },
    /// The passphrase is wrong, or the file was altered: the seal does not tell which.
    #[error("wrong passphrase, or the key file was altered")]
    WrongPassphrase,
    /// The secret inside does not belong to the public key outside.
    #[error("the sealed secret does not belong to the public key {public}")]
    PublicMismatch {
        /// What the header says.
        public: String,
    },
}

impl Sealed {
    /// Seals a secret under a passphrase.
    ///
    /// # Errors
    /// When the system gives no randomness for salt and nonce.
    ///
    /// # Panics
    /// For a cost that [`Sealed::open`] would refuse.
    pub fn seal(
        kind: Kind,
        made: Made,
        public: String,
        secret: &[u8],
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Self, NoEntropy> {
        let header = Header {
            format: FORMAT.to_owned(),
            kind,
            made,
            public,
            argon2id: cost,
            salt: fresh::<16>()?.to_lower_hex_string(),
            nonce: fresh::<12>()?.to_lower_hex_string(),
        };
        let cipher = header
            .cipher(passphrase)
            .expect("own parameters are within every bound");
        let sealed = cipher
            .encrypt(
                &header.nonce().expect("own nonce"),
                Payload {
                    msg: secret,
                    aad: &header.bytes(),
                },
            )
            .expect("a secret is far below the cipher's limit");
        Ok(Self {
            header,
            sealed: sealed.to_lower_hex_string(),
        })
    }

    /// Opens the seal.
    ///
    /// # Errors
    /// [`OpenError::WrongKind`], [`OpenError::CostOutOfBounds`] or [`OpenError::WrongPassphrase`].
    pub fn open(
        &self,
        kind: Kind,
        passphrase: &Passphrase,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if self.header.kind != kind {
            return Err(OpenError::WrongKind {
                expected: kind,
                found: self.header.kind,
            });
        }
        let cipher = self.header.cipher(passphrase)?;
        let sealed = Vec::from_hex(&self.sealed).map_err(|_| OpenError::WrongPassphrase)?;
        cipher
            .decrypt(
                &self.header.nonce().ok_or(OpenError::WrongPassphrase)?,
                Payload {
                    msg: &sealed,
                    aad: &self.header.bytes(),
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| OpenError::WrongPassphrase)
    }

    /// Reads a key file without opening its seal.
    ///
    /// # Errors
    /// [`OpenError::Unreadable`] or [`OpenError::NotAKeyFile`].
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |cause| OpenError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let not_ours = || OpenError::NotAKeyFile(path.to_owned());
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(not_ours());
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let sealed: Self = serde_json::from_slice(&bytes).map_err(|_| not_ours())?;
        if sealed.header.format != FORMAT {
            return Err(not_ours());
        }
        Ok(sealed)
    }

    /// Writes the file; an existing one is never replaced.
    ///
    /// # Errors
    /// As [`durable::write_new`].
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let mut text = serde_json::to_vec_pretty(self).expect("a container is plain JSON");
        text.push(b'\n');
        durable::write_new(path, &text)
    }
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a header is plain JSON")
    }

    fn nonce(&self) -> Option<Nonce> {
        <[u8; 12]>::from_hex(&self.nonce).ok().map(Nonce::from)
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<ChaCha20Poly1305, OpenError> {
        let cost = self.argon2id;
        let out_of_bounds = || OpenError::CostOutOfBounds {
            memory_kib: cost.memory_kib,
            passes: cost.passes,
        };
        if !cost.bounded() {
            return Err(out_of_bounds());
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
            .map_err(|_| out_of_bounds())?;
        let salt = Vec::from_hex(&self.salt).map_err(|_| OpenError::WrongPassphrase)?;
        let mut key = Zeroizing::new([0_u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice())
            .map_err(|_| OpenError::WrongPassphrase)?;
        Ok(ChaCha20Poly1305::new_from_slice(key.as_slice()).expect("a key of 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost::new(16, 1, 1);

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned()).expect("not empty")
    }

    fn sealed() -> Sealed {
        Sealed::seal(
            Kind::Vault,
            Made::Generated,
            "public".to_owned(),
            b"a secret",
            &passphrase("correct horse"),
            CHEAP,
        )
        .expect("seals")
    }

    #[test]
    fn a_sealed_secret_opens_with_its_passphrase_only() {
        let sealed = sealed();
        let opened = sealed.open(Kind::Vault, &passphrase("correct horse"));
        assert_eq!(opened.expect("opens").as_slice(), b"a secret");
        let refused = sealed.open(Kind::Vault, &passphrase("correct hors"));
        assert!(matches!(refused, Err(OpenError::WrongPassphrase)));
    }

    #[test]
    fn a_key_does_not_open_for_another_purpose() {
        let refused = sealed().open(Kind::Journal, &passphrase("correct horse"));
        assert!(matches!(refused, Err(OpenError::WrongKind { .. })));
    }

    #[test]
    fn an_altered_header_opens_nothing() {
        for alter in [
            (|sealed: &mut Sealed| sealed.header.made = Made::Imported) as fn(&mut Sealed),
            |sealed| sealed.header.public.push('x'),
            |sealed| sealed.header.argon2id.passes = 2,
            |sealed| sealed.header.salt.replace_range(0..2, "zz"),
            |sealed| sealed.header.nonce.clear(),
            |sealed| sealed.sealed.truncate(10),
        ] {
            let mut altered = sealed();
            alter(&mut altered);
            let refused = altered.open(Kind::Vault, &passphrase("correct horse"));
            assert!(matches!(refused, Err(OpenError::WrongPassphrase)));
        }
    }

    #[test]
    fn a_file_that_asks_for_absurd_work_is_refused_before_the_work() {
        let mut altered = sealed();
        altered.header.argon2id.memory_kib = u32::MAX;
        let refused = altered.open(Kind::Vault, &passphrase("correct horse"));
        assert!(matches!(refused, Err(OpenError::CostOutOfBounds { .. })));
    }

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("vault.key");
        let sealed = sealed();
        sealed.write(&path).expect("writes");
        assert_eq!(Sealed::read(&path).expect("reads"), sealed);
        std::fs::write(&path, b"{}").expect("overwrites");
        assert!(matches!(
            Sealed::read(&path),
            Err(OpenError::NotAKeyFile(_))
        ));
    }

    #[test]
    fn two_seals_of_one_secret_share_no_salt_or_nonce() {
        let (first, second) = (sealed(), sealed());
        assert_ne!(first.header.salt, second.header.salt);
        assert_ne!(first.header.nonce, second.header.nonce);
        assert_ne!(first.sealed, second.sealed);
    }
}
