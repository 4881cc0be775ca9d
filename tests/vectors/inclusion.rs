//! F5, record 30: inclusion proofs, verified from their bytes alone.

use bitcoin::{BlockHash, CompactTarget, Txid};
use policies::document::Inclusion;
use policies::inclusion::InclusionProof;
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    bits: String,
    shows: Vec<Shows>,
    refused: Vec<Refused>,
    unreadable: Vec<Unreadable>,
}

#[derive(Deserialize)]
struct Shows {
    txid: Txid,
    value: Hex,
    confirmations: u32,
    block: BlockHash,
}

#[derive(Deserialize)]
struct Refused {
    code: String,
    txid: Txid,
    value: Hex,
    bits: String,
    confirmations: u32,
}

#[derive(Deserialize)]
struct Unreadable {
    why: String,
    value: Hex,
}

fn demanded(bits: &str, confirmations: u32) -> Inclusion {
    let bits = u32::from_str_radix(bits, 16).expect("hex digits");
    Inclusion {
        bits: CompactTarget::from_consensus(bits),
        confirmations,
    }
}

#[test]
fn transactions_are_shown_in_the_blocks_of_the_golden_file() {
    let file: File = read("inclusion.json");
    for shows in file.shows {
        let proof = InclusionProof::decode(&shows.value.0).expect("a proof");
        assert_eq!(proof.encode(), shows.value.0);
        let asked = demanded(&file.bits, shows.confirmations);
        assert_eq!(proof.verify(shows.txid, &asked), Ok(shows.block));
    }
}

#[test]
fn proofs_that_show_nothing_are_refused_with_the_codes_of_the_golden_file() {
    let file: File = read("inclusion.json");
    assert!(file.refused.len() > 10);
    for case in file.refused {
        let proof = InclusionProof::decode(&case.value.0).expect("a proof");
        let asked = demanded(&case.bits, case.confirmations);
        let fault = proof
            .verify(case.txid, &asked)
            .expect_err("it shows nothing");
        assert_eq!(fault.code(), case.code, "{fault}");
    }
}

#[test]
fn bytes_that_are_no_proof_are_refused_for_the_reason_in_the_golden_file() {
    let file: File = read("inclusion.json");
    for case in file.unreadable {
        refused(InclusionProof::decode(&case.value.0), &case.why);
    }
}
