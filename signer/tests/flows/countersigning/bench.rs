//! A bridge over a signer's home, a coordinator with a transfer, and a fake `hwi` where the key is in a device.

use crate::bridge_world::{Held, Visit, World};
use crate::device::Device;
use crate::treasury::Treasury;
use bitcoin::hex::FromHex as _;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::sighash::EcdsaSighashType;
use bitcoin::{Amount, Network, Txid};
use policies::ScriptKind;
use policies::psbt::Encoding;
use serde_json::json;
use signer::bridge::Attached;
use signer::device::{Locks, Options, Wire};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a device is waited for where nothing else is said.
pub(super) const PATIENT: Duration = Duration::from_mins(1);

/// The world, and the transfer that its coordinator has out for signing.
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) issued: Psbt,
    pub(super) txid: Txid,
}

/// A payment of two coins.
pub(super) fn payment(treasury: &Treasury) -> Psbt {
    let intent = treasury.intent("w1", 1_000_000);
    treasury.transfer(&[intent], &[0, 3])
}

impl Bench {
    /// The key is in the home of this name.
    pub(super) fn here(treasury: Treasury, name: &str, issued: Psbt) -> Self {
        Self::of(World::of(treasury, name), issued)
    }

    /// Alice's key is in a Coldcard, which `hwi` finds.
    pub(super) fn there(deadline: Duration) -> Self {
        let treasury = Treasury::agree(ScriptKind::Wsh);
        let device = Device::of(&treasury, "alice");
        let issued = payment(&treasury);
        let desk = treasury.folder.path().to_owned();
        install(&desk, &treasury);
        prepare(&desk, &device, &issued);
        let options = Options {
            hwi: desk.join("hwi"),
            bhwi: desk.join("bhwi"),
            any_version: false,
            emulator: None,
            network: Network::Regtest,
        };
        let wire = Wire::new(options, Locks::at(desk.join("locks")));
        let home = treasury.home("alice");
        let world = World::altered(treasury, &home, |bridge| {
            bridge.with_devices(Attached::new(wire, deadline))
        });
        Self::of(world, issued)
    }

    fn of(world: World, issued: Psbt) -> Self {
        let world = world.pairs();
        let txid = issued.unsigned_tx.compute_txid();
        let bench = Self {
            world,
            issued,
            txid,
        };
        let coordinator = &bench.world.coordinator;
        coordinator.gives("api/v1/status", &json!({ "event_hash": "07".repeat(32) }));
        bench.issues(&bench.issued.serialize());
        let attempt = format!("api/v1/attempts/{txid}");
        coordinator.gives(&format!("{attempt}/signatures"), &json!({ "refused": [] }));
        let stands = json!({
            "signed_by": ["alice"],
            "missing_signers": ["bob", "machine"],
            "complete": false,
        });
        coordinator.gives(&attempt, &stands);
        bench
    }

    /// The coordinator gives this for the transfer.
    pub(super) fn issues(&self, psbt: &[u8]) {
        let path = format!("api/v1/attempts/{}/psbt", self.txid);
        let base64 = Encoding::Base64.encode(psbt);
        let text = String::from_utf8(base64).expect("is ASCII");
        self.world.coordinator.gives_text(&path, &text);
    }

    /// What a page of the coordinator sends.
    pub(super) fn asks(&self) -> Visit {
        let hash = format!("&hash={}", self.txid);
        self.world.ask("countersign", &hash)
    }

    /// Opens the transfer: its page's place and text.
    pub(super) fn opened(&self) -> (String, String) {
        let hash = format!("&hash={}", self.txid);
        self.world.opened("countersign", &hash)
    }

    /// The only thing that was handed in.
    pub(super) fn handed_in(&self) -> Psbt {
        let posted = self.world.coordinator.posted();
        let [(path, body)] = posted.as_slice() else {
            panic!("{posted:?}");
        };
        assert_eq!(path, &format!("api/v1/attempts/{}/signatures", self.txid));
        let bytes = Vec::<u8>::from_hex(body.as_str().expect("bytes")).expect("hex");
        let psbt = Psbt::deserialize(&bytes).expect("a PSBT");
        assert_eq!(psbt.unsigned_tx, self.issued.unsigned_tx);
        psbt
    }

    /// What alice's journal holds.
    pub(super) fn counter(&self) -> u64 {
        let alice = self.world.treasury.countersigner("alice");
        alice.journal().journal().counter()
    }

    /// The device behaves like this from now on.
    pub(super) fn behaves(&self, case: &str) {
        fs::write(self.state().join("case"), case).expect("writes");
    }

    pub(super) fn state(&self) -> PathBuf {
        self.world.treasury.folder.path().join("state")
    }

    /// Presses the button in a thread of its own, and returns once the device was asked to sign.
    pub(super) fn presses(&self, place: &str) -> JoinHandle<(u16, String)> {
        self.world.passes(Duration::from_secs(1));
        let (path, held) = (format!("{place}answer"), self.world.held.clone());
        let press = self.world.presser();
        let pressed = std::thread::spawn(move || {
            let visit = press(&path, &held);
            (visit.status, visit.said())
        });
        let begun = Instant::now();
        let calls = self.state().join("calls");
        let asked = || fs::read_to_string(&calls).is_ok_and(|calls| calls.contains("signtx"));
        while !(asked() && self.hears(place).contains("Look at the device (coldcard)")) {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing is said");
            std::thread::yield_now();
        }
        pressed
    }

    /// What the page hears while it waits.
    pub(super) fn hears(&self, place: &str) -> String {
        self.pressed(place, "here", &self.world.held).1
    }

    pub(super) fn pressed(&self, place: &str, part: &str, held: &Held) -> (u16, String) {
        let visit = self.world.press(&format!("{place}{part}"), held);
        (visit.status, visit.said())
    }

    /// Whether a tool of this desk runs still.
    pub(super) fn tool_runs(&self) -> bool {
        runs(&self.state())
    }
}

/// Whether a program runs that was given this folder.
pub(super) fn runs(state: &Path) -> bool {
    let state = state.to_str().expect("is text").to_owned();
    let processes = fs::read_dir("/proc").expect("is Linux");
    let mut commands = processes.filter_map(|process| {
        let command = fs::read(process.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&command).into_owned())
    });
    commands.any(|command| command.contains(&state))
}

fn install(desk: &Path, treasury: &Treasury) {
    fs::create_dir_all(desk.join("state/answers")).expect("makes folders");
    let signer = treasury.policy.signer("alice").expect("is named");
    let fingerprint = signer.key.fingerprint.to_string();
    fs::write(desk.join("state/fingerprint"), fingerprint).expect("writes");
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/independent/fake_hwi.py");
    let script = format!(
        "#!/bin/sh\nexec python3 '{}' '{}' \"$@\"\n",
        fake.display(),
        desk.join("state").display()
    );
    let program = desk.join("hwi");
    fs::write(&program, script).expect("writes");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("may be run");
}

/// What the device gives, good and bad.
fn prepare(desk: &Path, device: &Device, issued: &Psbt) {
    let answer = |name: &str, psbt: &Psbt| {
        let base64 = Encoding::Base64.encode(&psbt.serialize());
        fs::write(desk.join("state/answers").join(name), base64).expect("writes");
    };
    let mut asked = issued.clone();
    asked.proprietary.clear();
    let good = device.signs(&asked.serialize());
    answer("good", &good);
    let mut half = good;
    half.inputs[1].partial_sigs.clear();
    answer("half", &half);
    let mut none = asked.clone();
    for input in &mut none.inputs {
        input.sighash_type = Some(PsbtSighashType::from(EcdsaSighashType::None));
    }
    answer("none", &device.signs(&none.serialize()));
    let mut changed = asked;
    changed.unsigned_tx.output[0].value = Amount::from_sat(2_000_000);
    answer("changed", &device.signs(&changed.serialize()));
}
