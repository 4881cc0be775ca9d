//! What is to be told to persons: of events since the last look, and of what waits on each.
//!
//! Invariant: the cursor of the events and what they cause to be told are written in one transaction; what waits is
//! told once, reminded of, and told to the next, as its person wishes.

use std::collections::BTreeSet;

use policies::{UnixTime, VaultId};
use watchtower::store::cursor;
use watchtower::store::database::Transaction;
use watchtower::store::events;

use super::NoticeKind;
use super::moments::due_at;
use super::settings::{hours_of, kinds_of};
use super::telling::{Step, of_event, steps};
use crate::service::agenda::{AgendaLine, Viewer, agenda};
use crate::service::people::PersonRole;
use crate::service::{Actor, Service, ServiceError};
use crate::store::notices::{self, NoticeRow, SettingRow, WaitRow};
use crate::store::people::{absences, persons};

/// Our name among the readers of the event log.
pub(crate) const CONSUMER: &str = "notifications";
/// Events taken at once.
const PAGE: u32 = 200;
/// The most notices of one mail.
const LETTER: u32 = 100;
/// The longest key of something that waits.
const MAX_KEY: usize = 300;

/// A person who is told, with what waits on the person.
#[derive(Debug)]
pub(crate) struct Listener {
    setting: SettingRow,
    vault: Option<VaultId>,
    waits: Vec<AgendaLine>,
}

/// Everybody who is told by mail, with what waits on each; nobody where no mail is sent.
pub(crate) async fn listeners(service: &Service) -> Result<Vec<Listener>, ServiceError> {
    if service.mailer().is_none() {
        return Ok(Vec::new());
    }
    let mut tx = service.database().begin_read().await?;
    let mut found = Vec::new();
    for setting in notices::settings(&mut tx).await? {
        let person = persons::lookup(&mut tx, &setting.person).await?;
        if let Some(person) = person.filter(|person| person.ended_at.is_none())
            && let Ok(role) = person.role.parse::<PersonRole>()
        {
            found.push((setting, role, person.vault));
        }
    }
    let absent = away(&mut tx, service.now()).await?;
    drop(tx);
    let mut listeners = Vec::new();
    for (setting, role, vault) in found {
        let mut waits = Vec::new();
        if kinds_of(&setting).contains(&NoticeKind::Waits) {
            let actor = Actor {
                name: setting.person.clone(),
                role: role.role(),
                vault,
            };
            let viewer = Viewer {
                actor: &actor,
                person: &setting.person,
                absent: &absent,
            };
            waits = agenda(service, &viewer, Vec::new()).await?;
            waits.retain(|line| line.mine);
        }
        listeners.push(Listener {
            setting,
            vault,
            waits,
        });
    }
    Ok(listeners)
}

async fn away(tx: &mut Transaction, now: UnixTime) -> Result<BTreeSet<String>, ServiceError> {
    let open = absences::open(tx, now).await?;
    let now_away = open.into_iter().filter(|row| row.from <= now);
    Ok(now_away.map(|row| row.person).collect())
}

/// Writes down what is to be told; says whether more events wait.
pub(crate) async fn gather(
    tx: &mut Transaction,
    listeners: &[Listener],
    now: UnixTime,
) -> Result<bool, ServiceError> {
    let seen = cursor::cursor(tx, CONSUMER).await?;
    let page = events::after(tx, seen, PAGE).await?;
    for event in &page {
        let Some(told) = of_event(event) else {
            continue;
        };
        for listener in listeners {
            let concerns = match (listener.vault, event.vault) {
                (None, _) => true,
                (Some(own), found) => found == Some(own),
            };
            let setting = &listener.setting;
            if !concerns || event.at < setting.changed_at || !kinds_of(setting).contains(&told.kind)
            {
                continue;
            }
            let row = NoticeRow {
                person: setting.person.clone(),
                key: format!("event/{}", event.number),
                kind: told.kind.name().to_owned(),
                title: told.title.clone(),
                words: String::new(),
                href: told.href.clone(),
                at: event.at,
            };
            notices::insert(tx, &row).await?;
        }
    }
    if let Some(last) = page.last() {
        cursor::advance(tx, CONSUMER, last.number).await?;
    }
    let absent = away(tx, now).await?;
    for listener in listeners {
        tell_waits(tx, listener, listeners, &absent, now).await?;
    }
    Ok(page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX))
}

async fn tell_waits(
    tx: &mut Transaction,
    listener: &Listener,
    all: &[Listener],
    absent: &BTreeSet<String>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let person = &listener.setting.person;
    let known = notices::waits(tx, person).await?;
    let mut open = BTreeSet::new();
    for line in &listener.waits {
        let key = key_of(line);
        if !open.insert(key.clone()) {
            continue;
        }
        let mut wait = known.iter().find(|wait| wait.key == key).cloned();
        for step in steps(wait.as_ref(), &listener.setting, now) {
            match step {
                Step::First => {
                    notices::begin_wait(tx, person, &key, now).await?;
                    tell(
                        tx,
                        person,
                        &format!("wait/{key}/{}", now.as_secs()),
                        "",
                        line,
                        now,
                    )
                    .await?;
                }
                Step::Remind => {
                    tell(
                        tx,
                        person,
                        &format!("remind/{key}/{}", now.as_secs()),
                        "Still open: ",
                        line,
                        now,
                    )
                    .await?;
                    if let Some(wait) = &mut wait {
                        wait.reminded_at = now;
                    }
                }
                Step::Escalate => {
                    // Who is away is passed over, and who cannot be told by mail.
                    let next = line.others.iter().chain(&line.on).find(|name| {
                        *name != person
                            && !absent.contains(*name)
                            && all.iter().any(|other| other.setting.person == **name)
                    });
                    let Some(next) = next else { continue };
                    let before = format!("{person} has not acted: ");
                    tell(
                        tx,
                        next,
                        &format!("next/{person}/{key}"),
                        &before,
                        line,
                        now,
                    )
                    .await?;
                    if let Some(wait) = &mut wait {
                        wait.escalated_at = Some(now);
                    }
                }
            }
        }
        if let Some(wait) = wait {
            notices::update_wait(tx, person, &wait).await?;
        }
    }
    for wait in known.iter().filter(|wait| !open.contains(&wait.key)) {
        end(tx, person, wait, now).await?;
    }
    Ok(())
}

/// What waits no more is not told of any more either.
async fn end(
    tx: &mut Transaction,
    person: &str,
    wait: &WaitRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    notices::end_wait(tx, person, &wait.key, now).await?;
    for (what, at) in [("wait", wait.told_at), ("remind", wait.reminded_at)] {
        let key = format!("{what}/{}/{}", wait.key, at.as_secs());
        notices::set_sent(tx, person, &key, now).await?;
    }
    Ok(())
}

async fn tell(
    tx: &mut Transaction,
    person: &str,
    key: &str,
    before: &str,
    line: &AgendaLine,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let row = NoticeRow {
        person: person.to_owned(),
        key: key.to_owned(),
        kind: NoticeKind::Waits.name().to_owned(),
        title: format!("{before}{}", line.title),
        words: format!("{} {}", line.what, line.todo).trim().to_owned(),
        href: line.href.clone(),
        at: now,
    };
    Ok(notices::insert(tx, &row).await?)
}

fn key_of(line: &AgendaLine) -> String {
    let key = format!("{} {}", line.kind.name(), line.href);
    key.chars().take(MAX_KEY).collect()
}

/// What is due to be sent to a person now, and where.
pub(crate) async fn due(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<Option<(String, Vec<NoticeRow>)>, ServiceError> {
    let Some(setting) = notices::setting(tx, person).await? else {
        return Ok(None);
    };
    let here = persons::lookup(tx, person).await?;
    if setting.mail.is_empty() || here.is_none_or(|person| person.ended_at.is_some()) {
        return Ok(None);
    }
    let hours = hours_of(&setting);
    let mut due = notices::unsent(tx, person, LETTER).await?;
    due.retain(|notice| {
        let urgent = notice
            .kind
            .parse::<NoticeKind>()
            .is_ok_and(NoticeKind::is_urgent);
        due_at(hours, urgent, notice.at) <= now
    });
    Ok((!due.is_empty()).then_some((setting.mail, due)))
}
