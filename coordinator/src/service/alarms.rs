//! The alarms of the watchtower and the books: which are open, what to do, and how they end.
//!
//! Invariant: an alarm that ends by itself is ended by nobody's word; one that does not says who looked into it.

use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::alarm::{AlarmKind, Ending};
use watchtower::store::alarms::{self, AlarmRow};

use super::{Actor, AlarmError, MAX_LIMIT, Right, Service, ServiceError};

/// The most characters of what somebody says of an alarm.
pub const MAX_WHY: usize = 200;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlarmView {
    /// Its number.
    pub id: u64,
    /// Its kind, a stable name such as `UNKNOWN_SPEND`.
    pub alarm: String,
    /// What it is about: a txid, a coin, a vault, a node.
    pub subject: String,
    /// The vault concerned, if one is.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// Whether money may be in danger, or does not move.
    pub grave: bool,
    /// What it says, in a few words.
    pub title: String,
    /// The facts in words.
    pub detail: String,
    /// What to do.
    pub todo: String,
    /// When it ends by itself; none if somebody ends it.
    pub ends: Option<String>,
    /// Since when (unix seconds).
    #[schema(value_type = u64)]
    pub raised_at: UnixTime,
    /// When it ended (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ended_at: Option<UnixTime>,
    /// Who or what ended it.
    pub ended_by: Option<String>,
    /// Why it ended.
    pub ended_why: Option<String>,
}

/// Ends an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndAlarm {
    /// What was found out: one line of at most 200 characters.
    pub why: String,
}

/// The open alarms that an actor sees, the grave first and then the newest; or the latest ones, those that are over
/// among them, before a number.
///
/// # Errors
/// On a database failure.
pub async fn list_alarms(
    service: &Service,
    actor: &Actor,
    over: bool,
    before: Option<u64>,
) -> Result<Vec<AlarmView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut rows = if over {
        let before = before.map(|before| before.min(u64::MAX / 2));
        alarms::latest(&mut tx, before, MAX_LIMIT).await?
    } else {
        alarms::open(&mut tx).await?
    };
    rows.retain(|row| sees(actor, row));
    if !over {
        rows.sort_by_key(|row| !row.kind.is_grave());
    }
    Ok(rows.into_iter().map(view).collect())
}

/// Ends an alarm by the word of who looked into it.
///
/// # Errors
/// [`AlarmError`]; [`ServiceError::Malformed`] where nothing is said.
pub async fn end_alarm(
    service: &Service,
    actor: &Actor,
    id: u64,
    request: &EndAlarm,
) -> Result<AlarmView, ServiceError> {
    actor.require_somewhere(Right::Reconcile)?;
    let why = request.why.trim();
    let is_line = why.chars().all(|one| !one.is_control());
    if why.is_empty() || why.chars().count() > MAX_WHY || !is_line {
        return Err(ServiceError::Malformed {
            field: "why",
            expected: "one line of 1 to 200 characters",
        });
    }
    let mut tx = service.database().begin_write().await?;
    let row = alarms::lookup(&mut tx, id.min(u64::MAX / 2)).await?;
    let row = row
        .filter(|row| sees(actor, row))
        .ok_or(AlarmError::UnknownAlarm { id })?;
    if row.vault.is_none() {
        // It concerns every vault: nobody of one alone says that it is over.
        actor.require_everywhere(Right::Reconcile)?;
    }
    if let Ending::ByItself(when) = row.kind.ending() {
        let kind = row.kind;
        return Err(AlarmError::EndsByItself { id, kind, when }.into());
    }
    if row.ended.is_none() {
        let about = (row.kind, row.subject.as_str());
        alarms::end(&mut tx, about, &actor.name, why, service.now()).await?;
    }
    let row = alarms::lookup(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view(row.ok_or(AlarmError::UnknownAlarm { id })?))
}

/// Whoever sees one vault only is told of that vault, and of what concerns all.
fn sees(actor: &Actor, row: &AlarmRow) -> bool {
    actor.vault.is_none() || row.vault.is_none() || row.vault == actor.vault
}

/// An alarm as it is shown.
pub(crate) fn view(row: AlarmRow) -> AlarmView {
    let kind = row.kind;
    AlarmView {
        id: row.id,
        alarm: kind.code().to_owned(),
        subject: row.subject,
        vault: row.vault,
        grave: kind.is_grave(),
        title: kind.title().to_owned(),
        detail: row.detail,
        todo: kind.hint().to_owned(),
        ends: match kind.ending() {
            Ending::ByItself(when) => Some(when.to_owned()),
            Ending::ByHand => None,
        },
        raised_at: row.raised_at,
        ended_at: row.ended.as_ref().map(|ended| ended.at),
        ended_by: row.ended.as_ref().map(|ended| ended.by.clone()),
        ended_why: row.ended.map(|ended| ended.why),
    }
}

impl AlarmView {
    /// What a search finds its subject by: the last part of a withdrawal's name, or an entry's id.
    fn searched(&self) -> &str {
        self.subject.rsplit('/').next().unwrap_or_default()
    }

    /// The page that shows what it is about.
    pub fn href(&self) -> Option<String> {
        let vault = self.vault.map(|vault| format!("/vaults/{vault}"));
        match AlarmKind::from_code(&self.alarm)? {
            AlarmKind::OldVariant
            | AlarmKind::Pinned
            | AlarmKind::Unsettled
            | AlarmKind::BumpHeld => Some(format!("/attempts/{}", self.subject)),
            AlarmKind::UnknownSpend => Some(format!("/search?q={}", self.subject)),
            AlarmKind::AddressReused => Some(format!("{}/coins", vault?)),
            AlarmKind::AddressPoisoning => Some(format!("/search?q={}", self.searched())),
            AlarmKind::RecoveryNear => Some(format!("{}/coins/calendar", vault?)),
            AlarmKind::CustomerNegative | AlarmKind::BooksDiffer => {
                Some(format!("{}/ledger", vault?))
            }
            AlarmKind::FeesUnknown => Some(format!("{}/queue", vault?)),
            AlarmKind::DustFlood => Some(format!("{}/deposits", vault?)),
            AlarmKind::NodeTrouble
            | AlarmKind::WatchtowerSilent
            | AlarmKind::WitnessTrouble
            | AlarmKind::ScanFailed => None,
        }
    }
}
