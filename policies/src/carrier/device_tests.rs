//! What a foreign device is given of a transfer.

use bitcoin::psbt::Psbt;

use super::for_device;
use crate::psbt::manifest::PREFIX;
use crate::psbt::{Encoding, PsbtRefusal};
use crate::review::world::World;

/// The key and the value of a record.
type Record = (Vec<u8>, Vec<u8>);

/// The records of a PSBT's global map, and all bytes behind that map.
fn global_records(psbt: &[u8]) -> (Vec<Record>, &[u8]) {
    let mut rest = psbt.strip_prefix(b"psbt\xff").expect("a PSBT");
    let take = |rest: &mut &[u8]| -> Vec<u8> {
        let length: bitcoin::VarInt =
            bitcoin::consensus::Decodable::consensus_decode(rest).expect("a length");
        let length = usize::try_from(length.0).expect("a small length");
        let (taken, left) = rest.split_at(length);
        *rest = left;
        taken.to_vec()
    };
    let mut records = Vec::new();
    loop {
        let key = take(&mut rest);
        if key.is_empty() {
            return (records, rest);
        }
        let value = take(&mut rest);
        records.push((key, value));
    }
}

fn is_ours(key: &[u8]) -> bool {
    key.first() == Some(&0xfc) && key.get(2..).is_some_and(|rest| rest.starts_with(PREFIX))
}

#[test]
fn a_device_is_given_all_but_our_records_byte_for_byte() {
    for world in World::both() {
        let transfer = world.attempt().bytes();
        let given = for_device(&transfer).expect("a transfer");
        let (mut records, maps) = global_records(&transfer);
        let before = records.len();
        records.retain(|(key, _)| !is_ours(key));
        assert!(records.len() < before, "the transfer has a manifest");
        assert_eq!(global_records(&given), (records, maps));
        let psbt = Psbt::deserialize(&given).expect("a PSBT");
        assert!(psbt.proprietary.is_empty());
        for encoding in [Encoding::Base64, Encoding::Hex] {
            let written = encoding.encode(&transfer);
            assert_eq!(for_device(&written).expect("a transfer"), given);
        }
    }
}

#[test]
fn what_is_no_transfer_is_for_no_device() {
    for other in [&b"{}"[..], b"a policy", b"\xff\xd8\xff"] {
        assert!(for_device(other).is_err());
    }
    for world in World::both() {
        let transfer = world.attempt().bytes();
        let given = for_device(&transfer).expect("a transfer");
        // What has no manifest was never a transfer of ours.
        assert!(matches!(for_device(&given), Err(PsbtRefusal::Manifest(_))));
        let cut = &transfer[..transfer.len() - 1];
        assert!(for_device(cut).is_err());
    }
}
