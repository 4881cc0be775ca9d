//! Who may do what: deny by default, asked by every operation of the service itself.

use std::fmt;
use std::str::FromStr;

use policies::VaultId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ServiceError, VaultError};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A service's back end: addresses, withdrawals, events.
    Service,
    /// A signer or an approver's tool: attempts, signatures, approvals.
    Signer,
    /// An operator: everything.
    Operator,
    /// An auditor: reads everything of the vault, changes nothing.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Service, Self::Signer, Self::Operator, Self::Auditor];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Signer => "signer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// Whether it has every right of another role.
    pub fn includes(self, other: Self) -> bool {
        let more = |right: &Right| other.may(*right) && !self.may(*right);
        !Right::ALL.iter().any(more)
    }

    const fn may(self, right: Right) -> bool {
        match (self, right) {
            (Self::Operator, _)
            | (_, Right::Read)
            | (Self::Service, Right::IssueAddress | Right::Submit | Right::Approve)
            | (Self::Signer, Right::Sign | Right::Approve) => true,
            (
                Self::Service,
                Right::Sign
                | Right::Batch
                | Right::ChangePolicy
                | Right::Reconcile
                | Right::AddVault
                | Right::Tokens
                | Right::People,
            )
            | (
                Self::Signer,
                Right::IssueAddress
                | Right::Submit
                | Right::Batch
                | Right::ChangePolicy
                | Right::Reconcile
                | Right::AddVault
                | Right::Tokens
                | Right::People,
            )
            | (
                Self::Auditor,
                Right::IssueAddress
                | Right::Submit
                | Right::Approve
                | Right::Sign
                | Right::Batch
                | Right::ChangePolicy
                | Right::Reconcile
                | Right::AddVault
                | Right::Tokens
                | Right::People,
            ) => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not service, signer, operator or auditor")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(UnknownRole)
    }
}

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// To read vaults, addresses, withdrawals, books, events and status.
    Read,
    /// To have addresses issued.
    IssueAddress,
    /// To submit and cancel withdrawals.
    Submit,
    /// To hand in approvals and refusals.
    Approve,
    /// To hand in signatures.
    Sign,
    /// To make batches.
    Batch,
    /// To adopt versions of a policy, and to mark signers.
    ChangePolicy,
    /// To ask for a reconciliation.
    Reconcile,
    /// To add vaults.
    AddVault,
    /// To make, list and revoke tokens.
    Tokens,
    /// To invite and revoke persons, and to change their roles.
    People,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::IssueAddress,
        Self::Submit,
        Self::Approve,
        Self::Sign,
        Self::Batch,
        Self::ChangePolicy,
        Self::Reconcile,
        Self::AddVault,
        Self::Tokens,
        Self::People,
    ];

    /// Its name in refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::IssueAddress => "issue addresses",
            Self::Submit => "submit withdrawals",
            Self::Approve => "hand in approvals",
            Self::Sign => "hand in signatures",
            Self::Batch => "make batches",
            Self::ChangePolicy => "adopt versions of a policy or mark signers",
            Self::Reconcile => "ask for a reconciliation",
            Self::AddVault => "add vaults",
            Self::Tokens => "manage tokens",
            Self::People => "manage people",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name that events carry.
    pub name: String,
    /// What the token is for.
    pub role: Role,
    /// The one vault it is for; all if none.
    pub vault: Option<VaultId>,
}

impl Actor {
    /// The coordinator's own jobs.
    pub fn jobs() -> Self {
        Self {
            name: "coordinator".to_owned(),
            role: Role::Operator,
            vault: None,
        }
    }

    /// Somebody at the coordinator's own machine, with access to its database.
    pub fn local() -> Self {
        Self {
            name: "local operator".to_owned(),
            role: Role::Operator,
            vault: None,
        }
    }

    /// Refuses unless the actor has this right on this vault.
    ///
    /// A token of another vault is told that the vault is unknown, so that it learns nothing.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] or [`VaultError::UnknownVault`].
    pub fn require(&self, right: Right, vault: VaultId) -> Result<(), ServiceError> {
        if self.vault.is_some_and(|own| own != vault) {
            return Err(VaultError::UnknownVault { vault }.into());
        }
        self.require_somewhere(right)
    }

    /// Refuses unless the actor has this right on every vault.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`].
    pub fn require_everywhere(&self, right: Right) -> Result<(), ServiceError> {
        if self.vault.is_some() {
            return Err(ServiceError::Forbidden {
                role: self.role,
                right,
            });
        }
        self.require_somewhere(right)
    }

    /// Refuses unless the actor has this right on some vault.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`].
    pub fn require_somewhere(&self, right: Right) -> Result<(), ServiceError> {
        if self.role.may(right) {
            Ok(())
        } else {
            Err(ServiceError::Forbidden {
                role: self.role,
                right,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_exactly_its_rights() {
        let of = |role: Role| {
            Right::ALL
                .into_iter()
                .filter(|right| role.may(*right))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Role::Auditor), [Right::Read]);
        assert_eq!(of(Role::Signer), [Right::Read, Right::Approve, Right::Sign]);
        assert_eq!(
            of(Role::Service),
            [
                Right::Read,
                Right::IssueAddress,
                Right::Submit,
                Right::Approve
            ]
        );
        assert_eq!(of(Role::Operator), Right::ALL);
    }

    #[test]
    fn a_role_includes_another_whose_rights_it_all_has() {
        for role in Role::ALL {
            assert!(Role::Operator.includes(role) && role.includes(Role::Auditor));
            assert!(role.includes(role));
        }
        assert!(!Role::Signer.includes(Role::Service) && !Role::Service.includes(Role::Signer));
        assert!(!Role::Auditor.includes(Role::Signer) && !Role::Service.includes(Role::Operator));
    }

    #[test]
    fn a_token_of_another_vault_is_told_nothing() {
        let [own, other] = [VaultId::from_bytes([1; 32]), VaultId::from_bytes([2; 32])];
        let actor = Actor {
            name: "x".to_owned(),
            role: Role::Operator,
            vault: Some(own),
        };
        actor.require(Right::Submit, own).expect("its own vault");
        assert!(matches!(
            actor.require(Right::Submit, other),
            Err(ServiceError::Vault(VaultError::UnknownVault { .. }))
        ));
        assert!(matches!(
            actor.require_everywhere(Right::Tokens),
            Err(ServiceError::Forbidden { .. })
        ));
    }
}
