//! A foreign device that no wire joins: its own key, and rust-bitcoin's own signer.

use crate::treasury::{Treasury, passphrase};
use bitcoin::PrivateKey;
use bitcoin::bip32::DerivationPath;
use bitcoin::psbt::{GetKey, GetKeyError, KeyRequest, Psbt};
use bitcoin::secp256k1::{Secp256k1, Signing};
use policies::descriptor::KeyPosition;
use signer::keystore::{DeviceKey, VaultKey};

/// The key that was a home's, in a device now.
pub(crate) struct Device {
    key: VaultKey,
    origin: KeyPosition,
}

impl GetKey for Device {
    type Error = GetKeyError;

    fn get_key<C: Signing>(
        &self,
        request: KeyRequest,
        secp: &Secp256k1<C>,
    ) -> Result<Option<PrivateKey>, GetKeyError> {
        let KeyRequest::Bip32((fingerprint, path)) = request else {
            return Err(GetKeyError::NotSupported);
        };
        let account = self.origin.path.len();
        let own = fingerprint == self.origin.fingerprint
            && path.into_iter().take(account).eq(&self.origin.path);
        if !own {
            return Ok(None);
        }
        let rest: DerivationPath = path.into_iter().skip(account).copied().collect();
        let key = self.key.account().derive_priv(secp, &rest)?;
        Ok(Some(key.to_priv()))
    }
}

impl Device {
    /// Moves the key of a home into a device: only its public half stays.
    pub(crate) fn of(treasury: &Treasury, name: &str) -> Self {
        let home = treasury.home(name);
        let key = home.open_vault_key(&passphrase()).expect("opens");
        let origin = key.public(&Secp256k1::new());
        std::fs::remove_file(home.folder().join("keys/vault.key")).expect("is there");
        let kind = "coldcard".parse().expect("a kind");
        let public = DeviceKey::read(kind, &origin.to_string(), None, None).expect("a key");
        home.store_device_key(&public).expect("stores");
        Self { key, origin }
    }

    /// The key of a home that keeps it, for whoever wears its shoes.
    pub(crate) fn like(treasury: &Treasury, name: &str) -> Self {
        let key = treasury
            .home(name)
            .open_vault_key(&passphrase())
            .expect("opens");
        let origin = key.public(&Secp256k1::new());
        Self { key, origin }
    }

    /// What the device gives back: the PSBT with its signatures.
    pub(crate) fn signs(&self, handed: &[u8]) -> Psbt {
        let mut psbt = Psbt::deserialize(handed).expect("a PSBT");
        // What is not its own stays unsigned.
        drop(psbt.sign(self, &Secp256k1::new()));
        psbt
    }
}
