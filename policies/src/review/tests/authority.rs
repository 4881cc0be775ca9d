//! Who asked, who approved, which rule: every way in which authority can be missing.

use bitcoin::{Amount, Network};

use super::super::world::{Asked, CHANGE_INDEX, NOW, World, key_of, secret, stranger, withdrawal};
use super::{paid, plan_refused, refused};
use crate::descriptor::{ScriptKind, VaultDescriptor, samples};
use crate::document::samples::{HEAD_TIME, address, quorum, rule};
use crate::document::{OtherVaultDraft, PinnedKeyDraft, RequesterDraft, RuleDraft};
use crate::hash::Purpose;
use crate::ids::{IntentHash, Keychain, Keyset, PolicyId, VaultId};
use crate::intent::{IntentKind, RequestSignature, Signature};
use crate::journal::History;
use crate::time::UnixTime;
use crate::words::review_text;

#[test]
fn an_attempt_of_another_policy_version_is_refused() {
    refused(&["WRONG_POLICY"], |attempt, _| {
        attempt.manifest.policy = PolicyId::from_bytes([9; 32]);
    });
}

#[test]
fn a_policy_past_its_end_signs_nothing() {
    for world in World::both() {
        let until = world.policy.valid_until;
        let mut plan = world.plan();
        for asked in &mut plan.asked {
            asked.intent.expires = until.saturating_add(1_000);
        }
        plan.approvals_expire = until.saturating_add(1_000);
        let attempt = world.build(&plan);
        let at = |now| world.refusals_at(&attempt, &History::none(), now);
        assert!(at(until.saturating_sub(1)).is_empty());
        assert_eq!(at(until), ["POLICY_EXPIRED"]);
    }
}

#[test]
fn an_intent_that_is_not_canonical_is_refused() {
    refused(&["INTENT_UNREADABLE"], |attempt, _| {
        let old = paid(attempt, 0);
        let mut bytes = attempt.manifest.intents.remove(&old).expect("carried");
        bytes.push(b' ');
        let hash = crate::Intent::hash_bytes(&bytes);
        attempt.manifest.intents.insert(hash, bytes);
        attempt.manifest.payments.insert(0, hash);
        attempt
            .manifest
            .request_signatures
            .remove(&(old, key_of("exchange")));
    });
}

#[test]
fn an_output_that_pays_an_intent_nobody_carries_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let hash = paid(&attempt, 0);
        attempt.manifest.intents.remove(&hash);
        let codes = world.refusals(&attempt);
        assert!(codes.contains(&"INTENT_MISSING"), "{codes:?}");
    }
}

#[test]
fn an_intent_that_is_carried_for_nothing_is_refused() {
    plan_refused(&["INTENT_UNUSED"], |plan, world| {
        plan.carried.push(Asked {
            intent: world.intent("w-9", stranger(99), 1_000_000),
            by: "exchange",
            approved_by: vec![],
        });
    });
}

#[test]
fn an_intent_paid_by_two_outputs_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let hash = paid(&attempt, 0);
        attempt.manifest.payments.insert(1, hash);
        let codes = world.refusals(&attempt);
        assert!(codes.contains(&"INTENT_TWICE"), "{codes:?}");
    }
}

#[test]
fn two_bodies_under_one_id_are_refused() {
    plan_refused(&["SECOND_BODY"], |plan, _| {
        plan.asked[1].intent.id = withdrawal("w-1");
    });
}

#[test]
fn an_intent_for_another_vault_or_keyset_is_refused() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked[0].intent.vault = VaultId::from_bytes([9; 32]);
        // The requester signed for that other vault.
        let codes = world.refusals(&world.build(&plan));
        assert_eq!(codes, ["OTHER_VAULT", "REQUEST_WRONG", "REQUEST_UNSIGNED"]);
    }
    plan_refused(&["OTHER_KEYSET"], |plan, _| {
        plan.asked[0].intent.keyset = Keyset::from_bytes([9; 32]);
    });
}

#[test]
fn an_intent_without_its_requesters_signature_is_refused() {
    refused(&["REQUEST_UNSIGNED"], |attempt, _| {
        let key = (paid(attempt, 0), key_of("exchange"));
        attempt.manifest.request_signatures.remove(&key);
    });
}

#[test]
fn a_request_signed_over_another_intent_is_refused() {
    refused(&["REQUEST_WRONG", "REQUEST_UNSIGNED"], |attempt, _| {
        let (first, second) = (paid(attempt, 0), paid(attempt, 1));
        let requests = &mut attempt.manifest.request_signatures;
        let wrong = requests[&(second, key_of("exchange"))].clone();
        requests.insert((first, key_of("exchange")), wrong);
    });
}

#[test]
fn a_signature_to_approve_is_no_request() {
    refused(&["REQUEST_WRONG", "REQUEST_UNSIGNED"], |attempt, world| {
        let hash = paid(attempt, 0);
        let message =
            crate::hash::signing_message(Purpose::Approve, world.policy.vault, hash.to_bytes(), 0);
        let signature: Signature = secret("exchange").sign(&message);
        let key = (hash, key_of("exchange"));
        attempt.manifest.request_signatures.insert(key, signature);
    });
}

#[test]
fn a_request_signed_by_someone_else_is_refused() {
    // A stranger, an approver, and nobody the policy knows.
    for by in ["mallory", "dana"] {
        plan_refused(&["REQUEST_FOREIGN", "REQUEST_UNSIGNED"], |plan, _| {
            plan.asked[0].by = by;
        });
    }
}

#[test]
fn one_requester_cannot_ask_in_the_name_of_another() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.requesters.push(RequesterDraft {
            name: "shop".to_owned(),
            person: None,
            keys: vec![PinnedKeyDraft::own(&secret("shop").public())],
        });
    });
    let mut plan = world.plan();
    plan.asked[0].by = "shop";
    assert_eq!(
        world.refusals(&world.build(&plan)),
        ["REQUEST_FOREIGN", "REQUEST_UNSIGNED"]
    );
}

#[test]
fn a_second_foreign_signature_beside_the_genuine_one_is_refused() {
    refused(&["REQUEST_FOREIGN"], |attempt, world| {
        let hash = paid(attempt, 0);
        let request = RequestSignature::sign(&secret("mallory"), world.policy.vault, hash);
        attempt.manifest.add_request_signature(hash, &request);
    });
}

#[test]
fn an_intent_ends_at_its_last_second() {
    for world in World::both() {
        let attempt = world.attempt();
        let expires = HEAD_TIME.saturating_add(86_400);
        let mut plan = world.plan();
        plan.approvals_expire = expires.saturating_add(10);
        let attempt_at = |now| world.refusals_at(&world.build(&plan), &History::none(), now);
        assert!(attempt_at(expires.saturating_sub(1)).is_empty());
        assert_eq!(attempt_at(expires), ["INTENT_EXPIRED"; 3]);
        assert!(world.refusals(&attempt).is_empty());
    }
}

#[test]
fn an_intent_from_the_future_is_refused() {
    // Ten minutes of clock skew are allowed.
    let skew = 600;
    for (created, codes) in [
        (NOW.saturating_add(skew), &[][..]),
        (NOW.saturating_add(skew + 1), &["INTENT_FROM_THE_FUTURE"]),
    ] {
        plan_refused(codes, |plan, _| plan.asked[0].intent.created = created);
    }
}

#[test]
fn an_intent_from_before_the_journals_birth_is_refused() {
    let created = HEAD_TIME.saturating_add(60);
    for world in World::both() {
        let attempt = world.attempt();
        let with = |birth| world.refusals_at(&attempt, &History::begin(birth), NOW);
        assert!(with(created.saturating_sub(1_200)).is_empty());
        assert_eq!(
            with(created.saturating_sub(1_199)),
            ["INTENT_BEFORE_BIRTH"; 3]
        );
        assert!(with(UnixTime::ZERO).is_empty());
    }
}

#[test]
fn a_payment_to_the_vaults_own_script_is_refused() {
    for keychain in Keychain::BOTH {
        for index in [0, 3, 1_000] {
            plan_refused(&["PAYS_OWN_SCRIPT"], |plan, world| {
                let own = world.policy.descriptor.script_pubkey(keychain, index);
                plan.asked[0].intent.script_pubkey = own;
            });
        }
    }
}

#[test]
fn a_payment_to_a_deposit_that_is_spent_here_is_to_the_vault_at_any_index() {
    plan_refused(&["PAYS_OWN_SCRIPT"], |plan, world| {
        plan.coins[0] = world.coin(Keychain::External, 5_000, 60_000_000);
        plan.asked[0].intent.script_pubkey = plan.coins[0].output().script_pubkey;
    });
}

#[test]
fn a_transfer_pays_the_vaults_own_script_and_nothing_else() {
    let transfers = |draft: &mut crate::document::PolicyDraft| {
        draft.rules.push(RuleDraft {
            kind: Some("transfer".to_owned()),
            ..rule("transfers", quorum(None, 0))
        });
        draft.rules.rotate_right(1);
    };
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let world = World::with(kind, transfers);
        let mut plan = world.plan();
        plan.asked[0].intent.kind = IntentKind::Transfer;
        assert_eq!(
            world.refusals(&world.build(&plan)),
            ["TRANSFER_TO_STRANGER"],
            "a transfer to a stranger would be a payment under the rule for transfers"
        );
        let own = world.policy.descriptor.script_pubkey(Keychain::External, 5);
        plan.asked[0].intent.script_pubkey = own;
        assert!(world.refusals(&world.build(&plan)).is_empty());
    }
}

/// A descriptor that shares no key with the treasury.
fn cold_descriptor() -> String {
    let [a, b, c] = ["carol", "dora", "emil"].map(samples::ranged);
    samples::with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))"))
}

/// A treasury with another vault, to which transfers go without approval.
fn with_a_cold_vault(kind: ScriptKind) -> World {
    World::with(kind, |draft| {
        draft.vaults.push(OtherVaultDraft {
            name: "cold".to_owned(),
            vault: "ab".repeat(32),
            descriptor: cold_descriptor(),
            reach: Some(20),
        });
        draft.rules.push(RuleDraft {
            kind: Some("transfer".to_owned()),
            to: Some(vec!["cold".to_owned()]),
            ..rule("to the cold vault", quorum(None, 0))
        });
        draft.rules.rotate_right(1);
    })
}

#[test]
fn a_transfer_pays_the_scripts_of_another_vault_within_its_reach() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let world = with_a_cold_vault(kind);
        let cold = VaultDescriptor::parse(&cold_descriptor(), Network::Regtest).expect("parses");
        let mut plan = world.plan();
        plan.asked[0].intent.kind = IntentKind::Transfer;
        for keychain in Keychain::BOTH {
            plan.asked[0].intent.script_pubkey = cold.script_pubkey(keychain, 19);
            let attempt = world.build(&plan);
            assert!(world.refusals(&attempt).is_empty());
            let words = review_text(&world.reviewed(&attempt), &world.policy);
            assert!(words.contains("TRANSFER to the vault cold"), "{words}");
        }
        let beyond = cold.script_pubkey(Keychain::External, 20);
        plan.asked[0].intent.script_pubkey = beyond;
        let refusals = world.refusals(&world.build(&plan));
        assert!(refusals.contains(&"TRANSFER_TO_STRANGER"), "{refusals:?}");
    }
}

#[test]
fn a_payment_to_another_vault_is_no_payment() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let world = with_a_cold_vault(kind);
        let cold = VaultDescriptor::parse(&cold_descriptor(), Network::Regtest).expect("parses");
        let mut plan = world.plan();
        plan.asked[0].intent.script_pubkey = cold.script_pubkey(Keychain::External, 3);
        assert_eq!(world.refusals(&world.build(&plan)), ["PAYS_OWN_SCRIPT"]);
    }
}

#[test]
fn a_rule_for_a_vault_allows_no_transfer_to_this_one() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let world = with_a_cold_vault(kind);
        let mut plan = world.plan();
        plan.asked[0].intent.kind = IntentKind::Transfer;
        let own = world.policy.descriptor.script_pubkey(Keychain::External, 5);
        plan.asked[0].intent.script_pubkey = own;
        // A rule that persons approve decides it, not the automatic one for the vault.
        assert_eq!(world.refusals(&world.build(&plan)), ["TOO_FEW_APPROVALS"]);
    }
}

#[test]
fn a_payment_that_no_rule_allows_is_denied() {
    plan_refused(&["DENIED"], |plan, world| {
        plan.coins[0] = world.coin(Keychain::External, 3, 2_040_000_001);
        plan.asked[1].intent.amount = Amount::from_sat(1_000_000_001);
        plan.asked[1].intent.min = Amount::from_sat(1_000_000_001);
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(1_035_990_000)));
    });
}

#[test]
fn a_request_signature_over_nothing_here_is_refused() {
    refused(&["REQUEST_UNUSED"], |attempt, world| {
        let hash = IntentHash::from_bytes([9; 32]);
        let request = RequestSignature::sign(&secret("exchange"), world.policy.vault, hash);
        attempt.manifest.add_request_signature(hash, &request);
    });
}

#[test]
fn a_replacement_carries_the_first_intent_of_its_line() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked[0].intent.replaces = Some(withdrawal("w-0"));
        assert_eq!(
            world.refusals(&world.build(&plan)),
            ["REPLACED_INTENT_MISSING"]
        );
        plan.carried.push(Asked {
            intent: world.intent("w-0", stranger(10), 4_000_000),
            by: "exchange",
            approved_by: vec![],
        });
        let review = world.reviewed(&world.build(&plan));
        assert_eq!(review.replaced, [plan.carried[0].intent.clone()]);
        // What is replaced may have been signed before the journal was born, and be paid still.
        let mut before = plan.clone();
        before.carried[0].intent.created = HEAD_TIME.saturating_add(10);
        let birth = HEAD_TIME.saturating_add(30).saturating_sub(1_200);
        assert_eq!(
            world.refusals_at(&world.build(&before), &History::begin(birth), NOW),
            ["INTENT_BEFORE_BIRTH"]
        );
        // What is replaced must have been asked for too.
        plan.carried[0].by = "mallory";
        assert_eq!(
            world.refusals(&world.build(&plan)),
            ["REQUEST_FOREIGN", "REQUEST_UNSIGNED"]
        );
    }
}

#[test]
fn a_line_is_named_by_its_first_intent_only() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked[0].intent.replaces = Some(withdrawal("w-0"));
        let mut second = world.intent("w-0", stranger(10), 4_000_000);
        second.replaces = Some(withdrawal("w-00"));
        plan.carried.push(Asked {
            intent: second,
            by: "exchange",
            approved_by: vec![],
        });
        assert_eq!(
            world.refusals(&world.build(&plan)),
            ["REPLACED_INTENT_MISSING"]
        );
    }
}

#[test]
fn a_repeated_payment_is_never_automatic() {
    // The rule for small payouts is passed over, and the rest needs two of ops.
    plan_refused(&["TOO_FEW_APPROVALS"], |plan, _| {
        plan.asked[0].intent.repeats = Some(withdrawal("w-0"));
    });
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked[0].intent.repeats = Some(withdrawal("w-0"));
        plan.asked[0].approved_by = vec!["dana", "erin"];
        let review = world.reviewed(&world.build(&plan));
        let warned = review
            .warnings
            .iter()
            .any(|warning| warning.contains("w-1") && warning.contains("both may be paid"));
        assert!(warned, "{:?}", review.warnings);
    }
}

#[test]
fn a_destination_off_the_list_needs_what_the_rest_needs() {
    plan_refused(&["TOO_FEW_APPROVALS"], |plan, _| {
        plan.asked[2].intent.script_pubkey = address(3).script_pubkey();
    });
}
