//! Receipts, and the history of a withdrawal that is paid.

use bitcoin::Amount;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::FromHex as _;
use policies::inclusion::root_above;
use policies::intent::MerkleProof;
use policies::{Approval, Intent, RequestSignature, Signature};

use super::world::{World, foreign};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::receipts::receipt;
use crate::service::withdrawal_history::withdrawal_history;
use crate::store::withdrawals::WithdrawalKey;

#[tokio::test]
async fn a_receipt_proves_itself_to_whoever_has_the_policy() {
    let mut world = World::funded(Kind::Wsh, 3, 5_000_000).await;
    let large = world.submit("large-2", 6_000_000).await;
    let other = world.submit("large-3", 2_000_000).await;
    let approval = world.approval(&[large.intent_hash, other.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    let key = WithdrawalKey {
        vault: world.vault,
        requester: large.requester.clone(),
        id: large.id.clone(),
    };
    let none = receipt(&world.service, &world.operator, &key)
        .await
        .expect("no error");
    assert_eq!(none, None, "nothing is paid yet");
    let txid = world.batch().await;
    let paid = world.broadcast(txid).await;
    world.mine(vec![paid.clone()]).await;
    world.work().await;

    let receipt = receipt(&world.service, &world.operator, &key)
        .await
        .expect("no error")
        .expect("is paid");
    assert_eq!(
        (
            receipt.state,
            receipt.payment.txid,
            receipt.payment.confirmations
        ),
        ("confirmed", txid, 1)
    );
    let output = &paid.output[usize::try_from(receipt.payment.output).expect("small")];
    assert_eq!(
        (output.value, &output.script_pubkey),
        (Amount::from_sat(6_000_000), &foreign(b'2'))
    );
    assert_eq!(
        receipt.transaction.hex,
        bitcoin::consensus::encode::serialize_hex(&paid)
    );
    let intent = Intent::decode(receipt.intent.text.as_bytes()).expect("canonical");
    assert_eq!(
        (intent.hash(), &intent.script_pubkey),
        (receipt.intent.hash, &output.script_pubkey)
    );
    let request = receipt.request.as_ref().expect("is signed");
    RequestSignature {
        key: request.key,
        signature: request.signature.parse().expect("a signature"),
    }
    .verify(&world.requester.public(), world.vault, intent.hash())
    .expect("the requester asked");
    let part = receipt.approvals.signed.first().expect("an approval");
    let approval = Approval {
        purpose: policies::hash::Purpose::Approve,
        subject: part.root,
        expires: part.expires,
        key: part.key,
        signature: part.signature.parse::<Signature>().expect("a signature"),
    };
    approval
        .verify(&world.approver.public(), world.vault)
        .expect("dana approved");
    MerkleProof::decode(&Vec::from_hex(&part.proof).expect("hex"))
        .expect("a proof")
        .verify(intent.hash().as_bytes(), part.root.to_root())
        .expect("this intent");
    assert_eq!((part.tool, part.approver.as_str()), (Some("own"), "dana"));
    // The test's chain has no headers; `ui/tests/receipts.rs` follows a proof where there are some.
    assert_eq!(receipt.inclusion, None);
    assert!(
        root_above(txid, 0, &[]).is_ok_and(|root| root.to_byte_array() == txid.to_byte_array())
    );
    let json: serde_json::Value = serde_json::from_str(&receipt.to_json()).expect("JSON");
    assert_eq!(json["payment"]["amount_sat"], 6_000_000);
    assert_eq!(json["intent"]["text"], receipt.intent.text);

    let history = withdrawal_history(&world.service, &world.operator, &key)
        .await
        .expect("a history");
    let titles: Vec<&str> = history.happenings.iter().map(|one| one.title).collect();
    for title in [
        "Requested",
        "Approval signed",
        "Approved",
        "Sent to the signers",
        "Signed",
        "Broadcast",
        "Confirmed",
    ] {
        assert!(titles.contains(&title), "{title}: {titles:?}");
    }
    assert_eq!(
        (history.confirmations, history.attempts.as_slice()),
        (1, &[txid][..])
    );
    // A block that leaves the chain is told too.
    world.unmine().await;
    world.mine(Vec::new()).await;
    world.work().await;
    let history = withdrawal_history(&world.service, &world.operator, &key)
        .await
        .expect("a history");
    assert!(
        history
            .happenings
            .iter()
            .any(|one| one.title == "Block left the chain"),
        "{history:?}"
    );
}
