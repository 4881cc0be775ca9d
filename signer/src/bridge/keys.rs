//! The keys that a running bridge signs with: those of files, opened once, and passkeys, asked for each time.

use super::error::BridgeError;
use crate::failure::Failure;
use crate::home::{Home, HomeError, KeyName};
use crate::keystore::{Kind, Passphrase, PersonKey};
use crate::passkey::{Passkey, origin, passkeys, usable};
use policies::Policy;
use std::sync::Arc;

/// The keys of a home.
pub struct Keys {
    approval: Option<Arc<PersonKey>>,
    request: Option<Arc<PersonKey>>,
    name: Option<KeyName>,
}

impl Keys {
    /// Opens the home's keys of files; the passphrase is asked for only if there are any.
    ///
    /// # Errors
    /// When there are none, neither files nor usable passkeys; when there are several of a kind and none is named; or
    /// when one does not open.
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
        let mut keys = Self {
            approval: None,
            request: None,
            name: name.cloned(),
        };
        if holds(Kind::Approval) || holds(Kind::Request) {
            let passphrase = passphrase()?;
            let open = |kind| {
                let open = || home.open_person_key(kind, name, &passphrase);
                holds(kind).then(open).transpose()
            };
            keys.approval = open(Kind::Approval)?.map(Arc::new);
            keys.request = open(Kind::Request)?.map(Arc::new);
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

    /// The request key of a file.
    pub(super) fn request(&self) -> Result<Arc<PersonKey>, BridgeError> {
        self.request
            .clone()
            .ok_or(BridgeError::NoKey(Kind::Request))
    }
}
