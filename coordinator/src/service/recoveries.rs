//! Recoveries: coins that are old enough, spent through a path with a timelock to where the policy says.

use policies::psbt::AttemptPurpose;
use policies::{Keyset, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agreed::Agreed;
use super::free_coins::Purse;
use super::own_spend_view::OwnSpendView;
use super::own_spends::{Wanted, spend};
use super::{Actor, OwnSpendError, Right, Service, ServiceError, VersionError};

/// Asks for a recovery. Where it pays is the policy's to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRecovery {
    /// The former keyset whose coins are recovered; the newest one if none is named.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub keyset: Option<Keyset>,
    /// The coins to recover, all of them; the oldest that fit if none are named.
    #[serde(default)]
    pub coins: Option<Vec<String>>,
    /// The timelock of the path to take, in blocks; the shortest one if none is named.
    #[serde(default)]
    pub older: Option<u16>,
    /// The feerate in sat/vB, an exact decimal such as `"2.5"`; the node's estimate if none is given.
    #[serde(default)]
    pub feerate_sat_vb: Option<String>,
    /// Whether only to say what would be done, and when coins will be old enough.
    #[serde(default)]
    pub dry_run: bool,
    /// The preview that was agreed to: anything else is not done.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
}

/// Makes a batch that recovers coins, or says what it would be.
///
/// # Errors
/// [`OwnSpendError::NoRecoveryPath`], [`OwnSpendError::CoinTooYoung`], [`OwnSpendError::NothingToRecover`],
/// and whatever else stands against it; nothing is reserved then.
pub async fn create_recovery(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &CreateRecovery,
) -> Result<OwnSpendView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let (policy, purse) = {
        let mut tx = service.database().begin_read().await?;
        let (row, policy) = service.vault(&mut tx, vault).await?;
        let purse = match request.keyset {
            None => Some(Purse::newest(&row)),
            Some(keyset) => Purse::of_keyset(&mut tx, &row, &policy, keyset).await?,
        };
        (policy, purse)
    };
    let purse = purse.ok_or_else(|| {
        let keyset = request.keyset.unwrap_or(policy.keyset);
        ServiceError::Version(VersionError::UnknownKeyset { keyset })
    })?;
    let paths = purse.keyset(&policy).descriptor.paths().iter();
    let older = paths
        .filter_map(|path| path.older)
        .filter(|older| request.older.is_none_or(|asked| asked == *older))
        .min()
        .ok_or(OwnSpendError::NoRecoveryPath {
            older: request.older,
        })?;
    let wanted = Wanted {
        purpose: AttemptPurpose::Recover,
        keyset: request.keyset,
        older: Some(older),
        coins: request.coins.as_deref(),
        max_inputs: None,
        feerate: request.feerate_sat_vb.as_deref(),
        dry_run: request.dry_run,
        agreed: request.agreed,
    };
    spend(service, actor, vault, wanted).await
}
