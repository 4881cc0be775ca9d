//! Lies about intents: who asked, for which vault, when, and in which words.

use bitcoin::{Amount, Network};
use policies::intent::RequestSignature;
use policies::{Intent, IntentHash, Keyset, VaultId};

use super::super::attempt::{Asked, Case, build, carry, intent};
use super::super::vault::{Vault, secret, stranger};
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("intent unsigned", intent_unsigned),
    class("intent altered", intent_altered),
    class("request signature forged", request_signature_forged),
    class("intent signed by an approver", intent_signed_by_an_approver),
    class(
        "intent signed by another requester",
        intent_signed_by_another_requester,
    ),
    class("request of no intent", request_of_no_intent),
    class("intent expired", intent_expired),
    class("intent from the future", intent_from_the_future),
    class("intent from before the birth", intent_from_before_the_birth),
    class("intent of another vault", intent_of_another_vault),
    class("intent of another keyset", intent_of_another_keyset),
    class("intent of another network", intent_of_another_network),
    class("transfer of another network", transfer_of_another_network),
    class("intent carried for nothing", intent_carried_for_nothing),
    class("intent missing", intent_missing),
    class("intent written otherwise", intent_written_otherwise),
    class("intent that no rule allows", intent_that_no_rule_allows),
    class(
        "intent that replaces what is not there",
        replaced_intent_missing,
    ),
];

fn intent_unsigned(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let hash = case.hash(asked);
    let signatures = &mut case.attempt.manifest.request_signatures;
    signatures.retain(|(intent, _), _| *intent != hash);
    case.disapprove(asked);
    Some(Expected::Refused("REQUEST_UNSIGNED"))
}

/// Carries an intent in place of another, with the signatures that the other had.
fn put_in_place(case: &mut Case<'_>, asked: usize, other: &Intent) {
    let (old, new) = (case.hash(asked), other.hash());
    let manifest = &mut case.attempt.manifest;
    manifest.intents.remove(&old);
    manifest.intents.insert(new, other.encode());
    let signatures = std::mem::take(&mut manifest.request_signatures);
    manifest.request_signatures = signatures
        .into_iter()
        .map(|((hash, key), signature)| ((if hash == old { new } else { hash }, key), signature))
        .collect();
    for hash in manifest.payments.values_mut().filter(|hash| **hash == old) {
        *hash = new;
    }
}

fn intent_altered(case: &mut Case<'_>) -> Option<Expected> {
    // The last one is automatic or to the list; its output follows the altered intent.
    let asked = case.plan.asked.len() - 1;
    let mut altered = case.plan.asked[asked].intent.clone();
    if case.draw.coin() {
        altered.script_pubkey = stranger(99);
    } else {
        altered.amount += Amount::ONE_SAT;
        altered.min = altered.amount;
    }
    put_in_place(case, asked, &altered);
    let output = case.payment(asked);
    output.script_pubkey = altered.script_pubkey;
    output.value = altered.amount;
    Some(Expected::Refused("REQUEST_WRONG"))
}

fn request_signature_forged(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let (hash, vault) = (case.hash(asked), case.vault.policy.vault);
    let key = secret("exchange");
    let message = match case.draw.below(3) {
        0 => case.draw.bytes(),
        1 => RequestSignature::message(VaultId::from_bytes([7; 32]), hash),
        _ => RequestSignature::message(vault, IntentHash::from_bytes([7; 32])),
    };
    let forged = RequestSignature {
        key: key.public().id(),
        signature: key.sign(&message),
    };
    case.attempt.manifest.add_request_signature(hash, &forged);
    case.disapprove(asked);
    Some(Expected::Refused("REQUEST_WRONG"))
}

fn signed_by(case: &mut Case<'_>, who: &'static str) {
    let asked = case.any_asked();
    case.plan.asked[asked].by = who;
    case.rebuild();
    case.disapprove(asked);
}

fn intent_signed_by_an_approver(case: &mut Case<'_>) -> Option<Expected> {
    let who = *case.draw.one(&["dana", "erin", "frank", "nobody"]);
    signed_by(case, who);
    Some(Expected::Refused("REQUEST_FOREIGN"))
}

fn intent_signed_by_another_requester(case: &mut Case<'_>) -> Option<Expected> {
    signed_by(case, "desk");
    Some(Expected::Refused("REQUEST_FOREIGN"))
}

fn request_of_no_intent(case: &mut Case<'_>) -> Option<Expected> {
    let hash = IntentHash::from_bytes(case.draw.bytes());
    let request = RequestSignature::sign(&secret("exchange"), case.vault.policy.vault, hash);
    case.attempt.manifest.add_request_signature(hash, &request);
    Some(Expected::Refused("REQUEST_UNUSED"))
}

/// Alters one intent before everyone signs it; it was never approved so.
fn altered(case: &mut Case<'_>, alter: impl FnOnce(&mut Intent)) {
    let asked = case.any_asked();
    case.disapprove(asked);
    alter(&mut case.plan.asked[asked].intent);
    case.rebuild();
}

fn intent_expired(case: &mut Case<'_>) -> Option<Expected> {
    let late = *case.draw.one(&[0, 1, 600]);
    let now = case.now;
    altered(case, |intent| intent.expires = now.saturating_sub(late));
    Some(Expected::Refused("INTENT_EXPIRED"))
}

fn intent_from_the_future(case: &mut Case<'_>) -> Option<Expected> {
    let early = *case.draw.one(&[601, 602, 86_000]);
    let now = case.now;
    altered(case, |intent| {
        intent.created = now.saturating_add(early);
        intent.expires = now.saturating_add(200_000);
    });
    Some(Expected::Refused("INTENT_FROM_THE_FUTURE"))
}

fn intent_from_before_the_birth(case: &mut Case<'_>) -> Option<Expected> {
    // Born after the intents were made, or so shortly before that clocks may be the reason.
    let created = case.plan.asked[0].intent.created;
    let before = *case.draw.one(&[0, 600, 1_199]);
    case.birth = created.saturating_sub(before);
    case.forbid();
    Some(Expected::Refused("INTENT_BEFORE_BIRTH"))
}

fn intent_of_another_vault(case: &mut Case<'_>) -> Option<Expected> {
    let other = VaultId::from_bytes(case.draw.bytes());
    altered(case, |intent| intent.vault = other);
    Some(Expected::Refused("OTHER_VAULT"))
}

fn intent_of_another_keyset(case: &mut Case<'_>) -> Option<Expected> {
    let other = Keyset::from_bytes(case.draw.bytes());
    altered(case, |intent| intent.keyset = other);
    Some(Expected::Refused("OTHER_KEYSET"))
}

/// The vault of the same keys, people and coins on one of the other networks.
fn on_another_network(case: &mut Case<'_>) -> Option<Vault> {
    let networks = [Network::Bitcoin, Network::Testnet4, Network::Signet];
    let network = *case.draw.one(&networks);
    case.vault.on(network).ok()
}

/// One intent was asked for and approved on another network, where the same keys are another vault.
fn intent_of_another_network(case: &mut Case<'_>) -> Option<Expected> {
    let other = on_another_network(case)?;
    let alone = case.draw.coin();
    altered(case, |intent| {
        intent.vault = other.policy.vault;
        intent.keyset = other.policy.keyset;
    });
    if !alone {
        // Whoever asked says so as this vault's requester, too.
        let asked: Vec<Asked> = case.plan.asked.clone();
        for asked in asked {
            let hash = asked.intent.hash();
            let vault = case.vault.policy.vault;
            let request = RequestSignature::sign(&secret(asked.by), vault, hash);
            case.attempt.manifest.add_request_signature(hash, &request);
        }
    }
    Some(Expected::Refused("OTHER_VAULT"))
}

/// A whole transfer of the same keys and coins on another network: signed, it could be mined on this one.
fn transfer_of_another_network(case: &mut Case<'_>) -> Option<Expected> {
    let other = on_another_network(case)?;
    for asked in &mut case.plan.asked {
        asked.intent.vault = other.policy.vault;
        asked.intent.keyset = other.policy.keyset;
    }
    case.attempt = build(&other, &case.plan);
    case.forbid();
    Some(Expected::Refused("WRONG_POLICY"))
}

fn intent_carried_for_nothing(case: &mut Case<'_>) -> Option<Expected> {
    let more = Asked {
        intent: intent(case.vault, "w-more", stranger(80), 50_000),
        by: "exchange",
        approved_by: Vec::new(),
    };
    carry(&mut case.attempt.manifest, &more);
    Some(Expected::Refused("INTENT_UNUSED"))
}

fn intent_missing(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let hash = case.hash(asked);
    case.attempt.manifest.intents.remove(&hash);
    case.disapprove(asked);
    Some(Expected::Refused("INTENT_MISSING"))
}

fn intent_written_otherwise(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    let text = String::from_utf8(case.plan.asked[asked].intent.encode()).ok()?;
    let otherwise = match case.draw.below(4) {
        0 => text.replacen(',', ", ", 1),
        1 => format!("{text}\n"),
        2 => text.replacen("\"amount_sat\":", "\"amount_sat\":1e0,\"amount_sat\":", 1),
        _ => text.replacen('{', "{\"zebra\":0,", 1),
    };
    let hash = Intent::hash_bytes(otherwise.as_bytes());
    let old = case.hash(asked);
    let vault = case.vault.policy.vault;
    let manifest = &mut case.attempt.manifest;
    manifest.intents.remove(&old);
    manifest.intents.insert(hash, otherwise.into_bytes());
    manifest
        .request_signatures
        .retain(|(intent, _), _| *intent != old);
    let request = RequestSignature::sign(&secret("exchange"), vault, hash);
    manifest.add_request_signature(hash, &request);
    for paid in manifest.payments.values_mut().filter(|paid| **paid == old) {
        *paid = hash;
    }
    case.disapprove(asked);
    Some(Expected::Refused("INTENT_UNREADABLE"))
}

fn intent_that_no_rule_allows(case: &mut Case<'_>) -> Option<Expected> {
    // Above the last rule's bound by a satoshi; the first coin's worth of it is always there.
    case.plan.asked.truncate(1);
    case.plan.asked[0].intent.amount = Amount::from_sat(100_000_001);
    case.plan.asked[0].intent.min = Amount::from_sat(100_000_001);
    case.rebuild();
    Some(Expected::Refused("DENIED"))
}

fn replaced_intent_missing(case: &mut Case<'_>) -> Option<Expected> {
    let asked = case.any_asked();
    case.disapprove(asked);
    case.plan.asked[asked].intent.replaces = Some("w-0".parse().expect("an id"));
    case.rebuild();
    Some(Expected::Refused("REPLACED_INTENT_MISSING"))
}
