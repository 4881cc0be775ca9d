//! Bearer tokens: 32 random bytes shown once; only their hash is stored and looked up.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::paging::{Cursor, Paged};
use super::{Actor, MAX_LIMIT, Right, Role, Service, ServiceError, VaultError, people};
use crate::store::tokens::{self, TokenRow};
use crate::store::vaults;

pub use crate::store::tokens::TokenFilter;

/// The most characters of a token's name.
const MAX_NAME: usize = 64;

/// Asks for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What events call whoever uses it: 1 to 64 printable ASCII characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The one vault it is for; all if none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenView {
    /// Its public id, by which it is revoked.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The one vault it is for.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// When it was made (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// When it was revoked (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub revoked_at: Option<UnixTime>,
}

/// A new token with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    pub token: TokenView,
    /// The secret: 64 hex digits, to be sent as `Authorization: Bearer`.
    pub secret: String,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedToken")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// Makes a token.
///
/// # Errors
/// [`ServiceError::Malformed`] for its name, [`super::PeopleError::NameTaken`] where a person bears it,
/// [`VaultError::UnknownVault`]; [`ServiceError::Unauthorized`] where the actor is no operator any more.
pub async fn create_token(
    service: &Service,
    actor: &Actor,
    request: &NewToken,
) -> Result<CreatedToken, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let printable = request
        .name
        .bytes()
        .all(|byte| (0x20..=0x7e).contains(&byte));
    if !printable || request.name.is_empty() || request.name.len() > MAX_NAME {
        return Err(ServiceError::Malformed {
            field: "name",
            expected: "1 to 64 printable ASCII characters",
        });
    }
    let secret = service.random().to_lower_hex_string();
    let id = service
        .random()
        .get(..8)
        .unwrap_or_default()
        .to_lower_hex_string();
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    people::lock_people(&mut tx).await?;
    people::makers::expect_still(&mut tx, actor).await?;
    people::expect_no_person(&mut tx, &request.name).await?;
    if let Some(vault) = request.vault {
        vaults::lookup(&mut tx, vault)
            .await?
            .ok_or(VaultError::UnknownVault { vault })?;
    }
    let row = TokenRow {
        id,
        sha256: hash_of(&secret),
        name: request.name.clone(),
        role: request.role.name().to_owned(),
        vault: request.vault,
        created_at: now,
        created_by: actor.name.clone(),
        revoked_at: None,
    };
    tokens::insert(&mut tx, &row).await?;
    append(&mut tx, &row, "token.created", (&actor.name, "", now)).await?;
    tx.commit().await?;
    Ok(CreatedToken {
        token: view(row)?,
        secret,
    })
}

/// All tokens, oldest first.
///
/// # Errors
/// On a database failure.
pub async fn list_tokens(service: &Service, actor: &Actor) -> Result<Vec<TokenView>, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let mut tx = service.database().begin_read().await?;
    tokens::list(&mut tx).await?.into_iter().map(view).collect()
}

/// The tokens after a place, the newest first.
///
/// # Errors
/// [`ServiceError::Malformed`] for a cursor of another list.
pub async fn page_of_tokens(
    service: &Service,
    actor: &Actor,
    filter: &TokenFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<TokenView>, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let foreign = || ServiceError::Malformed {
        field: "after",
        expected: "the mark of a page of this list",
    };
    let parts = after.map(Cursor::parts);
    let place = match parts.as_deref() {
        None => None,
        Some([at, id]) => {
            let at: u64 = at.parse().map_err(|_| foreign())?;
            Some((UnixTime::from_secs(at), *id))
        }
        Some(_) => return Err(foreign()),
    };
    let limit = limit.clamp(1, MAX_LIMIT);
    let mut tx = service.database().begin_read().await?;
    let rows = tokens::page(&mut tx, filter, place, limit.saturating_add(1)).await?;
    let key = |row: &TokenRow| Cursor::of(&[&row.created_at.as_secs().to_string(), &row.id]);
    Paged::from_rows(rows, limit, key).try_map(view)
}

/// Revokes a token at once and for ever; revoking it again answers the same.
///
/// # Errors
/// [`ServiceError::UnknownToken`].
pub async fn revoke_token(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<TokenView, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let unknown = || ServiceError::UnknownToken {
        id: id.chars().take(64).collect(),
    };
    let mut row = tokens::lookup(&mut tx, id).await?.ok_or_else(unknown)?;
    if row.revoked_at.is_none() {
        revoke_in(&mut tx, &row, (&actor.name, "", now)).await?;
        tx.commit().await?;
        row.revoked_at = Some(now);
    }
    view(row)
}

/// Revokes a token that is not revoked, within what else is decided.
pub(super) async fn revoke_in(
    tx: &mut Transaction,
    row: &TokenRow,
    (by, reason, now): (&str, &str, UnixTime),
) -> Result<(), ServiceError> {
    tokens::revoke(tx, &row.id, now).await?;
    append(tx, row, "token.revoked", (by, reason, now)).await
}

/// Who holds a secret.
///
/// # Errors
/// [`ServiceError::Unauthorized`], the same for an unknown and a revoked one.
pub async fn authenticate(service: &Service, secret: &str) -> Result<Actor, ServiceError> {
    let sha256 = hash_of(secret);
    let mut tx = service.database().begin_read().await?;
    let row = tokens::by_hash(&mut tx, sha256)
        .await?
        .ok_or(ServiceError::Unauthorized)?;
    // The look-up is by hash, so its timing tells nothing of a secret; the comparison is the proof.
    let same = bool::from(row.sha256.ct_eq(&sha256));
    if !same || row.revoked_at.is_some() {
        return Err(ServiceError::Unauthorized);
    }
    let role = row.role.parse().map_err(|_| ServiceError::Unauthorized)?;
    Ok(Actor {
        name: row.name,
        role,
        vault: row.vault,
    })
}

fn hash_of(secret: &str) -> [u8; 32] {
    sha256::Hash::hash(secret.as_bytes()).to_byte_array()
}

async fn append(
    tx: &mut Transaction,
    row: &TokenRow,
    kind: &str,
    (by, reason, now): (&str, &str, UnixTime),
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(row.name));
    body.insert("role".to_owned(), json!(row.role));
    events::append(
        tx,
        &NewEvent {
            object_kind: "token",
            object_id: &row.id,
            kind,
            vault: row.vault,
            body,
            actor: by,
            reason,
            at: now,
        },
    )
    .await?;
    Ok(())
}

fn view(row: TokenRow) -> Result<TokenView, ServiceError> {
    let role = row.role.parse().map_err(|_| ServiceError::Malformed {
        field: "role",
        expected: "a stored role",
    })?;
    Ok(TokenView {
        id: row.id,
        name: row.name,
        role,
        vault: row.vault,
        created_at: row.created_at,
        created_by: row.created_by,
        revoked_at: row.revoked_at,
    })
}
