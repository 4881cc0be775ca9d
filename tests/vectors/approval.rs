//! F1, F3, F5: approvals and rejections.

use policies::hash::Purpose;
use policies::intent::merkle_root;
use policies::{Approval, IntentHash, KeyId, MerkleRoot, UnixTime, VaultId};
use serde::Deserialize;

use crate::golden::{Hex, read};

#[derive(Deserialize)]
struct File {
    vault: VaultId,
    approver_seed: Hex,
    approver_key_id: KeyId,
    approvals: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    purpose: String,
    intents: Vec<IntentHash>,
    root: MerkleRoot,
    expires: UnixTime,
    message: Hex,
    signature: Hex,
    manifest_value: Hex,
}

#[test]
fn approvals_are_those_of_the_golden_file() {
    let file: File = read("approval.json");
    let key = file.approver_seed.key();
    for case in file.approvals {
        let subjects: Vec<[u8; 32]> = case.intents.iter().map(|hash| hash.to_bytes()).collect();
        assert_eq!(merkle_root(&subjects), Ok(case.root));
        let purpose: Purpose = case.purpose.parse().expect("a purpose");
        let approval = if purpose == Purpose::Approve {
            Approval::approve(&key, file.vault, case.root, case.expires)
        } else {
            Approval::reject(&key, file.vault, case.root, case.expires)
        };
        assert_eq!(approval.purpose, purpose);
        assert_eq!(approval.key, file.approver_key_id);
        assert_eq!(approval.signature.encode(), case.signature.0);
        assert_eq!(approval.encode_value(), case.manifest_value.0);
        let message = Approval::message(purpose, file.vault, case.root, case.expires);
        assert_eq!(message, case.message.array());
        let read = Approval::decode_value(case.root, file.approver_key_id, &case.manifest_value.0);
        assert_eq!(read, Ok(approval.clone()));
        assert_eq!(approval.verify(&key.public(), file.vault), Ok(()));
    }
}
