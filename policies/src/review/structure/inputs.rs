//! Inputs: every one is a coin of this vault, proven by deriving its script.

use bitcoin::TxOut;
use bitcoin::psbt::Input;

use crate::descriptor::{DerivedScript, ScriptKind};
use crate::document::Policy;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::review::spent::{self, Spent};
use crate::review::{Refusal, ReviewedInput};

/// Examines every input; returns those that are ours.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    spent: Spent<'_>,
    refusals: &mut Vec<Refusal>,
) -> Vec<ReviewedInput> {
    let mut reviewed = Vec::new();
    let proof_needed = spent.descriptor.kind() != ScriptKind::Tr;
    let fields = psbt.psbt().inputs.iter().zip(psbt.previous_outputs());
    for (input, (field, previous)) in fields.enumerate() {
        let Some(derived) = own_input(input, field, previous, policy, spent, refusals) else {
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
    spent: Spent<'_>,
    refusals: &mut Vec<Refusal>,
) -> Option<DerivedScript> {
    let owner = spent::owner(field, previous, policy);
    if let Some(owner) = owner
        && owner.former != spent.former
    {
        if !planted(Bug::KeysetsMixed) {
            refusals.push(Refusal::KeysetsMixed { input });
        }
        return spent::hinted(field, owner.descriptor);
    }
    let Some(derived) = spent::hinted(field, spent.descriptor) else {
        refusals.push(Refusal::ForeignInput {
            input,
            script: previous.script_pubkey.clone(),
        });
        return None;
    };
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
