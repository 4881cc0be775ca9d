//! The tool as people and scripts meet it: answers, refusals, exit codes, files.

use crate::treasury::document;
use policies::document::SignerDraft;
use policies::exchange::{KeyRecord, KeyRecordError};
use policies::{Policy, ScriptKind};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("passphrase"), "correct horse\n").expect("writes");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, home: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
            .env_clear()
            .current_dir(self.folder.path())
            .args(["--passphrase-file", "passphrase", "--home", home])
            .args(arguments)
            .output()
            .expect("runs")
    }

    pub(crate) fn json(&self, home: &str, arguments: &[&str]) -> Value {
        let output = self.run(home, &[arguments, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
        serde_json::from_slice(&output.stdout).expect("answers in JSON")
    }

    pub(crate) fn refused(&self, home: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(home, &[arguments, &["--json"]].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).expect("answers in JSON");
        let code = answer["reasons"][0]["code"].as_str().expect("a code");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(code), "{errors}");
        (output.status.code(), code.to_owned())
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Four signers, an approver and a requester made with the tool, and their policy in a file.
pub(crate) fn agree(desk: &Desk) -> Policy {
    let signers = ["alice", "bob", "machine", "vault-key"].map(|name| {
        let words = format!("{name}.words");
        let arguments = [
            "keygen",
            "--network",
            "regtest",
            "--name",
            name,
            "--words-file",
            &words,
        ];
        let made = desk.json(name, &arguments);
        let record = text(&made["record"]);
        assert!(
            record.starts_with(&format!("[[signers]]\nname = \"{name}\"")),
            "{record}"
        );
        SignerDraft {
            name: name.to_owned(),
            person: name.to_owned(),
            device: None,
            key: text(&made["key"]),
            journal: text(&made["journal"]),
        }
    });
    let approver = text(&desk.json("dana", &["keygen", "--approval", "dana"])["key"]);
    let requester = text(&desk.json("exchange", &["keygen", "--request", "exchange"])["key"]);
    let toml = document(ScriptKind::Wsh, signers.into(), &approver, &requester).to_toml();
    std::fs::write(desk.path("policy.toml"), &toml).expect("writes");
    Policy::parse(toml.as_bytes()).expect("is a policy")
}

#[test]
fn people_make_keys_pin_a_policy_request_and_approve() {
    let desk = Desk::new();
    let policy = agree(&desk);
    let shown = desk.json("alice", &["policy", "check", "policy.toml"]);
    assert_eq!(text(&shown["id"]), policy.id.to_string());
    let first_address = policy.first_address();
    assert_eq!(text(&shown["first_address"]), first_address);
    let told = desk
        .run("alice", &["policy", "check", "policy.toml"])
        .stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains(&first_address), "{told}");
    let words = policy.words().join(" ");
    for home in ["alice", "dana", "exchange"] {
        let pinned = desk.json(home, &["init", "--policy", "policy.toml", "--id", &words]);
        assert_eq!(text(&pinned["vault"]), policy.vault.to_string());
    }
    let refused = desk.refused("dana", &["journal", "status"]);
    assert_eq!(refused, (Some(2), "NOT_A_SIGNER".to_owned()));
    let journal = desk.json("alice", &["journal", "verify"]);
    assert_eq!(journal["counter"], 0);
    let lines = desk.run("alice", &["journal", "show", "--json"]).stdout;
    assert_eq!(String::from_utf8_lossy(&lines).lines().count(), 1);
    let table = desk.run("alice", &["journal", "show"]).stdout;
    assert_eq!(String::from_utf8_lossy(&table).lines().count(), 2);
    let status = desk.json("alice", &["journal", "status"]);
    assert_eq!(status["fees"]["spent_sat"], 0);
    assert_eq!(status["fees"]["next"], Value::Null);

    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let request = [
        "request",
        "--to",
        address,
        "--amount-sat",
        "9000000",
        "--id",
        "w1",
    ];
    let request = desk.json("exchange", &request);
    std::fs::write(desk.path("w1.json"), request.to_string()).expect("writes");
    let approval = desk.json("dana", &["approve", "w1.json", "--yes"]);
    assert_eq!(approval["purpose"], "approve");
    assert_eq!(approval["intents"].as_array().map(Vec::len), Some(1));
    let rejection = desk.json(
        "dana",
        &["reject", "w1.json", "--yes", "--expires-in", "1h"],
    );
    assert_eq!(rejection["purpose"], "reject");
    assert_eq!(rejection["root"], approval["root"]);
}

#[test]
fn each_refusal_has_its_code_and_exit_code() {
    let desk = Desk::new();
    agree(&desk);
    let wrong = "00".repeat(32);
    let init = ["init", "--policy", "policy.toml", "--id", &wrong];
    assert_eq!(
        desk.refused("alice", &init),
        (Some(1), "POLICY_ID_MISMATCH".to_owned())
    );
    assert_eq!(
        desk.refused("alice", &["sign", "policy.toml"]),
        (Some(2), "NOT_PINNED".to_owned())
    );
    let again = ["keygen", "--network", "regtest"];
    assert_eq!(
        desk.refused("alice", &again),
        (Some(2), "KEY_EXISTS".to_owned())
    );
    assert_eq!(
        desk.refused("dana", &["xpub"]),
        (Some(2), "NO_KEY".to_owned())
    );
    assert_eq!(desk.refused("alice", &["keygen"]).0, Some(2));
    let unheard = desk.refused("alice", &["unheard-of"]);
    assert_eq!(unheard, (Some(2), "USAGE".to_owned()));
    assert_eq!(desk.run("alice", &["--help"]).status.code(), Some(0));
    std::fs::write(desk.path("bad.toml"), "format = 1\n").expect("writes");
    assert_eq!(
        desk.refused("alice", &["policy", "check", "bad.toml"]).0,
        Some(1)
    );
}

#[test]
fn nothing_is_signed_without_a_yes() {
    let desk = Desk::new();
    let policy = agree(&desk);
    let id = policy.id.to_string();
    desk.json("dana", &["init", "--policy", "policy.toml", "--id", &id]);
    desk.json(
        "exchange",
        &["init", "--policy", "policy.toml", "--id", &id],
    );
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let request = [
        "request",
        "--to",
        address,
        "--amount-sat",
        "9000000",
        "--id",
        "w1",
    ];
    let request = desk.json("exchange", &request);
    std::fs::write(desk.path("w1.json"), request.to_string()).expect("writes");
    let refused = desk.refused("dana", &["approve", "w1.json"]);
    assert_eq!(refused, (Some(2), "NOBODY_TO_ASK".to_owned()));
}

#[test]
fn words_written_down_bring_the_same_key_back_with_a_new_journal() {
    let desk = Desk::new();
    let arguments = ["keygen", "--network", "mainnet", "--words-file", "words"];
    let made = desk.json("first", &arguments);
    assert!(text(&made["key"]).contains("/48h/0h/0h/2h]xpub"));
    // The home's folder names the signer when nothing else does.
    let record = text(&made["record"]);
    assert!(
        record.contains("name = \"first\"\nperson = \"first\"\n"),
        "{record}"
    );
    let unnamed = ["keygen", "--network", "mainnet"];
    let refused = desk.refused("No Name", &unnamed);
    assert_eq!(refused, (Some(2), "NO_NAME".to_owned()));
    assert!(!desk.path("No Name").exists());
    let brought = desk.json("second", &["import", "words", "--network", "mainnet"]);
    assert_eq!(brought["key"], made["key"]);
    assert_ne!(brought["journal"], made["journal"]);
    assert_eq!(desk.json("second", &["xpub"])["key"], made["key"]);
    assert_private(&desk.path("words"));
    assert_private(&desk.path("first/keys/vault.key"));
}

#[test]
fn a_key_record_is_signed_by_its_own_key() {
    let desk = Desk::new();
    let made = desk.json("first", &["keygen", "--network", "mainnet"]);
    let said = ["xpub", "--bsms", "--description", "first, office"];
    let record = text(&desk.json("first", &said)["record"]);
    let read = KeyRecord::read(&record).expect("a record");
    assert!(read.is_signed);
    assert_eq!(read.key.text, text(&made["key"]));
    assert_eq!(read.description, "first, office");
    let altered = record.replace("office", "garden");
    assert_eq!(KeyRecord::read(&altered), Err(KeyRecordError::NotSigned));
    for wrong in ["two\nlines", &"a".repeat(81)] {
        let said = ["xpub", "--bsms", "--description", wrong];
        assert_eq!(desk.refused("first", &said).0, Some(2));
    }
}

#[test]
fn a_wrong_passphrase_is_refused_by_name() {
    let desk = Desk::new();
    let policy = agree(&desk);
    let id = policy.id.to_string();
    desk.json(
        "exchange",
        &["init", "--policy", "policy.toml", "--id", &id],
    );
    std::fs::write(desk.path("passphrase"), "wrong horse\n").expect("writes");
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let request = [
        "request",
        "--to",
        address,
        "--amount-sat",
        "1000",
        "--id",
        "w1",
    ];
    assert_eq!(
        desk.refused("exchange", &request),
        (Some(1), "WRONG_PASSPHRASE".to_owned())
    );
    std::fs::write(desk.path("passphrase"), "\n").expect("writes");
    assert_eq!(
        desk.refused("exchange", &request),
        (Some(2), "EMPTY_PASSPHRASE".to_owned())
    );
}

#[test]
fn a_descriptor_is_compiled_from_a_policy_over_named_keys() {
    let desk = Desk::new();
    let named = ["alice", "bob"].map(|name| {
        let words = format!("{name}.words");
        let made = desk.json(
            name,
            &["keygen", "--network", "regtest", "--words-file", &words],
        );
        format!("{name}={}", text(&made["key"]))
    });
    let compile = [
        "policy",
        "compile",
        "thresh(2,pk(alice),pk(bob))",
        "--script",
        "wsh",
    ];
    let keys = ["--key", &named[0], "--key", &named[1]];
    let answer = desk.json("alice", &[&compile[..], &keys[..]].concat());
    let descriptor = text(&answer["descriptor"]);
    assert!(
        descriptor.starts_with("wsh(") && descriptor.contains('#'),
        "{descriptor}"
    );
    assert_eq!(
        desk.refused("alice", &[&compile[..], &keys[..2]].concat())
            .0,
        Some(1)
    );
}

#[cfg(feature = "online")]
#[test]
fn a_cosigner_without_its_coordinator_waits_until_it_is_asked_to_end() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let desk = Desk::new();
    let policy = agree(&desk);
    let id = policy.id.to_string();
    desk.json("machine", &["init", "--policy", "policy.toml", "--id", &id]);
    std::fs::write(desk.path("token"), "0a".repeat(32)).expect("writes");
    // Nobody listens on port 1.
    let serve = [
        "serve",
        "--url",
        "http://127.0.0.1:1",
        "--token-file",
        "token",
    ];
    let once = desk.refused("machine", &[&serve[..], &["--once"]].concat());
    assert_eq!(once, (Some(3), "COORDINATOR_UNREACHABLE".to_owned()));

    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
        .env_clear()
        .current_dir(desk.folder.path())
        .args(["--passphrase-file", "passphrase", "--home", "machine"])
        .args(serve)
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut said = BufReader::new(child.stderr.take().expect("is piped"));
    let mut lines = String::new();
    while !lines.contains("event=offline") {
        assert_ne!(said.read_line(&mut lines).expect("speaks"), 0, "{lines}");
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.expect("signals").success());
    said.read_to_string(&mut lines).expect("ends");
    assert_eq!(child.wait().expect("ends").code(), Some(0), "{lines}");
    assert!(lines.contains("Ended as asked"), "{lines}");
}

fn assert_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}
