//! Structure: the PSBT itself. Every input is ours and proven, every output is payment or change, the
//! fee is inside its caps, and nothing but plain version 2 segwit with a height locktime is signed.
//!
//! The PSBT's key paths are only hints where to look: what counts is that the derived script is the one
//! spent or paid, and then every field must be exactly what our descriptor gives (money rules M7, M10).

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, HashMap};

use bitcoin::absolute::LockTime;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::psbt::{Input, Output};
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxIn, TxOut, Weight};

use super::{Refusal, ReviewedChange, ReviewedInput};
use crate::descriptor::{DerivedScript, KeyPosition, ScriptKind};
use crate::document::Policy;
use crate::ids::Keychain;
use crate::psbt::StrictPsbt;
use crate::time::UnixTime;

/// Every input signals replaceability (BIP 125) and leaves the locktime in force.
pub(super) const SEQUENCE: Sequence = Sequence(0xFFFF_FFFD);

/// Blocks that may be ahead of the expected height before a locktime is refused: a day.
const LOCKTIME_SLACK: u64 = 144;

/// Marker and flag of a segwit transaction (BIP 144).
const SEGWIT_MARKER_WEIGHT: u64 = 2;

/// What the structure part found.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) transaction: Transaction,
    pub(super) inputs: Vec<ReviewedInput>,
    pub(super) changes: Vec<ReviewedChange>,
    pub(super) fee: Amount,
    pub(super) feerate: FeeRate,
    pub(super) weight: Weight,
}

/// Examines the transaction, its inputs and its outputs.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Structure {
    let given = psbt.transaction();
    examine_header(given, policy, now, refusals);
    let inputs = examine_inputs(psbt, policy, refusals);
    let changes = examine_outputs(psbt, policy, refusals);
    let transaction = rebuild(given);
    let spent = sum(
        psbt.previous_outputs().iter().map(|output| output.value),
        "inputs",
        refusals,
    );
    let paid = sum(
        given.output.iter().map(|output| output.value),
        "outputs",
        refusals,
    );
    let fee = spent.zip(paid).and_then(|(spent, paid)| {
        let fee = spent.checked_sub(paid);
        if fee.is_none() {
            refusals.push(Refusal::OutputsExceedInputs {
                inputs: spent,
                outputs: paid,
            });
        }
        fee
    });
    let weight = signed_weight(&transaction, policy);
    let fee = fee.unwrap_or(Amount::ZERO);
    let feerate = feerate_rounded_up(fee, weight);
    Structure {
        transaction,
        inputs,
        changes,
        fee,
        feerate,
        weight,
    }
}

/// Examines the fee against the policy's caps; `paid` is the sum of the approved payments.
pub(super) fn examine_fees(
    structure: &Structure,
    policy: &Policy,
    paid: Option<Amount>,
    refusals: &mut Vec<Refusal>,
) {
    let limits = &policy.limits;
    let fee = structure.fee;
    if fee > limits.fee_max {
        refusals.push(Refusal::FeeAboveCap {
            fee,
            cap: limits.fee_max,
        });
    }
    if structure.feerate > limits.feerate_max {
        refusals.push(Refusal::FeerateAboveCap {
            feerate: structure.feerate,
            cap: limits.feerate_max,
        });
    }
    let percent = limits.fee_share_max_percent;
    let Some(payments) = paid else { return };
    let share = u128::from(fee.to_sat()).checked_mul(100);
    let cap = u128::from(payments.to_sat()).checked_mul(u128::from(percent));
    if share.zip(cap).is_none_or(|(share, cap)| share > cap) {
        refusals.push(Refusal::FeeShareAboveCap {
            fee,
            payments,
            percent,
        });
    }
}

/// Adds amounts up, or refuses by name.
pub(super) fn sum(
    amounts: impl Iterator<Item = Amount>,
    what: &'static str,
    refusals: &mut Vec<Refusal>,
) -> Option<Amount> {
    let total = amounts
        .into_iter()
        .try_fold(Amount::ZERO, Amount::checked_add);
    let total = total.filter(|total| *total <= Amount::MAX_MONEY);
    if total.is_none() {
        refusals.push(Refusal::SumOverflow { what });
    }
    total
}

fn examine_header(
    given: &Transaction,
    policy: &Policy,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    if given.version != Version::TWO {
        refusals.push(Refusal::TransactionVersion {
            found: given.version.0,
        });
    }
    match given.lock_time {
        LockTime::Seconds(time) => refusals.push(Refusal::LocktimeIsTime {
            found: time.to_consensus_u32(),
        }),
        LockTime::Blocks(height) => {
            let found = height.to_consensus_u32();
            let latest = latest_height(policy, now);
            if u64::from(found) > latest {
                refusals.push(Refusal::LocktimeBeyondChain { found, latest });
            }
        }
    }
    for (input, txin) in given.input.iter().enumerate() {
        if txin.sequence != SEQUENCE {
            refusals.push(Refusal::Sequence {
                input,
                found: txin.sequence.0,
            });
        }
    }
    let (inputs, outputs) = (given.input.len(), given.output.len());
    if inputs == 0 {
        refusals.push(Refusal::Empty { what: "inputs" });
    }
    if outputs == 0 {
        refusals.push(Refusal::Empty { what: "outputs" });
    }
    let above = |found: usize, max: u32| usize::try_from(max).is_ok_and(|max| found > max);
    if above(inputs, policy.limits.max_inputs) {
        refusals.push(Refusal::TooManyInputs {
            found: inputs,
            max: policy.limits.max_inputs,
        });
    }
    if above(outputs, policy.limits.max_outputs) {
        refusals.push(Refusal::TooManyOutputs {
            found: outputs,
            max: policy.limits.max_outputs,
        });
    }
}

/// Returns the latest height that the chain can be expected to have: the policy's head, plus blocks of
/// ten minutes since then, five percent faster, plus a day (docs/architecture.md).
fn latest_height(policy: &Policy, now: UnixTime) -> u64 {
    let elapsed = now.secs_since(policy.head.time);
    // elapsed / 600 × 1.05 = elapsed × 7 / 4000, exactly.
    let blocks = elapsed
        .saturating_mul(7)
        .checked_div(4000)
        .expect("4000 is not zero");
    u64::from(policy.head.height)
        .saturating_add(blocks)
        .saturating_add(LOCKTIME_SLACK)
}

fn examine_inputs(
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
        if proof_needed && field.non_witness_utxo.is_none() {
            refusals.push(Refusal::PreviousTransactionMissing { input });
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
    if derived.script_pubkey != previous.script_pubkey {
        refusals.push(Refusal::InputPathMismatch { input });
        return None;
    }
    let mut expected = Input::default();
    derived.update_input(&mut expected);
    let mut check = |equal: bool, name: &'static str| {
        if !equal {
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

fn examine_outputs(
    psbt: &StrictPsbt,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Vec<ReviewedChange> {
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
    let mut seen: HashMap<(&bitcoin::Script, Amount), usize> = HashMap::new();
    let mut changes = Vec::new();
    for (output, (txout, field)) in given.output.iter().zip(&psbt.psbt().outputs).enumerate() {
        if let Some(first) = seen.insert((&txout.script_pubkey, txout.value), output) {
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
            (None, None) => refusals.push(Refusal::OutputMismatch {
                output,
                amount: txout.value,
            }),
            (Some(_), Some(_)) => refusals.push(Refusal::OutputTwice { output }),
            // That the payment is asked for and approved is the authority part's to say.
            (Some(_), None) => examine_fields(output, field, &Output::default(), refusals),
            (None, Some((version, index))) => {
                if *version != policy.id {
                    refusals.push(Refusal::ChangeVersion {
                        output,
                        expected: policy.id,
                        found: *version,
                    });
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
    if usize::try_from(max).is_ok_and(|max| changes.len() > max) {
        refusals.push(Refusal::TooMuchChange {
            found: changes.len(),
            max,
        });
    }
    changes
}

fn own_change(
    output: usize,
    txout: &TxOut,
    index: u32,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Option<DerivedScript> {
    let min = policy.limits.change_min;
    if txout.value < min {
        refusals.push(Refusal::ChangeTooSmall {
            output,
            found: txout.value,
            min,
        });
    }
    // An index beyond the unhardened ones derives nothing.
    let derived = ChildNumber::from_normal_idx(index)
        .ok()
        .map(|_| policy.descriptor.at(Keychain::Internal, index));
    let ours = derived.filter(|derived| derived.script_pubkey == txout.script_pubkey);
    if ours.is_none() {
        refusals.push(Refusal::ChangeNotOurs { output, index });
    }
    ours
}

fn examine_fields(output: usize, field: &Output, expected: &Output, refusals: &mut Vec<Refusal>) {
    let mut check = |equal: bool, name: &'static str| {
        if !equal {
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

/// Builds the transaction again from what review looked at, and nothing else.
fn rebuild(given: &Transaction) -> Transaction {
    Transaction {
        version: given.version,
        lock_time: given.lock_time,
        input: given
            .input
            .iter()
            .map(|txin| empty_input(txin.previous_output, txin.sequence))
            .collect(),
        output: given.output.clone(),
    }
}

fn empty_input(previous_output: OutPoint, sequence: Sequence) -> TxIn {
    TxIn {
        previous_output,
        sequence,
        script_sig: bitcoin::ScriptBuf::new(),
        witness: bitcoin::Witness::new(),
    }
}

/// Returns the weight once signed, with the heaviest ordinary satisfaction of every input.
fn signed_weight(transaction: &Transaction, policy: &Policy) -> Weight {
    let inputs = u64::try_from(transaction.input.len()).unwrap_or(u64::MAX);
    let witnesses = policy
        .descriptor
        .max_satisfaction_weight()
        .to_wu()
        .saturating_mul(inputs);
    let unsigned = transaction.weight().to_wu();
    Weight::from_wu(
        unsigned
            .saturating_add(witnesses)
            .saturating_add(SEGWIT_MARKER_WEIGHT),
    )
}

/// Returns fee over weight in sat/kwu, rounded up, so that a cap is never passed by rounding.
fn feerate_rounded_up(fee: Amount, weight: Weight) -> FeeRate {
    let weight = u128::from(weight.to_wu()).max(1);
    let rate = u128::from(fee.to_sat())
        .saturating_mul(1000)
        .div_ceil(weight);
    FeeRate::from_sat_per_kwu(u64::try_from(rate).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feerate_is_rounded_up_so_that_no_cap_is_passed_by_rounding() {
        let rate = |fee, weight| {
            feerate_rounded_up(Amount::from_sat(fee), Weight::from_wu(weight)).to_sat_per_kwu()
        };
        assert_eq!(rate(250, 1000), 250);
        assert_eq!(rate(251, 1004), 250);
        assert_eq!(rate(1, 1_000_000), 1);
        assert_eq!(rate(u64::MAX, 1), u64::MAX);
    }
}
