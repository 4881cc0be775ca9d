//! What a person wants to be told by mail, and when.
//!
//! Invariant: everybody sets it for themselves; an operator may for others, and then the event log says so, the person's
//! own page until the person sets it anew, and a mail to the address that was there before.

use std::collections::BTreeSet;

use policies::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::NoticeKind;
use super::former;
use super::mailing::is_address;
use super::moments::Hours;
use crate::jobs;
use crate::service::people::{expect_active, expect_still};
use crate::service::{Actor, Right, Service, ServiceError};
use crate::store::jobs as job_store;
use crate::store::notices::{self, SettingRow};

/// What the event log calls a person.
const PERSON: &str = "person";
/// What happens to a person whose settings another one sets.
const SET: &str = "person.notifications-set";

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where mail goes; empty for none.
    #[serde(default)]
    pub mail: String,
    /// What is told.
    pub kinds: BTreeSet<NoticeKind>,
    /// The person's clock, in minutes from UTC.
    #[serde(default)]
    pub offset_minutes: i64,
    /// The hours of the person's day in which nothing is sent: from, until.
    #[serde(default)]
    pub quiet: Option<(u32, u32)>,
    /// The hour at which everything is sent together; at once if none.
    #[serde(default)]
    pub digest_hour: Option<u32>,
    /// Hours between reminders; none if none.
    #[serde(default)]
    pub remind_hours: Option<u32>,
    /// Hours after which the next of the group is told; never if none.
    #[serde(default)]
    pub escalate_hours: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mail: String::new(),
            kinds: NoticeKind::ALL.into_iter().collect(),
            offset_minutes: 0,
            quiet: None,
            digest_hour: None,
            remind_hours: None,
            escalate_hours: None,
        }
    }
}

/// Who set what another person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SetBy {
    /// Who.
    pub by: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
}

/// The settings of a person, and how mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingsView {
    /// What the person wants.
    pub settings: Settings,
    /// Whether this coordinator sends mail at all.
    pub sends_mail: bool,
    /// Who set this, if the person did not since.
    pub set_by: Option<SetBy>,
    /// What went wrong with the last mail, if it did not go out yet.
    pub trouble: Option<String>,
}

/// What a person is told.
///
/// # Errors
/// On a database failure.
pub async fn show_settings(service: &Service, actor: &Actor) -> Result<SettingsView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    view(service, &mut tx, &actor.name).await
}

/// What another person is told, for operators.
///
/// # Errors
/// [`ServiceError::People`] for nobody.
pub async fn show_settings_of(
    service: &Service,
    actor: &Actor,
    person: &str,
) -> Result<SettingsView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    let mut tx = service.database().begin_read().await?;
    expect_active(&mut tx, person).await?;
    view(service, &mut tx, person).await
}

async fn view(
    service: &Service,
    tx: &mut Transaction,
    person: &str,
) -> Result<SettingsView, ServiceError> {
    let row = notices::setting(tx, person).await?;
    let trouble = job_store::trouble(tx, jobs::MAIL, person).await?;
    let set = events::last_of_object(tx, PERSON, person, SET).await?;
    // What the person set since is the person's own.
    let stands = set.filter(|set| row.as_ref().is_some_and(|row| row.changed_at <= set.at));
    Ok(SettingsView {
        settings: row.as_ref().map_or_else(Settings::default, read),
        sends_mail: service.mailer().is_some(),
        set_by: stands.map(|set| SetBy {
            by: set.actor,
            at: set.at,
        }),
        trouble,
    })
}

/// Says what a person is told from now on: everybody for themselves.
///
/// # Errors
/// [`ServiceError::Malformed`] for a field.
pub async fn set_settings(
    service: &Service,
    actor: &Actor,
    wish: &Settings,
) -> Result<(), ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let row = checked(&actor.name, wish, service.now())?;
    let mut tx = service.database().begin_write().await?;
    expect_active(&mut tx, &actor.name).await?;
    notices::set(&mut tx, &row).await?;
    Ok(tx.commit().await?)
}

/// Says what another person is told from now on, for operators. The event log tells who did, and no address.
///
/// # Errors
/// [`ServiceError::Malformed`] for a field; [`ServiceError::People`] for nobody.
pub async fn set_settings_of(
    service: &Service,
    actor: &Actor,
    person: &str,
    wish: &Settings,
) -> Result<SettingsView, ServiceError> {
    actor.require_everywhere(Right::People)?;
    let now = service.now();
    let row = checked(person, wish, now)?;
    let mut tx = service.database().begin_write().await?;
    expect_still(&mut tx, actor).await?;
    expect_active(&mut tx, person).await?;
    let before = notices::setting(&mut tx, person).await?;
    former::note(&mut tx, before.as_ref(), &row, &actor.name).await?;
    notices::set(&mut tx, &row).await?;
    let mut body = Map::new();
    body.insert("person".to_owned(), json!(person));
    events::append(
        &mut tx,
        &NewEvent {
            object_kind: PERSON,
            object_id: person,
            kind: SET,
            vault: None,
            body,
            actor: &actor.name,
            reason: "",
            at: now,
        },
    )
    .await?;
    let view = view(service, &mut tx, person).await?;
    tx.commit().await?;
    Ok(view)
}

/// Forgets what a person wanted whose name may be another one's later.
pub(in crate::service) async fn forget(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let row = checked(person, &Settings::default(), now)?;
    Ok(notices::set(tx, &row).await?)
}

/// The row of a wish that can be.
fn checked(person: &str, wish: &Settings, now: UnixTime) -> Result<SettingRow, ServiceError> {
    let malformed = |field, expected| ServiceError::Malformed { field, expected };
    if !wish.mail.is_empty() && !is_address(&wish.mail) {
        return Err(malformed(
            "mail",
            "an address such as dana@treasury.example",
        ));
    }
    if !(-720..=840).contains(&wish.offset_minutes) {
        return Err(malformed("offset", "between -12:00 and +14:00"));
    }
    let is_hour = |hour: u32| hour < 24;
    let quiet = wish
        .quiet
        .is_none_or(|(from, until)| is_hour(from) && is_hour(until) && from != until);
    if !quiet {
        return Err(malformed("quiet", "two different hours from 0 to 23"));
    }
    if !wish.digest_hour.is_none_or(is_hour) {
        return Err(malformed("digest", "an hour from 0 to 23"));
    }
    let is_span = |hours: u32| (1..=336).contains(&hours);
    if !wish.remind_hours.is_none_or(is_span) {
        return Err(malformed("remind", "from 1 to 336 hours"));
    }
    if !wish.escalate_hours.is_none_or(is_span) {
        return Err(malformed("escalate", "from 1 to 336 hours"));
    }
    let kinds: Vec<&str> = wish.kinds.iter().map(|kind| kind.name()).collect();
    Ok(SettingRow {
        person: person.to_owned(),
        mail: wish.mail.clone(),
        kinds: kinds.join(","),
        offset_minutes: wish.offset_minutes,
        quiet: wish.quiet,
        digest_hour: wish.digest_hour,
        remind_hours: wish.remind_hours,
        escalate_hours: wish.escalate_hours,
        changed_at: now,
    })
}

fn read(row: &SettingRow) -> Settings {
    Settings {
        mail: row.mail.clone(),
        kinds: kinds_of(row),
        offset_minutes: row.offset_minutes,
        quiet: row.quiet,
        digest_hour: row.digest_hour,
        remind_hours: row.remind_hours,
        escalate_hours: row.escalate_hours,
    }
}

/// The kinds that a row names.
pub(crate) fn kinds_of(row: &SettingRow) -> BTreeSet<NoticeKind> {
    row.kinds
        .split(',')
        .filter_map(|kind| kind.parse().ok())
        .collect()
}

/// The hours of a row.
pub(crate) fn hours_of(row: &SettingRow) -> Hours {
    Hours {
        offset_minutes: row.offset_minutes,
        quiet: row.quiet,
        digest: row.digest_hour,
    }
}
