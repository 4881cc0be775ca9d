//! What a passkey's assertion must say before its signature is looked at (WebAuthn Level 3 §7.2).
//!
//! Invariant: an assertion counts only for the exact 32 bytes, on an origin that the policy pins, by a
//! person who was present and verified. The signature counter is recorded in the bytes and never
//! decisive: passkeys of several devices do not count.

mod client_data;
mod registration;

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitcoin::hashes::{Hash, sha256};

use super::signature::Assertion;
use crate::planted::{Bug, planted};
use client_data::ClientData;
pub use registration::{Registered, RegistrationError};

/// Bytes of the authenticator's data without credential and extensions: hash, flags, counter.
const FIXED: usize = 37;

/// Bits of the flags (WebAuthn §6.1).
mod flag {
    pub(super) const USER_PRESENT: u8 = 0x01;
    pub(super) const USER_VERIFIED: u8 = 0x04;
    pub(super) const BACKUP_ELIGIBLE: u8 = 0x08;
    pub(super) const BACKED_UP: u8 = 0x10;
    pub(super) const CREDENTIAL: u8 = 0x40;
    pub(super) const EXTENSIONS: u8 = 0x80;
}

/// Where a passkey is used: what a policy pins beside its public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The domain that the passkey belongs to.
    pub rp_id: String,
    /// The exact origins of the pages that may ask for it.
    pub origins: Vec<String>,
    /// Whether it may be copied to other devices by its maker's service.
    pub synced: bool,
}

/// Why what a passkey signed does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The client's data is not the JSON that browsers make.
    #[error("clientDataJSON is not the JSON object of the standard")]
    ClientData,
    /// The assertion was made for something else.
    #[error("clientDataJSON has another type than {expected}")]
    Type {
        /// The type that counts here.
        expected: &'static str,
    },
    /// Another message was signed.
    #[error("the challenge is not this message")]
    Challenge,
    /// A page of another origin asked for it.
    #[error("the origin is none that the policy pins")]
    Origin,
    /// The page was embedded in a page of another origin.
    #[error("the page was embedded in another origin's")]
    CrossOrigin,
    /// The authenticator's data does not have the standard's form.
    #[error("authenticatorData of {found} bytes does not have the form of the standard")]
    AuthenticatorData {
        /// Bytes found.
        found: usize,
    },
    /// The passkey belongs to another domain.
    #[error("the passkey is another relying party's")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("no user was present")]
    UserNotPresent,
    /// The authenticator did not check who touched it.
    #[error("the user was not verified")]
    UserNotVerified,
    /// Flags that contradict each other.
    #[error("the passkey is backed up without being able to be")]
    BackupState,
    /// The passkey can be copied to other devices, and the policy does not say so.
    #[error("the passkey can be synced, but the policy pins one that cannot")]
    Synced,
    /// The signature is not in the encoding of its algorithm.
    #[error("the signature is not encoded as its algorithm demands")]
    SignatureEncoding,
}

impl AssertionError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ClientData => "CLIENT_DATA",
            Self::Type { .. } => "CLIENT_DATA_TYPE",
            Self::Challenge => "CHALLENGE",
            Self::Origin => "ORIGIN",
            Self::CrossOrigin => "CROSS_ORIGIN",
            Self::AuthenticatorData { .. } => "AUTHENTICATOR_DATA",
            Self::RelyingParty => "RELYING_PARTY",
            Self::UserNotPresent => "USER_NOT_PRESENT",
            Self::UserNotVerified => "USER_NOT_VERIFIED",
            Self::BackupState => "BACKUP_STATE",
            Self::Synced => "SYNCED",
            Self::SignatureEncoding => "SIGNATURE_ENCODING",
        }
    }
}

/// A challenge as it stands in the client's data: base64url without padding.
pub fn challenge_text(challenge: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(challenge)
}

impl RelyingParty {
    /// Checks all that an assertion says, and gives the bytes that its signature is over:
    /// authenticatorData ‖ SHA-256(clientDataJSON).
    pub(super) fn check(
        &self,
        challenge: &[u8; 32],
        assertion: &Assertion,
    ) -> Result<Vec<u8>, AssertionError> {
        let client_data = assertion.client_data_json();
        self.check_client_data(client_data, "webauthn.get", challenge)?;
        let data = assertion.authenticator_data();
        let flags = self.check_authenticator(data)?;
        let has_extensions = flags & flag::EXTENSIONS != 0;
        if flags & flag::CREDENTIAL != 0 || has_extensions != (data.len() > FIXED) {
            return Err(AssertionError::AuthenticatorData { found: data.len() });
        }
        if flags & flag::BACKUP_ELIGIBLE != 0 && !self.synced {
            return Err(AssertionError::Synced);
        }
        let mut signed = data.to_vec();
        signed.extend_from_slice(sha256::Hash::hash(client_data).as_byte_array());
        Ok(signed)
    }

    fn check_client_data(
        &self,
        bytes: &[u8],
        expected: &'static str,
        challenge: &[u8; 32],
    ) -> Result<(), AssertionError> {
        let data = ClientData::read(bytes).ok_or(AssertionError::ClientData)?;
        if data.kind != expected {
            return Err(AssertionError::Type { expected });
        }
        if data.challenge != challenge_text(challenge) && !planted(Bug::PasskeyChallenge) {
            return Err(AssertionError::Challenge);
        }
        if !self.origins.contains(&data.origin) && !planted(Bug::PasskeyOrigin) {
            return Err(AssertionError::Origin);
        }
        if data.cross_origin || data.has_top_origin {
            return Err(AssertionError::CrossOrigin);
        }
        Ok(())
    }

    /// Checks the fixed part of the authenticator's data and gives its flags.
    fn check_authenticator(&self, data: &[u8]) -> Result<u8, AssertionError> {
        let malformed = AssertionError::AuthenticatorData { found: data.len() };
        let (rp_id_hash, rest) = data.split_first_chunk::<32>().ok_or(malformed)?;
        let (flags, rest) = rest.split_first().ok_or(malformed)?;
        if rest.len() < 4 {
            return Err(malformed);
        }
        let expected = sha256::Hash::hash(self.rp_id.as_bytes());
        if rp_id_hash != expected.as_byte_array() && !planted(Bug::PasskeyDomain) {
            return Err(AssertionError::RelyingParty);
        }
        if flags & flag::USER_PRESENT == 0 {
            return Err(AssertionError::UserNotPresent);
        }
        if flags & flag::USER_VERIFIED == 0 && !planted(Bug::PasskeyPerson) {
            return Err(AssertionError::UserNotVerified);
        }
        if flags & flag::BACKED_UP != 0 && flags & flag::BACKUP_ELIGIBLE == 0 {
            return Err(AssertionError::BackupState);
        }
        Ok(*flags)
    }
}

#[cfg(test)]
#[path = "webauthn_tests.rs"]
mod tests;
