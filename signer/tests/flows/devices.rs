//! Devices that cannot sign: refused where a version is written, and never where one is pinned or followed.

use crate::command_line::{Desk, agree};
use policies::succession::draft_next;
use policies::{Policy, PolicyId};

/// The document with a device for bob's key.
fn with_device(toml: &str, device: &str) -> String {
    let bob = "person = \"bob\"\n";
    assert!(toml.contains(bob), "{toml}");
    toml.replacen(bob, &format!("{bob}device = {device}\n"), 1)
}

/// Writes a document, and gives its id.
fn write(desk: &Desk, name: &str, toml: &str) -> PolicyId {
    std::fs::write(desk.path(name), toml).expect("writes");
    Policy::parse(toml.as_bytes()).expect("a policy").id
}

fn refused_for_devices(desk: &Desk, arguments: &[&str]) -> String {
    let refused = desk.refused("dana", arguments);
    assert_eq!(refused, (Some(1), "DEVICE_CANNOT_SIGN".to_owned()));
    let told = desk.run("dana", arguments);
    String::from_utf8_lossy(&told.stderr).into_owned()
}

#[test]
fn a_check_refuses_what_a_device_cannot_sign_and_a_pin_does_not() {
    let desk = Desk::new();
    let policy = agree(&desk);
    let toml = String::from_utf8(policy.bytes).expect("text");
    let id = write(
        &desk,
        "trezor.toml",
        &with_device(&toml, "{ kind = \"trezor\" }"),
    );
    let told = refused_for_devices(&desk, &["policy", "check", "trezor.toml"]);
    for words in [
        "bob's trezor cannot sign this policy: no miniscript in its firmware",
        "with sortedmulti it could",
        "--despite-devices",
    ] {
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{words} is not in {told}");
    }
    let arguments = ["policy", "check", "trezor.toml", "--despite-devices"];
    let passed = desk.json("dana", &arguments);
    assert_eq!(passed["id"], id.to_string());
    assert_eq!(passed["devices"][0]["code"], "DEVICE_CANNOT_SIGN");
    let id = id.to_string();
    let pinned = desk.json("dana", &["init", "--policy", "trezor.toml", "--id", &id]);
    assert_eq!(pinned["vault"], id);
}

#[test]
fn a_weak_seed_is_shown_by_a_check_that_passes() {
    let desk = Desk::new();
    let policy = agree(&desk);
    let toml = String::from_utf8(policy.bytes).expect("text");
    let device = "{ kind = \"coldcard-edge\", firmware = \">=6.6.1X\", seed_created = 2024-05-01 }";
    write(&desk, "weak.toml", &with_device(&toml, device));
    let checked = desk.json("dana", &["policy", "check", "weak.toml"]);
    assert_eq!(checked["devices"][0]["code"], "DEVICE_SEED_WEAK");
    let told = desk.run("dana", &["policy", "check", "weak.toml"]).stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(
        told.contains("\nDevices\n  Warning: bob's coldcard-edge needs a new seed"),
        "{told}"
    );
    let devices = told.split("\nDevices\n").nth(1).expect("a part");
    assert!(
        devices.lines().all(|line| line.chars().count() <= 80),
        "{told}"
    );
}

#[test]
fn a_proposal_is_refused_for_a_device_that_is_new_and_not_for_one_that_was_there() {
    let desk = Desk::new();
    let first = agree(&desk);
    let id = first.id.to_string();
    desk.json("dana", &["init", "--policy", "policy.toml", "--id", &id]);
    let next = draft_next(&first).expect("a draft");
    let next = with_device(&next, "{ kind = \"trezor\" }");
    let named = write(&desk, "next.toml", &next);
    let propose = |more: &[&'static str]| {
        [
            &["policy", "propose", "next.toml", "--output", "next.json"],
            more,
        ]
        .concat()
    };
    refused_for_devices(&desk, &propose(&[]));
    assert!(!desk.path("next.json").exists(), "nothing was written");
    let proposed = desk.json("dana", &propose(&["--despite-devices"]));
    assert_eq!(proposed["policy"], named.to_string());

    // The same device in a vault that has it already.
    let desk = Desk::new();
    let toml = String::from_utf8(agree(&desk).bytes).expect("text");
    let id = write(
        &desk,
        "policy.toml",
        &with_device(&toml, "{ kind = \"trezor\" }"),
    );
    let pinned = std::fs::read(desk.path("policy.toml")).expect("reads");
    let pinned = Policy::parse(&pinned).expect("a policy");
    let id = id.to_string();
    desk.json("dana", &["init", "--policy", "policy.toml", "--id", &id]);
    let next = draft_next(&pinned).expect("a draft");
    let named = write(&desk, "next.toml", &next);
    let proposed = desk.json("dana", &propose(&[]));
    assert_eq!(proposed["policy"], named.to_string());
}
