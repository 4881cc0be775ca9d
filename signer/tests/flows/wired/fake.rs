//! A desk with a fake `hwi` on it.

use crate::device::Device;
use crate::treasury::{NOW, Treasury};
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::sighash::EcdsaSighashType;
use bitcoin::{Address, Amount, Network, ecdsa};
use miniscript::psbt::PsbtExt;
use policies::psbt::{Encoding, to_binary};
use policies::{Keychain, ScriptKind};
use serde_json::Value;
use signer::clock;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A treasury of today whose alice has her key in a device that is plugged in, and a transfer of two coins.
pub(super) struct Bench {
    treasury: Treasury,
    issued: Psbt,
}

/// What the command said.
pub(super) struct Said {
    pub(super) exit: Option<i32>,
    pub(super) value: Value,
    pub(super) talk: String,
    case: String,
}

impl Said {
    pub(super) fn done(self) -> Self {
        assert_eq!(self.exit, Some(0), "{}: {}", self.case, self.talk);
        self
    }

    /// The code of the first reason of what was not done.
    pub(super) fn code(&self) -> String {
        assert!(
            matches!(self.exit, Some(1..=3)),
            "{}: {:?} {}",
            self.case,
            self.exit,
            self.talk
        );
        let code = self.value["reasons"][0]["code"].as_str();
        code.unwrap_or_else(|| panic!("{}: {}", self.case, self.value))
            .to_owned()
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_device().0
    }

    /// The same, and the device that the fakes stand for.
    pub(super) fn with_device() -> (Self, Device) {
        let treasury = Treasury::agree_at(ScriptKind::Wsh, clock::now());
        let device = Device::of(&treasury, "alice");
        let intent = treasury.intent("w1", 1_000_000);
        let issued = treasury.transfer(&[intent], &[0, 3]);
        let bench = Self { treasury, issued };
        bench.write("passphrase", b"correct horse\n");
        bench.write("w1.psbt", &bench.issued.serialize());
        fs::create_dir_all(bench.path("state/answers")).expect("makes folders");
        fs::create_dir(bench.path("run")).expect("makes a folder");
        let signer = bench.treasury.policy.signer("alice").expect("is named");
        let fingerprint = signer.key.fingerprint.to_string();
        bench.write("state/fingerprint", fingerprint.as_bytes());
        bench.prepare(&device);
        bench.install();
        (bench, device)
    }

    pub(super) fn treasury(&self) -> &Treasury {
        &self.treasury
    }

    /// The answers of the device, good and bad.
    fn prepare(&self, device: &Device) {
        let mut asked = self.issued.clone();
        asked.proprietary.clear();
        let good = device.signs(&asked.serialize());
        self.answer("good", &good);
        let with = |sighash: EcdsaSighashType| {
            let mut other = asked.clone();
            for input in &mut other.inputs {
                input.sighash_type = Some(PsbtSighashType::from(sighash));
            }
            device.signs(&other.serialize())
        };
        self.answer("none", &with(EcdsaSighashType::None));
        self.answer("single", &with(EcdsaSighashType::SinglePlusAnyoneCanPay));
        let mut changed = asked.clone();
        changed.unsigned_tx.output[0].value = Amount::from_sat(2_000_000);
        self.answer("changed", &device.signs(&changed.serialize()));
        let bob = Device::like(&self.treasury, "bob");
        self.answer("others", &bob.signs(&asked.serialize()));
        let mut swapped = good.clone();
        let first = good.inputs[0].partial_sigs.clone();
        let own = *good.inputs[1].partial_sigs.keys().next().expect("signed");
        let wrong: ecdsa::Signature = *first.values().next().expect("signed");
        swapped.inputs[1].partial_sigs.insert(own, wrong);
        let own = *first.keys().next().expect("signed");
        let other = *good.inputs[1].partial_sigs.values().next().expect("signed");
        swapped.inputs[0].partial_sigs.insert(own, other);
        self.answer("swapped", &swapped);
        let mut half = good;
        half.inputs[1].partial_sigs.clear();
        self.answer("half", &half);
    }

    /// What the device gives where the case is `answer_NAME`.
    pub(super) fn answer(&self, name: &str, psbt: &Psbt) {
        let base64 = Encoding::Base64.encode(&psbt.serialize());
        self.write(&format!("state/answers/{name}"), &base64);
    }

    fn install(&self) {
        self.install_tool("hwi");
    }

    /// Puts a fake tool onto the desk.
    pub(super) fn install_tool(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/independent");
        let script = format!(
            "#!/bin/sh\nexec python3 '{}' '{}' \"$@\"\n",
            folder.join(format!("fake_{name}.py")).display(),
            self.path("state").display()
        );
        self.write(name, script.as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(name), mode).expect("may be run");
    }

    /// The device is of another kind, as the home and the fakes know it.
    pub(super) fn becomes(&self, kind: &str) {
        let file = String::from_utf8(self.read("alice/keys/vault.public")).expect("is text");
        self.write(
            "alice/keys/vault.public",
            file.replace("coldcard", kind).as_bytes(),
        );
        self.write("state/kind", kind.as_bytes());
    }

    /// A deposit address as a device for test networks says it.
    pub(super) fn says_address(&self, index: u32) {
        let descriptor = &self.treasury.policy.descriptor;
        let script = descriptor.script_pubkey(Keychain::External, index);
        let address = Address::from_script(&script, Network::Testnet).expect("has one");
        self.write("state/address", address.to_string().as_bytes());
    }

    /// Alice's key, as the device gives it.
    pub(super) fn says_xpub(&self) {
        let signer = self.treasury.policy.signer("alice").expect("is named");
        self.write("state/xpub", signer.key.xpub.to_string().as_bytes());
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.treasury.folder.path().join(name)
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("writes");
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("reads")
    }

    /// The command with these words, not run yet.
    pub(super) fn command(&self, case: &str, line: &str) -> Command {
        self.command_in("alice", case, line)
    }

    fn command_in(&self, home: &str, case: &str, line: &str) -> Command {
        self.write("state/case", case.as_bytes());
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-signer"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SECRET", "of ours")
            .env("HWI_BIN", self.path("hwi"))
            .env("BHWI_BIN", self.path("bhwi"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .current_dir(self.treasury.folder.path())
            .args(["--passphrase-file", "passphrase", "--home", home, "--json"])
            .args(line.split(' '));
        command
    }

    pub(super) fn run(&self, case: &str, line: &str) -> Said {
        let output = self.command(case, line).output().expect("runs");
        Self::said(case, &output)
    }

    pub(super) fn run_in(&self, home: &str, case: &str, line: &str) -> Said {
        let output = self.command_in(home, case, line).output().expect("runs");
        Self::said(case, &output)
    }

    pub(super) fn said(case: &str, output: &Output) -> Said {
        Said {
            exit: output.status.code(),
            value: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
            case: case.to_owned(),
        }
    }

    /// Signs within 20 seconds, or within one where the fake never answers.
    pub(super) fn signs(&self, case: &str) -> Said {
        let hangs = ["sign_hang", "sign_stubborn", "sign_late", "sign_silent"];
        let seconds = if hangs.contains(&case) { 2 } else { 20 };
        let line = format!("sign w1.psbt --device --yes -o w1.alice.psbt --deadline {seconds}");
        self.run(case, &line)
    }

    /// Each case ends with its code, takes nothing, loses nothing, and leaves all usable.
    pub(super) fn each(&self, cases: &[(&str, &str)]) {
        for (case, code) in cases {
            let said = self.signs(case);
            assert_eq!(said.code(), *code, "{case}: {}", said.talk);
            assert!(!said.talk.contains("panicked"), "{case}: {}", said.talk);
            let hint = said.value["reasons"][0]["hint"].as_str();
            assert!(hint.is_some_and(|hint| hint.len() > 10), "{case}: {hint:?}");
            assert!(!self.exists("w1.alice.psbt"), "{case}");
            self.signs("good").done();
            fs::remove_file(self.path("w1.alice.psbt")).expect("was written");
            assert_eq!(self.counter(), 1, "{case}");
        }
    }

    /// What the fake was called with.
    pub(super) fn calls(&self) -> Vec<Value> {
        let lines = String::from_utf8(self.read("state/calls")).expect("is text");
        // The last line may be half written.
        let calls = lines.lines().map(serde_json::from_str);
        calls.filter_map(Result::ok).collect()
    }

    pub(super) fn psbt_of(base64: &str) -> Psbt {
        let binary = to_binary(base64.as_bytes()).expect("is base64");
        Psbt::deserialize(&binary).expect("a PSBT")
    }

    pub(super) fn decoded(&self, base64: &str) -> Psbt {
        let psbt = Self::psbt_of(base64);
        assert_eq!(psbt.unsigned_tx, self.issued.unsigned_tx);
        psbt
    }

    pub(super) fn counter(&self) -> u64 {
        let alice = self.treasury.countersigner("alice");
        alice.journal().journal().counter()
    }

    /// The same with bob's signatures is a transaction.
    pub(super) fn finalizes(&self, own: &[u8]) {
        let mut bob = self.treasury.countersigner("bob");
        let now = clock::now().max(NOW);
        let examined = bob
            .examine(&self.issued.serialize(), now)
            .expect("may be signed");
        let signed = bob.sign(examined, now).expect("signs").psbt;
        let mut combined = self.issued.clone();
        let own = Psbt::deserialize(own).expect("a PSBT");
        combined.combine(own).expect("combines");
        combined.combine(signed).expect("combines");
        combined.finalize_mut(&Secp256k1::new()).expect("finalizes");
    }
}
