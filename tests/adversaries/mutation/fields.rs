//! Lies in the fields of inputs: scripts, keys, leaves and origins that are not the descriptor's.

use bitcoin::ScriptBuf;
use bitcoin::bip32::Fingerprint;
use bitcoin::hashes::Hash as _;
use bitcoin::taproot::{LeafVersion, TapNodeHash};

use super::super::attempt::Case;
use super::inputs::with_paths;
use super::outputs::foreign_key;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("witness script forged", witness_script_forged),
    class("internal key forged", internal_key_forged),
    class("merkle root forged", merkle_root_forged),
    class("leaf added or forged", leaf_forged),
    class("leaf version", leaf_version),
    class("leaf left out", leaf_left_out),
    class("one fingerprint spoofed", one_fingerprint_spoofed),
    class("all fingerprints spoofed", all_fingerprints_spoofed),
    class("key of an origin forged", key_of_an_origin_forged),
    class("origin left out", origin_left_out),
];

fn witness_script_forged(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let other = (input + 1) % case.attempt.psbt.inputs.len();
    let other = case.attempt.psbt.inputs[other].witness_script.clone()?;
    let forged = match case.draw.below(3) {
        0 => None,
        1 => Some(ScriptBuf::from_bytes(vec![0x51])),
        _ => Some(other),
    };
    case.attempt.psbt.inputs[input].witness_script = forged;
    Some(Expected::Refused("INPUT_FIELD"))
}

fn internal_key_forged(case: &mut Case<'_>) -> Option<Expected> {
    if !case.vault.kind.is_tr() {
        return None;
    }
    let input = case.any_input();
    let forged = foreign_key(case).inner.x_only_public_key().0;
    let forged = case.draw.coin().then_some(forged);
    case.attempt.psbt.inputs[input].tap_internal_key = forged;
    Some(Expected::Refused("INPUT_FIELD"))
}

fn merkle_root_forged(case: &mut Case<'_>) -> Option<Expected> {
    if !case.vault.kind.is_tr() {
        return None;
    }
    let input = case.any_input();
    let forged = TapNodeHash::from_byte_array(case.draw.bytes());
    let forged = case.draw.coin().then_some(forged);
    case.attempt.psbt.inputs[input].tap_merkle_root = forged;
    Some(Expected::Refused("INPUT_FIELD"))
}

fn leaf_forged(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let added = case.draw.coin();
    let leaves = &mut case.attempt.psbt.inputs[input].tap_scripts;
    let (control, leaf) = leaves.first_key_value()?;
    let (mut control, mut leaf) = (control.clone(), leaf.clone());
    if added {
        control.output_key_parity = match control.output_key_parity {
            bitcoin::secp256k1::Parity::Even => bitcoin::secp256k1::Parity::Odd,
            bitcoin::secp256k1::Parity::Odd => bitcoin::secp256k1::Parity::Even,
        };
    } else {
        leaf.0 = ScriptBuf::from_bytes(vec![0x51]);
    }
    leaves.insert(control, leaf);
    Some(Expected::Refused("INPUT_FIELD"))
}

fn leaf_version(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let version = LeafVersion::from_consensus(0xc2).ok()?;
    let leaf = case.attempt.psbt.inputs[input]
        .tap_scripts
        .values_mut()
        .next()?;
    leaf.1 = version;
    Some(Expected::Refused("INPUT_FIELD"))
}

fn leaf_left_out(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    case.attempt.psbt.inputs[input].tap_scripts.pop_first()?;
    Some(Expected::Refused("INPUT_FIELD"))
}

fn one_fingerprint_spoofed(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let spoofed = Fingerprint::from(*case.draw.one(&[[0; 4], [0xff; 4], [1, 2, 3, 4]]));
    // The last one that is a signer's: the key that nobody knows has none.
    let mut places = 0;
    with_paths(case, input, |_, path| places += usize::from(path.len() > 2));
    let chosen = case.draw.place(places);
    let mut place = 0;
    with_paths(case, input, |fingerprint, path| {
        if path.len() > 2 {
            if place == chosen {
                *fingerprint = spoofed;
            }
            place += 1;
        }
    });
    Some(Expected::Refused("INPUT_FIELD"))
}

fn all_fingerprints_spoofed(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let spoofed = Fingerprint::from(*case.draw.one(&[[0; 4], [0xff; 4], [1, 2, 3, 4]]));
    with_paths(case, input, |fingerprint, _| *fingerprint = spoofed);
    Some(Expected::Refused("FOREIGN_INPUT"))
}

fn key_of_an_origin_forged(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let forged = foreign_key(case).inner;
    let fields = &mut case.attempt.psbt.inputs[input];
    if let Some((_, origin)) = fields.bip32_derivation.pop_first() {
        fields.bip32_derivation.insert(forged, origin);
    } else {
        let (_, origin) = fields.tap_key_origins.pop_first()?;
        fields
            .tap_key_origins
            .insert(forged.x_only_public_key().0, origin);
    }
    Some(Expected::Refused("INPUT_FIELD"))
}

fn origin_left_out(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let fields = &mut case.attempt.psbt.inputs[input];
    if fields.bip32_derivation.pop_first().is_none() {
        fields.tap_key_origins.pop_first()?;
    }
    Some(Expected::Refused("INPUT_FIELD"))
}
