//! F7: receipts.

use policies::VaultId;
use policies::hash::statement_subject;
use policies::journal::{Receipt, ReceiptBody};
use serde::Deserialize;

use crate::golden::{Hex, read};

#[derive(Deserialize)]
struct File {
    journal_seed: Hex,
    vault: VaultId,
    receipts: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    json: String,
    subject: Hex,
    message: Hex,
    signature: Hex,
    encoded: Hex,
}

#[test]
fn receipts_are_those_of_the_golden_file() {
    let file: File = read("receipt.json");
    let key = file.journal_seed.key();
    for case in file.receipts {
        let body = ReceiptBody::decode(case.json.as_bytes()).expect("a receipt");
        assert_eq!(body.encode(), case.json.as_bytes());
        assert_eq!(
            statement_subject(case.json.as_bytes()),
            case.subject.array()
        );
        assert_eq!(body.message(file.vault), case.message.array());
        let receipt = body.sign(&key, file.vault);
        assert_eq!(receipt.signature.encode(), case.signature.0);
        assert_eq!(receipt.encode(), case.encoded.0);
        let read = Receipt::decode(&case.encoded.0).expect("a receipt");
        assert_eq!(read.verify(file.vault, &key.public()), Ok(()));
    }
}
