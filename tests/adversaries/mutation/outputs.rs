//! Lies about outputs: who is paid, how much, and what is said to be change.

use bitcoin::bip32::{ChildNumber, DerivationPath};
use bitcoin::{Amount, PublicKey, TxOut};
use policies::{IntentKind, Keychain, PolicyId};

use super::super::attempt::{Asked, Case, carry, intent};
use super::super::vault::stranger;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("payment to a thief", payment_to_a_thief),
    class("payment raised", payment_raised),
    class("payment lowered", payment_lowered),
    class("payments exchanged", payments_exchanged),
    class("payment and change exchanged", payment_and_change_exchanged),
    class("payment to our change", payment_to_our_change),
    class("output added", output_added),
    class("intent paid twice", intent_paid_twice),
    class("output added as change", output_added_as_change),
    class("output removed", output_removed),
    class(
        "outputs reordered with their records",
        reordered_with_records,
    ),
    class("change to a thief with our origins", change_to_a_thief),
    class(
        "change to a thief without fields",
        change_without_fields_to_a_thief,
    ),
    class("change with forged origins", change_with_forged_origins),
    class("change without its fields", change_without_fields),
    class("payment with our origins", payment_with_our_origins),
    class("change beyond reach", change_beyond_reach),
    class("change index hardened", change_hardened),
    class("change on the deposit branch", change_on_deposit_branch),
    class("change of another index", change_of_another_index),
    class("change of another policy", change_of_another_policy),
    class("change too small", change_too_small),
    class("change twice", change_twice),
    class("output both payment and change", output_both),
    class("equal outputs", equal_outputs),
    class("record of no output", record_of_no_output),
    class("payment to own script", payment_to_own_script),
    class("transfer to a stranger", transfer_to_a_stranger),
    class("script that anyone can spend", script_that_anyone_can_spend),
    class("nothing paid", nothing_paid),
    class("too many outputs", too_many_outputs),
    class("amount beyond all money", amount_beyond_all_money),
    class("sat moved from change to fee", sat_from_change_to_fee),
];

fn thief(case: &mut Case<'_>) -> bitcoin::ScriptBuf {
    stranger(case.draw.byte() | 0x80)
}

fn payment_to_a_thief(case: &mut Case<'_>) -> Option<Expected> {
    let (asked, thief) = (case.any_asked(), thief(case));
    case.payment(asked).script_pubkey = thief;
    Some(Expected::Refused("PAYMENT_SCRIPT"))
}

fn payment_raised(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let sat = Amount::from_sat(*case.draw.one(&[1, 1, 1, 2, 1_000, 90_000]));
    case.payment(asked).value += sat;
    case.change().value -= sat;
    Some(Expected::Refused("PAYMENT_AMOUNT"))
}

fn payment_lowered(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let sat = Amount::from_sat(*case.draw.one(&[1, 1, 1, 2, 1_000, 9_000]));
    case.payment(asked).value -= sat;
    case.change().value += sat;
    Some(Expected::Refused("PAYMENT_AMOUNT"))
}

fn payments_exchanged(case: &mut Case<'_>) -> Option<Expected> {
    let first = case.payment(0).script_pubkey.clone();
    let second = std::mem::replace(&mut case.payment(1).script_pubkey, first);
    case.payment(0).script_pubkey = second;
    Some(Expected::Refused("PAYMENT_SCRIPT"))
}

fn payment_and_change_exchanged(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let (payment, change) = (case.attempt.payments[asked], case.attempt.change);
    case.attempt.psbt.unsigned_tx.output.swap(payment, change);
    if case.draw.coin() {
        case.attempt.psbt.outputs.swap(payment, change);
    }
    Some(Expected::Refused("PAYMENT_SCRIPT"))
}

fn payment_to_our_change(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let own = case.change().script_pubkey.clone();
    case.payment(asked).script_pubkey = own;
    Some(Expected::Refused("PAYMENT_SCRIPT"))
}

fn output_added(case: &mut Case<'_>) -> Option<Expected> {
    let value = Amount::from_sat(case.draw.from_to(1_000, 100_000));
    let script_pubkey = thief(case);
    case.change().value -= value;
    case.attempt.add_output(TxOut {
        value,
        script_pubkey,
    });
    Some(Expected::Refused("OUTPUT_MISMATCH"))
}

fn intent_paid_twice(case: &mut Case<'_>) -> Option<Expected> {
    // The last is the smallest, so that the change suffices.
    let asked = case.plan.asked.len() - 1;
    let output = case.plan.asked[asked].output();
    case.change().value = case.change().value.checked_sub(output.value)?;
    let hash = case.hash(asked);
    let place = case.attempt.add_output(output);
    case.attempt.manifest.payments.insert(place, hash);
    Some(Expected::Refused("INTENT_TWICE"))
}

fn output_added_as_change(case: &mut Case<'_>) -> Option<Expected> {
    let value = Amount::from_sat(case.draw.from_to(100_000, 1_000_000));
    let script_pubkey = thief(case);
    case.change().value -= value;
    let place = case.attempt.add_output(TxOut {
        value,
        script_pubkey,
    });
    let change = (case.vault.policy.id, case.plan.change);
    case.attempt.manifest.changes.insert(place, change);
    Some(Expected::Refused("CHANGE_NOT_OURS"))
}

fn output_removed(case: &mut Case<'_>) -> Option<Expected> {
    case.attempt.psbt.unsigned_tx.output.pop();
    case.attempt.psbt.outputs.pop();
    Some(Expected::Refused("NO_SUCH_OUTPUT"))
}

fn reordered_with_records(case: &mut Case<'_>) -> Option<Expected> {
    let outputs = case.attempt.psbt.outputs.len();
    let (a, b) = (case.draw.place(outputs), case.draw.place(outputs));
    case.attempt.psbt.unsigned_tx.output.swap(a, b);
    case.attempt.psbt.outputs.swap(a, b);
    let number = |place| u32::try_from(place).expect("few outputs");
    let moved = |place: u32| match place {
        place if place == number(a) => number(b),
        place if place == number(b) => number(a),
        place => place,
    };
    let manifest = &mut case.attempt.manifest;
    let payments = std::mem::take(&mut manifest.payments);
    manifest.payments = payments
        .into_iter()
        .map(|(place, hash)| (moved(place), hash))
        .collect();
    let changes = std::mem::take(&mut manifest.changes);
    manifest.changes = changes
        .into_iter()
        .map(|(place, change)| (moved(place), change))
        .collect();
    Some(Expected::Signed)
}

fn change_to_a_thief(case: &mut Case<'_>) -> Option<Expected> {
    let thief = thief(case);
    case.change().script_pubkey = thief;
    Some(Expected::Refused("CHANGE_NOT_OURS"))
}

fn change_without_fields_to_a_thief(case: &mut Case<'_>) -> Option<Expected> {
    let place = case.attempt.change;
    case.attempt.psbt.outputs[place] = bitcoin::psbt::Output::default();
    change_to_a_thief(case)
}

fn change_with_forged_origins(case: &mut Case<'_>) -> Option<Expected> {
    let forged = ChildNumber::from_normal_idx(case.plan.change + 1).expect("a small index");
    let fields = &mut case.attempt.psbt.outputs[case.attempt.change];
    let forge = |path: &mut DerivationPath| {
        let steps: &[ChildNumber] = path.as_ref();
        let (_, above) = steps.split_last().unwrap_or((&forged, &[]));
        *path = above.iter().copied().chain([forged]).collect();
    };
    for (_, path) in fields.bip32_derivation.values_mut().take(1) {
        forge(path);
    }
    for (_, (_, path)) in fields.tap_key_origins.values_mut().take(1) {
        forge(path);
    }
    Some(Expected::Refused("OUTPUT_FIELD"))
}

fn change_without_fields(case: &mut Case<'_>) -> Option<Expected> {
    case.attempt.psbt.outputs[case.attempt.change] = bitcoin::psbt::Output::default();
    Some(Expected::Refused("OUTPUT_FIELD"))
}

fn payment_with_our_origins(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let place = case.attempt.payments[asked];
    let change = case.attempt.change;
    case.attempt.psbt.outputs[place] = case.attempt.psbt.outputs[change].clone();
    Some(Expected::Refused("OUTPUT_FIELD"))
}

/// Writes change of another place as a coordinator would, consistent in itself.
fn move_change(case: &mut Case<'_>, keychain: Keychain, index: u32) {
    let derived = case.vault.policy.descriptor.at(keychain, index);
    case.change().script_pubkey = derived.script_pubkey.clone();
    let place = case.attempt.change;
    let fields = &mut case.attempt.psbt.outputs[place];
    *fields = bitcoin::psbt::Output::default();
    derived.update_output(fields);
    let place = u32::try_from(place).expect("few outputs");
    let change = (case.vault.policy.id, index);
    case.attempt.manifest.changes.insert(place, change);
}

fn change_beyond_reach(case: &mut Case<'_>) -> Option<Expected> {
    let beyond = *case
        .draw
        .one(&[1_001, 1_002, 5_000, 1_000_000, 0x7fff_ffff]);
    move_change(case, Keychain::Internal, beyond);
    Some(Expected::Refused("CHANGE_INDEX_TOO_FAR"))
}

fn change_hardened(case: &mut Case<'_>) -> Option<Expected> {
    let index = 0x8000_0000 | case.plan.change;
    for change in case.attempt.manifest.changes.values_mut() {
        change.1 = index;
    }
    Some(Expected::Refused("CHANGE_NOT_OURS"))
}

fn change_on_deposit_branch(case: &mut Case<'_>) -> Option<Expected> {
    let index = case.plan.change;
    move_change(case, Keychain::External, index);
    Some(Expected::Refused("CHANGE_NOT_OURS"))
}

fn change_of_another_index(case: &mut Case<'_>) -> Option<Expected> {
    let other = case.plan.change + 1 + u32::try_from(case.draw.below(900)).expect("small");
    for change in case.attempt.manifest.changes.values_mut() {
        change.1 = other;
    }
    Some(Expected::Refused("CHANGE_NOT_OURS"))
}

fn change_of_another_policy(case: &mut Case<'_>) -> Option<Expected> {
    let other = PolicyId::from_bytes(case.draw.bytes());
    for change in case.attempt.manifest.changes.values_mut() {
        change.0 = other;
    }
    Some(Expected::Refused("CHANGE_VERSION"))
}

fn change_too_small(case: &mut Case<'_>) -> Option<Expected> {
    case.change().value = Amount::from_sat(99_999);
    Some(Expected::Refused("CHANGE_TOO_SMALL"))
}

fn change_twice(case: &mut Case<'_>) -> Option<Expected> {
    let index = case.plan.change + 1;
    let derived = case.vault.policy.descriptor.at(Keychain::Internal, index);
    let value = Amount::from_sat(200_000);
    case.change().value -= value;
    let place = case.attempt.add_output(TxOut {
        value,
        script_pubkey: derived.script_pubkey.clone(),
    });
    let fields = case.attempt.psbt.outputs.last_mut()?;
    derived.update_output(fields);
    let change = (case.vault.policy.id, index);
    case.attempt.manifest.changes.insert(place, change);
    Some(Expected::Refused("TOO_MUCH_CHANGE"))
}

fn output_both(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let place = u32::try_from(case.attempt.payments[asked]).ok()?;
    let change = (case.vault.policy.id, case.plan.change);
    case.attempt.manifest.changes.insert(place, change);
    Some(Expected::Refused("OUTPUT_TWICE"))
}

fn equal_outputs(case: &mut Case<'_>) -> Option<Expected> {
    // Both are asked for, but one output would satisfy both: the Creator makes no such transaction.
    let last = case.plan.asked.len() - 1;
    let mut twin = case.plan.asked[last].clone();
    twin.intent.id = "w-twin".parse().expect("an id");
    if !twin.approved_by.is_empty() {
        return None;
    }
    let output = twin.output();
    case.change().value -= output.value;
    let hash = carry(&mut case.attempt.manifest, &twin);
    let place = case.attempt.add_output(output);
    case.attempt.manifest.payments.insert(place, hash);
    Some(Expected::Refused("EQUAL_OUTPUTS"))
}

fn record_of_no_output(case: &mut Case<'_>) -> Option<Expected> {
    let outputs = u32::try_from(case.attempt.psbt.outputs.len()).ok()?;
    let asked = case.any_asked();
    let hash = case.hash(asked);
    let beyond = *case.draw.one(&[outputs, outputs + 1, u32::MAX]);
    case.attempt.manifest.payments.insert(beyond, hash);
    Some(Expected::Refused("NO_SUCH_OUTPUT"))
}

fn payment_to_own_script(case: &mut Case<'_>) -> Option<Expected> {
    let branch = *case.draw.one(&Keychain::BOTH);
    let index = u32::try_from(case.draw.below(60)).ok()?;
    let script = case.vault.policy.descriptor.script_pubkey(branch, index);
    if case.truth.change == script {
        return None;
    }
    let asked = case.any_asked();
    case.plan.asked[asked].intent.script_pubkey = script;
    if case.plan.asked[asked].approved_by.len() == 1 {
        case.plan.asked[asked].approved_by = vec!["dana", "erin"];
    }
    case.rebuild();
    Some(Expected::Refused("PAYS_OWN_SCRIPT"))
}

fn transfer_to_a_stranger(case: &mut Case<'_>) -> Option<Expected> {
    let asked = &mut case.plan.asked[0];
    asked.intent.kind = IntentKind::Transfer;
    case.rebuild();
    case.forbid();
    Some(Expected::Refused("TRANSFER_TO_STRANGER"))
}

fn script_that_anyone_can_spend(case: &mut Case<'_>) -> Option<Expected> {
    let script = match case.draw.below(4) {
        0 => vec![0x51, 2, 0x4e, 0x73],
        1 => vec![0x51],
        2 => [&[0x52, 32][..], &[7; 32]].concat(),
        _ => vec![0x6a, 2, 1, 2],
    };
    case.plan.asked[0].intent.script_pubkey = script.into();
    case.rebuild();
    Some(Expected::Refused("SCRIPT_KIND"))
}

fn nothing_paid(case: &mut Case<'_>) -> Option<Expected> {
    case.attempt.manifest.payments.clear();
    Some(Expected::Refused("PAYS_NOTHING"))
}

fn too_many_outputs(case: &mut Case<'_>) -> Option<Expected> {
    for number in 0..8_u8 {
        let sat = 10_000 + u64::from(number);
        let asked = Asked {
            intent: intent(
                case.vault,
                &format!("x-{number}"),
                stranger(90 + number),
                sat,
            ),
            by: "exchange",
            approved_by: Vec::new(),
        };
        case.plan.asked.push(asked);
    }
    case.rebuild();
    Some(Expected::Refused("TOO_MANY_OUTPUTS"))
}

fn amount_beyond_all_money(case: &mut Case<'_>) -> Option<Expected> {
    let beyond = *case.draw.one(&[2_100_000_000_000_001, u64::MAX, 1 << 63]);
    let asked = case.any_asked();
    case.payment(asked).value = Amount::from_sat(beyond);
    Some(Expected::Refused("AMOUNT_TOO_LARGE"))
}

fn sat_from_change_to_fee(case: &mut Case<'_>) -> Option<Expected> {
    case.change().value -= Amount::ONE_SAT;
    Some(Expected::Signed)
}

/// A key that is nobody's here.
pub(super) fn foreign_key(case: &mut Case<'_>) -> PublicKey {
    loop {
        let bytes = case.draw.bytes();
        if let Ok(secret) = bitcoin::secp256k1::SecretKey::from_slice(&bytes) {
            let secp = bitcoin::secp256k1::Secp256k1::signing_only();
            return PublicKey::new(secret.public_key(&secp));
        }
    }
}
