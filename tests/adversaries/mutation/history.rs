//! Lies about the past: what was signed before, signed again so that both could be paid.

use bitcoin::Amount;

use super::super::attempt::{Asked, Case, build};
use super::super::vault::stranger;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("paid again from other coins", paid_again_from_other_coins),
    class("paid again beside another", paid_again_beside_another),
    class(
        "replaced with a coin in common",
        replaced_with_a_coin_in_common,
    ),
    class("the same once more", the_same_once_more),
    class("another body of the same withdrawal", another_body),
    class("replacement from other coins", replacement_from_other_coins),
    class("withdrawal and its replacement together", both_of_one_line),
];

/// Two coins that the plan does not spend.
fn other_coins(case: &Case<'_>) -> Vec<usize> {
    (0..case.vault.coins.len())
        .filter(|place| !case.plan.coins.contains(place))
        .take(2)
        .collect()
}

/// Signs the honest attempt first.
fn sign_first(case: &mut Case<'_>) {
    let bytes = case.attempt.bytes(case.version);
    case.before.push(bytes);
}

fn paid_again_from_other_coins(case: &mut Case<'_>) -> Option<Expected> {
    sign_first(case);
    case.plan.coins = other_coins(case);
    case.rebuild();
    case.forbid();
    Some(Expected::Refused("NOT_EXCLUSIVE"))
}

fn paid_again_beside_another(case: &mut Case<'_>) -> Option<Expected> {
    // Only one of the earlier withdrawals, in the company of a new one.
    sign_first(case);
    let asked = case.any_asked();
    let mut new = case.plan.asked[0].clone();
    new.intent.id = "w-new".parse().expect("an id");
    new.intent.script_pubkey = stranger(77);
    case.plan.asked = vec![case.plan.asked[asked].clone(), new];
    case.plan.coins = other_coins(case);
    case.rebuild();
    case.truth.approved = vec![case.plan.asked[1].output()];
    Some(Expected::Refused("NOT_EXCLUSIVE"))
}

fn replaced_with_a_coin_in_common(case: &mut Case<'_>) -> Option<Expected> {
    sign_first(case);
    let others = other_coins(case);
    case.plan.coins.truncate(1);
    case.plan.coins.extend(others);
    case.plan.fee += Amount::from_sat(7_000);
    case.rebuild();
    Some(Expected::Signed)
}

fn the_same_once_more(case: &mut Case<'_>) -> Option<Expected> {
    sign_first(case);
    Some(Expected::Signed)
}

fn another_body(case: &mut Case<'_>) -> Option<Expected> {
    sign_first(case);
    let asked = case.any_asked();
    let intent = &mut case.plan.asked[asked].intent;
    "invoice 8".clone_into(&mut intent.reference);
    if case.draw.coin() {
        case.plan.asked[asked].intent.amount -= Amount::ONE_SAT;
        case.plan.asked[asked].intent.min -= Amount::ONE_SAT;
    }
    case.rebuild();
    case.forbid();
    Some(Expected::Refused("SECOND_BODY"))
}

/// The withdrawal that replaces the first one, which is carried.
fn replacement(case: &Case<'_>) -> (Asked, Asked) {
    let first = case.plan.asked[0].clone();
    let mut new = first.clone();
    new.intent.id = "w-1b".parse().expect("an id");
    new.intent.replaces = Some(first.intent.id.clone());
    new.intent.script_pubkey = stranger(78);
    (first, new)
}

fn replacement_from_other_coins(case: &mut Case<'_>) -> Option<Expected> {
    sign_first(case);
    let (first, new) = replacement(case);
    case.plan.asked = vec![new];
    case.plan.carried = vec![first];
    case.plan.coins = other_coins(case);
    case.rebuild();
    case.forbid();
    Some(Expected::Refused("NOT_EXCLUSIVE"))
}

fn both_of_one_line(case: &mut Case<'_>) -> Option<Expected> {
    let (first, new) = replacement(case);
    case.plan.asked = vec![first, new];
    if case.plan.asked[0].intent.amount > Amount::from_sat(50_000_000) {
        case.plan.coins = (0..3).collect();
    }
    case.attempt = build(case.vault, &case.plan);
    case.forbid();
    Some(Expected::Refused("PAID_TWICE"))
}
