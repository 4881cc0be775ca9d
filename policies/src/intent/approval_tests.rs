//! Tests of request and approval signatures.

use super::*;
use crate::intent::{merkle_root, sample};

const END: UnixTime = UnixTime::from_secs(1_795_500_000);

#[test]
fn a_request_counts_for_its_intent_vault_and_key_alone() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let other = SecretKey::from_bytes(&[2; 32]).public();
    let intent = sample::payment("w1", 1);
    let request = RequestSignature::sign(&key, intent.vault, intent.hash());
    let verify = |vault, hash| request.verify(&key.public(), vault, hash);
    assert_eq!(verify(intent.vault, intent.hash()), Ok(()));
    let changed = sample::payment("w2", 1).hash();
    assert_eq!(verify(intent.vault, changed), Err(SignatureError::Wrong));
    let vault = VaultId::from_bytes([9; 32]);
    assert_eq!(verify(vault, intent.hash()), Err(SignatureError::Wrong));
    assert!(matches!(
        request.verify(&other, intent.vault, intent.hash()),
        Err(SignatureError::OtherKey { .. })
    ));
}

#[test]
fn an_approval_is_never_a_rejection_or_a_request_and_ends() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let intent = sample::payment("w1", 1);
    let root = merkle_root(&[intent.hash().to_bytes()]).expect("a tree of one");
    let approval = Approval::approve(&key, intent.vault, root, END);
    assert_eq!(approval.verify(&key.public(), intent.vault), Ok(()));
    let turned = Approval {
        purpose: Purpose::Reject,
        ..approval.clone()
    };
    assert_eq!(
        turned.verify(&key.public(), intent.vault),
        Err(SignatureError::Wrong)
    );
    let prolonged = Approval {
        expires: END.saturating_add(1),
        ..approval.clone()
    };
    assert_eq!(
        prolonged.verify(&key.public(), intent.vault),
        Err(SignatureError::Wrong)
    );
    assert!(!approval.has_expired(END.saturating_sub(1)));
    assert!(approval.has_expired(END));
    let rejection = Approval::reject(&key, intent.vault, root, END);
    assert_eq!(rejection.verify(&key.public(), intent.vault), Ok(()));
}

#[test]
fn an_approval_reads_back_from_its_manifest_record() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let root = MerkleRoot::from_bytes([5; 32]);
    let approval = Approval::approve(&key, VaultId::from_bytes([1; 32]), root, END);
    let value = approval.encode_value();
    let decode = |value: &[u8]| Approval::decode_value(root, approval.key, value);
    assert_eq!(decode(&value), Ok(approval.clone()));
    assert_eq!(decode(&[]), Err(ApprovalError::Length { found: 0 }));
    assert_eq!(decode(&[1; 8]), Err(ApprovalError::Length { found: 8 }));
    let with = |byte| [&[byte][..], value.get(1..).expect("long")].concat();
    assert_eq!(
        decode(&with(200)),
        Err(ApprovalError::UnknownPurpose { byte: 200 })
    );
    let not_yet = ApprovalError::NotYet {
        purpose: Purpose::Policy,
    };
    assert_eq!(decode(&with(7)), Err(not_yet));
    for purpose in Approval::PURPOSES {
        let read = decode(&with(purpose.to_byte())).expect("a purpose of approvers");
        assert_eq!(read.purpose, purpose);
    }
    let longer = [&value[..], &[0]].concat();
    let length = SignatureError::Length {
        found: 66,
        expected: 65,
    };
    assert_eq!(decode(&longer), Err(ApprovalError::Signature(length)));
}
