//! Lies about approvals: who approved what, until when, and for whom it counts.

use policies::hash::Purpose;
use policies::intent::{Approval, MerkleProof, MerkleTree};
use policies::{IntentHash, MerkleRoot, VaultId};

use super::super::attempt::Case;
use super::super::vault::secret;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("approval missing", approval_missing),
    class(
        "approvals by two keys of one person",
        two_keys_of_one_person,
    ),
    class(
        "approval by the requester's own person",
        requesters_own_person,
    ),
    class("approval by another group", another_group),
    class("approval expired", approval_expired),
    class("approval forged", approval_forged),
    class("approval of another vault", approval_of_another_vault),
    class("rejection passed off as approval", rejection_as_approval),
    class("approval with its end moved", approval_with_its_end_moved),
    class("approval by nobody known", approval_by_nobody_known),
    class("approval by a requester's key", approval_by_a_requester),
    class("approval of another root", approval_of_another_root),
    class("proof altered", proof_altered),
    class("proof of another intent", proof_of_another_intent),
    class("rejection", rejection),
];

fn approval_missing(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.draw.place(2);
    case.plan.asked[asked].approved_by.pop();
    case.rebuild();
    case.disapprove(asked);
    Some(Expected::Refused("TOO_FEW_APPROVALS"))
}

fn two_keys_of_one_person(case: &mut Case<'_>) -> Option<Expected> {
    case.plan.asked[0].approved_by = vec!["erin", "erin's second"];
    case.rebuild();
    case.disapprove(0);
    Some(Expected::Refused("TOO_FEW_APPROVALS"))
}

fn requesters_own_person(case: &mut Case<'_>) -> Option<Expected> {
    let asked = &mut case.plan.asked[0];
    asked.by = "desk";
    asked.intent.requester = "desk".parse().expect("a name");
    case.rebuild();
    case.disapprove(0);
    Some(Expected::Refused("TOO_FEW_APPROVALS"))
}

fn another_group(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.draw.place(2);
    let last = case.plan.asked[asked].approved_by.last_mut()?;
    *last = "frank";
    case.rebuild();
    case.disapprove(asked);
    Some(Expected::Refused("TOO_FEW_APPROVALS"))
}

fn approval_expired(case: &mut Case<'_>) -> Option<Expected> {
    let late = *case.draw.one(&[0, 1, 600]);
    case.plan.approvals_expire = case.now.saturating_sub(late);
    case.rebuild();
    case.disapprove(0);
    case.disapprove(1);
    Some(Expected::Refused("APPROVAL_EXPIRED"))
}

/// Alters one approval of the manifest.
fn with_approval(case: &mut Case<'_>, alter: impl FnOnce(&mut Approval)) -> Option<()> {
    let keys: Vec<_> = case.attempt.manifest.approvals.keys().copied().collect();
    let key = *case.draw.one(&keys);
    alter(case.attempt.manifest.approvals.get_mut(&key)?);
    case.disapprove(0);
    case.disapprove(1);
    Some(())
}

fn approval_forged(case: &mut Case<'_>) -> Option<Expected> {
    let forged = secret("mallory").sign(&case.draw.bytes());
    with_approval(case, |approval| approval.signature = forged)?;
    Some(Expected::Refused("APPROVAL_WRONG"))
}

fn approval_of_another_vault(case: &mut Case<'_>) -> Option<Expected> {
    let other = VaultId::from_bytes(case.draw.bytes());
    with_approval(case, |approval| {
        for name in ["dana", "erin"] {
            if secret(name).public().id() == approval.key {
                let root = MerkleRoot::from_bytes(approval.subject.to_bytes());
                let expires = approval.expires;
                *approval = Approval::approve(&secret(name), other, root, expires);
            }
        }
    })?;
    Some(Expected::Refused("APPROVAL_WRONG"))
}

fn rejection_as_approval(case: &mut Case<'_>) -> Option<Expected> {
    let vault = case.vault.policy.vault;
    with_approval(case, |approval| {
        for name in ["dana", "erin"] {
            if secret(name).public().id() == approval.key {
                let root = MerkleRoot::from_bytes(approval.subject.to_bytes());
                let expires = approval.expires;
                *approval = Approval::reject(&secret(name), vault, root, expires);
                approval.purpose = Purpose::Approve;
            }
        }
    })?;
    Some(Expected::Refused("APPROVAL_WRONG"))
}

fn approval_with_its_end_moved(case: &mut Case<'_>) -> Option<Expected> {
    with_approval(case, |approval| {
        approval.expires = approval.expires.saturating_add(1);
    })?;
    Some(Expected::Refused("APPROVAL_WRONG"))
}

/// Replaces the first payment's second approver.
fn approved_by(case: &mut Case<'_>, who: &'static str) {
    case.plan.asked[0].approved_by = vec!["dana", who];
    case.rebuild();
    case.disapprove(0);
}

fn approval_by_nobody_known(case: &mut Case<'_>) -> Option<Expected> {
    approved_by(case, "mallory");
    Some(Expected::Refused("APPROVAL_FOREIGN"))
}

fn approval_by_a_requester(case: &mut Case<'_>) -> Option<Expected> {
    approved_by(case, "exchange");
    Some(Expected::Refused("APPROVAL_FOREIGN"))
}

fn approval_of_another_root(case: &mut Case<'_>) -> Option<Expected> {
    let vault = case.vault.policy.vault;
    let root = MerkleRoot::from_bytes(case.draw.bytes());
    let expires = case.plan.approvals_expire;
    let approval = Approval::approve(&secret("erin"), vault, root, expires);
    case.attempt.manifest.add_approval(approval);
    Some(Expected::Refused("APPROVAL_UNUSED"))
}

/// Alters one proof of the manifest.
fn with_proof(case: &mut Case<'_>, alter: impl FnOnce(&MerkleProof) -> MerkleProof) -> Option<()> {
    let keys: Vec<_> = case.attempt.manifest.proofs.keys().copied().collect();
    let key = *case.draw.one(&keys);
    let proof = case.attempt.manifest.proofs.get_mut(&key)?;
    *proof = alter(proof);
    case.disapprove(0);
    case.disapprove(1);
    Some(())
}

fn proof_altered(case: &mut Case<'_>) -> Option<Expected> {
    // Another tree over other intents: its proofs lead elsewhere.
    let tree = MerkleTree::new(&[case.draw.bytes(), case.draw.bytes()]).ok()?;
    let subject = tree.subjects()[0];
    let other = tree.proof(&subject)?;
    with_proof(case, |_| other)?;
    Some(Expected::Refused("PROOF_WRONG"))
}

fn proof_of_another_intent(case: &mut Case<'_>) -> Option<Expected> {
    // An automatic payment needs none: a proof for it from the tree of the others is a lie.
    let other = IntentHash::from_bytes(case.draw.bytes());
    let ((root, _), proof) = case.attempt.manifest.proofs.iter().next()?;
    let (root, proof) = (*root, proof.clone());
    case.attempt.manifest.proofs.insert((root, other), proof);
    Some(Expected::Refused("PROOF_WRONG"))
}

fn rejection(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let hash = case.hash(asked);
    let tree = MerkleTree::new(&[hash.to_bytes()]).ok()?;
    let proof = tree.proof(hash.as_bytes())?;
    let manifest = &mut case.attempt.manifest;
    manifest.proofs.insert((tree.root(), hash), proof);
    let rejection = Approval::reject(
        &secret("frank"),
        case.vault.policy.vault,
        tree.root(),
        case.plan.approvals_expire,
    );
    manifest.add_approval(rejection);
    case.disapprove(asked);
    Some(Expected::Refused("REJECTED"))
}
