//! A person's own passkeys: those that sign in, and page keys, which a policy may count as approvals in the page.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::UnixTime;
use policies::intent::Registered;
use serde::Serialize;
use watchtower::store::database::{DatabaseError, Transaction};

use super::passkeys::{self, Ceremony, Purpose, RegistrationAnswer, Site};
use super::record::{Told, tell};
use super::{MAX_LABEL, PeopleError, Service, ServiceError, Visit, expect_line, lock_people};
use crate::store::people::credentials::{self, CredentialRow};
use crate::store::people::page_keys::{self, PageKeyRow};

/// A passkey that signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasskeyView {
    /// The credential's id, in base64url.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// Whether its maker's service can copy it to other devices.
    pub synced: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it opened a session last.
    pub last_used_at: Option<UnixTime>,
}

/// A key for approvals in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageKeyView {
    /// The credential's id, in base64url.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// The key as a policy writes it.
    pub record: String,
    /// The domain it was made for.
    pub rp_id: String,
    /// The origin of the page that asks for it.
    pub origin: String,
    /// Whether its maker's service can copy it to other devices.
    pub synced: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// The entry under `keys` of an approver, as a policy document has it.
    pub entry: String,
}

/// Asks for a further passkey that signs in.
///
/// # Errors
/// On a database failure.
pub async fn begin_passkey(
    service: &Service,
    visit: &Visit,
    site: &Site,
) -> Result<Ceremony, ServiceError> {
    begin(service, visit, site, Purpose::Passkey).await
}

/// Asks for a page key.
///
/// # Errors
/// On a database failure.
pub async fn begin_page_key(
    service: &Service,
    visit: &Visit,
    site: &Site,
) -> Result<Ceremony, ServiceError> {
    begin(service, visit, site, Purpose::PageKey).await
}

async fn begin(
    service: &Service,
    visit: &Visit,
    site: &Site,
    purpose: Purpose,
) -> Result<Ceremony, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let known: Vec<Vec<u8>> = if purpose == Purpose::PageKey {
        let keys = page_keys::list(&mut tx, Some(&visit.person)).await?;
        keys.into_iter().map(|key| key.credential).collect()
    } else {
        let keys = credentials::list(&mut tx, Some(&visit.person)).await?;
        keys.into_iter().map(|key| key.id).collect()
    };
    drop(tx);
    let (ceremony, challenge) =
        passkeys::begin(service, purpose, Some(&visit.person), None).await?;
    Ok(Ceremony {
        ceremony,
        options: passkeys::creation_options(site, &challenge, purpose, &visit.person, &known),
    })
}

/// Takes a further passkey that signs in.
///
/// # Errors
/// [`PeopleError::CeremonyOver`], [`PeopleError::Passkey`], [`PeopleError::PasskeyKnown`].
pub async fn finish_passkey(
    service: &Service,
    visit: &Visit,
    site: &Site,
    answer: &RegistrationAnswer,
) -> Result<(), ServiceError> {
    let registered = finish(service, visit, site, answer, Purpose::Passkey).await?;
    let mut tx = service.database().begin_write().await?;
    super::active(&mut tx, &visit.person).await?;
    store_passkey(
        service,
        &mut tx,
        &visit.person,
        site,
        &registered,
        &answer.label,
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Takes a page key. It counts once a policy names it, and only where its rules count `page` approvals.
///
/// # Errors
/// As [`finish_passkey`].
pub async fn finish_page_key(
    service: &Service,
    visit: &Visit,
    site: &Site,
    answer: &RegistrationAnswer,
) -> Result<PageKeyView, ServiceError> {
    let registered = finish(service, visit, site, answer, Purpose::PageKey).await?;
    let now = service.now();
    let row = PageKeyRow {
        credential: registered.credential_id,
        person: visit.person.clone(),
        record: registered.key.to_string(),
        rp_id: site.rp_id.clone(),
        origin: site.origin.clone(),
        synced: registered.synced,
        label: label_of(&answer.label)?,
        created_at: now,
        revoked_at: None,
    };
    let mut tx = service.database().begin_write().await?;
    super::active(&mut tx, &visit.person).await?;
    if credentials::lookup(&mut tx, &row.credential)
        .await?
        .is_some()
    {
        return Err(PeopleError::PasskeyKnown.into());
    }
    page_keys::insert(&mut tx, &row)
        .await
        .map_err(known_already)?;
    let told = Told::KeyRegistered {
        usage: "page",
        key: &row.record,
    };
    tell(
        &mut tx,
        &visit.person,
        visit.vault,
        told,
        (&visit.person, "", now),
    )
    .await?;
    tx.commit().await?;
    Ok(page_key_view(row))
}

async fn finish(
    service: &Service,
    visit: &Visit,
    site: &Site,
    answer: &RegistrationAnswer,
    purpose: Purpose,
) -> Result<Registered, ServiceError> {
    let person = Some(visit.person.as_str());
    let challenge = passkeys::take(service, &answer.ceremony, purpose, person, None)
        .await?
        .ok_or(PeopleError::CeremonyOver)?;
    passkeys::registered(site, &challenge, answer)
}

/// Stores a passkey that signs in.
pub(super) async fn store_passkey(
    service: &Service,
    tx: &mut Transaction,
    person: &str,
    site: &Site,
    registered: &Registered,
    label: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    let row = CredentialRow {
        id: registered.credential_id.clone(),
        person: person.to_owned(),
        public_key: registered.key.to_string(),
        rp_id: site.rp_id.clone(),
        synced: registered.synced,
        label: label_of(label)?,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
    };
    if page_keys::lookup(tx, &row.id).await?.is_some() {
        return Err(PeopleError::PasskeyKnown.into());
    }
    credentials::insert(tx, &row).await.map_err(known_already)?;
    let told = Told::KeyRegistered {
        usage: "sign-in",
        key: &row.public_key,
    };
    tell(tx, person, None, told, (person, "", now)).await
}

fn known_already(error: DatabaseError) -> ServiceError {
    if error.is_unique_violation() {
        PeopleError::PasskeyKnown.into()
    } else {
        error.into()
    }
}

/// What a passkey is called; `passkey` where its owner says nothing.
fn label_of(text: &str) -> Result<String, ServiceError> {
    let text = text.trim();
    expect_line(
        "label",
        text,
        MAX_LABEL,
        "one line of at most 64 characters",
    )?;
    Ok(if text.is_empty() { "passkey" } else { text }.to_owned())
}

/// Gives one of the person's own passkeys another name.
///
/// # Errors
/// [`PeopleError::UnknownPasskey`]; [`ServiceError::Malformed`] for the name.
pub async fn rename_passkey(
    service: &Service,
    visit: &Visit,
    id: &str,
    label: &str,
) -> Result<(), ServiceError> {
    let label = label_of(label)?;
    let mut tx = service.database().begin_write().await?;
    let row = own_passkey(&mut tx, visit, id).await?;
    credentials::rename(&mut tx, &row.id, &label).await?;
    Ok(tx.commit().await?)
}

/// Revokes one of the person's own passkeys. The last one stays, so that nobody locks themselves out.
///
/// # Errors
/// [`PeopleError::UnknownPasskey`], [`PeopleError::LastPasskey`].
pub async fn revoke_passkey(
    service: &Service,
    visit: &Visit,
    id: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let row = own_passkey(&mut tx, visit, id).await?;
    if credentials::list(&mut tx, Some(&visit.person)).await?.len() == 1 {
        return Err(PeopleError::LastPasskey.into());
    }
    credentials::revoke(&mut tx, &row.id, now).await?;
    let told = Told::KeyRevoked {
        usage: "sign-in",
        key: &row.public_key,
    };
    tell(&mut tx, &visit.person, None, told, (&visit.person, "", now)).await?;
    Ok(tx.commit().await?)
}

/// Revokes one of the person's own page keys here. A policy that names it still counts it: its next version must not.
///
/// # Errors
/// [`PeopleError::UnknownPasskey`].
pub async fn revoke_page_key(
    service: &Service,
    visit: &Visit,
    id: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    let bytes = passkeys::bytes_of(id).ok_or(PeopleError::UnknownPasskey)?;
    let mut tx = service.database().begin_write().await?;
    let row = page_keys::lookup(&mut tx, &bytes)
        .await?
        .filter(|row| row.person == visit.person && row.revoked_at.is_none())
        .ok_or(PeopleError::UnknownPasskey)?;
    page_keys::revoke(&mut tx, &bytes, now).await?;
    let told = Told::KeyRevoked {
        usage: "page",
        key: &row.record,
    };
    tell(
        &mut tx,
        &visit.person,
        visit.vault,
        told,
        (&visit.person, "", now),
    )
    .await?;
    Ok(tx.commit().await?)
}

async fn own_passkey(
    tx: &mut Transaction,
    visit: &Visit,
    id: &str,
) -> Result<CredentialRow, ServiceError> {
    let bytes = passkeys::bytes_of(id).ok_or(PeopleError::UnknownPasskey)?;
    credentials::lookup(tx, &bytes)
        .await?
        .filter(|row| row.person == visit.person && row.revoked_at.is_none())
        .ok_or_else(|| PeopleError::UnknownPasskey.into())
}

/// A person's page keys that are not revoked here.
///
/// # Errors
/// On a database failure.
pub async fn page_keys_of(
    service: &Service,
    visit: &Visit,
) -> Result<Vec<PageKeyView>, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let rows = page_keys::list(&mut tx, Some(&visit.person)).await?;
    Ok(rows.into_iter().map(page_key_view).collect())
}

/// A passkey that signs in, as its owner sees it.
pub(super) fn passkey_view(row: CredentialRow) -> PasskeyView {
    PasskeyView {
        id: URL_SAFE_NO_PAD.encode(&row.id),
        label: row.label,
        synced: row.synced,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    }
}

/// A page key with its entry for a policy.
pub(super) fn page_key_view(row: PageKeyRow) -> PageKeyView {
    let entry = format!(
        "{{ key = \"{}\", tool = \"page\", rp_id = \"{}\", origins = [\"{}\"], synced = {} }}",
        row.record, row.rp_id, row.origin, row.synced
    );
    PageKeyView {
        id: URL_SAFE_NO_PAD.encode(&row.credential),
        label: row.label,
        record: row.record,
        rp_id: row.rp_id,
        origin: row.origin,
        synced: row.synced,
        created_at: row.created_at,
        entry,
    }
}
