//! Secret keys that sign requests, approvals and receipts; only with the feature `signing`.
//!
//! Invariant: the seed comes in as an argument and is wiped from memory when the key is dropped.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};

use super::key::PublicKey;
use super::signature::Signature;

/// An Ed25519 secret key.
pub struct SecretKey {
    key: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// Makes the key of a 32-byte seed (RFC 8032); the caller owns the seed's entropy and wipes its copy.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = PublicKey::from_ed25519(key.verifying_key().to_bytes())
            .expect("a clamped scalar times the base point is a canonical point of large order");
        Self { key, public }
    }

    /// Its public key.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a message of [`crate::hash::signing_message`].
    pub fn sign(&self, message: &[u8; 32]) -> Signature {
        Signature::from_ed25519(self.key.sign(message).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public)
    }
}
