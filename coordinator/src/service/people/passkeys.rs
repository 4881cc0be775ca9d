//! What the browser is asked for and what it answers (WebAuthn Level 3), verified by the policies' own code.
//!
//! Invariant: a challenge is 32 random bytes for one purpose and one use; an answer uses it up, good or bad.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::intent::webauthn::challenge_text;
use policies::intent::{Assertion, PublicKey, Registered, RelyingParty, Signature};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{PeopleError, Service, ServiceError, fresh_secret, hash_of};
use crate::store::people::ceremonies::{self, CeremonyRow};

/// Seconds in which a challenge is to be answered.
const LIFE: u64 = 300;
/// The most challenges that are over and forgotten where a new one is made.
const SWEPT: u32 = 50;

/// Where the pages are: what passkeys are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The domain.
    pub rp_id: String,
    /// The exact origin of the pages.
    pub origin: String,
}

impl Site {
    /// As the verifier wants it. Passkeys for signing in may be synced.
    fn party(&self) -> RelyingParty {
        RelyingParty {
            rp_id: self.rp_id.clone(),
            origins: vec![self.origin.clone()],
            synced: true,
        }
    }
}

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    Join,
    Passkey,
    PageKey,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Join => "join",
            Self::Passkey => "passkey",
            Self::PageKey => "page-key",
        }
    }
}

/// A challenge for the browser.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Ceremony {
    /// What the answer must carry: it names the challenge.
    pub ceremony: String,
    /// The options for `navigator.credentials`, as `parseRequestOptionsFromJSON` and
    /// `parseCreationOptionsFromJSON` take them.
    pub options: Value,
}

impl std::fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ceremony").finish_non_exhaustive()
    }
}

/// A new passkey, as the browser returned it; bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationAnswer {
    /// The challenge that this answers.
    pub ceremony: String,
    /// What its owner calls it, at most 64 characters.
    #[serde(default)]
    pub label: String,
    /// The client's data.
    pub client_data_json: String,
    /// The attestation object.
    pub attestation_object: String,
}

/// What a passkey signed, as the browser returned it; bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionAnswer {
    /// The challenge that this answers.
    pub ceremony: String,
    /// The credential's id.
    pub id: String,
    /// The client's data.
    pub client_data_json: String,
    /// The authenticator's data.
    pub authenticator_data: String,
    /// The signature.
    pub signature: String,
}

/// Bytes of a field in base64url without padding.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Makes a challenge and keeps it, and forgets some that are over.
pub(super) async fn begin(
    service: &Service,
    purpose: Purpose,
    person: Option<&str>,
    subject: Option<[u8; 32]>,
) -> Result<(String, [u8; 32]), ServiceError> {
    let secret = fresh_secret(service);
    let challenge = service.random();
    let now = service.now();
    let row = CeremonyRow {
        sha256: hash_of(&secret),
        kind: purpose.name().to_owned(),
        challenge,
        person: person.map(str::to_owned),
        subject,
        created_at: now,
        expires_at: now.saturating_add(LIFE),
        used_at: None,
    };
    let mut tx = service.database().begin_write().await?;
    ceremonies::forget_expired(&mut tx, now, SWEPT).await?;
    ceremonies::insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok((secret, challenge))
}

/// Uses a challenge up, if it is open and was made for this; durable before its answer is looked at. What is not open
/// writes nothing, so that nobody keeps the one writer busy with it.
pub(super) async fn take(
    service: &Service,
    secret: &str,
    purpose: Purpose,
    person: Option<&str>,
    subject: Option<[u8; 32]>,
) -> Result<Option<[u8; 32]>, ServiceError> {
    let sha256 = hash_of(secret);
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let known = ceremonies::lookup(&mut tx, sha256).await?;
    drop(tx);
    let Some(row) = known.filter(|row| row.used_at.is_none() && row.expires_at > now) else {
        return Ok(None);
    };
    let mut tx = service.database().begin_write().await?;
    let was_open = ceremonies::use_up(&mut tx, sha256, now).await?;
    tx.commit().await?;
    let meant = row.kind == purpose.name()
        && row.person.as_deref() == person
        && row.subject == subject
        && was_open;
    Ok(meant.then_some(row.challenge))
}

/// Reads a new passkey.
pub(super) fn registered(
    site: &Site,
    challenge: &[u8; 32],
    answer: &RegistrationAnswer,
) -> Result<Registered, ServiceError> {
    let bytes = |field: &'static str, text: &str| {
        let expected = "base64url without padding";
        bytes_of(text).ok_or(ServiceError::Malformed { field, expected })
    };
    let client = bytes("client_data_json", &answer.client_data_json)?;
    let object = bytes("attestation_object", &answer.attestation_object)?;
    let read = site.party().read_registration(challenge, &client, &object);
    Ok(read.map_err(PeopleError::Passkey)?)
}

/// Whether a passkey of this key, made for this domain, signed the challenge on this origin.
pub(super) fn has_signed(
    site: &Site,
    key: &PublicKey,
    challenge: &[u8; 32],
    answer: &AssertionAnswer,
) -> bool {
    let parts = (
        bytes_of(&answer.authenticator_data),
        bytes_of(&answer.client_data_json),
        bytes_of(&answer.signature),
    );
    let (Some(data), Some(client), Some(signature)) = parts else {
        return false;
    };
    Assertion::new(data, client, signature)
        .and_then(|assertion| Signature::from_assertion(key, assertion))
        .is_ok_and(|signature| {
            key.verify_assertion(&site.party(), challenge, &signature)
                .is_ok()
        })
}

/// Asks the browser for any passkey that it holds for these pages.
pub(super) fn request_options(site: &Site, challenge: &[u8; 32]) -> Value {
    json!({
        "challenge": challenge_text(challenge),
        "rpId": site.rp_id,
        "allowCredentials": [],
        "userVerification": "required",
        "timeout": LIFE * 1000,
    })
}

/// Asks the browser for a new passkey, on a device that has none of `known`.
pub(super) fn creation_options(
    site: &Site,
    challenge: &[u8; 32],
    purpose: Purpose,
    person: &str,
    known: &[Vec<u8>],
) -> Value {
    let page = purpose == Purpose::PageKey;
    // A device keeps one passkey for each user of a domain: a page key must not take the place of the one that
    // signs in, nor of an earlier page key.
    let (user, shown) = if page {
        (
            hash_of(&format!("page {}", challenge_text(challenge))),
            format!("{person} (approvals in the page)"),
        )
    } else {
        (hash_of(&format!("sign-in {person}")), person.to_owned())
    };
    let excluded: Vec<Value> = known
        .iter()
        .map(|id| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) }))
        .collect();
    json!({
        "challenge": challenge_text(challenge),
        "rp": { "id": site.rp_id, "name": "Countersign" },
        "user": { "id": URL_SAFE_NO_PAD.encode(user), "name": shown, "displayName": shown },
        "pubKeyCredParams": [
            { "type": "public-key", "alg": -7 },
            { "type": "public-key", "alg": -8 },
        ],
        "excludeCredentials": excluded,
        "authenticatorSelection": {
            "residentKey": if page { "discouraged" } else { "required" },
            "requireResidentKey": !page,
            "userVerification": "required",
        },
        "attestation": "none",
        "timeout": LIFE * 1000,
    })
}
