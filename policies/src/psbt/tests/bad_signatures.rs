//! Every kind of bad signature, in every input: refused with its input and its reason, and alone.

use bitcoin::hashes::Hash as _;
use bitcoin::taproot::TapLeafHash;

use super::{IssuedAttempt, read_intake};
use crate::descriptor::ScriptKind;
use crate::psbt::{Intake, OfferedSignature, OfferedSlot, SignatureKey};
use crate::review::world::World;

/// A way in which a signature can be bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Empty,
    Garbage,
    FlippedBit,
    Truncated,
    Overlong,
    SighashNone,
    SighashSingle,
    SighashAnyoneCanPay,
    SighashZero,
    SighashUndefined,
    HighS,
    ZeroR,
    PaddedOrExplicitAll,
    OtherAlgorithm,
    OfOtherInput,
    OfOtherTransaction,
    OfOtherSigner,
    UnderStrangersKey,
    UnderKeyOfOtherInput,
    UnderOtherLeaf,
    UnderInternalKey,
    UnderUnreadableKey,
    InFinalWitness,
    ForNoInput,
}

impl Bad {
    const ALL: [Self; 24] = [
        Self::Empty,
        Self::Garbage,
        Self::FlippedBit,
        Self::Truncated,
        Self::Overlong,
        Self::SighashNone,
        Self::SighashSingle,
        Self::SighashAnyoneCanPay,
        Self::SighashZero,
        Self::SighashUndefined,
        Self::HighS,
        Self::ZeroR,
        Self::PaddedOrExplicitAll,
        Self::OtherAlgorithm,
        Self::OfOtherInput,
        Self::OfOtherTransaction,
        Self::OfOtherSigner,
        Self::UnderStrangersKey,
        Self::UnderKeyOfOtherInput,
        Self::UnderOtherLeaf,
        Self::UnderInternalKey,
        Self::UnderUnreadableKey,
        Self::InFinalWitness,
        Self::ForNoInput,
    ];

    /// The code with which it is refused.
    fn code(self, kind: ScriptKind) -> &'static str {
        let schnorr = kind == ScriptKind::Tr;
        match self {
            Self::Empty | Self::Truncated | Self::Overlong | Self::OtherAlgorithm => {
                "SIGNATURE_ENCODING"
            }
            // Any 64 bytes are a Schnorr signature in form.
            Self::Garbage | Self::PaddedOrExplicitAll if !schnorr => "SIGNATURE_ENCODING",
            // DEFAULT has no byte of its own.
            Self::SighashZero if schnorr => "SIGNATURE_ENCODING",
            Self::SighashNone
            | Self::SighashSingle
            | Self::SighashAnyoneCanPay
            | Self::SighashZero
            | Self::SighashUndefined => "SIGNATURE_SIGHASH",
            Self::HighS if !schnorr => "SIGNATURE_HIGH_S",
            // The key path of this vault is nobody's, but it is a path.
            Self::UnderInternalKey if schnorr => "SIGNATURE_WRONG",
            Self::Garbage
            | Self::FlippedBit
            | Self::HighS
            | Self::ZeroR
            | Self::PaddedOrExplicitAll
            | Self::OfOtherInput
            | Self::OfOtherTransaction
            | Self::OfOtherSigner => "SIGNATURE_WRONG",
            Self::UnderStrangersKey
            | Self::UnderKeyOfOtherInput
            | Self::UnderOtherLeaf
            | Self::UnderInternalKey
            | Self::InFinalWitness => "SIGNATURE_UNEXPECTED_KEY",
            Self::UnderUnreadableKey => "SIGNATURE_UNREADABLE_KEY",
            Self::ForNoInput => "SIGNATURE_NO_SUCH_INPUT",
        }
    }

    /// Spoils the good signature of one input.
    fn spoil(self, scene: &Scene, input: usize) -> Intake {
        let mut intake = scene.alice.clone();
        let other = scene.alice.signatures[1 - input].clone();
        let offered = &mut intake.signatures[input];
        let schnorr = offered.bytes.len() == 64;
        match self {
            Self::Empty => offered.bytes.clear(),
            Self::Garbage => offered.bytes.iter_mut().take(64).for_each(|byte| *byte = 7),
            Self::FlippedBit => offered.bytes[44] ^= 1,
            Self::Truncated => drop(offered.bytes.drain(30..32)),
            Self::Overlong => offered.bytes.splice(10..10, [9, 9]).for_each(drop),
            Self::SighashNone => end_with(offered, 0x02),
            Self::SighashSingle => end_with(offered, 0x03),
            Self::SighashAnyoneCanPay => end_with(offered, 0x81),
            Self::SighashZero => end_with(offered, 0x00),
            Self::SighashUndefined => end_with(offered, 0x05),
            Self::HighS if schnorr => offered.bytes.iter_mut().skip(32).for_each(|b| *b = 0xff),
            Self::HighS => offered.bytes = der(&r_and_s(&offered.bytes).0, &HIGH_S, 0x01),
            Self::ZeroR if schnorr => offered.bytes.iter_mut().take(32).for_each(|b| *b = 0),
            Self::ZeroR => offered.bytes = der(&[0], &r_and_s(&offered.bytes).1, 0x01),
            Self::PaddedOrExplicitAll if schnorr => offered.bytes.push(0x01),
            Self::PaddedOrExplicitAll => {
                let (r, s) = r_and_s(&offered.bytes);
                offered.bytes = der(&[&[0], &r[..]].concat(), &s, 0x01);
            }
            Self::OtherAlgorithm if schnorr => {
                offered.bytes = der(&[0x11; 32], &[0x12; 32], 0x01);
            }
            Self::OtherAlgorithm => offered.bytes = [[0x11; 63].as_slice(), &[0x01]].concat(),
            Self::OfOtherInput => offered.bytes = other.bytes,
            Self::OfOtherTransaction => {
                offered
                    .bytes
                    .clone_from(&scene.elsewhere.signatures[input].bytes);
            }
            Self::OfOtherSigner => offered.bytes.clone_from(&scene.bob.signatures[input].bytes),
            Self::UnderStrangersKey => offered.slot = stranger(&offered.slot),
            Self::UnderKeyOfOtherInput => offered.slot = other.slot,
            Self::UnderOtherLeaf => offered.slot = other_leaf(&offered.slot),
            Self::UnderInternalKey => offered.slot = OfferedSlot::Place(SignatureKey::TapKey),
            Self::UnderUnreadableKey => offered.slot = OfferedSlot::Unreadable { key_type: 0x02 },
            Self::InFinalWitness => {
                offered.slot = OfferedSlot::FinalWitness { position: 1 };
                offered.bytes[44] ^= 1;
            }
            Self::ForNoInput => offered.input = 2,
        }
        intake
    }
}

/// Above half of the curve's order, and below it.
const HIGH_S: [u8; 32] = {
    let mut high = [0xff; 32];
    high[0] = 0x7f;
    high
};

/// Signatures of two signers over the issued transaction, and of one over another.
struct Scene {
    issued: IssuedAttempt,
    alice: Intake,
    bob: Intake,
    elsewhere: Intake,
}

impl Scene {
    fn of(world: &World) -> Self {
        let issued = IssuedAttempt::of(world);
        let mut plan = world.plan();
        plan.change = Some((9, bitcoin::Amount::from_sat(35_980_000)));
        let intake = |attempt: &IssuedAttempt, name: &str| {
            read_intake(&attempt.signed_by(name).serialize()).expect("reads")
        };
        Self {
            alice: intake(&issued, "alice"),
            bob: intake(&issued, "bob"),
            elsewhere: intake(&IssuedAttempt::build(world, &plan), "alice"),
            issued,
        }
    }
}

fn end_with(offered: &mut OfferedSignature, sighash: u8) {
    if offered.bytes.len() == 64 {
        offered.bytes.push(sighash);
    } else if let Some(last) = offered.bytes.last_mut() {
        *last = sighash;
    }
}

/// The two numbers of a DER signature, as they are written.
fn r_and_s(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let length = usize::from(bytes[3]);
    let (r, rest) = bytes[4..].split_at(length);
    (r.to_vec(), rest[2..2 + usize::from(rest[1])].to_vec())
}

fn der(r: &[u8], s: &[u8], sighash: u8) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("short");
        [&[0x02, length], bytes].concat()
    };
    let both = [number(r), number(s)].concat();
    let length = u8::try_from(both.len()).expect("short");
    [&[0x30, length], &both[..], &[sighash]].concat()
}

fn stranger(slot: &OfferedSlot) -> OfferedSlot {
    let point = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let key: bitcoin::PublicKey = point.parse().expect("the generator");
    OfferedSlot::Place(match slot {
        OfferedSlot::Place(SignatureKey::TapLeaf(_, leaf)) => {
            SignatureKey::TapLeaf(key.inner.into(), *leaf)
        }
        OfferedSlot::Place(SignatureKey::Ecdsa(_) | SignatureKey::TapKey)
        | OfferedSlot::FinalWitness { .. }
        | OfferedSlot::Unreadable { .. } => SignatureKey::Ecdsa(key),
    })
}

/// A leaf that is not there; in wsh a place of a leaf, where there are none.
fn other_leaf(slot: &OfferedSlot) -> OfferedSlot {
    let leaf = TapLeafHash::all_zeros();
    OfferedSlot::Place(match slot {
        OfferedSlot::Place(SignatureKey::TapLeaf(key, _)) => SignatureKey::TapLeaf(*key, leaf),
        OfferedSlot::Place(SignatureKey::Ecdsa(key)) => {
            SignatureKey::TapLeaf(key.inner.into(), leaf)
        }
        OfferedSlot::Place(SignatureKey::TapKey)
        | OfferedSlot::FinalWitness { .. }
        | OfferedSlot::Unreadable { .. } => panic!("signers name their places"),
    })
}

#[test]
fn each_kind_of_bad_signature_is_refused_with_its_input_and_reason_and_hurts_no_other() {
    for world in World::both() {
        let scene = Scene::of(&world);
        let kind = world.policy.descriptor.kind();
        for bad in Bad::ALL {
            for input in 0..2 {
                let intake = bad.spoil(&scene, input);
                let answers = scene.issued.take(&intake);
                let refused = answers[input].as_ref().expect_err("it is bad");
                let named = if bad == Bad::ForNoInput { 2 } else { input };
                assert_eq!(refused.input, named, "{kind} {bad:?}");
                assert_eq!(refused.reason.code(), bad.code(kind), "{kind} {bad:?}");
                assert_eq!(refused.slot, intake.signatures[input].slot);
                let good = answers[1 - input].as_ref().expect("the other one is good");
                assert_eq!(good.input(), 1 - input);
            }
        }
    }
}
