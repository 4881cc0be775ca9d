//! Invitations: a link that opens once, within two days; for an operator with the word of a second one.
//!
//! An invitation of somebody who is here already is one to a new passkey: when it is used, the passkeys and sessions
//! before it are over. It takes the word of a second operator too, or one operator could become anybody.

use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::record::{Told, tell};
use super::{
    Actor, PeopleError, PersonRole, Service, ServiceError, expect_name, expect_no_token, eyes,
    fresh_id, fresh_secret, hash_of, lock_people, makers, stored_role,
};
use crate::service::{Right, VaultError};
use crate::store::people::invitations::{self, InvitationRow};
use crate::store::people::persons;
use crate::store::vaults;

/// Seconds for which an invitation counts.
pub const LIFE: u64 = 48 * 3600;

/// Asks for an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Who is invited: 1 to 32 characters a-z, 0-9 and -, as policies name the person.
    pub name: String,
    /// As what.
    pub role: PersonRole,
    /// The one vault it is for; all if none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
}

/// An invitation without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its public id.
    pub id: String,
    /// Who is invited.
    pub person: String,
    /// As what.
    pub role: PersonRole,
    /// The one vault it is for; all if none.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// When it was made (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// When it stops counting (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// Whether it waits for the word of a second operator.
    pub waits_for_second: bool,
    /// The second operator who confirmed it.
    pub confirmed_by: Option<String>,
    /// Whether it is over.
    pub expired: bool,
}

/// A new invitation with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreatedInvitation {
    /// The invitation.
    pub invitation: InvitationView,
    /// What the link ends with.
    pub secret: String,
    /// The link; from its slash on where the configuration has no `public_url`.
    pub url: String,
    /// When it stops counting (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
}

impl std::fmt::Debug for CreatedInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedInvitation")
            .field("invitation", &self.invitation)
            .finish_non_exhaustive()
    }
}

/// Invites somebody.
///
/// # Errors
/// [`PeopleError::NameTaken`], [`PeopleError::AlreadyInvited`], [`PeopleError::OtherRole`],
/// [`VaultError::UnknownVault`]; [`ServiceError::Malformed`] for the name.
pub async fn invite(
    service: &Service,
    actor: &Actor,
    request: &NewInvitation,
) -> Result<CreatedInvitation, ServiceError> {
    actor.require_everywhere(Right::People)?;
    create(service, actor, request, false).await
}

/// Invites somebody from the coordinator's own machine, without the word of a second operator: whoever has the
/// database needs none, and an operator who lost every passkey has no other way.
///
/// # Errors
/// As [`invite`].
pub async fn invite_locally(
    service: &Service,
    request: &NewInvitation,
) -> Result<CreatedInvitation, ServiceError> {
    create(service, &Actor::local(), request, true).await
}

/// The first operator's invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstInvitation {
    /// The invitation.
    pub created: CreatedInvitation,
    /// Whether a link that was still good opens nothing any more because of this one.
    pub former_is_void: bool,
}

/// Invites the first operator from the coordinator's own machine. An invitation whose link is still good gives way to
/// the new one only where `again` is wished. Nobody is invited where an operator is here already.
///
/// # Errors
/// As [`invite`]; [`PeopleError::AlreadyInvited`] only without `again`.
pub async fn invite_first(
    service: &Service,
    name: &str,
    again: bool,
) -> Result<Option<FirstInvitation>, ServiceError> {
    let now = service.now();
    let local = Actor::local();
    let mut former_is_void = false;
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    if !eyes::operators(&mut tx).await?.is_empty() {
        return Ok(None);
    }
    for row in invitations::open(&mut tx).await? {
        if row.person == name {
            if is_open(&row, now) {
                if !again {
                    let name = name.to_owned();
                    return Err(PeopleError::AlreadyInvited { name }.into());
                }
                former_is_void = true;
            }
            withdraw(&mut tx, &row, &local.name, now).await?;
        }
    }
    tx.commit().await?;
    let request = NewInvitation {
        name: name.to_owned(),
        role: PersonRole::Operator,
        vault: None,
    };
    let created = invite_locally(service, &request).await?;
    Ok(Some(FirstInvitation {
        created,
        former_is_void,
    }))
}

async fn create(
    service: &Service,
    actor: &Actor,
    request: &NewInvitation,
    locally: bool,
) -> Result<CreatedInvitation, ServiceError> {
    expect_name(&request.name)?;
    let now = service.now();
    let secret = fresh_secret(service);
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    makers::expect_still(&mut tx, actor).await?;
    expect_no_token(&mut tx, &request.name).await?;
    if let Some(vault) = request.vault {
        vaults::lookup(&mut tx, vault)
            .await?
            .ok_or(VaultError::UnknownVault { vault })?;
    }
    let known = persons::lookup(&mut tx, &request.name).await?;
    if let Some(person) = known.as_ref().filter(|person| person.ended_at.is_none()) {
        let role = stored_role(&person.role)?;
        if role != request.role || person.vault != request.vault {
            let (name, role) = (request.name.clone(), role.name());
            return Err(PeopleError::OtherRole { name, role }.into());
        }
    }
    let open = invitations::open(&mut tx).await?;
    if let Some(standing) = open.iter().find(|row| row.person == request.name) {
        if standing.expires_at > now {
            let name = request.name.clone();
            return Err(PeopleError::AlreadyInvited { name }.into());
        }
        invitations::revoke(&mut tx, &standing.id, now, &actor.name).await?;
    }
    let needs_second = !locally
        // Also of one who was revoked: revoking and inviting again would make anybody's name one's own.
        && (request.role == PersonRole::Operator || known.is_some())
        && eyes::second_is_there(&mut tx, &actor.name).await?;
    let row = InvitationRow {
        sha256: hash_of(&secret),
        id: fresh_id(service),
        person: request.name.clone(),
        role: request.role.name().to_owned(),
        vault: request.vault,
        created_at: now,
        created_by: actor.name.clone(),
        expires_at: now.saturating_add(LIFE),
        needs_second,
        confirmed_at: None,
        confirmed_by: None,
        used_at: None,
        revoked_at: None,
    };
    invitations::insert(&mut tx, &row).await?;
    let told = Told::Invited {
        role: request.role,
        invitation: &row.id,
        needs_second,
    };
    tell(
        &mut tx,
        &row.person,
        row.vault,
        told,
        (&actor.name, "", now),
    )
    .await?;
    tx.commit().await?;
    let base = service.public_url().unwrap_or_default();
    Ok(CreatedInvitation {
        expires: row.expires_at,
        invitation: view(row, now)?,
        url: format!("{base}/invitations/{secret}"),
        secret,
    })
}

/// Says the second word on an invitation of an operator.
///
/// # Errors
/// [`PeopleError::UnknownInvitation`], [`PeopleError::SecondOperator`], [`PeopleError::NotAnOperator`].
pub async fn confirm_invitation(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<(), ServiceError> {
    actor.require_everywhere(Right::People)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let row = invitations::lookup(&mut tx, id)
        .await?
        .filter(|row| is_open(row, now) && row.needs_second && row.confirmed_at.is_none())
        .ok_or_else(|| unknown(id))?;
    eyes::expect_second(&mut tx, actor, &row.created_by).await?;
    invitations::confirm(&mut tx, id, now, &actor.name).await?;
    let told = Told::InvitationConfirmed { invitation: id };
    tell(
        &mut tx,
        &row.person,
        row.vault,
        told,
        (&actor.name, "", now),
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Takes an invitation back. That takes no second operator: it gives nobody anything.
///
/// # Errors
/// [`PeopleError::UnknownInvitation`].
pub async fn revoke_invitation(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<(), ServiceError> {
    actor.require_everywhere(Right::People)?;
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    makers::expect_still(&mut tx, actor).await?;
    let row = invitations::lookup(&mut tx, id)
        .await?
        .filter(|row| row.used_at.is_none() && row.revoked_at.is_none())
        .ok_or_else(|| unknown(id))?;
    withdraw(&mut tx, &row, &actor.name, service.now()).await?;
    Ok(tx.commit().await?)
}

/// Takes back the invitation of a name, also one whose time is over.
///
/// # Errors
/// [`PeopleError::NotInvited`].
pub async fn revoke_invitation_of(
    service: &Service,
    actor: &Actor,
    name: &str,
) -> Result<InvitationView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    makers::expect_still(&mut tx, actor).await?;
    let mut open = invitations::open(&mut tx).await?.into_iter();
    let row = open.find(|row| row.person == name).ok_or_else(|| {
        let name = name.chars().take(64).collect();
        PeopleError::NotInvited { name }
    })?;
    withdraw(&mut tx, &row, &actor.name, now).await?;
    tx.commit().await?;
    view(row, now)
}

/// Revokes an invitation, and says so in the log.
async fn withdraw(
    tx: &mut Transaction,
    row: &InvitationRow,
    by: &str,
    now: UnixTime,
) -> Result<(), ServiceError> {
    invitations::revoke(tx, &row.id, now, by).await?;
    let told = Told::InvitationRevoked {
        invitation: &row.id,
    };
    tell(tx, &row.person, row.vault, told, (by, "", now)).await
}

fn unknown(id: &str) -> ServiceError {
    let id = id.chars().take(64).collect();
    PeopleError::UnknownInvitation { id }.into()
}

/// Whether an invitation can still be used or confirmed.
pub(super) fn is_open(row: &InvitationRow, now: UnixTime) -> bool {
    row.used_at.is_none() && row.revoked_at.is_none() && row.expires_at > now
}

/// An invitation without its secret.
pub(super) fn view(row: InvitationRow, now: UnixTime) -> Result<InvitationView, ServiceError> {
    Ok(InvitationView {
        role: stored_role(&row.role)?,
        waits_for_second: row.needs_second && row.confirmed_at.is_none(),
        expired: row.expires_at <= now,
        id: row.id,
        person: row.person,
        vault: row.vault,
        created_at: row.created_at,
        created_by: row.created_by,
        expires: row.expires_at,
        confirmed_by: row.confirmed_by,
    })
}
