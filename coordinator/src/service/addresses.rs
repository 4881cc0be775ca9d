//! Deposit addresses: each call a new one, watched from the same transaction on and for ever (M9).

use bitcoin::Address;
use policies::{Keychain, Keyset, PolicyId, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::canonical::canonical_json;
use watchtower::store::scripts;
use watchtower::tracker::WatchedScript;

use super::record::{Cause, append_event};
use super::{Actor, MAX_LIMIT, Right, Service, ServiceError, WithdrawalError};
use crate::store::addresses::{self, AddressRow};

/// The most characters of a reference.
const MAX_REFERENCE: usize = 200;
/// The most bytes of metadata.
const MAX_METADATA: usize = 4096;

/// Asks for a new address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// The service's own reference, such as a customer's number: settled deposits are credited to it.
    /// At most 200 printable ASCII characters.
    #[serde(default)]
    pub reference: String,
    /// The service's own facts: a JSON object without fractions, at most 4 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// An issued address, with all that is needed to derive it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddressView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The policy version whose descriptor gives it.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// The keyset of that version.
    #[schema(value_type = String)]
    pub keyset: Keyset,
    /// The keychain, `external`.
    #[schema(value_type = String)]
    pub keychain: Keychain,
    /// The index on the keychain.
    pub index: u32,
    /// The address.
    pub address: String,
    /// Its script in hex.
    pub script_pubkey: String,
    /// The descriptor with its checksum.
    pub descriptor: String,
    /// The service's reference.
    pub reference: String,
    /// The service's facts.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was issued (unix seconds).
    #[schema(value_type = u64)]
    pub issued_at: UnixTime,
}

/// Issues the next address of a vault.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ServiceError::Malformed`] for a reference or metadata too long.
pub async fn issue_address(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &NewAddress,
) -> Result<AddressView, ServiceError> {
    actor.require(Right::IssueAddress, vault)?;
    let metadata = check(request)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let keychain = Keychain::External;
    let (index, script_pubkey) = loop {
        let index = addresses::take_index(&mut tx, row.keychain, keychain).await?;
        let script_pubkey = policy.descriptor.script_pubkey(keychain, index);
        // One that somebody had watched was given out elsewhere: it is nobody's new address.
        if scripts::watched_script(&mut tx, &script_pubkey)
            .await?
            .is_none()
        {
            break (index, script_pubkey);
        }
    };
    let address = Address::from_script(&script_pubkey, policy.network).map_err(|_| {
        ServiceError::Withdrawal(WithdrawalError::ScriptNotAllowed {
            script: script_pubkey.clone(),
        })
    })?;
    let watched = WatchedScript {
        script_pubkey: script_pubkey.clone(),
        vault,
        keyset: row.keychain,
        keychain,
        index,
        settle_depth: policy.limits.confirmations_deposit.max(1),
        reference: (!request.reference.is_empty()).then(|| request.reference.clone()),
        history_until: None,
    };
    scripts::watch_script(&mut tx, &watched, now).await?;
    let issued = AddressRow {
        vault,
        policy: row.policy,
        keyset: row.keyset,
        keychain,
        index,
        script_pubkey,
        address: address.to_string(),
        reference: request.reference.clone(),
        metadata,
        issued_at: now,
    };
    addresses::insert(&mut tx, &issued).await?;
    let mut body = Map::new();
    body.insert("address".to_owned(), json!(issued.address));
    body.insert("index".to_owned(), json!(index));
    body.insert("keyset".to_owned(), json!(issued.keyset));
    body.insert("reference".to_owned(), json!(issued.reference));
    append_event(
        &mut tx,
        vault,
        ("address", &issued.address),
        "address.issued",
        body,
        Cause::by(&actor.name, now),
    )
    .await?;
    tx.commit().await?;
    view(issued, policy.descriptor.text())
}

/// The addresses of a vault, newest first.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_addresses(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    limit: Option<u32>,
) -> Result<Vec<AddressView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut views = Vec::new();
    for row in addresses::list(&mut tx, vault, limit).await? {
        let policy = service.policy(&mut tx, row.policy).await?;
        views.push(view(row, policy.descriptor.text())?);
    }
    Ok(views)
}

/// The addresses of a vault that its newest descriptor does not give, the oldest first, from a place on: whoever was
/// given one is to be given another. They stay watched for ever.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_superseded(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    after: u64,
    limit: Option<u32>,
) -> Result<Vec<AddressView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut views = Vec::new();
    for row in addresses::superseded(&mut tx, vault, row.keychain, (after, limit)).await? {
        let policy = service.policy(&mut tx, row.policy).await?;
        views.push(view(row, policy.descriptor.text())?);
    }
    Ok(views)
}

/// Checks a request and gives its metadata as canonical text.
fn check(request: &NewAddress) -> Result<String, ServiceError> {
    let printable = request
        .reference
        .bytes()
        .all(|byte| (0x20..=0x7e).contains(&byte));
    if !printable || request.reference.len() > MAX_REFERENCE {
        return Err(ServiceError::Malformed {
            field: "reference",
            expected: "at most 200 printable ASCII characters",
        });
    }
    canonical_json(&Value::Object(request.metadata.clone()))
        .ok()
        .filter(|text| text.len() <= MAX_METADATA)
        .ok_or(ServiceError::Malformed {
            field: "metadata",
            expected: "a JSON object without fractions of at most 4096 bytes",
        })
}

fn view(row: AddressRow, descriptor: &str) -> Result<AddressView, ServiceError> {
    let metadata = serde_json::from_str(&row.metadata).map_err(|_| ServiceError::Malformed {
        field: "metadata",
        expected: "a stored JSON object",
    })?;
    Ok(AddressView {
        vault: row.vault,
        policy: row.policy,
        keyset: row.keyset,
        keychain: row.keychain,
        index: row.index,
        address: row.address,
        script_pubkey: row.script_pubkey.to_hex_string(),
        descriptor: descriptor.to_owned(),
        reference: row.reference,
        metadata,
        issued_at: row.issued_at,
    })
}
