//! Somebody stops the wait, or two want the device at once.

use super::fake::Bench;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SIGN: &str = "sign w1.psbt --device --yes -o w1.alice.psbt --deadline 60";

/// The command, once the fake was asked to sign and hangs.
fn hanging(bench: &Bench) -> Child {
    let child = bench
        .command("sign_hang", SIGN)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let begun = Instant::now();
    while !(bench.exists("state/calls") && bench.calls().len() > 1) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never signs");
        std::thread::yield_now();
    }
    child
}

#[test]
fn ctrl_c_while_the_device_waits_ends_the_tool_and_loses_nothing() {
    for signal in ["INT", "TERM", "HUP"] {
        let bench = Bench::new();
        let child = hanging(&bench);
        let begun = Instant::now();
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("runs").success());
        let said = Bench::said(signal, &child.wait_with_output().expect("ends"));
        assert_eq!(said.code(), "DEVICE_CANCELLED", "{signal}");
        assert!(said.talk.contains("it stays journalled"), "{}", said.talk);
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert!(!bench.exists("w1.alice.psbt"));
        bench.signs("good").done();
        assert_eq!(bench.counter(), 1);
    }
}

#[test]
fn a_device_is_spoken_to_by_one_command_at_a_time() {
    let bench = Bench::new();
    let mut first = hanging(&bench);
    assert_eq!(bench.run("good", "devices").code(), "DEVICE_TAKEN");
    assert_eq!(bench.signs("good").code(), "DEVICE_TAKEN");
    let sent = Command::new("kill")
        .args(["-s", "TERM", &first.id().to_string()])
        .status();
    assert!(sent.expect("runs").success());
    first.wait().expect("ends");
    bench.signs("good").done();
}
