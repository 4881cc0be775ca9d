//! What the page's script sends: the parts of a passkey's answer in base64url, bounded and decoded once.

use crate::approving::{ApprovingError, Prepared, SignedApproval};
use crate::passkey::Passkey;
use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::Policy;
use policies::intent::{Assertion, SignatureError};
use serde::Deserialize;

/// Why an answer of the page is none.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not the JSON that the script sends.
    #[error("the page sent something else than an answer")]
    Json,
    /// A field is not base64url.
    #[error("{0} is not base64url")]
    Encoding(&'static str),
    /// A part is longer than any that counts.
    #[error(transparent)]
    Part(#[from] SignatureError),
}

/// A passkey's answer to a challenge.
#[derive(Debug)]
pub struct AssertionAnswer {
    /// Which passkey answered.
    pub credential_id: Vec<u8>,
    /// What it signed.
    pub assertion: Assertion,
}

/// A new passkey, as the browser hands it over.
#[derive(Debug)]
pub struct RegistrationAnswer {
    /// The browser's data.
    pub client_data_json: Vec<u8>,
    /// The authenticator's data, in CBOR.
    pub attestation_object: Vec<u8>,
}

impl AssertionAnswer {
    /// Reads the script's JSON.
    ///
    /// # Errors
    /// When it is none, or a part is too long.
    pub fn read(body: &[u8]) -> Result<Self, AnswerError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Sent {
            id: String,
            authenticator_data: String,
            #[serde(rename = "clientDataJSON")]
            client_data_json: String,
            signature: String,
        }
        let sent: Sent = serde_json::from_slice(body).map_err(|_| AnswerError::Json)?;
        Ok(Self {
            credential_id: decoded("id", &sent.id)?,
            assertion: Assertion::new(
                decoded("authenticatorData", &sent.authenticator_data)?,
                decoded("clientDataJSON", &sent.client_data_json)?,
                decoded("signature", &sent.signature)?,
            )?,
        })
    }
}

impl RegistrationAnswer {
    /// Reads the script's JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(body: &[u8]) -> Result<Self, AnswerError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Sent {
            #[serde(rename = "clientDataJSON")]
            client_data_json: String,
            attestation_object: String,
        }
        let sent: Sent = serde_json::from_slice(body).map_err(|_| AnswerError::Json)?;
        Ok(Self {
            client_data_json: decoded("clientDataJSON", &sent.client_data_json)?,
            attestation_object: decoded("attestationObject", &sent.attestation_object)?,
        })
    }
}

/// Takes what a page sent as the answer of one of these passkeys, verified as every signer will verify it.
///
/// # Errors
/// The words for the page.
pub fn asserted(
    prepared: &Prepared,
    policy: &Policy,
    usable: &[Passkey],
    body: &[u8],
) -> Result<SignedApproval, String> {
    let answer = AssertionAnswer::read(body).map_err(|error| error.to_string())?;
    let passkey = usable
        .iter()
        .find(|passkey| passkey.credential_id == answer.credential_id)
        .ok_or("Another passkey answered than those that were asked for.")?;
    prepared
        .assert(policy, passkey.key.id(), answer.assertion)
        .map_err(|error: ApprovingError| format!("Nothing was signed: {error}."))
}

fn decoded(field: &'static str, text: &str) -> Result<Vec<u8>, AnswerError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| AnswerError::Encoding(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_form_is_refused() {
        let good = r#"{"id":"AQ","authenticatorData":"AQ","clientDataJSON":"AQ","signature":"AQ"}"#;
        let read = AssertionAnswer::read(good.as_bytes()).expect("is an answer");
        assert_eq!(read.credential_id, [1]);
        assert_eq!(read.assertion.signature(), [1]);
        for bad in [
            "",
            "{}",
            &good.replace("\"AQ\"}", "\"A!\"}"),
            &good.replace("\"AQ\"}", "\"AQ==\"}"),
            &good.replace("\"AQ\"}", &format!("{:?}}}", "AAAA".repeat(30))),
            &good.replace('}', ",\"more\":1}"),
        ] {
            assert!(AssertionAnswer::read(bad.as_bytes()).is_err(), "{bad}");
            assert!(RegistrationAnswer::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
