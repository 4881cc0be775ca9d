//! The table is sound, and the weakest device of the path that takes most bounds a vault.

use super::*;
use crate::carrier::{Carrier, Density, Frames, FramesPerSecond, Payload, bytes_within};
use crate::descriptor::ScriptKind;
use crate::document::{Device, Policy, Signer, samples};

/// A 2-of-3 with these devices, and a key in a safe.
fn devices(kinds: [&str; 3]) -> Policy {
    let mut policy = samples::policy(ScriptKind::Wsh);
    let kinds = kinds.into_iter().chain(["ledger"]);
    for (signer, kind) in policy.signers.iter_mut().zip(kinds) {
        signer.device = Some(Device {
            kind: kind.to_owned(),
            firmware: None,
            seed_created: None,
            host: None,
        });
    }
    policy
}

fn here(policy: &Policy) -> Needed {
    needed(&policy.descriptor, &policy.signers, |_| false)
}

fn room_of(kind: &str) -> usize {
    let camera = limits_of(kind).and_then(|limits| limits.camera);
    camera.expect("it has a camera").bytes()
}

#[test]
fn the_slowest_of_those_who_are_needed_bounds_and_nobody_else() {
    let (krux, keystone) = (room_of("krux"), room_of("keystone"));
    assert!(krux < keystone);
    let all = here(&devices(["krux", "keystone", "keystone"]));
    assert_eq!(all.in_a_go.psbt_bytes, keystone);
    assert_eq!(all.signers, ["bob", "machine"]);
    assert_eq!(all.slowest.as_deref(), Some("bob"));
    assert_eq!(all.at_all, Room::ANY, "a card takes any size");
    let two_needed = here(&devices(["krux", "krux", "keystone"]));
    assert_eq!(two_needed.in_a_go.psbt_bytes, krux);
    let none = here(&devices(["krux", "software", "software"]));
    assert_eq!((none.in_a_go, none.slowest), (Room::ANY, None));
}

#[test]
fn whoever_is_away_is_not_needed_while_others_suffice() {
    let policy = devices(["krux", "software", "software"]);
    let away = |names: &'static [&'static str]| {
        needed(
            &policy.descriptor,
            &policy.signers,
            move |signer: &Signer| names.contains(&signer.person.as_str()),
        )
    };
    assert_eq!(away(&["bob"]).in_a_go.psbt_bytes, room_of("krux"));
    assert_eq!(away(&["bob"]).signers, ["alice", "machine"]);
    // Nobody suffices: then whoever it is that comes back first.
    assert_eq!(away(&["bob", "machine"]).in_a_go, Room::ANY);
}

#[test]
fn inputs_and_outputs_are_bounded_by_the_same_path() {
    let bounded = here(&devices(["coldcard-mk3", "ledger", "coldcard-mk3"]));
    assert_eq!(bounded.at_all.inputs, 20);
    assert_eq!(bounded.at_all.psbt_bytes, 384 * 1024);
    assert_eq!(bounded.in_a_go, bounded.at_all);
    assert_eq!(bounded.slowest, None, "no camera bounds");
}

#[test]
fn an_older_firmware_bounds_more_than_a_later_one() {
    let mut policy = samples::policy(ScriptKind::Wsh);
    let key = |name: &str| crate::descriptor::samples::ranged(name);
    let sorted = format!("wsh(sortedmulti(2,{},{}))", key("alice"), key("bob"));
    let sorted = crate::descriptor::samples::with_checksum(&sorted);
    policy.descriptor = crate::descriptor::samples::vault(&sorted);
    for (firmware, inputs) in [(">=2.0.3", 64), (">=2.0.4", 512)] {
        let device = policy.signers[0].device.as_mut().expect("a device");
        device.kind = "ledger".to_owned();
        device.firmware = Some(firmware.to_owned());
        assert_eq!(here(&policy).at_all.inputs, inputs, "{firmware}");
    }
}

#[test]
fn a_device_that_is_asked_despite_the_table_is_bounded_all_the_same() {
    let policy = devices(["coldcard-mk3", "coldcard-mk3", "coldcard-mk3"]);
    assert_eq!(crate::devices::refusals(&policy, None).len(), 3);
    assert_eq!(here(&policy).at_all.inputs, 20);
}

#[test]
fn a_transaction_beyond_what_a_device_takes_is_told_with_both_numbers() {
    let policy = devices(["ledger", "ledger", "abacus"]);
    let demand = Demand::of(&policy.descriptor);
    let of = |signer: &Signer| limits_for(&demand, signer.device.as_ref().expect("a device"));
    let ledger = of(&policy.signers[0]).expect("known");
    assert!(ledger.exceeded(512, 512, usize::MAX, usize::MAX).is_empty());
    assert_eq!(ledger.exceeded(513, 1, 0, 0), ["513 inputs, it takes 512"]);
    assert!(of(&policy.signers[2]).is_none());
    let seedsigner = limits_of("seedsigner").expect("known");
    let most = room_of("seedsigner");
    assert_eq!(seedsigner.beyond_camera(most), None);
    let told = seedsigner.beyond_camera(most + 1).expect("too much");
    assert!(told.ends_with("in a go: make smaller batches"), "{told}");
}

/// The frames of a round of so many bytes that do not compress.
fn frames_of(length: usize, carrier: Carrier, density: Density) -> usize {
    let payload = Payload::sniff(&crate::carrier::psbt_like(length, 3)).expect("a payload");
    let frames = Frames::write(&payload, carrier, density.version(carrier)).expect("carried");
    frames.texts().len()
}

#[test]
fn what_a_camera_is_said_to_read_takes_no_more_frames_than_said() {
    for carrier in Carrier::ALL {
        for density in Density::ALL {
            for most in [2, 3, 100, 240] {
                let bytes = bytes_within(carrier, density.version(carrier), most);
                let found = frames_of(bytes, carrier, density);
                assert!(
                    found <= most,
                    "{carrier} {density:?}: {found} frames, not {most}"
                );
                let more = frames_of(bytes + bytes.div_ceil(8) + 40, carrier, density);
                assert!(more > most, "{carrier} {density:?}: {more} of {most}");
            }
        }
    }
    assert_eq!(FramesPerSecond::NORMAL.seconds(240), 60);
}
