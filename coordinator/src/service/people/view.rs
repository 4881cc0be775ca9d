//! Persons as the pages and the API show them.

use policies::{UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::absences::{self, AbsenceView};
use super::invitations::{self, InvitationView};
use super::keys::{PageKeyView, PasskeyView, page_key_view, passkey_view};
use super::roles::{self, RoleChangeView};
use super::sessions::{self, SessionView};
use super::warnings::Vaults;
use super::{
    Actor, PeopleError, PersonRole, Service, ServiceError, Visit, makers, record, stored_role,
};
use crate::service::Right;
use crate::store::people::persons::PersonRow;
use crate::store::people::{
    absences as absence_store, credentials, invitations as invitation_store, page_keys, persons,
    role_changes, sessions as session_store,
};
use crate::store::tokens::{self, TokenRow};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonView {
    /// The name, as policies name the person.
    pub name: String,
    /// The role.
    pub role: PersonRole,
    /// The one vault; all if none.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// When the person joined (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// Who invited.
    pub created_by: String,
    /// When the person was revoked (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ended_at: Option<UnixTime>,
    /// How many passkeys sign in.
    pub passkeys: usize,
    /// How many page keys are registered.
    pub page_keys: usize,
    /// When the person was here last (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub seen_at: Option<UnixTime>,
    /// Until when the person is away, if now.
    #[schema(value_type = Option<u64>)]
    pub away_until: Option<UnixTime>,
    /// What the person is in the policies in force.
    pub parts: Vec<PartView>,
}

/// What a person is in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Its name.
    pub vault_name: String,
    /// Such as `approver dana, of ops` or `signer alice`.
    pub what: String,
}

/// Everybody, and what waits about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PeopleView {
    /// The persons by name, also revoked ones.
    pub people: Vec<PersonView>,
    /// The open invitations, for operators only.
    pub invitations: Vec<InvitationView>,
    /// The changes that wait for a second operator.
    pub changes: Vec<RoleChangeView>,
    /// Who is away now or will be, with what cannot be decided meanwhile.
    pub absences: Vec<AbsenceView>,
}

/// One person with all that belongs to the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDetail {
    /// The person.
    pub person: PersonView,
    /// The page keys, which a policy may name.
    pub page_keys: Vec<PageKeyView>,
    /// What was proposed and decided about the person, newest first.
    pub changes: Vec<RoleChangeView>,
    /// When the person is or will be away.
    pub absences: Vec<AbsenceView>,
    /// The tokens that still work and were made by the person, or through a token of the person: id and name.
    pub tokens: Vec<(String, String)>,
    /// The tokens that were revoked with a role of the person: id and name.
    pub tokens_gone: Vec<(String, String)>,
}

/// A person's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The person.
    pub person: PersonView,
    /// The passkeys that sign in.
    pub passkeys: Vec<PasskeyView>,
    /// The page keys.
    pub page_keys: Vec<PageKeyView>,
    /// The open sessions, newest first.
    pub sessions: Vec<SessionView>,
    /// When the person is or will be away.
    pub absences: Vec<AbsenceView>,
}

/// Everything about some people, read at one moment.
pub(super) struct Everybody {
    rows: Vec<PersonRow>,
    passkeys: Vec<String>,
    page_keys: Vec<String>,
    seen: Vec<(String, UnixTime)>,
    absences: Vec<AbsenceView>,
    vaults: Vaults,
}

impl Everybody {
    pub(super) async fn read(
        service: &Service,
        tx: &mut Transaction,
        rows: Vec<PersonRow>,
    ) -> Result<Self, ServiceError> {
        let now = service.now();
        let vaults = Vaults::read(service, tx).await?;
        let away = absence_store::open(tx, now).await?;
        let absences = away
            .iter()
            .map(|row| absences::view(row.clone(), &away, &vaults, now))
            .collect();
        let passkeys = credentials::list(tx, None).await?;
        let page_keys = page_keys::list(tx, None).await?;
        Ok(Self {
            rows,
            passkeys: passkeys.into_iter().map(|key| key.person).collect(),
            page_keys: page_keys.into_iter().map(|key| key.person).collect(),
            seen: session_store::last_seen(tx).await?,
            absences,
            vaults,
        })
    }

    /// The persons that were asked for, in their order.
    pub(super) fn views(&self) -> Result<Vec<PersonView>, ServiceError> {
        self.rows.iter().map(|row| self.view(row)).collect()
    }

    fn view(&self, row: &PersonRow) -> Result<PersonView, ServiceError> {
        let count = |names: &[String]| names.iter().filter(|name| **name == row.name).count();
        let seen = self.seen.iter().find(|(name, _)| *name == row.name);
        let away = self
            .absences
            .iter()
            .filter(|absence| absence.person == row.name && absence.now)
            .map(|absence| absence.until)
            .max();
        let parts = self.vaults.parts_of(&row.name).into_iter();
        Ok(PersonView {
            name: row.name.clone(),
            role: stored_role(&row.role)?,
            vault: row.vault,
            created_at: row.created_at,
            created_by: row.created_by.clone(),
            ended_at: row.ended_at,
            passkeys: count(&self.passkeys),
            page_keys: count(&self.page_keys),
            seen_at: seen.map(|(_, at)| *at),
            away_until: away,
            parts: parts
                .map(|(vault, vault_name, what)| PartView {
                    vault,
                    vault_name,
                    what,
                })
                .collect(),
        })
    }

    /// The one person of a name, and everything about the person.
    async fn of(
        service: &Service,
        tx: &mut Transaction,
        name: &str,
    ) -> Result<(Self, PersonView), ServiceError> {
        let row = persons::lookup(tx, name).await?.ok_or_else(|| {
            let name = name.chars().take(40).collect();
            PeopleError::UnknownPerson { name }
        })?;
        let everybody = Self::read(service, tx, vec![row.clone()]).await?;
        let view = everybody.view(&row)?;
        Ok((everybody, view))
    }

    fn absences_of(&self, name: &str) -> Vec<AbsenceView> {
        let all = self.absences.iter();
        all.filter(|absence| absence.person == name)
            .cloned()
            .collect()
    }
}

/// Everybody, with roles, keys and absences.
///
/// # Errors
/// [`ServiceError::Forbidden`] for whoever is for one vault only.
pub async fn list_people(service: &Service, actor: &Actor) -> Result<PeopleView, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let rows = persons::list(&mut tx).await?;
    view_of(service, actor, &mut tx, rows).await
}

/// These persons, and what waits about anybody.
pub(super) async fn view_of(
    service: &Service,
    actor: &Actor,
    tx: &mut Transaction,
    rows: Vec<PersonRow>,
) -> Result<PeopleView, ServiceError> {
    let now = service.now();
    let everybody = Everybody::read(service, tx, rows).await?;
    let invitations = if actor.require_everywhere(Right::People).is_ok() {
        let open = invitation_store::open(tx).await?;
        let views = open.into_iter().map(|row| invitations::view(row, now));
        views.collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    let changes = role_changes::open(tx).await?;
    Ok(PeopleView {
        people: everybody.views()?,
        invitations,
        changes: changes.into_iter().map(roles::view).collect(),
        absences: everybody.absences,
    })
}

/// One person.
///
/// # Errors
/// [`PeopleError::UnknownPerson`]; [`ServiceError::Forbidden`] for whoever is for one vault only.
pub async fn show_person(
    service: &Service,
    actor: &Actor,
    name: &str,
) -> Result<PersonDetail, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let (everybody, person) = Everybody::of(service, &mut tx, name).await?;
    let page_keys = page_keys::list(&mut tx, Some(name)).await?;
    let changes = role_changes::of_person(&mut tx, name).await?;
    let all = tokens::list(&mut tx).await?;
    let gone = record::tokens_gone(&mut tx, name).await?;
    let named = |token: &TokenRow| (token.id.clone(), token.name.clone());
    let works = |token: &&TokenRow| token.revoked_at.is_none();
    let made = makers::made_through(&all, name).into_iter();
    let went = all.iter().filter(|token| gone.contains(&token.id));
    Ok(PersonDetail {
        absences: everybody.absences_of(name),
        person,
        page_keys: page_keys.into_iter().map(page_key_view).collect(),
        changes: changes.into_iter().map(roles::view).collect(),
        tokens: made.filter(works).map(named).collect(),
        tokens_gone: went.map(named).collect(),
    })
}

/// A person's own account.
///
/// # Errors
/// On a database failure.
pub async fn account(service: &Service, visit: &Visit) -> Result<AccountView, ServiceError> {
    let name = visit.person.as_str();
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (everybody, person) = Everybody::of(service, &mut tx, name).await?;
    let passkeys = credentials::list(&mut tx, Some(name)).await?;
    let page_keys = page_keys::list(&mut tx, Some(name)).await?;
    Ok(AccountView {
        person,
        passkeys: passkeys.into_iter().map(passkey_view).collect(),
        page_keys: page_keys.into_iter().map(page_key_view).collect(),
        sessions: sessions::open_of(&mut tx, name, now).await?,
        absences: everybody.absences_of(name),
    })
}
