//! The test vectors of BIP 174, 370 and 371, and what HWI refuses beyond them, through both profiles.
//!
//! What is invalid there is refused by both profiles; what is valid is read by the intake, and by the
//! strict profile read or refused for a reason that is named here. A vector that is on no list fails.

use bitcoin::ScriptBuf;
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::hex::FromHex as _;
use bitcoin::psbt::Psbt;
use policies::document::Policy;
use policies::psbt::{
    AttemptPurpose, Intake, Manifest, OfferedSlot, PsbtRefusal, read_intake, read_strict,
};
use policies::review::{Refusal, review};
use policies::{History, UnixTime};
use serde::Deserialize;

use crate::golden::{read, text};

#[derive(Deserialize)]
struct Vector {
    expect: String,
    case: String,
    psbt: Option<String>,
    hex: Option<String>,
}

impl Vector {
    fn text(&self) -> &str {
        let text = self.psbt.as_ref().or(self.hex.as_ref());
        text.expect("base64 or hex")
    }

    fn strict(&self) -> Result<(), PsbtRefusal> {
        read_strict(self.text().as_bytes()).map(drop)
    }

    fn intake(&self) -> Result<Intake, PsbtRefusal> {
        read_intake(self.text().as_bytes())
    }

    /// As a library reads it that refuses less than we do.
    fn decoded(&self) -> Psbt {
        let bytes = match (&self.hex, &self.psbt) {
            (Some(hex), _) => Vec::from_hex(hex).expect("hex"),
            (None, Some(text)) => BASE64_STANDARD.decode(text).expect("base64"),
            (None, None) => panic!("base64 or hex"),
        };
        Psbt::deserialize(&bytes).expect("a PSBT")
    }
}

fn vectors(bip: &str, expect: &str) -> Vec<Vector> {
    let all: Vec<Vector> = read(&format!("bip/bip{bip}.json"));
    all.into_iter()
        .filter(|vector| vector.expect == expect)
        .collect()
}

/// How many invalid and valid vectors, and vectors for signers, each BIP has.
const COUNTS: [(&str, [usize; 3]); 3] = [
    ("0174", [20, 10, 4]),
    ("0370", [24, 14, 0]),
    ("0371", [11, 6, 0]),
];

/// What is invalid for a signature alone: the intake refuses that one and takes what else there is.
const INVALID_SIGNATURES: [&str; 6] = [
    "PSBT with invalid pubkey length for input partial signature typed key",
    "PSBT With PSBT_IN_TAP_KEY_SIG signature that is too short",
    "PSBT With PSBT_IN_TAP_KEY_SIG signature that is too long",
    "PSBT With PSBT_IN_TAP_SCRIPT_SIG key that is too long (incorrectly serialized as compressed DER)",
    "PSBT With PSBT_IN_TAP_SCRIPT_SIG signature that is too long",
    "PSBT With PSBT_IN_TAP_SCRIPT_SIG signature that is too short",
];

/// What is invalid as a PSBT, but is read by the intake as the raw transaction that it is.
const RAW: &str = "Network transaction, not PSBT format";

#[test]
fn the_vectors_are_all_there() {
    for (bip, counts) in COUNTS {
        let found =
            ["invalid", "valid", "fails signer checks"].map(|expect| vectors(bip, expect).len());
        assert_eq!(found, counts, "BIP {bip}");
    }
}

#[test]
fn what_is_invalid_is_refused_by_both_profiles() {
    for (bip, _) in COUNTS {
        for vector in vectors(bip, "invalid") {
            let case = vector.case.as_str();
            assert!(vector.strict().is_err(), "{case}");
            let intake = vector.intake();
            if INVALID_SIGNATURES.contains(&case) {
                let [offered] = &intake.expect("the rest is read").signatures[..] else {
                    panic!("{case}: one signature")
                };
                let unreadable = matches!(offered.slot, OfferedSlot::Unreadable { .. });
                let lengths = 64..=65;
                assert!(
                    unreadable || !lengths.contains(&offered.bytes.len()),
                    "{case}"
                );
            } else if case == RAW {
                assert!(intake.expect("a transaction").signatures.is_empty());
            } else {
                assert!(intake.is_err(), "{case}");
            }
        }
    }
}

/// What the strict profile says of each valid vector, in their order. `MANIFEST` is the last thing
/// that it looks for: all else about such a PSBT is as it wants it.
const STRICT: [(&str, &[&str]); 3] = [
    (
        "0174",
        &[
            "MANIFEST",
            "PSBT_UNEXPECTED_SIGNATURE",
            "MANIFEST",
            "PSBT_UNEXPECTED_FIELD",
            "PSBT_UNEXPECTED_SIGNATURE",
            "MANIFEST",
            "PSBT_UNEXPECTED_FIELD",
            "PSBT_UNEXPECTED_SIGNATURE",
            "PSBT_TRANSACTION",
            "PSBT_TRANSACTION",
        ],
    ),
    (
        "0370",
        &[
            "PREVIOUS_OUTPUT_MISSING",
            "MANIFEST",
            "MANIFEST",
            "PSBT_REQUIRED_LOCKTIME",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
            "PSBT_MODIFIABLE",
        ],
    ),
    (
        "0371",
        &[
            "MANIFEST",
            "PSBT_UNEXPECTED_SIGNATURE",
            "MANIFEST",
            "MANIFEST",
            // The origins of an output's keys stand in another order than ours.
            "PSBT_NOT_CANONICAL",
            "PSBT_UNEXPECTED_SIGNATURE",
        ],
    ),
];

fn code(result: Result<(), PsbtRefusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code(), |()| "READ")
}

#[test]
fn what_is_valid_is_read_by_the_intake_and_by_the_strict_profile_or_refused_by_name() {
    for (bip, expected) in STRICT {
        let valid = vectors(bip, "valid");
        for vector in &valid {
            assert!(vector.intake().is_ok(), "{}", vector.case);
        }
        let found: Vec<&str> = valid.iter().map(|vector| code(vector.strict())).collect();
        assert_eq!(found, expected, "BIP {bip}");
    }
}

/// What hides the fault of each: a nested script in the first, a partial signature in the others.
#[test]
fn what_fails_a_signers_checks_is_refused_by_the_strict_profile_for_what_stands_beside_it() {
    let failing = vectors("0174", "fails signer checks");
    let found: Vec<&str> = failing.iter().map(|vector| code(vector.strict())).collect();
    let expected = [
        "PSBT_UNEXPECTED_FIELD",
        "PSBT_UNEXPECTED_SIGNATURE",
        "PSBT_UNEXPECTED_SIGNATURE",
        "PSBT_UNEXPECTED_SIGNATURE",
    ];
    assert_eq!(found, expected);
}

/// Without what hides it, the fault itself decides: the output that is spent is none of a vault's,
/// whatever kind of output and whatever scripts the PSBT claims beside it.
///
/// The same faults in a vault of ours: `each_fault_that_bip_174_lists_for_signers_is_refused_in_our_own_vaults`.
#[test]
fn what_fails_a_signers_checks_is_refused_for_the_output_that_it_spends() {
    let policy =
        Policy::parse(text("policy.toml").as_bytes()).expect("the example has no mistakes");
    for vector in vectors("0174", "fails signer checks") {
        let mut psbt = vector.decoded();
        let mut spent = Vec::new();
        for (index, (txin, input)) in psbt
            .unsigned_tx
            .input
            .iter()
            .zip(&mut psbt.inputs)
            .enumerate()
        {
            input.partial_sigs.clear();
            input.redeem_script = None;
            let vout = usize::try_from(txin.previous_output.vout).expect("small");
            let proven = input
                .non_witness_utxo
                .as_ref()
                .map(|whole| &whole.output[vout]);
            let output = proven
                .or(input.witness_utxo.as_ref())
                .expect("a previous output");
            spent.push((index, output.script_pubkey.clone()));
        }
        for output in &mut psbt.outputs {
            output.redeem_script = None;
        }
        Manifest::new(policy.id, AttemptPurpose::Pay, 1).write_into(&mut psbt);
        let read = read_strict(&psbt.serialize()).expect("nothing else is wrong with it");
        let now = UnixTime::from_secs(1_795_395_600);
        let refusals = review(&read, &policy, &History::none(), now).expect_err("not a vault's");
        let foreign: Vec<(usize, ScriptBuf)> = refusals
            .iter()
            .filter_map(|refusal| {
                if let Refusal::ForeignInput { input, script } = refusal {
                    Some((*input, script.clone()))
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(foreign, spent, "{}", vector.case);
    }
}

/// What HWI met in the wild, and records of MuSig2 (BIP 373) of a wrong length: no record of MuSig2 is
/// expected in what we sign, and the last three carry a signature besides.
const HWI: [&str; 13] = [
    "PSBT_TRUNCATED",
    "PSBT_NOT_CANONICAL",
    "PSBT_TRUNCATED",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_FIELD",
    "PSBT_UNEXPECTED_SIGNATURE",
    "PSBT_UNEXPECTED_SIGNATURE",
    "PSBT_UNEXPECTED_SIGNATURE",
];

#[test]
fn what_hwi_refuses_beyond_the_bips_is_refused_by_the_strict_profile() {
    let all: Vec<String> = read("bip/hwi_invalid.json");
    let found: Vec<&str> = all
        .iter()
        .map(|text| code(read_strict(text.as_bytes()).map(drop)))
        .collect();
    assert_eq!(found, HWI);
}
