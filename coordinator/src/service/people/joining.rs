//! Using an invitation: the invited person makes a passkey and is signed in.

use subtle::ConstantTimeEq;
use watchtower::store::database::Transaction;

use super::invitations::{InvitationView, is_open, view};
use super::keys::store_passkey;
use super::passkeys::{self, Ceremony, Purpose, RegistrationAnswer, Site};
use super::record::{Told, tell};
use super::sessions::{self, NewSession};
use super::{
    PeopleError, Service, ServiceError, expect_no_token, hash_of, lock_people, stored_role,
    throttling,
};
use crate::store::people::invitations::{self, InvitationRow};
use crate::store::people::persons::{self, PersonRow};
use crate::store::people::{credentials, page_keys};

/// What a link invites to. `from` is the address that asks.
///
/// # Errors
/// [`PeopleError::InvitationVoid`], the same for an unknown, used, expired and revoked one;
/// [`PeopleError::InvitationUnconfirmed`]; [`PeopleError::TooManyTries`].
pub async fn show_invitation(
    service: &Service,
    from: &str,
    secret: &str,
) -> Result<InvitationView, ServiceError> {
    throttling::open_link(service, from)?;
    let mut tx = service.database().begin_read().await?;
    let row = usable(service, &mut tx, secret).await?;
    view(row, service.now())
}

/// Asks for the passkey of the invited person.
///
/// # Errors
/// As [`show_invitation`].
pub async fn begin_joining(
    service: &Service,
    from: &str,
    site: &Site,
    secret: &str,
) -> Result<Ceremony, ServiceError> {
    throttling::open_link(service, from)?;
    let mut tx = service.database().begin_read().await?;
    let row = usable(service, &mut tx, secret).await?;
    drop(tx);
    let purpose = Purpose::Join;
    let (ceremony, challenge) = passkeys::begin(service, purpose, None, Some(row.sha256)).await?;
    Ok(Ceremony {
        ceremony,
        // A passkey that is known may be the one that is lost: none is excluded.
        options: passkeys::creation_options(site, &challenge, purpose, &row.person, &[]),
    })
}

/// Uses the invitation up: the person is here, with this passkey, and signed in.
///
/// # Errors
/// [`PeopleError::InvitationVoid`], [`PeopleError::InvitationUnconfirmed`], [`PeopleError::CeremonyOver`],
/// [`PeopleError::Passkey`], [`PeopleError::PasskeyKnown`], [`PeopleError::NameTaken`].
pub async fn finish_joining(
    service: &Service,
    site: &Site,
    (secret, answer): (&str, &RegistrationAnswer),
    (former, user_agent): (Option<&str>, &str),
) -> Result<NewSession, ServiceError> {
    let subject = Some(hash_of(secret));
    let challenge = passkeys::take(service, &answer.ceremony, Purpose::Join, None, subject)
        .await?
        .ok_or(PeopleError::CeremonyOver)?;
    let registered = passkeys::registered(site, &challenge, answer)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let row = usable(service, &mut tx, secret).await?;
    expect_no_token(&mut tx, &row.person).await?;
    invitations::use_up(&mut tx, row.sha256, now).await?;
    take_in(service, &mut tx, &row).await?;
    store_passkey(
        service,
        &mut tx,
        &row.person,
        site,
        &registered,
        &answer.label,
    )
    .await?;
    if let Some(former) = former {
        sessions::end_of_secret(&mut tx, former, now, "signed in anew").await?;
    }
    let session = sessions::begin(service, &mut tx, &row.person, user_agent).await?;
    tx.commit().await?;
    Ok(session)
}

/// The invitation of a secret, if it opens something now.
async fn usable(
    service: &Service,
    tx: &mut Transaction,
    secret: &str,
) -> Result<InvitationRow, ServiceError> {
    let sha256 = hash_of(secret);
    let row = invitations::by_hash(tx, sha256)
        .await?
        .filter(|row| bool::from(row.sha256.ct_eq(&sha256)) && is_open(row, service.now()))
        .ok_or(PeopleError::InvitationVoid)?;
    if row.needs_second && row.confirmed_at.is_none() {
        return Err(PeopleError::InvitationUnconfirmed.into());
    }
    Ok(row)
}

/// Stores the invited person, or ends what opened before for one who is here already.
async fn take_in(
    service: &Service,
    tx: &mut Transaction,
    row: &InvitationRow,
) -> Result<(), ServiceError> {
    let now = service.now();
    let role = stored_role(&row.role)?;
    match persons::lookup(tx, &row.person).await? {
        None => {
            let person = PersonRow {
                name: row.person.clone(),
                role: row.role.clone(),
                vault: row.vault,
                created_at: now,
                created_by: row.created_by.clone(),
                ended_at: None,
            };
            persons::insert(tx, &person).await?;
        }
        Some(person) if person.ended_at.is_some() => {
            persons::rejoin(tx, &row.person, &row.role, row.vault).await?;
        }
        Some(person) => {
            // The role may have changed since the invitation was made: it is never brought back by it.
            if person.role != row.role || person.vault != row.vault {
                return Err(PeopleError::InvitationVoid.into());
            }
            credentials::revoke_all(tx, &row.person, now).await?;
            page_keys::revoke_all(tx, &row.person, now).await?;
            let why = "a new passkey by invitation";
            sessions::end_all(tx, &row.person, None, now, why, &row.person).await?;
        }
    }
    let told = Told::Joined { role };
    tell(tx, &row.person, row.vault, told, (&row.person, "", now)).await
}
