//! A signer whose device is plugged in, by way of a fake `hwi` that misbehaves: each a named error, nothing taken
//! that is wrong, nothing lost, and usable after.

mod answers;
mod drilling;
mod fake;
mod looking;
mod refusing;
mod registering;
mod stopping;

use bitcoin::psbt::Psbt;
use fake::Bench;

#[test]
fn what_the_device_signs_leaves_as_from_a_key_here() {
    let bench = Bench::new();
    let said = bench.signs("good").done();
    assert!(
        said.talk.contains("Compare on the device (coldcard)"),
        "{}",
        said.talk
    );
    assert!(said.talk.contains("OK TO SEND?"), "{}", said.talk);
    assert!(said.talk.contains("waits 20 s"), "{}", said.talk);
    assert_eq!(said.value["missing"], serde_json::json!([]));
    assert_eq!(said.value["inputs"], 2);
    let first = bench.read("w1.alice.psbt");
    bench.signs("good").done();
    assert_eq!(bench.read("w1.alice.psbt"), first);
    assert_eq!(bench.counter(), 1);
    // What leaves holds our signatures and receipt, and finalizes with bob's.
    bench.finalizes(&first);
}

/// HWI composes what it registers on a device from these keys, and a coordinator could write others.
#[test]
fn the_tool_gets_exactly_the_cosigners_keys_whatever_the_transfer_has() {
    let bench = Bench::new();
    let mut issued = Psbt::deserialize(&bench.read("w1.psbt")).expect("a PSBT");
    let key = bench.treasury().policy.descriptor.key_positions()[0].clone();
    let origin = (key.fingerprint, key.path);
    issued.xpub = [(key.xpub, origin)].into();
    bench.write("w1.psbt", &issued.serialize());
    bench.signs("good").done();
    let calls = bench.calls();
    let words = &calls.last().expect("was called")["words"];
    let given = words.as_array().and_then(|words| words.last()?.as_str());
    let given = Bench::psbt_of(given.expect("a PSBT"));
    let expected = bench.treasury().policy.descriptor.key_positions();
    let expected: Vec<_> = expected.iter().map(|key| key.xpub).collect();
    assert_eq!(given.xpub.len(), expected.len());
    assert!(expected.iter().all(|key| given.xpub.contains_key(key)));
}

#[test]
fn everything_goes_to_the_tool_by_its_input_word_by_word_and_nothing_by_its_arguments() {
    let bench = Bench::new();
    for case in ["good", "list_label", "list_path_option"] {
        bench.signs(case).done();
    }
    let calls = bench.calls();
    assert!(!bench.exists("wiped"));
    for call in &calls {
        assert_eq!(call["argv"], serde_json::json!(["--stdin"]), "{call}");
        let environment = call["env"].to_string();
        assert!(!environment.contains("SECRET"), "{environment}");
    }
    let words: Vec<Vec<String>> = calls
        .iter()
        .map(|call| serde_json::from_value(call["words"].clone()).expect("words"))
        .collect();
    let (last, _) = words.split_last().expect("was called");
    assert_eq!(last[1], "--chain=regtest");
    assert_eq!(last[2], "--device-type=coldcard");
    assert_eq!(
        last[3],
        "--device-path=--interactive wipe ' \" $(touch wiped)"
    );
    assert_eq!(last[4], "signtx");
    assert_eq!(last.len(), 6);
    let given = bench.decoded(&last[5]);
    assert!(given.proprietary.is_empty());
    assert_eq!(given.xpub.len(), 4, "the cosigners' keys");
}
