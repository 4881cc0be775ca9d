//! From a transfer to a transaction that the network takes, and every way in which none comes out.

use crate::treasury::{LARGE, NOW, Treasury, passphrase};
use bitcoin::Amount;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use miniscript::psbt::PsbtExt;
use policies::psbt::{Encoding, Manifest, PsbtVersion, read_intake};
use policies::{History, Journal, ScriptKind, SignedTransaction};
use signer::countersign::{CountersignError, Countersigner, examine};
use signer::failure::Explained;
use signer::home::Home;
use signer::journal_file::{AppendLog, JournalFile};
use std::io;

const KINDS: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];

fn codes(error: &CountersignError) -> Vec<&'static str> {
    error.reasons().iter().map(|reason| reason.code).collect()
}

/// Signs a transfer in one home, as the command does.
fn sign(treasury: &Treasury, name: &str, bytes: &[u8]) -> Result<Psbt, CountersignError> {
    let mut signer = treasury.countersigner(name);
    let examined = signer.examine(bytes, NOW)?;
    Ok(signer.sign(examined, NOW)?.psbt)
}

#[test]
fn two_signers_of_three_make_a_final_transaction_in_every_pairing_and_script_kind() {
    for kind in KINDS {
        let treasury = Treasury::agree(kind);
        let intents = [
            treasury.intent("w1", 1_000_000),
            treasury.intent("w2", LARGE),
        ];
        let issued = treasury.transfer(&intents, &[0, 3]);
        let replies = ["alice", "bob", "machine"]
            .map(|name| sign(&treasury, name, &issued.serialize()).expect("signs"));
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let mut combined = issued.clone();
            combined.combine(replies[one].clone()).expect("combines");
            combined.combine(replies[other].clone()).expect("combines");
            // Miniscript's interpreter judges what it finalizes.
            combined
                .finalize_mut(&Secp256k1::new())
                .unwrap_or_else(|errors| panic!("{kind} {one}+{other}: {errors:?}"));
        }
        let mut alone = issued.clone();
        alone.combine(replies[0].clone()).expect("combines");
        assert!(alone.finalize_mut(&Secp256k1::new()).is_err(), "{kind}");
        // The recovery path's key cannot help an ordinary spend.
        let recovery = sign(&treasury, "vault-key", &issued.serialize()).expect("signs");
        alone.combine(recovery).expect("combines");
        assert!(alone.finalize_mut(&Secp256k1::new()).is_err(), "{kind}");
    }
}

#[test]
fn a_reply_is_in_the_version_in_which_it_was_asked_for() {
    for kind in KINDS {
        let mut replies = Vec::new();
        let treasury = Treasury::agree(kind);
        let issued = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
        for version in [PsbtVersion::Zero, PsbtVersion::Two] {
            let mut signer = treasury.countersigner("alice");
            let examined = signer
                .examine(&version.write(&issued), NOW)
                .expect("may be signed");
            let bytes = signer.sign(examined, NOW).expect("signs").to_bytes();
            // The library reads version 0 alone.
            let is_zero = Psbt::deserialize(&bytes).is_ok();
            assert_eq!(is_zero, version == PsbtVersion::Zero, "{kind}");
            let intake = read_intake(&bytes).expect("reads");
            assert_eq!((intake.signatures.len(), intake.receipts.len()), (1, 1));
            replies.push(intake.signatures);
        }
        assert_eq!(replies[0], replies[1], "{kind}");
    }
}

#[test]
fn a_reply_holds_the_transaction_the_signatures_and_the_receipt_and_nothing_else() {
    for kind in KINDS {
        let treasury = Treasury::agree(kind);
        let issued = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
        let reply = sign(&treasury, "alice", &issued.serialize()).expect("signs");
        assert_eq!(reply.unsigned_tx, issued.unsigned_tx);
        let mut bare = reply.clone();
        bare.proprietary.clear();
        for input in &mut bare.inputs {
            input.partial_sigs.clear();
            input.tap_script_sigs.clear();
        }
        let empty = Psbt::from_unsigned_tx(issued.unsigned_tx.clone()).expect("unsigned");
        assert_eq!(bare, empty);

        let intake = read_intake(&reply.serialize()).expect("reads");
        assert_eq!(intake.signatures.len(), 1);
        let receipt = &intake.receipts[0];
        let signer = treasury.policy.signer("alice").expect("is named");
        receipt
            .verify(treasury.policy.vault, &signer.journal)
            .expect("is the journal's");
        assert_eq!(receipt.body.txid, issued.unsigned_tx.compute_txid());
        assert_eq!(receipt.body.manifest, Manifest::hash(&issued));
        assert_eq!(receipt.body.counter, 1);
    }
}

#[test]
fn every_encoding_of_a_transfer_is_signed_alike() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let binary = sign(&treasury, "alice", &issued.serialize()).expect("signs");
    for encoding in [Encoding::Base64, Encoding::Hex] {
        let text = encoding.encode(&issued.serialize());
        let reply = sign(&treasury, "alice", &text).expect("signs");
        assert_eq!(reply.inputs, binary.inputs);
    }
}

#[test]
fn signing_the_same_transaction_again_gives_the_same_and_adds_no_entry() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let issued = treasury
        .transfer(&[treasury.intent("w1", 1_000_000)], &[0])
        .serialize();
    let first = sign(&treasury, "alice", &issued).expect("signs");
    let again = sign(&treasury, "alice", &issued).expect("signs");
    assert_eq!(first, again);
    assert_eq!(
        treasury
            .countersigner("alice")
            .journal()
            .journal()
            .counter(),
        1
    );
}

#[test]
fn another_transaction_of_a_withdrawal_must_share_an_input_with_the_first() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let intent = treasury.intent("w1", 1_000_000);
    let first = treasury.transfer(std::slice::from_ref(&intent), &[0]);
    sign(&treasury, "alice", &first.serialize()).expect("signs");

    let elsewhere = treasury.transfer(std::slice::from_ref(&intent), &[1]);
    let refused = sign(&treasury, "alice", &elsewhere.serialize()).expect_err("refuses");
    assert_eq!(codes(&refused), ["NOT_EXCLUSIVE"]);

    let replacement = treasury.transfer(&[intent], &[0, 1]);
    sign(&treasury, "alice", &replacement.serialize()).expect("shares the coin");
}

#[test]
fn a_swapped_output_is_refused_and_leaves_no_trace() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let journal = treasury.home("alice").journal_file();
    let before = std::fs::read(&journal).expect("reads");
    let mut lying = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    lying.unsigned_tx.output[0].script_pubkey = treasury
        .transfer(&[treasury.intent("w2", 1)], &[5])
        .unsigned_tx
        .output[1]
        .script_pubkey
        .clone();
    let refused = sign(&treasury, "alice", &lying.serialize()).expect_err("refuses");
    assert_eq!(codes(&refused), ["PAYMENT_SCRIPT"]);
    assert_eq!(std::fs::read(&journal).expect("reads"), before);
}

#[test]
fn a_large_payment_without_its_approval_is_refused() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let mut issued = treasury.transfer(&[treasury.intent("w1", LARGE)], &[0]);
    let mut manifest = Manifest::read(&issued).expect("reads");
    manifest.approvals.clear();
    manifest.proofs.clear();
    manifest.write_into(&mut issued);
    let refused = sign(&treasury, "alice", &issued.serialize()).expect_err("refuses");
    assert!(!codes(&refused).is_empty());
    assert_eq!(refused.class().exit_code(), 1);
}

#[test]
fn bytes_that_are_no_transfer_are_refused_by_name() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = treasury
        .transfer(&[treasury.intent("w1", 1_000_000)], &[0])
        .serialize();
    let trailing = [&issued[..], b"x"].concat();
    let truncated = &issued[..issued.len() - 1];
    for (bytes, code) in [
        (&b"hello"[..], "PSBT_NOT_A_PSBT"),
        (&trailing, "PSBT_TRAILING_BYTES"),
        (truncated, "PSBT_TRUNCATED"),
    ] {
        let refused = sign(&treasury, "alice", bytes).expect_err("refuses");
        assert_eq!(codes(&refused), [code]);
    }
}

/// A disk that notes what was appended, or is full.
struct Disk {
    written: Vec<u8>,
    full: bool,
}

impl AppendLog for Disk {
    fn append_durably(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(())
    }
}

fn on_a_disk(treasury: &Treasury, home: &Home, full: bool) -> Countersigner<Disk> {
    let signer = treasury.policy.signer("alice").expect("is named");
    let begun = Journal::begin(
        treasury.policy.vault,
        signer.journal,
        policies::UnixTime::ZERO,
    );
    let (journal, line) = begun.expect("begins");
    let disk = Disk {
        written: line.as_bytes().to_vec(),
        full,
    };
    Countersigner::of(
        "alice".to_owned(),
        treasury.policy.clone(),
        JournalFile::over(disk, journal),
        home.open_vault_key(&passphrase()).expect("opens"),
        home.open_journal_key(&passphrase()).expect("opens"),
    )
}

#[test]
fn no_signature_leaves_before_its_entry_is_durable() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = treasury
        .transfer(&[treasury.intent("w1", 1_000_000)], &[0])
        .serialize();
    let mut full = on_a_disk(&treasury, &treasury.home("alice"), true);
    let examined = full.examine(&issued, NOW).expect("may be signed");
    let refused = full.sign(examined, NOW).expect_err("the disk is full");
    assert_eq!(refused.code(), "JOURNAL_NOT_DURABLE");
    // The memory is ahead of the disk; not even the same transaction is signed from it.
    let examined = full.examine(&issued, NOW).expect("may be signed");
    assert_eq!(
        full.sign(examined, NOW).expect_err("still").code(),
        "JOURNAL_NOT_DURABLE"
    );

    let mut roomy = on_a_disk(&treasury, &treasury.home("alice"), false);
    let examined = roomy.examine(&issued, NOW).expect("may be signed");
    let signed: SignedTransaction = examined.review().signed_transaction(NOW);
    assert!(!roomy.journal().history().contains(&signed.txid));
    let reply = roomy.sign(examined, NOW).expect("signs");
    assert!(roomy.journal().history().contains(&signed.txid));
    assert_eq!(reply.receipt.body.counter, 1);
    assert_eq!(reply.signatures, 1);
}

#[test]
fn a_payment_of_more_than_the_coins_is_refused() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let mut issued = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    issued.unsigned_tx.output[1].value = Amount::from_sat(30_000_000);
    let refused = sign(&treasury, "bob", &issued.serialize()).expect_err("refuses");
    assert!(!codes(&refused).is_empty());
}

#[test]
fn what_was_examined_is_signed_only_if_it_may_still_be_signed_then() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let transfer = |coin| {
        treasury
            .transfer(&[treasury.intent("w1", 1_000_000)], &[coin])
            .serialize()
    };
    let mut signer = treasury.countersigner("alice");
    // A person reads for a year; the intent has expired meanwhile.
    let read = signer.examine(&transfer(0), NOW).expect("may be signed");
    let late = NOW.saturating_add(365 * 86_400);
    let refused = signer.sign(read, late).expect_err("is too late");
    assert!(codes(&refused).contains(&"INTENT_EXPIRED"), "{refused}");
    assert_eq!(signer.journal().journal().counter(), 0);
    // Two are read before one is signed: the second was examined by a journal that has moved on.
    let first = signer.examine(&transfer(0), NOW).expect("may be signed");
    let second = signer.examine(&transfer(1), NOW).expect("may be signed");
    drop(signer.sign(first, NOW).expect("signs"));
    let refused = signer.sign(second, NOW).expect_err("pays again");
    assert_eq!(codes(&refused), ["NOT_EXCLUSIVE"]);
    // Examined under another history, which lets it pass.
    let lax =
        examine(&transfer(1), &treasury.policy, &History::none(), NOW).expect("nothing known");
    let refused = signer.sign(lax, NOW).expect_err("pays again");
    assert_eq!(codes(&refused), ["NOT_EXCLUSIVE"]);
}
