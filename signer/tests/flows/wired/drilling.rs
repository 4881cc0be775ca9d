//! A drill on a device that is plugged in: proved as by a key here, and of nothing else that a device gives.

use super::fake::Bench;
use crate::device::Device;
use bitcoin::Amount;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::sighash::EcdsaSighashType;
use serde_json::json;

const DRILL: &str = "drill --challenge audit-7 --device --yes --deadline 20 -o alice.json";

/// A desk whose device answers to today's drill, well and badly.
fn bench() -> Bench {
    let (bench, device) = Bench::with_device();
    bench
        .run("good", "drill --challenge audit-7 --hand-to asked.psbt")
        .done();
    let asked = Psbt::deserialize(&bench.read("asked.psbt")).expect("a PSBT");
    let signed = |psbt: &Psbt| device.signs(&psbt.serialize());
    bench.answer("drill", &signed(&asked));
    let mut none = asked.clone();
    for input in &mut none.inputs {
        input.sighash_type = Some(PsbtSighashType::from(EcdsaSighashType::None));
    }
    bench.answer("drill_none", &signed(&none));
    let mut pays = asked.clone();
    pays.unsigned_tx.output[0].value = Amount::from_sat(1);
    bench.answer("drill_pays", &signed(&pays));
    let bob = Device::like(bench.treasury(), "bob");
    bench.answer("drill_others", &bob.signs(&asked.serialize()));
    bench
}

#[test]
fn a_device_that_is_plugged_in_proves_its_key_and_no_journal_has_it() {
    let bench = bench();
    let said = bench.run("answer_drill", DRILL).done();
    for shown in [
        "no money moves",
        "Signed is the message",
        "1 input of 0 BTC",
        "waits 20 s",
    ] {
        assert!(said.talk.contains(shown), "{shown}: {}", said.talk);
    }
    assert_eq!(said.value["signer"], "alice");
    assert_eq!(bench.counter(), 0);
    // What is printed for whoever asked demands the challenge.
    assert!(said.talk.contains("--challenge 'audit-7'"), "{}", said.talk);
    let line = "drill verify alice.json --challenge audit-7";
    let verified = bench.run_in("bob", "good", line).done();
    assert_eq!(verified.value["proofs"][0]["proven"], json!(["alice"]));
    let calls = bench.calls();
    let last = calls.last().expect("was called");
    let given = last["words"].as_array().expect("words").last();
    let given = given.and_then(|one| one.as_str()).expect("a PSBT");
    let given = Bench::psbt_of(given);
    assert_eq!(given.unsigned_tx.output[0].value, Amount::ZERO);
    assert_eq!(given.xpub.len(), 4, "the cosigners' keys");
}

#[test]
fn what_proves_nothing_is_named_and_the_same_command_works_after() {
    let bench = bench();
    for (case, code) in [
        // A transfer that it signed.
        ("answer_good", "OTHER_TRANSACTION"),
        ("answer_drill_pays", "OTHER_TRANSACTION"),
        ("answer_drill_none", "SIGNATURE_SIGHASH"),
        ("answer_drill_others", "DRILL_PROVES_NOBODY"),
        ("sign_unsigned", "DEVICE_DID_NOT_SIGN"),
        ("sign_refused", "REFUSED_ON_DEVICE"),
        ("sign_traceback", "TOOL_CRASHED"),
        ("list_other", "OTHER_DEVICE"),
        ("list_empty", "DEVICE_NOT_FOUND"),
    ] {
        assert_eq!(bench.run(case, DRILL).code(), code, "{case}");
        assert!(!bench.exists("alice.json"), "{case}");
    }
    bench.run("answer_drill", DRILL).done();
    // Who has the key here has no device.
    let key_here = bench.run_in("bob", "answer_drill", DRILL);
    assert_eq!(key_here.code(), "KEY_HERE");
}
