//! The approver's part: reads intents, puts them in words, and signs one root over all of them.

use crate::failure::{Class, Explained};
use crate::requesting::SignedRequest;
use bitcoin::hex::DisplayHex;
use bitcoin::{Address, Amount};
use policies::hash::Purpose;
use policies::intent::{IntentError, MerkleError, MerkleTree, SecretKey};
use policies::psbt::{PsbtRefusal, read_strict};
use policies::rules::{Decision, decide};
use policies::{
    Approval, Intent, IntentHash, KeyId, MerkleRoot, Policy, PublicKey, RequestSignature,
    Signature, UnixTime,
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
                signature: *signature,
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
        match decide(policy, intent) {
            Decision::Denied(reason) if verdict == Verdict::Approve => {
                return Err(ApprovingError::Denied { id, reason });
            }
            Decision::Denied(_) | Decision::Needs(_) => {}
        }
    }
    Ok(())
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
    let public = key.public();
    policy
        .approver_of_key(public.id())
        .ok_or(ApprovingError::NotAnApprover(public))?;
    let subjects: Vec<[u8; 32]> = candidates
        .iter()
        .map(|candidate| candidate.hash.to_bytes())
        .collect();
    let tree = MerkleTree::new(&subjects)?;
    let (root, vault) = (tree.root(), policy.vault);
    let approval = match verdict {
        Verdict::Approve => Approval::approve(key, vault, root, expires),
        Verdict::Reject => Approval::reject(key, vault, root, expires),
    };
    let intents = candidates.iter().filter_map(|candidate| {
        let proof = tree.proof(candidate.hash.as_bytes())?;
        Some(ProvenIntent {
            intent: candidate.hash,
            proof: proof.encode().to_lower_hex_string(),
        })
    });
    Ok(SignedApproval {
        purpose: verdict.purpose().to_string(),
        root,
        expires,
        key: approval.key,
        signature: approval.signature,
        intents: intents.collect(),
    })
}

/// An intent in the words that an approver reads.
pub fn words(candidate: &Candidate, policy: &Policy) -> String {
    let intent = &candidate.intent;
    let script = &intent.script_pubkey;
    let to = Address::from_script(script, policy.network)
        .map_or_else(|_| format!("script {script:x}"), |to| to.to_string());
    let mut lines = vec![
        format!("{} of {}", intent.kind, amount(intent.amount)),
        format!("  to        {to}"),
        format!("  asked by  {} as {}", intent.requester, intent.id),
        format!("  created   {}", intent.created),
        format!("  expires   {}", intent.expires),
    ];
    if intent.min != intent.amount {
        lines.push(format!("  at least  {}", amount(intent.min)));
    }
    if !intent.reference.is_empty() {
        lines.push(format!("  reference {}", intent.reference));
    }
    if let Some(replaces) = &intent.replaces {
        lines.push(format!("  REPLACES  {replaces}: at most one is paid"));
    }
    if let Some(repeats) = &intent.repeats {
        lines.push(format!("  REPEATS   {repeats}: both may be paid"));
    }
    lines.push(match decide(policy, intent) {
        Decision::Needs(needs) => {
            let group = needs.group.as_deref().unwrap_or("any approvers");
            format!("  rule      {}: {} of {group}", needs.rule, needs.count)
        }
        Decision::Denied(reason) => format!("  DENIED    {reason}"),
    });
    let request = if candidate.request_verified {
        "signed by its requester, verified"
    } else {
        "the requester's signature is not in this file"
    };
    lines.push(format!("  request   {request}"));
    lines.push(format!("  hash      {}", candidate.hash));
    lines.join("\n")
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
            Self::NotAnApprover(_) => "NOT_AN_APPROVER",
            Self::Merkle(_) => "BAD_SET_OF_INTENTS",
            Self::NeverExpires => "NEVER_EXPIRES",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Psbt(refusal) => refusal.hint(),
            Self::NotRequested { .. } => "do not approve it: nobody who may ask has asked for it",
            Self::NotAnApprover(_) => {
                "give --key NAME of a key that the policy names under [[approvers]]"
            }
            Self::Merkle(MerkleError::Duplicate) => "give every withdrawal once",
            Self::Intent(_)
            | Self::NoIntents
            | Self::OtherVault { .. }
            | Self::Expired { .. }
            | Self::Denied { .. }
            | Self::Merkle(_)
            | Self::NeverExpires => return None,
        };
        Some(hint.to_owned())
    }
}
