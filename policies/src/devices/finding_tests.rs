//! What readers are told of devices, and for what a new version is refused.

use super::*;
use crate::analysis::Analysis;
use crate::descriptor::ScriptKind;
use crate::document::{Device, samples};
use crate::report;

/// A 2-of-3 with recovery, whose second signer's device is this one.
fn with(device: Device) -> Policy {
    let mut policy = samples::policy(ScriptKind::Wsh);
    policy.signers[1].device = Some(device);
    policy
}

fn kind(kind: &str) -> Device {
    Device {
        kind: kind.to_owned(),
        firmware: None,
        seed_created: None,
        host: None,
    }
}

fn found(device: Device) -> Vec<DeviceFinding> {
    Analysis::of(&with(device)).devices
}

fn codes(device: Device) -> Vec<&'static str> {
    found(device).iter().map(DeviceFinding::code).collect()
}

#[test]
fn a_device_that_cannot_sign_is_told_with_what_it_could() {
    let told = found(kind("trezor"));
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].to_string(),
        "bob's trezor cannot sign this policy: no miniscript in its firmware; with sortedmulti it could"
    );
    assert!(told[0].refuses());
    let text = report::show(&with(kind("trezor")));
    assert!(
        text.contains("\nDevices\n  Warning: bob's trezor cannot sign this policy:"),
        "{text}"
    );
    assert!(text.contains("Source: HWI 3.2.0"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let json = report::json(&with(kind("trezor")));
    let device = &json["analysis"]["devices"][0];
    assert_eq!(device["code"], "DEVICE_CANNOT_SIGN");
    assert_eq!(
        (&device["signer"], &device["refuses"]),
        (&"bob".into(), &true.into())
    );
}

#[test]
fn a_document_with_such_a_device_is_still_a_policy() {
    let mut draft = samples::draft(ScriptKind::Wsh);
    let device = draft.signers[1].device.as_mut().expect("a device");
    device.kind = "trezor".to_owned();
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("no mistake in it");
    assert_eq!(refusals(&policy, None).len(), 1);
}

#[test]
fn what_the_version_before_had_already_is_not_refused_again() {
    let before = with(kind("trezor"));
    let mut after = before.clone();
    after.version = 2;
    assert!(refusals(&after, Some(&before)).is_empty());
    after.signers[0].device = Some(kind("keepkey"));
    let refused = refusals(&after, Some(&before));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].signer, "alice");
    assert_eq!(report::new_findings(&before, &after), refused);
    let words = report::difference(&before, &after);
    assert!(
        words.contains("\nDevices\n  Warning: alice's keepkey"),
        "{words}"
    );
    assert!(!words.contains("bob's trezor"), "{words}");
}

#[test]
fn firmware_that_is_too_old_missing_or_unreadable_is_told() {
    let firmware = |text: &str| Device {
        firmware: Some(text.to_owned()),
        ..kind("ledger")
    };
    assert!(codes(firmware("2.1.2")).is_empty());
    assert!(codes(firmware(">=2.1.2")).is_empty());
    let old = found(firmware(">=2.1.1"));
    assert_eq!(
        old[0].to_string(),
        "bob's ledger cannot sign this policy: firmware >=2.1.1 is too old, it takes 2.1.2"
    );
    assert_eq!(
        old[0].hint(),
        "update it, then write firmware = \">=2.1.2\""
    );
    let unwritten = found(kind("ledger"));
    assert_eq!(codes(kind("ledger")), ["DEVICE_FIRMWARE_UNWRITTEN"]);
    assert!(unwritten[0].to_string().contains("from firmware 2.1.2 on"));
    assert!(!unwritten[0].refuses());
    assert_eq!(codes(firmware("v2.4")), ["DEVICE_FIRMWARE_UNREAD"]);
    assert_eq!(codes(firmware("6.3.3X")), ["DEVICE_FIRMWARE_UNREAD"]);
}

#[test]
fn what_is_unknown_is_said_and_never_refused() {
    let unknown = found(kind("abacus"));
    assert_eq!(
        unknown[0].to_string(),
        "bob's abacus: nothing is known of it with this policy"
    );
    assert!(!unknown[0].refuses() && !unknown[0].is_grave());
    assert!(found(kind("software")).is_empty());
    assert!(found(kind("offline")).is_empty());
}

/// What is said of a Coldcard's seed alone.
fn seed(kind: &str, day: Option<&str>, firmware: Option<&str>) -> Option<&'static str> {
    let device = Device {
        kind: kind.to_owned(),
        firmware: firmware.map(str::to_owned),
        seed_created: day.map(str::to_owned),
        host: None,
    };
    seed_fact(&device).map(|fact| DeviceFact::Seed(fact).code())
}

#[test]
fn seeds_of_the_advisorys_days_and_firmware_need_a_new_key() {
    let (weak, unwritten) = (Some("DEVICE_SEED_WEAK"), Some("DEVICE_SEED_UNWRITTEN"));
    for (day, expected) in [
        ("2020-12-31", None),
        ("2021-01-01", weak),
        ("2026-07-31", weak),
        ("2026-08-01", None),
    ] {
        assert_eq!(
            seed("coldcard", Some(day), Some("5.6.1")),
            expected,
            "{day}"
        );
    }
    for (kind, last, later) in [
        ("coldcard", "5.6.0", ">=5.6.1"),
        ("coldcard-q", "1.5.0Q", "1.5.1Q"),
        ("coldcard-mk3", "4.2.0", "4.2.1"),
        ("coldcard-edge", ">=6.6.0X", "6.6.1X"),
    ] {
        let after = Some("2026-10-01");
        assert_eq!(seed(kind, after, Some(last)), weak, "{kind} {last}");
        assert_eq!(seed(kind, after, Some(later)), None, "{kind} {later}");
        assert_eq!(seed(kind, after, None), unwritten, "{kind}");
        assert_eq!(seed(kind, None, Some(later)), unwritten, "{kind}");
        assert_eq!(seed(kind, Some("2024-02-29"), Some(later)), weak, "{kind}");
    }
    assert_eq!(seed("ledger", Some("2024-02-29"), None), None);
    assert_eq!(seed("coldcard", Some("2026-10-01"), Some("6.6.1X")), weak);
}

#[test]
fn a_weak_seed_is_told_and_stops_no_version() {
    let mut policy = with(Device {
        firmware: Some("6.6.1X".to_owned()),
        seed_created: Some("2024-05-01".to_owned()),
        ..kind("coldcard-edge")
    });
    policy.version = 1;
    let told = findings(&policy.descriptor, &policy.signers);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].to_string(),
        "bob's coldcard-edge needs a new seed: its maker's firmware made weak ones from 2021-01-01 to 2026-07-31"
    );
    assert!(told[0].is_grave());
    assert!(refusals(&policy, None).is_empty());
}
