//! Which fields a coordinator may write: everything else is refused by name.

use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{ScriptBuf, Witness};

use super::{IssuedAttempt, refusal, refused};
use crate::descriptor::ScriptKind;
use crate::psbt::{Encoding, MapName, PsbtRefusal, read_strict};
use crate::review::world::World;

#[test]
fn the_honest_attempt_is_read_in_every_encoding() {
    for world in World::both() {
        let attempt = world.attempt();
        let bytes = attempt.bytes();
        for encoding in [Encoding::Binary, Encoding::Base64, Encoding::Hex] {
            let read = read_strict(&encoding.encode(&bytes)).expect("read");
            assert_eq!(read.psbt().serialize(), bytes);
            assert_eq!(*read.manifest(), attempt.manifest);
            assert_eq!(read.txid(), attempt.psbt.unsigned_tx.compute_txid());
            assert_eq!(read.previous_outputs().len(), 2);
        }
    }
}

/// Every type of record that BIP 174, 371 and 373 name, and all that nobody named yet.
#[test]
fn every_type_of_record_that_is_not_expected_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let expected_in_inputs = [0x00, 0x01, 0x03, 0x05, 0x06, 0x15, 0x16, 0x17, 0x18];
    let signatures = [0x02, 0x07, 0x08, 0x13, 0x14];
    let expected_in_outputs = [0x01, 0x02, 0x05, 0x06, 0x07];
    let bare = world.attempt();
    for key_type in 0..=0xfa {
        let unknown = || {
            (
                raw::Key {
                    type_value: key_type,
                    key: vec![],
                },
                vec![1],
            )
        };
        // Serialized as an unknown record, whatever the library would read it as.
        let with = |map: MapName| {
            let mut attempt = bare.clone();
            let target = match map {
                MapName::Global => &mut attempt.psbt.unknown,
                MapName::Input(input) => &mut attempt.psbt.inputs[input].unknown,
                MapName::Output(output) => &mut attempt.psbt.outputs[output].unknown,
            };
            target.extend([unknown()]);
            // A type that is expected has keys and values of its own, which this one is not; only a
            // script can be any bytes, and review compares it.
            read_strict(&attempt.bytes()).map_or_else(|refusal| refusal.code(), |_| "READ")
        };
        let global = match key_type {
            0x00 | 0x01 => "PSBT_NOT_CANONICAL",
            _ => "PSBT_UNEXPECTED_FIELD",
        };
        assert_eq!(with(MapName::Global), global, "{key_type:#x}");
        let input = if signatures.contains(&key_type) {
            "PSBT_UNEXPECTED_SIGNATURE"
        } else if expected_in_inputs.contains(&key_type) {
            "PSBT_NOT_CANONICAL"
        } else {
            "PSBT_UNEXPECTED_FIELD"
        };
        assert_eq!(with(MapName::Input(1)), input, "{key_type:#x}");
        let output = if key_type == 0x01 {
            "READ"
        } else if expected_in_outputs.contains(&key_type) {
            "PSBT_NOT_CANONICAL"
        } else {
            "PSBT_UNEXPECTED_FIELD"
        };
        assert_eq!(with(MapName::Output(2)), output, "{key_type:#x}");
    }
}

#[test]
fn proprietary_records_of_others_are_refused_in_every_map() {
    let world = World::new(ScriptKind::Tr);
    let foreign = |prefix: &[u8]| raw::ProprietaryKey {
        prefix: prefix.to_vec(),
        subtype: 0,
        key: vec![],
    };
    for prefix in [
        &b"countersig"[..],
        b"countersignx",
        b"Countersign",
        b"",
        b"BIP0",
    ] {
        let mut attempt = world.attempt();
        attempt.psbt.proprietary.insert(foreign(prefix), vec![]);
        assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
    }
    // Our own prefix has its place in the global map only.
    let mut attempt = world.attempt();
    attempt.psbt.inputs[0]
        .proprietary
        .insert(foreign(b"countersign"), vec![]);
    assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
    let mut attempt = world.attempt();
    attempt.psbt.outputs[0]
        .proprietary
        .insert(foreign(b"countersign"), vec![]);
    assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
}

#[test]
fn signatures_in_what_is_to_be_signed_are_refused() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut attempt = world.attempt();
        attempt.psbt = issued.signed_by("alice");
        assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_SIGNATURE");
    }
    let world = World::new(ScriptKind::Wsh);
    let lies: [fn(&mut Psbt); 2] = [
        |psbt| psbt.inputs[0].final_script_sig = Some(ScriptBuf::from_bytes(vec![0x51])),
        |psbt| psbt.inputs[0].final_script_witness = Some(Witness::from_slice(&[[1]])),
    ];
    for lie in lies {
        let mut attempt = world.attempt();
        lie(&mut attempt.psbt);
        assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_SIGNATURE");
    }
}

#[test]
fn redeem_scripts_and_preimages_are_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    attempt.psbt.inputs[0].redeem_script = Some(ScriptBuf::new());
    assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
    let mut attempt = world.attempt();
    let preimage = b"secret".to_vec();
    let hash = bitcoin::hashes::sha256::Hash::hash(&preimage);
    attempt.psbt.inputs[0]
        .sha256_preimages
        .insert(hash, preimage);
    assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
    let mut attempt = world.attempt();
    attempt.psbt.outputs[0].redeem_script = Some(ScriptBuf::new());
    assert_eq!(refused(&attempt), "PSBT_UNEXPECTED_FIELD");
}

#[test]
fn an_explicit_version_0_is_not_canonical_and_version_1_not_supported() {
    for (version, code) in [(0, "PSBT_UNEXPECTED_FIELD"), (1, "PSBT_VERSION_NOT_YET")] {
        let world = World::new(ScriptKind::Tr);
        let mut attempt = world.attempt();
        let key = raw::Key {
            type_value: 0xfb,
            key: vec![],
        };
        let value = u32::to_le_bytes(version).to_vec();
        attempt.psbt.unknown.insert(key, value);
        assert_eq!(refused(&attempt), code);
    }
}

#[test]
fn records_in_another_order_are_not_canonical() {
    let world = World::new(ScriptKind::Tr);
    let bytes = world.attempt().bytes();
    // The last two records of the last output map change places: type 07 before 05.
    let mut attempt = world.attempt();
    let change = attempt.psbt.outputs.pop().expect("change");
    let key = change.tap_internal_key.expect("tr").serialize();
    let position = bytes
        .windows(35)
        .rposition(|window| window == [&[1, 0x05, 32][..], &key].concat())
        .expect("the internal key's record");
    let mut moved = bytes.clone();
    let record: Vec<u8> = moved.drain(position..position + 35).collect();
    let end = moved.len() - 1;
    moved.splice(end..end, record);
    assert!(matches!(
        refusal(&moved),
        PsbtRefusal::NotCanonical { position: found } if found >= position
    ));
}

#[test]
fn a_length_longer_than_needed_is_refused() {
    let world = World::new(ScriptKind::Tr);
    let mut bytes = world.attempt().bytes();
    // The first key's length, 1, written in three bytes.
    assert_eq!(bytes[5], 1);
    bytes.splice(5..6, [0xfd, 1, 0]);
    assert!(matches!(
        refusal(&bytes),
        PsbtRefusal::LongLength { position: 5, .. }
    ));
}

#[test]
fn a_record_twice_is_refused() {
    let world = World::new(ScriptKind::Tr);
    let bytes = world.attempt().bytes();
    let mut again = bytes.clone();
    // The record of the policy version stands twice.
    let record = [&[14][..], &[0xfc, 0x0b], b"countersign", &[0x01]].concat();
    let record = &record[..];
    let position = bytes
        .windows(record.len())
        .position(|window| window[1..] == record[1..])
        .expect("the policy's record");
    let whole = bytes[position..position + record.len() + 33].to_vec();
    again.splice(position..position, whole);
    assert!(matches!(
        refusal(&again),
        PsbtRefusal::DuplicateRecord { key_type: 0xfc, .. }
    ));
}

#[test]
fn an_unsigned_transaction_with_a_script_sig_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    attempt.psbt.unsigned_tx.input[0].script_sig = ScriptBuf::from_bytes(vec![0x51]);
    assert_eq!(refused(&attempt), "PSBT_TRANSACTION");
}

#[test]
fn a_transaction_that_spends_or_pays_nothing_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    attempt.psbt.unsigned_tx.output.clear();
    attempt.psbt.outputs.clear();
    assert_eq!(refused(&attempt), "PSBT_TRANSACTION");
    let mut attempt = world.attempt();
    attempt.psbt.unsigned_tx.input.clear();
    attempt.psbt.inputs.clear();
    assert_eq!(refused(&attempt), "PSBT_TRANSACTION");
}

#[test]
fn an_amount_above_all_the_money_there_is_is_refused() {
    for world in World::both() {
        for sat in [2_100_000_000_000_001, u64::MAX] {
            let mut attempt = world.attempt();
            attempt.output(0).value = bitcoin::Amount::from_sat(sat);
            assert_eq!(refused(&attempt), "AMOUNT_TOO_LARGE");
            let coin = world.coin(crate::Keychain::External, 3, sat);
            let mut plan = world.plan();
            plan.coins[0] = coin;
            assert_eq!(refused(&world.build(&plan)), "AMOUNT_TOO_LARGE");
        }
    }
}

#[test]
fn an_unknown_leaf_version_or_hash_length_is_refused() {
    let world = World::new(ScriptKind::Tr);
    let mut attempt = world.attempt();
    let key = raw::Key {
        type_value: 0x18,
        key: vec![],
    };
    let hash = TapLeafHash::all_zeros().to_byte_array();
    attempt.psbt.inputs[0].tap_merkle_root = None;
    attempt.psbt.inputs[0]
        .unknown
        .insert(key, hash[..31].to_vec());
    assert_eq!(refused(&attempt), "PSBT_NOT_CANONICAL");
}
