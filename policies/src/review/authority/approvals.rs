//! Approvals: every signature of an approver is verified, and is about something in this file.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::Policy;
use crate::hash::{Purpose, transaction_subject};
use crate::ids::{IntentHash, KeyId, Subject};
use crate::intent::{Approval, Statement};
use crate::planted::{Bug, planted};
use crate::psbt::{Manifest, StrictPsbt};
use crate::review::Refusal;
use crate::review::refusal::ApprovalRefusal;
use crate::rules::{WrongStop, signed_stop};
use crate::time::UnixTime;

/// Whose verified signatures stand under what.
#[derive(Debug, Default)]
pub(super) struct Signed {
    /// The keys that approve each paid intent.
    pub(super) intents: BTreeMap<IntentHash, Vec<KeyId>>,
    /// The keys that signed each statement.
    pub(super) statements: BTreeMap<Subject, Vec<KeyId>>,
    /// The keys that approve this transaction as maintenance.
    pub(super) maintenance: Vec<KeyId>,
}

/// What a subject is, as far as this file says.
enum About<'a> {
    Intents(&'a [IntentHash]),
    Statement(Purpose),
    Transaction,
}

/// Verifies every approval. `granted` says that the transaction needs no new approvals, so that expired
/// ones do no harm.
pub(super) fn verify(
    psbt: &StrictPsbt,
    policy: &Policy,
    granted: bool,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Signed {
    let manifest = psbt.manifest();
    let covered = verify_proofs(manifest, refusals);
    let transaction = Subject::from_bytes(transaction_subject(psbt.txid()));
    let mut signed = Signed::default();
    for ((subject, key), approval) in &manifest.approvals {
        let subject = *subject;
        if let Some(Statement::Stop(_)) = manifest.statements.get(&subject) {
            // Any pinned key stops, a journal's as well; the stop itself is heard with the statements.
            refusals.extend(wrong_stop(policy, approval));
            continue;
        }
        let Some((approver, public)) = policy.approver_of_key(*key) else {
            refusals.push(Refusal::Approval(ApprovalRefusal::Foreign {
                subject,
                key: *key,
            }));
            continue;
        };
        let approver = approver.name.clone();
        if let Err(error) = approval.verify(public, policy.vault)
            && !planted(Bug::ApprovalSignature)
        {
            refusals.push(Refusal::Approval(ApprovalRefusal::Wrong {
                subject,
                approver,
                error,
            }));
            continue;
        }
        let about = if let Some(intents) = covered.get(&subject) {
            About::Intents(intents)
        } else if let Some(statement) = manifest.statements.get(&subject) {
            About::Statement(statement.purpose())
        } else if subject == transaction {
            About::Transaction
        } else {
            refusals.push(Refusal::Approval(ApprovalRefusal::Unused { subject }));
            continue;
        };
        let purpose = approval.purpose;
        // Whoever said no, or removed an entry, must say yes again: that never expires.
        let ends = !matches!(purpose, Purpose::Reject | Purpose::ListRemove);
        if ends && approval.has_expired(now) && !planted(Bug::ApprovalExpiry) {
            if !granted {
                refusals.push(Refusal::Approval(ApprovalRefusal::Expired {
                    subject,
                    approver,
                    expires: approval.expires,
                    now,
                }));
            }
            continue;
        }
        match about {
            About::Intents(intents) if purpose == Purpose::Approve => {
                for intent in intents {
                    signed.intents.entry(*intent).or_default().push(*key);
                }
            }
            About::Intents(_) if purpose == Purpose::Reject && planted(Bug::Rejection) => {}
            About::Intents(intents) if purpose == Purpose::Reject => {
                refusals.extend(intents.iter().map(|intent| Refusal::Rejected {
                    intent: *intent,
                    approver: approver.clone(),
                }));
            }
            About::Statement(expected) if purpose == expected => {
                signed.statements.entry(subject).or_default().push(*key);
            }
            About::Transaction if purpose == Purpose::Maintain => signed.maintenance.push(*key),
            About::Intents(_) | About::Statement(_) | About::Transaction => {
                refusals.push(Refusal::Approval(ApprovalRefusal::Purpose {
                    subject,
                    approver,
                    purpose,
                }));
            }
        }
    }
    signed
}

/// Why a signature on a stop counts for nothing.
fn wrong_stop(policy: &Policy, approval: &Approval) -> Option<Refusal> {
    let (subject, key) = (approval.subject, approval.key);
    let refusal = match signed_stop(policy, approval) {
        Ok(_) => return None,
        Err(WrongStop::Foreign) => ApprovalRefusal::Foreign { subject, key },
        Err(WrongStop::Purpose { name }) => ApprovalRefusal::Purpose {
            subject,
            approver: name,
            purpose: approval.purpose,
        },
        Err(WrongStop::Ends { name }) => ApprovalRefusal::StopEnds {
            subject,
            approver: name,
            expires: approval.expires,
        },
        Err(WrongStop::Signature { name, error }) => ApprovalRefusal::Wrong {
            subject,
            approver: name,
            error,
        },
    };
    Some(Refusal::Approval(refusal))
}

/// Verifies every Merkle proof and returns, for each root, the paid intents below it.
fn verify_proofs(
    manifest: &Manifest,
    refusals: &mut Vec<Refusal>,
) -> BTreeMap<Subject, Vec<IntentHash>> {
    let paid: BTreeSet<&IntentHash> = manifest.payments.values().collect();
    let mut covered: BTreeMap<Subject, Vec<IntentHash>> = BTreeMap::new();
    for ((root, intent), proof) in &manifest.proofs {
        let subject = Subject::from(*root);
        match proof.verify(intent.as_bytes(), *root) {
            Err(_) if planted(Bug::Proof) => covered.entry(subject).or_default().push(*intent),
            Err(error) => refusals.push(Refusal::Approval(ApprovalRefusal::ProofWrong {
                root: *root,
                intent: *intent,
                error,
            })),
            Ok(()) if paid.contains(intent) => covered.entry(subject).or_default().push(*intent),
            Ok(()) => refusals.push(Refusal::Approval(ApprovalRefusal::Unused { subject })),
        }
    }
    covered
}
