//! F2: intents and request signatures.

use policies::{Intent, IntentHash, KeyId, RequestSignature};
use serde::Deserialize;
use serde_json::Value;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    requester_seed: Hex,
    requester_key_id: KeyId,
    intents: Vec<Example>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Example {
    fields: Value,
    canonical: String,
    hash: IntentHash,
    message: Hex,
    request_signature: Hex,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    bytes: Hex,
}

#[test]
fn intents_are_those_of_the_golden_file() {
    let file: File = read("intent.json");
    let key = file.requester_seed.key();
    for case in file.intents {
        let intent = Intent::decode(case.canonical.as_bytes()).expect("an intent");
        assert_eq!(intent.encode(), case.canonical.as_bytes());
        assert_eq!(intent.hash(), case.hash);
        assert_eq!(
            serde_json::to_value(&intent).expect("serializes"),
            case.fields
        );

        let request = RequestSignature::sign(&key, intent.vault, intent.hash());
        assert_eq!(request.key, file.requester_key_id);
        assert_eq!(
            RequestSignature::message(intent.vault, case.hash),
            case.message.array()
        );
        assert_eq!(request.signature.encode(), case.request_signature.0);
        assert_eq!(
            request.verify(&key.public(), intent.vault, case.hash),
            Ok(())
        );
    }
}

#[test]
fn what_the_golden_file_calls_no_intent_is_refused_for_its_reason() {
    let file: File = read("intent.json");
    for case in file.refused {
        refused(Intent::decode(&case.bytes.0), &case.why);
    }
}
