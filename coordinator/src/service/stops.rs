//! Stops, their releases, and goes: kept for signers, who count the signatures themselves; acknowledgements beside.
//!
//! One pinned key stops; a quorum releases or lets automatic co-signers go. While a stop is in force no payment is
//! issued here either, since no signer would sign it; nothing rests on that (every signer keeps the stops it saw).

use bitcoin::hex::DisplayHex;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::rules::{Entitlement, WrongStop, signed_stop, stopping};
use policies::{Approval, Statement, Subject, UnixTime, VaultId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::acks;
use super::record::append_statement_event;
use super::standing::adds;
use super::statement_view::{StatementApprovalView, StatementView};
use super::{Actor, ApprovalError, BatchError, ListError, MAX_LIMIT, Service, ServiceError};
use crate::store::statements::StatementApprovalRow;
use crate::store::stops::{self, StopRow};
use crate::store::vaults;

/// The most stops in force of one key: the vault pays nobody from the first on, and nobody needs more to say so. Each key
/// has its own count, so that none keeps another one's stop out.
const STOPS: u32 = 16;
/// The most goes that signers are told of: each counts for hours only.
const GOES: u32 = 20;

/// A stop that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StopView {
    /// The vault that pays nobody.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The stop: what a release names.
    #[schema(value_type = String)]
    pub stop: Subject,
    /// Why, in the words of who said it.
    pub reason: String,
    /// When it was said (unix seconds).
    #[schema(value_type = u64)]
    pub created: UnixTime,
    /// Who said it.
    pub by: Vec<String>,
    /// Persons who must sign its release; none where the policy names nobody.
    pub release_needed: Option<u32>,
    /// The group whose persons count; any approver if none.
    pub release_group: Option<String>,
}

/// Takes a stop, a release, a go or an acknowledgement in; the same again answers the same. Says whether it is new.
pub(super) async fn submit(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    vault: VaultId,
    statement: Statement,
) -> Result<(StatementView, bool), ServiceError> {
    let (_, policy) = service.vault(tx, vault).await?;
    let now = service.now();
    let subject = statement.subject();
    if let Some(standing) = stops::lookup(tx, vault, subject).await? {
        return Ok((view(tx, &policy, &standing, now).await?, false));
    }
    if let Statement::Ack { policy: version } = statement {
        acks::refuse_useless(service, tx, vault, version, now).await?;
    } else {
        refuse_useless(tx, &policy, &statement, now).await?;
    }
    let row = StopRow {
        vault,
        subject,
        statement,
        stored_at: now,
        stored_by: actor.name.clone(),
        entitled_at: None,
    };
    stops::insert(tx, &row).await?;
    let mut body = body(&row);
    let text = String::from_utf8_lossy(&row.statement.encode()).into_owned();
    body.insert("text".to_owned(), json!(text));
    append_statement_event(
        tx,
        (row.vault, row.subject),
        "statement.stored",
        body,
        &actor.name,
        now,
    )
    .await?;
    Ok((view(tx, &policy, &row, now).await?, true))
}

/// Refuses what nobody may say under the policy, and the release of a stop that was not handed in here.
async fn refuse_useless(
    tx: &mut Transaction,
    policy: &Policy,
    statement: &Statement,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let purpose = statement.purpose();
    stopping(policy, statement, &[], now).ok_or(ListError::NobodyMay { purpose })?;
    if let Statement::Release { stop } = *statement {
        let known = stops::lookup(tx, policy.vault, stop).await?;
        if known.is_none_or(|row| row.statement.purpose() != Purpose::Stop) {
            return Err(ListError::UnknownStop { stop }.into());
        }
    }
    Ok(())
}

/// Whether a signature changes anything: it adds to those that stand, and not to a stop that is over.
async fn counts_anew(
    tx: &mut Transaction,
    row: &StopRow,
    stored: &StatementApprovalRow,
) -> Result<bool, ServiceError> {
    if !adds(&stops::approvals_of(tx, row).await?, &stored.approval) {
        return Ok(false);
    }
    if row.statement.purpose() != Purpose::Stop {
        return Ok(true);
    }
    if stops::released_at(tx, row.vault, row.subject)
        .await?
        .is_some()
    {
        return Ok(false);
    }
    if stops::in_force_by(tx, row.vault, stored.approval.key).await? >= STOPS {
        let approver = stored.approver.clone();
        return Err(ListError::TooManyStops {
            approver,
            most: STOPS,
        }
        .into());
    }
    Ok(true)
}

/// What a stored stop, release or go is signed for; none where there is no such.
pub(super) async fn purpose_of(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
) -> Result<Option<Purpose>, ServiceError> {
    let found = stops::lookup(tx, vault, subject).await?;
    Ok(found.map(|row| row.statement.purpose()))
}

/// Takes a signature under one in; none where there is no such statement. What adds nothing answers the same.
pub(super) async fn approve(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    vault: VaultId,
    approval: &Approval,
) -> Result<Option<StatementView>, ServiceError> {
    let Some(mut row) = stops::lookup(tx, vault, approval.subject).await? else {
        return Ok(None);
    };
    let (_, policy) = service.vault(tx, vault).await?;
    let now = service.now();
    let approver = match row.statement {
        Statement::Ack { policy: version } => {
            acks::signed_by(service, tx, vault, version, approval, now).await?
        }
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::ListAdd(_)
        | Statement::ListRemove { .. }
        | Statement::ListConfirm { .. } => signed_by(&policy, &row, approval, now)?,
    };
    let stored = StatementApprovalRow {
        approval: approval.clone(),
        approver,
        received_at: now,
    };
    if counts_anew(tx, &row, &stored).await? && stops::add_approval(tx, vault, &stored).await? {
        let mut body = body(&row);
        body.insert("approver".to_owned(), json!(stored.approver));
        body.insert("expires".to_owned(), json!(stored.approval.expires));
        body.insert("key".to_owned(), json!(stored.approval.key));
        append_statement_event(
            tx,
            (row.vault, row.subject),
            "statement.signed",
            body,
            &actor.name,
            now,
        )
        .await?;
        take_effect(tx, &policy, &mut row, now).await?;
    }
    Ok(Some(view(tx, &policy, &row, now).await?))
}

/// Verifies a signature and says whose it is.
fn signed_by(
    policy: &Policy,
    row: &StopRow,
    approval: &Approval,
    now: UnixTime,
) -> Result<String, ServiceError> {
    let (key, purpose) = (approval.key, row.statement.purpose());
    if purpose == Purpose::Stop {
        return signed_stop(policy, approval).map_err(|wrong| match wrong {
            WrongStop::Foreign => ApprovalError::UnknownApprovalKey { key }.into(),
            WrongStop::Ends { .. } => ListError::StopEnds {
                expires: approval.expires,
            }
            .into(),
            WrongStop::Purpose { .. } => ListError::StatementPurpose {
                expected: purpose,
                found: approval.purpose.to_string(),
            }
            .into(),
            WrongStop::Signature { error, .. } => ApprovalError::ApprovalSignature(error).into(),
        });
    }
    let (approver, public) = policy
        .approver_of_key(key)
        .ok_or(ApprovalError::UnknownApprovalKey { key })?;
    approval
        .verify(public, policy.vault)
        .map_err(ApprovalError::ApprovalSignature)?;
    if approval.has_expired(now) {
        let expires = approval.expires;
        return Err(ApprovalError::ApprovalExpired { expires, now }.into());
    }
    let alone = stopping(policy, &row.statement, std::slice::from_ref(approval), now);
    if alone.is_none_or(|(alone, _)| alone.approved_by.is_empty()) {
        let approver = approver.name.clone();
        return Err(ListError::NotEntitled { approver, purpose }.into());
    }
    Ok(approver.name.clone())
}

/// Marks a statement that enough have signed.
async fn take_effect(
    tx: &mut Transaction,
    policy: &Policy,
    row: &mut StopRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    if row.entitled_at.is_some() {
        return Ok(());
    }
    let approvals = stops::approvals_of(tx, row).await?;
    let Some(counted) = counted(policy, row, &approvals, now) else {
        return Ok(());
    };
    if counted.is_met() {
        stops::set_entitled(tx, row.vault, row.subject, now).await?;
        row.entitled_at = Some(now);
        let mut body = body(row);
        body.insert("approved_by".to_owned(), json!(counted.approved_by));
        append_statement_event(
            tx,
            (row.vault, row.subject),
            "statement.entitled",
            body,
            "coordinator",
            now,
        )
        .await?;
    }
    Ok(())
}

/// Who signed one, and how many must. Each journal acknowledges for itself.
fn counted(
    policy: &Policy,
    row: &StopRow,
    signed: &[StatementApprovalRow],
    now: UnixTime,
) -> Option<Entitlement> {
    if row.statement.purpose() == Purpose::Ack {
        let mut approved_by: Vec<String> = signed.iter().map(|one| one.approver.clone()).collect();
        approved_by.sort();
        approved_by.dedup();
        return Some(Entitlement {
            group: None,
            needed: 1,
            approved_by,
        });
    }
    let approvals: Vec<Approval> = signed.iter().map(|one| one.approval.clone()).collect();
    let (counted, _) = stopping(policy, &row.statement, &approvals, now)?;
    Some(counted)
}

/// One stop, release, go or acknowledgement; none where there is no such.
pub(super) async fn show(
    tx: &mut Transaction,
    policy: &Policy,
    vault: VaultId,
    subject: Subject,
    now: UnixTime,
) -> Result<Option<StatementView>, ServiceError> {
    match stops::lookup(tx, vault, subject).await? {
        Some(row) => Ok(Some(view(tx, policy, &row, now).await?)),
        None => Ok(None),
    }
}

/// What signers take down before anything else: the stops in force first, then those released with their
/// releases, then the newest goes.
pub(super) async fn for_signers(
    tx: &mut Transaction,
    policy: &Policy,
    vault: VaultId,
    now: UnixTime,
) -> Result<Vec<StatementView>, ServiceError> {
    let mut rows = stops::in_force(tx, vault, u32::MAX).await?;
    for (purpose, limit) in [
        (Purpose::Stop, MAX_LIMIT),
        (Purpose::Release, MAX_LIMIT),
        (Purpose::Go, GOES),
    ] {
        for row in stops::entitled(tx, vault, purpose, limit).await? {
            if rows.iter().all(|other| other.subject != row.subject) {
                rows.push(row);
            }
        }
    }
    let mut views = Vec::new();
    for row in &rows {
        views.push(view(tx, policy, row, now).await?);
    }
    Ok(views)
}

/// Whether a stop is in force, so that no payment is issued.
pub(crate) async fn is_stopped(tx: &mut Transaction, vault: VaultId) -> Result<bool, ServiceError> {
    Ok(!stops::in_force(tx, vault, 1).await?.is_empty())
}

/// Refuses to issue a payment while a stop is in force.
pub(super) async fn refuse_stopped(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<(), ServiceError> {
    for row in stops::in_force(tx, vault, u32::MAX).await? {
        if let Statement::Stop(stop) = row.statement {
            return Err(BatchError::Stopped {
                stop: row.subject,
                reason: stop.reason,
            }
            .into());
        }
    }
    Ok(())
}

/// The stops in force, in the vaults that the actor sees.
pub(super) async fn standing(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<Vec<StopView>, ServiceError> {
    let mut standing = Vec::new();
    for vault in vaults::list(tx).await? {
        if actor.vault.is_some_and(|own| own != vault.id) {
            continue;
        }
        let policy = service.policy(tx, vault.policy).await?;
        for row in stops::in_force(tx, vault.id, u32::MAX).await? {
            let by = stops::approvals_of(tx, &row).await?;
            let Statement::Stop(stop) = row.statement else {
                continue;
            };
            let quorum = policy.release_quorum();
            standing.push(StopView {
                vault: vault.id,
                stop: row.subject,
                reason: stop.reason,
                created: stop.created,
                by: by.into_iter().map(|row| row.approver).collect(),
                release_needed: quorum.map(|quorum| quorum.count),
                release_group: quorum.and_then(|quorum| quorum.group.clone()),
            });
        }
    }
    Ok(standing)
}

async fn view(
    tx: &mut Transaction,
    policy: &Policy,
    row: &StopRow,
    now: UnixTime,
) -> Result<StatementView, ServiceError> {
    let rows = stops::approvals_of(tx, row).await?;
    let counted = counted(policy, row, &rows, now);
    let (needed, approved_by) = counted.map_or((0, Vec::new()), |counted| {
        (counted.needed, counted.approved_by)
    });
    let released_at = if row.statement.purpose() == Purpose::Stop {
        stops::released_at(tx, row.vault, row.subject).await?
    } else {
        None
    };
    Ok(StatementView {
        subject: row.subject,
        purpose: row.statement.purpose().to_string(),
        entry: None,
        list: None,
        stop: row.stop(),
        statement: String::from_utf8_lossy(&row.statement.encode()).into_owned(),
        needed,
        approved_by,
        approvals: rows.into_iter().map(approval_view).collect(),
        stored_at: row.stored_at,
        entitled_at: row.entitled_at,
        released_at,
    })
}

fn approval_view(row: StatementApprovalRow) -> StatementApprovalView {
    StatementApprovalView {
        purpose: row.approval.purpose.to_string(),
        expires: row.approval.expires,
        key: row.approval.key,
        signature: row.approval.signature.encode().to_lower_hex_string(),
        approver: row.approver,
        received_at: row.received_at,
    }
}

fn body(row: &StopRow) -> Map<String, Value> {
    let mut body = Map::new();
    let purpose = row.statement.purpose().to_string();
    body.insert("purpose".to_owned(), json!(purpose));
    body.insert("stop".to_owned(), json!(row.stop()));
    body
}
