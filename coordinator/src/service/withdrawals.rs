//! Withdrawals: submitted with the requester's signature, shown, listed, cancelled.

use std::collections::BTreeSet;

use bitcoin::hex::FromHex;
use bitcoin::{Amount, OutPoint};
use policies::document::Policy;
use policies::hash::Purpose;
use policies::planted::steps::{Moment, Step, reach};
use policies::rules::{Decision, Requirement, decide, satisfied};
use policies::{Intent, IntentHash, KeyId, RequestSignature, Signature, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::coins;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::queue::{ChangeSpeed, say_speed};
use super::record::{Cause, WITHDRAWAL, move_withdrawal};
use super::standing::Known;
use super::terms::{check_terms, verify_request};
pub use super::withdrawal_view::{ApprovalView, NeedsView, WithdrawalView};
use super::withdrawal_view::{view, view_by};
use super::{Actor, MAX_LIMIT, Right, Role, Service, ServiceError, WithdrawalError, lock_vault};
use crate::queue::Speed;
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{coin_marks, reservations};

/// Submits a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitWithdrawal {
    /// The intent: the canonical JSON text, byte for byte as it was signed.
    pub intent: String,
    /// The id of the requester's key (64 hex digits).
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature record in hex: algorithm byte and signature.
    pub signature: String,
    /// How fast it is to be paid; `normal` unless said. Not part of what is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// The latest time at which it should be paid (unix seconds). Not part of what is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub latest: Option<UnixTime>,
}

/// Takes a withdrawal in. The same body again answers the same; says whether it is new.
///
/// # Errors
/// Whatever is wrong with the intent, its signature, its time, its destination, its amount or the
/// balance; [`WithdrawalError::IdReused`] for another body under the same id. Nothing is stored then.
pub async fn submit_withdrawal(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SubmitWithdrawal,
) -> Result<(WithdrawalView, bool), ServiceError> {
    actor.require(Right::Submit, vault)?;
    let bytes = request.intent.as_bytes();
    let intent = Intent::decode(bytes)?;
    let hash = Intent::hash_bytes(bytes);
    let signature = RequestSignature {
        key: request.key,
        signature: read_signature(&request.signature)?,
    };
    let now = service.now();

    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    verify_request(&policy, vault, &intent, hash, &signature)?;
    let key = WithdrawalKey {
        vault,
        requester: intent.requester.clone(),
        id: intent.id.clone(),
    };
    if let Some(standing) = withdrawals::lookup(&mut tx, &key).await? {
        if standing.bytes == bytes {
            if standing.request.is_none() {
                return complete_request(tx, &policy, standing, &signature, actor, now).await;
            }
            return Ok((view(&mut tx, &policy, &standing, now).await?, false));
        }
        return Err(WithdrawalError::IdReused {
            requester: key.requester,
            id: key.id,
        }
        .into());
    }
    check_terms(&mut tx, &row, &policy, &intent, now).await?;
    if let Some(other) = withdrawals::equal_payment(&mut tx, vault, &intent).await? {
        return Err(WithdrawalError::EqualPayment {
            requester: other.requester,
            id: other.id,
        }
        .into());
    }
    let known = Known::load(&mut tx, vault, &policy, &[&intent], now, now).await?;
    let requirement = match decide(&policy, &intent, &known.standing()) {
        Decision::Denied(reason) => return Err(WithdrawalError::Denied(reason).into()),
        Decision::Needs(requirement) => requirement,
    };
    let available = available(&mut tx, &row).await?;
    if intent.amount > available {
        return Err(WithdrawalError::InsufficientFunds {
            available,
            wanted: intent.amount,
        }
        .into());
    }
    let mut withdrawal = WithdrawalRow {
        key,
        hash,
        bytes: bytes.to_vec(),
        intent,
        request: Some(signature),
        state: WithdrawalState::Requested,
        version: 1,
        submitted_at: now,
    };
    reach(Step::Promise, Moment::Before);
    withdrawals::insert(&mut tx, &withdrawal).await?;
    reach(Step::Promise, Moment::After);
    append_requested(&mut tx, &withdrawal, actor, now).await?;
    if request.speed.is_some() || request.latest.is_some() {
        let speed = request.speed.unwrap_or_default();
        let latest = request.latest;
        let said = ChangeSpeed { speed, latest };
        say_speed(&mut tx, &withdrawal.key, said, &actor.name, now).await?;
    }
    let cause = Cause {
        actor: &actor.name,
        reason: "",
        at: now,
    };
    approve_if_satisfied(&mut tx, &policy, &mut withdrawal, &requirement, cause).await?;
    let answer = view(&mut tx, &policy, &withdrawal, now).await?;
    tx.mark(Step::Request);
    tx.commit().await?;
    Ok((answer, true))
}

/// Keeps the signature of a withdrawal that only a journal knew until now, or that was held after a rebuilding:
/// its requester asks for it, so that the rules decide it.
async fn complete_request(
    mut tx: Transaction,
    policy: &Policy,
    mut standing: WithdrawalRow,
    signature: &RequestSignature,
    actor: &Actor,
    now: UnixTime,
) -> Result<(WithdrawalView, bool), ServiceError> {
    withdrawals::set_request(&mut tx, &standing.key, signature).await?;
    standing.request = Some(signature.clone());
    if standing.state == WithdrawalState::Requested && standing.intent.expires > now {
        let vault = standing.key.vault;
        let known = Known::load(&mut tx, vault, policy, &[&standing.intent], now, now).await?;
        if let Decision::Needs(requirement) = decide(policy, &standing.intent, &known.standing()) {
            let cause = Cause {
                actor: &actor.name,
                reason: "its request was submitted again",
                at: now,
            };
            approve_if_satisfied(&mut tx, policy, &mut standing, &requirement, cause).await?;
        }
    }
    let answer = view(&mut tx, policy, &standing, now).await?;
    tx.commit().await?;
    Ok((answer, false))
}

/// Cancels a withdrawal that no attempt pays yet, or none can pay any more since a settled transaction
/// excludes them all; cancelling it again answers the same.
///
/// # Errors
/// [`WithdrawalError::NotOwn`] for a requester who did not ask for it; [`WithdrawalError::NotCancellable`] once it is
/// batched or over.
pub async fn cancel_withdrawal(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
    reason: &str,
) -> Result<WithdrawalView, ServiceError> {
    actor.require(Right::Submit, key.vault)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, key.vault).await?;
    let (_, policy) = service.vault(&mut tx, key.vault).await?;
    expect_own(&policy, actor, key)?;
    let mut row = existing(&mut tx, key).await?;
    match row.state {
        WithdrawalState::Cancelled => {}
        WithdrawalState::Requested
        | WithdrawalState::Approved { .. }
        | WithdrawalState::Failed { .. } => {
            let cause = Cause {
                actor: &actor.name,
                reason,
                at: now,
            };
            move_withdrawal(&mut tx, &mut row, &WithdrawalEvent::Cancelled, cause).await?;
        }
        WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Batched { .. }
        | WithdrawalState::Signing { .. }
        | WithdrawalState::Broadcast { .. }
        | WithdrawalState::Confirmed { .. }
        | WithdrawalState::Settled { .. } => {
            return Err(WithdrawalError::NotCancellable {
                requester: row.key.requester,
                id: row.key.id,
                state: row.state.name(),
            }
            .into());
        }
    }
    let answer = view(&mut tx, &policy, &row, now).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Whether the actor may take a withdrawal back, as far as that is a question of who asked for it.
///
/// # Errors
/// On a database failure.
pub(crate) async fn may_cancel(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
) -> Result<bool, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, key.vault).await?;
    let may = actor.require(Right::Submit, key.vault).is_ok();
    Ok(may && expect_own(&policy, actor, key).is_ok())
}

/// Refuses to let a requester take back what others asked for. A person is the requesters that the policy names for
/// that person, a token the requester whose name it bears; operators take back for all.
fn expect_own(policy: &Policy, actor: &Actor, key: &WithdrawalKey) -> Result<(), ServiceError> {
    let is_own = policy.requesters.iter().any(|requester| {
        let behind = requester.name == actor.name || requester.person == actor.name;
        behind && requester.name == key.requester.as_str()
    });
    if actor.role == Role::Operator || is_own {
        return Ok(());
    }
    let requester = key.requester.clone();
    Err(WithdrawalError::NotOwn { requester }.into())
}

/// One withdrawal.
///
/// # Errors
/// [`WithdrawalError::UnknownWithdrawal`].
pub async fn show_withdrawal(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
) -> Result<WithdrawalView, ServiceError> {
    actor.require(Right::Read, key.vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, key.vault).await?;
    let row = existing(&mut tx, key).await?;
    view(&mut tx, &policy, &row, service.now()).await
}

/// The withdrawal of an intent.
///
/// # Errors
/// [`WithdrawalError::UnknownIntent`], also for an intent of another vault.
pub async fn show_intent(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    intent: IntentHash,
) -> Result<WithdrawalView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let row = withdrawals::by_intent(&mut tx, intent)
        .await?
        .filter(|row| row.key.vault == vault)
        .ok_or(WithdrawalError::UnknownIntent { intent })?;
    view(&mut tx, &policy, &row, service.now()).await
}

/// The withdrawals of a vault, newest first; those of one state, if one is named.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ServiceError::UnknownState`].
pub async fn list_withdrawals(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    state: Option<&str>,
    limit: Option<u32>,
) -> Result<Vec<WithdrawalView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    super::expect_state(state, &WithdrawalState::NAMES)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut views = Vec::new();
    let now = service.now();
    let rows = withdrawals::list(&mut tx, vault, state, limit).await?;
    let intents: Vec<&Intent> = rows.iter().map(|row| &row.intent).collect();
    let known = Known::load(&mut tx, vault, &policy, &intents, now, now).await?;
    for row in &rows {
        views.push(view_by(&mut tx, &policy, row, now, &known).await?);
    }
    Ok(views)
}

/// What may still be promised: settled coins that nothing spends or holds and nobody froze, less what is promised.
pub(super) async fn available(
    tx: &mut Transaction,
    vault: &VaultRow,
) -> Result<Amount, ServiceError> {
    let reserved = reservations::reserved(tx, vault.id).await?;
    let reserved: BTreeSet<OutPoint> = reserved.into_iter().collect();
    let frozen = coin_marks::frozen(tx, vault.id).await?;
    let free = coins::spendable(tx, vault.id, vault.keychain)
        .await?
        .iter()
        .filter(|coin| !reserved.contains(&coin.outpoint) && !frozen.contains(&coin.outpoint))
        .try_fold(Amount::ZERO, |sum, coin| sum.checked_add(coin.amount))
        .unwrap_or(Amount::MAX_MONEY);
    let promised = withdrawals::promised(tx, vault.id).await?;
    Ok(free.checked_sub(promised).unwrap_or(Amount::ZERO))
}

/// Expires up to `limit` withdrawals whose time ran out; says how many.
pub(crate) async fn expire_overdue(
    tx: &mut Transaction,
    now: UnixTime,
    limit: u32,
) -> Result<usize, ServiceError> {
    let mut overdue = withdrawals::overdue(tx, now, limit).await?;
    for row in &mut overdue {
        let cause = Cause {
            actor: "coordinator",
            reason: "its time ran out",
            at: now,
        };
        move_withdrawal(tx, row, &WithdrawalEvent::Expired, cause).await?;
    }
    Ok(overdue.len())
}

/// The keys whose unexpired approvals the withdrawal has.
pub(super) fn approving_keys(approvals: &[ApprovalRow], now: UnixTime) -> Vec<KeyId> {
    approvals
        .iter()
        .filter(|row| row.approval.purpose == Purpose::Approve && !row.approval.has_expired(now))
        .map(|row| row.approval.key)
        .collect()
}

/// Moves a requested withdrawal on if the rule that decides it is satisfied, and its request is at hand: without
/// it nobody asks for the payment.
pub(super) async fn approve_if_satisfied(
    tx: &mut Transaction,
    policy: &Policy,
    row: &mut WithdrawalRow,
    requirement: &Requirement,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let approvals = approvals::of_intent(tx, row.hash).await?;
    let keys = approving_keys(&approvals, cause.at);
    if row.state == WithdrawalState::Requested
        && row.request.is_some()
        && satisfied(policy, requirement, &row.intent, &keys).is_ok()
    {
        let event = WithdrawalEvent::Approved {
            rule: requirement.rule.clone(),
        };
        move_withdrawal(tx, row, &event, cause).await?;
    }
    Ok(())
}

pub(super) async fn existing(
    tx: &mut Transaction,
    key: &WithdrawalKey,
) -> Result<WithdrawalRow, ServiceError> {
    withdrawals::lookup(tx, key).await?.ok_or_else(|| {
        ServiceError::Withdrawal(WithdrawalError::UnknownWithdrawal {
            requester: key.requester.clone(),
            id: key.id.clone(),
        })
    })
}

/// Reads a signature record in hex.
pub(super) fn read_signature(text: &str) -> Result<Signature, ServiceError> {
    let malformed = ServiceError::Malformed {
        field: "signature",
        expected: "a signature record in hex: 01 and 64 bytes",
    };
    let Ok(bytes) = Vec::<u8>::from_hex(text) else {
        return Err(malformed);
    };
    Signature::decode(&bytes).map_err(|_| malformed)
}

pub(super) async fn append_requested(
    tx: &mut Transaction,
    row: &WithdrawalRow,
    actor: &Actor,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("amount_sat".to_owned(), json!(row.intent.amount.to_sat()));
    body.insert("id".to_owned(), json!(row.key.id));
    body.insert("intent".to_owned(), json!(row.hash));
    body.insert("requester".to_owned(), json!(row.key.requester));
    body.insert(
        "script_pubkey".to_owned(),
        json!(row.intent.script_pubkey.to_hex_string()),
    );
    body.insert(
        "text".to_owned(),
        Value::String(String::from_utf8_lossy(&row.bytes).into_owned()),
    );
    let object = row.key.to_string();
    let version = events::append(
        tx,
        &NewEvent {
            object_kind: WITHDRAWAL,
            object_id: &object,
            kind: "withdrawal.requested",
            vault: Some(row.key.vault),
            body,
            actor: &actor.name,
            reason: &row.intent.reference,
            at: now,
        },
    )
    .await?;
    if version == row.version {
        Ok(())
    } else {
        Err(ServiceError::VersionsDiffer {
            object,
            version: row.version,
            events: version,
        })
    }
}
