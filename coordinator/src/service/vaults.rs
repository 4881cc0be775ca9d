//! Vaults: added once, by the policy document that people reviewed.

use bitcoin::secp256k1::PublicKey;
use policies::document::{Policy, name_of_network};
use policies::{Keyset, PolicyId, UnixTime, VaultId};
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::devices::{OfDevices, refuse_devices};
use super::record::{Cause, append_vault_event};
use super::{Actor, Right, Service, ServiceError, VaultError, WithdrawalError};
use crate::store::vaults::{self, VaultRow};

/// A vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VaultView {
    /// Its identity: the id of its first policy version.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Its name in the policy.
    pub name: String,
    /// The policy version that rules it.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// The version's number.
    pub version: u32,
    /// The keyset of the version.
    #[schema(value_type = String)]
    pub keyset: Keyset,
    /// The network.
    pub network: String,
    /// The output descriptor with both keychains and its checksum.
    pub descriptor: String,
    /// The policy document, byte for byte.
    pub document: String,
    /// When it was added (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
}

/// Adds the vault of a first policy version; adding the same document again answers the same.
///
/// # Errors
/// [`VaultError::PolicyMistakes`], [`VaultError::WrongNetwork`], [`VaultError::WrongSignet`],
/// [`VaultError::KeyInOtherVault`], [`VaultError::DeviceCannotSign`].
pub async fn create_vault(
    service: &Service,
    actor: &Actor,
    document: &[u8],
    of_devices: OfDevices,
) -> Result<VaultView, ServiceError> {
    actor.require_everywhere(Right::AddVault)?;
    let policy = first_version(service, document)?;
    let mut tx = service.database().begin_write().await?;
    let view = add(service, &mut tx, actor, &policy, of_devices).await?;
    tx.commit().await?;
    Ok(view)
}

/// Reads a document that may begin a vault here.
pub(super) fn first_version(service: &Service, document: &[u8]) -> Result<Policy, ServiceError> {
    let policy = Policy::parse(document)
        .map_err(|mistakes| ServiceError::Vault(VaultError::PolicyMistakes { mistakes }))?;
    if policy.network != service.network() {
        return Err(VaultError::WrongNetwork {
            expected: service.network(),
            found: policy.network,
        }
        .into());
    }
    if policy.signet_challenge.as_deref() != service.signet_challenge() {
        return Err(VaultError::WrongSignet.into());
    }
    if policy.version != 1 {
        return Err(WithdrawalError::NotYet {
            what: "a policy version after the first",
        }
        .into());
    }
    Ok(policy)
}

/// Adds the vault of a first version that was read; one that is there already is answered as it is.
pub(super) async fn add(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    policy: &Policy,
    of_devices: OfDevices,
) -> Result<VaultView, ServiceError> {
    let now = service.now();
    super::lock_vault(tx, policy.vault).await?;
    if vaults::lookup(tx, policy.vault).await?.is_some() {
        let (standing, policy) = service.vault(tx, policy.vault).await?;
        return Ok(view(&standing, &policy));
    }
    refuse_keys_of_others(service, tx, policy).await?;
    refuse_devices(policy, None, of_devices)?;
    let row = VaultRow {
        id: policy.vault,
        name: policy.name.clone(),
        policy: policy.id,
        keyset: policy.keyset,
        keychain: policy.keyset,
        created_at: now,
    };
    vaults::insert_policy(tx, policy, now).await?;
    vaults::insert(tx, &row).await?;
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(row.name));
    body.insert("policy".to_owned(), json!(row.policy));
    let cause = Cause::by(&actor.name, now);
    append_vault_event(tx, row.id, "vault.created", body, cause).await?;
    Ok(view(&row, policy))
}

/// The vaults that the actor may see.
///
/// # Errors
/// On a database failure.
pub async fn list_vaults(service: &Service, actor: &Actor) -> Result<Vec<VaultView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut views = Vec::new();
    for row in vaults::list(&mut tx).await? {
        if actor.vault.is_none_or(|own| own == row.id) {
            let policy = service.policy(&mut tx, row.policy).await?;
            views.push(view(&row, &policy));
        }
    }
    Ok(views)
}

/// One vault.
///
/// # Errors
/// [`VaultError::UnknownVault`].
pub async fn show_vault(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<VaultView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    Ok(view(&row, &policy))
}

/// Refuses signers whose keys sign for another vault, or did before they were replaced.
pub(super) async fn refuse_keys_of_others(
    service: &Service,
    tx: &mut Transaction,
    policy: &Policy,
) -> Result<(), ServiceError> {
    for other in vaults::list(tx).await? {
        if other.id == policy.vault {
            continue;
        }
        let known = service.policy(tx, other.policy).await?;
        if let Some(signer) = signer_of_both(policy, &known) {
            let (signer, vault) = (signer.to_owned(), other.id);
            return Err(VaultError::KeyInOtherVault { signer, vault }.into());
        }
    }
    Ok(())
}

/// The vault, other than one's own, that has a key among its signers or had it.
pub(super) async fn vault_of_key(
    service: &Service,
    tx: &mut Transaction,
    key: PublicKey,
    own: Option<VaultId>,
) -> Result<Option<VaultId>, ServiceError> {
    for other in vaults::list(tx).await? {
        let policy = service.policy(tx, other.policy).await?;
        let mut signers = policy.keysets().flat_map(|keyset| keyset.signers);
        if Some(other.id) != own && signers.any(|signer| signer.key.xpub.public_key == key) {
            return Ok(Some(other.id));
        }
    }
    Ok(None)
}

/// A signer of one policy whose key is in the other one's keysets, too.
fn signer_of_both<'p>(policy: &'p Policy, other: &Policy) -> Option<&'p str> {
    let known = |key| {
        let mut signers = other.keysets().flat_map(|keyset| keyset.signers);
        signers.any(|signer| signer.key.xpub.public_key == key)
    };
    let shared = (policy.signers.iter()).find(|signer| known(signer.key.xpub.public_key));
    shared.map(|signer| signer.name.as_str())
}

fn view(row: &VaultRow, policy: &Policy) -> VaultView {
    VaultView {
        vault: row.id,
        name: row.name.clone(),
        policy: row.policy,
        version: policy.version,
        keyset: row.keyset,
        network: name_of_network(policy.network).to_owned(),
        descriptor: policy.descriptor.text().to_owned(),
        document: String::from_utf8_lossy(&policy.bytes).into_owned(),
        created_at: row.created_at,
    }
}
