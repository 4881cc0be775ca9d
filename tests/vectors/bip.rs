//! The test vectors of BIP 174, 370 and 371, through both profiles.
//!
//! They are read from the folder that `BIP_VECTORS` names, one file of JSON for each BIP; the BIPs
//! themselves are where they come from. What is invalid there is refused by both profiles; what is
//! valid is read by the intake, and by the strict profile read or refused for a reason that is named
//! here. A vector that is on no list fails.

use std::path::PathBuf;

use policies::psbt::{Intake, OfferedSlot, PsbtRefusal, read_intake, read_strict};
use serde::Deserialize;

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
}

#[expect(
    clippy::disallowed_methods,
    reason = "the vectors lie wherever this says, outside of the project"
)]
fn vectors(bip: &str, expect: &str) -> Vec<Vector> {
    let folder = std::env::var_os("BIP_VECTORS").expect("BIP_VECTORS names the vectors' folder");
    let path = PathBuf::from(folder).join(format!("bip{bip}.json"));
    let text = std::fs::read_to_string(&path).expect("the vectors are there");
    let all: Vec<Vector> = serde_json::from_str(&text).expect("vectors");
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
#[ignore = "BIP_VECTORS names the folder of the BIPs' test vectors"]
fn the_vectors_are_all_there() {
    for (bip, counts) in COUNTS {
        let found =
            ["invalid", "valid", "fails signer checks"].map(|expect| vectors(bip, expect).len());
        assert_eq!(found, counts, "BIP {bip}");
    }
}

#[test]
#[ignore = "BIP_VECTORS names the folder of the BIPs' test vectors"]
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
#[ignore = "BIP_VECTORS names the folder of the BIPs' test vectors"]
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

/// None of them comes to the check that it is for: nested scripts and signatures are not expected at
/// all.
#[test]
#[ignore = "BIP_VECTORS names the folder of the BIPs' test vectors"]
fn what_fails_a_signers_checks_is_refused_by_the_strict_profile() {
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
