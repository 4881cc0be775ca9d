//! Putting a next version in force: what becomes of everything that is open under the one before.
//!
//! A version that alters rules alone comes in force by itself once its delay is over here; one that alters keys
//! only by command, since it cancels what was not signed by then. Signers decide for themselves, by their own
//! clocks. Invariant: forwards only, one successor each, and nothing else changes in the database transaction in
//! which it is adopted than what it means for open withdrawals, keysets and marks.

use policies::document::Policy;
use policies::rules::{Decision, decide, satisfied};
use policies::succession::Step;
use policies::{Intent, Keyset, PolicyId, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::record::{Cause, append_vault_event, move_withdrawal};
use super::standing::Known;
use super::version_view::{Judged, stays, step_name};
use super::versions::{append, is_disputed, judged};
use super::withdrawals::{approve_if_satisfied, approving_keys};
use super::{Actor, Right, Service, ServiceError, VaultError, VersionError, lock_vault};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::vaults::{self, VaultRow};
use crate::store::withdrawals::{self, WithdrawalRow};
use crate::store::{addresses, approvals, proposals, signer_marks};

/// Puts a version in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// Whether only to say what would be done.
    #[serde(default)]
    pub preview: bool,
}

/// What putting a version in force means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdoptionView {
    /// The version.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// Its number.
    pub version: u32,
    /// Its keyset.
    #[schema(value_type = String)]
    pub keyset: Keyset,
    /// `rules` or `keyset`: what it alters.
    pub step: String,
    /// Whether it is in force now.
    pub in_force: bool,
    /// What becomes of each withdrawal that is open.
    pub withdrawals: Vec<OpenWithdrawalView>,
    /// All of it in words.
    pub says: String,
}

/// What becomes of an open withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenWithdrawalView {
    /// The requester.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// Its id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// Its state before.
    pub state: String,
    /// `stays`, `needs_approvals`, `denied`, `cancelled`, `settles` or `cancelled_on_chain`.
    pub fate: String,
    /// The same in words.
    pub says: String,
}

/// Puts a version in force whose quorum is there and whose delay is over; again, it answers the same.
///
/// # Errors
/// [`VersionError::UnknownVersion`], [`VersionError::Superseded`], [`VersionError::TooFewApprovals`],
/// [`VersionError::NotRipe`].
pub async fn adopt_version(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    policy: PolicyId,
    request: &Adopt,
) -> Result<AdoptionView, ServiceError> {
    actor.require(Right::ChangePolicy, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let judged = judged(service, &mut tx, policy, now).await?;
    if judged.row.vault != vault {
        return Err(VersionError::UnknownVersion { policy }.into());
    }
    if judged.row.adopted.is_some() {
        return Ok(view(&judged, Vec::new(), true));
    }
    let fates = adopt(&mut tx, service, &row, &judged, &actor.name, now).await?;
    if request.preview {
        tx.rollback().await?;
        return Ok(view(&judged, fates, false));
    }
    tx.commit().await?;
    Ok(view(&judged, fates, true))
}

/// Puts versions in force that alter rules alone and whose time has come; says how many.
pub(crate) async fn adopt_ripe(
    service: &Service,
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<usize, ServiceError> {
    let mut adopted = 0_usize;
    for waiting in proposals::waiting(tx).await? {
        lock_vault(tx, waiting.vault).await?;
        let (row, _) = service.vault(tx, waiting.vault).await?;
        let judged = Judged::of(service, tx, waiting, now).await?;
        let is_ripe = judged.ripe.is_some_and(|ripe| ripe <= now);
        let is_next = judged.row.previous == row.policy;
        if !is_next || !is_ripe || judged.step != Step::Rules || is_disputed(tx, &row).await? {
            continue;
        }
        adopt(tx, service, &row, &judged, "coordinator", now).await?;
        tracing::info!(vault = %row.id, policy = %judged.row.id, "a version came in force");
        adopted = adopted.saturating_add(1);
    }
    Ok(adopted)
}

async fn adopt(
    tx: &mut Transaction,
    service: &Service,
    row: &VaultRow,
    judged: &Judged,
    actor: &str,
    now: UnixTime,
) -> Result<Vec<OpenWithdrawalView>, ServiceError> {
    let policy = judged.row.id;
    if judged.row.previous != row.policy {
        return Err(VersionError::Superseded { policy }.into());
    }
    let Some(ripe) = judged.ripe else {
        return Err(VersionError::TooFewApprovals {
            approved_by: judged.approved.persons.clone(),
            needed: judged.approved.needed,
        }
        .into());
    };
    if ripe > now {
        return Err(VersionError::NotRipe { ripe }.into());
    }
    put_in_force(tx, service, row, judged, (actor, now)).await
}

/// Puts a version in force that was judged to be.
pub(super) async fn put_in_force(
    tx: &mut Transaction,
    service: &Service,
    row: &VaultRow,
    judged: &Judged,
    (actor, now): (&str, UnixTime),
) -> Result<Vec<OpenWithdrawalView>, ServiceError> {
    let policy = judged.row.id;
    let next = (judged.previous)
        .succeeded_by(judged.next.clone())
        .map_err(|_| VaultError::StoredPolicy { policy })?;
    vaults::insert_policy(tx, &next, now).await?;
    if judged.step == Step::Keyset {
        let keychain = keychain_of(service, tx, row, &next).await?;
        vaults::insert_keyset(tx, row.id, next.keyset, keychain, now).await?;
        if keychain != row.keychain {
            tell_superseded(tx, row, keychain, (actor, now)).await?;
        }
    }
    vaults::adopt(tx, row, next.id, next.keyset).await?;
    proposals::set_adopted(tx, policy, now, actor).await?;
    for mark in signer_marks::list(tx, row.id).await? {
        let signer = judged.previous.signer(&mark.signer);
        if !signer.is_some_and(|signer| stays(&next, signer)) {
            signer_marks::end(tx, row.id, &mark.signer, now, actor).await?;
        }
    }
    let fates = settle_open(tx, &next, judged.step, actor, now).await?;
    let cancelled = fates.iter().filter(|one| one.fate == "cancelled").count();
    let mut body = Map::new();
    body.insert("cancelled".to_owned(), json!(cancelled));
    body.insert("keyset".to_owned(), json!(next.keyset));
    body.insert("policy".to_owned(), json!(next.id));
    body.insert("step".to_owned(), json!(step_name(judged.step)));
    body.insert("version".to_owned(), json!(next.version));
    append(tx, &judged.row, "policy.adopted", body, actor, now).await?;
    Ok(fates)
}

/// Tells the service how many addresses the new descriptor does not give: they are watched for ever, and whoever has one
/// is to be given another.
async fn tell_superseded(
    tx: &mut Transaction,
    row: &VaultRow,
    keychain: Keyset,
    (actor, now): (&str, UnixTime),
) -> Result<(), ServiceError> {
    let count = addresses::count_superseded(tx, row.id, keychain).await?;
    if count == 0 {
        return Ok(());
    }
    let mut body = Map::new();
    body.insert("addresses".to_owned(), json!(count));
    body.insert("keyset".to_owned(), json!(keychain));
    let (kind, cause) = ("vault.addresses-superseded", Cause::by(actor, now));
    append_vault_event(tx, row.id, kind, body, cause).await
}

/// The keychain of a new keyset: that of the first one with the same descriptor, or its own. Else a version that
/// only alters where a recovery pays would give addresses out a second time.
async fn keychain_of(
    service: &Service,
    tx: &mut Transaction,
    vault: &VaultRow,
    next: &Policy,
) -> Result<Keyset, ServiceError> {
    for known in vaults::keysets(tx, vault.id).await? {
        let introduced = PolicyId::from_bytes(known.keyset.to_bytes());
        let before = service.policy(tx, introduced).await?;
        if before.descriptor.gives_same_scripts(&next.descriptor) {
            return Ok(known.keychain);
        }
    }
    Ok(next.keyset)
}

/// What becomes of every open withdrawal. One that no attempt pays is approved, left as it is or cancelled here;
/// attempts are the draining job's work.
async fn settle_open(
    tx: &mut Transaction,
    next: &Policy,
    step: Step,
    actor: &str,
    now: UnixTime,
) -> Result<Vec<OpenWithdrawalView>, ServiceError> {
    let cause = Cause {
        actor,
        reason: "the policy changed",
        at: now,
    };
    let mut rows = withdrawals::open(tx, next.vault).await?;
    let intents: Vec<Intent> = rows.iter().map(|row| row.intent.clone()).collect();
    let intents: Vec<&Intent> = intents.iter().collect();
    let known = Known::load(tx, next.vault, next, &intents, now, now).await?;
    let mut fates = Vec::new();
    for row in &mut rows {
        let state = row.state.name().to_owned();
        let (fate, says) = match step {
            Step::Rules => under_new_rules(tx, next, row, &known, cause).await?,
            Step::Keyset => under_new_keys(tx, row, cause).await?,
        };
        fates.push(OpenWithdrawalView {
            requester: row.key.requester.clone(),
            id: row.key.id.clone(),
            state,
            fate: fate.to_owned(),
            says,
        });
    }
    Ok(fates)
}

type Fate = (&'static str, String);

async fn under_new_rules(
    tx: &mut Transaction,
    next: &Policy,
    row: &mut WithdrawalRow,
    known: &Known,
    cause: Cause<'_>,
) -> Result<Fate, ServiceError> {
    if !waits(&row.state) {
        return Ok((
            "stays",
            "its attempt stays; signers judge it by the new rules".to_owned(),
        ));
    }
    let requirement = match decide(next, &row.intent, &known.standing()) {
        Decision::Denied(reason) => {
            return Ok(("denied", format!("the new rules deny it: {reason}")));
        }
        Decision::Needs(requirement) => requirement,
    };
    if row.state == WithdrawalState::Requested {
        approve_if_satisfied(tx, next, row, &requirement, cause).await?;
    }
    let stored = approvals::of_intent(tx, row.hash).await?;
    let keys = approving_keys(&stored, cause.at);
    Ok(match satisfied(next, &requirement, &row.intent, &keys) {
        Ok(()) => (
            "stays",
            format!("the new rule {:?} allows it", requirement.rule),
        ),
        Err(shortfall) => ("needs_approvals", shortfall.to_string()),
    })
}

async fn under_new_keys(
    tx: &mut Transaction,
    row: &mut WithdrawalRow,
    cause: Cause<'_>,
) -> Result<Fate, ServiceError> {
    if waits(&row.state) {
        let cause = Cause {
            reason: "the keyset changed: ask again with an intent of the new one",
            ..cause
        };
        move_withdrawal(tx, row, &WithdrawalEvent::Cancelled, cause).await?;
        let says = "nothing pays it yet: cancelled; ask again with an intent of the new keyset";
        return Ok(("cancelled", says.to_owned()));
    }
    Ok(match row.state {
        WithdrawalState::Broadcast { .. } | WithdrawalState::Confirmed { .. } => (
            "settles",
            "its transaction is signed and settles as it is".to_owned(),
        ),
        WithdrawalState::Requested
        | WithdrawalState::Approved { .. }
        | WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled
        | WithdrawalState::Batched { .. }
        | WithdrawalState::Signing { .. }
        | WithdrawalState::Settled { .. }
        | WithdrawalState::Failed { .. } => (
            "cancelled_on_chain",
            "its attempt is not signed: cancelled on the chain; once it has failed, ask again with an intent \
             that repeats it"
                .to_owned(),
        ),
    })
}

/// Whether nothing pays it yet.
const fn waits(state: &WithdrawalState) -> bool {
    match state {
        WithdrawalState::Requested | WithdrawalState::Approved { .. } => true,
        WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled
        | WithdrawalState::Batched { .. }
        | WithdrawalState::Signing { .. }
        | WithdrawalState::Broadcast { .. }
        | WithdrawalState::Confirmed { .. }
        | WithdrawalState::Settled { .. }
        | WithdrawalState::Failed { .. } => false,
    }
}

fn view(judged: &Judged, withdrawals: Vec<OpenWithdrawalView>, in_force: bool) -> AdoptionView {
    let next = &judged.next;
    let verb = if in_force { "is" } else { "would be" };
    let mut says = format!("Version {} {verb} in force here.", next.version);
    says += match judged.step {
        Step::Rules => " It alters rules and people, no keys: attempts stay as they are.",
        Step::Keyset => {
            " It brings another keyset: what was not signed is cancelled on the chain, and the coins of the \
             former keyset are drained to the new descriptor. Signers must have pinned it to sign that."
        }
    };
    AdoptionView {
        policy: next.id,
        version: next.version,
        keyset: next.keyset,
        step: step_name(judged.step).to_owned(),
        in_force,
        withdrawals,
        says,
    }
}
