//! A signer whose key lies in a device, and what that device is to know.

use super::{DeviceError, Purpose, Registration, Registrations};
use crate::countersign::CountersignError;
use crate::failure::Failure;
use crate::home::Home;
use crate::keystore::DeviceKey;
use crate::pin::Pinned;
use policies::devices::{Demand, DeviceLimits, limits_for};
use policies::document::Device;
use policies::exchange::WalletPolicy;
use policies::{Keyset, Policy};

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
        Self::of_coins(home, None)
    }

    /// The owner of a home whose device is to spend coins of a former keyset; of the newest one where none is named.
    ///
    /// A device signs for what it has registered, which is the policy that the coins were paid to.
    ///
    /// # Errors
    /// As [`Owner::of`].
    pub fn of_coins(home: &Home, former: Option<Keyset>) -> Result<Self, Failure> {
        let key = home.device_key()?.ok_or(CountersignError::KeyHere)?;
        let pinned = Pinned::load(home)?;
        let of_keyset = |keyset| {
            let mut newest_first = pinned.versions().iter().rev();
            newest_first.find(|version| version.keyset == keyset)
        };
        let policy = match former {
            None => pinned.policy(),
            // Of keys whose version is not kept here nothing can be registered either.
            Some(keyset) => of_keyset(keyset).ok_or(DeviceError::NotRegistered)?,
        };
        let policy = policy.clone();
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

    /// The device, with the firmware that the policy pins, where it speaks of the same kind.
    fn device(&self) -> Device {
        let kind = self.key.kind().name();
        let mut signers = self.policy.signers.iter();
        let own = signers.find(|signer| signer.key.fingerprint == self.key.fingerprint());
        let pinned = own.and_then(|signer| signer.device.clone());
        let unpinned = || Device {
            kind: kind.to_owned(),
            firmware: None,
            seed_created: None,
            host: None,
        };
        pinned
            .filter(|device| device.kind == kind)
            .unwrap_or_else(unpinned)
    }

    /// What it takes of one of these coins' transactions, where that is known.
    pub fn limits(&self) -> Option<DeviceLimits> {
        limits_for(&Demand::of(&self.policy.descriptor), &self.device())
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
