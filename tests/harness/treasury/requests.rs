//! What the service asks for: addresses that it derives again, withdrawals that it signs.

use bitcoin::{Address, Amount};
use policies::{Intent, IntentKind, Keychain, RequestSignature};
use serde_json::{Value, json};

use super::{Treasury, requester_key};
use crate::signer_home::field;
use crate::{Answer, Failure, clock};

/// How long an intent of a test is valid.
const VALID_FOR: u64 = 24 * 3600;

impl Treasury {
    /// A new deposit address, derived again from the pinned policy.
    #[track_caller]
    pub fn new_address(&self, reference: &str) -> Result<Address, Failure> {
        let answer = self
            .service()
            .post(&self.path("/addresses"), &json!({ "reference": reference }))?
            .done()?;
        let policy = &self.people.policy;
        let index = answer["index"]
            .as_u64()
            .ok_or_else(|| Failure::new(format!("no index: {answer}")))?;
        let script = policy
            .descriptor
            .script_pubkey(Keychain::External, u32::try_from(index)?);
        let derived = Address::from_script(&script, policy.network)?;
        if field(&answer, "address")? == derived.to_string() {
            Ok(derived)
        } else {
            Err(Failure::new(format!(
                "the pinned policy derives {derived}: {answer}"
            )))
        }
    }

    /// An intent of the service to pay an address, made now.
    pub fn intent(&self, id: &str, to: &Address, amount: Amount) -> Result<Intent, Failure> {
        let policy = &self.people.policy;
        let now = clock::now();
        Ok(Intent {
            vault: policy.vault,
            keyset: policy.keyset,
            requester: "exchange".parse()?,
            id: id.parse()?,
            kind: IntentKind::Payment,
            script_pubkey: to.script_pubkey(),
            amount,
            min: amount,
            created: now,
            expires: now.saturating_add(VALID_FOR),
            replaces: None,
            repeats: None,
            reference: String::new(),
        })
    }

    /// The body of a request for bytes that are, or are not, an intent, signed by the service.
    pub fn signed_bytes(&self, intent: &[u8]) -> Value {
        let hash = Intent::hash_bytes(intent);
        let signed = RequestSignature::sign(&requester_key(), self.people.policy.vault, hash);
        json!({
            "intent": String::from_utf8_lossy(intent),
            "key": signed.key,
            "signature": signed.signature,
        })
    }

    /// Submits an intent with the service's signature.
    #[track_caller]
    pub fn submit(&self, intent: &Intent) -> Result<Answer, Failure> {
        self.submit_body(&self.signed_bytes(&intent.encode()))
    }

    /// Submits any body.
    #[track_caller]
    pub fn submit_body(&self, body: &Value) -> Result<Answer, Failure> {
        self.service().post(&self.path("/withdrawals"), body)
    }

    /// Requests a payment; it must be accepted.
    #[track_caller]
    pub fn withdraw(&self, id: &str, to: &Address, amount: Amount) -> Result<Intent, Failure> {
        let intent = self.intent(id, to, amount)?;
        self.submit(&intent)?.done()?;
        Ok(intent)
    }

    /// A withdrawal as the coordinator shows it.
    #[track_caller]
    pub fn withdrawal(&self, id: &str) -> Result<Value, Failure> {
        self.service()
            .get(&self.path(&format!("/withdrawals/exchange/{id}")))?
            .done()
    }

    /// The state of a withdrawal.
    #[track_caller]
    pub fn withdrawal_state(&self, id: &str) -> Result<String, Failure> {
        field(&self.withdrawal(id)?, "state")
    }
}
