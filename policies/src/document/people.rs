//! The people and machines that a policy names, and their keys.

use std::str::FromStr;

use bitcoin::bip32::{DerivationPath, Fingerprint, Xpub};

use crate::descriptor::KeyPosition;
use crate::intent::{PublicKey, RelyingParty, Signature, SignatureError, VerifyingParty};

/// The holder of one of the descriptor's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Its name, also in the policy text.
    pub name: String,
    /// The person who holds it.
    pub person: String,
    /// What holds the key.
    pub device: Option<Device>,
    /// The extended key with its origin.
    pub key: SignerKey,
    /// The key of its journal.
    pub journal: PublicKey,
}

/// What holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Such as `software` or `ledger`.
    pub kind: String,
    /// The firmware that was reviewed.
    pub firmware: Option<String>,
    /// The day the seed was made.
    pub seed_created: Option<String>,
    /// The machine that holds it: keys on one host are lost and stolen together.
    pub host: Option<String>,
}

/// An extended public key with its origin, `[f5acc2fd/48h/1h/0h/2h]tpub…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerKey {
    /// As the document writes it.
    pub text: String,
    /// Fingerprint of the master key.
    pub fingerprint: Fingerprint,
    /// Path from the master key.
    pub path: DerivationPath,
    /// The extended key.
    pub xpub: Xpub,
}

/// Why a text is no extended public key with origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerKeyError {
    /// It does not look like `[fingerprint/path]xpub`.
    #[error("not an extended key with origin like [f5acc2fd/48h/1h/0h/2h]tpub…")]
    Shape,
    /// The fingerprint is not eight hex digits.
    #[error("the fingerprint {0} is not eight lower hex digits")]
    Fingerprint(String),
    /// The path does not parse.
    #[error("the path {0} is not like 48h/1h/0h/2h")]
    Path(String),
    /// The extended key does not parse.
    #[error("not an extended public key: {0}")]
    Xpub(bitcoin::bip32::Error),
    /// The extended key's depth is not the length of the path.
    #[error("the path has {path} steps but the key's depth is {depth}")]
    Depth {
        /// Steps of the path.
        path: usize,
        /// Depth in the key.
        depth: u8,
    },
}

impl SignerKey {
    /// The key as the descriptor knows it.
    pub fn position(&self) -> KeyPosition {
        KeyPosition {
            fingerprint: self.fingerprint,
            path: self.path.clone(),
            xpub: self.xpub,
        }
    }
}

impl FromStr for SignerKey {
    type Err = SignerKeyError;

    fn from_str(text: &str) -> Result<Self, SignerKeyError> {
        let (origin, xpub) = text
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .ok_or(SignerKeyError::Shape)?;
        let (fingerprint_text, path_text) = origin.split_once('/').unwrap_or((origin, ""));
        let is_lower_hex = fingerprint_text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fingerprint = Some(fingerprint_text)
            .filter(|text| text.len() == 8 && is_lower_hex)
            .and_then(|text| text.parse::<Fingerprint>().ok())
            .ok_or_else(|| SignerKeyError::Fingerprint(fingerprint_text.to_owned()))?;
        let path: DerivationPath = path_text
            .parse()
            .map_err(|_| SignerKeyError::Path(path_text.to_owned()))?;
        let xpub: Xpub = xpub.parse().map_err(SignerKeyError::Xpub)?;
        if usize::from(xpub.depth) != path.len() {
            return Err(SignerKeyError::Depth {
                path: path.len(),
                depth: xpub.depth,
            });
        }
        Ok(Self {
            text: text.to_owned(),
            fingerprint,
            path,
            xpub,
        })
    }
}

/// Whose program shows what a key signs (D6 of the design: only `own` keys count for the promise).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// The person's own tool, or the service's own host.
    Own,
    /// The coordinator's page: proves presence, not reading.
    Page,
}

impl Tool {
    /// Its word in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Page => "page",
        }
    }
}

/// A signing key that a policy pins, with all that verifying its signatures takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    /// The key.
    pub key: PublicKey,
    /// Whose program shows what it signs.
    pub tool: Tool,
    /// Where it is used, if it is a passkey.
    pub passkey: Option<RelyingParty>,
}

impl PinnedKey {
    /// A key file's key in a person's own tool.
    pub const fn own(key: PublicKey) -> Self {
        Self {
            key,
            tool: Tool::Own,
            passkey: None,
        }
    }
}

impl VerifyingParty for PinnedKey {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn verify_signature(
        &self,
        message: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        match &self.passkey {
            Some(relying_party) => self.key.verify_assertion(relying_party, message, signature),
            None => self.key.verify(message, signature),
        }
    }
}

/// A service or person whose signature makes an intent genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// The name that intents carry.
    pub name: String,
    /// The person behind it, whose approvals never count on its requests; its name unless written.
    pub person: String,
    /// Its keys.
    pub keys: Vec<PinnedKey>,
}

/// A person who approves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The entry's name.
    pub name: String,
    /// The person: approvals count persons, not entries or keys.
    pub person: String,
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// Its keys.
    pub keys: Vec<PinnedKey>,
}
