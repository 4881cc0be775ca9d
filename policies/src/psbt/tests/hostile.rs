//! Bytes of any kind: never a panic, never memory by a lying length, never another transaction.

use bitcoin::Amount;
use proptest::prelude::*;

use super::{IssuedAttempt, refusal, written};
use crate::descriptor::ScriptKind;
use crate::ids::Keychain;
use crate::journal::History;
use crate::psbt::{
    Encoding, MAX_BYTES, MAX_RECORDS, PsbtRefusal, PsbtVersion, read_intake, read_strict,
};
use crate::review::review;
use crate::review::world::{NOW, World};

#[test]
fn more_than_four_mebibytes_are_refused_before_decoding() {
    let mut bytes = b"psbt\xff".to_vec();
    bytes.resize(MAX_BYTES + 1, 0);
    let found = MAX_BYTES + 1;
    assert_eq!(refusal(&bytes), PsbtRefusal::TooLarge { found });
    assert_eq!(read_intake(&bytes), Err(PsbtRefusal::TooLarge { found }));
    let hex = Encoding::Hex.encode(&bytes);
    assert_eq!(refusal(&hex), PsbtRefusal::TooLarge { found });
    let huge = vec![b'7'; MAX_BYTES * 3];
    assert_eq!(refusal(&huge).code(), "PSBT_NOT_A_PSBT");
}

#[test]
fn lengths_that_lie_are_refused_without_taking_their_word() {
    for length in [
        &[0xfd, 0xff, 0xff][..],
        &[0xfe, 0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ] {
        // As the length of the first key, and of the first value.
        let key = [b"psbt\xff", length].concat();
        assert_eq!(refusal(&key).code(), "PSBT_TRUNCATED");
        let value = [&b"psbt\xff\x01\x00"[..], length].concat();
        assert_eq!(refusal(&value).code(), "PSBT_TRUNCATED");
    }
}

#[test]
fn a_million_inputs_or_outputs_are_refused_by_their_number() {
    let with = |transaction: &[u8]| {
        let length = u8::try_from(transaction.len()).expect("short");
        refusal(&[&b"psbt\xff\x01\x00"[..], &[length], transaction, &[0]].concat())
    };
    let inputs = [&[2, 0, 0, 0][..], &[0xfe, 0x40, 0x42, 0x0f, 0]].concat();
    assert_eq!(
        with(&inputs),
        PsbtRefusal::TooManyInputs { found: 1_000_000 }
    );
    let outputs = [&[2, 0, 0, 0, 0][..], &[0xfe, 0x40, 0x42, 0x0f, 0]].concat();
    assert_eq!(
        with(&outputs),
        PsbtRefusal::TooManyOutputs { found: 1_000_000 }
    );
}

#[test]
fn more_records_than_are_ever_read_are_refused() {
    let mut bytes = b"psbt\xff".to_vec();
    for number in 0..=u32::try_from(MAX_RECORDS).expect("small") {
        bytes.extend([5, 0xf0]);
        bytes.extend(number.to_be_bytes());
        bytes.push(0);
    }
    bytes.push(0);
    assert!(matches!(
        refusal(&bytes),
        PsbtRefusal::TooManyRecords { .. }
    ));
}

#[test]
fn every_truncation_is_refused() {
    for world in World::both() {
        let bytes = world.attempt().bytes();
        for length in 0..bytes.len() {
            assert!(read_strict(&bytes[..length]).is_err(), "{length}");
            assert!(read_intake(&bytes[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn nothing_empty_or_of_another_kind_is_a_psbt() {
    for bytes in [
        &b""[..],
        b"psbt",
        b"psbt\xff",
        b"PSBT\xff\x00",
        b"{}",
        b"\n",
        b"hello",
    ] {
        assert!(read_strict(bytes).is_err());
        assert!(read_intake(bytes).is_err());
    }
}

/// One bit flipped anywhere either is refused, or leaves the same payments: what flipped was a label,
/// a witness of a previous transaction, or an amount between change and fee.
#[test]
fn no_flipped_bit_pays_anyone_else() {
    let versions = [PsbtVersion::Zero, PsbtVersion::Two];
    for (world, version) in World::both()
        .iter()
        .flat_map(|world| versions.map(|version| (world, version)))
    {
        let bytes = written(&world.attempt(), version);
        let honest = world.reviewed(&world.attempt());
        let mut accepted = 0;
        // Every seventh byte, a different bit each time: the whole of them is a campaign's work. In
        // version 2 fewer, since most is the same.
        let step = if version == PsbtVersion::Zero { 7 } else { 23 };
        for position in (0..bytes.len()).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << (position % 8);
            let Ok(psbt) = read_strict(&flipped) else {
                continue;
            };
            let Ok(found) = review(&psbt, &world.policy, &History::none(), NOW) else {
                continue;
            };
            accepted += 1;
            assert_eq!(found.payments, honest.payments, "{position}");
            assert!(found.fee <= world.policy.limits.fee_max, "{position}");
            assert_eq!(found.changes.len(), 1, "{position}");
            let change = &found.changes[0];
            let own = world
                .policy
                .descriptor
                .script_pubkey(Keychain::Internal, change.index);
            let output = usize::try_from(change.output).expect("small");
            assert_eq!(found.transaction.output[output].script_pubkey, own);
            // Taproot sighashes commit to what is spent: a lie about it makes a worthless signature.
            if world.policy.descriptor.kind() == ScriptKind::Wsh {
                assert_eq!(found.inputs, honest.inputs, "{position}");
            }
            let spent = found.inputs.iter().map(|input| input.previous.value);
            assert_eq!(
                found.fee + change.amount + found.paid(),
                spent.sum::<Amount>(),
                "{position}"
            );
        }
        assert!(accepted > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        magic in any::<bool>(),
    ) {
        let bytes = if magic { [b"psbt\xff", &bytes[..]].concat() } else { bytes };
        prop_assert!(read_strict(&bytes).is_err());
        let intake = read_intake(&bytes);
        prop_assert!(intake.is_err() || !magic);
    }

    #[test]
    fn mangled_attempts_are_read_or_refused_without_panic(
        kind in prop_oneof![Just(ScriptKind::Wsh), Just(ScriptKind::Tr)],
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let samples = MANGLED.with(|samples| samples[usize::from(kind == ScriptKind::Tr)].clone());
        for mut bytes in samples {
            for (at, byte, how) in &edits {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = *byte,
                    1 => bytes.insert(at, *byte),
                    2 if bytes.len() > 1 => { bytes.remove(at); }
                    _ => bytes.truncate(at.max(1)),
                }
            }
            if let Ok(read) = read_strict(&bytes) {
                // Parts of version 2 that may be left out are named when it is written again.
                let again = read.write(read.version());
                prop_assert!(again == bytes || read.version() == PsbtVersion::Two);
                prop_assert_eq!(read_strict(&again).map(|again| again.psbt().clone()), Ok(read.psbt().clone()));
            }
            // Whatever is read, taking from it does not panic either.
            if let Ok(intake) = read_intake(&bytes) {
                prop_assert!(intake.signatures.len() <= bytes.len());
            }
        }
    }
}

thread_local! {
    /// A bare and a signed attempt of each kind, in both versions.
    static MANGLED: [[Vec<u8>; 4]; 2] = World::both().map(|world| {
        let signed = IssuedAttempt::of(&world).signed_by("alice");
        let bare = world.attempt();
        [
            written(&bare, PsbtVersion::Zero),
            PsbtVersion::Zero.write(&signed),
            written(&bare, PsbtVersion::Two),
            PsbtVersion::Two.write(&signed),
        ]
    });
}
