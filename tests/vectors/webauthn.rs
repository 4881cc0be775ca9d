//! F4: passkeys, recorded from a real browser and made by an implementation of its own.

use policies::document::{PinnedKey, Tool};
use policies::intent::{RelyingParty, VerifyingParty as _};
use policies::{PublicKey, Signature};
use serde::Deserialize;

use crate::golden::{Hex, read};

#[derive(Deserialize)]
struct File {
    rp_id: String,
    origins: Vec<String>,
    valid: Vec<Valid>,
    refused: Vec<Refused>,
    registrations: Vec<Registration>,
    refused_registrations: Vec<RefusedRegistration>,
}

#[derive(Deserialize)]
struct Valid {
    why: String,
    key: PublicKey,
    message: Hex,
    synced: bool,
    signature: Hex,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    key: PublicKey,
    message: Hex,
    signature: Hex,
}

#[derive(Deserialize)]
struct Registration {
    challenge: Hex,
    client_data_json: Hex,
    attestation_object: Hex,
    credential_id: Hex,
    key: PublicKey,
    synced: bool,
}

#[derive(Deserialize)]
struct RefusedRegistration {
    error: String,
    challenge: Hex,
    client_data_json: Hex,
    attestation_object: Hex,
}

impl File {
    fn used(&self, synced: bool) -> RelyingParty {
        RelyingParty {
            rp_id: self.rp_id.clone(),
            origins: self.origins.clone(),
            synced,
        }
    }

    fn pinned(&self, key: PublicKey, synced: bool) -> PinnedKey {
        PinnedKey {
            key,
            tool: Tool::Own,
            passkey: Some(self.used(synced)),
        }
    }
}

#[test]
fn assertions_of_a_real_browser_and_their_variants_count_as_the_golden_file_says() {
    let file: File = read("webauthn.json");
    for case in &file.valid {
        let pinned = file.pinned(case.key, case.synced);
        let signature = Signature::decode(&case.signature.0).expect("a signature");
        assert_eq!(signature.encode(), case.signature.0, "{}", case.why);
        let verified = pinned.verify_signature(&case.message.array(), &signature);
        assert_eq!(verified, Ok(()), "{}", case.why);
        let elsewhere = PinnedKey::own(case.key);
        let unpinned = elsewhere.verify_signature(&case.message.array(), &signature);
        assert_eq!(
            unpinned.map_err(|error| error.code()),
            Err("UNPINNED_PASSKEY")
        );
    }
    assert!(file.refused.len() >= 25);
    for case in &file.refused {
        let pinned = file.pinned(case.key, false);
        let verified = Signature::decode(&case.signature.0)
            .and_then(|signature| pinned.verify_signature(&case.message.array(), &signature));
        let code = verified.map_err(|error| error.code().to_owned());
        assert_eq!(code, Err(case.error.clone()), "{:?}", case.signature);
    }
}

#[test]
fn registrations_of_a_real_browser_give_the_keys_of_the_golden_file() {
    let file: File = read("webauthn.json");
    let used = file.used(false);
    for case in &file.registrations {
        let (client, object) = (&case.client_data_json.0, &case.attestation_object.0);
        let read = used.read_registration(&case.challenge.array(), client, object);
        let read = read.expect("registers");
        assert_eq!(read.key, case.key);
        assert_eq!(read.credential_id, case.credential_id.0);
        assert_eq!(read.synced, case.synced);
    }
    for case in &file.refused_registrations {
        let (client, object) = (&case.client_data_json.0, &case.attestation_object.0);
        let read = used.read_registration(&case.challenge.array(), client, object);
        let code = read.map_err(|error| error.code().to_owned());
        assert_eq!(code, Err(case.error.clone()));
    }
}
