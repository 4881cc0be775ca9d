//! Authority: every payment was asked for by a pinned requester and approved as the pinned policy demands.
//!
//! Nothing in the manifest is believed: intents are read canonically and hashed again, every signature is
//! verified under a key of the pinned policy, persons are counted and not keys (money rule M12: what no
//! rule allows is denied).

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Address, AddressType, Amount, TxOut};

use super::{Refusal, ReviewedPayment, structure};
use crate::descriptor::OwnScripts;
use crate::document::Policy;
use crate::hash::Purpose;
use crate::ids::{IntentHash, KeyId, MerkleRoot};
use crate::intent::{Intent, IntentKind, RequestSignature};
use crate::journal::History;
use crate::psbt::{AttemptPurpose, Manifest, StrictPsbt};
use crate::rules::{Decision, approving_persons, decide, satisfied};
use crate::time::UnixTime;

/// The kinds of script that are paid.
const PAID_KINDS: [AddressType; 5] = [
    AddressType::P2pkh,
    AddressType::P2sh,
    AddressType::P2wpkh,
    AddressType::P2wsh,
    AddressType::P2tr,
];

/// What the authority part found.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) payments: Vec<ReviewedPayment>,
    pub(super) replaced: Vec<Intent>,
    pub(super) paid: Option<Amount>,
}

/// Examines intents, approvals and rules.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Authority {
    let manifest = psbt.manifest();
    examine_head(manifest, policy, now, refusals);
    let intents = read_intents(manifest, refusals);
    for (hash, intent) in &intents {
        examine_genuine(*hash, intent, manifest, policy, refusals);
    }
    for (intent, key) in manifest.request_signatures.keys() {
        if !manifest.intents.contains_key(intent) {
            refusals.push(Refusal::RequestUnused {
                intent: *intent,
                key: *key,
            });
        }
    }
    let approving = verify_approvals(manifest, policy, now, refusals);
    let mut payments = Vec::new();
    let mut paid_by: BTreeMap<IntentHash, u32> = BTreeMap::new();
    for (output, hash) in &manifest.payments {
        if let Some(first) = paid_by.insert(*hash, *output) {
            refusals.push(Refusal::IntentTwice {
                intent: *hash,
                first,
                second: *output,
            });
        }
        let Some(intent) = intents.get(hash) else {
            if !manifest.intents.contains_key(hash) {
                refusals.push(Refusal::IntentMissing {
                    output: *output,
                    intent: *hash,
                });
            }
            continue;
        };
        let position = usize::try_from(*output).unwrap_or(usize::MAX);
        // An output that does not exist was refused by the structure part.
        let Some(txout) = psbt.transaction().output.get(position) else {
            continue;
        };
        examine_output(*output, txout, *hash, intent, refusals);
        examine_fresh(*hash, intent, policy, history, now, refusals);
        examine_destination(*hash, intent, psbt, policy, history, refusals);
        let keys = approving.get(hash).cloned().unwrap_or_default();
        let (rule, approved_by) = examine_rules(*hash, intent, &keys, policy, refusals);
        payments.push(ReviewedPayment {
            output: *output,
            amount: txout.value,
            script_pubkey: txout.script_pubkey.clone(),
            address: Address::from_script(&txout.script_pubkey, policy.network).ok(),
            intent: intent.clone(),
            hash: *hash,
            rule,
            approved_by,
        });
    }
    let replaced = replaced_intents(&intents, &payments, refusals);
    let paid = structure::sum(
        payments.iter().map(|payment| payment.amount),
        "payments",
        refusals,
    );
    Authority {
        payments,
        replaced,
        paid,
    }
}

fn examine_head(manifest: &Manifest, policy: &Policy, now: UnixTime, refusals: &mut Vec<Refusal>) {
    if manifest.policy != policy.id {
        refusals.push(Refusal::WrongPolicy {
            pinned: policy.id,
            found: manifest.policy,
        });
    }
    if now >= policy.valid_until {
        refusals.push(Refusal::PolicyExpired {
            until: policy.valid_until,
            now,
        });
    }
    if manifest.purpose != AttemptPurpose::Pay {
        refusals.push(Refusal::PurposeNotYet {
            purpose: manifest.purpose,
        });
    }
    let records = [
        (manifest.statements.is_empty(), "statements"),
        (manifest.ancestors.is_empty(), "ancestors"),
        (
            manifest.earlier.is_empty() && manifest.earlier_outputs.is_empty(),
            "earlier attempts",
        ),
        (manifest.receipts.is_empty(), "receipts"),
    ];
    for (_, record) in records.into_iter().filter(|(absent, _)| !absent) {
        refusals.push(Refusal::RecordNotYet { record });
    }
}

fn read_intents(manifest: &Manifest, refusals: &mut Vec<Refusal>) -> BTreeMap<IntentHash, Intent> {
    let mut intents = BTreeMap::new();
    for (hash, bytes) in &manifest.intents {
        match Intent::decode(bytes) {
            Ok(intent) => {
                intents.insert(*hash, intent);
            }
            Err(error) => refusals.push(Refusal::IntentUnreadable {
                intent: *hash,
                error,
            }),
        }
    }
    intents
}

/// Examines that the intent is of this vault and signed by the requester that it names.
fn examine_genuine(
    hash: IntentHash,
    intent: &Intent,
    manifest: &Manifest,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) {
    if intent.vault != policy.vault {
        refusals.push(Refusal::OtherVault { intent: hash });
    }
    if intent.keyset != policy.keyset {
        refusals.push(Refusal::OtherKeyset { intent: hash });
    }
    let requester = intent.requester.as_str();
    let mut signed = false;
    let of_intent = manifest
        .request_signatures
        .iter()
        .filter(|((signed, _), _)| *signed == hash);
    for ((_, key), signature) in of_intent {
        match policy
            .requester_of_key(*key)
            .filter(|(found, _)| found.name == requester)
        {
            None => {
                refusals.push(Refusal::RequestForeign {
                    intent: hash,
                    key: *key,
                    requester: requester.to_owned(),
                });
            }
            Some((_, public)) => {
                let request = RequestSignature {
                    key: *key,
                    signature: *signature,
                };
                match request.verify(public, policy.vault, hash) {
                    Ok(()) => signed = true,
                    Err(error) => refusals.push(Refusal::RequestWrong {
                        intent: hash,
                        key: *key,
                        error,
                    }),
                }
            }
        }
    }
    if !signed {
        refusals.push(Refusal::RequestUnsigned {
            intent: hash,
            requester: requester.to_owned(),
        });
    }
}

/// Verifies every approval and returns, for each intent, the keys that approve it.
fn verify_approvals(
    manifest: &Manifest,
    policy: &Policy,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> BTreeMap<IntentHash, Vec<KeyId>> {
    let covered = verify_proofs(manifest, refusals);
    let mut approving: BTreeMap<IntentHash, Vec<KeyId>> = BTreeMap::new();
    for ((root, key), approval) in &manifest.approvals {
        let Some((approver, public)) = policy.approver_of_key(*key) else {
            refusals.push(Refusal::ApprovalForeign {
                root: *root,
                key: *key,
            });
            continue;
        };
        let approver = approver.name.clone();
        if let Err(error) = approval.verify(public, policy.vault) {
            refusals.push(Refusal::ApprovalWrong {
                root: *root,
                approver,
                error,
            });
            continue;
        }
        let Some(intents) = covered.get(root) else {
            refusals.push(Refusal::ApprovalUnused { root: *root });
            continue;
        };
        // A rejection never expires: whoever said no must say yes again.
        if approval.purpose == Purpose::Reject {
            refusals.extend(intents.iter().map(|intent| Refusal::Rejected {
                intent: *intent,
                approver: approver.clone(),
            }));
            continue;
        }
        if approval.has_expired(now) {
            refusals.push(Refusal::ApprovalExpired {
                root: *root,
                approver,
                expires: approval.expires,
                now,
            });
            continue;
        }
        for intent in intents {
            approving.entry(*intent).or_default().push(*key);
        }
    }
    approving
}

/// Verifies every Merkle proof and returns, for each root, the paid intents below it.
fn verify_proofs(
    manifest: &Manifest,
    refusals: &mut Vec<Refusal>,
) -> BTreeMap<MerkleRoot, Vec<IntentHash>> {
    let paid: BTreeSet<&IntentHash> = manifest.payments.values().collect();
    let mut covered: BTreeMap<MerkleRoot, Vec<IntentHash>> = BTreeMap::new();
    for ((root, intent), proof) in &manifest.proofs {
        match proof.verify(intent.as_bytes(), *root) {
            Err(error) => refusals.push(Refusal::ProofWrong {
                root: *root,
                intent: *intent,
                error,
            }),
            Ok(()) if paid.contains(intent) => covered.entry(*root).or_default().push(*intent),
            Ok(()) => refusals.push(Refusal::ApprovalUnused { root: *root }),
        }
    }
    covered
}

fn examine_output(
    output: u32,
    txout: &TxOut,
    hash: IntentHash,
    intent: &Intent,
    refusals: &mut Vec<Refusal>,
) {
    if intent.kind == IntentKind::Sweep {
        refusals.push(Refusal::SweepNotYet { intent: hash });
    }
    if txout.script_pubkey != intent.script_pubkey {
        refusals.push(Refusal::PaymentScript {
            output,
            intent: hash,
        });
    }
    if txout.value != intent.amount {
        refusals.push(Refusal::PaymentAmount {
            output,
            intent: hash,
            expected: intent.amount,
            found: txout.value,
        });
    }
}

fn examine_fresh(
    hash: IntentHash,
    intent: &Intent,
    policy: &Policy,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    if now >= intent.expires {
        refusals.push(Refusal::IntentExpired {
            intent: hash,
            expires: intent.expires,
            now,
        });
    }
    if let Err(refusal) = history.check_created(intent.created, now, policy.limits.clock_skew) {
        refusals.push(Refusal::IntentCreated {
            intent: hash,
            refusal,
        });
    }
}

/// Examines that only transfers pay the vault, and that transfers pay nobody else: a transfer to a
/// stranger would be a payment under the rules for transfers.
fn examine_destination(
    hash: IntentHash,
    intent: &Intent,
    psbt: &StrictPsbt,
    policy: &Policy,
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    let script = &intent.script_pubkey;
    // Deposits may lie beyond the index bound; where one is spent here, it is known all the same.
    let ours = OwnScripts::new(&policy.descriptor, history.index_bound()).contains(script)
        || psbt
            .previous_outputs()
            .iter()
            .any(|previous| previous.script_pubkey == *script);
    match (ours, intent.kind == IntentKind::Transfer) {
        (true, true) | (false, false) => {}
        (true, false) => refusals.push(Refusal::PaysOwnScript { intent: hash }),
        (false, true) => refusals.push(Refusal::TransferToStranger { intent: hash }),
    }
    let kind = Address::from_script(script, policy.network)
        .ok()
        .and_then(|address| address.address_type());
    if !kind.is_some_and(|kind| PAID_KINDS.contains(&kind)) {
        refusals.push(Refusal::ScriptKind { intent: hash });
    }
}

fn examine_rules(
    hash: IntentHash,
    intent: &Intent,
    approving: &[KeyId],
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> (String, Vec<String>) {
    match decide(policy, intent) {
        Decision::Denied(reason) => {
            refusals.push(Refusal::Denied {
                intent: hash,
                reason,
            });
            (String::new(), Vec::new())
        }
        Decision::Needs(requirement) => {
            if let Err(shortfall) = satisfied(policy, &requirement, intent, approving) {
                refusals.push(Refusal::TooFewApprovals {
                    intent: hash,
                    shortfall,
                });
            }
            let persons = approving_persons(policy, &requirement, intent, approving);
            (requirement.rule, persons)
        }
    }
}

/// Returns the intents carried because a paid one replaces them, and refuses what is carried for nothing.
fn replaced_intents(
    intents: &BTreeMap<IntentHash, Intent>,
    payments: &[ReviewedPayment],
    refusals: &mut Vec<Refusal>,
) -> Vec<Intent> {
    let mut replaced: BTreeMap<IntentHash, Intent> = BTreeMap::new();
    for payment in payments {
        let Some(id) = &payment.intent.replaces else {
            continue;
        };
        let first = intents
            .iter()
            .find(|(_, intent)| intent.requester == payment.intent.requester && intent.id == *id);
        if let Some((hash, intent)) = first {
            replaced.insert(*hash, intent.clone());
        }
        // A line is named by its first intent, which replaces nothing.
        if first.is_none_or(|(_, intent)| intent.replaces.is_some()) {
            refusals.push(Refusal::ReplacedIntentMissing {
                intent: payment.hash,
                replaces: id.to_string(),
            });
        }
    }
    let paid: BTreeSet<&IntentHash> = payments.iter().map(|payment| &payment.hash).collect();
    for hash in intents
        .keys()
        .filter(|hash| !paid.contains(hash) && !replaced.contains_key(hash))
    {
        refusals.push(Refusal::IntentUnused { intent: *hash });
    }
    replaced
        .into_iter()
        .filter(|(hash, _)| !paid.contains(hash))
        .map(|(_, intent)| intent)
        .collect()
}
