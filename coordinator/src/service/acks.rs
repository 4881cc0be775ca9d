//! Acknowledgements: the word of signers' journals that they follow a version, and how far what it ends reaches.
//!
//! Invariant: a journal's word is kept only under a key that the version or the one before it pins, or under the
//! one that such a journal moved to; it tells people what signers obey, and nothing is decided by it here. Whoever
//! acknowledged a later version follows no earlier one either. A journal whose signer is marked as stolen binds no
//! thief, and is not counted.

use std::collections::BTreeSet;

use policies::analysis::{Gone, reach};
use policies::document::Policy;
use policies::succession::{Voice, WrongAck, acknowledged, voices};
use policies::{Approval, KeyId, PolicyId, PublicKey, Statement, UnixTime, VaultId, report};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::version_view::{Judged, stays};
use super::versions::judged;
use super::{ApprovalError, ListError, Service, ServiceError, VersionError};
use crate::store::journals::{self, MoveRow};
use crate::store::proposals::{self, ProposalRow};
use crate::store::{signer_marks, stops};

/// The state of a version whose end of others everything obeys.
pub(super) const IN_FORCE: &str = "in force";

/// How far a version reaches: whether what it ends is announced only, or in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReachView {
    /// `announced`, `in force for payments` or `in force`.
    pub state: String,
    /// The signers of the version before whose journals follow this one, by their own word.
    pub acknowledged_by: Vec<String>,
    /// The signers of the version before who did not say so.
    pub waits_for: Vec<String>,
    /// The whole of it, with whose word would bring it in force.
    #[schema(value_type = Object)]
    pub reach: Value,
    /// The same in words.
    pub says: String,
}

/// Refuses to keep the acknowledgement of a version that no honest journal can have adopted: it must have been
/// proposed to follow another one of this vault, with its quorum.
pub(super) async fn refuse_useless(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    version: PolicyId,
    now: UnixTime,
) -> Result<(), ServiceError> {
    adoptable(service, tx, vault, version, now).await.map(drop)
}

async fn adoptable(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    version: PolicyId,
    now: UnixTime,
) -> Result<Judged, ServiceError> {
    let judged = judged(service, tx, version, now).await?;
    if judged.row.vault != vault {
        return Err(VersionError::UnknownVersion { policy: version }.into());
    }
    if judged.row.approved_at.is_none() {
        return Err(VersionError::TooFewApprovals {
            approved_by: judged.approved.persons,
            needed: judged.approved.needed,
        }
        .into());
    }
    Ok(judged)
}

/// Verifies the word of a journal on a version, and says whose it is.
pub(super) async fn signed_by(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    version: PolicyId,
    approval: &Approval,
    now: UnixTime,
) -> Result<String, ServiceError> {
    let judged = adoptable(service, tx, vault, version, now).await?;
    let mut all = voices(&judged.previous, &judged.next);
    let moves = journals::moves(tx, vault).await?;
    for voice in all.clone() {
        let moved = whither(&moves, voice.journal).skip(1);
        all.extend(moved.map(|journal| Voice {
            signer: voice.signer.clone(),
            journal,
        }));
    }
    match acknowledged(vault, version, &all, approval) {
        Ok(voice) => Ok(voice.signer.clone()),
        Err(WrongAck::Foreign { key }) => Err(VersionError::ForeignAck { key }.into()),
        Err(WrongAck::Ends { expires, .. }) => Err(VersionError::AckEnds { expires }.into()),
        Err(WrongAck::OtherSubject { .. }) => Err(ListError::StatementPurpose {
            expected: policies::hash::Purpose::Ack,
            found: approval.purpose.to_string(),
        }
        .into()),
        Err(WrongAck::Wrong { error, .. }) => Err(ApprovalError::ApprovalSignature(error).into()),
    }
}

/// A journal, and whither it moved, one after the other.
fn whither(moves: &[MoveRow], journal: PublicKey) -> impl Iterator<Item = PublicKey> {
    let next = move |from: &PublicKey| {
        let mut moved = moves.iter().map(|known| &known.certificate.statement);
        moved
            .find(|moved| moved.from == *from)
            .map(|moved| moved.to)
    };
    // No journal moves twice, so that this ends with the moves.
    let most = moves.len().saturating_add(1);
    std::iter::successors(Some(journal), next).take(most)
}

/// The versions of a vault that came in force after another, the oldest first, each with how far it reaches.
pub(super) async fn reaches(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    in_force: &Policy,
) -> Result<Vec<(PolicyId, ReachView)>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let mut adopted = proposals::list(tx, vault).await?;
    adopted.retain(|proposal| proposal.adopted.is_some());
    let stolen = stolen_journals(service, tx, vault, in_force, &adopted).await?;
    let mut found = Vec::new();
    let mut said = BTreeSet::new();
    for proposal in adopted.iter().rev() {
        said.extend(keys_of(tx, vault, proposal.id).await?);
        let previous = service.policy(tx, proposal.previous).await?;
        let follows = |journal: PublicKey| {
            let mut journals = whither(&moves, journal);
            !stolen.contains(&journal) && journals.any(|one| said.contains(&one.id()))
        };
        let signers = previous.signers.iter();
        let names = signers
            .filter(|signer| follows(signer.journal))
            .map(|signer| signer.name.clone());
        found.push((proposal.id, view(&previous, &names.collect())));
    }
    found.reverse();
    Ok(found)
}

/// The journals of signers who are marked as stolen, or were when a version replaced them.
async fn stolen_journals(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    in_force: &Policy,
    adopted: &[ProposalRow],
) -> Result<Vec<PublicKey>, ServiceError> {
    let mut stolen = Vec::new();
    for mark in signer_marks::list(tx, vault).await? {
        if mark.mark == Gone::Stolen.name() {
            stolen.extend(in_force.signer(&mark.signer).map(|signer| signer.journal));
        }
    }
    for (signer, ended_at) in signer_marks::ended(tx, vault, Gone::Stolen.name()).await? {
        let by_version = |proposal: &&ProposalRow| {
            let adopted = proposal.adopted.as_ref();
            adopted.is_some_and(|(at, _)| *at == ended_at)
        };
        for proposal in adopted.iter().filter(by_version) {
            let previous = service.policy(tx, proposal.previous).await?;
            let next = service.policy(tx, proposal.id).await?;
            let replaced = previous.signer(&signer).filter(|one| !stays(&next, one));
            stolen.extend(replaced.map(|signer| signer.journal));
        }
    }
    Ok(stolen)
}

/// The journals of a version and of the one before, and whether each says that it follows the version.
pub(super) async fn followers(
    tx: &mut Transaction,
    vault: VaultId,
    judged: &Judged,
) -> Result<Vec<(Voice, bool)>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let said = keys_of(tx, vault, judged.row.id).await?;
    let all = voices(&judged.previous, &judged.next).into_iter();
    Ok(all
        .map(|voice| {
            let mut journals = whither(&moves, voice.journal);
            let follows = journals.any(|journal| said.contains(&journal.id()));
            (voice, follows)
        })
        .collect())
}

/// How far the version in force reaches; none where it is the first.
pub(super) async fn reach_in_force(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    in_force: &Policy,
) -> Result<Option<ReachView>, ServiceError> {
    let mut all = reaches(service, tx, vault, in_force).await?.into_iter();
    let newest = all.find(|(version, _)| *version == in_force.id);
    Ok(newest.map(|(_, reach)| reach))
}

fn view(previous: &Policy, acknowledged: &BTreeSet<String>) -> ReachView {
    let found = reach(previous, acknowledged);
    let state = if found.everything.is_in_force() {
        IN_FORCE
    } else if found.payments.is_in_force() {
        "in force for payments"
    } else {
        "announced"
    };
    ReachView {
        state: state.to_owned(),
        reach: report::reach_json(&found),
        says: report::reach(&found),
        acknowledged_by: found.acknowledged,
        waits_for: found.waits_for,
    }
}

/// The journals' keys under which a version was acknowledged.
async fn keys_of(
    tx: &mut Transaction,
    vault: VaultId,
    policy: PolicyId,
) -> Result<BTreeSet<KeyId>, ServiceError> {
    let subject = Statement::Ack { policy }.subject();
    let Some(row) = stops::lookup(tx, vault, subject).await? else {
        return Ok(BTreeSet::new());
    };
    let rows = stops::approvals_of(tx, &row).await?;
    Ok(rows.into_iter().map(|row| row.approval.key).collect())
}
