//! Finds a version of a vault by its id: one that is or was in force, or one that is proposed.

use std::sync::Arc;

use policies::document::Policy;
use policies::{PolicyId, VaultId};
use watchtower::store::database::Transaction;

use crate::service::version_view::Judged;
use crate::service::versions::judged;
use crate::service::{Service, ServiceError, VersionError};
use crate::store::proposals;
use crate::store::vaults::VaultRow;

/// A version of a vault.
pub(super) struct Found {
    /// The vault.
    pub(super) vault: VaultRow,
    /// The version in force.
    pub(super) in_force: Arc<Policy>,
    /// The version asked for.
    pub(super) policy: Arc<Policy>,
    /// What was decided of it, unless it is the first one.
    pub(super) judged: Option<Judged>,
}

impl Found {
    /// The version of this id, or the one in force where none is named.
    pub(super) async fn of(
        service: &Service,
        tx: &mut Transaction,
        vault: VaultId,
        id: Option<PolicyId>,
    ) -> Result<Self, ServiceError> {
        let (row, in_force) = service.vault(tx, vault).await?;
        let id = id.unwrap_or(in_force.id);
        let first = PolicyId::from_bytes(vault.to_bytes());
        if id == first {
            return Ok(Self {
                vault: row,
                policy: service.policy(tx, first).await?,
                in_force,
                judged: None,
            });
        }
        let unknown = || ServiceError::Version(VersionError::UnknownVersion { policy: id });
        let proposal = proposals::lookup(tx, id).await?.ok_or_else(unknown)?;
        if proposal.vault != vault {
            return Err(unknown());
        }
        let now = service.now();
        let judged = judged(service, tx, id, now).await?;
        let policy = if judged.row.adopted.is_some() {
            service.policy(tx, id).await?
        } else {
            Arc::new(judged.next.clone())
        };
        Ok(Self {
            vault: row,
            in_force,
            policy,
            judged: Some(judged),
        })
    }
}
