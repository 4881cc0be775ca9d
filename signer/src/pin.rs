//! The pinned policy: what a human confirmed once, and everything afterwards obeys.
//!
//! Invariant: a [`Pinned`] policy's bytes hash to the id that a human typed, and every key of the
//! home that it should name is named in it.

use crate::failure::{Class, Explained, Facts, NO_REASON, Reason, reason};
use crate::home::{HeldKey, Home, HomeError};
use crate::journal_file::Owner;
use crate::keystore::Kind;
use crate::keystore::{WriteError, durable};
use crate::moving::{MovingError, moves};
use crate::passkey::{PasskeyError, passkeys};
use policies::document::{Signer, SignerKey};
use policies::journal::{MoveCertificate, accept_moves};
use policies::succession::{LineMistake, line};
use policies::words::count;
use policies::{Mistake, Policy, PolicyId, PublicKey};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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

/// Why a home has no usable pinned policy.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Nothing is pinned.
    #[error("no policy is pinned in this home")]
    NotPinned,
    /// A file of the pin cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// `pin.json` is not one of ours.
    #[error("{} is not a pin of this version", .0.display())]
    NotAPin(PathBuf),
    /// The document is not the one that was pinned.
    #[error("the policy file has the id {found}, pinned is {pinned}")]
    Altered {
        /// The id of the bytes found.
        found: PolicyId,
        /// The id that was pinned.
        pinned: PolicyId,
    },
    /// The document has mistakes.
    #[error("the policy has {}, first: {}", count(.0.len(), "mistake"), first(.0))]
    Mistakes(Vec<Mistake>),
    /// A version before the pinned one is not here.
    #[error("version {version} of the line is not in this home")]
    VersionMissing {
        /// The version.
        version: PolicyId,
    },
    /// The versions are no line.
    #[error(transparent)]
    Line(#[from] LineMistake),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A key of this home does not fit the policy.
    #[error(transparent)]
    Key(#[from] KeyNotNamed),
    /// The certificates of the journal's moves cannot be read.
    #[error(transparent)]
    Moves(#[from] MovingError),
    /// The home's keys cannot be listed.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A passkey's file.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
}

/// How a key of the home is missing in the policy, by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyNotNamed {
    /// The home holds no key at all.
    #[error("this home holds no key that a policy could name")]
    NoKeys,
    /// The signer's extended key is in no record.
    #[error("no signer of the policy holds this home's key {key}")]
    Signer {
        /// The key with its origin.
        key: String,
    },
    /// The signer's record has the key with another origin.
    #[error("signer {name} is recorded with the key {found}, this home's is {key}")]
    Origin {
        /// The signer.
        name: String,
        /// The key as the policy has it.
        found: String,
        /// The key of the home.
        key: String,
    },
    /// The signer's record names another journal.
    #[error("signer {name} is recorded with the journal {found}, this home's is {key}")]
    Journal {
        /// The signer.
        name: String,
        /// The journal key of the policy.
        found: PublicKey,
        /// The journal key of the home.
        key: String,
    },
    /// A person's key is in no record of its purpose.
    #[error("the policy names no {kind} key {key}")]
    Person {
        /// Its purpose.
        kind: Kind,
        /// The key.
        key: String,
    },
}

fn first(mistakes: &[Mistake]) -> String {
    mistakes.first().map(Mistake::to_string).unwrap_or_default()
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
            match key.header.kind {
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

fn signer_of(
    policy: &Policy,
    key: &HeldKey,
    held: &[HeldKey],
    moves: &[MoveCertificate],
) -> Result<(String, Owner), KeyNotNamed> {
    let text = || key.header.public.clone();
    let not_named = || KeyNotNamed::Signer { key: text() };
    let own: SignerKey = key.header.public.parse().map_err(|_| not_named())?;
    let signer = policy
        .signers
        .iter()
        .find(|signer| signer.key.xpub == own.xpub)
        .ok_or_else(not_named)?;
    if signer.key.position() != own.position() {
        return Err(KeyNotNamed::Origin {
            name: signer.name.clone(),
            found: signer.key.text.clone(),
            key: text(),
        });
    }
    let journal = held.iter().find(|held| held.header.kind == Kind::Journal);
    let journal = journal.map_or("none", |held| held.header.public.as_str());
    let own = moved_here(policy, signer, moves).unwrap_or(signer.journal);
    if own.to_string() != journal {
        return Err(KeyNotNamed::Journal {
            name: signer.name.clone(),
            found: own,
            key: journal.to_owned(),
        });
    }
    let owner = Owner {
        vault: policy.vault,
        key: own,
    };
    Ok((signer.name.clone(), owner))
}

/// The journal that a signer's moved to, where certificates prove it.
fn moved_here(policy: &Policy, signer: &Signer, moves: &[MoveCertificate]) -> Option<PublicKey> {
    let moved = accept_moves(policy, moves).ok()?;
    let last = moves.last()?;
    (moved.name == signer.name).then_some(last.statement.to)
}

fn person_of(policy: &Policy, key: &HeldKey) -> Result<Role, KeyNotNamed> {
    let not_named = || KeyNotNamed::Person {
        kind: key.header.kind,
        key: key.header.public.clone(),
    };
    let public: PublicKey = key.header.public.parse().map_err(|_| not_named())?;
    let role = if key.header.kind == Kind::Approval {
        policy
            .approver_of_key(public.id())
            .map(|(approver, _)| Role::Approver(approver.name.clone()))
    } else {
        policy
            .requester_of_key(public.id())
            .map(|(requester, _)| Role::Requester(requester.name.clone()))
    };
    role.ok_or_else(not_named)
}

/// What somebody is whom only an older version names.
fn left(role: Role) -> Role {
    match role {
        Role::Approver(name) | Role::Requester(name) | Role::Left(name) => Role::Left(name),
        Role::Signer(name) | Role::Leaving(name) => Role::Leaving(name),
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

/// A document's mistake as a reason.
pub(crate) fn mistake_reason(mistake: &Mistake) -> Reason {
    Reason {
        code: mistake.code(),
        message: mistake.to_string(),
        hint: mistake.hint(),
        facts: Facts::new(),
    }
}

impl Explained for PinError {
    fn class(&self) -> Class {
        match self {
            Self::NotPinned => Class::Usage,
            Self::Unreadable { .. } => Class::Device,
            Self::NotAPin(_)
            | Self::Altered { .. }
            | Self::Mistakes(_)
            | Self::VersionMissing { .. }
            | Self::Line(_)
            | Self::Key(_) => Class::Refused,
            Self::Write(error) => error.class(),
            Self::Moves(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::Passkey(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotPinned => "NOT_PINNED",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::NotAPin(_) => "NOT_A_PIN",
            Self::Altered { .. } => "POLICY_ALTERED",
            Self::Mistakes(_) => "POLICY_MISTAKES",
            Self::VersionMissing { .. } | Self::Line(LineMistake::NotFirst { .. }) => {
                "VERSIONS_MISSING"
            }
            Self::Line(LineMistake::Empty | LineMistake::DoesNotFollow { .. }) => "NOT_A_LINE",
            Self::Write(error) => error.code(),
            Self::Key(KeyNotNamed::NoKeys) => "NO_KEY",
            Self::Key(KeyNotNamed::Signer { .. } | KeyNotNamed::Person { .. }) => {
                "KEY_NOT_IN_POLICY"
            }
            Self::Key(KeyNotNamed::Origin { .. }) => "KEY_ORIGIN_MISMATCH",
            Self::Key(KeyNotNamed::Journal { .. }) => "JOURNAL_NOT_IN_POLICY",
            Self::Moves(error) => error.code(),
            Self::Home(error) => error.code(),
            Self::Passkey(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotPinned => "pin one with init --policy FILE --id ID",
            Self::Altered { .. } => "do not sign with this home; find out who changed the file",
            Self::VersionMissing { .. } | Self::Line(LineMistake::NotFirst { .. }) => {
                "give the documents of all versions before it, the oldest first, with --before"
            }
            Self::Line(LineMistake::Empty | LineMistake::DoesNotFollow { .. }) => {
                "give the documents of this vault's versions in their order, without a gap"
            }
            Self::Write(error) => return error.hint(),
            Self::Key(KeyNotNamed::NoKeys) => "make a key with keygen, or bring one with import",
            Self::Key(
                KeyNotNamed::Signer { .. }
                | KeyNotNamed::Person { .. }
                | KeyNotNamed::Origin { .. }
                | KeyNotNamed::Journal { .. },
            ) => "every key of a home must stand in its policy: compare with the record of keygen",
            Self::Mistakes(mistakes) => {
                let first = mistakes.first().map(Mistake::hint);
                return first.unwrap_or_else(|| NO_REASON.to_owned());
            }
            Self::Moves(error) => return error.hint(),
            Self::Home(error) => return error.hint(),
            Self::Passkey(error) => return error.hint(),
            Self::Unreadable { .. } => "make the file readable for this user, then try again",
            Self::NotAPin(_) => {
                "bring the file back as init wrote it, or pin the policy in a new home folder"
            }
        }
        .to_owned()
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Mistakes(mistakes) => mistakes.iter().map(mistake_reason).collect(),
            Self::NotPinned
            | Self::Unreadable { .. }
            | Self::NotAPin(_)
            | Self::Altered { .. }
            | Self::VersionMissing { .. }
            | Self::Line(_)
            | Self::Write(_)
            | Self::Key(_)
            | Self::Moves(_)
            | Self::Home(_)
            | Self::Passkey(_) => vec![reason(self)],
        }
    }
}
