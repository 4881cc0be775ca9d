//! Outputs: every one is a payment or change, proven by deriving its script.

use std::collections::{BTreeMap, HashMap};

use bitcoin::bip32::ChildNumber;
use bitcoin::psbt::Output;
use bitcoin::{Amount, TxOut};

use crate::descriptor::DerivedScript;
use crate::document::{Policy, Recovery};
use crate::ids::Keychain;
use crate::journal::SpendMode;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::review::{ChangeRefusal, Refusal, ReviewedChange, ReviewedRecovery};

/// Examines every output; returns the change, and what a recovery pays to the policy's address.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    mode: SpendMode,
    refusals: &mut Vec<Refusal>,
) -> (Vec<ReviewedChange>, Vec<ReviewedRecovery>) {
    let (manifest, given) = (psbt.manifest(), psbt.transaction());
    let outputs = given.output.len();
    for output in manifest.payments.keys().chain(manifest.changes.keys()) {
        if usize::try_from(*output).is_ok_and(|output| output >= outputs) {
            refusals.push(Refusal::NoSuchOutput {
                output: *output,
                outputs,
            });
        }
    }
    let recovered_to = match &policy.recovery {
        Recovery::Address(address) if mode == SpendMode::Recovery => Some(address.script_pubkey()),
        Recovery::Address(_) | Recovery::Newest => None,
    };
    let mut recovered = Vec::new();
    let mut seen: HashMap<(&bitcoin::Script, Amount), usize> = HashMap::new();
    let mut changes = Vec::new();
    for (output, (txout, field)) in given.output.iter().zip(&psbt.psbt().outputs).enumerate() {
        if let Some(first) = seen.insert((&txout.script_pubkey, txout.value), output)
            && !planted(Bug::EqualOutputs)
        {
            refusals.push(Refusal::EqualOutputs {
                first,
                second: output,
            });
        }
        let Ok(number) = u32::try_from(output) else {
            continue;
        };
        match (
            manifest.payments.get(&number),
            manifest.changes.get(&number),
        ) {
            (None, None) if mode == SpendMode::Recovery => {
                if recovered_to.as_ref() != Some(&txout.script_pubkey)
                    && !planted(Bug::RecoveryDestination)
                {
                    refusals.push(Refusal::RecoveryDestination {
                        output,
                        amount: txout.value,
                    });
                }
                examine_fields(output, field, &Output::default(), refusals);
                recovered.push(ReviewedRecovery {
                    output: number,
                    amount: txout.value,
                    script_pubkey: txout.script_pubkey.clone(),
                });
            }
            (None, None) if planted(Bug::UnknownOutput) => {}
            (None, None) => refusals.push(Refusal::OutputMismatch {
                output,
                amount: txout.value,
            }),
            (Some(_), Some(_)) => refusals.push(Refusal::OutputTwice { output }),
            // That the payment is asked for and approved is the authority part's to say.
            (Some(_), None) => examine_fields(output, field, &Output::default(), refusals),
            (None, Some((version, index))) => {
                if !policy.goes_on_from(*version) && !planted(Bug::ChangePolicy) {
                    refusals.push(Refusal::Change(ChangeRefusal::Version {
                        output,
                        expected: policy.id,
                        found: *version,
                    }));
                }
                if let Some(derived) = own_change(output, txout, *index, policy, refusals) {
                    let mut expected = Output::default();
                    derived.update_output(&mut expected);
                    examine_fields(output, field, &expected, refusals);
                }
                changes.push(ReviewedChange {
                    output: number,
                    index: *index,
                    amount: txout.value,
                });
            }
        }
    }
    let max = policy.limits.change_max_outputs;
    if usize::try_from(max).is_ok_and(|max| changes.len() > max) && !planted(Bug::ChangeCount) {
        refusals.push(Refusal::Change(ChangeRefusal::TooMuch {
            found: changes.len(),
            max,
        }));
    }
    (changes, recovered)
}

fn own_change(
    output: usize,
    txout: &TxOut,
    index: u32,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Option<DerivedScript> {
    let min = policy.limits.change_min;
    if txout.value < min && !planted(Bug::ChangeMin) {
        refusals.push(Refusal::Change(ChangeRefusal::TooSmall {
            output,
            found: txout.value,
            min,
        }));
    }
    // An index beyond the unhardened ones derives nothing.
    let derived = ChildNumber::from_normal_idx(index)
        .ok()
        .map(|_| policy.descriptor.at(Keychain::Internal, index));
    let mut ours = derived.filter(|derived| derived.script_pubkey == txout.script_pubkey);
    if ours.is_none() && planted(Bug::FormerChange) {
        let former = policy.former.iter();
        let mut former = former.map(|one| one.descriptor.at(Keychain::Internal, index));
        ours = former.find(|derived| derived.script_pubkey == txout.script_pubkey);
    }
    if ours.is_none() && !planted(Bug::ChangeDerivation) {
        refusals.push(Refusal::Change(ChangeRefusal::NotOurs { output, index }));
    }
    ours
}

fn examine_fields(output: usize, field: &Output, expected: &Output, refusals: &mut Vec<Refusal>) {
    let mut check = |equal: bool, name: &'static str| {
        if !equal && !planted(Bug::OutputFields) {
            refusals.push(Refusal::OutputField {
                output,
                field: name,
            });
        }
    };
    check(
        field.redeem_script == expected.redeem_script,
        "redeem script",
    );
    check(
        field.witness_script == expected.witness_script,
        "witness script",
    );
    check(
        same(&field.bip32_derivation, &expected.bip32_derivation),
        "key origins",
    );
    check(
        field.tap_internal_key == expected.tap_internal_key,
        "taproot internal key",
    );
    check(field.tap_tree == expected.tap_tree, "tap tree");
    check(
        same(&field.tap_key_origins, &expected.tap_key_origins),
        "taproot key origins",
    );
}

fn same<K: PartialEq, V: PartialEq>(found: &BTreeMap<K, V>, expected: &BTreeMap<K, V>) -> bool {
    found == expected
}
