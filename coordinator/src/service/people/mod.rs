//! Persons who use the pages: who they are, how they sign in, what role they have, and when they are away.
//!
//! Invariant: a secret is shown once and only its hash is kept; signing in needs a passkey of a person who is
//! not revoked, with its user verified; what makes or unmakes an operator needs two operators where there are two.
//! Passkeys for signing in and page keys for approvals are apart: neither counts as the other.

pub mod absences;
mod eyes;
pub mod invitations;
pub mod joining;
pub mod keys;
pub mod listing;
pub(super) mod makers;
mod passkeys;
mod record;
pub mod roles;
pub mod sessions;
pub mod signing_in;
#[cfg(test)]
pub(crate) mod soft_passkey;
pub(super) mod throttling;
pub mod view;
mod warnings;

use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use policies::VaultId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::access::UnknownRole;
use super::{Actor, PeopleError, Role, Service, ServiceError};
use crate::store::people::persons::{self, PersonRow};
use crate::store::tokens;

pub use passkeys::{AssertionAnswer, Ceremony, RegistrationAnswer, Site};
pub use sessions::{NewSession, glance, renew, visit};
pub use warnings::AbsenceWarning;

/// A session's public id.
pub type SessionId = String;

/// Names that this program signs events with.
const OWN_NAMES: [&str; 3] = ["coordinator", "watchtower", "local operator"];
/// The most characters of a reason.
const MAX_REASON: usize = 200;
/// The most characters of what a person calls a passkey.
const MAX_LABEL: usize = 64;

/// What a person is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonRole {
    /// Manages everything.
    Operator,
    /// Reads, approves and signs.
    Approver,
    /// Reads and asks for withdrawals.
    Requester,
    /// Reads everything, changes nothing.
    Auditor,
}

impl PersonRole {
    /// All roles.
    pub const ALL: [Self; 4] = [
        Self::Operator,
        Self::Approver,
        Self::Requester,
        Self::Auditor,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Requester => "requester",
            Self::Auditor => "auditor",
        }
    }

    /// Which rights it has: those of a token of this role.
    pub const fn role(self) -> Role {
        match self {
            Self::Operator => Role::Operator,
            Self::Approver => Role::Signer,
            Self::Requester => Role::Service,
            Self::Auditor => Role::Auditor,
        }
    }
}

impl fmt::Display for PersonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PersonRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(UnknownRole)
    }
}

/// A signed-in person's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The person's name, as policies name the person.
    pub person: String,
    /// The person's role.
    pub role: PersonRole,
    /// The one vault; all if none.
    pub vault: Option<VaultId>,
    /// Who asks, for every operation of the service.
    pub actor: Actor,
    /// The session's public id.
    pub session: SessionId,
    /// What forms carry, so that no other page can send them.
    pub csrf: String,
    /// The port of the person's own tool on the same machine.
    pub bridge: Option<u16>,
}

/// The hash by which a secret is kept and found.
pub(in crate::service) fn hash_of(secret: &str) -> [u8; 32] {
    sha256::Hash::hash(secret.as_bytes()).to_byte_array()
}

/// A new secret: 64 hex digits.
pub(in crate::service) fn fresh_secret(service: &Service) -> String {
    service.random().to_lower_hex_string()
}

/// A new public id.
pub(in crate::service) fn fresh_id(service: &Service) -> String {
    let random = service.random();
    let (short, _) = random.split_at(8);
    short.to_lower_hex_string()
}

/// Takes the lock of people, and refuses an actor whose role went meanwhile.
///
/// # Errors
/// [`ServiceError::Unauthorized`].
pub(in crate::service) async fn expect_still(
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<(), ServiceError> {
    lock_people(tx).await?;
    makers::expect_still(tx, actor).await
}

/// Serializes what is decided about people.
pub(super) async fn lock_people(tx: &mut Transaction) -> Result<(), ServiceError> {
    Ok(tx.lock("people").await?)
}

/// Refuses what no policy could name either.
pub(in crate::service) fn expect_name(name: &str) -> Result<(), ServiceError> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ServiceError::Malformed {
        field: "name",
        expected: "a name of 1 to 32 characters a-z, 0-9 and -, as policies name the person",
    })
}

/// Refuses a name that a token or this program bears.
async fn expect_no_token(tx: &mut Transaction, name: &str) -> Result<(), ServiceError> {
    let tokens = tokens::list(tx).await?;
    let taken = tokens
        .iter()
        .any(|token| token.name == name && token.revoked_at.is_none());
    if taken || OWN_NAMES.contains(&name) {
        let name = name.to_owned();
        return Err(PeopleError::NameTaken { name }.into());
    }
    Ok(())
}

/// Refuses the name of a person, of somebody invited, or of this program, for a token.
pub(super) async fn expect_no_person(tx: &mut Transaction, name: &str) -> Result<(), ServiceError> {
    let invited = crate::store::people::invitations::open(tx).await?;
    let taken = persons::lookup(tx, name).await?.is_some()
        || invited.iter().any(|invitation| invitation.person == name);
    if taken || OWN_NAMES.contains(&name) {
        let name = name.to_owned();
        return Err(PeopleError::NameTaken { name }.into());
    }
    Ok(())
}

/// Refuses whoever is no person here, or none any more.
pub(super) async fn expect_active(tx: &mut Transaction, name: &str) -> Result<(), ServiceError> {
    active(tx, name).await.map(drop)
}

/// A person who is not revoked.
async fn active(tx: &mut Transaction, name: &str) -> Result<PersonRow, ServiceError> {
    persons::lookup(tx, name)
        .await?
        .filter(|person| person.ended_at.is_none())
        .ok_or_else(|| {
            let name = name.chars().take(40).collect();
            PeopleError::UnknownPerson { name }.into()
        })
}

/// A stored role.
fn stored_role(text: &str) -> Result<PersonRole, ServiceError> {
    text.parse().map_err(|_| ServiceError::Malformed {
        field: "role",
        expected: "a stored role",
    })
}

/// One line of at most so many characters, without any that could change how it is read.
fn expect_line(
    field: &'static str,
    text: &str,
    most: usize,
    expected: &'static str,
) -> Result<(), ServiceError> {
    let printable = text.chars().all(|one| !one.is_control());
    if printable && text.chars().count() <= most {
        Ok(())
    } else {
        Err(ServiceError::Malformed { field, expected })
    }
}
