//! Where one version stands: who approved it and who must still, who pinned it, from when on it counts.

use policies::{PolicyId, UnixTime, VaultId};

use super::found::Found;
use super::view::StandingOf;
use crate::service::acks::{self, ReachView};
use crate::service::version_view::ProposalView;
use crate::service::versions::is_disputed;
use crate::service::{Actor, Right, Service, ServiceError};
use crate::store::proposals;

/// Where a version stands.
#[derive(Debug, Clone)]
pub struct Case {
    /// The version.
    pub id: PolicyId,
    /// Its number.
    pub version: u32,
    /// The id as words that one person reads out to another.
    pub words: [&'static str; 24],
    /// Where it stands.
    pub standing: StandingOf,
    /// The version before; none for the first one.
    pub previous: Option<PolicyId>,
    /// What is known of its proposal; none for the first one.
    pub proposal: Option<ProposalView>,
    /// The signatures under it.
    pub signatures: Vec<Signature>,
    /// The signers of the version and of the one before, and whether their journals say that they follow it.
    pub followers: Vec<Follower>,
    /// How far it reaches, once it is or was in force.
    pub reach: Option<ReachView>,
}

/// A signer, and whether its journal says that it follows a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The signer's name.
    pub signer: String,
    /// Whether it is one of the version itself; else only of the one before.
    pub stays: bool,
    /// Whether it says so.
    pub follows: bool,
}

/// A person's signature under a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The approver's entry in the version before.
    pub approver: String,
    /// The person.
    pub person: String,
    /// The key.
    pub key: String,
    /// When it came in.
    pub received_at: UnixTime,
    /// Until when signers may hear of it by this signature.
    pub expires: UnixTime,
}

/// Where a version stands.
///
/// # Errors
/// `VaultError::UnknownVault`, `VersionError::UnknownVersion`.
pub async fn case(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: PolicyId,
) -> Result<Case, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, Some(version)).await?;
    let policy = &found.policy;
    let mut case = Case {
        id: policy.id,
        version: policy.version,
        words: policy.words(),
        standing: StandingOf::Proposed,
        previous: policy.previous,
        proposal: None,
        signatures: Vec::new(),
        followers: Vec::new(),
        reach: None,
    };
    let is_in_force = policy.id == found.in_force.id;
    let adopted = (found.judged.as_ref()).is_none_or(|judged| judged.row.adopted.is_some());
    if is_in_force {
        case.standing = StandingOf::InForce;
    } else if adopted {
        case.standing = StandingOf::Former;
    }
    let Some(judged) = &found.judged else {
        return Ok(case);
    };
    let disputed = is_disputed(&mut tx, &found.vault).await?;
    case.proposal = Some(judged.view(&found.vault, disputed, now));
    for row in proposals::approvals_of(&mut tx, version).await? {
        let approver = judged.previous.approver_of_key(row.approval.key);
        case.signatures.push(Signature {
            person: approver.map_or_else(|| row.approver.clone(), |(one, _)| one.person.clone()),
            approver: row.approver,
            key: row.approval.key.to_string(),
            received_at: row.received_at,
            expires: row.approval.expires,
        });
    }
    let followers = acks::followers(&mut tx, vault, judged).await?.into_iter();
    case.followers = followers
        .map(|(voice, follows)| Follower {
            stays: policy.signer_of_journal(&voice.journal).is_some(),
            signer: voice.signer,
            follows,
        })
        .collect();
    if adopted {
        let reaches = acks::reaches(service, &mut tx, vault, &found.in_force).await?;
        let mut reaches = reaches.into_iter();
        case.reach = reaches
            .find(|(one, _)| *one == version)
            .map(|(_, reach)| reach);
    }
    Ok(case)
}

/// The succession file of a version with all signatures that are known, as signers and approvers take it; none for
/// the first version.
///
/// # Errors
/// As [`case`].
pub async fn succession_file(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: PolicyId,
) -> Result<Option<String>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, Some(version)).await?;
    found.judged.map(|judged| judged.file()).transpose()
}
