//! Open lists: what persons say of them, and how each entry stands.
//!
//! The coordinator only keeps statements and signatures; every signer counts them itself, and lets the
//! cooling-off run by its own clock from when its own journal first saw them.

use bitcoin::{Address, Amount};
use policies::document::{List, Policy};
use policies::hash::Purpose;
use policies::rules::entitlement;
use policies::{Approval, KeyId, ListAdd, Statement, Subject, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

pub use super::list_view::{EntryView, ListEntriesView, ListView};
use super::record::append_statement_event;
use super::standing::{Entry, adds, holding};
use super::statement_view::view;
pub use super::statement_view::{StatementApprovalView, StatementView};
use super::{
    Actor, ApprovalError, ListError, MAX_LIMIT, Right, Service, ServiceError, lock_vault, stops,
};
use crate::store::statements::{self, StatementApprovalRow, StatementRow};
use crate::store::withdrawals;

/// Hands in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitStatement {
    /// The canonical JSON text, byte for byte as it is signed.
    pub statement: String,
}

/// Hands in a person's signature under a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveStatement {
    /// `list-add`, `list-remove`, `list-confirm`, `stop`, `release`, `go` or `ack`, as the statement is.
    pub purpose: String,
    /// When the signature ends (unix seconds); a removal never does, and a stop's or an ack's says 0.
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// The id of the person's key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature record in hex.
    pub signature: String,
}

/// Takes a statement in; the same again answers the same. Says whether it is new.
///
/// # Errors
/// Whatever is wrong with the statement, its list, its entry or its time.
pub async fn submit_statement(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SubmitStatement,
) -> Result<(StatementView, bool), ServiceError> {
    actor.require(Right::Approve, vault)?;
    let statement = Statement::decode(request.statement.as_bytes())?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    if statement.entry().is_none() {
        let (answer, new) = stops::submit(service, &mut tx, actor, vault, statement).await?;
        tx.commit().await?;
        return Ok((answer, new));
    }
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let subject = statement.subject();
    if let Some(standing) = statements::lookup(&mut tx, vault, subject).await? {
        return Ok((view(&mut tx, &policy, &standing, now).await?, false));
    }
    let add = entry_of(&mut tx, vault, &statement).await?;
    refuse_useless(&policy, &statement, &add, now)?;
    let row = StatementRow {
        vault,
        subject,
        list: add.list,
        script_pubkey: add.script_pubkey,
        statement,
        stored_at: now,
        stored_by: actor.name.clone(),
        entitled_at: None,
    };
    statements::insert(&mut tx, &row).await?;
    let mut body = body(&row);
    body.insert("text".to_owned(), json!(request.statement));
    append_statement_event(
        &mut tx,
        (row.vault, row.subject),
        "statement.stored",
        body,
        &actor.name,
        now,
    )
    .await?;
    let answer = view(&mut tx, &policy, &row, now).await?;
    tx.commit().await?;
    Ok((answer, true))
}

/// Takes a person's signature under a statement in; what adds nothing to those that stand answers the same.
///
/// # Errors
/// Whatever is wrong with key, purpose, time or signature; [`ListError::NotEntitled`] for a person who
/// may not say it.
pub async fn approve_statement(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    subject: Subject,
    request: &ApproveStatement,
) -> Result<StatementView, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let signature = super::withdrawals::read_signature(&request.signature)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    if let Some(purpose) = stops::purpose_of(&mut tx, vault, subject).await? {
        expect_purpose(purpose, &request.purpose)?;
        let approval = Approval {
            purpose,
            subject,
            expires: request.expires,
            key: request.key,
            signature,
        };
        let answer = stops::approve(service, &mut tx, actor, vault, &approval).await?;
        tx.commit().await?;
        return answer.ok_or_else(|| ListError::UnknownStatement { subject }.into());
    }
    let mut row = statements::lookup(&mut tx, vault, subject)
        .await?
        .ok_or(ListError::UnknownStatement { subject })?;
    let purpose = row.statement.purpose();
    expect_purpose(purpose, &request.purpose)?;
    let approval = Approval {
        purpose,
        subject,
        expires: request.expires,
        key: request.key,
        signature,
    };
    let (approver, public) = policy
        .approver_of_key(approval.key)
        .ok_or(ApprovalError::UnknownApprovalKey { key: approval.key })?;
    approval
        .verify(public, vault)
        .map_err(ApprovalError::ApprovalSignature)?;
    if purpose != Purpose::ListRemove && approval.has_expired(now) {
        return Err(ApprovalError::ApprovalExpired {
            expires: approval.expires,
            now,
        }
        .into());
    }
    let add = entry_of(&mut tx, vault, &row.statement).await?;
    refuse_useless(&policy, &row.statement, &add, now)?;
    let alone = entitlement(
        &policy,
        &row.statement,
        &add,
        std::slice::from_ref(&approval),
        now,
    );
    if alone.is_none_or(|alone| alone.approved_by.is_empty()) {
        return Err(ListError::NotEntitled {
            approver: approver.name.clone(),
            purpose,
        }
        .into());
    }
    let stored = StatementApprovalRow {
        approval,
        approver: approver.name.clone(),
        received_at: now,
    };
    let standing = statements::approvals_of(&mut tx, vault, subject).await?;
    if adds(&standing, &stored.approval)
        && statements::add_approval(&mut tx, vault, &stored).await?
    {
        let mut body = body(&row);
        body.insert("approver".to_owned(), json!(stored.approver));
        body.insert("expires".to_owned(), json!(stored.approval.expires));
        body.insert("key".to_owned(), json!(stored.approval.key));
        append_statement_event(
            &mut tx,
            (row.vault, row.subject),
            "statement.signed",
            body,
            &actor.name,
            now,
        )
        .await?;
        take_effect(&mut tx, &policy, &mut row, &add, now).await?;
    }
    let answer = view(&mut tx, &policy, &row, now).await?;
    tx.commit().await?;
    Ok(answer)
}

fn expect_purpose(expected: Purpose, found: &str) -> Result<(), ServiceError> {
    if found == expected.to_string() {
        return Ok(());
    }
    Err(ListError::StatementPurpose {
        expected,
        found: found.chars().take(40).collect(),
    }
    .into())
}

/// Marks a statement that enough persons have signed.
async fn take_effect(
    tx: &mut Transaction,
    policy: &Policy,
    row: &mut StatementRow,
    add: &ListAdd,
    now: UnixTime,
) -> Result<(), ServiceError> {
    if row.entitled_at.is_some() {
        return Ok(());
    }
    let approvals = holding(tx, row.vault, row.subject, now).await?;
    let Some(entitlement) = entitlement(policy, &row.statement, add, &approvals, now) else {
        return Ok(());
    };
    if entitlement.is_met() {
        statements::set_entitled(tx, row.vault, row.subject, now).await?;
        row.entitled_at = Some(now);
        let mut body = body(row);
        body.insert("approved_by".to_owned(), json!(entitlement.approved_by));
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

/// The statements that enough persons signed, stops first and then newest first, with the signatures: what signers take down.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_statements(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    limit: Option<u32>,
) -> Result<Vec<StatementView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut views = stops::for_signers(&mut tx, &policy, vault, now).await?;
    for row in statements::entitled(&mut tx, vault, limit).await? {
        views.push(view(&mut tx, &policy, &row, now).await?);
    }
    Ok(views)
}

/// One statement with its signatures, whether or not enough persons signed it.
///
/// # Errors
/// [`ListError::UnknownStatement`].
pub async fn show_statement(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    subject: Subject,
) -> Result<StatementView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    if let Some(found) = stops::show(&mut tx, &policy, vault, subject, now).await? {
        return Ok(found);
    }
    let row = statements::lookup(&mut tx, vault, subject)
        .await?
        .ok_or(ListError::UnknownStatement { subject })?;
    view(&mut tx, &policy, &row, now).await
}

/// The lists of a vault's policy.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_lists(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<ListView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    Ok(policy.lists.iter().map(list_view).collect())
}

/// One list with its entries.
///
/// # Errors
/// [`ListError::UnknownList`].
pub async fn show_list(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    name: &str,
    limit: Option<u32>,
) -> Result<ListEntriesView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let list = policy.list(name).ok_or_else(|| ListError::UnknownList {
        list: name.chars().take(40).collect(),
    })?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut entries = Vec::new();
    for row in statements::entries_of(&mut tx, vault, name, limit).await? {
        if let Some(entry) = Entry::read(&mut tx, &policy, row, now).await? {
            entries.push(entry_view(&mut tx, &policy, list, &entry, now).await?);
        }
    }
    Ok(ListEntriesView {
        list: list_view(list),
        entries,
    })
}

pub(super) fn list_view(list: &List) -> ListView {
    let open = list.open.as_ref();
    let test = open.and_then(|open| open.test_first.as_ref());
    ListView {
        list: list.name.clone(),
        in_document: u32::try_from(list.entries.len()).unwrap_or(u32::MAX),
        open: open.is_some(),
        group: open.and_then(|open| open.approvals.group.clone()),
        count: open.map(|open| open.approvals.count),
        delay_s: open.map(|open| open.delay),
        test_first_sat: test.map(|test| test.amount.to_sat()),
        test_first_group: test.map(|test| test.group.clone()),
    }
}

pub(super) async fn entry_view(
    tx: &mut Transaction,
    policy: &Policy,
    list: &List,
    entry: &Entry,
    now: UnixTime,
) -> Result<EntryView, ServiceError> {
    let (state, says) = state_of(tx, list, entry, now).await?;
    let add = &entry.add;
    Ok(EntryView {
        entry: entry.row.subject,
        label: add.label.clone(),
        address: Address::from_script(&add.script_pubkey, policy.network)
            .ok()
            .map(|address| address.to_string()),
        script_pubkey: add.script_pubkey.to_hex_string(),
        state: state.to_owned(),
        says,
        not_before: add.not_before,
        expires: add.expires,
        approved_by: entry.entitlement.approved_by.clone(),
        first_seen: entry.row.entitled_at,
    })
}

/// How an entry stands, in the order in which rules look at it.
async fn state_of(
    tx: &mut Transaction,
    list: &List,
    entry: &Entry,
    now: UnixTime,
) -> Result<(&'static str, String), ServiceError> {
    let (add, asked) = (&entry.add, &entry.entitlement);
    if entry.removed {
        return Ok(("removed", "removed".to_owned()));
    }
    if now >= add.expires {
        return Ok(("expired", format!("expired {}", add.expires)));
    }
    if !asked.is_met() {
        let group =
            (asked.group.as_deref()).map_or_else(String::new, |group| format!(" of {group}"));
        let (found, needed) = (asked.approved_by.len(), asked.needed);
        let says = format!("waiting for approvals: {found} of {needed}{group}");
        return Ok(("waiting_for_approvals", says));
    }
    if now < add.not_before {
        return Ok(("not_yet_valid", format!("valid from {}", add.not_before)));
    }
    let Some(open) = &list.open else {
        return Ok(("in_force", "in force".to_owned()));
    };
    let until = (entry.row.entitled_at.unwrap_or(now)).saturating_add(open.delay);
    if now < until {
        return Ok(("cooling_off", format!("cooling off until {until}")));
    }
    let Some(test) = open.test_first.as_ref().filter(|_| !entry.is_confirmed()) else {
        return Ok(("in_force", "in force".to_owned()));
    };
    let vault = entry.row.vault;
    let paid = withdrawals::ever_batched_to(tx, vault, &add.script_pubkey, 1).await?;
    if paid.is_empty() {
        let most = Amount::to_sat(test.amount);
        let says = format!("one test payment only, at most {most} sat");
        return Ok(("test_payment_only", says));
    }
    let says = format!(
        "awaiting confirmation of the test payment by a person of {}",
        test.group
    );
    Ok(("awaiting_confirmation", says))
}

/// What a statement is about: the addition itself, or the stored one that it names.
pub(super) async fn entry_of(
    tx: &mut Transaction,
    vault: VaultId,
    statement: &Statement,
) -> Result<ListAdd, ServiceError> {
    if let Statement::ListAdd(add) = statement {
        return Ok(add.clone());
    }
    let entry = statement.entry().ok_or_else(|| ListError::NoEntry {
        purpose: statement.purpose(),
    })?;
    match statements::lookup(tx, vault, entry).await? {
        Some(StatementRow {
            statement: Statement::ListAdd(add),
            ..
        }) => Ok(add),
        Some(_) | None => Err(ServiceError::List(ListError::UnknownEntry { entry })),
    }
}

/// Refuses what could never have an effect.
fn refuse_useless(
    policy: &Policy,
    statement: &Statement,
    add: &ListAdd,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let open = (policy.list(&add.list)).and_then(|list| list.open.as_ref());
    let list = add.list.clone();
    let open = open.ok_or_else(|| ListError::ListNotOpen { list: list.clone() })?;
    if matches!(statement, Statement::ListConfirm { .. }) && open.test_first.is_none() {
        return Err(ListError::NothingToConfirm { list }.into());
    }
    if !matches!(statement, Statement::ListRemove { .. }) && now >= add.expires {
        return Err(ListError::EntryExpired {
            expires: add.expires,
            now,
        }
        .into());
    }
    Ok(())
}

fn body(row: &StatementRow) -> Map<String, serde_json::Value> {
    let mut body = Map::new();
    body.insert("entry".to_owned(), json!(row.statement.entry()));
    body.insert("list".to_owned(), json!(row.list));
    body.insert(
        "purpose".to_owned(),
        json!(row.statement.purpose().to_string()),
    );
    body.insert(
        "script_pubkey".to_owned(),
        json!(row.script_pubkey.to_hex_string()),
    );
    body
}
