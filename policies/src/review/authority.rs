//! Authority: every payment was asked for by a pinned requester and approved as the pinned policy demands.
//!
//! Nothing in the manifest is believed: intents are read canonically and hashed again, every signature is
//! verified under a key of the pinned policy, persons are counted and not keys (money rule M12: what no
//! rule allows is denied).

#![deny(clippy::arithmetic_side_effects)]

mod approvals;
mod granting;
mod payments;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, Txid};

use super::{Refusal, ReviewedPayment, earlier, structure};
use crate::document::Policy;
use crate::ids::{IntentHash, KeyId};
use crate::intent::{Intent, RequestSignature};
use crate::journal::{Heard, History, SpendMode};
use crate::planted::{Bug, planted};
use crate::psbt::{Manifest, StrictPsbt};
use crate::time::UnixTime;

pub use statements::statements;

/// What the authority part found.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) payments: Vec<ReviewedPayment>,
    pub(super) replaced: Vec<Intent>,
    pub(super) paid: Option<Amount>,
    /// The earlier attempt that pays all of it already, fully signed.
    pub(super) granted_by: Option<Txid>,
    /// The entitled statements of the file.
    pub(super) statements: Vec<Heard>,
    /// The keys that approve this transaction as maintenance.
    pub(super) maintenance: Vec<KeyId>,
}

/// Examines intents, approvals, statements and rules.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    mode: SpendMode,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Authority {
    let manifest = psbt.manifest();
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
    let paid = payments::read(psbt, &intents, refusals);
    let shown = earlier::examine(psbt, mode, refusals);
    let granted_by = shown
        .iter()
        .find(|earlier| payments::are_paid_by(&paid, earlier))
        .map(|earlier| earlier.compute_txid());
    examine_head(manifest, policy, mode, granted_by.is_some(), now, refusals);
    let signed = approvals::verify(psbt, policy, granted_by.is_some(), now, refusals);
    let statements = statements::verified(manifest, policy, &signed, now, refusals);
    for payment in &paid {
        payments::examine(payment, psbt, policy, history, refusals);
        payments::examine_fresh(
            payment,
            policy,
            granted_by.is_some(),
            history,
            now,
            refusals,
        );
    }
    let grants = if granted_by.is_some() {
        vec![granting::Grant::default(); paid.len()]
    } else {
        let lists = statements::open_lists(manifest, policy, &signed, &statements, history);
        granting::decide_all(&paid, &signed, policy, lists, history, now, refusals)
    };
    let payments: Vec<ReviewedPayment> = paid
        .into_iter()
        .zip(grants)
        .map(|(payment, grant)| payments::reviewed(payment, grant, policy))
        .collect();
    let replaced = replaced_intents(&intents, &payments, refusals);
    for intent in replaced.iter().filter(|_| !planted(Bug::ReplacedBirth)) {
        payments::examine_created(intent.hash(), intent, policy, history, now, refusals);
    }
    let paid = structure::sum(
        payments.iter().map(|payment| payment.amount),
        "payments",
        refusals,
    );
    Authority {
        payments,
        replaced,
        paid,
        granted_by,
        statements,
        maintenance: signed.maintenance,
    }
}

/// Examines the version. Past its end it pays nobody anything new.
fn examine_head(
    manifest: &Manifest,
    policy: &Policy,
    mode: SpendMode,
    granted: bool,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    if !policy.goes_on_from(manifest.policy) && !planted(Bug::WrongPolicy) {
        refusals.push(Refusal::WrongPolicy {
            pinned: policy.id,
            found: manifest.policy,
        });
    }
    let over = now >= policy.valid_until && mode == SpendMode::Pay && !granted;
    if over && !planted(Bug::PolicyExpiry) {
        refusals.push(Refusal::PolicyExpired {
            until: policy.valid_until,
            now,
        });
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
    if intent.vault != policy.vault && !planted(Bug::OtherVault) {
        refusals.push(Refusal::OtherVault { intent: hash });
    }
    if intent.keyset != policy.keyset && !planted(Bug::OtherKeyset) {
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
            .filter(|(found, _)| found.name == requester || planted(Bug::RequesterName))
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
                    signature: signature.clone(),
                };
                match request.verify(public, policy.vault, hash) {
                    Ok(()) => signed = true,
                    Err(_) if planted(Bug::RequestSignature) => signed = true,
                    Err(error) => refusals.push(Refusal::RequestWrong {
                        intent: hash,
                        key: *key,
                        error,
                    }),
                }
            }
        }
    }
    if !signed && !planted(Bug::RequestMissing) {
        refusals.push(Refusal::RequestUnsigned {
            intent: hash,
            requester: requester.to_owned(),
        });
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
