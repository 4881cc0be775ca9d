//! F1: tagged hashes and messages.

use bitcoin::Txid;
use policies::VaultId;
use policies::hash::{Purpose, signing_message, statement_subject, tagged, transaction_subject};
use serde::Deserialize;

use crate::golden::{Hex, read};

#[derive(Deserialize)]
struct File {
    tagged: Vec<Tagged>,
    purposes: Vec<NamedByte>,
    messages: Vec<Message>,
    statements: Vec<Statement>,
    said: Vec<Said>,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Tagged {
    tag: String,
    data: Hex,
    hash: Hex,
}

#[derive(Deserialize)]
struct NamedByte {
    name: String,
    byte: u8,
}

#[derive(Deserialize)]
struct Message {
    purpose: String,
    vault: VaultId,
    subject: Hex,
    expires: u64,
    #[serde(rename = "message")]
    signed: Hex,
}

#[derive(Deserialize)]
struct Statement {
    json: String,
    subject: Hex,
}

/// A whole statement that the system reads.
#[derive(Deserialize)]
struct Said {
    purpose: String,
    json: String,
    subject: Hex,
}

#[derive(Deserialize)]
struct Transaction {
    txid: Txid,
    subject: Hex,
}

#[test]
fn hashes_and_messages_are_those_of_the_golden_file() {
    let file: File = read("hash.json");
    for case in file.tagged {
        assert_eq!(
            tagged(&case.tag, &[&case.data.0]),
            case.hash.array(),
            "{}",
            case.tag
        );
    }
    assert_eq!(file.purposes.len(), Purpose::ALL.len());
    for case in file.purposes {
        let purpose: Purpose = case.name.parse().expect("a purpose");
        assert_eq!(purpose.to_byte(), case.byte, "{}", case.name);
    }
    for case in file.messages {
        let purpose = case.purpose.parse().expect("a purpose");
        let message = signing_message(purpose, case.vault, case.subject.array(), case.expires);
        assert_eq!(message, case.signed.array(), "{}", case.purpose);
    }
    for case in file.statements {
        assert_eq!(
            statement_subject(case.json.as_bytes()),
            case.subject.array()
        );
    }
    for case in file.said {
        let statement = policies::Statement::decode(case.json.as_bytes()).expect("a statement");
        assert_eq!(statement.encode(), case.json.as_bytes());
        assert_eq!(statement.subject().to_bytes(), case.subject.array());
        assert_eq!(statement.purpose().to_string(), case.purpose);
    }
    for case in file.transactions {
        assert_eq!(transaction_subject(case.txid), case.subject.array());
    }
}
