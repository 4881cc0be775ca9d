//! What keeps a device from being used is named before anybody types a passphrase.

use super::fake::Bench;
use serde_json::json;

#[test]
fn each_way_in_which_a_device_is_not_found_is_named_and_nothing_is_journalled_for_it() {
    let bench = Bench::new();
    let cases = [
        ("version_old", "TOOL_VERSION"),
        ("version_none", "TOOL_VERSION"),
        ("version_crash", "TOOL_CRASHED"),
        ("list_empty", "DEVICE_NOT_FOUND"),
        ("list_garbage", "TOOL_ANSWER"),
        ("list_object", "TOOL_ANSWER"),
        ("list_deep", "TOOL_ANSWER"),
        ("list_traceback", "TOOL_CRASHED"),
        ("list_libusb", "LIBUSB_MISSING"),
        ("list_other", "OTHER_DEVICE"),
        ("list_twice", "SEVERAL_DEVICES"),
        ("list_pin", "DEVICE_LOCKED"),
        ("list_passphrase", "DEVICE_PASSPHRASE"),
        ("list_permission", "DEVICE_PERMISSION"),
        ("list_app", "DEVICE_APP"),
        ("list_no_seed", "DEVICE_NOT_SET_UP"),
        ("list_option", "TOOL_ANSWER"),
        ("list_line", "TOOL_ANSWER"),
        ("list_fingerprint", "TOOL_ANSWER"),
        ("list_many", "TOOL_ANSWER"),
    ];
    for (case, code) in cases {
        assert_eq!(bench.signs(case).code(), code);
    }
    assert_eq!(bench.counter(), 0);
    assert!(!bench.exists("w1.alice.psbt"));
    bench.signs("good").done();
    assert_eq!(bench.counter(), 1);
}

#[test]
fn a_tool_that_is_not_there_or_is_no_program_is_named_with_how_to_get_it() {
    let bench = Bench::new();
    let sign = "sign w1.psbt --device --yes --hwi";
    let said = bench.run("good", &format!("{sign} /nowhere/hwi"));
    assert_eq!(said.code(), "TOOL_MISSING");
    assert!(
        said.talk.contains("pip install hwi==3.2.0"),
        "{}",
        said.talk
    );
    assert_eq!(
        bench.run("good", &format!("{sign} ./passphrase")).code(),
        "TOOL_NOT_STARTED"
    );
    // Another version is taken by whoever says so.
    let any = "sign w1.psbt --device --yes --any-version";
    bench.run("version_old", any).done();
}

#[test]
fn the_device_that_is_named_must_be_the_one_with_this_signers_key() {
    let bench = Bench::new();
    let sign = |which: &str| bench.run("good", &format!("sign w1.psbt --device {which} --yes"));
    let own = String::from_utf8(bench.read("state/fingerprint")).expect("is text");
    sign(&own).done();
    sign("auto").done();
    sign("coldcard-q").done();
    assert_eq!(sign("00000001").code(), "OTHER_DEVICE");
    assert_eq!(sign("ledger").code(), "DEVICE_NOT_FOUND");
    assert_eq!(sign("w1.psbt").code(), "USAGE");
}

#[test]
fn devices_lists_each_with_its_state_and_what_to_do_next() {
    let bench = Bench::new();
    let state = |case: &str| {
        let listed = bench.run(case, "devices").done();
        let device = listed.value["devices"][0].clone();
        assert_eq!(listed.value["tools"][0]["reason"]["code"], "TOOL_MISSING");
        device
    };
    let ready = state("good");
    assert_eq!(
        (&ready["state"], &ready["own"]),
        (&json!("READY"), &json!(true))
    );
    assert_eq!(state("list_other")["own"], false);
    let locked = state("list_pin");
    assert_eq!(locked["state"], "DEVICE_LOCKED");
    assert_eq!(locked["next"], "unlock it with its PIN, then try again");
    assert_eq!(state("list_permission")["state"], "DEVICE_PERMISSION");
    let none = bench.run("list_empty", "devices").done();
    assert_eq!(none.value["devices"], json!([]));
    assert_eq!(bench.run("list_libusb", "devices").code(), "LIBUSB_MISSING");
}
