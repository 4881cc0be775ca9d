//! An authenticator of the tests' own: it makes and uses ES256 passkeys as a browser would hand them on.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitcoin::hashes::{Hash, sha256};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use serde_json::Value;

use super::passkeys::{AssertionAnswer, Ceremony, RegistrationAnswer, Site};

/// Present and verified.
const VERIFIED: u8 = 0x05;
/// A credential is in the data.
const CREDENTIAL: u8 = 0x40;

/// A passkey, and what its authenticator says of its user.
pub(crate) struct SoftPasskey {
    key: SigningKey,
    pub(crate) id: Vec<u8>,
    pub(crate) flags: u8,
}

impl SoftPasskey {
    /// The passkey of this name; the same name gives the same one.
    pub(crate) fn new(name: &str) -> Self {
        let seed = sha256::Hash::hash(name.as_bytes()).to_byte_array();
        Self {
            key: SigningKey::from_slice(&seed).expect("a scalar"),
            id: sha256::Hash::hash(&seed).to_byte_array().to_vec(),
            flags: VERIFIED,
        }
    }

    /// What the browser returns for a new passkey.
    pub(crate) fn create(&self, site: &Site, asked: &Ceremony) -> RegistrationAnswer {
        let rp_id = asked.options["rp"]["id"].as_str().expect("a domain");
        let data = [
            &Self::data(rp_id, self.flags | CREDENTIAL)[..],
            &[0; 16],
            &u16::try_from(self.id.len()).expect("short").to_be_bytes(),
            &self.id,
            &self.cose_key(),
        ]
        .concat();
        let length = u16::try_from(data.len()).expect("short").to_be_bytes();
        let length = if data.len() < 256 {
            vec![0x58, length[1]]
        } else {
            [&[0x59][..], &length].concat()
        };
        let object = [
            &b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"[..],
            &length,
            &data,
        ]
        .concat();
        RegistrationAnswer {
            ceremony: asked.ceremony.clone(),
            label: "laptop".to_owned(),
            client_data_json: encoded(&client("webauthn.create", &asked.options, site)),
            attestation_object: encoded(&object),
        }
    }

    /// What the browser returns for a challenge.
    pub(crate) fn get(&self, site: &Site, asked: &Ceremony) -> AssertionAnswer {
        let rp_id = asked.options["rpId"].as_str().expect("a domain");
        let data = Self::data(rp_id, self.flags);
        let client = client("webauthn.get", &asked.options, site);
        let hash = sha256::Hash::hash(&client).to_byte_array();
        let signature: p256::ecdsa::Signature = self.key.sign(&[&data[..], &hash].concat());
        AssertionAnswer {
            ceremony: asked.ceremony.clone(),
            id: encoded(&self.id),
            client_data_json: encoded(&client),
            authenticator_data: encoded(&data),
            signature: encoded(signature.to_der().as_bytes()),
        }
    }

    fn data(rp_id: &str, flags: u8) -> Vec<u8> {
        let hash = sha256::Hash::hash(rp_id.as_bytes()).to_byte_array();
        [&hash[..], &[flags, 0, 0, 0, 1]].concat()
    }

    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
            &point[1..33],
            &[0x22, 0x58, 0x20],
            &point[33..],
        ]
        .concat()
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn client(kind: &str, options: &Value, site: &Site) -> Vec<u8> {
    let challenge = options["challenge"].as_str().expect("a challenge");
    let origin = &site.origin;
    format!(
        r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    )
    .into_bytes()
}
