//! A Ledger that signs a miniscript policy: registered, looked at, signed with, by way of a fake `bhwi`.

use super::fake::Bench;
use serde_json::{Value, json};
use std::fs;

/// A desk with a Ledger and both tools on it.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.install_tool("bhwi");
    bench.becomes("ledger");
    bench.says_address(0);
    bench
}

fn registration(bench: &Bench) -> (std::path::PathBuf, Value) {
    let folder = fs::read_dir(bench.path("alice/registrations")).expect("is there");
    let files: Vec<_> = folder.map(|one| one.expect("reads").path()).collect();
    let [file] = &files[..] else {
        panic!("{files:?}");
    };
    let read = fs::read(file).expect("reads");
    (
        file.clone(),
        serde_json::from_slice(&read).expect("is JSON"),
    )
}

#[test]
fn a_policy_is_registered_then_its_address_looked_at_then_signed_for() {
    let bench = bench();
    assert_eq!(bench.signs("good").code(), "NOT_REGISTERED");
    assert_eq!(bench.run("good", "address 0").code(), "NOT_REGISTERED");
    assert_eq!(bench.counter(), 0);

    let said = bench.run("good", "register --yes").done();
    let name = said.value["name"].as_str().expect("a name").to_owned();
    assert!(name.starts_with("treasury-") && name.len() <= 30, "{name}");
    for shown in [name.as_str(), "wsh(", "key @3", "must show this"] {
        assert!(said.talk.contains(shown), "{shown}: {}", said.talk);
    }
    let (_, kept) = registration(&bench);
    assert_eq!(kept["hmac"], "ab".repeat(32));
    assert_eq!(kept["firmware"], "2.4.6");
    assert_eq!(kept["checked"], Value::Null);
    // What is to be kept from others is not said.
    assert!(!said.value.to_string().contains(&"ab".repeat(32)));

    let shown = bench.run("good", "address 0").done();
    assert!(
        shown.value["address"]
            .as_str()
            .is_some_and(|one| one.starts_with("bcrt1"))
    );
    let (_, kept) = registration(&bench);
    assert_eq!(kept["checked"]["index"], 0);
    assert_eq!(bench.run("good", "address 1").code(), "OTHER_ADDRESS");
    assert_eq!(registration(&bench).1["checked"]["index"], 0);

    bench.signs("good").done();
    bench.finalizes(&bench.read("w1.alice.psbt"));
    let calls = String::from_utf8(bench.read("state/bhwi-calls")).expect("is text");
    let last: Vec<String> =
        serde_json::from_str(calls.lines().last().expect("called")).expect("JSON");
    assert!(last.contains(&format!("--name={name}")), "{last:?}");
    assert!(last.contains(&"--psbt=/dev/stdin".to_owned()), "{last:?}");
}

#[test]
fn a_lost_or_altered_registration_is_none_and_is_had_again() {
    let bench = bench();
    bench.run("good", "register --yes").done();
    let (file, kept) = registration(&bench);
    let mut altered = kept.clone();
    altered["template"] = json!("wsh(sortedmulti(1,@0/**,@1/**,@2/**,@3/**))");
    for text in [altered.to_string(), "{".to_owned(), String::new()] {
        fs::write(&file, text).expect("writes");
        assert_eq!(bench.signs("good").code(), "NOT_REGISTERED");
    }
    fs::remove_file(&file).expect("is there");
    assert_eq!(bench.signs("good").code(), "NOT_REGISTERED");
    bench.run("good", "register --yes").done();
    assert_eq!(registration(&bench).1["hmac"], kept["hmac"]);
    bench.signs("good").done();
}

#[test]
fn each_way_in_which_registering_fails_is_named_and_keeps_nothing() {
    let bench = bench();
    for (case, code) in [
        ("bhwi_version", "TOOL_VERSION"),
        ("bhwi_none", "DEVICE_NOT_FOUND"),
        ("bhwi_no_usb", "DEVICE_NOT_FOUND"),
        ("bhwi_emulated", "DEVICE_NOT_FOUND"),
        ("bhwi_skipped", "DEVICE_LOCKED"),
        ("bhwi_list", "TOOL_ANSWER"),
        ("bhwi_option", "TOOL_ANSWER"),
        ("bhwi_no_seed", "DEVICE_NOT_SET_UP"),
        ("bhwi_cancelled", "REFUSED_ON_DEVICE"),
        ("bhwi_unsupported", "DEVICE_UNSUPPORTED"),
        ("bhwi_app", "DEVICE_APP"),
        ("bhwi_other_app", "DEVICE_APP"),
        ("bhwi_panic", "TOOL_CRASHED"),
        ("bhwi_empty", "DEVICE_NOT_FOUND"),
        ("bhwi_garbage", "TOOL_ANSWER"),
        ("bhwi_short", "TOOL_ANSWER"),
        ("bhwi_status", "TOOL_ANSWER"),
    ] {
        assert_eq!(bench.run(case, "register --yes").code(), code, "{case}");
        assert!(!bench.exists("alice/registrations"), "{case}");
    }
    let hang = bench.run("bhwi_hang", "register --yes --deadline 2");
    assert_eq!(hang.code(), "DEVICE_TIMED_OUT");
    let pending = bench.run("bhwi_pending", "register --yes").done();
    assert_eq!(pending.value["pending"], true);
}

#[test]
fn each_way_in_which_a_registered_policy_is_not_signed_for_is_named_and_works_after() {
    let bench = bench();
    bench.run("good", "register --yes").done();
    bench.each(&[
        ("bhwi_cancelled", "REFUSED_ON_DEVICE"),
        ("bhwi_locked", "DEVICE_LOCKED"),
        ("bhwi_hmac", "NOT_REGISTERED"),
        ("bhwi_gone", "DEVICE_GONE"),
        ("bhwi_left", "DEVICE_BUSY"),
        ("bhwi_panic", "TOOL_CRASHED"),
        ("bhwi_empty", "DEVICE_NOT_FOUND"),
        ("bhwi_garbage", "NOT_A_PSBT"),
        ("bhwi_unsigned", "DEVICE_DID_NOT_SIGN"),
        ("answer_changed", "OTHER_TRANSACTION"),
        ("answer_none", "SIGNATURE_SIGHASH"),
    ]);
}

#[test]
fn a_device_that_signs_no_such_policy_is_refused_before_anything_is_journalled() {
    let bench = bench();
    for kind in ["trezor", "passport", "krux"] {
        bench.becomes("ledger");
        let file = String::from_utf8(bench.read("alice/keys/vault.public")).expect("is text");
        bench.write(
            "alice/keys/vault.public",
            file.replace("ledger", kind).as_bytes(),
        );
        assert_eq!(bench.signs("good").code(), "DEVICE_CANNOT_SIGN", "{kind}");
        assert_eq!(
            bench.run("good", "register --yes").code(),
            "DEVICE_CANNOT_SIGN",
            "{kind}"
        );
        bench.write("alice/keys/vault.public", file.as_bytes());
    }
    assert_eq!(bench.counter(), 0);
}

#[test]
fn a_key_is_enrolled_from_the_device_itself() {
    let bench = Bench::new();
    bench.says_xpub();
    let import = "import --device coldcard --from-device --network regtest --name zoe";
    let made = bench.run_in("zoe", "good", import).done();
    let own = bench.run("good", "xpub").done().value["key"].clone();
    assert_eq!(made.value["key"], own);
    let read = bench.run("good", "xpub --device --network regtest").done();
    assert_eq!(read.value["key"], own);
    bench.write("state/xpub", b"no key");
    let refused = bench.run_in("mia", "good", &import.replace("zoe", "mia"));
    assert_eq!(refused.code(), "TOOL_ANSWER");
    assert!(!bench.exists("mia"));
}
