//! The key is in the home: what the page shows and signs, and what it never opens.

use super::bench::{Bench, payment};
use crate::treasury::Treasury;
use bitcoin::{Amount, Sequence};
use policies::ScriptKind;
use policies::psbt::AttemptPurpose;

fn bench() -> Bench {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = payment(&treasury);
    Bench::here(treasury, "alice", issued)
}

#[test]
fn a_signer_reads_on_the_bridge_what_the_terminal_shows_and_countersigns_there() {
    let bench = bench();
    let (place, page) = bench.opened();
    for part in [
        "Countersign a transfer",
        "data-ask=\"confirm\"",
        "Pays         0.01 000 000 BTC (1,000,000 sat) in 1 withdrawal",
        "asked for by exchange as w1",
        &format!("Transaction  {}", bench.txid),
        "href=\"https://treasury.example/withdrawals\"",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert_eq!(
        bench.counter(),
        0,
        "nothing is journalled before a person confirms"
    );
    let (status, said) = bench.world.answer(&place);
    let expected = "Handed in. alice has signed; bob, machine can still sign.";
    assert_eq!((status, said.as_str()), (200, expected));
    let signed = bench.handed_in();
    assert!(
        signed
            .inputs
            .iter()
            .all(|input| input.partial_sigs.len() == 1)
    );
    assert_eq!(bench.counter(), 1);
    // Once answered, always answered; the receipt is given once more by a second ask.
    assert_eq!(bench.world.answer(&place), (409, said));
    let (again, _) = bench.opened();
    assert_eq!(bench.world.answer(&again).0, 200);
    let posted = bench.world.coordinator.posted();
    assert_eq!(posted[0], posted[1]);
    assert_eq!(bench.counter(), 1);
}

#[test]
fn whoever_has_signed_last_reads_that_it_is_enough() {
    let bench = bench();
    let stands = serde_json::json!({
        "signed_by": ["alice", "bob"], "missing_signers": ["machine"], "complete": true,
    });
    let path = format!("api/v1/attempts/{}", bench.txid);
    bench.world.coordinator.gives(&path, &stands);
    let (place, _) = bench.opened();
    let (status, said) = bench.world.answer(&place);
    assert_eq!(status, 200);
    assert_eq!(
        said,
        "Handed in. The transfer has all the signatures that it needs."
    );
}

#[test]
fn a_transfer_that_is_another_or_altered_is_never_shown() {
    let bench = bench();
    let mut other = bench.issued.clone();
    other.unsigned_tx.output[0].value = Amount::from_sat(2_000_000);
    bench.issues(&other.serialize());
    let refused = bench.asks();
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("OTHER_BYTES"), "{}", refused.text);
    // The same transaction, without what proves its payment.
    let mut bare = bench.issued.clone();
    bare.proprietary.clear();
    bench.issues(&bare.serialize());
    let refused = bench.asks();
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("MANIFEST"), "{}", refused.text);
    let unknown = format!("&hash={}", "11".repeat(32));
    let refused = bench.world.ask("countersign", &unknown);
    assert!(refused.text.contains("UNKNOWN_HASH"), "{}", refused.text);
    bench.issues(b"no PSBT");
    assert!(
        bench.asks().text.contains("NOT_A_PSBT"),
        "{}",
        bench.asks().text
    );
    let several = format!("&hash={}&hash={}", bench.txid, "11".repeat(32));
    assert_eq!(bench.world.ask("countersign", &several).status, 400);
    assert_eq!(bench.counter(), 0);
    assert_eq!(bench.world.coordinator.posted(), []);
}

#[test]
fn what_has_expired_is_refused_when_it_is_opened() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let mut intent = treasury.intent("w1", 1_000_000);
    intent.created = intent.created.saturating_sub(90_000);
    intent.expires = intent.created.saturating_add(86_400);
    let issued = treasury.transfer(&[intent], &[0]);
    let bench = Bench::here(treasury, "alice", issued);
    let refused = bench.asks();
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("INTENT_EXPIRED"), "{}", refused.text);
    assert_eq!(bench.counter(), 0);
}

#[test]
fn a_recovery_is_wished_at_the_terminal_alone() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = treasury.own_spend(AttemptPurpose::Recover, 0, Sequence::from_height(12_960));
    let bench = Bench::here(treasury, "vault-key", issued);
    let refused = bench.asks();
    assert_eq!(refused.status, 422);
    for part in ["NOT_BY_THE_BRIDGE", "sign --recovery"] {
        assert!(refused.text.contains(part), "{part} in\n{}", refused.text);
    }
}

#[test]
fn a_home_that_holds_no_signers_key_countersigns_nothing() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let issued = payment(&treasury);
    let bench = Bench::here(treasury, "dana", issued);
    let refused = bench.asks();
    assert!(refused.text.contains("NOT_A_SIGNER"), "{}", refused.text);
}

#[test]
fn a_home_whose_date_is_a_persons_word_signs_at_the_terminal_alone() {
    let bench = bench();
    bench.world.home.mark_no_clock().expect("marks");
    let refused = bench.asks();
    assert_eq!(refused.status, 422);
    for part in ["NOT_BY_THE_BRIDGE", "--today"] {
        assert!(refused.text.contains(part), "{part} in\n{}", refused.text);
    }
}

#[test]
fn signatures_that_nobody_takes_are_kept_and_the_page_says_where() {
    let bench = bench();
    let (place, _) = bench.opened();
    bench.world.coordinator.is_deaf();
    let (status, said) = bench.world.answer(&place);
    assert_eq!(status, 502);
    assert!(
        said.contains("countersign-coordinator attempt submit"),
        "{said}"
    );
    let kept = std::fs::read_dir(bench.world.home.signed()).expect("is there");
    let kept: Vec<_> = kept.map(|file| file.expect("a file").path()).collect();
    let [file] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    assert!(file.extension().is_some_and(|ending| ending == "psbt"));
    assert!(said.contains(file.to_str().expect("text")), "{said}");
    let psbt = bitcoin::Psbt::deserialize(&std::fs::read(file).expect("reads")).expect("a PSBT");
    assert_eq!(psbt.inputs[0].partial_sigs.len(), 1);
}

#[test]
fn the_journal_is_free_while_a_page_waits_for_its_person() {
    let bench = bench();
    let (place, _) = bench.opened();
    let other = bench.world.treasury.countersigner("alice");
    let (status, said) = bench.world.answer(&place);
    assert_eq!(status, 422);
    assert!(said.contains("JOURNAL_LOCKED"), "{said}");
    drop(other);
    assert_eq!(bench.world.answer(&place).0, 200);
}
