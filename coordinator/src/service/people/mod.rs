//! The persons who use the pages, and their sessions.

use policies::VaultId;

use super::{Actor, Role, Service, ServiceError};

/// What a person is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PersonRole {
    /// Everything but what only keys can do.
    Operator,
    /// Reads, approves, hands in signatures.
    Approver,
    /// Reads, asks for addresses and withdrawals, which the own key signs.
    Requester,
    /// Reads.
    Auditor,
}

impl PersonRole {
    /// What that is for the service.
    pub const fn role(self) -> Role {
        match self {
            Self::Operator => Role::Operator,
            Self::Approver => Role::Signer,
            Self::Requester => Role::Service,
            Self::Auditor => Role::Auditor,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Requester => "requester",
            Self::Auditor => "auditor",
        }
    }
}

/// A session's public id.
pub type SessionId = String;

/// Who a session belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The person's name.
    pub person: String,
    /// What the person is here.
    pub role: PersonRole,
    /// The one vault that the person sees; all if none.
    pub vault: Option<VaultId>,
    /// As whom the service is asked.
    pub actor: Actor,
    /// The session.
    pub session: SessionId,
    /// What every form of the session carries.
    pub csrf: String,
    /// The port of the person's own tool, once it is paired.
    pub bridge: Option<u16>,
}

/// Who a session's secret belongs to, if it is one and has not ended.
///
/// # Errors
/// On a database failure.
#[expect(clippy::unused_async, reason = "sessions are not stored yet")]
pub async fn visit(_service: &Service, _secret: &str) -> Result<Option<Visit>, ServiceError> {
    Ok(None)
}
