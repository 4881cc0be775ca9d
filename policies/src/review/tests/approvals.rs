//! Who approved: every way in which approvals can be missing, foreign, expired or forged.

use super::super::world::{Attempt, NOW, World, key_of, secret};
use super::{paid, plan_refused, refused};
use crate::descriptor::ScriptKind;
use crate::document::PinnedKeyDraft;
use crate::document::samples::HEAD_TIME;
use crate::ids::{IntentHash, Subject, VaultId};
use crate::intent::{Approval, MerkleTree};

/// Approves intents with one signature, and proves each under its root.
fn approve(attempt: &mut Attempt, approval: &Approval, hashes: &[IntentHash]) {
    let subjects: Vec<_> = hashes.iter().map(|hash| hash.to_bytes()).collect();
    let tree = MerkleTree::new(&subjects).expect("distinct");
    assert_eq!(Subject::from(tree.root()), approval.subject);
    attempt.manifest.add_approval(approval.clone());
    for hash in hashes {
        let proof = tree.proof(hash.as_bytes()).expect("in the tree");
        attempt.manifest.proofs.insert((tree.root(), *hash), proof);
    }
}

#[test]
fn too_few_approvals_are_refused() {
    for approved_by in [vec![], vec!["dana"], vec!["erin"]] {
        plan_refused(&["TOO_FEW_APPROVALS"], |plan, _| {
            plan.asked[1].approved_by.clone_from(&approved_by);
        });
    }
}

#[test]
fn an_approver_of_another_group_does_not_count() {
    plan_refused(&["TOO_FEW_APPROVALS"], |plan, _| {
        plan.asked[1].approved_by = vec!["dana", "frank"];
    });
}

#[test]
fn two_keys_of_one_person_count_once() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        let second = PinnedKeyDraft::own(&secret("dana's other key").public());
        draft.approvers[0].keys.push(second);
    });
    let mut plan = world.plan();
    plan.asked[1].approved_by = vec!["dana", "dana's other key"];
    assert_eq!(world.refusals(&world.build(&plan)), ["TOO_FEW_APPROVALS"]);
}

#[test]
fn the_requesters_own_person_never_counts() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.requesters[0].person = Some("dana".to_owned());
        draft.approvers[2].groups.push("ops".to_owned());
    });
    assert_eq!(world.refusals(&world.attempt()), ["TOO_FEW_APPROVALS"]);
}

#[test]
fn an_approval_of_a_stranger_is_refused() {
    plan_refused(&["APPROVAL_FOREIGN"], |plan, _| {
        plan.asked[1].approved_by.push("mallory");
    });
}

#[test]
fn the_service_cannot_approve_its_own_request() {
    plan_refused(&["APPROVAL_FOREIGN"], |plan, _| {
        plan.asked[1].approved_by.push("exchange");
    });
}

#[test]
fn a_forged_approval_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let wrong = secret("mallory").sign(&[7; 32]);
        for approval in attempt.manifest.approvals.values_mut() {
            if approval.key == key_of("dana") {
                approval.signature = wrong.clone();
            }
        }
        assert_eq!(
            world.refusals(&attempt),
            ["APPROVAL_WRONG", "TOO_FEW_APPROVALS"]
        );
    }
}

#[test]
fn an_approval_whose_end_was_moved_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        for approval in attempt.manifest.approvals.values_mut() {
            if approval.key == key_of("dana") {
                approval.expires = approval.expires.saturating_add(1);
            }
        }
        assert_eq!(
            world.refusals(&attempt),
            ["APPROVAL_WRONG", "TOO_FEW_APPROVALS"]
        );
    }
}

#[test]
fn an_approval_for_another_vault_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let hash = paid(&attempt, 1);
        let root = crate::intent::merkle_root(&[hash.to_bytes()]).expect("one");
        let expires = HEAD_TIME.saturating_add(86_400);
        let elsewhere = VaultId::from_bytes([9; 32]);
        attempt
            .manifest
            .approvals
            .retain(|_, old| old.key != key_of("dana"));
        let approval = Approval::approve(&secret("dana"), elsewhere, root, expires);
        approve(&mut attempt, &approval, &[hash]);
        let codes = world.refusals(&attempt);
        assert!(codes.contains(&"APPROVAL_WRONG"), "{codes:?}");
        assert!(codes.contains(&"TOO_FEW_APPROVALS"), "{codes:?}");
    }
}

#[test]
fn an_approval_ends_at_its_last_second() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.approvals_expire = NOW.saturating_add(1);
        assert!(world.refusals(&world.build(&plan)).is_empty());
        plan.approvals_expire = NOW;
        let codes = world.refusals(&world.build(&plan));
        assert!(codes.contains(&"APPROVAL_EXPIRED"), "{codes:?}");
        assert!(codes.contains(&"TOO_FEW_APPROVALS"), "{codes:?}");
    }
}

#[test]
fn an_approval_of_one_intent_does_not_reach_another() {
    for world in World::both() {
        let mut plan = world.plan();
        // Erin approves only w-3, but the manifest claims w-2 under the same root.
        plan.asked[1].approved_by = vec!["dana"];
        let mut attempt = world.build(&plan);
        let (second, third) = (paid(&attempt, 1), paid(&attempt, 2));
        let root = crate::intent::merkle_root(&[third.to_bytes()]).expect("one");
        let proof = attempt.manifest.proofs[&(root, third)].clone();
        attempt.manifest.proofs.insert((root, second), proof);
        assert_eq!(
            world.refusals(&attempt),
            ["PROOF_WRONG", "TOO_FEW_APPROVALS"]
        );
    }
}

#[test]
fn an_approval_that_covers_nothing_here_is_refused() {
    refused(&["APPROVAL_UNUSED"], |attempt, world| {
        let root = crate::intent::merkle_root(&[[9; 32]]).expect("one");
        let expires = HEAD_TIME.saturating_add(86_400);
        let approval = Approval::approve(&secret("dana"), world.policy.vault, root, expires);
        attempt.manifest.add_approval(approval);
    });
}

#[test]
fn a_rejection_by_an_approver_is_final() {
    refused(&["REJECTED"], |attempt, world| {
        let hash = paid(attempt, 0);
        let root = crate::intent::merkle_root(&[hash.to_bytes()]).expect("one");
        let expires = HEAD_TIME.saturating_add(86_400);
        let rejection = Approval::reject(&secret("frank"), world.policy.vault, root, expires);
        approve(attempt, &rejection, &[hash]);
    });
}
