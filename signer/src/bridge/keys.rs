//! The keys that a running bridge signs with: those of files, opened once, passkeys, asked for each time, and what opens
//! a signer's home for each transfer.

use super::error::BridgeError;
use crate::countersign::{CountersignError, Countersigner};
use crate::failure::Failure;
use crate::home::{Home, HomeError, KeyName};
use crate::keystore::{Kind, Passphrase, PersonKey};
use crate::passkey::{Passkey, origin, passkeys, usable};
use policies::Policy;
use std::sync::{Arc, Mutex, PoisonError};

/// The keys of a home.
pub struct Keys {
    signing: Option<Arc<SigningHome>>,
    approval: Option<Arc<PersonKey>>,
    request: Option<Arc<PersonKey>>,
    name: Option<KeyName>,
}

/// A signer's home, opened for each step of a transfer and no longer: its journal is one writer's, and others of this
/// home have their turn in between.
pub(super) struct SigningHome {
    /// The home.
    pub(super) home: Home,
    passphrase: Passphrase,
    turn: Mutex<()>,
}

impl SigningHome {
    /// Opens it, does something, and closes it again.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Countersigner) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut signer = Countersigner::open(&self.home, &self.passphrase)?;
        let done = work(&mut signer);
        drop((signer, turn));
        done
    }
}

impl Keys {
    /// Opens the home's keys of files; the passphrase is asked for only if there are any.
    ///
    /// # Errors
    /// When there are none, neither files nor usable passkeys nor a signer's; when there are several of a kind and none is
    /// named; or when one does not open.
    pub fn open(
        home: &Home,
        policy: &Policy,
        name: Option<&KeyName>,
        passphrase: impl FnOnce() -> Result<Passphrase, Failure>,
    ) -> Result<Self, Failure> {
        let held = home.held_keys()?;
        let holds = |kind| {
            held.iter()
                .any(|key| key.kind == kind && (name.is_none() || key.name.as_ref() == name))
        };
        let signs = home.holds(Kind::Journal, None);
        let mut keys = Self {
            signing: None,
            approval: None,
            request: None,
            name: name.cloned(),
        };
        let of_person = holds(Kind::Approval) || holds(Kind::Request);
        if of_person || signs {
            let passphrase = passphrase()?;
            let open = |kind| {
                let open = || home.open_person_key(kind, name, &passphrase);
                holds(kind).then(open).transpose()
            };
            keys.approval = open(Kind::Approval)?.map(Arc::new);
            keys.request = open(Kind::Request)?.map(Arc::new);
            if signs && !of_person {
                // A wrong passphrase is told now, not at the first transfer.
                home.open_journal_key(&passphrase)?;
            }
            let signing = || SigningHome {
                home: home.clone(),
                passphrase,
                turn: Mutex::new(()),
            };
            keys.signing = signs.then(signing).map(Arc::new);
        } else if usable(policy, passkeys(home)?, name).is_empty() {
            return Err(HomeError::NoKey(Kind::Approval).into());
        }
        Ok(keys)
    }

    /// The passkeys that answer at this port under a policy.
    pub(super) fn passkeys(
        &self,
        home: &Home,
        policy: &Policy,
        port: u16,
    ) -> Result<Vec<Passkey>, Failure> {
        let mut all = usable(policy, passkeys(home)?, self.name.as_ref());
        all.retain(|one| one.used.origins.contains(&origin(port)));
        Ok(all)
    }

    /// The approval key of a file.
    pub(super) fn approval(&self) -> Result<Arc<PersonKey>, BridgeError> {
        self.approval
            .clone()
            .ok_or(BridgeError::NoKey(Kind::Approval))
    }

    /// The home of a signer.
    pub(super) fn signing(&self) -> Result<&Arc<SigningHome>, CountersignError> {
        self.signing.as_ref().ok_or(CountersignError::NotASigner)
    }

    /// The request key of a file.
    pub(super) fn request(&self) -> Result<Arc<PersonKey>, BridgeError> {
        self.request
            .clone()
            .ok_or(BridgeError::NoKey(Kind::Request))
    }
}
