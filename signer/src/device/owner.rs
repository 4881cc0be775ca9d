//! A signer whose key lies in a device, and what that device is to know.

use super::{DeviceError, Purpose, Registration, Registrations};
use crate::countersign::CountersignError;
use crate::failure::Failure;
use crate::home::Home;
use crate::keystore::DeviceKey;
use crate::pin::Pinned;
use policies::Policy;
use policies::exchange::WalletPolicy;

/// A home's device: its key, the pinned policy, and that policy as the device keeps it.
#[derive(Debug)]
pub struct Owner {
    /// The public half of the key.
    pub key: DeviceKey,
    /// The pinned policy.
    pub policy: Policy,
    /// The policy as devices keep it (BIP 388), where it has such a form.
    pub wallet: Option<WalletPolicy>,
    /// That the device has it registered, where it has.
    pub registration: Option<Registration>,
}

impl Owner {
    /// The owner of a home.
    ///
    /// # Errors
    /// [`CountersignError::KeyHere`] where no device holds the key, or when something of it cannot be read.
    pub fn of(home: &Home) -> Result<Self, Failure> {
        let key = home.device_key()?.ok_or(CountersignError::KeyHere)?;
        let policy = Pinned::load(home)?.policy().clone();
        let wallet = WalletPolicy::of(&policy).ok();
        let known = wallet
            .as_ref()
            .map(|wallet| Registrations(home).find(key.fingerprint(), &policy, wallet));
        let registration = known.transpose()?.flatten();
        Ok(Self {
            key,
            policy,
            wallet,
            registration,
        })
    }

    /// What the device is used for.
    pub fn purpose(&self) -> Purpose<'_> {
        Purpose {
            policy: &self.policy,
            registration: self.registration.as_ref(),
        }
    }

    /// The wallet policy that a device keeps.
    ///
    /// # Errors
    /// [`DeviceError::NoWay`] where the policy has no such form.
    pub fn wallet(&self) -> Result<&WalletPolicy, DeviceError> {
        self.wallet.as_ref().ok_or_else(|| DeviceError::NoWay {
            kind: self.key.kind().clone(),
            script: self.policy.descriptor.kind().name(),
        })
    }
}
