//! Bytes made to exhaust memory or time (A10, A11): refused by their sizes, before anything is built.

use super::records::{Records, size};
use super::{IssuedAttempt, read_intake, refusal, written};
use crate::descriptor::ScriptKind;
use crate::psbt::{
    EncodingError, MAX_BYTES, MAX_RECORDS, MAX_TAP_LEAVES, MapName, PsbtRefusal, PsbtVersion,
    read_strict,
};
use crate::review::world::World;

/// The memory that some work takes at most beyond what is held before, in bytes.
///
/// It is the whole process's: in the gate each test has one of its own.
fn cost(work: impl FnOnce()) -> u64 {
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
    let before = held("VmRSS:");
    work();
    held("VmHWM:").saturating_sub(before)
}

fn held(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(what));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kibibytes: u64 = kibibytes.expect("a number").parse().expect("a number");
    kibibytes * 1_024
}

/// The most that reading any bytes may take.
const BOUND: u64 = 64 << 20;

#[test]
fn a_hundred_megabytes_of_text_are_refused_before_they_are_decoded() {
    for digit in [b'A', b'a', b'+', 0xff] {
        let bytes = vec![digit; 100_000_000];
        let found = bytes.len();
        let taken = cost(|| {
            assert_eq!(
                refusal(&bytes),
                PsbtRefusal::Encoding(EncodingError::TooLarge { found })
            );
            assert!(read_intake(&bytes).is_err());
        });
        // Nothing like a copy of it was made.
        assert!(taken < 8 << 20, "{taken}");
    }
}

/// A length in front of nothing, or of less than it says.
const LIES: [&[u8]; 5] = [
    &[0xfd, 0xff, 0xff],
    &[0xfe, 0xff, 0xff, 0xff, 0x7f],
    &[0xfe, 0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/// Every length of every key and value of both versions, of bare and of signed PSBTs.
#[test]
fn every_length_field_may_lie_without_taking_memory() {
    for world in World::both() {
        let signed = IssuedAttempt::of(&world).signed_by("alice");
        for version in [PsbtVersion::Zero, PsbtVersion::Two] {
            for bytes in [written(&world.attempt(), version), version.write(&signed)] {
                let taken = cost(|| lie_about_each_length(&bytes));
                assert!(taken < 8 << 20, "{taken}");
            }
        }
    }
}

fn lie_about_each_length(bytes: &[u8]) {
    for position in lengths(bytes) {
        for lie in LIES {
            let mut lying = bytes.to_vec();
            lying.splice(position..=position, lie.iter().copied());
            assert_eq!(refusal(&lying).code(), "PSBT_TRUNCATED", "{position}");
            assert!(read_intake(&lying).is_err());
            // With nothing behind it.
            lying.truncate(position + lie.len());
            assert!(read_strict(&lying).is_err());
            assert!(read_intake(&lying).is_err());
        }
    }
}

/// The positions of all lengths that are written in one byte.
fn lengths(bytes: &[u8]) -> Vec<usize> {
    let mut positions = Vec::new();
    let mut position = 5;
    for map in Records::of(bytes).0 {
        for part in map.iter().flat_map(|(key, value)| [key, value]) {
            let long = size(part.len()).len();
            if long == 1 {
                positions.push(position);
            }
            position += long + part.len();
        }
        position += 1;
    }
    assert_eq!(position, bytes.len());
    positions
}

/// Lengths and counts *inside* of values: transactions, outputs, witnesses, origins and trees.
#[test]
fn every_byte_of_a_value_may_be_a_count_that_lies_without_taking_memory() {
    for world in World::both() {
        let bytes = world.attempt().bytes();
        let taken = cost(|| {
            for position in 5..bytes.len() {
                // Four millions, the most that the library believes.
                let mut lying = bytes.clone();
                let lie = [0xfe, 0, 0x09, 0x3d, 0];
                for (byte, lie) in lying.iter_mut().skip(position).zip(lie) {
                    *byte = lie;
                }
                let read = read_strict(&lying);
                assert!(read.map_or(true, |read| read.psbt().serialize() == lying));
            }
        });
        assert!(taken < BOUND, "{taken}");
    }
}

#[test]
fn a_final_witness_that_claims_four_million_elements_takes_no_memory() {
    let world = World::new(ScriptKind::Tr);
    let issued = IssuedAttempt::of(&world);
    let mut records = Records::of(&issued.psbt.serialize());
    for map in 1..=2 {
        records.put(map, 0x08, &[0xfe, 0, 0x09, 0x3d, 0]);
    }
    let bytes = records.bytes();
    let taken = cost(|| {
        let intake = read_intake(&bytes).expect("tolerated");
        assert!(intake.signatures.is_empty());
    });
    assert!(taken < 8 << 20, "{taken}");
}

/// Leaves of three bytes hold 32 bytes for each level above them once they are decoded.
#[test]
fn a_taproot_tree_of_a_million_leaves_is_refused_by_counting_them() {
    let world = World::new(ScriptKind::Tr);
    let honest = Records::of(&world.attempt().bytes());
    let change = honest.0.len() - 1;
    for leaves in [MAX_TAP_LEAVES + 1, 1 << 20] {
        let mut records = honest.clone();
        records.put(change, 0x06, &[20, 0xc0, 0].repeat(leaves));
        let bytes = records.bytes();
        assert!(bytes.len() < MAX_BYTES);
        let map = MapName::Output(change - 3);
        let taken = cost(|| {
            assert_eq!(refusal(&bytes), PsbtRefusal::TooManyLeaves { map });
            assert!(read_intake(&bytes).is_ok());
        });
        assert!(taken < 8 << 20, "{taken}");
    }
    // Each output has a few, all of them together too many.
    let mut records = honest.clone();
    for map in 3..=change {
        records.put(map, 0x06, &[9, 0xc0, 0].repeat(400));
    }
    assert_eq!(refusal(&records.bytes()).code(), "PSBT_TOO_LARGE");
}

#[test]
fn a_taproot_tree_deeper_than_any_is_refused() {
    let world = World::new(ScriptKind::Tr);
    let honest = Records::of(&world.attempt().bytes());
    let change = honest.0.len() - 1;
    for deepest in [129_u8, 200, 255] {
        let mut tree: Vec<u8> = (1..=deepest).flat_map(|depth| [depth, 0xc0, 0]).collect();
        tree.extend([deepest, 0xc0, 0]);
        let mut records = honest.clone();
        records.put(change, 0x06, &tree);
        assert_eq!(refusal(&records.bytes()).code(), "PSBT_NOT_CANONICAL");
    }
}

/// The most that is ever read, made of the smallest records there are: 64 MiB are enough for it.
#[test]
fn four_mebibytes_of_small_records_are_read_or_refused_in_bounded_memory() {
    for (world, version) in World::both()
        .iter()
        .zip([PsbtVersion::Zero, PsbtVersion::Two])
    {
        let honest = Records::of(&written(&world.attempt(), version));
        for (map, key_type, length) in [
            (0, 0xf0, 1),
            (1, 0xee, 1),
            (1, 0x02, 33),
            (1, 0x13, 64),
            (1, 0x08, 1_000),
            (2, 0x14, 64),
            (2, 0x00, 60_000),
        ] {
            let mut records = honest.clone();
            let value = vec![1; length];
            let count = (MAX_BYTES - honest.bytes().len()) / (length + 12);
            // So many are enough to be too many.
            let count = count.min(MAX_RECORDS + 1);
            let many = (0..u32::try_from(count).expect("small")).map(|number| {
                let key = [&[key_type][..], &number.to_be_bytes()].concat();
                (key, value.clone())
            });
            records.0[map].extend(many);
            let bytes = records.bytes();
            drop(records);
            assert!(bytes.len() <= MAX_BYTES);
            let taken = cost(|| {
                assert!(read_strict(&bytes).is_err());
                // What is no more than too many signatures is taken up to a bound.
                let offered = read_intake(&bytes).map_or(0, |intake| intake.signatures.len());
                assert!(offered <= 2 * 64, "{offered}");
            });
            assert!(taken < BOUND, "{key_type:#x}: {taken}");
        }
    }
}

/// A previous transaction of nothing but the smallest outputs decodes to several times its size.
#[test]
fn the_largest_previous_transaction_is_decoded_in_bounded_memory() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    let previous = attempt.psbt.inputs[0].non_witness_utxo.as_mut();
    let previous = previous.expect("wsh carries them");
    let output = bitcoin::TxOut {
        value: bitcoin::Amount::ZERO,
        script_pubkey: bitcoin::ScriptBuf::new(),
    };
    previous.output.resize(440_000, output);
    attempt.psbt.unsigned_tx.input[0].previous_output.txid = previous.compute_txid();
    let bytes = attempt.bytes();
    drop(attempt);
    assert!(bytes.len() > MAX_BYTES * 9 / 10 && bytes.len() <= MAX_BYTES);
    let taken = cost(|| drop(read_strict(&bytes).expect("read")));
    assert!(taken < BOUND, "{taken}");
}
