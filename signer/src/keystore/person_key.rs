//! Ed25519 keys: an approver's, a requester's, and the journal's own.

use super::container::{Cost, Kind, Made, OpenError, Sealed};
use super::{NoEntropy, Passphrase, fresh};
use policies::intent::{PublicKey, SecretKey};

/// An Ed25519 secret with its purpose and history.
#[derive(Debug)]
pub struct PersonKey {
    kind: Kind,
    secret: SecretKey,
}

impl PersonKey {
    /// Draws a key and seals it.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(
        kind: Kind,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<(Self, Sealed), NoEntropy> {
        let bytes = fresh::<32>()?;
        let secret = SecretKey::from_bytes(&bytes);
        let sealed = Sealed::seal(
            kind,
            Made::Generated,
            secret.public().to_string(),
            bytes.as_slice(),
            passphrase,
            cost,
        )?;
        Ok((Self { kind, secret }, sealed))
    }

    /// Opens a sealed key and checks it against its public half.
    ///
    /// # Errors
    /// As [`Sealed::open`], and [`OpenError::PublicMismatch`].
    pub fn open(kind: Kind, sealed: &Sealed, passphrase: &Passphrase) -> Result<Self, OpenError> {
        let mismatch = || OpenError::PublicMismatch {
            public: sealed.header.public.clone(),
        };
        let bytes = sealed.open(kind, passphrase)?;
        let bytes = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| mismatch())?;
        let secret = SecretKey::from_bytes(bytes);
        if secret.public().to_string() != sealed.header.public {
            return Err(mismatch());
        }
        Ok(Self { kind, secret })
    }

    /// What the key is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.secret.public()
    }

    /// The secret, to sign with.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_comes_back_from_its_file_for_its_purpose_only() {
        let passphrase = Passphrase::new("correct horse".to_owned()).expect("not empty");
        let (key, sealed) =
            PersonKey::generate(Kind::Approval, &passphrase, Cost::new(16, 1, 1)).expect("draws");
        assert_eq!(sealed.header.made, Made::Generated);
        let opened = PersonKey::open(Kind::Approval, &sealed, &passphrase).expect("opens");
        assert_eq!(opened.public(), key.public());
        let refused = PersonKey::open(Kind::Request, &sealed, &passphrase);
        assert!(matches!(refused, Err(OpenError::WrongKind { .. })));
    }
}
