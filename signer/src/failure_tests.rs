//! What people and programs are told of a failure.

use super::*;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, FeeRate, Txid};
use policies::intent::SecretKey;
use policies::journal::{CreatedRefusal, Fault, Rollback};
use policies::review::{ChangeRefusal, FeeRefusal, JournalRefusal};
use policies::rules::{DenyReason, Miss, Missed, Shortfall};
use policies::{Intent, IntentHash, UnixTime};
use serde_json::json;

#[test]
fn every_class_has_its_exit_code() {
    let codes = [Class::Refused, Class::Usage, Class::Device, Class::Bug].map(Class::exit_code);
    assert_eq!(codes, [1, 2, 3, 255]);
}

#[test]
fn a_failure_shows_code_facts_and_hint_to_people_and_programs() {
    let failure = Failure::because(Class::Refused, "TOO_LARGE", "2 bytes, at most 1")
        .hinted("name the right file");
    assert_eq!(
        failure.text(),
        "Refused (TOO_LARGE): 2 bytes, at most 1\nHint: name the right file"
    );
    assert_eq!(failure.json()["reasons"][0]["code"], "TOO_LARGE");
    assert_eq!(failure.json()["reasons"][0]["hint"], "name the right file");
    assert_eq!(failure.json()["outcome"], "refused");
}

/// What a program reads of a refusal beside code, message and hint.
fn facts_of_refusal(refusal: &Refusal) -> Value {
    let reason = Reason::of_refusal(refusal);
    for taken in ["code", "message", "hint"] {
        assert!(!reason.facts.contains_key(taken), "{refusal:?}");
    }
    Value::Object(reason.facts)
}

#[test]
fn every_refusal_gives_its_facts_by_name() {
    let intent = IntentHash::from_bytes([0x11; 32]);
    let hex = "11".repeat(32);
    let time = UnixTime::from_secs;
    let refusals = [
        (Refusal::PaysNothing, json!({})),
        (
            Refusal::Sequence {
                input: 2,
                expected: 3,
                found: 4,
            },
            json!({ "input": 2, "expected": 3, "found": 4 }),
        ),
        (
            Refusal::OutputMismatch {
                output: 1,
                amount: Amount::from_sat(7),
            },
            json!({ "output": 1, "amount_sat": 7 }),
        ),
        (
            Refusal::Fee(FeeRefusal::FeerateAboveCap {
                feerate: FeeRate::from_sat_per_kwu(9),
                cap: FeeRate::from_sat_per_kwu(8),
            }),
            json!({ "feerate_sat_kwu": 9, "cap_sat_kwu": 8 }),
        ),
        (
            Refusal::Change(ChangeRefusal::NotOurs {
                output: 1,
                index: 8,
            }),
            json!({ "output": 1, "index": 8 }),
        ),
        (
            Refusal::IntentCreated {
                intent,
                refusal: CreatedRefusal::FromTheFuture {
                    created: time(9),
                    latest: time(8),
                },
            },
            json!({ "intent": hex, "created": 9, "latest": 8 }),
        ),
        (
            Refusal::TooFewApprovals {
                intent,
                shortfall: Shortfall {
                    rule: "large".to_owned(),
                    group: None,
                    needed: 2,
                    approved: vec!["dana".to_owned()],
                },
            },
            json!({
                "intent": hex, "rule": "large", "group": null, "needed": 2, "approved": ["dana"],
            }),
        ),
        (
            Refusal::Denied {
                intent,
                reason: DenyReason::NoMatchingRule {
                    missed: vec![Missed {
                        rule: "large".to_owned(),
                        miss: Miss::Destination,
                    }],
                },
            },
            json!({
                "intent": hex,
                "reason": "NO_MATCHING_RULE",
                "misses": [{
                    "rule": "large",
                    "code": "destination",
                    "says": "destination on none of its lists",
                }],
            }),
        ),
        (
            Refusal::IntentUnreadable {
                intent,
                error: Intent::decode(b"{").expect_err("is none"),
            },
            json!({
                "intent": hex,
                "error": Intent::decode(b"{").expect_err("is none").to_string(),
            }),
        ),
        (
            Refusal::Journal(JournalRefusal::RolledBack {
                rollback: Rollback::Ahead {
                    journal: SecretKey::from_bytes(&[1; 32]).public(),
                    counter: 3,
                    last: 2,
                },
            }),
            json!({
                "journal": SecretKey::from_bytes(&[1; 32]).public().to_string(),
                "counter": 3,
                "last": 2,
            }),
        ),
        (
            Refusal::History(Fault::NoInputs {
                txid: Txid::from_byte_array([0; 32]),
            }),
            json!({ "txid": "00".repeat(32) }),
        ),
    ];
    for (refusal, facts) in refusals {
        assert_eq!(facts_of_refusal(&refusal), facts, "{refusal:?}");
    }
}
