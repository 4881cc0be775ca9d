//! What `bhwi` was heard to say is understood; see `tests/recorded/README.md`.

use super::*;
use crate::failure::Explained;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

#[derive(Deserialize)]
struct Recorded {
    name: String,
    status: i32,
    output: String,
    complaint: String,
}

fn recorded(name: &str) -> Said {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/bhwi.json");
    let text = std::fs::read(file).expect("is recorded");
    let all: Vec<Recorded> = serde_json::from_slice(&text).expect("is JSON");
    let one = all.into_iter().find(|one| one.name == name);
    let one = one.expect("is recorded");
    Said {
        output: one.output.into_bytes(),
        complaint: one.complaint,
        status: ExitStatus::from_raw(one.status << 8),
    }
}

#[test]
fn the_real_version_is_the_one_that_was_tried() {
    assert!(check_version(Tool::Bhwi, &recorded("version"), false).is_ok());
    let mut later = recorded("version");
    later.output = b"bhwi-cli 0.2.0\n".to_vec();
    let refused = check_version(Tool::Bhwi, &later, false).expect_err("nobody tried it");
    assert_eq!(refused.code(), "TOOL_VERSION");
}

#[test]
fn the_real_list_and_key_of_a_ledger_are_read() {
    let output = answered(recorded("listed")).expect("is an answer");
    let entries: Vec<Entry> = serde_json::from_slice(&output).expect("is a list");
    let found: Vec<Found> = entries
        .into_iter()
        .map(|entry| found(entry).expect("is sane"))
        .collect();
    let [ledger] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(ledger.kind, "ledger");
    assert_eq!(ledger.version.as_deref(), Some("2.4.6"));
    assert!(ledger.fingerprint.is_some());
    assert!(matches!(ledger.state, State::Ready));
    let key = answered(recorded("key")).expect("is an answer");
    let key = String::from_utf8(key).expect("is text");
    assert!(key.trim().parse::<Xpub>().is_ok(), "{key}");
    let registered = answered(recorded("registered")).expect("is an answer");
    let registered: RegisterAnswer = serde_json::from_slice(&registered).expect("is one");
    assert_eq!(registered.status, "complete");
    assert!(registered.hmac.is_some());
    let nobody = answered(recorded("nobody")).expect("is no complaint");
    assert!(nobody.is_empty());
}

#[test]
fn each_real_complaint_is_the_fact_that_it_was() {
    for (name, code) in [
        ("no USB", "DEVICE_NOT_FOUND"),
        ("other app", "DEVICE_APP"),
        ("refused", "REFUSED_ON_DEVICE"),
        ("another code", "NOT_REGISTERED"),
        ("no code", "DEVICE_UNSUPPORTED"),
        ("cut", "DEVICE_GONE"),
        ("after the cut", "DEVICE_BUSY"),
        ("no PSBT", "DEVICE_FAILED"),
        ("no such kind", "TOOL_CRASHED"),
    ] {
        let error = answered(recorded(name)).expect_err("complained");
        assert_eq!(error.code(), code, "{name}");
    }
}

#[test]
fn an_app_of_another_test_network_is_ours_and_one_of_mainnet_is_not() {
    let warned = |reported: &str, expected: &str| {
        let line = format!("Warning: device Ledger is on {reported}, expected {expected}\n");
        is_of_other_network(&line)
    };
    assert!(!warned("testnet", "regtest"));
    assert!(!warned("bitcoin, testnet", "regtest"));
    assert!(!warned("bitcoin, testnet", "bitcoin"));
    assert!(warned("bitcoin", "signet"));
    assert!(warned("testnet", "bitcoin"));
    assert!(!is_of_other_network(
        "Warning: skipping jade at x: [Locked]"
    ));
    assert!(!is_of_other_network(""));
}
