//! Drills as people meet them: by a key that is here, by a device, verified, and every way in which they prove nothing.

use crate::device::Device;
use crate::treasury::Treasury;
use bitcoin::Address;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::sighash::{EcdsaSighashType, TapSighashType};
use policies::ScriptKind;
use policies::proof::verify_full;
use policies::psbt::Encoding;
use serde_json::{Value, json};
use signer::clock;
use std::path::PathBuf;
use std::process::{Command, Output};

const KINDS: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];

/// A treasury of today whose files lie in one folder.
struct Desk {
    treasury: Treasury,
}

impl Desk {
    fn new(kind: ScriptKind) -> Self {
        let treasury = Treasury::agree_at(kind, clock::now());
        let desk = Self { treasury };
        desk.write("passphrase", b"correct horse\n");
        desk.write("policy.toml", &desk.treasury.policy.bytes);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.treasury.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("writes");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("reads")
    }

    fn value(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).expect("is JSON")
    }

    fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
            .env_clear()
            .current_dir(self.treasury.folder.path())
            .args(["--passphrase-file", "passphrase"])
            .args(line.split(' '))
            .output()
            .expect("runs")
    }

    /// What a command says to programs, and what it talked.
    fn done(&self, line: &str) -> (Value, String) {
        let output = self.run(&format!("{line} --json"));
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{line}: {talk}");
        let value = serde_json::from_slice(&output.stdout).expect("answers in JSON");
        (value, talk)
    }

    /// The code of the first reason.
    fn refused(&self, line: &str) -> String {
        let output = self.run(&format!("{line} --json"));
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{line}");
        assert!(talk.contains("Hint: "), "{talk}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("answers in JSON");
        let code = answer["reasons"][0]["code"].as_str();
        code.expect("a code").to_owned()
    }

    /// A drill of a home whose key is in it.
    fn drill(&self, home: &str, file: &str, more: &str) -> Value {
        let line = format!("--home {home} drill --yes -o {file} {more}");
        self.done(line.trim_end()).0
    }

    /// A drill's file with fields exchanged, written beside it.
    fn altered(&self, file: &str, fields: &[(&str, Value)]) -> String {
        let mut drill = self.value(file);
        for (field, to) in fields {
            drill[*field] = to.clone();
        }
        self.write("altered.json", drill.to_string().as_bytes());
        "--home bob drill verify altered.json".to_owned()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn base64(psbt: &Psbt) -> Value {
    let base64 = Encoding::Base64.encode(&psbt.serialize());
    json!(String::from_utf8(base64).expect("is ASCII"))
}

#[test]
fn two_who_drill_on_one_day_prove_the_address_and_no_journal_has_it() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let journal = desk.read("alice/journal.jsonl");
        let made = desk.drill("alice", "alice.json", "--challenge audit-7 --index 3");
        assert_eq!(made["signer"], "alice");
        assert_eq!(made["index"], 3);
        assert!(text(&made["message"]).ends_with("; challenge: audit-7"));
        // The same again is no other file.
        desk.drill("alice", "alice.json", "--challenge audit-7 --index 3");
        assert_eq!(desk.read("alice/journal.jsonl"), journal);

        let (alone, _) = desk.done("--home bob drill verify alice.json");
        let alone = &alone["proofs"][0];
        assert_eq!(alone["proven"], json!(["alice"]));
        assert_eq!(alone["not_proven"], json!(["bob", "machine", "vault-key"]));
        assert_eq!(alone["missing"], json!([["bob"], ["machine"]]));
        assert_eq!(alone["signature"], Value::Null);
        let proof = "--home bob drill verify alice.json --proof whole.json";
        assert_eq!(desk.refused(proof), "DRILL_NO_QUORUM");
        assert!(!desk.path("whole.json").exists());

        desk.drill("machine", "machine.json", "--challenge audit-7 --index 3");
        // An auditor has no home, and the policy as a file.
        let line = "drill verify alice.json machine.json --policy policy.toml --challenge audit-7 --proof whole.json";
        let (both, _) = desk.done(line);
        let both = &both["proofs"][0];
        assert_eq!(both["proven"], json!(["alice", "machine"]));
        assert_eq!(both["missing"], json!([]));
        let whole = desk.value("whole.json");
        assert_eq!(whole["signature"], both["signature"]);
        let address: Address<_> = text(&whole["address"]).parse().expect("an address");
        let address = address
            .require_network(bitcoin::Network::Regtest)
            .expect("of the network");
        let (message, signature) = (text(&whole["message"]), text(&whole["signature"]));
        assert!(signature.starts_with("ful"), "{signature}");
        verify_full(&address.script_pubkey(), &message, &signature).expect("holds");
        // The whole proof is read as well, and says who made it.
        let (read, _) = desk.done("drill verify whole.json --policy policy.toml");
        assert_eq!(read["proofs"][0]["proven"], json!(["alice", "machine"]));
    }
}

#[test]
fn a_challenge_with_quotes_is_one_word_of_the_command_that_is_printed() {
    let desk = Desk::new(ScriptKind::Wsh);
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
        .env_clear()
        .current_dir(desk.treasury.folder.path())
        .args([
            "--passphrase-file",
            "passphrase",
            "--home",
            "alice",
            "drill",
        ])
        .args(["--yes", "-o", "alice.json", "--challenge", "x'; rm y; '"])
        .output()
        .expect("runs");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    let quoted = r#"--challenge 'x'"'"'; rm y; '"'"''"#;
    assert!(talk.contains(quoted), "{talk}");
}

#[test]
fn what_people_read_fits_their_terminal_and_says_that_no_money_moves() {
    let desk = Desk::new(ScriptKind::Wsh);
    let output = desk.run("--home alice drill --yes -o alice.json");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains("no money moves"), "{talk}");
    desk.drill("bob", "bob.json", "");
    let output = desk.run("--home bob drill verify alice.json");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("proven      alice\n"), "{shown}");
    assert!(shown.contains("missing: bob, or machine"), "{shown}");
    let wide = shown.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let output = desk.run("--home bob drill verify alice.json bob.json");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("a quorum proves the address"), "{shown}");
    // On standard output it is the file itself.
    let output = desk.run("--home alice drill --yes");
    assert_eq!(output.stdout, desk.read("alice.json"));
    let asked = desk.refused("--home alice drill");
    assert_eq!(asked, "NOBODY_TO_ASK");
}

#[test]
fn a_device_drills_by_way_of_a_card() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let device = Device::of(&desk.treasury, "alice");
        let journal = desk.read("alice/journal.jsonl");
        let here = "--home alice drill --yes";
        assert_eq!(desk.refused(here), "KEY_ELSEWHERE");
        let there = "--home bob drill --hand-to out.psbt";
        assert_eq!(desk.refused(there), "KEY_HERE");
        std::fs::create_dir(desk.path("card")).expect("makes");
        let (handed, talk) = desk.done("--home alice drill --challenge now --hand-to card");
        assert!(talk.contains("no money moves"), "{talk}");
        let file = text(&handed["handed_to"]);
        assert!(file.ends_with("-dev.psbt"), "{file}");
        let signed = device.signs(&desk.read(&file));
        desk.write("card/anything-part.psbt", &signed.serialize());
        desk.write("card/holiday.jpg", b"\xff\xd8\xff no PSBT");
        // What the device wrote has the unsigned one beside it: that alone proves nobody.
        let alone = format!("--home alice drill --answer {file}");
        assert_eq!(desk.refused(&alone), "DRILL_PROVES_NOBODY");
        desk.done("--home alice drill --answer card -o alice.json");
        let (proven, _) = desk.done("--home bob drill verify alice.json --challenge now");
        assert_eq!(proven["proofs"][0]["proven"], json!(["alice"]));
        // Nothing of the device's PSBT leaves but the signatures.
        let psbt = Encoding::Base64.encode(&signed.serialize());
        assert_ne!(
            desk.value("alice.json")["psbt"].to_string().len(),
            psbt.len()
        );
        assert_eq!(desk.read("alice/journal.jsonl"), journal);
        assert!(!desk.path("alice/handed").exists());
    }
}

/// What a drill takes in is a drill: the device's signatures of a real transfer are none.
#[test]
fn a_real_transfer_is_no_answer_to_a_drill_and_no_drill() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let device = Device::of(&desk.treasury, "alice");
        let intent = desk.treasury.intent("w1", 1_000_000);
        let transfer = desk.treasury.transfer(&[intent], &[0]);
        desk.write("w1.psbt", &transfer.serialize());
        desk.done("--home alice drill --hand-to drill.psbt");
        desk.done("--home alice sign w1.psbt --hand-to w1.dev --yes");
        let signed = device.signs(&desk.read("w1.dev"));
        desk.write("w1.signed", &signed.serialize());
        let line = "--home alice drill --answer w1.signed";
        assert_eq!(desk.refused(line), "DRILL_NOT_HANDED");
        // Nor is a drill's answer one to a transfer.
        let drilled = device.signs(&desk.read("drill.psbt"));
        desk.write("drill.signed", &drilled.serialize());
        let line = "--home alice sign --answer drill.signed";
        assert_eq!(desk.refused(line), "NOT_HANDED_OVER");
        desk.done("--home alice drill --answer drill.signed -o alice.json");
        let line = desk.altered("alice.json", &[("psbt", base64(&signed))]);
        assert_eq!(desk.refused(&line), "DRILL_OTHER_TRANSACTION");
        // A home in which what was handed over was exchanged answers for nothing.
        let txid = drilled.unsigned_tx.compute_txid();
        let other = signed.unsigned_tx.compute_txid();
        let kept = format!("alice/drills/{txid}.json");
        let moved = format!("alice/drills/{other}.json");
        std::fs::rename(desk.path(&kept), desk.path(&moved)).expect("moves");
        let line = "--home alice drill --answer w1.signed";
        assert_eq!(desk.refused(line), "DRILL_NOT_HANDED");
    }
}

#[test]
fn of_a_drill_that_is_altered_nothing_is_believed() {
    let desk = Desk::new(ScriptKind::Wsh);
    let other = Desk::new(ScriptKind::Wsh);
    desk.drill("alice", "alice.json", "--challenge audit-7");
    other.drill("alice", "other.json", "--challenge audit-7");
    let theirs = other.value("other.json");
    for (field, to, code) in [
        ("message", json!("I owe you all"), "DRILL_ALTERED"),
        ("address", theirs["address"].clone(), "DRILL_ALTERED"),
        ("index", json!(1), "DRILL_ALTERED"),
        ("index", json!(0x8000_0000_u32), "DRILL_INDEX"),
        ("keychain", json!("internal"), "DRILL_ALTERED"),
        ("keychain", json!("other"), "NOT_A_DRILL"),
        ("day", json!("2026-01-01"), "DRILL_ALTERED"),
        ("day", json!("yesterday"), "NOT_A_DRILL"),
        ("challenge", json!("audit-8"), "DRILL_ALTERED"),
        ("challenge", json!("audit\n8"), "NOT_A_DRILL"),
        ("policy", theirs["policy"].clone(), "DRILL_OTHER_POLICY"),
        ("vault", theirs["vault"].clone(), "DRILL_OTHER_POLICY"),
        ("format", json!("countersign/drill/2"), "NOT_A_DRILL"),
        ("format", json!("countersign/proof/1"), "NOT_A_DRILL"),
        ("more", json!(1), "NOT_A_DRILL"),
        ("psbt", json!("cHNidP8="), "PSBT_TRUNCATED"),
        ("psbt", theirs["psbt"].clone(), "DRILL_OTHER_TRANSACTION"),
    ] {
        let line = desk.altered("alice.json", &[(field, to.clone())]);
        assert_eq!(desk.refused(&line), code, "{field}: {to}");
    }
    // All of another vault's, and something else altogether.
    desk.write("other.json", theirs.to_string().as_bytes());
    let line = "--home bob drill verify other.json";
    assert_eq!(desk.refused(line), "DRILL_OTHER_POLICY");
    let line = "--home bob drill verify policy.toml";
    assert_eq!(desk.refused(line), "NOT_A_DRILL");
    // One that proves nobody fails the whole.
    let line = "--home bob drill verify alice.json other.json";
    assert_eq!(desk.refused(line), "DRILL_OTHER_POLICY");
    // A name is a hint: who signed is seen by the signature.
    let line = desk.altered("alice.json", &[("signer", json!("bob"))]);
    let (proven, _) = desk.done(&line);
    assert_eq!(proven["proofs"][0]["proven"], json!(["alice"]));
}

#[test]
fn swapped_partial_or_missing_signatures_prove_nobody() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        desk.drill("alice", "alice.json", "");
        let drill = desk.value("alice.json");
        let base = text(&drill["psbt"]);
        let binary = policies::psbt::to_binary(base.as_bytes()).expect("reads");
        let good = Psbt::deserialize(&binary).expect("a PSBT");
        let mut unsigned = good.clone();
        unsigned.inputs[0].partial_sigs.clear();
        unsigned.inputs[0].tap_script_sigs.clear();
        let line = desk.altered("alice.json", &[("psbt", base64(&unsigned))]);
        assert_eq!(desk.refused(&line), "DRILL_PROVES_NOBODY");
        // Of the day before, under today's transaction.
        let day = policies::proof::Day::of(clock::now().saturating_sub(86_400));
        desk.drill("alice", "old.json", &format!("--day {day}"));
        let old = desk.value("old.json");
        let old = policies::psbt::to_binary(text(&old["psbt"]).as_bytes())
            .expect("reads")
            .into_owned();
        let mut swapped = Psbt::deserialize(&old).expect("a PSBT");
        swapped.unsigned_tx = good.unsigned_tx.clone();
        let line = desk.altered("alice.json", &[("psbt", base64(&swapped))]);
        assert_eq!(desk.refused(&line), "SIGNATURE_WRONG");
    }
}

#[test]
fn a_device_that_signs_part_of_a_drill_proves_nothing() {
    for kind in KINDS {
        let desk = Desk::new(kind);
        let device = Device::of(&desk.treasury, "alice");
        desk.done("--home alice drill --hand-to drill.psbt");
        let mut handed = Psbt::deserialize(&desk.read("drill.psbt")).expect("a PSBT");
        let sighash: PsbtSighashType = match kind {
            ScriptKind::Tr => TapSighashType::None.into(),
            ScriptKind::Wsh | ScriptKind::Wpkh => EcdsaSighashType::None.into(),
        };
        handed.inputs[0].sighash_type = Some(sighash);
        let signed = device.signs(&handed.serialize());
        desk.write("signed", &signed.serialize());
        let line = "--home alice drill --answer signed";
        assert_eq!(desk.refused(line), "SIGNATURE_SIGHASH");
        // Bob's alone proves bob, and is no answer of alice's device.
        let bob = Device::like(&desk.treasury, "bob").signs(&desk.read("drill.psbt"));
        desk.write("signed", &bob.serialize());
        assert_eq!(desk.refused(line), "DRILL_PROVES_NOBODY");
    }
}

#[test]
fn an_old_drill_is_told_as_such_and_none_is_made_ahead() {
    let desk = Desk::new(ScriptKind::Wsh);
    let day = |ahead: u64| {
        let at = clock::now().saturating_add(ahead * 86_400);
        policies::proof::Day::of(at)
    };
    let back = |days: u64| {
        let at = clock::now().saturating_sub(days * 86_400);
        policies::proof::Day::of(at)
    };
    let tomorrow = format!("--home alice drill --yes --day {}", day(2));
    assert_eq!(desk.refused(&tomorrow), "DRILL_DAY_AHEAD");
    let long_past = format!("--home alice drill --yes --day {}", back(32));
    assert_eq!(desk.refused(&long_past), "DRILL_DAY_PAST");
    let beyond = "--home alice drill --yes --index 2147483648";
    assert_eq!(desk.refused(beyond), "DRILL_INDEX");
    desk.drill("alice", "alice.json", &format!("--day {}", back(3)));
    let verify = "--home bob drill verify alice.json";
    desk.done(&format!("{verify} --since {}", back(4)));
    let since = format!("{verify} --since {}", back(2));
    assert_eq!(desk.refused(&since), "DRILL_TOO_OLD");
    // A challenge that it does not answer.
    let challenge = format!("{verify} --challenge audit-7");
    assert_eq!(desk.refused(&challenge), "DRILL_OTHER_CHALLENGE");
    // Whoever's clock is behind sees a drill of a day that is still to come.
    desk.drill("bob", "bob.json", "");
    let behind = format!(
        "drill verify bob.json --policy policy.toml --today {}",
        back(3)
    );
    assert_eq!(desk.refused(&behind), "DRILL_FROM_THE_FUTURE");
    // Two days are two messages, and no whole proof.
    let proof = "--home bob drill verify alice.json bob.json --proof whole.json";
    assert_eq!(desk.refused(proof), "DRILLS_DIFFER");
    desk.drill("bob", "joined.json", &format!("--day {}", back(3)));
    desk.done("--home bob drill verify alice.json joined.json --proof whole.json");
}

#[test]
fn a_whole_proof_that_is_altered_is_refused() {
    let desk = Desk::new(ScriptKind::Tr);
    desk.drill("alice", "alice.json", "");
    desk.drill("bob", "bob.json", "");
    desk.done("--home bob drill verify alice.json bob.json --proof whole.json");
    let whole = text(&desk.value("whole.json")["signature"]);
    for (signature, code) in [
        (whole.replacen("ful", "smp", 1), "PROOF_UNREADABLE"),
        (whole.replacen("ful", "pof", 1), "PROOF_OF_FUNDS"),
        (
            whole.get(..whole.len() - 8).expect("is longer").to_owned(),
            "PROOF_UNREADABLE",
        ),
        ("smpAA==".to_owned(), "PROOF_WRONG"),
    ] {
        let line = desk.altered("whole.json", &[("signature", json!(signature))]);
        assert_eq!(desk.refused(&line), code);
    }
    let line = desk.altered("whole.json", &[("message", json!("I owe you all"))]);
    assert_eq!(desk.refused(&line), "DRILL_ALTERED");
}
