//! The pinned policy: what a human confirmed once, and everything afterwards obeys.
//!
//! Invariant: a [`Pinned`] policy's bytes hash to the id that a human typed, and every key of the
//! home that it should name is named in it.

mod error;
mod naming;

use crate::home::Home;
use crate::journal_file::Owner;
use crate::keystore::{Kind, WriteError, durable};
use crate::moving::moves;
use crate::passkey::passkeys;
use policies::succession::line;
use policies::{Policy, PolicyId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(crate) use error::mistake_reason;
pub use error::{KeyNotNamed, PinError};

use naming::{left, person_of, signer_of};

pub(crate) const FORMAT: &str = "countersign/pin/1";

/// What `pin.json` holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinRecord {
    pub(crate) format: String,
    pub(crate) policy: PolicyId,
}

/// What a home is in its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It signs transactions under this name.
    Signer(String),
    /// It approves under this name.
    Approver(String),
    /// It requests under this name.
    Requester(String),
    /// It signed under this name before its key was replaced: only what brings former coins home.
    Leaving(String),
    /// It approved or requested under this name before; nothing that it signs counts any more.
    Left(String),
}

impl std::fmt::Display for Role {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signer(name) => write!(formatter, "signer {name}"),
            Self::Approver(name) => write!(formatter, "approver {name}"),
            Self::Requester(name) => write!(formatter, "requester {name}"),
            Self::Leaving(name) => write!(formatter, "leaving signer {name}"),
            Self::Left(name) => write!(formatter, "formerly {name}"),
        }
    }
}

/// A home's pinned policy and what the home is in it.
#[derive(Debug, Clone)]
pub struct Pinned {
    policy: Policy,
    /// The versions of the line, each read alone, the oldest first.
    versions: Vec<Policy>,
    roles: Vec<Role>,
    journal: Option<Owner>,
}

impl Pinned {
    /// Loads the pinned policy of a home and checks all of it again.
    ///
    /// # Errors
    /// When nothing is pinned, or a file or key is not what it was.
    pub fn load(home: &Home) -> Result<Self, PinError> {
        let read = |path: PathBuf| match std::fs::read(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(PinError::NotPinned),
            Err(cause) => Err(PinError::Unreadable { path, cause }),
            Ok(bytes) => Ok(bytes),
        };
        let record: PinRecord = serde_json::from_slice(&read(home.pin_file())?)
            .ok()
            .filter(|record: &PinRecord| record.format == FORMAT)
            .ok_or_else(|| PinError::NotAPin(home.pin_file()))?;
        let document = match document_of(home, record.policy)? {
            Some(document) => document,
            None => read(home.policy_file())?,
        };
        let policy = Policy::parse(&document).map_err(PinError::Mistakes)?;
        if policy.id != record.policy {
            return Err(PinError::Altered {
                found: policy.id,
                pinned: record.policy,
            });
        }
        let mut versions = vec![policy];
        while let Some(version) = versions.last().and_then(|policy| policy.previous) {
            let document =
                document_of(home, version)?.ok_or(PinError::VersionMissing { version })?;
            versions.push(Policy::parse(&document).map_err(PinError::Mistakes)?);
        }
        versions.reverse();
        Self::of_line(home, versions)
    }

    /// Finds every key of a home in a first version.
    ///
    /// # Errors
    /// As [`Pinned::of_line`].
    pub fn of(home: &Home, policy: Policy) -> Result<Self, PinError> {
        Self::of_line(home, vec![policy])
    }

    /// Finds every key of a home in a line of versions, the oldest first: in the newest, or else in one before it.
    ///
    /// # Errors
    /// When they are no line; [`PinError::Key`] names the first key that no version names as it should.
    pub fn of_line(home: &Home, versions: Vec<Policy>) -> Result<Self, PinError> {
        let policy = line(versions.clone())?;
        let before = || versions.iter().rev().skip(1);
        let held = home.held_keys()?;
        let moves = moves(home)?;
        let mut roles = Vec::new();
        let mut journal = None;
        for key in &held {
            match key.kind {
                Kind::Vault => {
                    let (role, owner) = match signer_of(&policy, key, &held, &moves) {
                        Ok((name, owner)) => (Role::Signer(name), owner),
                        Err(not_named @ KeyNotNamed::Signer { .. }) => {
                            let mut older = before()
                                .filter_map(|older| signer_of(older, key, &held, &moves).ok());
                            let (name, owner) = older.next().ok_or(not_named)?;
                            (Role::Leaving(name), owner)
                        }
                        Err(error) => return Err(error.into()),
                    };
                    roles.push(role);
                    journal = Some(owner);
                }
                // Found together with the key that it journals for.
                Kind::Journal => {}
                Kind::Approval | Kind::Request => roles.push(match person_of(&policy, key) {
                    Ok(role) => role,
                    Err(not_named) => {
                        let mut older = before().filter_map(|older| person_of(older, key).ok());
                        left(older.next().ok_or(not_named)?)
                    }
                }),
            }
        }
        for passkey in passkeys(home)? {
            let named = |policy: &Policy| {
                let (approver, _) = policy
                    .approver_of_key(passkey.key.id())
                    .filter(|(_, pinned)| pinned.passkey.as_ref() == Some(&passkey.used))?;
                Some(Role::Approver(approver.name.clone()))
            };
            let older = || before().find_map(named).map(left);
            let role = named(&policy).or_else(older);
            roles.push(role.ok_or_else(|| KeyNotNamed::Person {
                kind: Kind::Approval,
                key: passkey.key.to_string(),
            })?);
        }
        if roles.is_empty() {
            return Err(KeyNotNamed::NoKeys.into());
        }
        Ok(Self {
            policy,
            versions,
            roles,
            journal,
        })
    }

    /// The versions of the line, each read alone, the oldest first.
    pub fn versions(&self) -> &[Policy] {
        &self.versions
    }

    /// Whether the home's signing key is of a former keyset only.
    pub fn is_leaving(&self) -> bool {
        let leaving = |role: &Role| matches!(role, Role::Leaving(_));
        self.roles.iter().any(leaving)
    }

    /// Keeps the documents of all versions; what is there already is what it is named after.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep_versions(&self, home: &Home) -> Result<(), PinError> {
        if self.versions.len() > 1 {
            durable::make_folder(&home.versions())?;
            for version in &self.versions {
                durable::replace(&home.version_file(version.id), &version.bytes)?;
            }
        }
        Ok(())
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the home is in it.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The name under which the home signs, if it does.
    pub fn signer(&self) -> Option<&str> {
        self.roles.iter().find_map(|role| match role {
            Role::Signer(name) | Role::Leaving(name) => Some(name.as_str()),
            Role::Approver(_) | Role::Requester(_) | Role::Left(_) => None,
        })
    }

    /// Whose journal the home keeps, if it signs.
    pub fn journal(&self) -> Option<Owner> {
        self.journal
    }
}

/// The kept bytes of a version, if they are here and hash to its id.
pub(crate) fn document_of(home: &Home, version: PolicyId) -> Result<Option<Vec<u8>>, PinError> {
    let path = home.version_file(version);
    match std::fs::read(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(PinError::Unreadable { path, cause }),
        Ok(bytes) => match policies::document::id_of(&bytes) {
            found if found == version => Ok(Some(bytes)),
            found => Err(PinError::Altered {
                found,
                pinned: version,
            }),
        },
    }
}

/// Makes a version the pinned one.
pub(crate) fn write_pin(home: &Home, policy: &Policy) -> Result<(), WriteError> {
    let record = PinRecord {
        format: FORMAT.to_owned(),
        policy: policy.id,
    };
    let mut text = serde_json::to_vec(&record).expect("a pin is plain JSON");
    text.push(b'\n');
    durable::replace(&home.policy_file(), &policy.bytes)?;
    durable::replace(&home.pin_file(), &text)
}
