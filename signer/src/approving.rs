//! The approver's part: reads intents, puts them in words, and signs one root over all of them.

use crate::failure::{Class, Explained};
use crate::requesting::SignedRequest;
use bitcoin::hex::DisplayHex;
use bitcoin::{Address, Amount};
use policies::hash::Purpose;
use policies::intent::{
    Assertion, IntentError, MerkleError, MerkleTree, SecretKey, SignatureError, VerifyingParty as _,
};
use policies::psbt::{PsbtRefusal, read_strict};
use policies::rules::{Decision, Standing, decide};
use policies::{
    Approval, Intent, IntentHash, KeyId, MerkleRoot, Policy, PolicyId, PublicKey, RequestSignature,
    Signature, UnixTime, VaultId,
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

/// Why nothing is approved.
#[derive(Debug, thiserror::Error)]
pub enum ApprovingError {
    /// A file holds neither an intent nor a transfer.
    #[error("neither an intent nor a transfer: {0}")]
    Intent(#[from] IntentError),
    /// A transfer cannot be read.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// A transfer carries no intents.
    #[error("the transfer carries no intent")]
    NoIntents,
    /// The intent is for another vault or keyset.
    #[error("withdrawal {id} is not of this vault's keyset")]
    OtherVault {
        /// The withdrawal's id.
        id: policies::WithdrawalId,
    },
    /// The intent has ended.
    #[error("withdrawal {id} expired {expires}")]
    Expired {
        /// The withdrawal's id.
        id: policies::WithdrawalId,
        /// When.
        expires: UnixTime,
    },
    /// The requester's signature that came with it does not count.
    #[error("withdrawal {id} is not signed by requester {requester}")]
    NotRequested {
        /// The withdrawal's id.
        id: policies::WithdrawalId,
        /// Whose it claims to be.
        requester: policies::RequesterName,
    },
    /// The rules deny the intent, whoever approves.
    #[error("withdrawal {id} is denied by the policy: {reason}")]
    Denied {
        /// The withdrawal's id.
        id: policies::WithdrawalId,
        /// Why.
        reason: policies::rules::DenyReason,
    },
    /// The key is no approver's.
    #[error("the policy names no approver with the key {0}")]
    NotAnApprover(PublicKey),
    /// The passkey that answered is no approver's under this policy.
    #[error("the policy names no approver with the key id {0}")]
    UnknownKey(KeyId),
    /// A passkey's answer does not count.
    #[error("the passkey's answer does not count: {0}")]
    Passkey(#[from] SignatureError),
    /// There is no tree over these intents.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
    /// The validity ends beyond all time.
    #[error("it would never expire")]
    NeverExpires,
}

/// Takes the intents out of a file: a canonical intent, a signed request, or a transfer.
///
/// # Errors
/// When it is none of these, or a signature in it does not count.
pub fn read_candidates(bytes: &[u8], policy: &Policy) -> Result<Vec<Candidate>, ApprovingError> {
    if let Ok(request) = serde_json::from_slice::<SignedRequest>(bytes) {
        let signature = RequestSignature {
            key: request.key,
            signature: request.signature,
        };
        return Ok(vec![requested(
            request.intent.as_bytes(),
            &[signature],
            policy,
        )?]);
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.first() == Some(&b'{') {
        let intent = Intent::decode(text)?;
        let hash = intent.hash();
        return Ok(vec![Candidate {
            intent,
            hash,
            request_verified: false,
        }]);
    }
    let psbt = read_strict(bytes)?;
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
    Ok(candidates)
}

fn requested(
    bytes: &[u8],
    signatures: &[RequestSignature],
    policy: &Policy,
) -> Result<Candidate, ApprovingError> {
    let intent = Intent::decode(bytes)?;
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

/// What an approver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Pay it.
    Approve,
    /// Do not pay it.
    Reject,
}

impl Verdict {
    fn purpose(self) -> Purpose {
        match self {
            Self::Approve => Purpose::Approve,
            Self::Reject => Purpose::Reject,
        }
    }
}

/// Checks that a verdict over these intents can have an effect under the policy.
///
/// # Errors
/// The first intent that is another vault's, has ended, or is denied whoever approves it.
pub fn check(
    candidates: &[Candidate],
    verdict: Verdict,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), ApprovingError> {
    for Candidate { intent, .. } in candidates {
        let id = intent.id.clone();
        if intent.vault != policy.vault || intent.keyset != policy.keyset {
            return Err(ApprovingError::OtherVault { id });
        }
        if now >= intent.expires {
            return Err(ApprovingError::Expired {
                id,
                expires: intent.expires,
            });
        }
        match decide(policy, intent, &Standing::empty(now)) {
            Decision::Denied(reason) if verdict == Verdict::Approve => {
                return Err(ApprovingError::Denied { id, reason });
            }
            Decision::Denied(_) | Decision::Needs(_) => {}
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

/// What an approver reads of one intent: the one source of the terminal's and the page's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What is asked, with the amount.
    pub headline: String,
    /// Label and value of each fact; a label in capitals is a warning.
    pub facts: Vec<(&'static str, String)>,
}

/// What is signed over all intents together, in one line.
pub fn summary(
    candidates: &[Candidate],
    verdict: Verdict,
    policy: &Policy,
    expires: UnixTime,
) -> String {
    let verb = match verdict {
        Verdict::Approve => "Approve",
        Verdict::Reject => "Reject",
    };
    let count = match candidates.len() {
        1 => "1 withdrawal".to_owned(),
        several => format!("{several} withdrawals"),
    };
    let total = candidates
        .iter()
        .try_fold(Amount::ZERO, |sum, one| sum.checked_add(one.intent.amount));
    let total = total.map_or_else(|| "more than there can be".to_owned(), amount);
    let vault = &policy.name;
    format!("{verb} {count} of {vault}, together {total}; it counts until {expires}.")
}

/// An intent in the words that an approver reads in the terminal.
pub fn words(candidate: &Candidate, policy: &Policy) -> String {
    let told = tell(candidate, policy);
    let facts = told.facts.iter();
    let facts = facts.map(|(label, value)| format!("\n  {label:<9} {value}"));
    told.headline + &facts.collect::<String>()
}

/// What an approver reads of an intent.
pub fn tell(candidate: &Candidate, policy: &Policy) -> Told {
    let intent = &candidate.intent;
    let script = &intent.script_pubkey;
    let to = Address::from_script(script, policy.network)
        .map_or_else(|_| format!("script {script:x}"), |to| to.to_string());
    let mut facts = vec![
        ("to", to),
        ("asked by", format!("{} as {}", intent.requester, intent.id)),
        ("created", intent.created.to_string()),
        ("expires", intent.expires.to_string()),
    ];
    if intent.min != intent.amount {
        facts.push(("at least", amount(intent.min)));
    }
    if !intent.reference.is_empty() {
        facts.push(("reference", intent.reference.clone()));
    }
    if let Some(replaces) = &intent.replaces {
        facts.push(("REPLACES", format!("{replaces}: at most one is paid")));
    }
    if let Some(repeats) = &intent.repeats {
        facts.push(("REPEATS", format!("{repeats}: both may be paid")));
    }
    // Windows and open lists are the coordinator's and the signers' to count.
    facts.push(
        match decide(policy, intent, &Standing::empty(intent.created)) {
            Decision::Needs(needs) => {
                let group = needs.group.as_deref().unwrap_or("any approvers");
                (
                    "rule",
                    format!("{}: {} of {group}", needs.rule, needs.count),
                )
            }
            Decision::Denied(reason) => ("DENIED", reason.to_string()),
        },
    );
    let request = if candidate.request_verified {
        "signed by its requester, verified"
    } else {
        "the requester's signature is not in this file"
    };
    facts.push(("request", request.to_owned()));
    facts.push(("hash", candidate.hash.to_string()));
    Told {
        headline: format!("{} of {}", intent.kind, amount(intent.amount)),
        facts,
    }
}

fn amount(amount: Amount) -> String {
    let bitcoin = amount.display_in(bitcoin::Denomination::Bitcoin);
    format!("{bitcoin:.8} BTC ({} sat)", amount.to_sat())
}

impl Explained for ApprovingError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Intent(_) | Self::NoIntents => "BAD_INTENT",
            Self::Psbt(refusal) => refusal.code(),
            Self::OtherVault { .. } => "OTHER_VAULT",
            Self::Expired { .. } => "INTENT_EXPIRED",
            Self::NotRequested { .. } => "INTENT_NOT_SIGNED",
            Self::Denied { .. } => "DENIED",
            Self::NotAnApprover(_) | Self::UnknownKey(_) => "NOT_AN_APPROVER",
            Self::Passkey(_) => "PASSKEY_REFUSED",
            Self::Merkle(_) => "BAD_SET_OF_INTENTS",
            Self::NeverExpires => "NEVER_EXPIRES",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Psbt(refusal) => refusal.hint(),
            Self::NotRequested { .. } => "do not approve it: nobody who may ask has asked for it",
            Self::NotAnApprover(_) | Self::UnknownKey(_) => {
                "give --key NAME of a key that the policy names under [[approvers]]"
            }
            Self::Merkle(MerkleError::Duplicate) => "give every withdrawal once",
            Self::Intent(_)
            | Self::NoIntents
            | Self::OtherVault { .. }
            | Self::Expired { .. }
            | Self::Denied { .. }
            | Self::Passkey(_)
            | Self::Merkle(_)
            | Self::NeverExpires => return None,
        };
        Some(hint.to_owned())
    }
}
