//! Parts of a document that do not belong together.

use super::super::super::samples::{address, draft, quorum, rule};
use super::super::super::*;
use super::{drafted, mistakes, one};
use crate::descriptor::{ScriptKind, samples};

#[test]
fn a_genesis_hash_of_another_network_is_refused() {
    let mainnet = genesis_of(bitcoin::Network::Bitcoin).to_string();
    let text = drafted(|draft| draft.genesis = mainnet);
    assert_eq!(mistakes(&text), one("WRONG_GENESIS", "genesis"));
}

#[test]
fn keys_and_addresses_of_another_network_are_refused() {
    let text = drafted(|draft| {
        draft.network = "mainnet".to_owned();
        draft.genesis = genesis_of(bitcoin::Network::Bitcoin).to_string();
    });
    let found = mistakes(&text);
    assert!(found.contains(&("WRONG_NETWORK", "spending.descriptor".to_owned())));
    assert!(found.contains(&("WRONG_NETWORK", "lists[0].entries[0]".to_owned())));
    let text = drafted(|draft| {
        draft.recovery.to = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".to_owned();
        draft.signers[0].key = samples::named("alice", bitcoin::Network::Bitcoin)
            .key
            .to_string();
    });
    let found = mistakes(&text);
    assert!(found.contains(&("WRONG_NETWORK", "recovery.to".to_owned())));
    assert!(found.contains(&("WRONG_NETWORK", "signers[0].key".to_owned())));
}

#[test]
fn an_address_that_anybody_or_nobody_can_spend_is_refused() {
    let anchor = "bcrt1pfeesnyr2tx";
    let text = drafted(|draft| draft.recovery.to = anchor.to_owned());
    assert_eq!(mistakes(&text), one("SCRIPT_KIND", "recovery.to"));
    let text = drafted(|draft| draft.lists[0].entries[1] = anchor.to_owned());
    assert_eq!(mistakes(&text), one("SCRIPT_KIND", "lists[0].entries[1]"));
}

#[test]
fn a_signer_whose_key_stands_in_no_path_that_counts_is_refused() {
    let [a, b, c] = ["alice", "bob", "machine"].map(samples::ranged);
    // Alice spends alone, so that bob's signature is never needed.
    let text = samples::with_checksum(&format!("tr({a},{{and_v(v:pk({b}),pk({a})),pk({c})}})"));
    let text = drafted(|draft| {
        draft.spending.descriptor = text;
        draft.spending.policy = None;
        draft.spending.double_payment = Some("trust-coordinator".to_owned());
        draft.signers.truncate(3);
    });
    assert_eq!(mistakes(&text), one("SIGNER_IN_NO_PATH", "signers[1].key"));
}

#[test]
fn a_descriptor_that_is_not_sane_is_refused() {
    let (a, b) = (samples::ranged("alice"), samples::ranged("bob"));
    let hash = "00".repeat(32);
    let older = "older(4194305)";
    for (descriptor, code) in [
        (format!("wsh(multi(2,{a},{b}))"), "DESCRIPTOR_CHECKSUM"),
        ("wsh(".to_owned(), "DESCRIPTOR_CHECKSUM"),
        (
            samples::with_checksum(&format!("sh(wsh(multi(2,{a},{b})))")),
            "DESCRIPTOR_KIND",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),after(900000)))")),
            "NOT_YET",
        ),
        (
            samples::with_checksum(&format!("wsh(or_d(pk({a}),and_v(v:pk({b}),{older})))")),
            "NOT_YET",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),sha256({hash})))")),
            "DESCRIPTOR_HASH_LOCK",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),older(144)))")),
            "DESCRIPTOR_NO_ORDINARY_PATH",
        ),
        (
            samples::with_checksum(&format!("wpkh({})", a.replace("<0;1>", "0"))),
            "DESCRIPTOR_NOT_RANGED",
        ),
    ] {
        let text = drafted(|draft| draft.spending.descriptor.clone_from(&descriptor));
        assert_eq!(
            mistakes(&text),
            one(code, "spending.descriptor"),
            "{descriptor}"
        );
    }
    let mut wrong = draft(ScriptKind::Wsh).spending.descriptor;
    let last = wrong.pop();
    wrong.push(if last == Some('q') { 'p' } else { 'q' });
    let text = drafted(|draft| draft.spending.descriptor = wrong);
    assert_eq!(
        mistakes(&text),
        one("DESCRIPTOR_CHECKSUM", "spending.descriptor")
    );
}

fn other_vault(name: &str, id: &str, keys: [&str; 3]) -> OtherVaultDraft {
    let [a, b, c] = keys.map(samples::ranged);
    OtherVaultDraft {
        name: name.to_owned(),
        vault: id.repeat(32),
        descriptor: samples::with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        reach: None,
    }
}

#[test]
fn other_vaults_have_names_ids_and_keys_of_their_own() {
    let cold = || other_vault("cold", "c0", ["carol", "dora", "emil"]);
    let with = |vaults: Vec<OtherVaultDraft>| drafted(|draft| draft.vaults = vaults);
    let list = draft(ScriptKind::Wsh).lists[0].name.clone();
    assert!(Policy::parse(with(vec![cold()]).as_bytes()).is_ok());
    let mistaken = |vaults| mistakes(&with(vaults));
    assert_eq!(
        mistaken(vec![other_vault(&list, "c0", ["carol", "dora", "emil"])]),
        one("DUPLICATE", "vaults[0].name")
    );
    assert_eq!(
        mistaken(vec![
            cold(),
            other_vault("cold", "c1", ["fay", "gil", "hal"])
        ]),
        one("DUPLICATE", "vaults[1].name")
    );
    assert_eq!(
        mistaken(vec![
            cold(),
            other_vault("warm", "c0", ["fay", "gil", "hal"])
        ]),
        one("DUPLICATE", "vaults[1].vault")
    );
    assert_eq!(
        mistaken(vec![
            cold(),
            other_vault("warm", "c1", ["fay", "gil", "emil"])
        ]),
        one("DUPLICATE_KEY", "vaults[1].descriptor")
    );
    assert_eq!(
        mistaken(vec![other_vault("cold", "c0", ["carol", "dora", "alice"])]),
        one("DUPLICATE_KEY", "vaults[0].descriptor")
    );
    let unreachable = |reach| OtherVaultDraft {
        reach: Some(reach),
        ..cold()
    };
    for reach in [0, 100_001] {
        assert_eq!(
            mistaken(vec![unreachable(reach)]),
            one("OUT_OF_RANGE", "vaults[0].reach")
        );
    }
}

#[test]
fn signers_and_descriptor_name_the_same_keys() {
    let text = drafted(|draft| {
        draft.spending.policy = None;
        draft.signers[3].key = samples::named("stranger", bitcoin::Network::Regtest)
            .key
            .to_string();
    });
    assert_eq!(
        mistakes(&text),
        [
            ("SIGNER_IN_NO_PATH", "signers[3].key".to_owned()),
            ("KEY_WITHOUT_SIGNER", "spending.descriptor".to_owned())
        ]
    );
    let text = drafted(|draft| {
        draft.signers[0].key = draft.signers[0].key.replacen("48h", "49h", 1);
    });
    assert_eq!(
        mistakes(&text),
        one("KEY_ORIGIN_MISMATCH", "signers[0].key")
    );
    let text = drafted(|draft| {
        draft.signers[0].key = draft.signers[0].key.replacen("/48h", "", 1);
    });
    assert_eq!(mistakes(&text), one("INVALID", "signers[0].key"));
}

#[test]
fn a_key_used_twice_is_refused() {
    let twice = |change: fn(&mut PolicyDraft)| mistakes(&drafted(change));
    let found = twice(|draft| draft.signers[1].key = draft.signers[0].key.clone());
    assert!(found.contains(&("DUPLICATE_KEY", "signers[1].key".to_owned())));
    assert_eq!(
        twice(|draft| draft.signers[1].journal = draft.signers[0].journal.clone()),
        one("DUPLICATE_KEY", "signers[1].journal")
    );
    assert_eq!(
        twice(|draft| draft.approvers[1].keys = draft.requesters[0].keys.clone()),
        one("DUPLICATE_KEY", "approvers[1].keys[0].key")
    );
}

#[test]
fn a_name_used_twice_is_refused() {
    let twice = |change: fn(&mut PolicyDraft)| mistakes(&drafted(change));
    assert_eq!(
        twice(|draft| draft.approvers[1].name = "dana".to_owned()),
        one("DUPLICATE", "approvers[1].name")
    );
    assert_eq!(
        twice(|draft| draft.rules[1].name = draft.rules[0].name.clone()),
        one("DUPLICATE", "rules[1].name")
    );
    let again = drafted(|draft| draft.lists[0].entries.push(address(1).to_string()));
    assert_eq!(mistakes(&again), one("DUPLICATE", "lists[0].entries[2]"));
}

#[test]
fn a_policy_text_that_means_something_else_is_refused() {
    let with = |text: &str| drafted(|draft| draft.spending.policy = Some(text.to_owned()));
    let path = "spending.policy";
    let lower = samples::POLICY.replace("thresh(2", "thresh(1");
    assert_eq!(mistakes(&with(&lower)), one("POLICY_DIFFERS", path));
    let sooner = samples::POLICY.replace("12960", "12959");
    assert_eq!(mistakes(&with(&sooner)), one("POLICY_DIFFERS", path));
    assert_eq!(mistakes(&with("pk(nobody)")), one("BAD_POLICY", path));
    assert_eq!(mistakes(&with("pk(")), one("BAD_POLICY", path));
    let reordered = "or(1@and(older(12960),pk(vault-key)),9@or(and(pk(bob),pk(alice)),\
                     and(pk(machine),or(pk(alice),pk(bob)))))";
    assert!(Policy::parse(with(reordered).as_bytes()).is_ok());
}

#[test]
fn sets_of_signers_that_share_nobody_are_refused_unless_the_document_accepts_it() {
    let (a, b) = (samples::ranged("alice"), samples::ranged("bob"));
    let one_of_two = samples::with_checksum(&format!("wsh(sortedmulti(1,{a},{b}))"));
    let change = |draft: &mut PolicyDraft| {
        draft.spending.descriptor.clone_from(&one_of_two);
        draft.spending.policy = None;
        draft.signers.truncate(2);
    };
    assert_eq!(
        mistakes(&drafted(change)),
        one("DOUBLE_PAYMENT", "spending.descriptor")
    );
    let accepted = drafted(|draft| {
        change(draft);
        draft.spending.double_payment = Some("trust-coordinator".to_owned());
    });
    assert!(Policy::parse(accepted.as_bytes()).is_ok());
}

#[test]
fn a_rule_that_can_never_match_is_refused() {
    let shadowed = drafted(|draft| {
        draft.rules.push(RuleDraft {
            to: Some(vec!["counterparties".to_owned()]),
            amount_max_sat: Some(7),
            ..rule("late", quorum(Some("board"), 1))
        });
    });
    assert_eq!(mistakes(&shadowed), one("NEVER_MATCHES", "rules[3]"));
    let sweep = drafted(|draft| {
        draft.rules.insert(
            0,
            RuleDraft {
                kind: Some("sweep".to_owned()),
                ..rule("sweeps", quorum(None, 0))
            },
        );
    });
    assert_eq!(mistakes(&sweep), one("NEVER_MATCHES", "rules[0]"));
    // After an automatic rule, one that persons approve still serves repeated payments.
    let repeats = drafted(|draft| {
        let mut human = draft.rules[0].clone();
        human.name = "repeated payouts".to_owned();
        human.approvals = quorum(Some("ops"), 1);
        draft.rules.insert(1, human);
    });
    assert!(Policy::parse(repeats.as_bytes()).is_ok());
}

#[test]
fn what_nobody_approves_has_a_bound() {
    let altered = |max, windowed: bool| {
        let text = drafted(|draft| {
            draft.rules[0].amount_max_sat = max;
            draft.rules[0].window = windowed.then(|| WindowDraft {
                sat: 5_000_000,
                per: "24h".to_owned(),
            });
        });
        Policy::parse(text.as_bytes()).is_ok()
    };
    assert!(altered(Some(5_000_000), true));
    assert!(altered(Some(5_000_000), false));
    assert!(altered(None, true));
    let neither = drafted(|draft| {
        draft.rules[0].amount_max_sat = None;
        draft.rules[0].window = None;
    });
    assert_eq!(
        mistakes(&neither),
        one("AUTOMATIC_WITHOUT_BOUND", "rules[0]")
    );
}

#[test]
fn a_quorum_that_nobody_can_form_is_refused() {
    let count = drafted(|draft| draft.rules[2].approvals.count = 3);
    assert_eq!(
        mistakes(&count),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let group = drafted(|draft| draft.rules[2].approvals.group = Some("opps".to_owned()));
    let found = Policy::parse(group.as_bytes()).expect_err("mistakes");
    assert_eq!(found[0].path, "rules[2].approvals.group");
    assert_eq!(found[0].hint(), "did you mean ops?");
    let requester_is_member = drafted(|draft| {
        draft.requesters[0].person = Some("erin".to_owned());
    });
    assert_eq!(
        mistakes(&requester_is_member),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let same_person = drafted(|draft| draft.approvers[1].person = "dana".to_owned());
    assert_eq!(
        mistakes(&same_person),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let successors = drafted(|draft| {
        if let Some(change) = &mut draft.change {
            change.approvals = quorum(Some("board"), 3);
        }
    });
    assert_eq!(
        mistakes(&successors),
        one("TOO_FEW_PERSONS", "change.approvals.count")
    );
}
