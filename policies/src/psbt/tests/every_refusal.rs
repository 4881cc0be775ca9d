//! No way to refuse a PSBT is without bytes that meet it.

use bitcoin::psbt::raw;
use bitcoin::{Amount, ScriptBuf, Witness};

use super::records::{Records, size};
use super::{IssuedAttempt, read_intake, refusal, written};
use crate::descriptor::ScriptKind;
use crate::psbt::{MAX_BYTES, MAX_RECORDS, MAX_TAP_LEAVES, PsbtRefusal, PsbtVersion};
use crate::review::world::{Attempt, World};

/// Lists the variants, and names each: one that is added does not build until it is listed.
macro_rules! variants {
    ($($name:ident),+ $(,)?) => {
        const ALL: &[&str] = &[$(stringify!($name)),+];

        fn name(refusal: &PsbtRefusal) -> &'static str {
            match refusal {
                $(PsbtRefusal::$name { .. } => stringify!($name),)+
            }
        }
    };
}

variants!(
    TooLarge,
    Encoding,
    NotAPsbt,
    EndsEarly,
    LongLength,
    TrailingBytes,
    TooManyRecords,
    TooManyInputs,
    TooManyOutputs,
    VersionNotYet,
    OtherVersionsField,
    MissingField,
    MalformedField,
    NoLocktime,
    Modifiable,
    RequiredLocktime,
    TooManyLeaves,
    NoTransaction,
    BadTransaction,
    EmptyTransaction,
    UnexpectedField,
    ForeignProprietary,
    UnexpectedSignature,
    DuplicateRecord,
    BadRecord,
    NotCanonical,
    Sighash,
    NoPreviousOutput,
    PreviousTransaction,
    PreviousOutputMissing,
    PreviousOutputDiffers,
    InputTwice,
    AmountTooLarge,
    Manifest,
);

/// What comes of one lie in the honest attempt, in version 0.
fn attempt(kind: ScriptKind, lie: impl FnOnce(&mut Attempt)) -> PsbtRefusal {
    let mut attempt = World::new(kind).attempt();
    lie(&mut attempt);
    refusal(&attempt.bytes())
}

/// The same in its records, in a version.
fn records(version: PsbtVersion, lie: impl FnOnce(&mut Records)) -> PsbtRefusal {
    let attempt = World::new(ScriptKind::Tr).attempt();
    let mut records = Records::of(&written(&attempt, version));
    lie(&mut records);
    refusal(&records.bytes())
}

/// What comes of lies about bytes and lengths.
fn of_bytes() -> Vec<PsbtRefusal> {
    let honest = World::new(ScriptKind::Tr).attempt().bytes();
    let mut too_large = b"psbt\xff".to_vec();
    too_large.resize(MAX_BYTES + 1, 0);
    let mut long_length = honest.clone();
    long_length.splice(5..6, [0xfd, 1, 0]);
    let mut many_records = b"psbt\xff".to_vec();
    for number in 0..=u32::try_from(MAX_RECORDS).expect("small") {
        many_records.extend([&[5, 0xf0][..], &number.to_be_bytes(), &[0]].concat());
    }
    vec![
        refusal(&too_large),
        refusal(b"hello!"),
        refusal(b"psbt\xfe\x00"),
        refusal(&honest[..honest.len() - 1]),
        refusal(&long_length),
        refusal(&[&honest[..], &[0]].concat()),
        refusal(&[&many_records[..], &[0]].concat()),
        refusal(b"psbt\xff\x01\xf0\x00\x00"),
    ]
}

/// What comes of lies about counts, versions, parts and locktimes.
fn of_version_2() -> Vec<PsbtRefusal> {
    let two = |lie: &dyn Fn(&mut Records)| records(PsbtVersion::Two, lie);
    // What no input may demand of a signer, an intake determines and cannot.
    let attempt = World::new(ScriptKind::Tr).attempt();
    let mut apart = Records::of(&written(&attempt, PsbtVersion::Two));
    apart.put(1, 0x11, &500_000_005_u32.to_le_bytes());
    apart.put(2, 0x12, &9_u32.to_le_bytes());
    vec![
        two(&|records| *records.value(0, 0x04) = size(1_001)),
        two(&|records| *records.value(0, 0x05) = size(1_001)),
        two(&|records| *records.value(0, 0xfb) = vec![3, 0, 0, 0]),
        records(PsbtVersion::Zero, |records| {
            records.put(0, 0x02, &[2, 0, 0, 0]);
        }),
        two(&|records| records.remove(2, 0x0e)),
        two(&|records| records.value(0, 0x02).push(0)),
        two(&|records| records.put(0, 0x06, &[1])),
        two(&|records| records.put(1, 0x12, &1_u32.to_le_bytes())),
        read_intake(&apart.bytes()).expect_err("no locktime suits both"),
    ]
}

/// What comes of records that are not expected, twice, or of another order.
fn of_records() -> Vec<PsbtRefusal> {
    let zero = |lie: &dyn Fn(&mut Records)| records(PsbtVersion::Zero, lie);
    let foreign = |attempt: &mut Attempt| {
        let key = raw::ProprietaryKey {
            prefix: b"BIP0".to_vec(),
            subtype: 0,
            key: vec![],
        };
        attempt.psbt.proprietary.insert(key, vec![]);
    };
    // Leaves of depth 128 without a script, more than are ever read.
    let leaves = [128, 0xc0, 0].repeat(MAX_TAP_LEAVES + 1);
    vec![
        zero(&|records| {
            let last = records.0.len() - 1;
            records.put(last, 0x06, &leaves);
        }),
        zero(&|records| {
            records.value(0, 0x00).push(0);
        }),
        zero(&|records| {
            let first = records.0[0][0].clone();
            records.0[0].insert(0, first);
        }),
        zero(&|records| records.value(1, 0x01).push(0)),
        zero(&|records| records.0[1].swap(0, 1)),
        attempt(ScriptKind::Wsh, |attempt| {
            attempt.psbt.inputs[0].redeem_script = Some(ScriptBuf::new());
        }),
        attempt(ScriptKind::Tr, foreign),
        attempt(ScriptKind::Wsh, |attempt| {
            attempt.psbt.inputs[0].final_script_witness = Some(Witness::from_slice(&[[1]]));
        }),
        refusal(&World::new(ScriptKind::Wsh).attempt().psbt.serialize()),
    ]
}

/// What comes of lies about coins.
fn of_coins() -> Vec<PsbtRefusal> {
    let wsh = |lie: &dyn Fn(&mut Attempt)| attempt(ScriptKind::Wsh, lie);
    vec![
        wsh(&|attempt| {
            attempt.psbt.unsigned_tx.output.clear();
            attempt.psbt.outputs.clear();
        }),
        wsh(&|attempt| {
            let sighash = bitcoin::psbt::PsbtSighashType::from_u32(3);
            attempt.psbt.inputs[0].sighash_type = Some(sighash);
        }),
        wsh(&|attempt| {
            attempt.psbt.inputs[0].witness_utxo = None;
            attempt.psbt.inputs[0].non_witness_utxo = None;
        }),
        wsh(&|attempt| {
            let previous = attempt.psbt.inputs[0].non_witness_utxo.as_mut();
            previous.expect("given").input[0].previous_output.vout += 1;
        }),
        wsh(&|attempt| attempt.psbt.unsigned_tx.input[0].previous_output.vout = 2),
        wsh(&|attempt| {
            let claimed = attempt.psbt.inputs[0].witness_utxo.as_mut();
            claimed.expect("given").value += Amount::ONE_SAT;
        }),
        wsh(&|attempt| {
            attempt.psbt.unsigned_tx.input[1] = attempt.psbt.unsigned_tx.input[0].clone();
            attempt.psbt.inputs[1] = attempt.psbt.inputs[0].clone();
        }),
        wsh(&|attempt| attempt.output(0).value = Amount::from_sat(2_100_000_000_000_001)),
    ]
}

#[test]
fn every_refusal_of_a_psbt_is_met_by_some_bytes() {
    let met: Vec<&str> = [of_bytes(), of_version_2(), of_records(), of_coins()]
        .iter()
        .flatten()
        .map(name)
        .collect();
    for variant in ALL {
        assert!(met.contains(variant), "nothing meets {variant}: {met:?}");
    }
    assert_eq!(met.len(), ALL.len(), "each is met once: {met:?}");
    let signed = IssuedAttempt::of(&World::new(ScriptKind::Tr)).signed_by("alice");
    assert_eq!(name(&refusal(&signed.serialize())), "UnexpectedSignature");
}
