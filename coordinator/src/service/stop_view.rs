//! Stops as pages show them: those in force, those released, and who still has to sign a release.
//!
//! Invariant: a stop holds because signers heard of it; here is only what this coordinator has heard.

use std::collections::BTreeMap;

use bitcoin::hex::DisplayHex;
use policies::document::Policy;
use policies::rules::stopping;
use policies::{Approval, Statement, Subject, UnixTime, VaultId};
use serde_json::{Value, json};
use watchtower::store::database::Transaction;

use super::address_book::{Signed, cursor_of, persons, place_of};
use super::paging::{Cursor, PAGE, Paged};
use super::{Actor, ListError, Right, Service, ServiceError};
use crate::store::statements::{EntryPlace, StatementApprovalRow};
use crate::store::stops::{self, StopRow};
use crate::store::vaults;

/// How a stop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopState {
    /// Nobody whose key counts has signed it: it stops nothing.
    Unsigned,
    /// The vault pays nobody.
    InForce,
    /// It is over, for ever.
    Released,
}

impl StopState {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::InForce => "in_force",
            Self::Released => "released",
        }
    }

    /// Its name for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::InForce => "in force",
            Self::Released => "released",
        }
    }
}

/// A stop with everything that was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopEntry {
    /// The stop: what a release names.
    pub stop: Subject,
    /// Why, in the words of who said it.
    pub reason: String,
    /// When it was said, by the clock of whoever said it.
    pub created: UnixTime,
    /// When it came in here.
    pub stored_at: UnixTime,
    /// Who handed it in.
    pub stored_by: String,
    /// How it stands.
    pub state: StopState,
    /// Whose keys signed it: persons, or signers' journals.
    pub signed: Vec<Signed>,
    /// Since when it counts here.
    pub since: Option<UnixTime>,
    /// How its release stands; none where the policy names nobody who may release.
    pub release: Option<ReleaseStanding>,
    /// Stop and release with their signatures so far: the file that `stop release` reads.
    pub file: String,
}

/// How the release of a stop stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStanding {
    /// Persons who must sign it.
    pub needed: u32,
    /// The group of whom they are; any approver if none.
    pub group: Option<String>,
    /// Who signed it so far, and counts.
    pub approved_by: Vec<String>,
    /// Who else could.
    pub could: Vec<String>,
    /// Since when it counts.
    pub since: Option<UnixTime>,
}

impl ReleaseStanding {
    /// How many persons must still sign.
    pub fn missing(&self) -> usize {
        let needed = usize::try_from(self.needed).unwrap_or(usize::MAX);
        needed.saturating_sub(self.approved_by.len())
    }
}

/// The stops of a vault, newest first, from a place on.
///
/// # Errors
/// `VaultError::UnknownVault`; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_stops(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    after: Option<&Cursor>,
) -> Result<Paged<StopEntry>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let after = after.map(place_of).transpose()?;
    let rows = stops::stops_after(&mut tx, vault, after, PAGE.saturating_add(1)).await?;
    let key = |row: &StopRow| {
        cursor_of(EntryPlace {
            stored_at: row.stored_at,
            subject: row.subject,
        })
    };
    let Paged { items: rows, next } = Paged::from_rows(rows, PAGE, key);
    let mut items = Vec::new();
    for row in rows {
        items.push(view(&mut tx, &policy, row, service.now()).await?);
    }
    Ok(Paged { items, next })
}

/// The most stops that are told over every page; the list has all of them.
pub const MOST_TOLD: u32 = 5;

/// The stops in force in every vault that the actor sees, the oldest [`MOST_TOLD`]; a vault that pays is not among them.
///
/// # Errors
/// On a database failure.
pub async fn stops_in_force(
    service: &Service,
    actor: &Actor,
) -> Result<BTreeMap<VaultId, Vec<StopEntry>>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut stopped = BTreeMap::new();
    for vault in vaults::list(&mut tx).await? {
        let rows = match actor.vault {
            Some(own) if own != vault.id => Vec::new(),
            Some(_) | None => stops::in_force(&mut tx, vault.id, MOST_TOLD).await?,
        };
        if rows.is_empty() {
            continue;
        }
        let policy = service.policy(&mut tx, vault.policy).await?;
        let mut found = Vec::new();
        for row in rows {
            found.push(view(&mut tx, &policy, row, service.now()).await?);
        }
        stopped.insert(vault.id, found);
    }
    Ok(stopped)
}

/// One stop.
///
/// # Errors
/// [`ListError::UnknownStatement`].
pub async fn show_stop(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    stop: Subject,
) -> Result<StopEntry, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let row = stops::lookup(&mut tx, vault, stop).await?;
    let row = row.filter(|row| matches!(row.statement, Statement::Stop(_)));
    let row = row.ok_or(ListError::UnknownStatement { subject: stop })?;
    view(&mut tx, &policy, row, service.now()).await
}

/// Who may release a stop of a vault: how many of which group, and their names; none where the policy names nobody.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn releasers(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Option<ReleaseStanding>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    Ok(policy.release_quorum().map(|quorum| ReleaseStanding {
        needed: quorum.count,
        group: quorum.group.clone(),
        approved_by: Vec::new(),
        could: persons(&policy, quorum.group.as_deref()),
        since: None,
    }))
}

async fn view(
    tx: &mut Transaction,
    policy: &Policy,
    row: StopRow,
    now: UnixTime,
) -> Result<StopEntry, ServiceError> {
    let rows = stops::approvals_of(tx, &row).await?;
    let released_at = stops::released_at(tx, row.vault, row.subject).await?;
    let (created, reason) = match &row.statement {
        Statement::Stop(stop) => (stop.created, stop.reason.clone()),
        Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. }
        | Statement::ListAdd(_)
        | Statement::ListRemove { .. }
        | Statement::ListConfirm { .. } => (row.stored_at, String::new()),
    };
    let releasing = Statement::Release { stop: row.subject };
    let stored = stops::lookup(tx, row.vault, releasing.subject()).await?;
    let mut signatures = Vec::new();
    if let Some(stored) = &stored {
        signatures = stops::approvals_of(tx, stored).await?;
    }
    let mut file = vec![signed_statement(&row.statement, &rows)];
    if !signatures.is_empty() {
        file.push(signed_statement(&releasing, &signatures));
    }
    let state = match (row.entitled_at, released_at) {
        (_, Some(_)) => StopState::Released,
        (Some(_), None) => StopState::InForce,
        (None, None) => StopState::Unsigned,
    };
    Ok(StopEntry {
        stop: row.subject,
        reason,
        created,
        stored_at: row.stored_at,
        stored_by: row.stored_by,
        state,
        signed: rows.into_iter().map(signature).collect(),
        since: row.entitled_at,
        release: release(policy, &releasing, signatures, released_at, now),
        file: format!("{:#}\n", Value::from(file)),
    })
}

fn release(
    policy: &Policy,
    releasing: &Statement,
    signatures: Vec<StatementApprovalRow>,
    since: Option<UnixTime>,
    now: UnixTime,
) -> Option<ReleaseStanding> {
    let approvals: Vec<Approval> = signatures.into_iter().map(|row| row.approval).collect();
    let (counted, _) = stopping(policy, releasing, &approvals, now)?;
    let mut could = persons(policy, counted.group.as_deref());
    could.retain(|person| !counted.approved_by.contains(person));
    Some(ReleaseStanding {
        needed: counted.needed,
        group: counted.group,
        approved_by: counted.approved_by,
        could,
        since,
    })
}

fn signature(row: StatementApprovalRow) -> Signed {
    Signed {
        approver: row.approver,
        at: row.received_at,
    }
}

/// A statement with its signatures as files have it.
pub(super) fn signed_statement(statement: &Statement, rows: &[StatementApprovalRow]) -> Value {
    let approvals = rows.iter().map(|row| {
        json!({
            "purpose": row.approval.purpose.to_string(),
            "expires": row.approval.expires,
            "key": row.approval.key,
            "signature": row.approval.signature.encode().to_lower_hex_string(),
        })
    });
    let approvals: Vec<Value> = approvals.collect();
    let text = String::from_utf8_lossy(&statement.encode()).into_owned();
    json!({ "statement": text, "approvals": approvals })
}
