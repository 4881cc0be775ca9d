//! The key is in a device that is attached: what the page shows, what becomes of every trouble, and how one stops.

use super::bench::{Bench, PATIENT, runs};
use crate::bridge_world::Held;
use std::time::{Duration, Instant};

#[test]
fn a_device_that_is_attached_signs_what_the_page_has_shown() {
    let bench = Bench::there(PATIENT);
    let (place, page) = bench.opened();
    for part in [
        "Countersign a transfer on your device",
        "data-ask=\"device\"",
        "Sign on the device",
        "asked for by exchange as w1",
        "Compare on the device (coldcard), output by output:",
        "OK TO SEND?",
        "It is waited for 60 s.",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert!(
        !bench.state().join("calls").exists(),
        "no device is asked before"
    );
    let (status, said) = bench.world.answer(&place);
    let expected = "Handed in. alice has signed; bob, machine can still sign.";
    assert_eq!((status, said.as_str()), (200, expected));
    let signed = bench.handed_in();
    assert!(
        signed
            .inputs
            .iter()
            .all(|input| input.partial_sigs.len() == 1)
    );
    assert_eq!(bench.counter(), 1);
    assert_eq!(bench.hears(&place), "");
}

/// Each case is named on the same page and hands in nothing, and the page signs afterwards.
fn each(cases: &[(&str, &str)], asked: bool) {
    let bench = Bench::there(PATIENT);
    let (place, _) = bench.opened();
    for (case, code) in cases {
        bench.behaves(case);
        let (status, said) = bench.world.answer(&place);
        assert_eq!(status, 422, "{case}: {said}");
        assert!(said.contains(&format!("({code})")), "{case}: {said}");
        assert_eq!(
            said.contains("it stays journalled"),
            asked,
            "{case}: {said}"
        );
        assert_eq!(bench.world.coordinator.posted(), [], "{case}");
    }
    assert_eq!(bench.counter(), u64::from(asked));
    bench.behaves("good");
    assert_eq!(bench.world.answer(&place).0, 200);
    bench.handed_in();
    assert_eq!(bench.counter(), 1);
}

#[test]
fn a_device_that_is_not_ready_is_named_before_anything_is_journalled() {
    let cases = [
        ("list_empty", "DEVICE_NOT_FOUND"),
        ("list_other", "OTHER_DEVICE"),
        ("list_pin", "DEVICE_LOCKED"),
        ("version_old", "TOOL_VERSION"),
    ];
    each(&cases, false);
}

#[test]
fn a_device_that_says_no_or_goes_away_is_named_and_the_same_page_signs_afterwards() {
    let cases = [
        ("sign_refused", "REFUSED_ON_DEVICE"),
        ("sign_gone", "DEVICE_GONE"),
        ("sign_traceback", "TOOL_CRASHED"),
        ("sign_garbage", "TOOL_ANSWER"),
    ];
    each(&cases, true);
}

#[test]
fn nothing_is_taken_that_is_not_this_signers_signature_over_all_of_this_transaction() {
    let cases = [
        ("sign_unsigned", "DEVICE_DID_NOT_SIGN"),
        ("answer_changed", "OTHER_TRANSACTION"),
        ("answer_none", "SIGNATURE_SIGHASH"),
    ];
    each(&cases, true);
}

#[test]
fn a_device_that_never_answers_is_waited_for_no_longer_than_said() {
    let bench = Bench::there(Duration::from_secs(2));
    let (place, _) = bench.opened();
    bench.behaves("sign_stubborn");
    let (status, said) = bench.world.answer(&place);
    assert_eq!(status, 422);
    assert!(said.contains("(DEVICE_TIMED_OUT)"), "{said}");
    assert!(!bench.tool_runs());
}

/// 1. The device is asked, and nobody answers there. The page hears where it is.
/// 2. Another press is none, another ask opens, and a browser that did not pair stops nothing.
/// 3. Stop ends the tool; the same page signs afterwards.
#[test]
fn its_person_stops_the_wait_and_the_device_is_usable_afterwards() {
    let bench = Bench::there(PATIENT);
    let (place, _) = bench.opened();
    bench.behaves("sign_hang");
    let pressed = bench.presses(&place);
    assert!(bench.hears(&place).contains("of 60 s"));
    let (status, said) = bench.pressed(&place, "answer", &bench.world.held);
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("Look at the device"), "{said}");
    assert_eq!(bench.asks().status, 303);
    assert_eq!(
        bench.world.get(&place).status,
        200,
        "it may be loaded again"
    );
    assert_eq!(bench.pressed(&place, "stop", &Held::default()).0, 403);
    assert!(bench.tool_runs());
    let (status, said) = bench.pressed(&place, "stop", &bench.world.held);
    assert_eq!((status, said.as_str()), (200, "Stopping…"));
    let (status, said) = pressed.join().expect("is answered");
    assert_eq!(status, 422);
    assert!(said.contains("(DEVICE_CANCELLED)"), "{said}");
    assert!(!bench.tool_runs());
    assert_eq!(bench.world.coordinator.posted(), []);
    bench.behaves("good");
    assert_eq!(bench.world.answer(&place).0, 200);
    assert_eq!(bench.counter(), 1);
}

#[test]
fn whoever_declines_while_the_device_waits_stops_it_too() {
    let bench = Bench::there(PATIENT);
    let (place, _) = bench.opened();
    bench.behaves("sign_hang");
    let pressed = bench.presses(&place);
    let (status, said) = bench.pressed(&place, "decline", &bench.world.held);
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("Nothing was signed"), "{said}");
    assert_eq!(pressed.join().expect("is answered").0, 422);
    assert!(!bench.tool_runs());
    assert_eq!(bench.world.answer(&place).0, 409);
}

#[test]
fn no_tool_outlives_the_bridge() {
    let mut bench = Bench::there(PATIENT);
    let (place, _) = bench.opened();
    bench.behaves("sign_stubborn");
    let pressed = bench.presses(&place);
    let (state, begun) = (bench.state(), Instant::now());
    assert!(runs(&state));
    bench.world.ends();
    assert!(!runs(&state), "it runs still");
    assert!(begun.elapsed() < Duration::from_secs(20));
    // Its page hears of it, or no longer.
    drop(pressed);
}

#[test]
fn a_part_of_the_signatures_is_handed_in_and_the_page_says_what_is_missing() {
    let bench = Bench::there(PATIENT);
    let (place, _) = bench.opened();
    bench.behaves("answer_half");
    let (status, said) = bench.world.answer(&place);
    assert_eq!(status, 502);
    for part in ["Handed in.", "signed 1 of 2 inputs", "NOT SIGNED: input 1"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    assert_eq!(bench.handed_in().inputs[1].partial_sigs.len(), 0);
    // It is signed whole by the next ask.
    bench.behaves("good");
    let (place, _) = bench.opened();
    assert_eq!(bench.world.answer(&place).0, 200);
}

#[test]
fn a_device_that_cannot_sign_it_is_told_before_anything_is_pressed() {
    let bench = Bench::there(PATIENT);
    let file = bench.world.home.folder().join("keys/vault.public");
    let text = std::fs::read_to_string(&file).expect("reads");
    std::fs::write(&file, text.replace("coldcard", "trezor")).expect("writes");
    let refused = bench.asks();
    assert!(
        refused.text.contains("DEVICE_CANNOT_SIGN"),
        "{}",
        refused.text
    );
    std::fs::write(&file, text.replace("coldcard", "ledger")).expect("writes");
    let refused = bench.asks();
    assert!(refused.text.contains("NOT_REGISTERED"), "{}", refused.text);
    assert_eq!(bench.counter(), 0);
}
