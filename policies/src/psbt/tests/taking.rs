//! What signers return: every form of it, every bad signature refused alone and by its reason.

use std::sync::LazyLock;

use bitcoin::ecdsa;
use bitcoin::psbt::raw;
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::taproot;
use bitcoin::{EcdsaSighashType, TapSighashType, Witness};
use miniscript::psbt::PsbtExt;

use super::{IssuedAttempt, read_intake};
use crate::descriptor::{ScriptKind, samples};
use crate::psbt::{
    BadReason, Encoding, Intake, Issued, OfferedSignature, OfferedSlot, OtherTransaction,
    PsbtRefusal, SignatureKey, take_signatures,
};
use crate::review::world::World;

#[test]
fn each_signer_gives_one_signature_for_each_input_in_every_encoding() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        for name in ["alice", "bob", "machine"] {
            let bytes = issued.signed_by(name).serialize();
            for encoding in [Encoding::Binary, Encoding::Base64, Encoding::Hex] {
                let (good, bad) = issued.taken(&encoding.encode(&bytes));
                assert_eq!(good.len(), 2);
                assert!(bad.is_empty());
            }
        }
    }
}

#[test]
fn signatures_come_out_of_finalized_psbts_and_raw_transactions_too() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut both = issued.signatures_of("alice");
        both.union(&issued.signatures_of("machine"));
        let mut psbt = issued.psbt.clone();
        both.write_into(&mut psbt);
        psbt.finalize_mut(&samples::secp()).expect("two suffice");
        assert_eq!(issued.taken(&psbt.serialize()), (both.clone(), vec![]));
        let transaction = psbt.extract(&samples::secp()).expect("final");
        let raw = bitcoin::consensus::serialize(&transaction);
        for encoding in [Encoding::Binary, Encoding::Hex] {
            assert_eq!(issued.taken(&encoding.encode(&raw)), (both.clone(), vec![]));
        }
    }
}

#[test]
fn signatures_of_another_transaction_are_refused_as_a_whole() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut other = issued.signed_by("alice");
        other.unsigned_tx.lock_time = bitcoin::absolute::LockTime::ZERO;
        let intake = read_intake(&other.serialize()).expect("read");
        let issued = Issued {
            transaction: issued.transaction(),
            previous_outputs: &issued.previous_outputs,
            scripts: &issued.scripts,
        };
        assert_eq!(
            take_signatures(&issued, &intake),
            Err(OtherTransaction {
                expected: issued.transaction.compute_txid(),
                found: other.unsigned_tx.compute_txid(),
            })
        );
    }
}

#[test]
fn unknown_fields_and_another_order_do_not_spoil_signatures() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut psbt = issued.signed_by("bob");
        let key = raw::Key {
            type_value: 0xee,
            key: vec![1, 2, 3],
        };
        psbt.unknown.insert(key.clone(), vec![1]);
        for input in &mut psbt.inputs {
            input.unknown.insert(key.clone(), vec![9; 300]);
            input.non_witness_utxo = None;
            input.bip32_derivation.clear();
        }
        let (good, bad) = issued.taken(&psbt.serialize());
        assert_eq!(good.len(), 2);
        assert!(bad.is_empty());
    }
}

#[test]
fn a_record_that_cannot_be_read_spoils_no_other() {
    for (key_type, key) in [
        (0x02, vec![2; 32]),
        (0x02, vec![5; 33]),
        (0x13, vec![1]),
        (0x14, vec![0; 63]),
        (0x14, vec![0xff; 64]),
    ] {
        for world in World::both() {
            let issued = IssuedAttempt::of(&world);
            let mut psbt = issued.signed_by("alice");
            let key = raw::Key {
                type_value: key_type,
                key: key.clone(),
            };
            psbt.inputs[0].unknown.insert(key, vec![1; 64]);
            let (good, bad) = issued.taken(&psbt.serialize());
            assert_eq!(good.len(), 2);
            assert_eq!(bad, ["SIGNATURE_UNREADABLE_KEY"]);
        }
    }
}

#[test]
fn a_signature_by_a_key_that_cannot_sign_the_input_is_refused() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut psbt = issued.signed_by("alice");
        // The places of the two inputs change: each key is of the other input.
        psbt.inputs.swap(0, 1);
        let (good, bad) = issued.taken(&psbt.serialize());
        assert!(good.is_empty());
        assert_eq!(bad, ["SIGNATURE_UNEXPECTED_KEY"; 2]);
    }
}

/// What becomes of one wsh signature that is changed.
fn ecdsa_changed(change: impl Fn(&mut ecdsa::Signature)) -> (usize, Vec<&'static str>) {
    let issued = IssuedAttempt::of(&World::new(ScriptKind::Wsh));
    let mut psbt = issued.signed_by("alice");
    for signature in psbt.inputs[0].partial_sigs.values_mut() {
        change(signature);
    }
    let (good, bad) = issued.taken(&psbt.serialize());
    (good.len(), bad)
}

/// An attempt of each kind, and what Alice returned for it.
static SIGNED: LazyLock<[(IssuedAttempt, Intake); 2]> = LazyLock::new(|| {
    World::both().map(|world| {
        let issued = IssuedAttempt::of(&world);
        let intake = read_intake(&issued.signed_by("alice").serialize()).expect("read");
        (issued, intake)
    })
});

/// What becomes of one record's bytes when they are changed.
fn raw_changed(kind: ScriptKind, change: impl Fn(&mut Vec<u8>)) -> (usize, Vec<&'static str>) {
    let (issued, intake) = &SIGNED[usize::from(kind == ScriptKind::Tr)];
    let mut changed = intake.clone();
    change(&mut changed.signatures[0].bytes);
    let answers = issued.take(&changed);
    let bad = answers.iter().filter_map(|answer| answer.as_ref().err());
    let bad: Vec<_> = bad.map(|bad| bad.reason.code()).collect();
    (answers.len() - bad.len(), bad)
}

#[test]
fn an_ecdsa_signature_of_every_sighash_byte_but_all_is_refused() {
    for byte in (0..=255).filter(|byte| *byte != 1) {
        let changed = raw_changed(ScriptKind::Wsh, |bytes| {
            *bytes.last_mut().expect("bytes") = byte;
        });
        assert_eq!(changed, (1, vec!["SIGNATURE_SIGHASH"]), "{byte:#x}");
    }
    assert_eq!(
        ecdsa_changed(|signature| signature.sighash_type = EcdsaSighashType::None),
        (1, vec!["SIGNATURE_SIGHASH"])
    );
}

#[test]
fn an_ecdsa_signature_with_a_high_s_is_refused() {
    let changed = ecdsa_changed(|signature| {
        let mut compact = signature.signature.serialize_compact();
        let order: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c,
            0xd0, 0x36, 0x41, 0x41,
        ];
        // s becomes n − s.
        let mut borrow = 0_i16;
        for position in (0..32).rev() {
            let digit = i16::from(order[position]) - i16::from(compact[32 + position]) - borrow;
            borrow = i16::from(digit < 0);
            compact[32 + position] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
        }
        signature.signature = Signature::from_compact(&compact).expect("n − s is in range");
    });
    assert_eq!(changed, (1, vec!["SIGNATURE_HIGH_S"]));
}

#[test]
fn bytes_that_are_no_signature_are_refused() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let (good, bad) = raw_changed(kind, Vec::clear);
        assert_eq!((good, bad), (1, vec!["SIGNATURE_ENCODING"]));
    }
    // A byte between signature and sighash byte, which lax DER readers skip.
    let changed = raw_changed(ScriptKind::Wsh, |bytes| {
        let at = bytes.len() - 1;
        bytes.insert(at, 0);
    });
    assert_eq!(changed, (1, vec!["SIGNATURE_ENCODING"]));
}

#[test]
fn a_schnorr_signature_of_every_sighash_byte_but_all_is_refused() {
    for byte in 2..=255 {
        let changed = raw_changed(ScriptKind::Tr, |bytes| bytes.push(byte));
        assert_eq!(changed, (1, vec!["SIGNATURE_SIGHASH"]), "{byte:#x}");
    }
    // DEFAULT has one encoding, without its byte; ALL is another message.
    let changed = raw_changed(ScriptKind::Tr, |bytes| bytes.push(0));
    assert_eq!(changed, (1, vec!["SIGNATURE_ENCODING"]));
    let changed = raw_changed(ScriptKind::Tr, |bytes| bytes.push(1));
    assert_eq!(changed, (1, vec!["SIGNATURE_WRONG"]));
}

#[test]
fn a_schnorr_signature_of_an_explicit_all_is_taken() {
    let issued = IssuedAttempt::of(&World::new(ScriptKind::Tr));
    let mut psbt = issued.psbt.clone();
    for input in &mut psbt.inputs {
        input.sighash_type = Some(TapSighashType::All.into());
    }
    let master = samples::xpriv("alice", bitcoin::Network::Regtest);
    psbt.sign(&master, &samples::secp()).expect("signs");
    let (good, bad) = issued.taken(&psbt.serialize());
    assert_eq!(good.len(), 2);
    assert!(bad.is_empty());
    for verified in good.iter() {
        assert_eq!(verified.signature().to_vec().len(), 65);
    }
}

#[test]
fn one_flipped_bit_in_a_signature_is_refused() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        for position in [8, 20, 40, 60] {
            let (good, bad) = raw_changed(kind, |bytes| bytes[position] ^= 0x10);
            assert_eq!(good, 1);
            assert_eq!(bad.len(), 1, "{position}");
        }
    }
}

#[test]
fn a_key_path_signature_under_the_nums_key_is_refused() {
    let issued = IssuedAttempt::of(&World::new(ScriptKind::Tr));
    let mut psbt = issued.signed_by("alice");
    let other = *psbt.inputs[0].tap_script_sigs.values().next().expect("one");
    psbt.inputs[0].tap_key_sig = Some(taproot::Signature { ..other });
    let (good, bad) = issued.taken(&psbt.serialize());
    assert_eq!(good.len(), 2);
    assert_eq!(bad, ["SIGNATURE_WRONG"]);
}

#[test]
fn a_signature_for_an_input_that_is_not_there_is_refused() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut intake = read_intake(&issued.signed_by("alice").serialize()).expect("read");
        intake.signatures.push(OfferedSignature {
            input: 2,
            slot: OfferedSlot::Place(SignatureKey::TapKey),
            bytes: vec![7; 64],
        });
        let answers = issued.take(&intake);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
        let bad = answers[2].as_ref().expect_err("no such input");
        assert_eq!((bad.input, bad.reason), (2, BadReason::NoSuchInput));
    }
}

#[test]
fn scripts_control_blocks_and_annexes_are_not_taken_for_signatures() {
    let issued = IssuedAttempt::of(&World::new(ScriptKind::Tr));
    let offered = |elements: &[&[u8]]| {
        let mut psbt = issued.psbt.clone();
        psbt.inputs[0].final_script_witness = Some(Witness::from_slice(elements));
        let intake = read_intake(&psbt.serialize()).expect("read");
        intake.signatures.len()
    };
    let signature = &[7; 64][..];
    // As long as a signature, all of them.
    let script = &[0x51; 64][..];
    let control_block = &[&[0xc1][..], &[7; 64]].concat()[..];
    let annex = &[&[0x50][..], &[7; 63]].concat()[..];
    assert_eq!(offered(&[signature]), 1);
    assert_eq!(offered(&[signature, annex]), 1);
    assert_eq!(offered(&[signature, script, control_block]), 1);
    assert_eq!(
        offered(&[signature, signature, script, control_block, annex]),
        2
    );
    assert_eq!(offered(&[signature, script]), 1);
    assert_eq!(offered(&[]), 0);
}

#[test]
fn a_flood_of_signatures_is_taken_up_to_its_bound() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut psbt = issued.psbt.clone();
        let element = [7; 64];
        let flood: Vec<&[u8]> = vec![&element; 10_000];
        psbt.inputs[1].final_script_witness = Some(Witness::from_slice(&flood));
        let intake = read_intake(&psbt.serialize()).expect("read");
        assert!(intake.signatures.len() <= 64);
    }
}

#[test]
fn what_was_returned_by_nobody_is_refused_by_name() {
    assert_eq!(
        read_intake(b"").expect_err("nothing"),
        PsbtRefusal::NotAPsbt
    );
    assert_eq!(
        read_intake(b"signed!").expect_err("text").code(),
        "PSBT_NOT_A_PSBT"
    );
}
