//! Pinning a policy: by the human's id only, with every own key in it, and a journal born right.

use crate::treasury::{NOW, Treasury, document, passphrase, signer_home};
use policies::descriptor::{NamedKey, compile};
use policies::document::{PolicyDraft, SignerKey, policy_id_from_text, words_of};
use policies::{Policy, PolicyId, ScriptKind, UnixTime};
use signer::countersign::Countersigner;
use signer::enrolment::enrol;
use signer::failure::Explained;
use signer::home::Home;
use signer::pin::{Pinned, Role};

fn unpinned() -> Treasury {
    Treasury::unpinned(ScriptKind::Wsh)
}

#[test]
fn a_policy_is_pinned_by_its_words_and_finds_the_home_s_part_in_it() {
    let treasury = unpinned();
    let policy = &treasury.policy;
    let typed = policy_id_from_text(&words_of(policy.id).join(" ")).expect("reads");
    let enrolled = enrol(&treasury.home("alice"), &policy.bytes, typed, NOW).expect("pins");
    assert_eq!(enrolled.pinned.roles(), [Role::Signer("alice".to_owned())]);
    assert_eq!(enrolled.birth, Some(UnixTime::ZERO));
    let dana = enrol(&treasury.home("dana"), &policy.bytes, typed, NOW).expect("pins");
    assert_eq!(dana.pinned.roles(), [Role::Approver("dana".to_owned())]);
    assert_eq!(dana.birth, None);
    let exchange = enrol(&treasury.home("exchange"), &policy.bytes, typed, NOW).expect("pins");
    assert_eq!(
        exchange.pinned.roles(),
        [Role::Requester("exchange".to_owned())]
    );
    let loaded = Pinned::load(&treasury.home("alice")).expect("loads");
    assert_eq!(loaded.policy(), policy);
}

#[test]
fn another_id_than_the_document_s_is_refused_and_nothing_is_pinned() {
    let treasury = unpinned();
    let home = treasury.home("alice");
    let wrong = PolicyId::from_bytes([1; 32]);
    let refused = enrol(&home, &treasury.policy.bytes, wrong, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "POLICY_ID_MISMATCH");
    assert_eq!(
        Pinned::load(&home).expect_err("nothing").code(),
        "NOT_PINNED"
    );
    assert!(!home.journal_file().exists());
}

/// Documents that a liar could hand out instead of the genuine one: each of its extended keys replaced in
/// turn, one signature fewer, and the same keys in another order.
fn substituted(treasury: &Treasury) -> Vec<(String, Policy)> {
    let record = |name: &str, of: &str| {
        let signer = treasury.policy.signer(name).expect("is named");
        policies::document::SignerDraft {
            name: name.to_owned(),
            person: name.to_owned(),
            device: None,
            key: if of == name {
                signer_home(&treasury.folder, &format!("stranger-for-{of}")).key
            } else {
                signer.key.text.clone()
            },
            journal: signer.journal.to_string(),
        }
    };
    let keys = (
        &treasury.policy.approvers[0].keys[0].key,
        &treasury.policy.requesters[0].keys[0].key,
    );
    let with = |of: &str, alter: &dyn Fn(&mut PolicyDraft)| {
        let signers = SIGNERS.map(|name| record(name, of)).to_vec();
        let mut draft = document(ScriptKind::Wsh, signers, keys.0, keys.1);
        alter(&mut draft);
        Policy::parse(draft.to_toml().as_bytes()).expect("is a policy")
    };
    let spending = |policy: &str, draft: &mut PolicyDraft| {
        let named: Vec<NamedKey> = draft
            .signers
            .iter()
            .map(|signer| NamedKey {
                name: signer.name.clone(),
                key: signer.key.parse::<SignerKey>().expect("a key").position(),
            })
            .collect();
        let compiled = compile(policy, ScriptKind::Wsh, &named).expect("compiles");
        draft.spending.descriptor = compiled;
    };
    let mut handed_out: Vec<(String, Policy)> = SIGNERS
        .map(|of| (format!("{of}'s key replaced"), with(of, &|_| {})))
        .into();
    let fewer = with("", &|draft| {
        spending(
            "or(99@thresh(1,pk(alice),pk(bob),pk(machine)),1@and(pk(vault-key),older(12960)))",
            draft,
        );
        draft.spending.double_payment = Some("trust-coordinator".to_owned());
    });
    handed_out.push(("one signature fewer".to_owned(), fewer));
    let order = with("", &|draft| {
        spending(
            "or(99@thresh(2,pk(machine),pk(bob),pk(alice)),1@and(pk(vault-key),older(12960)))",
            draft,
        );
    });
    assert_ne!(
        order.descriptor.text(),
        treasury.policy.descriptor.text(),
        "another order is another script"
    );
    handed_out.push(("another order".to_owned(), order));
    handed_out
}

const SIGNERS: [&str; 4] = ["alice", "bob", "machine", "vault-key"];

#[test]
fn a_document_with_an_extended_key_replaced_a_lower_threshold_or_another_order_is_not_the_pinned_one()
 {
    let treasury = unpinned();
    for (what, policy) in substituted(&treasury) {
        for name in SIGNERS.into_iter().chain(["dana", "exchange"]) {
            let home = treasury.home(name);
            let refused = enrol(&home, &policy.bytes, treasury.policy.id, NOW);
            let refused = refused.expect_err("refuses");
            assert_eq!(refused.code(), "POLICY_ID_MISMATCH", "{what}, {name}");
            let pinned = Pinned::load(&home).expect_err("nothing");
            assert_eq!(pinned.code(), "NOT_PINNED", "{what}, {name}");
            assert!(!home.journal_file().exists(), "{what}, {name}");
        }
    }
}

#[test]
fn a_signer_whose_extended_key_was_replaced_does_not_find_it_whatever_id_was_read_out() {
    let treasury = unpinned();
    for (of, (what, policy)) in SIGNERS.into_iter().zip(substituted(&treasury)) {
        for name in SIGNERS {
            let found = Pinned::of(&treasury.home(name), policy.clone());
            if name == of {
                let code = found.expect_err("the key is not there").code();
                assert_eq!(code, "KEY_NOT_IN_POLICY", "{what}");
                let refused = enrol(&treasury.home(name), &policy.bytes, policy.id, NOW);
                assert_eq!(refused.expect_err("refuses").code(), "KEY_NOT_IN_POLICY");
                assert!(!treasury.home(name).journal_file().exists());
            } else {
                let role = Role::Signer(name.to_owned());
                assert_eq!(found.expect("finds its own").roles(), [role]);
            }
        }
    }
}

#[test]
fn a_threshold_so_low_that_two_signers_share_nobody_is_a_mistake_of_the_document() {
    let treasury = unpinned();
    let mut found = substituted(&treasury).into_iter();
    let (_, fewer) = found
        .find(|(what, _)| what == "one signature fewer")
        .expect("made");
    let text = String::from_utf8(fewer.bytes).expect("is text");
    let silent = text.replace("double_payment = \"trust-coordinator\"\n", "");
    assert_ne!(silent, text);
    let home = treasury.home("alice");
    let refused = enrol(&home, silent.as_bytes(), treasury.policy.id, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "POLICY_MISTAKES");
    assert_eq!(refused.reasons()[0].code, "DOUBLE_PAYMENT");
}

#[test]
fn a_key_that_the_policy_does_not_name_is_refused_by_name() {
    let treasury = unpinned();
    let (bytes, id) = (&treasury.policy.bytes, treasury.policy.id);
    signer_home(&treasury.folder, "stranger");
    let refused = enrol(&treasury.home("stranger"), bytes, id, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "KEY_NOT_IN_POLICY");
    let empty = Home::at(treasury.folder.path().join("empty"));
    assert_eq!(
        enrol(&empty, bytes, id, NOW).expect_err("refuses").code(),
        "NO_KEY"
    );
}

#[test]
fn a_journal_that_the_policy_does_not_name_is_refused_by_name() {
    let treasury = unpinned();
    let mut signers = Vec::new();
    for name in ["alice", "bob", "machine", "vault-key"] {
        let record = treasury.policy.signer(name).expect("is named");
        let other = signer_home(&treasury.folder, &format!("other-{name}"));
        signers.push(policies::document::SignerDraft {
            name: name.to_owned(),
            person: name.to_owned(),
            device: None,
            key: record.key.text.clone(),
            journal: other.journal,
        });
    }
    let keys = (
        &treasury.policy.approvers[0].keys[0].key,
        &treasury.policy.requesters[0].keys[0].key,
    );
    let text = document(ScriptKind::Wsh, signers, keys.0, keys.1).to_toml();
    let policy = Policy::parse(text.as_bytes()).expect("is a policy");
    let home = treasury.home("alice");
    let refused = enrol(&home, &policy.bytes, policy.id, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "JOURNAL_NOT_IN_POLICY");
    assert!(!home.journal_file().exists());
}

#[test]
fn a_second_policy_is_refused_and_the_same_one_again_changes_nothing() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let home = treasury.home("alice");
    let journal = std::fs::read(home.journal_file()).expect("reads");
    let again = enrol(&home, &treasury.policy.bytes, treasury.policy.id, NOW).expect("is pinned");
    assert_eq!(again.birth, Some(UnixTime::ZERO));
    assert_eq!(std::fs::read(home.journal_file()).expect("reads"), journal);

    let renamed = String::from_utf8(treasury.policy.bytes.clone()).expect("is text");
    let renamed = renamed.replacen("name = \"treasury\"", "name = \"other\"", 1);
    let other = Policy::parse(renamed.as_bytes()).expect("is a policy");
    let refused = enrol(&home, &other.bytes, other.id, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "OTHER_POLICY_PINNED");
}

#[test]
fn a_journal_that_was_lost_is_born_again_now_and_never_at_zero() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let home = treasury.home("alice");
    std::fs::remove_file(home.journal_file()).expect("is lost");
    let Err(refused) = Countersigner::open(&home, &passphrase()) else {
        panic!("signs without its journal");
    };
    assert_eq!(refused.code(), "JOURNAL_MISSING");
    let reborn = enrol(&home, &treasury.policy.bytes, treasury.policy.id, NOW).expect("begins");
    assert_eq!(reborn.birth, Some(NOW));

    // What was requested before is not for the new journal.
    let issued = treasury
        .transfer(&[treasury.intent("w1", 1_000_000)], &[0])
        .serialize();
    let refused = treasury
        .countersigner("alice")
        .examine(&issued, NOW)
        .expect_err("refuses");
    assert_eq!(refused.code(), "INTENT_BEFORE_BIRTH");
}

#[test]
fn keys_from_a_backup_begin_a_journal_that_is_born_now() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let restored = Home::at(treasury.folder.path().join("restored"));
    std::fs::create_dir_all(restored.folder().join("keys")).expect("is made");
    for entry in std::fs::read_dir(treasury.home("alice").folder().join("keys")).expect("lists") {
        let key = entry.expect("reads").path();
        let name = key.file_name().expect("is a file");
        std::fs::copy(&key, restored.folder().join("keys").join(name)).expect("copies");
    }
    let reborn = enrol(&restored, &treasury.policy.bytes, treasury.policy.id, NOW);
    assert_eq!(reborn.expect("begins").birth, Some(NOW));
}

#[test]
fn an_altered_policy_file_is_noticed() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let home = treasury.home("alice");
    let text = String::from_utf8(treasury.policy.bytes.clone()).expect("is text");
    let altered = text.replacen("fee_max_sat = 500000", "fee_max_sat = 900000", 1);
    assert_ne!(altered, text);
    std::fs::write(home.policy_file(), altered).expect("writes");
    assert_eq!(
        Pinned::load(&home).expect_err("notices").code(),
        "POLICY_ALTERED"
    );
    // The true document brings it back.
    enrol(&home, &treasury.policy.bytes, treasury.policy.id, NOW).expect("pins again");
    Pinned::load(&home).expect("loads");
}

#[test]
fn two_processes_never_sign_with_one_journal() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let open = treasury.countersigner("alice");
    let Err(refused) = Countersigner::open(&treasury.home("alice"), &passphrase()) else {
        panic!("two at once");
    };
    assert_eq!(refused.code(), "JOURNAL_LOCKED");
    drop(open);
    treasury.countersigner("alice");
}
