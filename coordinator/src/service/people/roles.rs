//! Changes of roles and the end of a person, with four eyes.
//!
//! Invariant: a change of role, and the end of an operator, take effect with the word of a second operator, or at
//! once where there is none but the one who proposes; the last operator stays; sessions of the person end with it,
//! and so does every token made by the person, or through such a token, that gives more than the person may now have.

use std::collections::BTreeSet;

use policies::UnixTime;
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::record::{Told, tell};
use super::{
    Actor, PeopleError, PersonRole, Service, ServiceError, active, eyes, fresh_id, lock_people,
    makers, sessions, stored_role,
};
use crate::service::Right;
use crate::service::notifying::{settings, webhooks};
use crate::store::people::persons::{self, PersonRow};
use crate::store::people::role_changes::{self, RoleChangeRow};
use crate::store::people::{credentials, invitations, page_keys};

/// What a role is called that is none any more.
const ENDED: &str = "ended";

/// A proposed or decided change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleChangeView {
    /// Its id.
    pub id: String,
    /// About whom.
    pub person: String,
    /// The role when it was proposed.
    pub from: String,
    /// The role proposed, or `ended`.
    pub to: String,
    /// When it was proposed (unix seconds).
    #[schema(value_type = u64)]
    pub proposed_at: UnixTime,
    /// By whom.
    pub proposed_by: String,
    /// When it was decided (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub decided_at: Option<UnixTime>,
    /// By which second operator.
    pub decided_by: Option<String>,
    /// `confirmed`, `rejected`, `withdrawn`, or `alone` where there was no second operator; none while it waits.
    pub outcome: Option<String>,
}

/// Proposes another role for a person.
///
/// # Errors
/// [`PeopleError::UnknownPerson`], [`PeopleError::SameRole`], [`PeopleError::LastOperator`],
/// [`PeopleError::ChangeOpen`].
pub async fn propose_role(
    service: &Service,
    actor: &Actor,
    name: &str,
    role: PersonRole,
) -> Result<RoleChangeView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    makers::expect_still(&mut tx, actor).await?;
    let person = active(&mut tx, name).await?;
    if person.role == role.name() {
        let (name, role) = (person.name, role.name());
        return Err(PeopleError::SameRole { name, role }.into());
    }
    let alone = !eyes::second_is_there(&mut tx, &actor.name).await?;
    let view = propose(service, &mut tx, actor, &person, role.name(), alone).await?;
    tx.commit().await?;
    Ok(view)
}

/// Revokes a person: at once, or for an operator with the word of a second one.
///
/// # Errors
/// [`PeopleError::UnknownPerson`], [`PeopleError::LastOperator`], [`PeopleError::ChangeOpen`].
pub async fn revoke_person(
    service: &Service,
    actor: &Actor,
    name: &str,
) -> Result<RoleChangeView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    revoke(service, actor, name, false).await
}

/// Revokes a person from the coordinator's own machine, without the word of a second operator.
///
/// # Errors
/// As [`revoke_person`].
pub async fn revoke_person_locally(
    service: &Service,
    name: &str,
) -> Result<RoleChangeView, ServiceError> {
    revoke(service, &Actor::local(), name, true).await
}

async fn revoke(
    service: &Service,
    actor: &Actor,
    name: &str,
    locally: bool,
) -> Result<RoleChangeView, ServiceError> {
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    makers::expect_still(&mut tx, actor).await?;
    let person = active(&mut tx, name).await?;
    let is_operator = person.role == PersonRole::Operator.name();
    let at_once = locally || !is_operator || !eyes::second_is_there(&mut tx, &actor.name).await?;
    if at_once {
        withdraw_open(service, &mut tx, name, &actor.name).await?;
    }
    let view = propose(service, &mut tx, actor, &person, ENDED, at_once).await?;
    tx.commit().await?;
    Ok(view)
}

async fn propose(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    person: &PersonRow,
    to: &str,
    at_once: bool,
) -> Result<RoleChangeView, ServiceError> {
    let now = service.now();
    eyes::expect_not_last(tx, &person.name).await?;
    let open = role_changes::open(tx).await?;
    if open.iter().any(|change| change.person == person.name) {
        let name = person.name.clone();
        return Err(PeopleError::ChangeOpen { name }.into());
    }
    let row = RoleChangeRow {
        id: fresh_id(service),
        person: person.name.clone(),
        from_role: person.role.clone(),
        to_role: to.to_owned(),
        proposed_at: now,
        proposed_by: actor.name.clone(),
        decided_at: at_once.then_some(now),
        decided_by: None,
        outcome: at_once.then(|| "alone".to_owned()),
    };
    role_changes::insert(tx, &row).await?;
    if at_once {
        carry_out(service, tx, &row, person, &actor.name).await?;
    } else {
        let told = Told::RoleProposed {
            from: &row.from_role,
            to,
        };
        tell(tx, &person.name, person.vault, told, (&actor.name, "", now)).await?;
    }
    Ok(view(row))
}

/// Takes back what waits about a person who is revoked at once.
async fn withdraw_open(
    service: &Service,
    tx: &mut Transaction,
    name: &str,
    by: &str,
) -> Result<(), ServiceError> {
    for change in role_changes::open(tx).await? {
        if change.person == name {
            settle(service, tx, &change, "withdrawn", None, by).await?;
        }
    }
    Ok(())
}

/// The word of a second operator on a change: it takes effect, or never will.
///
/// # Errors
/// [`PeopleError::UnknownChange`], [`PeopleError::SecondOperator`], [`PeopleError::NotAnOperator`],
/// [`PeopleError::ChangeStale`], [`PeopleError::LastOperator`].
pub async fn decide_change(
    service: &Service,
    actor: &Actor,
    id: &str,
    confirm: bool,
) -> Result<RoleChangeView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let change = open_change(&mut tx, id).await?;
    eyes::expect_second(&mut tx, actor, &change.proposed_by).await?;
    let outcome = if confirm { "confirmed" } else { "rejected" };
    if confirm {
        let person = active(&mut tx, &change.person).await?;
        if person.role != change.from_role {
            let (name, role) = (change.person, change.from_role);
            return Err(PeopleError::ChangeStale { name, role }.into());
        }
        eyes::expect_not_last(&mut tx, &person.name).await?;
        role_changes::decide(&mut tx, id, outcome, Some(&actor.name), service.now()).await?;
        carry_out(service, &mut tx, &change, &person, &actor.name).await?;
    } else {
        settle(
            service,
            &mut tx,
            &change,
            outcome,
            Some(&actor.name),
            &actor.name,
        )
        .await?;
    }
    let decided = role_changes::lookup(&mut tx, id).await?.unwrap_or(change);
    tx.commit().await?;
    Ok(view(decided))
}

/// Takes back what the actor proposed.
///
/// # Errors
/// [`PeopleError::UnknownChange`], also for what others proposed.
pub async fn withdraw_change(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<(), ServiceError> {
    actor.require_everywhere(Right::People)?;
    let mut tx = service.database().begin_write().await?;
    lock_people(&mut tx).await?;
    let change = open_change(&mut tx, id).await?;
    if change.proposed_by != actor.name {
        return Err(unknown(id));
    }
    settle(service, &mut tx, &change, "withdrawn", None, &actor.name).await?;
    Ok(tx.commit().await?)
}

async fn open_change(tx: &mut Transaction, id: &str) -> Result<RoleChangeRow, ServiceError> {
    role_changes::lookup(tx, id)
        .await?
        .filter(|change| change.decided_at.is_none())
        .ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ServiceError {
    let id = id.chars().take(64).collect();
    PeopleError::UnknownChange { id }.into()
}

/// Decides a change that does not take effect.
async fn settle(
    service: &Service,
    tx: &mut Transaction,
    change: &RoleChangeRow,
    outcome: &str,
    decided_by: Option<&str>,
    by: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    role_changes::decide(tx, &change.id, outcome, decided_by, now).await?;
    let told = Told::RoleKept {
        to: &change.to_role,
        outcome,
    };
    tell(tx, &change.person, None, told, (by, "", now)).await
}

/// Changes the role or ends the person; either way the person's sessions are over.
async fn carry_out(
    service: &Service,
    tx: &mut Transaction,
    change: &RoleChangeRow,
    person: &PersonRow,
    by: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    let name = person.name.as_str();
    let (from, to) = (change.from_role.as_str(), change.to_role.as_str());
    let (role, why) = if to == ENDED {
        persons::end(tx, name, now, by).await?;
        credentials::revoke_all(tx, name, now).await?;
        page_keys::revoke_all(tx, name, now).await?;
        settings::forget(tx, name, now).await?;
        (None, "the person was revoked")
    } else {
        persons::change_role(tx, name, from, to).await?;
        (Some(stored_role(to)?), "the role changed")
    };
    let hands = makers::take_back(tx, person, role, (by, now)).await?;
    take_back(service, tx, person, &hands.names, by).await?;
    sessions::end_all(tx, name, None, now, why, by).await?;
    let tokens = hands.revoked.as_slice();
    let told = match role {
        None => Told::Revoked { from, tokens },
        Some(_) => Told::RoleChanged { from, to, tokens },
    };
    tell(tx, name, person.vault, told, (by, "", now)).await
}

/// Takes back what is open of or about a person whose role is another one: an invitation to a new passkey was one to
/// the former role, and what the person proposed or invited as an operator, also by way of a token, is no operator's
/// word any more.
async fn take_back(
    service: &Service,
    tx: &mut Transaction,
    person: &PersonRow,
    hands: &BTreeSet<String>,
    by: &str,
) -> Result<(), ServiceError> {
    let now = service.now();
    let is_own = |name: &String| *name == person.name || hands.contains(name);
    for invitation in invitations::open(tx).await? {
        if invitation.person == person.name || is_own(&invitation.created_by) {
            invitations::revoke(tx, &invitation.id, now, by).await?;
            let told = Told::InvitationRevoked {
                invitation: &invitation.id,
            };
            tell(
                tx,
                &invitation.person,
                invitation.vault,
                told,
                (by, "", now),
            )
            .await?;
        }
    }
    let why = format!(
        "added by or through {}, whose role is another one now",
        person.name
    );
    webhooks::pause_those_of(tx, is_own, &why, (by, now)).await?;
    for change in role_changes::open(tx).await? {
        if is_own(&change.proposed_by) {
            settle(service, tx, &change, "withdrawn", None, by).await?;
        }
    }
    Ok(())
}

/// A change as it is shown.
pub(super) fn view(row: RoleChangeRow) -> RoleChangeView {
    RoleChangeView {
        id: row.id,
        person: row.person,
        from: row.from_role,
        to: row.to_role,
        proposed_at: row.proposed_at,
        proposed_by: row.proposed_by,
        decided_at: row.decided_at,
        decided_by: row.decided_by,
        outcome: row.outcome,
    }
}

/// The role that a change proposes; none where it ends the person.
///
/// # Errors
/// On a corrupt row.
pub fn proposed_role(change: &RoleChangeView) -> Result<Option<PersonRole>, ServiceError> {
    if change.to == ENDED {
        return Ok(None);
    }
    stored_role(&change.to).map(Some)
}
