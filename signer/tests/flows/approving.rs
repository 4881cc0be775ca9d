//! The requester asks, the approver reads and signs, and review accepts what both made.

use crate::treasury::{LARGE, NOW, Treasury};
use bitcoin::Amount;
use bitcoin::hex::FromHex;
use policies::hash::Purpose;
use policies::intent::MerkleProof;
use policies::psbt::Manifest;
use policies::rules::EntriesShown;
use policies::{Approval, Intent, IntentKind, Policy, ScriptKind};
use signer::approving::{Candidate, Verdict, check, read, sign, tell};
use signer::failure::Explained;
use signer::requesting::{SignedRequest, Wish, request};

/// The intents of a file.
fn candidates_of(bytes: &[u8], policy: &Policy) -> Vec<Candidate> {
    read(bytes, policy).expect("reads").candidates
}

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn wish(id: &str, sat: u64) -> Wish {
    Wish {
        id: id.parse().expect("an id"),
        kind: IntentKind::Payment,
        address: ADDRESS.parse().expect("an address"),
        amount: Amount::from_sat(sat),
        min: None,
        valid_for: 86_400,
        replaces: None,
        repeats: None,
        reference: "invoice 7".to_owned(),
    }
}

fn requested(treasury: &Treasury, id: &str, sat: u64) -> (Intent, Vec<u8>) {
    let made = request(&treasury.policy, &treasury.requester, wish(id, sat), NOW);
    let (intent, signed): (Intent, SignedRequest) = made.expect("is a request");
    (intent, serde_json::to_vec(&signed).expect("is JSON"))
}

#[test]
fn a_request_and_an_approval_over_several_make_a_transfer_that_is_signed() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let policy = &treasury.policy;
    let (one, one_bytes) = requested(&treasury, "w1", LARGE);
    let (two, two_bytes) = requested(&treasury, "w2", LARGE + 1);
    let mut candidates = candidates_of(&one_bytes, policy);
    candidates.extend(candidates_of(&two_bytes, policy));
    assert!(
        candidates
            .iter()
            .all(|candidate| candidate.request_verified)
    );
    check(
        &candidates,
        Verdict::Approve,
        policy,
        &EntriesShown::none(),
        NOW,
    )
    .expect("has an effect");
    let expires = NOW.saturating_add(3_600);
    let signed = sign(
        &candidates,
        Verdict::Approve,
        policy,
        &treasury.approver,
        expires,
    );
    let signed = signed.expect("signs");
    assert_eq!(signed.purpose, "approve");

    let mut issued = treasury.transfer(&[one, two], &[0, 1]);
    let mut manifest = Manifest::read(&issued).expect("reads");
    manifest.approvals.clear();
    manifest.proofs.clear();
    manifest.add_approval(Approval {
        purpose: Purpose::Approve,
        subject: signed.root.into(),
        expires: signed.expires,
        key: signed.key,
        signature: signed.signature,
    });
    for proven in &signed.intents {
        let proof = Vec::from_hex(&proven.proof).expect("is hex");
        let proof = MerkleProof::decode(&proof).expect("is a proof");
        manifest.proofs.insert((signed.root, proven.intent), proof);
    }
    manifest.write_into(&mut issued);
    let mut alice = treasury.countersigner("alice");
    let examined = alice
        .examine(&issued.serialize(), NOW)
        .expect("is approved");
    alice.sign(examined, NOW).expect("signs");

    // The transfer itself can be read by a further approver, too.
    let again = candidates_of(&issued.serialize(), policy);
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|candidate| candidate.request_verified));
}

#[test]
fn an_approver_reads_amount_address_and_whether_the_request_is_genuine() {
    let treasury = Treasury::unpinned(ScriptKind::Wsh);
    let policy = &treasury.policy;
    let (intent, bytes) = requested(&treasury, "w1", LARGE);
    let none = EntriesShown::none();
    let shown = tell(&candidates_of(&bytes, policy)[0], policy, &none, NOW).text();
    for part in [
        "0.09 000 000 BTC (9,000,000 sat)",
        "bcrt 1qw5 08d6",
        "exchange as w1",
        "invoice 7",
        "if its window of 20.00 000 000 BTC",
        "1 person of ops must approve",
        "verified",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
    let bare = candidates_of(&intent.encode(), policy);
    let shown = tell(&bare[0], policy, &none, NOW).text();
    assert!(shown.contains("signature is not in this file"), "{shown}");
}

#[test]
fn a_forged_request_is_not_approved() {
    let treasury = Treasury::unpinned(ScriptKind::Wsh);
    let (intent, bytes) = requested(&treasury, "w1", LARGE);
    let mut forged: SignedRequest = serde_json::from_slice(&bytes).expect("reads");
    let mut more = intent;
    more.amount = Amount::from_sat(LARGE * 2);
    more.min = more.amount;
    forged.intent = String::from_utf8(more.encode()).expect("is ASCII");
    let forged = serde_json::to_vec(&forged).expect("is JSON");
    let refused = read(&forged, &treasury.policy).expect_err("refuses");
    assert_eq!(refused.code(), "INTENT_NOT_SIGNED");
}

#[test]
fn what_cannot_have_an_effect_is_not_approved() {
    let treasury = Treasury::unpinned(ScriptKind::Wsh);
    let policy = &treasury.policy;
    let code = |intent: &Intent, verdict, at| {
        let candidates = candidates_of(&intent.encode(), policy);
        check(&candidates, verdict, policy, &EntriesShown::none(), at).map_err(|error| error.code())
    };
    let intent = treasury.intent("w1", LARGE);
    assert_eq!(code(&intent, Verdict::Approve, NOW), Ok(()));
    assert_eq!(
        code(&intent, Verdict::Approve, intent.expires),
        Err("INTENT_EXPIRED")
    );
    let huge = treasury.intent("w2", 2_000_000_000);
    assert_eq!(code(&huge, Verdict::Approve, NOW), Err("DENIED"));
    assert_eq!(code(&huge, Verdict::Reject, NOW), Ok(()));
    let mut foreign = treasury.intent("w3", LARGE);
    foreign.vault = policies::VaultId::from_bytes([3; 32]);
    assert_eq!(code(&foreign, Verdict::Approve, NOW), Err("OTHER_VAULT"));
}

#[test]
fn only_an_approver_approves_only_a_requester_requests_and_nothing_twice() {
    let treasury = Treasury::unpinned(ScriptKind::Wsh);
    let policy = &treasury.policy;
    let (_, bytes) = requested(&treasury, "w1", LARGE);
    let mut candidates = candidates_of(&bytes, policy);
    let refused = sign(
        &candidates,
        Verdict::Approve,
        policy,
        &treasury.requester,
        NOW,
    );
    assert_eq!(refused.expect_err("refuses").code(), "NOT_AN_APPROVER");
    let refused = request(policy, &treasury.approver, wish("w2", 1_000), NOW);
    assert_eq!(refused.expect_err("refuses").code(), "NOT_A_REQUESTER");
    candidates.extend(candidates.clone());
    let refused = sign(
        &candidates,
        Verdict::Reject,
        policy,
        &treasury.approver,
        NOW,
    );
    assert_eq!(refused.expect_err("refuses").code(), "BAD_SET_OF_INTENTS");
}

#[test]
fn an_address_of_another_network_and_an_empty_amount_are_refused() {
    let treasury = Treasury::unpinned(ScriptKind::Wsh);
    let mainnet = Wish {
        address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
            .parse()
            .expect("an address"),
        ..wish("w1", 1_000)
    };
    let refused = request(&treasury.policy, &treasury.requester, mainnet, NOW);
    assert_eq!(refused.expect_err("refuses").code(), "WRONG_NETWORK");
    let refused = request(&treasury.policy, &treasury.requester, wish("w1", 0), NOW);
    assert_eq!(refused.expect_err("refuses").code(), "BAD_INTENT");
}
