//! Lies in the transaction's head, and fees at and beyond their bounds.

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Sequence};

use super::super::attempt::{Asked, Case, intent};
use super::super::vault::stranger;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("transaction version", transaction_version),
    class("locktime in seconds", locktime_in_seconds),
    class("locktime far ahead", locktime_far_ahead),
    class("locktime zero", locktime_zero),
    class("sequence", sequence),
    class("fee at its bound", fee_at_its_bound),
    class("fee a satoshi above its bound", fee_above_its_bound),
    class("feerate at its bound", feerate_at_its_bound),
    class("feerate a satoshi above its bound", feerate_above_its_bound),
    class("fee share at its bound", fee_share_at_its_bound),
    class(
        "fee share a satoshi above its bound",
        fee_share_above_its_bound,
    ),
    class("everything for the miners", everything_for_the_miners),
    class("more out than in", more_out_than_in),
    class("policy expired", policy_expired),
];

fn transaction_version(case: &mut Case<'_>) -> Option<Expected> {
    let version = *case
        .draw
        .one(&[0, 1, 3, 4, -1, i32::MIN, i32::MAX, 0x0200_0000]);
    case.attempt.psbt.unsigned_tx.version = Version(version);
    Some(Expected::Refused("TRANSACTION_VERSION"))
}

fn locktime_in_seconds(case: &mut Case<'_>) -> Option<Expected> {
    let time = *case.draw.one(&[500_000_000, 1_700_000_000, u32::MAX]);
    case.attempt.psbt.unsigned_tx.lock_time = LockTime::from_consensus(time);
    Some(Expected::Refused("LOCKTIME_IS_TIME"))
}

fn locktime_far_ahead(case: &mut Case<'_>) -> Option<Expected> {
    // An hour after the head, six blocks and a little, and a day.
    let latest = case.vault.policy.head.height + 3_600 * 7 / 4_000 + 144;
    let height = *case
        .draw
        .one(&[latest + 1, latest + 2, 1_000_000, 499_999_999]);
    case.attempt.psbt.unsigned_tx.lock_time = LockTime::from_consensus(height);
    Some(Expected::Refused("LOCKTIME_BEYOND_CHAIN"))
}

fn locktime_zero(case: &mut Case<'_>) -> Option<Expected> {
    case.attempt.psbt.unsigned_tx.lock_time = LockTime::ZERO;
    Some(Expected::Signed)
}

fn sequence(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let flipped = 0xffff_fffd ^ (1_u32 << case.draw.below(32));
    let sequence = *case
        .draw
        .one(&[u32::MAX, 0xffff_fffe, 0xffff_fffc, 0, 12_960, flipped]);
    case.attempt.psbt.unsigned_tx.input[input].sequence = Sequence(sequence);
    Some(Expected::Refused("SEQUENCE"))
}

/// Sets the fee by taking it from the change.
fn set_fee(case: &mut Case<'_>, fee: Amount) {
    let before = case.plan.fee;
    let change = case.change();
    change.value = change.value + before - fee;
}

/// Plans enough payments that neither rate nor share stand in the way of the absolute bound.
fn with_room(case: &mut Case<'_>) {
    case.plan.coins.truncate(2);
    for number in 0..4_u8 {
        let sat = 4_900_000 - u64::from(number);
        case.plan.asked.push(Asked {
            intent: intent(
                case.vault,
                &format!("f-{number}"),
                stranger(60 + number),
                sat,
            ),
            by: "exchange",
            approved_by: Vec::new(),
        });
    }
    case.plan.asked.truncate(6);
    case.rebuild();
    case.truth.approved = case.plan.asked.iter().map(Asked::output).collect();
}

/// The weight once every input is signed in the heaviest ordinary way.
fn weight(case: &Case<'_>) -> u64 {
    let psbt = &case.attempt.psbt;
    let inputs = u64::try_from(psbt.inputs.len()).expect("few inputs");
    let witness = case
        .vault
        .policy
        .descriptor
        .max_satisfaction_weight()
        .to_wu();
    psbt.unsigned_tx.weight().to_wu() + 2 + inputs * witness
}

/// The highest fee at 200 sat/vB.
fn highest_by_rate(case: &Case<'_>) -> u64 {
    50 * weight(case)
}

fn fee_at_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    // The rate stands lower than the absolute bound for transactions of this size; the lower decides.
    with_room(case);
    let paid: u64 = case
        .plan
        .asked
        .iter()
        .map(|asked| asked.intent.amount.to_sat())
        .sum();
    let highest = highest_by_rate(case).min(paid / 50).min(500_000);
    set_fee(case, Amount::from_sat(highest));
    Some(Expected::Signed)
}

fn fee_above_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    with_room(case);
    set_fee(case, Amount::from_sat(500_001));
    Some(Expected::Refused("FEE_ABOVE_CAP"))
}

fn feerate_at_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    let highest = highest_by_rate(case);
    let paid: u64 = case
        .plan
        .asked
        .iter()
        .map(|asked| asked.intent.amount.to_sat())
        .sum();
    if highest > paid / 50 {
        return None;
    }
    set_fee(case, Amount::from_sat(highest));
    Some(Expected::Signed)
}

fn feerate_above_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    let highest = highest_by_rate(case);
    set_fee(case, Amount::from_sat(highest + 1));
    Some(Expected::Refused("FEERATE_ABOVE_CAP"))
}

/// Pays little, so that the share is the lowest bound.
fn with_little(case: &mut Case<'_>) -> u64 {
    let sat = case.draw.from_to(200_000, 1_000_000);
    let asked = Asked {
        intent: intent(case.vault, "s-1", stranger(70), sat),
        by: "exchange",
        approved_by: Vec::new(),
    };
    case.plan.asked = vec![asked];
    case.plan.fee = Amount::from_sat(sat / 50);
    case.rebuild();
    case.truth.approved = case.plan.asked.iter().map(Asked::output).collect();
    sat
}

fn fee_share_at_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    with_little(case);
    Some(Expected::Signed)
}

fn fee_share_above_its_bound(case: &mut Case<'_>) -> Option<Expected> {
    let paid = with_little(case);
    set_fee(case, Amount::from_sat(paid / 50 + 1));
    Some(Expected::Refused("FEE_SHARE_ABOVE_CAP"))
}

fn everything_for_the_miners(case: &mut Case<'_>) -> Option<Expected> {
    case.change().value = Amount::from_sat(100_000);
    Some(Expected::Refused("FEE_ABOVE_CAP"))
}

fn more_out_than_in(case: &mut Case<'_>) -> Option<Expected> {
    let more = case.plan.fee + Amount::from_sat(case.draw.from_to(1, 1_000_000));
    case.change().value += more;
    Some(Expected::Refused("OUTPUTS_EXCEED_INPUTS"))
}

fn policy_expired(case: &mut Case<'_>) -> Option<Expected> {
    let late = *case.draw.one(&[0, 1, 86_400]);
    case.now = case.vault.policy.valid_until.saturating_add(late);
    case.forbid();
    Some(Expected::Refused("POLICY_EXPIRED"))
}
