//! A signer whose key lies in a device: handed over, signed there, answered for here, and every way in which not.

use crate::device::Device;
use crate::treasury::{NOW, Treasury, passphrase};
use bitcoin::consensus::encode::serialize;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::secp256k1::{Secp256k1, ecdsa as raw};
use bitcoin::sighash::{EcdsaSighashType, TapSighashType};
use bitcoin::{Amount, PublicKey, ecdsa};
use miniscript::psbt::PsbtExt;
use policies::psbt::{BadReason, Encoding, Manifest, PsbtVersion, read_intake};
use policies::{Journal, ScriptKind};
use signer::countersign::{Answered, CountersignError, Countersigner};
use signer::failure::Explained;
use signer::journal_file::{AppendLog, JournalFile};
use std::io;

const KINDS: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];

/// A treasury whose alice has her key in a device, and a transfer of two coins.
struct Gap {
    treasury: Treasury,
    device: Device,
    issued: Psbt,
}

impl Gap {
    fn of(kind: ScriptKind) -> Self {
        let treasury = Treasury::agree(kind);
        let issued = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0, 3]);
        let device = Device::of(&treasury, "alice");
        Self {
            treasury,
            device,
            issued,
        }
    }

    fn alice(&self) -> Countersigner {
        self.treasury.countersigner("alice")
    }

    fn hand_over(&self) -> Vec<u8> {
        let mut alice = self.alice();
        let examined = alice
            .examine(&self.issued.serialize(), NOW)
            .expect("may be signed");
        alice.hand_over(&examined, NOW).expect("hands over").psbt
    }

    fn answer(&self, answers: &[&[u8]]) -> Result<Answered, CountersignError> {
        let mut alice = self.alice();
        let examined = alice.examine(&self.issued.serialize(), NOW)?;
        let answers: Vec<_> = answers
            .iter()
            .map(|bytes| read_intake(bytes).expect("reads"))
            .collect();
        alice.answer(&examined, &answers, NOW)
    }

    /// Bob, whose key is in his home, signs the same.
    fn bob(&self) -> Psbt {
        let mut bob = self.treasury.countersigner("bob");
        let examined = bob
            .examine(&self.issued.serialize(), NOW)
            .expect("may be signed");
        bob.sign(examined, NOW).expect("signs").psbt
    }

    fn counter(&self) -> u64 {
        self.alice().journal().journal().counter()
    }
}

#[test]
fn what_a_device_signs_is_answered_for_as_a_key_here_would() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let handed = gap.hand_over();
        let shown = Psbt::deserialize(&handed).expect("a PSBT");
        assert!(shown.proprietary.is_empty(), "{kind}");
        assert_eq!(shown.inputs, gap.issued.inputs);
        assert_eq!(gap.counter(), 1);
        let txid = gap.issued.unsigned_tx.compute_txid();
        let kept = gap.treasury.home("alice").handed_file(txid);
        assert_eq!(std::fs::read(kept).expect("kept"), gap.issued.serialize());

        let answer = gap.device.signs(&handed).serialize();
        let answered = gap.answer(&[&answer]).expect("answers");
        assert_eq!((answered.inputs, answered.missing.len()), (2, 0));
        assert_eq!((answered.others, answered.refused.len()), (0, 0));
        let signed = answered.signed;
        assert_eq!(signed.receipt.body.manifest, Manifest::hash(&gap.issued));
        assert_eq!(signed.receipt.body.counter, 1);
        let signer = gap.treasury.policy.signer("alice").expect("is named");
        signed
            .receipt
            .verify(gap.treasury.policy.vault, &signer.journal)
            .expect("is the journal's");
        // Nothing of the device's PSBT leaves but the signatures.
        let mut bare = signed.psbt.clone();
        bare.proprietary.clear();
        for input in &mut bare.inputs {
            input.partial_sigs.clear();
            input.tap_script_sigs.clear();
        }
        let empty = Psbt::from_unsigned_tx(gap.issued.unsigned_tx.clone()).expect("unsigned");
        assert_eq!(bare, empty);

        let mut combined = gap.issued.clone();
        combined.combine(signed.psbt.clone()).expect("combines");
        combined.combine(gap.bob()).expect("combines");
        combined
            .finalize_mut(&Secp256k1::new())
            .unwrap_or_else(|errors| panic!("{kind}: {errors:?}"));

        let again = gap.answer(&[&answer]).expect("answers").signed;
        assert_eq!(again.to_bytes(), signed.to_bytes());
        assert_eq!(gap.counter(), 1);
    }
}

#[test]
fn every_form_of_an_answer_gives_the_same_signatures() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let signed = gap.device.signs(&gap.hand_over());
        let mut finalized = signed.clone();
        finalized.combine(gap.bob()).expect("combines");
        finalized
            .finalize_mut(&Secp256k1::new())
            .expect("finalizes");
        let transaction = finalized.clone().extract_tx_fee_rate_limit();
        let transaction = serialize(&transaction.expect("a sane fee"));
        let binary = signed.serialize();
        let expected = gap.answer(&[&binary]).expect("answers").signed.psbt.inputs;
        for (name, answer) in [
            ("base64", Encoding::Base64.encode(&binary)),
            ("hex", Encoding::Hex.encode(&binary)),
            ("version 2", PsbtVersion::Two.write(&signed)),
            ("finalized", finalized.serialize()),
            ("a transaction", transaction.clone()),
            ("its hex", Encoding::Hex.encode(&transaction)),
        ] {
            let answered = gap.answer(&[&answer]).unwrap_or_else(|error| {
                panic!("{kind}, {name}: {error}");
            });
            assert_eq!(answered.signed.psbt.inputs, expected, "{kind}, {name}");
            assert_eq!(answered.missing, [0_usize; 0], "{kind}, {name}");
        }
    }
}

#[test]
fn a_signature_for_what_was_never_handed_over_is_not_answered_for() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let mut stripped = gap.issued.clone();
        Manifest::strip(&mut stripped);
        let answer = gap.device.signs(&stripped.serialize()).serialize();
        let refused = gap.answer(&[&answer]).expect_err("was not journalled");
        assert_eq!(refused.code(), "NOT_HANDED_OVER");
        assert_eq!(gap.counter(), 0);
    }
}

#[test]
fn a_signature_for_an_altered_transaction_is_not_answered_for() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let mut altered = Psbt::deserialize(&gap.hand_over()).expect("a PSBT");
        altered.unsigned_tx.output[0].value = Amount::from_sat(2_000_000);
        let answer = gap.device.signs(&altered.serialize()).serialize();
        let refused = gap.answer(&[&answer]).expect_err("is another transaction");
        assert_eq!(refused.code(), "NOT_HANDED_OVER");
        assert_eq!(gap.counter(), 1);
    }
}

#[test]
fn a_signature_over_part_of_the_transaction_is_refused_and_hurts_no_other() {
    for kind in KINDS {
        let types: [PsbtSighashType; 2] = match kind {
            ScriptKind::Tr => [
                TapSighashType::None.into(),
                TapSighashType::SinglePlusAnyoneCanPay.into(),
            ],
            ScriptKind::Wsh | ScriptKind::Wpkh => [
                EcdsaSighashType::None.into(),
                EcdsaSighashType::SinglePlusAnyoneCanPay.into(),
            ],
        };
        for sighash in types {
            let gap = Gap::of(kind);
            let mut handed = Psbt::deserialize(&gap.hand_over()).expect("a PSBT");
            handed.inputs[1].sighash_type = Some(sighash);
            let answer = gap.device.signs(&handed.serialize()).serialize();
            let answered = gap.answer(&[&answer]).expect("the other input holds");
            assert_eq!(answered.missing, [1]);
            assert_eq!(answered.signed.signatures, 1);
            let [bad] = &answered.refused[..] else {
                panic!("{kind}: {:?}", answered.refused);
            };
            assert_eq!(bad.input, 1);
            let reason = bad.reason;
            assert!(matches!(reason, BadReason::Sighash { .. }), "{reason:?}");

            handed.inputs[0].sighash_type = Some(sighash);
            let answer = gap.device.signs(&handed.serialize()).serialize();
            let refused = gap.answer(&[&answer]).expect_err("none holds");
            assert_eq!(refused.code(), "SIGNATURE_SIGHASH");
            assert_eq!(refused.reasons().len(), 2);
        }
    }
}

#[test]
fn signatures_of_other_signers_are_left_to_the_coordinator() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let handed = gap.hand_over();
        let mut both = Device::like(&gap.treasury, "bob").signs(&handed);
        let refused = gap.answer(&[&both.serialize()]).expect_err("are bob's");
        assert_eq!(refused.code(), "NOT_ANSWERED");
        let others = matches!(refused, CountersignError::NotAnswered { others: true, .. });
        assert!(others, "{refused}");
        let own = gap.device.signs(&handed);
        both.combine(own.clone()).expect("combines");
        let answered = gap.answer(&[&both.serialize()]).expect("answers");
        assert_eq!(answered.others, 2);
        let alone = gap.answer(&[&own.serialize()]).expect("answers");
        assert_eq!(answered.signed.to_bytes(), alone.signed.to_bytes());
    }
}

/// A signature with n − S for S, which the same key also verifies.
fn with_high_s(signature: &ecdsa::Signature) -> ecdsa::Signature {
    // The order of the curve's group (SEC 2, secp256k1).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let mut compact = signature.signature.serialize_compact();
    let mut borrow = 0_i16;
    for position in (0..32).rev() {
        let difference = i16::from(ORDER[position]) - i16::from(compact[32 + position]) - borrow;
        borrow = i16::from(difference < 0);
        compact[32 + position] = difference.rem_euclid(256).try_into().expect("below 256");
    }
    ecdsa::Signature {
        signature: raw::Signature::from_compact(&compact).expect("in range"),
        sighash_type: signature.sighash_type,
    }
}

#[test]
fn a_malformed_signature_or_one_by_a_foreign_key_is_refused_by_input_and_reason() {
    let gap = Gap::of(ScriptKind::Wsh);
    let signed = gap.device.signs(&gap.hand_over());
    let own: PublicKey = *signed.inputs[0].partial_sigs.keys().next().expect("signed");
    let good = signed.inputs[0].partial_sigs[&own];

    let mut high = signed.clone();
    high.inputs[0].partial_sigs.insert(own, with_high_s(&good));
    let mut wrong = signed.clone();
    let other = *signed.inputs[1]
        .partial_sigs
        .values()
        .next()
        .expect("signed");
    wrong.inputs[0].partial_sigs.insert(own, other);
    let mut foreign = signed.clone();
    let stranger = *signed.inputs[1].partial_sigs.keys().next().expect("signed");
    foreign.inputs[0].partial_sigs.clear();
    foreign.inputs[0].partial_sigs.insert(stranger, good);
    for (answer, reason) in [
        (high, BadReason::HighS),
        (wrong, BadReason::Wrong),
        (foreign, BadReason::UnexpectedKey),
    ] {
        let answered = gap.answer(&[&answer.serialize()]).expect("input 1 holds");
        assert_eq!(answered.missing, [0]);
        let [bad] = &answered.refused[..] else {
            panic!("{:?}", answered.refused);
        };
        assert_eq!((bad.input, bad.reason), (0, reason));
        // The whole comes with a second answer, in either order.
        for answers in [
            [answer.serialize(), signed.serialize()],
            [signed.serialize(), answer.serialize()],
        ] {
            let answers = answers.each_ref().map(Vec::as_slice);
            let answered = gap.answer(&answers).expect("both inputs hold");
            assert_eq!(answered.missing, [0_usize; 0]);
            assert_eq!(answered.signed.signatures, 2);
        }
    }
}

#[test]
fn a_device_that_refused_is_told_as_such() {
    for kind in KINDS {
        let gap = Gap::of(kind);
        let handed = gap.hand_over();
        let refused = gap.answer(&[&handed]).expect_err("nothing is signed");
        assert_eq!(refused.code(), "NOT_ANSWERED");
        let others = matches!(refused, CountersignError::NotAnswered { others: false, .. });
        assert!(others, "{refused}");
    }
}

#[test]
fn what_may_not_be_signed_any_more_is_not_answered_for_either() {
    let gap = Gap::of(ScriptKind::Wsh);
    let answer = gap.device.signs(&gap.hand_over()).serialize();
    let mut alice = gap.alice();
    let issued = gap.issued.serialize();
    let examined = alice.examine(&issued, NOW).expect("may be signed");
    let late = NOW.saturating_add(365 * 86_400);
    let intake = read_intake(&answer).expect("reads");
    let refused = alice.answer(&examined, &[intake], late);
    let codes: Vec<_> = refused.expect_err("is too late").reasons();
    assert!(codes.iter().any(|one| one.code == "INTENT_EXPIRED"));
}

#[test]
fn a_home_signs_with_its_own_key_or_hands_over_and_never_both() {
    let gap = Gap::of(ScriptKind::Wsh);
    let issued = gap.issued.serialize();
    let mut alice = gap.alice();
    let examined = alice.examine(&issued, NOW).expect("may be signed");
    let refused = alice.sign(examined, NOW).expect_err("has no key");
    assert_eq!(refused.code(), "KEY_ELSEWHERE");
    drop(alice);
    assert_eq!(gap.counter(), 0);

    let mut bob = gap.treasury.countersigner("bob");
    let examined = bob.examine(&issued, NOW).expect("may be signed");
    let refused = bob.hand_over(&examined, NOW).expect_err("has the key");
    assert_eq!(refused.code(), "KEY_HERE");
    let refused = bob.answer(&examined, &[], NOW).expect_err("has the key");
    assert_eq!(refused.code(), "KEY_HERE");
    assert_eq!(bob.journal().journal().counter(), 0);
}

/// A disk that is full.
struct Full;

impl AppendLog for Full {
    fn append_durably(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn nothing_is_handed_over_before_its_entry_is_durable() {
    let gap = Gap::of(ScriptKind::Wsh);
    let home = gap.treasury.home("alice");
    let signer = gap.treasury.policy.signer("alice").expect("is named");
    let vault = gap.treasury.policy.vault;
    let (journal, _) =
        Journal::begin(vault, signer.journal, policies::UnixTime::ZERO).expect("begins");
    let mut full = Countersigner::of(
        "alice".to_owned(),
        gap.treasury.policy.clone(),
        JournalFile::over(Full, journal),
        home.device_key().expect("reads").expect("is there"),
        home.open_journal_key(&passphrase()).expect("opens"),
    );
    let issued = gap.issued.serialize();
    let examined = full.examine(&issued, NOW).expect("may be signed");
    let refused = full.hand_over(&examined, NOW).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_NOT_DURABLE");
}
