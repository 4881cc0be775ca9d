//! Structure: the PSBT itself. Every input is ours and proven, every output is payment or change, the
//! fee is inside its caps, and nothing but plain version 2 segwit with a height locktime is signed.
//!
//! The PSBT's key paths are only hints where to look: what counts is that the derived script is the one
//! spent or paid, and then every field must be exactly what our descriptor gives (money rules M7, M10).

#![deny(clippy::arithmetic_side_effects)]

mod inputs;
mod outputs;

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxIn, Weight};

use super::mode::Mode;
use super::spent::Spent;
use super::{FeeRefusal, Refusal, ReviewedChange, ReviewedInput, ReviewedRecovery};
use crate::descriptor::KeyPosition;
use crate::document::Policy;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::time::UnixTime;

/// Every input signals replaceability (BIP 125) and leaves the locktime in force.
pub(super) const SEQUENCE: Sequence = Sequence(0xFFFF_FFFD);

/// Blocks that may be ahead of the expected height before a locktime is refused: a day.
const LOCKTIME_SLACK: u64 = 144;

/// Marker and flag of a segwit transaction (BIP 144).
const SEGWIT_MARKER_WEIGHT: u64 = 2;

/// The heaviest transaction that nodes relay.
const MAX_WEIGHT: Weight = Weight::from_wu(400_000);

/// What the structure part found.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) transaction: Transaction,
    pub(super) inputs: Vec<ReviewedInput>,
    pub(super) changes: Vec<ReviewedChange>,
    pub(super) recovered: Vec<ReviewedRecovery>,
    pub(super) fee: Amount,
    pub(super) feerate: FeeRate,
    pub(super) weight: Weight,
}

/// Examines the transaction, its inputs and its outputs.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    mode: Mode,
    spent: Spent<'_>,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Structure {
    let given = psbt.transaction();
    examine_header(given, policy, mode, now, refusals);
    examine_xpubs(psbt, policy, spent, refusals);
    let inputs = inputs::examine(psbt, policy, spent, refusals);
    let (changes, recovered) = outputs::examine(psbt, policy, mode.spend, refusals);
    let transaction = rebuild(given);
    let brought = sum(
        psbt.previous_outputs().iter().map(|output| output.value),
        "inputs",
        refusals,
    );
    let paid = sum(
        given.output.iter().map(|output| output.value),
        "outputs",
        refusals,
    );
    let fee = brought.zip(paid).and_then(|(brought, paid)| {
        let fee = brought.checked_sub(paid);
        if fee.is_none() {
            refusals.push(Refusal::OutputsExceedInputs {
                inputs: brought,
                outputs: paid,
            });
        }
        fee
    });
    let weight = signed_weight(&transaction, spent, mode);
    if weight > MAX_WEIGHT {
        refusals.push(Refusal::TooHeavy { max: MAX_WEIGHT });
    }
    let fee = fee.unwrap_or(Amount::ZERO);
    let feerate = feerate_rounded_up(fee, weight);
    Structure {
        transaction,
        inputs,
        changes,
        recovered,
        fee,
        feerate,
        weight,
    }
}

/// Examines the fee against the policy's caps; `paid` is the sum of the approved payments, of which the fee
/// is a share where any are paid.
pub(super) fn examine_fees(
    structure: &Structure,
    policy: &Policy,
    paid: Option<Amount>,
    refusals: &mut Vec<Refusal>,
) {
    let limits = &policy.limits;
    let fee = structure.fee;
    if fee > limits.fee_max && !planted(Bug::FeeMax) {
        refusals.push(Refusal::Fee(FeeRefusal::AboveCap {
            fee,
            cap: limits.fee_max,
        }));
    }
    if structure.feerate > limits.feerate_max && !planted(Bug::FeeRate) {
        refusals.push(Refusal::Fee(FeeRefusal::FeerateAboveCap {
            feerate: structure.feerate,
            cap: limits.feerate_max,
        }));
    }
    let percent = limits.fee_share_max_percent;
    let Some(payments) = paid else { return };
    let share = u128::from(fee.to_sat()).checked_mul(100);
    let cap = u128::from(payments.to_sat()).checked_mul(u128::from(percent));
    if share.zip(cap).is_none_or(|(share, cap)| share > cap) && !planted(Bug::FeeShare) {
        refusals.push(Refusal::Fee(FeeRefusal::ShareAboveCap {
            fee,
            payments,
            percent,
        }));
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
    mode: Mode,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    if given.version != Version::TWO && !planted(Bug::TransactionVersion) {
        refusals.push(Refusal::TransactionVersion {
            found: given.version.0,
        });
    }
    match given.lock_time {
        LockTime::Seconds(_) if planted(Bug::LocktimeKind) => {}
        LockTime::Seconds(time) => refusals.push(Refusal::LocktimeIsTime {
            found: time.to_consensus_u32(),
        }),
        LockTime::Blocks(height) => {
            let found = height.to_consensus_u32();
            let latest = latest_height(policy, now);
            if u64::from(found) > latest && !planted(Bug::LocktimeAhead) {
                refusals.push(Refusal::LocktimeBeyondChain { found, latest });
            }
        }
    }
    for (input, txin) in given.input.iter().enumerate() {
        if txin.sequence != mode.sequence && !planted(Bug::Sequence) {
            refusals.push(Refusal::Sequence {
                input,
                expected: mode.sequence.0,
                found: txin.sequence.0,
            });
        }
    }
    let (inputs, outputs) = (given.input.len(), given.output.len());
    let above = |found: usize, max: u32| usize::try_from(max).is_ok_and(|max| found > max);
    if above(inputs, policy.limits.max_inputs) && !planted(Bug::InputCount) {
        refusals.push(Refusal::TooManyInputs {
            found: inputs,
            max: policy.limits.max_inputs,
        });
    }
    if above(outputs, policy.limits.max_outputs) && !planted(Bug::OutputCount) {
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

/// Examines that every extended key given is one of the descriptor's, with its origin: of the newest, or of the one
/// that is spent.
fn examine_xpubs(
    psbt: &StrictPsbt,
    policy: &Policy,
    spent: Spent<'_>,
    refusals: &mut Vec<Refusal>,
) {
    for (xpub, (fingerprint, path)) in &psbt.psbt().xpub {
        let given = KeyPosition {
            fingerprint: *fingerprint,
            path: path.clone(),
            xpub: *xpub,
        };
        let known = [&policy.descriptor, spent.descriptor]
            .iter()
            .any(|descriptor| descriptor.key_positions().contains(&given));
        if !known && !planted(Bug::ExtendedKeys) {
            refusals.push(Refusal::UnknownXpub {
                xpub: Box::new(*xpub),
            });
        }
    }
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

/// Returns the weight once signed, with the heaviest satisfaction of every input: of ordinary paths, or of
/// the recovery paths with the timelock taken.
fn signed_weight(transaction: &Transaction, spent: Spent<'_>, mode: Mode) -> Weight {
    let inputs = u64::try_from(transaction.input.len()).unwrap_or(u64::MAX);
    let heaviest = match mode.older {
        None => spent.descriptor.max_satisfaction_weight(),
        Some(_) => spent
            .descriptor
            .paths()
            .iter()
            .filter(|path| path.older == mode.older)
            .map(|path| path.satisfaction_weight)
            .max()
            .unwrap_or(Weight::ZERO),
    };
    let witnesses = heaviest.to_wu().saturating_mul(inputs);
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
