//! F4: keys and signatures.

use policies::{KeyId, PublicKey, Signature};
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    keys: Vec<Key>,
    passkeys: Vec<Passkey>,
    refused_keys: Vec<RefusedKey>,
    signatures: Vec<Signed>,
    refused_signatures: Vec<RefusedSignature>,
}

#[derive(Deserialize)]
struct Key {
    seed: Hex,
    text: String,
    record: Hex,
    id: KeyId,
}

#[derive(Deserialize)]
struct Passkey {
    text: String,
    record: Hex,
    id: KeyId,
}

#[derive(Deserialize)]
struct RefusedKey {
    why: String,
    text: String,
}

#[derive(Deserialize)]
struct Signed {
    seed: Hex,
    message: Hex,
    signature: Hex,
}

#[derive(Deserialize)]
struct RefusedSignature {
    why: String,
    key: PublicKey,
    message: Hex,
    signature: Hex,
}

#[test]
fn keys_are_those_of_the_golden_file() {
    let file: File = read("keys.json");
    for case in file.keys {
        let key = case.seed.key().public();
        assert_eq!(key.to_string(), case.text);
        assert_eq!(key.record(), case.record.0);
        assert_eq!(key.id(), case.id);
        assert_eq!(case.text.parse(), Ok(key));
        assert_eq!(PublicKey::from_record(&case.record.0), Ok(key));
    }
    for case in file.passkeys {
        let key: PublicKey = case.text.parse().expect("a passkey's key");
        assert_eq!(key.to_string(), case.text);
        assert_eq!(key.record(), case.record.0);
        assert_eq!(key.id(), case.id);
        assert_eq!(PublicKey::from_record(&case.record.0), Ok(key));
    }
    for case in file.refused_keys {
        refused(case.text.parse::<PublicKey>(), &case.why);
    }
}

#[test]
fn signatures_are_those_of_the_golden_file() {
    let file: File = read("keys.json");
    for case in file.signatures {
        let key = case.seed.key();
        let signature = key.sign(&case.message.array());
        assert_eq!(signature.encode(), case.signature.0);
        let read = Signature::decode(&case.signature.0).expect("a signature");
        assert_eq!(key.public().verify(&case.message.array(), &read), Ok(()));
    }
    for case in file.refused_signatures {
        let verified = Signature::decode(&case.signature.0)
            .and_then(|signature| case.key.verify(&case.message.array(), &signature));
        refused(verified, &case.why);
    }
}
