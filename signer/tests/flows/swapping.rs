//! What was read is what is signed: files that change, or go, between the review and the signature (A22).
//!
//! Each time the other file is as good as the one that was shown, so that a program that read twice
//! would sign it.

use crate::person::Person;
use crate::treasury::{LARGE, Treasury};
use bitcoin::psbt::Psbt;
use policies::psbt::Encoding;
use policies::{Intent, ScriptKind};
use serde_json::Value;
use signer::clock;
use signer::requesting::{Wish, request};
use std::path::PathBuf;
use std::process::Command;

fn treasury() -> Treasury {
    let treasury = Treasury::agree_at(ScriptKind::Wsh, clock::now());
    let passphrase = treasury.folder.path().join("passphrase");
    std::fs::write(passphrase, "correct horse\n").expect("writes");
    treasury
}

/// Puts another file in a file's place.
type Swap = fn(&Treasury, &[u8]);

fn file(treasury: &Treasury) -> PathBuf {
    treasury.folder.path().join("file")
}

fn overwritten(treasury: &Treasury, other: &[u8]) {
    std::fs::write(file(treasury), other).expect("overwrites");
}

fn replaced(treasury: &Treasury, other: &[u8]) {
    let new = treasury.folder.path().join("new");
    std::fs::write(&new, other).expect("writes");
    std::fs::rename(new, file(treasury)).expect("replaces");
}

fn removed(treasury: &Treasury, _: &[u8]) {
    std::fs::remove_file(file(treasury)).expect("removes");
}

const SWAPS: [Swap; 3] = [overwritten, replaced, removed];

/// A transfer that is shown, and another that would be signed as well.
fn transfers(treasury: &Treasury) -> [Psbt; 2] {
    let shown = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let other = treasury.transfer(&[treasury.intent("w2", 4_000_000)], &[1]);
    [shown, other]
}

fn answered(treasury: &Treasury) -> Vec<u8> {
    std::fs::read(treasury.folder.path().join("answer")).expect("is there")
}

/// The transfer that was signed, as it was answered in base64.
fn signed(treasury: &Treasury) -> Psbt {
    let text = String::from_utf8(answered(treasury)).expect("is text");
    let signed: Psbt = text.trim().parse().expect("is a PSBT in base64");
    assert_eq!(signed.inputs[0].partial_sigs.len(), 1);
    signed
}

fn journalled(treasury: &Treasury) -> usize {
    let alice = treasury.countersigner("alice");
    alice.journal().history().transactions()
}

#[test]
fn a_file_swapped_between_review_and_signature_is_not_signed() {
    for swap in SWAPS {
        let treasury = treasury();
        let [shown, other] = transfers(&treasury);
        std::fs::write(file(&treasury), shown.serialize()).expect("writes");
        let mut alice = Person::at(treasury.folder.path(), "alice", "sign file");
        let txid = shown.unsigned_tx.compute_txid().to_string();
        assert!(alice.reads().contains(&txid), "{}", alice.reads());
        swap(&treasury, &other.serialize());
        let (code, all) = alice.says_yes();
        assert_eq!(code, Some(0), "{all}");
        assert_eq!(signed(&treasury).unsigned_tx, shown.unsigned_tx);
        assert_eq!(journalled(&treasury), 1);
    }
}

#[test]
fn a_pipe_that_can_be_read_only_once_is_signed_as_it_was_reviewed() {
    let treasury = treasury();
    let [shown, other] = transfers(&treasury);
    let pipe = file(&treasury);
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    let mut alice = Person::at(treasury.folder.path(), "alice", "sign file");
    // Waits until the program reads.
    std::fs::write(&pipe, Encoding::Base64.encode(&shown.serialize())).expect("writes");
    assert!(alice.reads().contains("w1"), "{}", alice.reads());
    // Whoever opens the pipe a second time would get the other transfer.
    let second = {
        let (pipe, other) = (pipe.clone(), other.serialize());
        std::thread::spawn(move || std::fs::write(pipe, other))
    };
    let (code, all) = alice.says_yes();
    assert_eq!(code, Some(0), "{all}");
    assert_eq!(signed(&treasury).unsigned_tx, shown.unsigned_tx);
    assert_eq!(journalled(&treasury), 1);
    let unread = std::fs::read(&pipe).expect("reads");
    assert_eq!(unread, other.serialize(), "nobody read it before");
    second.join().expect("ends").expect("was written");
}

#[test]
fn a_request_swapped_between_reading_and_approval_is_not_approved() {
    for (verb, purpose) in [("approve", "approve"), ("reject", "reject")] {
        for swap in SWAPS {
            let treasury = treasury();
            let [(shown, bytes), (_, other)] =
                [("w1", LARGE), ("w2", LARGE * 2)].map(|(id, sat)| requested(&treasury, id, sat));
            std::fs::write(file(&treasury), bytes).expect("writes");
            let mut dana = Person::at(treasury.folder.path(), "dana", &format!("{verb} file"));
            assert!(dana.reads().contains("w1"), "{}", dana.reads());
            swap(&treasury, &other);
            let (code, all) = dana.says_yes();
            assert_eq!(code, Some(0), "{all}");
            let said: Value = serde_json::from_slice(&answered(&treasury)).expect("is JSON");
            assert_eq!(said["purpose"], purpose);
            let intents = said["intents"].as_array().expect("a list");
            assert_eq!(intents.len(), 1);
            assert_eq!(intents[0]["intent"], shown.hash().to_string());
        }
    }
}

fn requested(treasury: &Treasury, id: &str, sat: u64) -> (Intent, Vec<u8>) {
    let wish = Wish {
        id: id.parse().expect("an id"),
        kind: policies::IntentKind::Payment,
        address: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
            .parse()
            .expect("an address"),
        amount: bitcoin::Amount::from_sat(sat),
        min: None,
        valid_for: 86_400,
        replaces: None,
        repeats: None,
        reference: String::new(),
    };
    let (policy, key) = (&treasury.policy, &treasury.requester);
    let (intent, signed) = request(policy, key, wish, clock::now()).expect("is a request");
    (intent, serde_json::to_vec(&signed).expect("is JSON"))
}
