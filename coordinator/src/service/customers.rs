//! Customers: where an operator says that external references are accounts, none is paid on while it is below 0.
//!
//! What a reference has is what the ledger says: its settled deposits less what was paid out in its name. It falls below
//! 0 where a reorg takes a deposit back after the money was paid on. Invariant: while it is, and nobody let it go, no
//! new attempt pays a withdrawal that bears it; attempts that were issued before go on, since they can be signed at
//! any time. No signer knows of this.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::alarm::AlarmKind;
use watchtower::ledger::Account;
use watchtower::store::alarms::{self, NewAlarm};
use watchtower::store::database::Transaction;
use watchtower::store::events::Event;
use watchtower::store::ledger;

use super::books::begin;
use super::record::{Cause, append_event};
use super::said_of_vault::{Saying, reason};
use super::{Actor, BooksError, Right, Service, ServiceError};
use crate::store::customers::{self, BooksRow, Release};
use crate::store::{payments, withdrawals};

/// Whether a vault's references are accounts, and which of them are below 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomersView {
    /// Whether external references are accounts of customers.
    pub references_are_accounts: bool,
    /// When that was said (unix seconds); null where nobody said anything.
    #[schema(value_type = Option<u64>)]
    pub set_at: Option<UnixTime>,
    /// By whom.
    pub set_by: Option<String>,
    /// The references that are below 0, by name.
    pub negative: Vec<NegativeView>,
}

/// A reference that is below 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NegativeView {
    /// The reference.
    pub reference: String,
    /// Settled deposits less payments: below 0.
    pub balance_sat: i64,
    /// Since when (unix seconds).
    #[schema(value_type = u64)]
    pub since: UnixTime,
    /// Whether its withdrawals wait.
    pub held: bool,
    /// Who let them go.
    pub released_by: Option<String>,
    /// Why.
    pub release_reason: Option<String>,
}

/// Says whether external references are accounts of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCustomers {
    /// Whether they are.
    pub references_are_accounts: bool,
}

/// Lets the withdrawals of a reference go although it is below 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCustomer {
    /// The reference.
    pub reference: String,
    /// Why: one line of at most 200 characters.
    pub reason: String,
}

/// Whether a vault's references are accounts, and which of them are below 0.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_customers(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<CustomersView, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    view(&mut tx, vault).await
}

async fn view(tx: &mut Transaction, vault: VaultId) -> Result<CustomersView, ServiceError> {
    let settings = customers::settings(tx, vault).await?;
    let mut negative = Vec::new();
    for row in customers::open(tx, vault).await? {
        negative.push(NegativeView {
            balance_sat: balance_of(tx, vault, &row.reference).await?,
            since: row.opened_at,
            held: row.released.is_none(),
            released_by: row.released.as_ref().map(|release| release.by.clone()),
            release_reason: row.released.map(|release| release.reason),
            reference: row.reference,
        });
    }
    let are_accounts = (settings.as_ref()).is_some_and(|row| row.references_are_accounts);
    let (set_at, set_by) = settings.map(|row| (row.said.at, row.said.by)).unzip();
    Ok(CustomersView {
        references_are_accounts: are_accounts,
        set_at,
        set_by,
        negative,
    })
}

/// Says whether external references are accounts of customers: from then on, those below 0 are held, or none is.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn set_customers(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SetCustomers,
) -> Result<CustomersView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    let before = customers::settings(&mut saying.tx, vault).await?;
    let accounts = request.references_are_accounts;
    if before.is_some_and(|row| row.references_are_accounts) != accounts {
        let row = BooksRow {
            references_are_accounts: accounts,
            said: saying.said(),
        };
        customers::set(&mut saying.tx, vault, &row).await?;
        let body = json!({ "references_are_accounts": accounts });
        saying.tell("vault.customers-set", body).await?;
        let balances = ledger::balances(&mut saying.tx, vault).await?;
        let all: BTreeSet<String> = (balances.iter())
            .map(|balance| balance.account.reference().to_owned())
            .collect();
        watch(&mut saying.tx, vault, &all, saying.now).await?;
    }
    let view = view(&mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

/// Lets the withdrawals of a reference go although it is below 0, until it is even again.
///
/// # Errors
/// [`BooksError::NotNegative`]; [`ServiceError::Malformed`] for a reason that is missing or too long.
pub async fn release_customer(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &ReleaseCustomer,
) -> Result<CustomersView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let reason = reason(&request.reason)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    let reference = request.reference.as_str();
    let release = Release {
        at: saying.now,
        by: actor.name.clone(),
        reason: reason.to_owned(),
    };
    if !customers::release(&mut saying.tx, vault, reference, &release).await? {
        return Err(BooksError::NotNegative {
            reference: reference.chars().take(80).collect(),
        }
        .into());
    }
    let balance = balance_of(&mut saying.tx, vault, reference).await?;
    let (kind, cause) = ("customer.released", saying.cause(reason));
    tell(&mut saying.tx, (vault, reference), kind, balance, cause).await?;
    let view = view(&mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

/// The references that an event of the watchtower moves.
pub(crate) async fn touched_by(
    tx: &mut Transaction,
    event: &Event,
) -> Result<BTreeSet<String>, ServiceError> {
    match event.kind.as_str() {
        "deposit.settled" | "deposit.reversed" => {
            let reference = event.body.get("reference").and_then(Value::as_str);
            Ok(reference.map(str::to_owned).into_iter().collect())
        }
        "spend.confirmed" | "spend.reorged" => match event.object_id.parse() {
            Ok(txid) => paid_by(tx, txid).await,
            Err(_) => Ok(BTreeSet::new()),
        },
        _ => Ok(BTreeSet::new()),
    }
}

/// The references in whose names an attempt pays.
pub(crate) async fn paid_by(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<BTreeSet<String>, ServiceError> {
    let mut references = BTreeSet::new();
    for key in payments::of_attempt(tx, txid).await? {
        if let Some(row) = withdrawals::lookup(tx, &key).await? {
            references.insert(row.intent.reference);
        }
    }
    Ok(references)
}

/// Looks at references whose accounts were moved: tells of each that fell below 0, and of each that is even again.
/// Call it under the vault's lock.
pub(crate) async fn watch(
    tx: &mut Transaction,
    vault: VaultId,
    references: &BTreeSet<String>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let settings = customers::settings(tx, vault).await?;
    let are_accounts = settings.is_some_and(|row| row.references_are_accounts);
    for reference in references.iter().filter(|reference| !reference.is_empty()) {
        let open = customers::of_reference(tx, vault, reference).await?;
        if !are_accounts && open.is_none() {
            continue;
        }
        let balance = balance_of(tx, vault, reference).await?;
        let cause = Cause::by("coordinator", now);
        let is_negative = are_accounts && balance < 0;
        if is_negative && open.is_none() {
            customers::begin(tx, vault, reference, balance, now).await?;
            tell(tx, (vault, reference), "customer.negative", balance, cause).await?;
            let words = format!(
                "{reference} was paid {} sat more than came in under it",
                balance.unsigned_abs()
            );
            let alarm = NewAlarm {
                kind: AlarmKind::CustomerNegative,
                subject: &subject(vault, reference),
                vault: Some(vault),
                detail: &words,
                actor: cause.actor,
                at: now,
            };
            alarms::raise(tx, &alarm).await?;
        } else if !is_negative && open.is_some() {
            customers::end(tx, vault, reference, now).await?;
            tell(tx, (vault, reference), "customer.even", balance, cause).await?;
            let (subject, why) = (subject(vault, reference), "it is even again");
            let alarm = (AlarmKind::CustomerNegative, subject.as_str());
            alarms::end(tx, alarm, cause.actor, why, now).await?;
        }
    }
    Ok(())
}

/// The references of a vault for whose withdrawals no new attempt is made.
pub(super) async fn held(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeSet<String>, ServiceError> {
    let open = customers::open(tx, vault).await?.into_iter();
    let held = open.filter(|row| row.released.is_none());
    Ok(held.map(|row| row.reference).collect())
}

/// Settled deposits under a reference less what was paid out in its name, in satoshi.
pub(super) async fn balance_of(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
) -> Result<i64, ServiceError> {
    let name = || Some(reference.to_owned());
    let deposits = ledger::balance_of(tx, vault, &Account::DepositsSettled(name())).await?;
    let payments = ledger::balance_of(tx, vault, &Account::Withdrawals(name())).await?;
    // Both nets are debits less credits.
    let net = deposits.to_sat().saturating_add(payments.to_sat());
    Ok(net.saturating_neg())
}

/// What alarms and events call it.
fn subject(vault: VaultId, reference: &str) -> String {
    format!("{vault}/{reference}")
}

async fn tell(
    tx: &mut Transaction,
    (vault, reference): (VaultId, &str),
    kind: &str,
    balance_sat: i64,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("balance_sat".to_owned(), json!(balance_sat));
    body.insert("reference".to_owned(), json!(reference));
    let id = subject(vault, reference);
    append_event(tx, vault, ("customer", &id), kind, body, cause).await
}
