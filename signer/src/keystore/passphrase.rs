//! The passphrase that seals the key files: from a file or typed, never an argument or the environment.

use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A passphrase, wiped from memory when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Why there is no usable passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// The file could not be read as text.
    #[error("cannot read the passphrase file {}: {cause}", .path.display())]
    Unreadable {
        /// The file named.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    Empty,
    /// The second typing of a new passphrase was another.
    #[error("the two passphrases differ")]
    Differ,
    /// No passphrase file was named and nobody is there to ask.
    #[error("no terminal to ask for the passphrase: {0}")]
    NobodyToAsk(std::io::Error),
}

impl Passphrase {
    /// Takes a passphrase as typed.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`].
    pub fn new(text: String) -> Result<Self, PassphraseError> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            return Err(PassphraseError::Empty);
        }
        Ok(Self(text))
    }

    /// Reads a passphrase file; one line ending at its end does not count.
    ///
    /// # Errors
    /// When the file cannot be read or is empty.
    pub fn from_file(path: &Path) -> Result<Self, PassphraseError> {
        let text = std::fs::read_to_string(path).map_err(|cause| PassphraseError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        let text = Zeroizing::new(text);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Self::new(line.to_owned())
    }

    /// The bytes to derive the sealing key from.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether both are the same text.
    pub fn same_as(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passphrase(…)")
    }
}
