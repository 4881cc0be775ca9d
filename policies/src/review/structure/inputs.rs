//! Inputs: every one is a coin of this vault, proven by deriving its script.

use bitcoin::TxOut;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::psbt::Input;

use crate::descriptor::{DerivedScript, KeyPosition, ScriptKind};
use crate::document::Policy;
use crate::ids::Keychain;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::review::{Refusal, ReviewedInput};

/// Examines every input; returns those that are ours.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Vec<ReviewedInput> {
    let mut reviewed = Vec::new();
    let proof_needed = policy.descriptor.kind() != ScriptKind::Tr;
    let fields = psbt.psbt().inputs.iter().zip(psbt.previous_outputs());
    for (input, (field, previous)) in fields.enumerate() {
        let Some(derived) = own_input(input, field, previous, policy, refusals) else {
            continue;
        };
        if proof_needed && field.non_witness_utxo.is_none() && !planted(Bug::ProofOfAmount) {
            refusals.push(Refusal::PreviousTransactionMissing { input });
        }
        let default = field.sighash_type.is_some_and(|kind| kind.to_u32() == 0);
        if default && proof_needed && !planted(Bug::SighashDefault) {
            refusals.push(Refusal::SighashDefault { input });
        }
        reviewed.push(ReviewedInput {
            previous: previous.clone(),
            derived,
        });
    }
    reviewed
}

fn own_input(
    input: usize,
    field: &Input,
    previous: &TxOut,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Option<DerivedScript> {
    let Some((keychain, index)) = path_hint(&origins_of_input(field), policy) else {
        refusals.push(Refusal::ForeignInput {
            input,
            script: previous.script_pubkey.clone(),
        });
        return None;
    };
    let derived = policy.descriptor.at(keychain, index);
    if derived.script_pubkey != previous.script_pubkey && !planted(Bug::InputDerivation) {
        refusals.push(Refusal::InputPathMismatch { input });
        return None;
    }
    let mut expected = Input::default();
    derived.update_input(&mut expected);
    let mut check = |equal: bool, name: &'static str| {
        if !equal && !planted(Bug::InputFields) {
            refusals.push(Refusal::InputField { input, field: name });
        }
    };
    check(field.redeem_script.is_none(), "redeem script");
    check(
        field.witness_script == expected.witness_script,
        "witness script",
    );
    check(
        field.bip32_derivation == expected.bip32_derivation,
        "key origins",
    );
    check(
        field.tap_internal_key == expected.tap_internal_key,
        "taproot internal key",
    );
    check(
        field.tap_merkle_root == expected.tap_merkle_root,
        "taproot merkle root",
    );
    check(
        field.tap_scripts == expected.tap_scripts,
        "taproot leaf scripts",
    );
    check(
        field.tap_key_origins == expected.tap_key_origins,
        "taproot key origins",
    );
    Some(derived)
}

/// A master fingerprint and a path below it, as PSBTs give them.
type Origins = Vec<(Fingerprint, DerivationPath)>;

fn origins_of_input(field: &Input) -> Origins {
    let plain = field.bip32_derivation.values().cloned();
    let taproot = field
        .tap_key_origins
        .values()
        .map(|(_, origin)| origin.clone());
    plain.chain(taproot).collect()
}

/// Returns the keychain and index that the key paths point at, if they are paths of this vault.
fn path_hint(origins: &Origins, policy: &Policy) -> Option<(Keychain, u32)> {
    origins.iter().find_map(|(fingerprint, path)| {
        policy
            .descriptor
            .key_positions()
            .iter()
            .find_map(|position| below(position, *fingerprint, path))
    })
}

fn below(
    position: &KeyPosition,
    fingerprint: Fingerprint,
    path: &DerivationPath,
) -> Option<(Keychain, u32)> {
    if position.fingerprint != fingerprint {
        return None;
    }
    let steps: &[ChildNumber] = path.as_ref();
    let prefix: &[ChildNumber] = position.path.as_ref();
    match steps.strip_prefix(prefix)? {
        [
            ChildNumber::Normal { index: branch },
            ChildNumber::Normal { index },
        ] => Some((Keychain::of_branch(*branch)?, *index)),
        _ => None,
    }
}
