//! Two documents for the same keys, two sets of keys, and what belongs to one told to the other.

use bitcoin::psbt::Output;
use policies::{Approval, MerkleRoot};

use super::super::attempt::build;
use super::super::vault::{CHANGE, Vault, secret};
use super::stage::{Attack, Signer, Stage, attack, pay};
use crate::Failure;
use policies::Keychain;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "intents of the other of two documents",
        "OTHER_VAULT",
        intents_of_the_other,
    ),
    attack(
        "approvals of the other of two documents",
        "APPROVAL_WRONG",
        approvals_of_the_other,
    ),
    attack(
        "a whole transfer of another vault with the same keys",
        "WRONG_POLICY",
        whole_transfer_of_the_other,
    ),
    attack(
        "change under the other of two documents",
        "CHANGE_VERSION",
        change_under_the_other,
    ),
    attack(
        "change to the keys of another policy",
        "CHANGE_NOT_OURS",
        change_to_other_keys,
    ),
    attack(
        "a rotation of the signers between two payments",
        "OTHER_KEYSET",
        rotation_between_payments,
    ),
];

/// The document that the other signer was handed: the same name, keys and people, larger bounds.
fn handed_out_otherwise(vault: &Vault) -> Result<Vault, Failure> {
    vault.under(|text| {
        text.replace(
            "amount_max_sat = 100000000\n",
            "amount_max_sat = 900000000\n",
        )
    })
}

/// Each document's own transfer is signed where it is pinned.
fn both_sign_their_own(stage: &mut Stage<'_>, theirs: &Vault) -> Result<(), Failure> {
    let ours = stage.vault;
    let attempt = build(ours, &pay(ours, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut Signer::new(ours, "alice"), &attempt)?;
    let attempt = build(theirs, &pay(theirs, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut Signer::new(theirs, "bob"), &attempt)?;
    Ok(())
}

fn intents_of_the_other(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let ours = stage.vault;
    let theirs = handed_out_otherwise(ours)?;
    both_sign_their_own(stage, &theirs)?;
    let mut attempt = build(&theirs, &pay(&theirs, "w-1", 21, 20_000_000, &[0]));
    attempt.manifest.policy = ours.policy.id;
    for (policy, _) in attempt.manifest.changes.values_mut() {
        *policy = ours.policy.id;
    }
    stage.refuses(&mut Signer::new(ours, "alice"), &attempt)
}

fn approvals_of_the_other(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let ours = stage.vault;
    let theirs = handed_out_otherwise(ours)?;
    both_sign_their_own(stage, &theirs)?;
    let mut attempt = build(ours, &pay(ours, "w-1", 21, 20_000_000, &[0]));
    let approvals = std::mem::take(&mut attempt.manifest.approvals);
    for approval in approvals.into_values() {
        for name in ["dana", "erin"] {
            if secret(name).public().id() == approval.key {
                let root = MerkleRoot::from_bytes(approval.subject.to_bytes());
                let (vault, expires) = (theirs.policy.vault, approval.expires);
                let moved = Approval::approve(&secret(name), vault, root, expires);
                attempt.manifest.add_approval(moved);
            }
        }
    }
    stage.refuses_for(&mut Signer::new(ours, "alice"), &attempt, "signature")
}

fn whole_transfer_of_the_other(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let ours = stage.vault;
    let theirs = handed_out_otherwise(ours)?;
    both_sign_their_own(stage, &theirs)?;
    let attempt = build(&theirs, &pay(&theirs, "w-1", 21, 20_000_000, &[0]));
    stage.refuses(&mut Signer::new(ours, "alice"), &attempt)
}

fn change_under_the_other(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let ours = stage.vault;
    let theirs = handed_out_otherwise(ours)?;
    both_sign_their_own(stage, &theirs)?;
    let mut attempt = build(ours, &pay(ours, "w-1", 21, 20_000_000, &[0]));
    for (policy, _) in attempt.manifest.changes.values_mut() {
        *policy = theirs.policy.id;
    }
    stage.refuses(&mut Signer::new(ours, "alice"), &attempt)
}

fn change_to_other_keys(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let (ours, theirs) = (stage.vault, stage.other_keys()?);
    both_sign_their_own(stage, theirs)?;
    let mut attempt = build(ours, &pay(ours, "w-1", 21, 20_000_000, &[0]));
    let derived = theirs.policy.descriptor.at(Keychain::Internal, CHANGE);
    let place = attempt.change;
    attempt.psbt.unsigned_tx.output[place].script_pubkey = derived.script_pubkey.clone();
    attempt.psbt.outputs[place] = Output::default();
    derived.update_output(&mut attempt.psbt.outputs[place]);
    stage.refuses(&mut Signer::new(ours, "alice"), &attempt)
}

fn rotation_between_payments(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let ours = stage.vault;
    let rotated = stage.other_keys()?.policy.keyset;
    let mut alice = Signer::new(ours, "alice");
    let attempt = build(ours, &pay(ours, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut alice, &attempt)?;
    let mut plan = pay(ours, "w-2", 22, 20_000_000, &[1]);
    plan.asked[0].intent.keyset = rotated;
    stage.refuses(&mut alice, &build(ours, &plan))
}
