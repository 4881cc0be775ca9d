//! The approver's part: reads intents, tells them in words, and signs one root over all of them.
//!
//! Invariant: what is refused can have no effect, whatever signers know. Windows and cooling-off are counted
//! in signers' journals, which this tool does not see: what hinges on them is told, not refused.

mod error;

use crate::requesting::SignedRequest;
use bitcoin::Amount;
use bitcoin::hex::DisplayHex;
pub use error::ApprovingError;
pub use policies::intent::Verdict;
use policies::intent::{Assertion, MerkleTree, SecretKey, VerifyingParty as _};
use policies::psbt::read_strict;
use policies::rules::{EntriesShown, Said, prospects};
use policies::words::{Told, intent_told, verdict_summary};
use policies::{
    Approval, Intent, IntentHash, KeyId, MerkleRoot, Policy, PolicyId, RequestSignature, Signature,
    UnixTime, VaultId,
};
use serde::Serialize;

/// An intent to be approved or rejected.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The intent.
    pub intent: Intent,
    /// Its hash, the subject that is signed.
    pub hash: IntentHash,
    /// Whether its requester's signature came with it and was verified.
    pub request_verified: bool,
}

/// What files bring: intents, and what is said there of the open lists that they may hinge on.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    /// The intents.
    pub candidates: Vec<Candidate>,
    /// The statements that a transfer carries, with their signatures.
    pub said: Vec<Said>,
}

impl Brought {
    /// Adds what another file brings.
    pub fn add(&mut self, other: Self) {
        self.candidates.extend(other.candidates);
        self.said.extend(other.said);
    }

    fn one(candidate: Candidate) -> Self {
        Self {
            candidates: vec![candidate],
            said: Vec::new(),
        }
    }
}

/// An approval or rejection, as the coordinator's interface takes it.
#[derive(Debug, Clone, Serialize)]
pub struct SignedApproval {
    /// `approve` or `reject`.
    pub purpose: String,
    /// The root over the intents' hashes.
    pub root: MerkleRoot,
    /// When it ends.
    pub expires: UnixTime,
    /// The key that signed.
    pub key: KeyId,
    /// Its signature.
    pub signature: Signature,
    /// The intents, each with the proof that it stands under the root.
    pub intents: Vec<ProvenIntent>,
}

/// That one intent stands under the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenIntent {
    /// The intent's hash.
    pub intent: IntentHash,
    /// The Merkle proof in lower hex.
    pub proof: String,
}

/// Takes the intents out of a file: a canonical intent, a signed request, or a transfer with what it says
/// of open lists.
///
/// # Errors
/// When it is none of these, or a signature in it does not count.
pub fn read(bytes: &[u8], policy: &Policy) -> Result<Brought, ApprovingError> {
    if let Ok(request) = serde_json::from_slice::<SignedRequest>(bytes) {
        let signature = RequestSignature {
            key: request.key,
            signature: request.signature,
        };
        let intent = request.intent.as_bytes();
        return Ok(Brought::one(requested(intent, &[signature], policy)?));
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.first() == Some(&b'{') {
        let intent = Intent::decode(text)?;
        let hash = intent.hash();
        return Ok(Brought::one(Candidate {
            intent,
            hash,
            request_verified: false,
        }));
    }
    let psbt = read_strict(bytes).map_err(ApprovingError::of_transfer)?;
    let manifest = psbt.manifest();
    let mut candidates = Vec::new();
    for hash in manifest.payments.values() {
        let intent = manifest
            .intents
            .get(hash)
            .ok_or(ApprovingError::NoIntents)?;
        let signatures: Vec<RequestSignature> = manifest
            .request_signatures
            .iter()
            .filter(|((intent, _), _)| intent == hash)
            .map(|((_, key), signature)| RequestSignature {
                key: *key,
                signature: signature.clone(),
            })
            .collect();
        candidates.push(requested(intent, &signatures, policy)?);
    }
    if candidates.is_empty() {
        return Err(ApprovingError::NoIntents);
    }
    let said = Said::carried(manifest);
    Ok(Brought { candidates, said })
}

fn requested(
    bytes: &[u8],
    signatures: &[RequestSignature],
    policy: &Policy,
) -> Result<Candidate, ApprovingError> {
    let intent = Intent::decode(bytes)?;
    // A signature for another vault is not a forged one.
    if intent.vault != policy.vault {
        return Err(ApprovingError::OtherVault { id: intent.id });
    }
    let hash = intent.hash();
    let genuine = signatures.iter().any(|signature| {
        policy
            .requester_of_key(signature.key)
            .is_some_and(|(requester, key)| {
                requester.name == intent.requester.as_str()
                    && signature.verify(key, policy.vault, hash).is_ok()
            })
    });
    if !genuine {
        return Err(ApprovingError::NotRequested {
            id: intent.id,
            requester: intent.requester,
        });
    }
    Ok(Candidate {
        intent,
        hash,
        request_verified: true,
    })
}

/// Checks that a verdict over these intents can have an effect under the policy.
///
/// # Errors
/// The first intent that is another vault's, has ended, or is denied whoever approves it and whatever
/// signers know.
pub fn check(
    candidates: &[Candidate],
    verdict: Verdict,
    policy: &Policy,
    shown: &EntriesShown,
    now: UnixTime,
) -> Result<(), ApprovingError> {
    for Candidate { intent, .. } in candidates {
        let id = intent.id.clone();
        if intent.vault != policy.vault {
            return Err(ApprovingError::OtherVault { id });
        }
        if intent.keyset != policy.keyset {
            return Err(ApprovingError::OtherKeyset { id });
        }
        if now >= intent.expires {
            return Err(ApprovingError::Expired {
                id,
                expires: intent.expires,
            });
        }
        match prospects(policy, intent, shown, now) {
            Err(reason) if verdict == Verdict::Approve => {
                return Err(ApprovingError::Denied { id, reason });
            }
            Err(_) | Ok(_) => {}
        }
    }
    Ok(())
}

/// A verdict over intents that waits for its signature.
#[derive(Debug, Clone)]
pub struct Prepared {
    verdict: Verdict,
    policy: PolicyId,
    vault: VaultId,
    root: MerkleRoot,
    expires: UnixTime,
    intents: Vec<ProvenIntent>,
}

impl Prepared {
    /// One root over all intents, with a proof for each.
    ///
    /// # Errors
    /// When there is no tree over the intents.
    pub fn new(
        candidates: &[Candidate],
        verdict: Verdict,
        policy: &Policy,
        expires: UnixTime,
    ) -> Result<Self, ApprovingError> {
        let subjects: Vec<[u8; 32]> = candidates
            .iter()
            .map(|candidate| candidate.hash.to_bytes())
            .collect();
        let tree = MerkleTree::new(&subjects)?;
        let intents = candidates.iter().filter_map(|candidate| {
            let proof = tree.proof(candidate.hash.as_bytes())?;
            Some(ProvenIntent {
                intent: candidate.hash,
                proof: proof.encode().to_lower_hex_string(),
            })
        });
        Ok(Self {
            verdict,
            policy: policy.id,
            vault: policy.vault,
            root: tree.root(),
            expires,
            intents: intents.collect(),
        })
    }

    /// The 32 bytes to sign: for a passkey, the challenge.
    pub fn message(&self) -> [u8; 32] {
        Approval::message(self.verdict.purpose(), self.vault, self.root, self.expires)
    }

    /// Signs with a key of a file.
    ///
    /// # Errors
    /// When the key is no approver's.
    pub fn sign(&self, policy: &Policy, key: &SecretKey) -> Result<SignedApproval, ApprovingError> {
        let public = key.public();
        policy
            .approver_of_key(public.id())
            .ok_or(ApprovingError::NotAnApprover(public))?;
        Ok(self.signed(public.id(), key.sign(&self.message())))
    }

    /// Takes a passkey's answer, verified as every signer will verify it.
    ///
    /// # Errors
    /// When the key is no approver's, or the answer does not count.
    pub fn assert(
        &self,
        policy: &Policy,
        key: KeyId,
        assertion: Assertion,
    ) -> Result<SignedApproval, ApprovingError> {
        let (_, pinned) = policy
            .approver_of_key(key)
            .filter(|_| policy.id == self.policy)
            .ok_or(ApprovingError::UnknownKey(key))?;
        let signature = Signature::from_assertion(&pinned.key, assertion)?;
        pinned.verify_signature(&self.message(), &signature)?;
        Ok(self.signed(key, signature))
    }

    fn signed(&self, key: KeyId, signature: Signature) -> SignedApproval {
        SignedApproval {
            purpose: self.verdict.purpose().to_string(),
            root: self.root,
            expires: self.expires,
            key,
            signature,
            intents: self.intents.clone(),
        }
    }
}

/// Signs a verdict over intents: one root, one signature, a proof for each.
///
/// # Errors
/// When the key is no approver's or there is no tree over the intents.
pub fn sign(
    candidates: &[Candidate],
    verdict: Verdict,
    policy: &Policy,
    key: &SecretKey,
    expires: UnixTime,
) -> Result<SignedApproval, ApprovingError> {
    Prepared::new(candidates, verdict, policy, expires)?.sign(policy, key)
}

/// What an approver reads of an intent, in the terminal and on the page.
pub fn tell(candidate: &Candidate, policy: &Policy, shown: &EntriesShown, now: UnixTime) -> Told {
    let prospects = prospects(policy, &candidate.intent, shown, now);
    intent_told(
        &candidate.intent,
        policy,
        &prospects,
        candidate.request_verified,
    )
}

/// What is signed over all intents together, in one line.
pub fn summary(
    candidates: &[Candidate],
    verdict: Verdict,
    policy: &Policy,
    expires: UnixTime,
) -> String {
    let mut amounts = candidates.iter().map(|candidate| candidate.intent.amount);
    let total = amounts.try_fold(Amount::ZERO, Amount::checked_add);
    verdict_summary(verdict, candidates.len(), total, policy, expires)
}
