//! Alarms: each is one row from when it is raised until it is over, and an event at both ends.
//!
//! Invariant: of one kind about one subject at most one is open; raising it again tells nobody anew.

use std::collections::BTreeMap;

use policies::{UnixTime, VaultId};
use serde_json::{Map, json};

use super::database::{DatabaseError, Row, Transaction, Value};
use super::events::{self, EventError, NewEvent};
use crate::alarm::AlarmKind;

/// What the event log calls it.
const OBJECT: &str = "alarm";

/// An alarm to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlarm<'a> {
    /// Its kind.
    pub kind: AlarmKind,
    /// What it is about: a txid, an outpoint, a vault, a node's name.
    pub subject: &'a str,
    /// The vault concerned, if one is.
    pub vault: Option<VaultId>,
    /// The facts in words.
    pub detail: &'a str,
    /// Who noticed.
    pub actor: &'a str,
    /// When.
    pub at: UnixTime,
}

/// An alarm as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// Its number.
    pub id: u64,
    /// Its kind.
    pub kind: AlarmKind,
    /// What it is about.
    pub subject: String,
    /// The vault concerned, if one is.
    pub vault: Option<VaultId>,
    /// The facts in words.
    pub detail: String,
    /// Since when.
    pub raised_at: UnixTime,
    /// When, by whom and why it ended; none while it is open.
    pub ended: Option<Ended>,
}

/// How an alarm ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: UnixTime,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Raises an alarm, unless the same one is open: then its facts are brought up to date. Says whether it is new.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn raise(tx: &mut Transaction, alarm: &NewAlarm<'_>) -> Result<bool, EventError> {
    tx.lock(&format!("alarm {} {}", alarm.kind.code(), alarm.subject))
        .await?;
    if let Some(open) = find_open(tx, alarm.kind, alarm.subject).await? {
        if open.detail != alarm.detail {
            tx.execute_one(
                "UPDATE alarm SET detail = $1 WHERE id = $2 AND ended_at IS NULL",
                &[alarm.detail.into(), Value::from_u64(open.id)?],
            )
            .await?;
        }
        return Ok(false);
    }
    tx.execute_one(
        "INSERT INTO alarm (kind, subject, vault, detail, raised_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            alarm.kind.code().into(),
            alarm.subject.into(),
            alarm.vault.map(VaultId::to_bytes).into(),
            alarm.detail.into(),
            Value::from_u64(alarm.at.as_secs())?,
        ],
    )
    .await?;
    let mut body = about(alarm.kind, alarm.subject);
    body.insert("todo".to_owned(), json!(alarm.kind.hint()));
    let event = NewEvent {
        object_kind: OBJECT,
        object_id: &id_of(alarm.kind, alarm.subject),
        kind: "alarm.raised",
        vault: alarm.vault,
        body,
        actor: alarm.actor,
        reason: alarm.detail,
        at: alarm.at,
    };
    events::append(tx, &event).await?;
    let (code, subject) = (alarm.kind.code(), alarm.subject);
    tracing::warn!(alarm = code, subject, detail = alarm.detail, "alarm");
    Ok(true)
}

/// Ends an alarm, if it is open; says whether it was.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn end(
    tx: &mut Transaction,
    (kind, subject): (AlarmKind, &str),
    by: &str,
    why: &str,
    at: UnixTime,
) -> Result<bool, EventError> {
    let Some(open) = find_open(tx, kind, subject).await? else {
        return Ok(false);
    };
    let ended = tx
        .execute(
            "UPDATE alarm SET ended_at = $1, ended_by = $2, ended_why = $3
             WHERE id = $4 AND ended_at IS NULL",
            &[
                Value::from_u64(at.as_secs())?,
                by.into(),
                why.into(),
                Value::from_u64(open.id)?,
            ],
        )
        .await?;
    if ended == 0 {
        return Ok(false);
    }
    let event = NewEvent {
        object_kind: OBJECT,
        object_id: &id_of(kind, subject),
        kind: "alarm.ended",
        vault: open.vault,
        body: about(kind, subject),
        actor: by,
        reason: why,
        at,
    };
    events::append(tx, &event).await?;
    tracing::info!(alarm = kind.code(), subject, by, why, "alarm is over");
    Ok(true)
}

/// What a look found to stand: all alarms of one kind that are to be open now, of one vault or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Their kind.
    pub kind: AlarmKind,
    /// The vault that was looked at; every vault without one.
    pub within: Option<VaultId>,
    /// What stands, by what it is about.
    pub found: BTreeMap<String, Found>,
    /// Who looked.
    pub actor: &'static str,
    /// Why one that was not found any more is over.
    pub over: &'static str,
}

/// Something that was found to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The vault concerned, if one is.
    pub vault: Option<VaultId>,
    /// The facts in words.
    pub detail: String,
}

impl Look {
    /// Whether settling it would change anything.
    ///
    /// # Errors
    /// On a failed statement or a corrupt row.
    pub async fn is_news(&self, tx: &mut Transaction) -> Result<bool, DatabaseError> {
        let open = self.open(tx).await?;
        let told: BTreeMap<&str, &str> = open
            .iter()
            .map(|alarm| (alarm.subject.as_str(), alarm.detail.as_str()))
            .collect();
        let found =
            (self.found.iter()).map(|(subject, found)| (subject.as_str(), found.detail.as_str()));
        Ok(told != found.collect())
    }

    /// Raises what was found, brings it up to date, and ends what was not found any more.
    ///
    /// # Errors
    /// On a failed statement or a corrupt row.
    pub async fn settle(&self, tx: &mut Transaction, at: UnixTime) -> Result<(), EventError> {
        for (subject, found) in &self.found {
            let alarm = NewAlarm {
                kind: self.kind,
                subject,
                vault: found.vault,
                detail: &found.detail,
                actor: self.actor,
                at,
            };
            raise(tx, &alarm).await?;
        }
        for open in self.open(tx).await? {
            if !self.found.contains_key(&open.subject) {
                let about = (self.kind, open.subject.as_str());
                end(tx, about, self.actor, self.over, at).await?;
            }
        }
        Ok(())
    }

    async fn open(&self, tx: &mut Transaction) -> Result<Vec<AlarmRow>, DatabaseError> {
        let mut open = open_of(tx, self.kind).await?;
        open.retain(|alarm| self.within.is_none() || alarm.vault == self.within);
        Ok(open)
    }
}

fn about(kind: AlarmKind, subject: &str) -> Map<String, serde_json::Value> {
    let mut body = Map::new();
    body.insert("alarm".to_owned(), json!(kind.code()));
    body.insert("subject".to_owned(), json!(subject));
    body
}

fn id_of(kind: AlarmKind, subject: &str) -> String {
    format!("{}/{subject}", kind.code())
}

async fn find_open(
    tx: &mut Transaction,
    kind: AlarmKind,
    subject: &str,
) -> Result<Option<AlarmRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, kind, subject, vault, detail, raised_at, ended_at, ended_by, ended_why
         FROM alarm WHERE kind = $1 AND subject = $2 AND ended_at IS NULL",
        &[kind.code().into(), subject.into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// One alarm.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: u64) -> Result<Option<AlarmRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, kind, subject, vault, detail, raised_at, ended_at, ended_by, ended_why
         FROM alarm WHERE id = $1",
        &[Value::from_u64(id)?],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The open alarms, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction) -> Result<Vec<AlarmRow>, DatabaseError> {
    tx.rows(
        "SELECT id, kind, subject, vault, detail, raised_at, ended_at, ended_by, ended_why
         FROM alarm WHERE ended_at IS NULL ORDER BY id DESC",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The open alarms of a kind.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn open_of(
    tx: &mut Transaction,
    kind: AlarmKind,
) -> Result<Vec<AlarmRow>, DatabaseError> {
    tx.rows(
        "SELECT id, kind, subject, vault, detail, raised_at, ended_at, ended_by, ended_why
         FROM alarm WHERE kind = $1 AND ended_at IS NULL ORDER BY id DESC",
        &[kind.code().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The latest alarms before a number, open or over, newest first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn latest(
    tx: &mut Transaction,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<AlarmRow>, DatabaseError> {
    let before = before.map_or(Ok(i64::MAX.into()), Value::from_u64)?;
    tx.rows(
        "SELECT id, kind, subject, vault, detail, raised_at, ended_at, ended_by, ended_why
         FROM alarm WHERE id < $1 ORDER BY id DESC LIMIT $2",
        &[before, limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<AlarmRow, DatabaseError> {
    let code = row.text("kind")?;
    let ended = match (
        row.optional_u64("ended_at")?,
        row.optional_text("ended_by")?,
        row.optional_text("ended_why")?,
    ) {
        (Some(at), Some(by), Some(why)) => Some(Ended {
            at: UnixTime::from_secs(at),
            by: by.to_owned(),
            why: why.to_owned(),
        }),
        _ => None,
    };
    Ok(AlarmRow {
        id: row.u64("id")?,
        kind: AlarmKind::from_code(code)
            .ok_or_else(|| row.corrupt("kind", "a kind of alarm", code))?,
        subject: row.text("subject")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        detail: row.text("detail")?.to_owned(),
        raised_at: UnixTime::from_secs(row.u64("raised_at")?),
        ended,
    })
}
