//! Withdrawals: submitted with the requester's signature, shown, listed, cancelled.

use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{Address, Amount, Script, Txid};
use policies::descriptor::OwnScripts;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::rules::{Decision, Requirement, approving_persons, decide, satisfied};
use policies::{
    Intent, IntentHash, IntentKind, KeyId, Keychain, RequestSignature, RequesterName, Signature,
    UnixTime, VaultId, WithdrawalId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};
use watchtower::store::{coins, scripts};

use super::record::{Cause, WITHDRAWAL, move_withdrawal};
use super::{Actor, MAX_LIMIT, Right, Service, ServiceError, lock_vault};
use crate::session::BatchId;
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{addresses, batches};

/// How far beyond the highest index in use the vault's own scripts are looked for (D6).
const OWN_SCRIPTS_BEYOND: u32 = 1000;

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
}

/// An approval or refusal that counts or counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApprovalView {
    /// `approve` or `reject`.
    pub purpose: String,
    /// The approver's name in the policy.
    pub approver: String,
    /// The key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub received_at: UnixTime,
}

/// What the policy demands for a withdrawal, and who has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NeedsView {
    /// The rule that decides.
    pub rule: String,
    /// The group whose persons count; any approver if none.
    pub group: Option<String>,
    /// Persons demanded; 0 is automatic.
    pub count: u32,
    /// Persons whose approvals count now.
    pub approved_by: Vec<String>,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WithdrawalView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// The intent's hash.
    #[schema(value_type = String)]
    pub intent_hash: IntentHash,
    /// The intent's canonical text, as it was signed.
    pub intent: String,
    /// The key that signed the request.
    #[schema(value_type = String)]
    pub request_key: KeyId,
    /// The request's signature record in hex.
    pub request_signature: String,
    /// The kind of the intent.
    #[schema(value_type = String)]
    pub kind: IntentKind,
    /// The amount.
    pub amount_sat: u64,
    /// The script to pay, in hex.
    pub script_pubkey: String,
    /// The script as an address of the vault's network.
    pub address: Option<String>,
    /// The requester's own words.
    pub reference: String,
    /// When the intent was made (unix seconds).
    #[schema(value_type = u64)]
    pub created: UnixTime,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub submitted_at: UnixTime,
    /// The name of its state.
    pub state: String,
    /// How many events it has had.
    pub version: u64,
    /// What the policy demands; none if the policy denies it by now.
    pub needs: Option<NeedsView>,
    /// Approvals and refusals.
    pub approvals: Vec<ApprovalView>,
    /// Its batch.
    #[schema(value_type = Option<String>)]
    pub batch: Option<BatchId>,
    /// The transaction that pays it.
    #[schema(value_type = Option<String>)]
    pub txid: Option<Txid>,
    /// The height of the block that confirms it.
    pub height: Option<u32>,
    /// The settled transaction that made it fail.
    #[schema(value_type = Option<String>)]
    pub failed_by: Option<Txid>,
}

/// Takes a withdrawal in. The same body again answers the same; says whether it is new.
///
/// # Errors
/// Whatever is wrong with the intent, its signature, its time, its destination, its amount or the
/// balance; [`ServiceError::IdReused`] for another body under the same id. Nothing is stored then.
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
            return Ok((view(&mut tx, &policy, &standing, now).await?, false));
        }
        return Err(ServiceError::IdReused {
            requester: key.requester,
            id: key.id,
        });
    }
    check_terms(&mut tx, &row, &policy, &intent, now).await?;
    let requirement = match decide(&policy, &intent) {
        Decision::Denied(reason) => return Err(ServiceError::Denied(reason)),
        Decision::Needs(requirement) => requirement,
    };
    let available = available(&mut tx, &row).await?;
    if intent.amount > available {
        return Err(ServiceError::InsufficientFunds {
            available,
            wanted: intent.amount,
        });
    }
    let mut withdrawal = WithdrawalRow {
        key,
        hash,
        bytes: bytes.to_vec(),
        intent,
        request: signature,
        state: WithdrawalState::Requested,
        version: 1,
        submitted_at: now,
    };
    withdrawals::insert(&mut tx, &withdrawal).await?;
    append_requested(&mut tx, &withdrawal, actor, now).await?;
    let cause = Cause {
        actor: &actor.name,
        reason: "",
        at: now,
    };
    approve_if_satisfied(&mut tx, &policy, &mut withdrawal, &requirement, cause).await?;
    let answer = view(&mut tx, &policy, &withdrawal, now).await?;
    tx.commit().await?;
    Ok((answer, true))
}

/// Cancels a withdrawal that no attempt pays yet; cancelling it again answers the same.
///
/// # Errors
/// [`ServiceError::NotCancellable`] once it is batched or over.
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
    let mut row = existing(&mut tx, key).await?;
    match row.state {
        WithdrawalState::Cancelled => {}
        WithdrawalState::Requested | WithdrawalState::Approved { .. } => {
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
        | WithdrawalState::Settled { .. }
        | WithdrawalState::Failed { .. } => {
            return Err(ServiceError::NotCancellable {
                requester: row.key.requester,
                id: row.key.id,
                state: row.state.name(),
            });
        }
    }
    let answer = view(&mut tx, &policy, &row, now).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One withdrawal.
///
/// # Errors
/// [`ServiceError::UnknownWithdrawal`].
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

/// The withdrawals of a vault, newest first; those of one state, if one is named.
///
/// # Errors
/// [`ServiceError::UnknownVault`].
pub async fn list_withdrawals(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    state: Option<&str>,
    limit: Option<u32>,
) -> Result<Vec<WithdrawalView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let mut views = Vec::new();
    for row in withdrawals::list(&mut tx, vault, state, limit).await? {
        views.push(view(&mut tx, &policy, &row, service.now()).await?);
    }
    Ok(views)
}

/// What may still be promised: settled coins that nothing spends or holds, less what is promised.
pub(super) async fn available(
    tx: &mut Transaction,
    vault: &VaultRow,
) -> Result<Amount, ServiceError> {
    let reserved = batches::reserved(tx, vault.id).await?;
    let free = coins::spendable_coins(tx, vault.id, vault.keyset)
        .await?
        .iter()
        .filter(|spendable| !reserved.contains(&spendable.coin.outpoint))
        .try_fold(Amount::ZERO, |sum, spendable| {
            sum.checked_add(spendable.coin.amount)
        })
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

/// Moves a requested withdrawal on if the rule that decides it is satisfied.
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
    withdrawals::lookup(tx, key)
        .await?
        .ok_or_else(|| ServiceError::UnknownWithdrawal {
            requester: key.requester.clone(),
            id: key.id.clone(),
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

fn verify_request(
    policy: &Policy,
    vault: VaultId,
    intent: &Intent,
    hash: IntentHash,
    request: &RequestSignature,
) -> Result<(), ServiceError> {
    if intent.vault != vault {
        return Err(ServiceError::OtherVault {
            expected: vault,
            found: intent.vault,
        });
    }
    let (owner, public) = policy
        .requester_of_key(request.key)
        .ok_or(ServiceError::UnknownRequestKey { key: request.key })?;
    if owner.name != intent.requester.as_str() {
        return Err(ServiceError::OtherRequester {
            key: request.key,
            owner: owner.name.clone(),
            requester: intent.requester.clone(),
        });
    }
    request
        .verify(public, vault, hash)
        .map_err(ServiceError::RequestSignature)
}

/// What a new intent must meet beside its signature and the rules.
async fn check_terms(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    intent: &Intent,
    now: UnixTime,
) -> Result<(), ServiceError> {
    if intent.keyset != vault.keyset {
        return Err(ServiceError::OtherKeyset {
            expected: vault.keyset,
            found: intent.keyset,
        });
    }
    if intent.expires <= now {
        return Err(ServiceError::IntentExpired {
            expires: intent.expires,
            now,
        });
    }
    let latest = now.saturating_add(policy.limits.clock_skew);
    if intent.created > latest {
        return Err(ServiceError::IntentFromTheFuture {
            created: intent.created,
            latest,
        });
    }
    super::error::refuse_kinds_not_yet_built(intent.kind)?;
    if intent.replaces.is_some() {
        return Err(ServiceError::NotYet {
            what: "an intent that replaces another",
        });
    }
    if let Some(repeated) = &intent.repeats {
        let key = WithdrawalKey {
            vault: vault.id,
            requester: intent.requester.clone(),
            id: repeated.clone(),
        };
        existing(tx, &key).await?;
    }
    check_destination(&intent.script_pubkey, intent.amount)?;
    let own = is_own(tx, vault, policy, &intent.script_pubkey).await?;
    if own && intent.kind != IntentKind::Transfer {
        return Err(ServiceError::OwnScript);
    }
    Ok(())
}

/// The scripts that withdrawals may pay, and the least amount for each.
fn check_destination(script: &Script, amount: Amount) -> Result<(), ServiceError> {
    let allowed = script.is_p2pkh()
        || script.is_p2sh()
        || script.is_p2wpkh()
        || script.is_p2wsh()
        || script.is_p2tr();
    if !allowed {
        return Err(ServiceError::ScriptNotAllowed {
            script: script.to_owned(),
        });
    }
    let minimum = script.minimal_non_dust();
    if amount < minimum {
        return Err(ServiceError::Dust { amount, minimum });
    }
    Ok(())
}

async fn is_own(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    script: &Script,
) -> Result<bool, ServiceError> {
    if scripts::watched_script(tx, script)
        .await?
        .is_some_and(|watched| watched.vault == vault.id)
    {
        return Ok(true);
    }
    let mut highest = 0;
    for keychain in Keychain::BOTH {
        highest = highest.max(addresses::next_index(tx, vault.keyset, keychain).await?);
    }
    let upto = highest.saturating_add(OWN_SCRIPTS_BEYOND);
    Ok(OwnScripts::new(&policy.descriptor, upto).contains(script))
}

async fn append_requested(
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

pub(super) async fn view(
    tx: &mut Transaction,
    policy: &Policy,
    row: &WithdrawalRow,
    now: UnixTime,
) -> Result<WithdrawalView, ServiceError> {
    let approvals = approvals::of_intent(tx, row.hash).await?;
    let needs = match decide(policy, &row.intent) {
        Decision::Denied(_) => None,
        Decision::Needs(requirement) => {
            let keys = approving_keys(&approvals, now);
            let approved_by = approving_persons(policy, &requirement, &row.intent, &keys);
            Some(NeedsView {
                rule: requirement.rule,
                group: requirement.group,
                count: requirement.count,
                approved_by,
            })
        }
    };
    let (height, failed_by) = match &row.state {
        WithdrawalState::Confirmed { height, .. } | WithdrawalState::Settled { height, .. } => {
            (Some(*height), None)
        }
        WithdrawalState::Failed { by, .. } => (None, Some(*by)),
        WithdrawalState::Requested
        | WithdrawalState::Approved { .. }
        | WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled
        | WithdrawalState::Batched { .. }
        | WithdrawalState::Signing { .. }
        | WithdrawalState::Broadcast { .. } => (None, None),
    };
    Ok(WithdrawalView {
        vault: row.key.vault,
        requester: row.key.requester.clone(),
        id: row.key.id.clone(),
        intent_hash: row.hash,
        intent: String::from_utf8_lossy(&row.bytes).into_owned(),
        request_key: row.request.key,
        request_signature: row.request.signature.encode().to_lower_hex_string(),
        kind: row.intent.kind,
        amount_sat: row.intent.amount.to_sat(),
        script_pubkey: row.intent.script_pubkey.to_hex_string(),
        address: Address::from_script(&row.intent.script_pubkey, policy.network)
            .ok()
            .map(|address| address.to_string()),
        reference: row.intent.reference.clone(),
        created: row.intent.created,
        expires: row.intent.expires,
        submitted_at: row.submitted_at,
        state: row.state.name().to_owned(),
        version: row.version,
        needs,
        approvals: approvals.iter().map(approval_view).collect(),
        batch: row.state.batch(),
        txid: row.state.attempt(),
        height,
        failed_by,
    })
}

fn approval_view(row: &ApprovalRow) -> ApprovalView {
    ApprovalView {
        purpose: row.approval.purpose.to_string(),
        approver: row.approver.clone(),
        key: row.approval.key,
        expires: row.approval.expires,
        received_at: row.received_at,
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::ScriptBuf;
    use bitcoin::hex::FromHex;

    use super::*;

    fn script(hex: &str) -> ScriptBuf {
        ScriptBuf::from_bytes(Vec::from_hex(hex).expect("hex"))
    }

    #[test]
    fn only_common_scripts_are_paid() {
        let amount = Amount::from_sat(100_000);
        let refused = [
            "6a0474657374".to_owned(),          // OP_RETURN
            "51024e73".to_owned(),              // P2A: anyone can spend it
            format!("5220{}", "11".repeat(32)), // witness version 2
            format!("6020{}", "11".repeat(32)), // witness version 16
            format!("0010{}", "11".repeat(16)), // version 0 of another length
            format!("5102{}", "11".repeat(2)),  // version 1 of another length
            format!("21{}ac", "02".repeat(33)), // p2pk
        ];
        for hex in refused {
            assert!(
                matches!(
                    check_destination(&script(&hex), amount),
                    Err(ServiceError::ScriptNotAllowed { .. })
                ),
                "{hex}"
            );
        }
        let paid = [
            format!("0014{}", "11".repeat(20)),
            format!("0020{}", "11".repeat(32)),
            format!("5120{}", "11".repeat(32)),
            format!("76a914{}88ac", "11".repeat(20)),
            format!("a914{}87", "11".repeat(20)),
        ];
        for hex in paid {
            check_destination(&script(&hex), amount).expect("paid");
        }
    }

    #[test]
    fn dust_is_refused_by_the_least_of_its_script() {
        let p2wpkh = script(&format!("0014{}", "11".repeat(20)));
        check_destination(&p2wpkh, Amount::from_sat(294)).expect("the least");
        assert!(matches!(
            check_destination(&p2wpkh, Amount::from_sat(293)),
            Err(ServiceError::Dust { minimum, .. }) if minimum == Amount::from_sat(294)
        ));
    }
}
