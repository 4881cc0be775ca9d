//! A passkey as a browser holds it: it signs whatever challenge a page hands it, for one origin.

use bitcoin::hashes::{Hash as _, sha256};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use policies::document::{PinnedKeyDraft, Tool};
use policies::intent::webauthn::challenge_text;
use policies::intent::{PublicKey, RelyingParty};

use crate::service::page_approvals::PageAssertion;

/// The origin of the pages.
pub(crate) const ORIGIN: &str = "https://treasury.example";

pub(crate) struct Passkey {
    key: SigningKey,
}

impl Passkey {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a scalar");
        Self { key }
    }

    pub(crate) fn public(&self) -> PublicKey {
        let point = self.key.verifying_key().to_sec1_point(true);
        let bytes = point.as_bytes().try_into().expect("33 bytes");
        PublicKey::from_webauthn_es256(bytes).expect("a point")
    }

    /// The key as a policy pins it for the coordinator's page.
    pub(crate) fn on_page(&self) -> PinnedKeyDraft {
        let used = RelyingParty {
            rp_id: "treasury.example".to_owned(),
            origins: vec![ORIGIN.to_owned()],
            synced: false,
        };
        PinnedKeyDraft::passkey(&self.public(), Tool::Page, &used)
    }

    /// What the browser hands over after a touch.
    pub(crate) fn touch(&self, challenge: &[u8; 32]) -> PageAssertion {
        let client_data = format!(
            r#"{{"type":"webauthn.get","challenge":"{}","origin":"{ORIGIN}","crossOrigin":false}}"#,
            challenge_text(challenge)
        )
        .into_bytes();
        let rp = sha256::Hash::hash(b"treasury.example").to_byte_array();
        let data = [&rp[..], &[0x05, 0, 0, 0, 1]].concat();
        let signed = [&data[..], &sha256::Hash::hash(&client_data).to_byte_array()].concat();
        let signature: p256::ecdsa::Signature = self.key.sign(&signed);
        PageAssertion {
            authenticator_data: data,
            client_data_json: client_data,
            signature: signature.to_der().as_bytes().to_vec(),
        }
    }
}
