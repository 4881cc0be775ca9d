//! What a journal tells afterwards: the receipts that it gave, and what it leaves of windows and budgets.

use crate::treasury::{LARGE, NOW, Treasury, passphrase};
use bitcoin::Txid;
use bitcoin::hex::FromHex;
use bitcoin::psbt::Psbt;
use policies::document::SelfSpendBudget;
use policies::journal::{LastKnown, Standing, standing};
use policies::psbt::{AttemptPurpose, Manifest, read_intake};
use policies::{Receipt, ScriptKind};
use serde_json::Value;
use signer::clock;
use signer::keystore::{Kind, PersonKey};
use signer::moving::{export, import, prepare};
use signer::pin::Pinned;
use std::process::{Command, Output};

fn run(treasury: &Treasury, home: &str, arguments: &[&str]) -> Output {
    let passphrase = treasury.folder.path().join("passphrase");
    std::fs::write(passphrase, "correct horse\n").expect("writes");
    Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
        .env_clear()
        .current_dir(treasury.folder.path())
        .args(["--passphrase-file", "passphrase", "--home", home])
        .args(arguments)
        .output()
        .expect("runs")
}

fn text(treasury: &Treasury, home: &str, arguments: &[&str]) -> String {
    let output = run(treasury, home, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).expect("is text")
}

fn json(treasury: &Treasury, home: &str, arguments: &[&str]) -> Value {
    let answer = text(treasury, home, &[arguments, &["--json"]].concat());
    serde_json::from_str(&answer).expect("answers in JSON")
}

fn refusal(treasury: &Treasury, home: &str, arguments: &[&str]) -> String {
    let output = run(treasury, home, arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8(output.stderr).expect("is text");
    assert!(told.contains("\nHint: "), "{told}");
    told
}

/// The receipt that left with a signature, as the coordinator reads it.
fn sign(treasury: &Treasury, transfer: &Psbt, event_head: Option<[u8; 32]>) -> Receipt {
    let mut alice = treasury.countersigner("alice");
    alice.hear(event_head);
    let examined = alice.examine(&transfer.serialize(), NOW).expect("is right");
    let reply = alice.sign(examined, NOW).expect("signs").to_bytes();
    let intake = read_intake(&reply).expect("reads");
    intake.receipts[0].clone()
}

fn receipts(treasury: &Treasury, home: &str, txid: Txid) -> Vec<Receipt> {
    let told = json(treasury, home, &["journal", "receipt", &txid.to_string()]);
    let list = told["receipts"].as_array().expect("a list").iter();
    let read = |one: &Value| {
        let bytes = Vec::from_hex(one["encoded"].as_str().expect("hex")).expect("hex");
        let receipt = Receipt::decode(&bytes).expect("is a receipt");
        let body = receipt.body.encode();
        assert_eq!(one["receipt"], String::from_utf8(body).expect("is ASCII"));
        receipt
    };
    list.map(read).collect()
}

/// The same transaction in another attempt, with another manifest.
fn in_another_attempt(transfer: &Psbt) -> Psbt {
    let mut transfer = transfer.clone();
    let mut manifest = Manifest::read(&transfer).expect("reads");
    manifest.attempt = 2;
    manifest.write_into(&mut transfer);
    transfer
}

#[test]
fn every_receipt_is_given_again_byte_for_byte_and_counts_at_intake() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let treasury = Treasury::agree(kind);
        let transfer = treasury.transfer(&[treasury.intent("w1", LARGE)], &[0]);
        let other = treasury.transfer(&[treasury.intent("w2", 1_000_000)], &[1]);
        let txid = transfer.unsigned_tx.compute_txid();
        let mut given = vec![sign(&treasury, &transfer, None)];
        // The very same once more is the same receipt and no entry.
        assert_eq!(sign(&treasury, &transfer, None), given[0]);
        let between = sign(&treasury, &other, Some([7; 32]));
        given.push(sign(&treasury, &transfer, None));
        given.push(sign(&treasury, &transfer, Some([8; 32])));
        given.push(sign(
            &treasury,
            &in_another_attempt(&transfer),
            Some([8; 32]),
        ));
        let counters = given.iter().map(|receipt| receipt.body.counter);
        assert_eq!(counters.collect::<Vec<_>>(), [1, 3, 4, 5]);

        let again = receipts(&treasury, "alice", txid);
        assert_eq!(again, given);
        let bytes = |list: &[Receipt]| list.iter().map(Receipt::encode).collect::<Vec<_>>();
        assert_eq!(bytes(&again), bytes(&given));
        let other = other.unsigned_tx.compute_txid();
        assert_eq!(receipts(&treasury, "alice", other), [between]);

        let pinned = treasury.policy.signer("alice").expect("is named").journal;
        let mut known = None;
        for receipt in &again {
            receipt
                .verify(treasury.policy.vault, &pinned)
                .expect("is the journal's");
            let stands = standing(&receipt.body, pinned, &[], known).expect("is newer");
            let first = known.is_none();
            let expected = if first {
                Standing::First
            } else {
                Standing::Newer
            };
            assert_eq!(stands, expected);
            let (counter, head) = (receipt.body.counter, receipt.body.head);
            known = Some(LastKnown { counter, head });
        }
        let shown = text(
            &treasury,
            "alice",
            &["journal", "receipt", &txid.to_string()],
        );
        let body = String::from_utf8(given[3].body.encode()).expect("is ASCII");
        assert!(shown.contains(&body), "{shown}");
    }
}

#[test]
fn a_receipt_for_what_was_never_signed_is_refused_by_name() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let transfer = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let txid = transfer.unsigned_tx.compute_txid().to_string();
    let told = refusal(&treasury, "alice", &["journal", "receipt", &txid]);
    assert!(told.starts_with("Refused (NEVER_SIGNED): "), "{told}");
    sign(&treasury, &transfer, None);
    assert_eq!(
        receipts(&treasury, "alice", txid.parse().expect("a txid")).len(),
        1
    );
    let told = refusal(&treasury, "bob", &["journal", "receipt", &txid]);
    assert!(told.starts_with("Refused (NEVER_SIGNED): "), "{told}");
}

#[test]
fn a_journal_that_moved_gives_its_receipts_where_its_key_is() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let transfer = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let txid = transfer.unsigned_tx.compute_txid();
    let given = sign(&treasury, &transfer, None);
    let (old, new) = (treasury.home("alice"), treasury.home("second"));
    let (_, sealed) =
        PersonKey::generate(Kind::Journal, &passphrase(), crate::treasury::CHEAP).expect("draws");
    new.store(&sealed, None).expect("stores");
    let key = |home: &signer::home::Home| home.folder().join("keys/vault.key");
    std::fs::copy(key(&old), key(&new)).expect("copies");
    let to = prepare(&new).expect("is fresh").parse().expect("a key");
    let owner = Pinned::load(&old).expect("is pinned").journal();
    let secret = old.open_journal_key(&passphrase()).expect("opens");
    let bundle = export(&old, owner.expect("a signer"), secret.secret(), to, NOW);
    import(&new, &bundle.expect("moves"), &treasury.policy).expect("goes on");
    let (bytes, id) = (&treasury.policy.bytes, treasury.policy.id);
    signer::enrolment::enrol(&new, bytes, id, NOW).expect("pins");

    assert_eq!(receipts(&treasury, "alice", txid), [given]);
    let told = refusal(
        &treasury,
        "second",
        &["journal", "receipt", &txid.to_string()],
    );
    assert!(
        told.starts_with("Refused (RECEIPT_OF_EARLIER_JOURNAL): "),
        "{told}"
    );
}

#[test]
fn status_says_what_is_left_of_every_window_and_budget() {
    let treasury = Treasury::agree_at(ScriptKind::Wsh, clock::now());
    let status = ["journal", "status"];
    let empty = text(&treasury, "alice", &status);
    for part in [
        "born          with the vault",
        "none signed yet",
        "2,000,000,000 of 2,000,000,000 sat in any 1d, all of it",
        "no window",
        "4 of 4 in any 1d, all of it",
    ] {
        assert!(empty.contains(part), "{part} in\n{empty}");
    }
    assert!(!empty.contains("1970"), "{empty}");
    assert!(empty.lines().all(|line| line.len() <= 80), "{empty}");

    let pay = treasury.transfer(&[treasury.intent("w1", LARGE)], &[0]);
    let own = treasury.own_spend(
        AttemptPurpose::Refresh,
        1,
        bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME,
    );
    let mut alice = treasury.countersigner("alice");
    for transfer in [pay, own] {
        let bytes = transfer.serialize();
        let examined = alice.examine(&bytes, clock::now()).expect("is right");
        let signed = alice.sign(examined, clock::now()).expect("signs");
        assert_eq!(signed.signatures, 1);
    }
    let last = alice.journal().history().last();
    let limits = &treasury.policy.limits;
    drop(alice);
    let told = json(&treasury, "alice", &status);
    let window = &told["rules"][1]["window"];
    assert_eq!(told["rules"][0]["window"], Value::Null);
    assert_eq!(window["left_sat"], 2_000_000_000 - LARGE);
    assert_eq!(window["next"]["sat"], LARGE);
    let free = window["next"]["at"].as_u64().expect("a time");
    assert!(free <= last.as_secs() + 86_400 && free + 60 > last.as_secs() + 86_400);
    let fees = limits.fee_budget.expect("is there").amount.to_sat();
    assert_eq!(told["fees"]["left_sat"], fees - 40_000);
    let SelfSpendBudget { amount, count, .. } = limits.self_spend_budget.expect("is there");
    assert_eq!(told["self_spends"]["left"], count - 1);
    let left = amount.to_sat() - 20_000;
    assert_eq!(told["self_spends"]["fees"]["left_sat"], left);
    let shown = text(&treasury, "alice", &status);
    assert!(
        shown.contains("1,991,000,000 of 2,000,000,000 sat"),
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
}
