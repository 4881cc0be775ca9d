//! Who acknowledged a version: journals of the keyset before it, or of its own, each for itself.
//!
//! Invariant: a journal's word counts under its pinned key alone, about one version, and without an end: whoever
//! follows a version never goes back behind it.

use crate::document::Policy;
use crate::hash::Purpose;
use crate::ids::{KeyId, PolicyId, VaultId};
use crate::intent::{Approval, PublicKey, SignatureError, Statement};
use crate::time::UnixTime;

/// A journal whose word on a version counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The signer's name.
    pub signer: String,
    /// The journal's key.
    pub journal: PublicKey,
}

/// Why a signature acknowledges nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongAck {
    /// It is of no such journal.
    #[error("neither the version nor the one before it names a journal with the key {key}")]
    Foreign {
        /// The key.
        key: KeyId,
    },
    /// It says something else, or is about another version.
    #[error("the journal of {signer} signed something else")]
    OtherSubject {
        /// The signer.
        signer: String,
    },
    /// It says when it ends.
    #[error("the acknowledgement of {signer} ends {expires}; it must say 0, for it never ends")]
    Ends {
        /// The signer.
        signer: String,
        /// The end found.
        expires: UnixTime,
    },
    /// It is not that journal's signature.
    #[error("the acknowledgement of {signer} is wrong: {error}")]
    Wrong {
        /// The signer.
        signer: String,
        /// What is wrong.
        error: SignatureError,
    },
}

/// The journals that two versions, one after the other, pin; the one before first.
pub fn voices(previous: &Policy, next: &Policy) -> Vec<Voice> {
    let mut all: Vec<Voice> = Vec::new();
    for signer in previous.signers.iter().chain(&next.signers) {
        if all.iter().all(|voice| voice.journal != signer.journal) {
            all.push(Voice {
                signer: signer.name.clone(),
                journal: signer.journal,
            });
        }
    }
    all
}

/// Verifies that a signature acknowledges a version under the key of one of these journals; gives whose it is.
///
/// # Errors
/// Why it counts for nothing.
pub fn acknowledged<'a>(
    vault: VaultId,
    version: PolicyId,
    voices: &'a [Voice],
    approval: &Approval,
) -> Result<&'a Voice, WrongAck> {
    let key = approval.key;
    let mut voices = voices.iter();
    let voice = voices
        .find(|voice| voice.journal.id() == key)
        .ok_or(WrongAck::Foreign { key })?;
    let signer = || voice.signer.clone();
    let subject = Statement::Ack { policy: version }.subject();
    if approval.purpose != Purpose::Ack || approval.subject != subject {
        return Err(WrongAck::OtherSubject { signer: signer() });
    }
    if approval.expires != UnixTime::ZERO {
        let expires = approval.expires;
        return Err(WrongAck::Ends {
            signer: signer(),
            expires,
        });
    }
    match approval.verify(&voice.journal, vault) {
        Ok(()) => Ok(voice),
        Err(error) => Err(WrongAck::Wrong {
            signer: signer(),
            error,
        }),
    }
}
