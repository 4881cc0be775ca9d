//! Tests of receipts.

use bitcoin::hashes::Hash;

use super::*;
use crate::journal::Journal;

fn vault() -> VaultId {
    VaultId::from_bytes([0x11; 32])
}

fn receipt() -> (SecretKey, Receipt) {
    let key = SecretKey::from_bytes(&[3; 32]);
    let (journal, _) = Journal::begin(vault(), key.public(), UnixTime::ZERO).expect("begins");
    let txid = Txid::from_byte_array([7; 32]);
    let body = ReceiptBody {
        counter: journal.counter(),
        head: journal.head(),
        journal: journal.key(),
        txid,
        manifest: [1; 32],
        nonce: Some([2; 32]),
        event_head: None,
        now: UnixTime::from_secs(5),
    };
    let receipt = body.sign(&key, vault());
    (key, receipt)
}

#[test]
fn a_receipt_reads_back_and_counts_for_its_vault_and_journal() {
    let (key, receipt) = receipt();
    assert_eq!(Receipt::decode(&receipt.encode()), Ok(receipt.clone()));
    assert_eq!(receipt.verify(vault(), &key.public()), Ok(()));
    let wrong = Err(ReceiptError::Signature(SignatureError::Wrong));
    assert_eq!(
        receipt.verify(VaultId::from_bytes([2; 32]), &key.public()),
        wrong
    );
    let other = SecretKey::from_bytes(&[4; 32]).public();
    assert!(matches!(
        receipt.verify(vault(), &other),
        Err(ReceiptError::OtherJournal { .. })
    ));
    let mut altered = receipt.clone();
    altered.body.counter = 1;
    assert_eq!(altered.verify(vault(), &key.public()), wrong);
}

#[test]
fn bytes_that_are_no_receipt_are_refused_by_name() {
    let (_, receipt) = receipt();
    let bytes = receipt.encode();
    assert_eq!(Receipt::decode(&[]), Err(ReceiptError::EndsEarly));
    assert_eq!(
        Receipt::decode(bytes.get(..100).expect("long")),
        Err(ReceiptError::EndsEarly)
    );
    let long = [&bytes[..], &[0]].concat();
    assert!(matches!(
        Receipt::decode(&long),
        Err(ReceiptError::Signature(_))
    ));
    let text = String::from_utf8(receipt.body.encode()).expect("ASCII");
    let decode = |from: &str, to: &str| {
        let altered = text.replace(from, to);
        assert_ne!(altered, text);
        ReceiptBody::decode(altered.as_bytes()).expect_err("refused")
    };
    assert_eq!(decode("receipt/1", "receipt/2"), ReceiptError::Format);
    assert!(matches!(
        decode("\"now\"", "\"noon\""),
        ReceiptError::Field(_)
    ));
    assert!(matches!(decode("ed25519", "rsa"), ReceiptError::Key(_)));
    assert!(matches!(
        decode(&"01".repeat(32), "01"),
        ReceiptError::Hex {
            key: "manifest",
            ..
        }
    ));
    assert!(matches!(
        decode(&"02".repeat(32), "02"),
        ReceiptError::Hex { key: "nonce", .. }
    ));
    assert_eq!(decode(&"07".repeat(32), "07"), ReceiptError::Txid);
    assert_eq!(
        decode(&"07".repeat(32), &"AB".repeat(32)),
        ReceiptError::NotCanonical
    );
    assert!(matches!(decode(",", ", "), ReceiptError::Canonical(_)));
}
