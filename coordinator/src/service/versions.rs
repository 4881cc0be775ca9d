//! Versions of a vault's policy: proposed, approved, shown, and handed to signers.
//!
//! A coordinator cannot make a version: it keeps what persons signed with their own tools, and every signer
//! judges it again. Invariant: only signatures that count under the version before are kept, and when enough
//! persons had signed is written down once.

use std::collections::BTreeSet;

use policies::document::Policy;
use policies::succession::{SuccessionFile, approved, follows};
use policies::{Approval, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

pub use super::acks::ReachView;
use super::devices::{OfDevices, refuse_devices};
use super::record::{Cause, append_event};
use super::vaults::refuse_keys_of_others;
use super::version_view::{Judged, step_name};
pub use super::version_view::{ProposalView, VersionView, VersionsView};
use super::{Actor, Right, Service, ServiceError, VaultError, VersionError, acks, lock_vault};
use crate::store::proposals::{self, ProposalApprovalRow, ProposalRow};
use crate::store::vaults::VaultRow;

/// The most open proposals to follow one version.
const MAX_OPEN: usize = 16;

/// Hands in a next version, or more signatures under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitSuccession {
    /// The succession file, byte for byte as a person's own tool wrote it.
    pub file: String,
    /// Whether it is taken in although devices cannot sign it as far as is known here.
    #[serde(default)]
    pub despite_devices: bool,
}

/// Takes a next version in, or joins its file's signatures to those that are known; says whether it is new.
///
/// # Errors
/// [`VersionError::File`], [`VaultError::PolicyMistakes`], [`VersionError::DoesNotFollow`],
/// [`VersionError::NoSuccession`], [`VaultError::KeyInOtherVault`], [`VaultError::DeviceCannotSign`],
/// [`VersionError::TooManyProposals`].
pub async fn submit_succession(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SubmitSuccession,
) -> Result<(ProposalView, bool), ServiceError> {
    actor.require(Right::Approve, vault)?;
    let file = SuccessionFile::read(request.file.as_bytes()).map_err(VersionError::File)?;
    let of_devices = OfDevices::despite(request.despite_devices);
    let mut tx = service.database().begin_write().await?;
    let taken = take_in(service, &mut tx, actor, vault, (&file, of_devices)).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Takes a next version in, or joins its file's signatures to those that are known; says whether it is new.
pub(super) async fn take_in(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    vault: VaultId,
    (file, of_devices): (&SuccessionFile, OfDevices),
) -> Result<(ProposalView, bool), ServiceError> {
    let id = file.version();
    let now = service.now();
    lock_vault(tx, vault).await?;
    let (row, policy) = service.vault(tx, vault).await?;
    let known = proposals::lookup(tx, id).await?;
    let is_new = known.is_none();
    if let Some(known) = known {
        if known.vault != vault {
            return Err(VersionError::UnknownVersion { policy: id }.into());
        }
    } else {
        let proposing = new_proposal(service, tx, (&policy, file), of_devices, actor, now);
        let proposed = proposing.await?;
        proposals::insert(tx, &proposed).await?;
        let mut body = Map::new();
        body.insert("version".to_owned(), json!(proposed.version));
        append(tx, &proposed, "policy.proposed", body, &actor.name, now).await?;
    }
    let not_counted = join(service, tx, file, actor, now).await?;
    let judged = note_quorum(service, tx, id, &actor.name, now).await?;
    let disputed = is_disputed(tx, &row).await?;
    let mut view = judged.view(&row, disputed, now);
    view.not_counted = not_counted;
    Ok((view, is_new))
}

/// The versions of a vault, and what is proposed after them.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_versions(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<VersionsView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let disputed = is_disputed(&mut tx, &row).await?;
    let first = first_of(service, &mut tx, &policy).await?;
    let mut view = VersionsView {
        vault,
        versions: vec![VersionView {
            version: first.version,
            policy: first.id,
            keyset: first.keyset,
            step: "first".to_owned(),
            since: row.created_at,
            by: String::new(),
            reach: None,
        }],
        proposals: Vec::new(),
    };
    let mut reaches = acks::reaches(service, &mut tx, vault, &policy).await?;
    for proposal in proposals::list(&mut tx, vault).await? {
        let judged = Judged::of(service, &mut tx, proposal, now).await?;
        match &judged.row.adopted {
            None => view.proposals.push(judged.view(&row, disputed, now)),
            Some((since, by)) => view.versions.push(VersionView {
                version: judged.row.version,
                policy: judged.row.id,
                keyset: judged.next.keyset,
                step: step_name(judged.step).to_owned(),
                since: *since,
                by: by.clone(),
                reach: take_reach(&mut reaches, judged.row.id),
            }),
        }
    }
    Ok(view)
}

fn take_reach(
    reaches: &mut Vec<(policies::PolicyId, ReachView)>,
    version: policies::PolicyId,
) -> Option<ReachView> {
    let at = reaches.iter().position(|(one, _)| *one == version)?;
    Some(reaches.swap_remove(at).1)
}

/// The succession files of a vault as signers take them in: those in force in their order, then those
/// proposed to follow the newest.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_successions(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<String>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let mut all = proposals::list(&mut tx, vault).await?;
    all.retain(|one| one.adopted.is_some() || one.previous == row.policy);
    // Of those not in force the approved ones come first.
    all.sort_by_key(|one| (one.version, one.approved_at.is_none()));
    let mut files = Vec::new();
    for proposal in all {
        files.push(Judged::of(service, &mut tx, proposal, now).await?.file()?);
    }
    Ok(files)
}

/// Checks that a file's document may follow the version in force.
async fn new_proposal(
    service: &Service,
    tx: &mut Transaction,
    (policy, file): (&Policy, &SuccessionFile),
    of_devices: OfDevices,
    actor: &Actor,
    now: UnixTime,
) -> Result<ProposalRow, ServiceError> {
    let next = file
        .policy()
        .map_err(|mistakes| ServiceError::Vault(VaultError::PolicyMistakes { mistakes }))?;
    follows(policy, &next).map_err(|mistakes| VersionError::DoesNotFollow {
        version: policy.version,
        mistakes,
    })?;
    if policy.change.is_none() {
        return Err(VersionError::NoSuccession.into());
    }
    refuse_keys_of_others(service, tx, &next).await?;
    // Signers may follow what enough persons have approved.
    let approved = approved(policy, next.id, file.approvals().values(), now);
    if !approved.is_some_and(|approved| approved.is_met()) {
        refuse_devices(&next, Some(policy), of_devices)?;
    }
    refuse_too_many(tx, policy, file, now).await?;
    Ok(ProposalRow {
        id: next.id,
        vault: policy.vault,
        previous: policy.id,
        version: next.version,
        document: next.bytes,
        proposed_at: now,
        proposed_by: actor.name.clone(),
        approved_at: None,
        adopted: None,
    })
}

/// Bounds the open proposals of each approver: one that nobody who counts signed takes no place from others, and is
/// not kept beside more of its kind than [`MAX_OPEN`].
async fn refuse_too_many(
    tx: &mut Transaction,
    policy: &Policy,
    file: &SuccessionFile,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let counts = |approval: &Approval| {
        let approver = policy.approver_of_key(approval.key)?;
        let judged = approved(policy, file.version(), [approval], now)?;
        judged.faults.is_empty().then(|| approver.0.name.clone())
    };
    let by: BTreeSet<String> = file.approvals().values().filter_map(counts).collect();
    let mut found = 0_usize;
    for open in proposals::list(tx, policy.vault).await? {
        if open.previous != policy.id {
            continue;
        }
        let held = proposals::approvals_of(tx, open.id).await?;
        let same = if by.is_empty() {
            held.is_empty()
        } else {
            held.iter().any(|row| by.contains(&row.approver))
        };
        found = found.saturating_add(usize::from(same));
    }
    if found >= MAX_OPEN {
        return Err(VersionError::TooManyProposals { found }.into());
    }
    Ok(())
}

/// Keeps the signatures of a file that count under the version before; says why others do not.
async fn join(
    service: &Service,
    tx: &mut Transaction,
    file: &SuccessionFile,
    actor: &Actor,
    now: UnixTime,
) -> Result<Vec<String>, ServiceError> {
    let id = file.version();
    let unknown = || ServiceError::Version(VersionError::UnknownVersion { policy: id });
    let proposal = proposals::lookup(tx, id).await?.ok_or_else(unknown)?;
    let previous = service.policy(tx, proposal.previous).await?;
    let mut not_counted = Vec::new();
    let mut signed = BTreeSet::new();
    for approval in file.approvals().values() {
        let judged = approved(&previous, id, [approval], now).ok_or(VersionError::NoSuccession)?;
        let approver = previous.approver_of_key(approval.key);
        match (judged.faults.first(), approver) {
            (None, Some((approver, _))) => {
                let row = ProposalApprovalRow {
                    approval: approval.clone(),
                    approver: approver.name.clone(),
                    received_at: now,
                };
                if proposals::add_approval(tx, id, &row).await? {
                    signed.insert(approver.person.clone());
                }
            }
            (Some(fault), _) => not_counted.push(fault.to_string()),
            (None, None) => {}
        }
    }
    if !signed.is_empty() {
        let mut body = Map::new();
        body.insert("persons".to_owned(), json!(signed));
        append(tx, &proposal, "policy.signed", body, &actor.name, now).await?;
    }
    Ok(not_counted)
}

/// Writes down, once, that enough persons have signed: from then on the delay runs.
async fn note_quorum(
    service: &Service,
    tx: &mut Transaction,
    id: policies::PolicyId,
    actor: &str,
    now: UnixTime,
) -> Result<Judged, ServiceError> {
    let judged = judged(service, tx, id, now).await?;
    if judged.row.approved_at.is_some() || !judged.approved.is_met() {
        return Ok(judged);
    }
    proposals::set_approved(tx, id, now).await?;
    let mut body = Map::new();
    body.insert("persons".to_owned(), json!(judged.approved.persons));
    append(tx, &judged.row, "policy.approved", body, actor, now).await?;
    self::judged(service, tx, id, now).await
}

/// One proposal, judged anew.
pub(super) async fn judged(
    service: &Service,
    tx: &mut Transaction,
    id: policies::PolicyId,
    now: UnixTime,
) -> Result<Judged, ServiceError> {
    let unknown = VersionError::UnknownVersion { policy: id };
    let row = proposals::lookup(tx, id).await?.ok_or(unknown)?;
    Judged::of(service, tx, row, now).await
}

/// Whether two successors of the version in force were approved: then only a human decides.
pub(super) async fn is_disputed(
    tx: &mut Transaction,
    vault: &VaultRow,
) -> Result<bool, ServiceError> {
    let all = proposals::list(tx, vault.id).await?;
    let approved = all
        .iter()
        .filter(|one| one.previous == vault.policy && one.approved_at.is_some());
    Ok(approved.count() > 1)
}

async fn first_of(
    service: &Service,
    tx: &mut Transaction,
    policy: &Policy,
) -> Result<std::sync::Arc<Policy>, ServiceError> {
    let first = policies::PolicyId::from_bytes(policy.vault.to_bytes());
    service.policy(tx, first).await
}

/// Appends an event about a version.
pub(super) async fn append(
    tx: &mut Transaction,
    proposal: &ProposalRow,
    kind: &str,
    mut body: Map<String, Value>,
    actor: &str,
    at: UnixTime,
) -> Result<(), ServiceError> {
    body.insert("policy".to_owned(), json!(proposal.id));
    append_event(
        tx,
        proposal.vault,
        ("policy", &proposal.id.to_string()),
        kind,
        body,
        Cause::by(actor, at),
    )
    .await
}
