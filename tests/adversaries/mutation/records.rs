//! Lies in the PSBT's records and in the manifest's form.

use bitcoin::bip32::{Fingerprint, Xpriv, Xpub};
use bitcoin::psbt::raw::ProprietaryKey;
use bitcoin::secp256k1::Secp256k1;
use policies::PolicyId;
use policies::psbt::manifest::PREFIX;

use super::super::attempt::Case;
use super::super::raw::{Pair, compact_size};
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("unknown global record", unknown_global_record),
    class("unknown input record", unknown_input_record),
    class("unknown output record", unknown_output_record),
    class("somebody's proprietary record", foreign_proprietary_record),
    class("record twice", record_twice),
    class("records out of order", records_out_of_order),
    class("length longer than needed", long_length),
    class("bytes behind the end", bytes_behind_the_end),
    class("cut off", cut_off),
    class("too large", too_large),
    class("not a PSBT", not_a_psbt),
    class("signature brought along", signature_brought_along),
    class("final witness brought along", final_witness_brought_along),
    class("extended key of a stranger", extended_key_of_a_stranger),
    class(
        "extended key with a wrong origin",
        extended_key_with_a_wrong_origin,
    ),
    class("no manifest", no_manifest),
    class(
        "manifest record of unknown kind",
        manifest_record_of_unknown_kind,
    ),
    class(
        "manifest record of a wrong length",
        manifest_record_of_a_wrong_length,
    ),
    class("manifest format", manifest_format),
    class("intent under another hash", intent_under_another_hash),
    class("receipt that is none", receipt_that_is_none),
    class("policy of another id", policy_of_another_id),
];

fn unknown_global_record(case: &mut Case<'_>) -> Option<Expected> {
    let kind = *case
        .draw
        .one(&[0x07, 0x08, 0x20, 0x7f, 0xf0, 0xfa, 0xfd, 0xfe]);
    let value = case.draw.bytes().to_vec();
    case.records().global.push(Pair {
        key: vec![kind],
        value,
    });
    case.records().sort();
    Some(Expected::Refused("PSBT_UNEXPECTED_FIELD"))
}

fn unknown_input_record(case: &mut Case<'_>) -> Option<Expected> {
    // Scripts of other kinds, preimages, silent payments, MuSig2, and what nobody knows.
    let kind = *case
        .draw
        .one(&[0x04, 0x09, 0x0a, 0x0b, 0x1a, 0x1b, 0x1c, 0x1d, 0x40, 0xf0]);
    let (input, data) = (case.any_input(), case.draw.bytes());
    let map = &mut case.records().inputs[input];
    map.push(Pair {
        key: [&[kind][..], if kind == 0x04 { &[] } else { &data }].concat(),
        value: vec![1; 32],
    });
    map.sort();
    Some(Expected::Refused("PSBT_UNEXPECTED_FIELD"))
}

fn unknown_output_record(case: &mut Case<'_>) -> Option<Expected> {
    let kind = *case.draw.one(&[0x00, 0x08, 0x09, 0x0a, 0x35, 0x40, 0xf0]);
    let outputs = case.attempt.psbt.outputs.len();
    let output = case.draw.place(outputs);
    let map = &mut case.records().outputs[output];
    map.push(Pair {
        key: vec![kind],
        value: vec![1; 8],
    });
    map.sort();
    Some(Expected::Refused("PSBT_UNEXPECTED_FIELD"))
}

fn foreign_proprietary_record(case: &mut Case<'_>) -> Option<Expected> {
    let prefix = match case.draw.below(3) {
        0 => b"countersigm".to_vec(),
        1 => b"coldcard".to_vec(),
        _ => Vec::new(),
    };
    let key = ProprietaryKey {
        prefix,
        subtype: case.draw.byte(),
        key: Vec::new(),
    };
    let psbt = &mut case.attempt.psbt;
    match case.draw.below(3) {
        0 => psbt.proprietary.insert(key, vec![1]),
        1 => psbt.inputs[0].proprietary.insert(key, vec![1]),
        _ => psbt.outputs[0].proprietary.insert(key, vec![1]),
    };
    Some(Expected::Refused("PSBT_UNEXPECTED_FIELD"))
}

fn record_twice(case: &mut Case<'_>) -> Option<Expected> {
    let inputs = case.attempt.psbt.inputs.len();
    let which = case.draw.place(inputs + 1);
    let other = case.draw.coin();
    let place = case.draw.word();
    let maps = case.records();
    let map = match which.checked_sub(1) {
        // The first global record is the transaction, which is missed by another name.
        None => &mut maps.global,
        Some(input) => &mut maps.inputs[input],
    };
    let length = u64::try_from(map.len() - 1).ok()?;
    let place = usize::try_from(place % length).ok()? + 1;
    let mut twin = map[place].clone();
    if other && let Some(byte) = twin.value.last_mut() {
        *byte ^= 1;
    }
    map.insert(place, twin);
    Some(Expected::Refused("PSBT_NOT_CANONICAL"))
}

fn records_out_of_order(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    case.records().inputs[input].reverse();
    Some(Expected::Refused("PSBT_NOT_CANONICAL"))
}

fn long_length(case: &mut Case<'_>) -> Option<Expected> {
    let bytes = case.bytes();
    // The first length is that of the first global record's key: one byte.
    let long: &[u8] = match case.draw.below(3) {
        0 => &[0xfd, 1, 0],
        1 => &[0xfe, 1, 0, 0, 0],
        _ => &[0xff, 1, 0, 0, 0, 0, 0, 0, 0],
    };
    case.hand_over([&bytes[..5], long, &bytes[6..]].concat());
    Some(Expected::Refused("PSBT_NOT_CANONICAL"))
}

fn bytes_behind_the_end(case: &mut Case<'_>) -> Option<Expected> {
    let more = case.draw.bytes();
    let count = 1 + case.draw.place(32);
    case.hand_over([&case.bytes()[..], &more[..count]].concat());
    Some(Expected::Refused("PSBT_TRAILING_BYTES"))
}

fn cut_off(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let keep = 6 + case.draw.place(bytes.len() - 6);
    bytes.truncate(keep);
    case.hand_over(bytes);
    Some(Expected::Refused("PSBT_TRUNCATED"))
}

fn too_large(case: &mut Case<'_>) -> Option<Expected> {
    // Once in a while: it is slow to make.
    if case.draw.below(20) > 0 {
        return None;
    }
    let mut bytes = case.bytes();
    bytes.resize((4 << 20) + 1, 0);
    case.hand_over(bytes);
    Some(Expected::Refused("PSBT_TOO_LARGE"))
}

fn not_a_psbt(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let at = case.draw.place(5);
    bytes[at] ^= 1 << case.draw.below(7);
    case.hand_over(bytes);
    Some(Expected::Refused("PSBT_NOT_A_PSBT"))
}

fn signature_brought_along(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let fields = &case.attempt.psbt.inputs[input];
    let (key, value) = if let Some(key) = fields.bip32_derivation.keys().next() {
        let der = [0x30, 6, 2, 1, 1, 2, 1, 1, 1].to_vec();
        ([&[0x02][..], &key.serialize()].concat(), der)
    } else {
        (vec![0x13], vec![1; 64])
    };
    let map = &mut case.records().inputs[input];
    map.push(Pair { key, value });
    map.sort();
    Some(Expected::Refused("PSBT_UNEXPECTED_SIGNATURE"))
}

fn final_witness_brought_along(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let kind = *case.draw.one(&[0x07, 0x08]);
    let map = &mut case.records().inputs[input];
    map.push(Pair {
        key: vec![kind],
        value: vec![1, 1, 0x51],
    });
    map.sort();
    Some(Expected::Refused("PSBT_UNEXPECTED_SIGNATURE"))
}

fn extended_key_of_a_stranger(case: &mut Case<'_>) -> Option<Expected> {
    let kind = if case.draw.coin() {
        bitcoin::NetworkKind::Main
    } else {
        bitcoin::NetworkKind::Test
    };
    let master = Xpriv::new_master(kind, &case.draw.bytes()).ok()?;
    let secp = Secp256k1::new();
    let key = Xpub::from_priv(&secp, &master);
    let origin = (
        master.fingerprint(&secp),
        bitcoin::bip32::DerivationPath::master(),
    );
    case.attempt.psbt.xpub.insert(key, origin);
    Some(Expected::Refused("UNKNOWN_XPUB"))
}

fn extended_key_with_a_wrong_origin(case: &mut Case<'_>) -> Option<Expected> {
    let spoofed = Fingerprint::from([1, 2, 3, 4]);
    let (_, (fingerprint, _)) = case.attempt.psbt.xpub.iter_mut().next()?;
    *fingerprint = spoofed;
    Some(Expected::Refused("UNKNOWN_XPUB"))
}

/// A record of the manifest, as it stands in the PSBT.
fn ours(subtype: u8, key: &[u8], value: &[u8]) -> Pair {
    let prefix = [&compact_size(PREFIX.len())[..], PREFIX].concat();
    Pair {
        key: [&[0xfc][..], &prefix, &[subtype], key].concat(),
        value: value.to_vec(),
    }
}

fn no_manifest(case: &mut Case<'_>) -> Option<Expected> {
    let gone = case.draw.below(5);
    let one = ours(u8::try_from(gone).ok()?, &[], &[]).key;
    let global = &mut case.records().global;
    global.retain(|pair| {
        if gone == 4 {
            pair.key[0] != 0xfc
        } else {
            pair.key != one
        }
    });
    Some(Expected::Refused("MANIFEST"))
}

fn manifest_record_of_unknown_kind(case: &mut Case<'_>) -> Option<Expected> {
    let subtype = *case
        .draw
        .one(&[0x04, 0x0f, 0x17, 0x23, 0x30, 0x31, 0x41, 0x7f]);
    let key = case.draw.bytes();
    case.records().global.push(ours(subtype, &key, &[1]));
    case.records().sort();
    Some(Expected::Refused("MANIFEST"))
}

fn manifest_record_of_a_wrong_length(case: &mut Case<'_>) -> Option<Expected> {
    let subtype = *case.draw.one(&[0x10, 0x11, 0x12, 0x13, 0x14, 0x15]);
    let data = case.draw.bytes();
    let length = *case.draw.one(&[0, 1, 3, 31]);
    case.records()
        .global
        .push(ours(subtype, &data[..length], &[1; 32]));
    case.records().sort();
    Some(Expected::Refused("MANIFEST"))
}

fn manifest_format(case: &mut Case<'_>) -> Option<Expected> {
    let format = *case.draw.one(&[0_u32, 2, 256, u32::MAX]);
    let key = ours(0, &[], &[]).key;
    for pair in &mut case.records().global {
        if pair.key == key {
            pair.value = format.to_le_bytes().to_vec();
        }
    }
    Some(Expected::Refused("MANIFEST"))
}

fn intent_under_another_hash(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let hash = case.hash(asked);
    let bytes = case.attempt.manifest.intents.get_mut(&hash)?;
    let text = String::from_utf8(bytes.clone()).ok()?;
    *bytes = text.replace("invoice 7", "invoice 8").into_bytes();
    Some(Expected::Refused("MANIFEST"))
}

fn receipt_that_is_none(case: &mut Case<'_>) -> Option<Expected> {
    let (key, value) = (case.draw.bytes(), case.draw.bytes());
    case.records().global.push(ours(0x40, &key, &value));
    case.records().sort();
    Some(Expected::Refused("MANIFEST"))
}

fn policy_of_another_id(case: &mut Case<'_>) -> Option<Expected> {
    case.attempt.manifest.policy = PolicyId::from_bytes(case.draw.bytes());
    Some(Expected::Refused("WRONG_POLICY"))
}
