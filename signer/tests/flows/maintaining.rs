//! Spends to ourselves beyond the budget: refused, approved with the approver's own key, signed.

use crate::treasury::{NOW, Treasury};
use bitcoin::Sequence;
use bitcoin::psbt::Psbt;
use policies::hash::{Purpose, transaction_subject};
use policies::intent::SecretKey;
use policies::psbt::{AttemptPurpose, Manifest};
use policies::{Approval, ScriptKind, Subject};
use signer::countersign::CountersignError;
use signer::failure::Explained;
use signer::maintaining::{MaintainingError, examine, sign};

fn refresh(treasury: &Treasury, coin: u32) -> Psbt {
    treasury.own_spend(
        AttemptPurpose::Refresh,
        coin,
        Sequence::ENABLE_RBF_NO_LOCKTIME,
    )
}

#[test]
fn an_approver_lets_one_spend_to_ourselves_go_beyond_the_budget() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let mut alice = treasury.countersigner("alice");
    for coin in 0..4 {
        let within = refresh(&treasury, coin).serialize();
        let examined = alice
            .examine(&within, NOW)
            .expect("within the budget of four");
        assert_eq!(alice.sign(examined, NOW).expect("signs").signatures, 1);
    }
    let mut beyond = refresh(&treasury, 4);
    let refused = alice.examine(&beyond.serialize(), NOW).expect_err("beyond");
    assert!(matches!(&refused, CountersignError::Refused(reasons) if reasons.len() == 1));
    assert_eq!(refused.code(), "SELF_SPEND_BUDGET");

    let policy = &treasury.policy;
    let reviewed = examine(&beyond.serialize(), policy, NOW).expect("is shown");
    let expires = NOW.saturating_add(3600);
    let signed = sign(&reviewed, policy, &treasury.approver, expires).expect("signs");
    assert_eq!(signed.txid, beyond.unsigned_tx.compute_txid());
    let mut manifest = Manifest::read(&beyond).expect("is there");
    manifest.add_approval(Approval {
        purpose: Purpose::Maintain,
        subject: Subject::from_bytes(transaction_subject(signed.txid)),
        expires,
        key: signed.key,
        signature: signed.signature,
    });
    manifest.write_into(&mut beyond);
    let examined = alice
        .examine(&beyond.serialize(), NOW)
        .expect("is approved");
    assert_eq!(examined.review().maintained_by, ["dana"]);
    assert_eq!(alice.sign(examined, NOW).expect("signs").signatures, 1);

    // For another transaction it is worth nothing.
    let mut other = refresh(&treasury, 5);
    let mut foreign = Manifest::read(&other).expect("is there");
    foreign.approvals = manifest.approvals;
    foreign.write_into(&mut other);
    let refused = alice.examine(&other.serialize(), NOW).expect_err("another");
    let codes: Vec<&str> = refused.reasons().iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["APPROVAL_UNUSED", "SELF_SPEND_BUDGET"]);
}

#[test]
fn only_a_spend_to_ourselves_is_approved_and_only_by_whom_the_policy_names() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let policy = &treasury.policy;
    let paying = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let recovery = treasury.own_spend(AttemptPurpose::Recover, 1, Sequence(12_960));
    for other in [paying, recovery] {
        let refused = examine(&other.serialize(), policy, NOW).expect_err("no self-spend");
        assert_eq!(refused.code(), "NOT_A_SELF_SPEND");
    }
    let mut lie = refresh(&treasury, 2);
    lie.unsigned_tx.output[0].script_pubkey = bitcoin::ScriptBuf::from_bytes(vec![0x51]);
    assert!(matches!(
        examine(&lie.serialize(), policy, NOW),
        Err(MaintainingError::Refused(_))
    ));
    let reviewed = examine(&refresh(&treasury, 2).serialize(), policy, NOW).expect("is shown");
    let stranger = SecretKey::from_bytes(&[5; 32]);
    for key in [&stranger, &treasury.requester] {
        let refused = sign(&reviewed, policy, key, NOW.saturating_add(60)).expect_err("nobody");
        assert_eq!(refused.code(), "NOT_A_MAINTAINER");
    }
}
