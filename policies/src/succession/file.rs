//! The succession file: one version's document with the signatures under it, as it goes from person to person and
//! from coordinators to signers.
//!
//! Canonical JSON by RFC 8785: {`approvals`: [{`expires`, `key`, `signature`}] in the order of the keys, `document`:
//! the exact text, `format`}. Invariant: a file that was read writes the same bytes again. Follows docs/formats.md
//! F11.

use bitcoin::hashes::{Hash, sha256};
use serde::{Deserialize, Serialize};

use super::approved::{VersionApprovals, is_genuine};
use crate::document::{MAX_BYTES, Mistake, Policy};
use crate::hash::Purpose;
use crate::ids::{KeyId, PolicyId, Subject};
use crate::intent::{Approval, Signature};
use crate::time::UnixTime;

/// The format name of a succession file.
pub const SUCCESSION_FORMAT: &str = "countersign/succession/1";
/// The most signatures in one file.
pub const MAX_APPROVALS: usize = 256;
/// The most bytes of a file: a document of which every byte is escaped, and the signatures.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// A version with the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionFile {
    document: String,
    approvals: VersionApprovals,
}

/// Why bytes are no succession file.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionFileError {
    /// More bytes than a file may have.
    #[error("the file has {found} bytes, at most {MAX_FILE_BYTES} are read")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// It is no JSON with exactly these keys.
    #[error("not a succession file: {0}")]
    Json(serde_json::Error),
    /// The format is another one.
    #[error("format is not {SUCCESSION_FORMAT:?}")]
    Format,
    /// More signatures than a file may have.
    #[error("{found} approvals, at most {MAX_APPROVALS} are read")]
    TooManyApprovals {
        /// Signatures found.
        found: usize,
    },
    /// The bytes do not encode to themselves.
    #[error("writing the succession file again gives other bytes")]
    NotCanonical,
}

impl SuccessionFileError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooManyApprovals { .. } => "SUCCESSION_TOO_LARGE",
            Self::Json(_) | Self::Format => "NOT_A_SUCCESSION",
            Self::NotCanonical => "SUCCESSION_NOT_CANONICAL",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooManyApprovals { .. } => {
                "give the file as `policy propose` and `policy approve` write it"
            }
            Self::Json(_) | Self::Format => {
                "make the file with `policy propose`, from the document of the next version"
            }
            Self::NotCanonical => "do not edit the file: make it anew with `policy propose`",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    approvals: Vec<WrittenApproval>,
    document: String,
    format: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenApproval {
    expires: UnixTime,
    key: KeyId,
    signature: Signature,
}

impl SuccessionFile {
    /// The file of a version that nobody approved yet.
    ///
    /// # Errors
    /// The document's mistakes.
    pub fn of(document: &[u8]) -> Result<Self, Vec<Mistake>> {
        Policy::parse(document)?;
        let text = String::from_utf8_lossy(document);
        Ok(Self {
            document: text.into_owned(),
            approvals: VersionApprovals::new(),
        })
    }

    /// Reads a file; a line feed at its end is allowed for. Neither the document nor a signature is believed yet.
    ///
    /// # Errors
    /// Why the bytes are none.
    pub fn read(bytes: &[u8]) -> Result<Self, SuccessionFileError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let found = bytes.len();
        if found > MAX_FILE_BYTES {
            return Err(SuccessionFileError::TooLarge { found });
        }
        let written: Written = serde_json::from_slice(bytes).map_err(SuccessionFileError::Json)?;
        if written.format != SUCCESSION_FORMAT {
            return Err(SuccessionFileError::Format);
        }
        let found = written.document.len();
        if found > MAX_BYTES {
            return Err(SuccessionFileError::TooLarge { found });
        }
        let found = written.approvals.len();
        if found > MAX_APPROVALS {
            return Err(SuccessionFileError::TooManyApprovals { found });
        }
        let mut file = Self {
            document: written.document,
            approvals: VersionApprovals::new(),
        };
        let version = file.version();
        for approval in written.approvals {
            file.approve(Approval {
                purpose: Purpose::Policy,
                subject: Subject::from_bytes(version.to_bytes()),
                expires: approval.expires,
                key: approval.key,
                signature: approval.signature,
            });
        }
        if file.write() != bytes {
            return Err(SuccessionFileError::NotCanonical);
        }
        Ok(file)
    }

    /// Its bytes, without a line feed at the end.
    pub fn write(&self) -> Vec<u8> {
        let written = Written {
            approvals: self
                .approvals
                .values()
                .map(|approval| WrittenApproval {
                    expires: approval.expires,
                    key: approval.key,
                    signature: approval.signature.clone(),
                })
                .collect(),
            document: self.document.clone(),
            format: SUCCESSION_FORMAT.to_owned(),
        };
        serde_json::to_vec(&written).expect("texts and numbers are plain JSON")
    }

    /// Adds a signature of one's own making; a later one of the same key takes the place of an earlier one. What
    /// comes from others is [`SuccessionFile::join`]ed.
    pub fn approve(&mut self, approval: Approval) {
        self.approvals.insert(approval.key, approval);
    }

    /// Adds the signatures of another file of the same version that are genuine by the version before; says whether
    /// it is one. A genuine signature is never dropped, nor replaced but by a genuine one of the same key that holds
    /// longer; where there is no room, signatures that are not genuine make some.
    pub fn join(&mut self, other: &Self, previous: &Policy) -> bool {
        if self.document != other.document {
            return false;
        }
        let version = self.version();
        let genuine = |approval: &Approval| is_genuine(previous, version, approval);
        for approval in other.approvals.values().filter(|one| genuine(one)) {
            let ours = self.approvals.get(&approval.key);
            let holds = ours.filter(|ours| genuine(ours)).map(|ours| ours.expires);
            if holds.is_some_and(|expires| approval.expires <= expires) {
                continue;
            }
            if ours.is_none() && self.approvals.len() >= MAX_APPROVALS {
                self.approvals.retain(|_, ours| genuine(ours));
            }
            if self.approvals.len() < MAX_APPROVALS || self.approvals.contains_key(&approval.key) {
                self.approve(approval.clone());
            }
        }
        true
    }

    /// The document's exact bytes.
    pub fn document(&self) -> &[u8] {
        self.document.as_bytes()
    }

    /// The id of the version.
    pub fn version(&self) -> PolicyId {
        PolicyId::from_bytes(sha256::Hash::hash(self.document()).to_byte_array())
    }

    /// The version, read alone.
    ///
    /// # Errors
    /// The document's mistakes.
    pub fn policy(&self) -> Result<Policy, Vec<Mistake>> {
        Policy::parse(self.document())
    }

    /// The signatures under it.
    pub const fn approvals(&self) -> &VersionApprovals {
        &self.approvals
    }
}
