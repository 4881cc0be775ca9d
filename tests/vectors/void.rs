//! F7: voids.

use bitcoin::Txid;
use policies::VaultId;
use policies::journal::Void;
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    journal_seed: Hex,
    vault: VaultId,
    voids: Vec<Example>,
    refused: Vec<Refused>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Example {
    txid: Txid,
    message: Hex,
    json: String,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    json: String,
}

#[test]
fn voids_are_those_of_the_golden_file() {
    let file: File = read("void.json");
    let key = file.journal_seed.key();
    for case in file.voids {
        let void = Void::sign(&key, file.vault, case.txid);
        assert_eq!(Void::message(file.vault, case.txid), case.message.array());
        assert_eq!(String::from_utf8(void.encode()), Ok(case.json.clone()));
        let read = Void::decode(case.json.as_bytes()).expect("a void");
        assert_eq!(read.verify(file.vault), Ok(()));
        assert_eq!(read, void);
    }
    for case in file.refused {
        refused(Void::decode(case.json.as_bytes()), &case.why);
    }
    for text in file.wrong {
        let void = Void::decode(text.as_bytes()).expect("reads");
        assert!(void.verify(file.vault).is_err());
    }
}
