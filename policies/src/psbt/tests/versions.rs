//! PSBT version 2 (BIP 370): the same transfer as in version 0, and every way in which it is none.

use bitcoin::absolute::LockTime;
use bitcoin::{Sequence, Transaction};

use super::records::{Records, size};
use super::{IssuedAttempt, read_intake, refusal, written};
use crate::descriptor::ScriptKind;
use crate::journal::History;
use crate::psbt::{Encoding, MapName, PsbtRefusal, PsbtVersion, read_strict};
use crate::review::review;
use crate::review::world::{NOW, World};

/// The first output's map in an attempt of two inputs.
const OUTPUT: usize = 3;

/// The honest attempt in version 2.
fn records(world: &World) -> Records {
    Records::of(&written(&world.attempt(), PsbtVersion::Two))
}

#[test]
fn both_versions_are_the_same_transfer_in_every_encoding() {
    for world in World::both() {
        let attempt = world.attempt();
        let zero = attempt.bytes();
        let two = written(&attempt, PsbtVersion::Two);
        assert_ne!(zero, two);
        let first = read_strict(&zero).expect("version 0");
        assert_eq!(first.version(), PsbtVersion::Zero);
        for encoding in [Encoding::Binary, Encoding::Base64, Encoding::Hex] {
            let second = read_strict(&encoding.encode(&two)).expect("version 2");
            assert_eq!(second.version(), PsbtVersion::Two);
            assert_eq!(second.psbt(), first.psbt());
            assert_eq!(second.manifest(), first.manifest());
            assert_eq!(second.manifest_hash(), first.manifest_hash());
            assert_eq!(second.previous_outputs(), first.previous_outputs());
            assert_eq!(second.write(second.version()), two);
            assert_eq!(second.write(PsbtVersion::Zero), zero);
            assert_eq!(first.write(PsbtVersion::Two), two);
            let reviews = [&first, &second]
                .map(|psbt| review(psbt, &world.policy, &History::none(), NOW).expect("may"));
            assert_eq!(reviews[0].transaction, reviews[1].transaction);
            assert_eq!(reviews[0].payments, reviews[1].payments);
        }
    }
}

#[test]
fn trap_t13_a_psbt_of_version_2_is_read_and_any_other_version_refused() {
    for world in World::both() {
        assert!(read_strict(&records(&world).bytes()).is_ok());
        for version in [1, 3, 4, 256, u32::MAX] {
            let mut records = records(&world);
            *records.value(0, 0xfb) = version.to_le_bytes().to_vec();
            let expected = PsbtRefusal::VersionNotYet { version };
            assert_eq!(refusal(&records.bytes()), expected);
            assert_eq!(read_intake(&records.bytes()), Err(expected));
        }
        for value in [&[][..], &[2], &[2, 0, 0], &[2, 0, 0, 0, 0]] {
            let mut records = records(&world);
            *records.value(0, 0xfb) = value.to_vec();
            assert_eq!(refusal(&records.bytes()).code(), "PSBT_NOT_CANONICAL");
        }
    }
}

#[test]
fn a_transaction_that_may_still_be_changed_is_not_signed() {
    for world in World::both() {
        for flags in 0..=255 {
            let mut records = records(&world);
            records.put(0, 0x06, &[flags]);
            let bytes = records.bytes();
            match flags {
                0 => assert!(read_strict(&bytes).is_ok()),
                _ => assert_eq!(refusal(&bytes), PsbtRefusal::Modifiable { flags }),
            }
            assert!(read_intake(&bytes).is_ok());
        }
    }
}

#[test]
fn an_input_that_demands_a_locktime_of_its_own_is_not_signed() {
    let world = World::new(ScriptKind::Tr);
    for (key_type, lock) in [(0x11, 500_000_000_u32), (0x12, 1)] {
        for input in 0..2 {
            let mut records = records(&world);
            records.put(1 + input, key_type, &lock.to_le_bytes());
            let expected = PsbtRefusal::RequiredLocktime { input };
            assert_eq!(refusal(&records.bytes()), expected);
        }
    }
}

#[test]
fn a_part_that_is_missing_is_refused_by_its_place_in_both_profiles() {
    let world = World::new(ScriptKind::Tr);
    for (map, index, types) in [
        (MapName::Global, 0, &[0x02, 0x04, 0x05][..]),
        (MapName::Input(1), 2, &[0x0e, 0x0f]),
        (MapName::Output(0), OUTPUT, &[0x03, 0x04]),
    ] {
        for key_type in types.iter().copied() {
            let mut records = records(&world);
            records.remove(index, key_type);
            let expected = PsbtRefusal::MissingField { map, key_type };
            assert_eq!(refusal(&records.bytes()), expected);
            assert_eq!(read_intake(&records.bytes()), Err(expected));
        }
    }
}

#[test]
fn parts_that_may_be_left_out_have_the_values_of_bip_370() {
    let world = World::new(ScriptKind::Tr);
    let mut records = records(&world);
    records.remove(0, 0x03);
    records.remove(2, 0x10);
    let read = read_strict(&records.bytes()).expect("read");
    assert_eq!(read.transaction().lock_time, LockTime::ZERO);
    assert_eq!(read.transaction().input[1].sequence, Sequence::MAX);
}

#[test]
fn a_part_of_another_length_with_more_in_its_key_or_twice_is_refused_in_both_profiles() {
    let world = World::new(ScriptKind::Tr);
    for (map, types) in [
        (0, &[0x02, 0x03, 0x04, 0x05, 0xfb][..]),
        (2, &[0x0e, 0x0f, 0x10]),
        (OUTPUT, &[0x03]),
    ] {
        for key_type in types.iter().copied() {
            let mut longer = records(&world);
            longer.value(map, key_type).push(0);
            let mut shorter = records(&world);
            shorter.value(map, key_type).pop();
            let mut keyed = records(&world);
            let mut twice = records(&world);
            let mut beside = records(&world);
            let place = twice.0[map]
                .iter()
                .position(|(key, _)| key[0] == key_type)
                .expect("there");
            keyed.0[map][place].0.push(7);
            let copy = twice.0[map][place].clone();
            twice.0[map].insert(place, copy.clone());
            beside.0[map].insert(place + 1, ([key_type, 7].to_vec(), copy.1));
            for changed in [longer, shorter, keyed, twice, beside] {
                let bytes = changed.bytes();
                let code = refusal(&bytes).code();
                assert_eq!(code, "PSBT_NOT_CANONICAL", "{map} {key_type:#x}");
                assert!(read_intake(&bytes).is_err(), "{map} {key_type:#x}");
            }
        }
    }
}

#[test]
fn counts_that_lie_are_refused_before_anything_is_read_by_them() {
    let world = World::new(ScriptKind::Wsh);
    let outputs = world.attempt().psbt.outputs.len();
    for (key_type, true_count) in [(0x04, 2), (0x05, outputs)] {
        for count in [0, 1, true_count - 1, true_count + 1, 252, 1_000] {
            if count == true_count {
                continue;
            }
            let mut records = records(&world);
            *records.value(0, key_type) = size(count);
            assert!(read_strict(&records.bytes()).is_err(), "{count}");
            assert!(read_intake(&records.bytes()).is_err(), "{count}");
        }
        for found in [1_001_u64, 1_000_000, u64::from(u32::MAX), u64::MAX] {
            let mut records = records(&world);
            *records.value(0, key_type) = bitcoin::consensus::serialize(&bitcoin::VarInt(found));
            let expected = match key_type {
                0x04 => PsbtRefusal::TooManyInputs { found },
                _ => PsbtRefusal::TooManyOutputs { found },
            };
            assert_eq!(refusal(&records.bytes()), expected);
            assert_eq!(read_intake(&records.bytes()), Err(expected));
        }
        for long in [&[0xfd, 2, 0][..], &[0xfe, 2, 0, 0, 0], &[], &[0xff]] {
            let mut records = records(&world);
            *records.value(0, key_type) = long.to_vec();
            assert_eq!(refusal(&records.bytes()).code(), "PSBT_NOT_CANONICAL");
        }
    }
}

#[test]
fn fields_of_the_other_version_are_refused_in_both_profiles() {
    let world = World::new(ScriptKind::Tr);
    let zero = Records::of(&world.attempt().bytes());
    for (map, name, types) in [
        (0, MapName::Global, 0x02..=0x06),
        (1, MapName::Input(0), 0x0e..=0x12),
        (OUTPUT, MapName::Output(0), 0x03..=0x04),
    ] {
        for key_type in types {
            let mut mixed = zero.clone();
            mixed.put(map, key_type, &[1; 4]);
            let expected = PsbtRefusal::OtherVersionsField {
                map: name,
                key_type,
                version: 0,
            };
            assert_eq!(refusal(&mixed.bytes()), expected);
            assert_eq!(read_intake(&mixed.bytes()), Err(expected));
        }
    }
    let mut mixed = records(&world);
    let transaction = zero.clone().value(0, 0x00).clone();
    mixed.put(0, 0x00, &transaction);
    let expected = PsbtRefusal::OtherVersionsField {
        map: MapName::Global,
        key_type: 0x00,
        version: 2,
    };
    assert_eq!(refusal(&mixed.bytes()), expected);
    assert_eq!(read_intake(&mixed.bytes()), Err(expected));
}

#[test]
fn two_records_that_changed_places_are_not_canonical_in_version_2() {
    for world in World::both() {
        let honest = records(&world);
        for map in 0..honest.0.len() {
            for place in 1..honest.0[map].len() {
                let mut swapped = honest.clone();
                swapped.0[map].swap(place - 1, place);
                assert_eq!(refusal(&swapped.bytes()).code(), "PSBT_NOT_CANONICAL");
            }
        }
    }
}

#[test]
fn signatures_are_taken_from_version_2_in_any_order_of_records() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let signed = issued.signed_by("alice");
        let good = issued.signatures_of("alice");
        let mut records = Records::of(&PsbtVersion::Two.write(&signed));
        assert_eq!(issued.taken(&records.bytes()), (good.clone(), vec![]));
        for map in &mut records.0 {
            map.reverse();
            map.insert(0, (vec![0xee, 1, 2], vec![3; 300]));
        }
        assert_eq!(issued.taken(&records.bytes()), (good, vec![]));
    }
}

/// The locktime that BIP 370 determines from those that inputs demand; none where there is none.
#[test]
fn the_locktime_is_determined_as_bip_370_says() {
    let time = |seconds: u32| Some(500_000_000 + seconds);
    let height = Some;
    for (fallback, demands, expected) in [
        (None, [(None, None), (None, None)], height(0)),
        (height(7), [(None, None), (None, None)], height(7)),
        (height(7), [(None, height(3)), (None, None)], height(3)),
        (height(7), [(None, height(3)), (None, height(9))], height(9)),
        (None, [(time(5), None), (time(2), None)], time(5)),
        (None, [(time(5), height(4)), (None, None)], height(4)),
        (None, [(time(5), height(4)), (time(8), None)], time(8)),
        (None, [(time(5), height(4)), (None, height(2))], height(4)),
        (
            None,
            [(time(5), height(4)), (time(8), height(9))],
            height(9),
        ),
        (None, [(time(5), None), (None, height(9))], None),
    ] {
        let world = World::new(ScriptKind::Tr);
        let mut records = records(&world);
        records.remove(0, 0x03);
        if let Some(fallback) = fallback {
            records.put(0, 0x03, &u32::to_le_bytes(fallback));
        }
        for (input, (time, height)) in demands.into_iter().enumerate() {
            for (key_type, lock) in [(0x11, time), (0x12, height)] {
                if let Some(lock) = lock {
                    records.put(1 + input, key_type, &u32::to_le_bytes(lock));
                }
            }
        }
        let found = read_intake(&records.bytes()).map(|intake| intake.txid);
        let expected = expected.map(|lock| {
            let unsigned: Transaction = Transaction {
                lock_time: LockTime::from_consensus(lock),
                ..world.attempt().psbt.unsigned_tx
            };
            unsigned.compute_txid()
        });
        assert_eq!(
            found,
            expected.ok_or(PsbtRefusal::NoLocktime),
            "{demands:?}"
        );
    }
}

#[test]
fn a_demanded_locktime_of_the_wrong_kind_is_refused_in_both_profiles() {
    let world = World::new(ScriptKind::Tr);
    for (key_type, lock) in [
        (0x11, 0_u32),
        (0x11, 499_999_999),
        (0x12, 0),
        (0x12, 500_000_000),
        (0x12, u32::MAX),
    ] {
        let mut records = records(&world);
        records.put(1, key_type, &lock.to_le_bytes());
        let expected = PsbtRefusal::MalformedField {
            map: MapName::Input(0),
            key_type,
        };
        assert_eq!(refusal(&records.bytes()), expected);
        assert_eq!(read_intake(&records.bytes()), Err(expected));
    }
}
