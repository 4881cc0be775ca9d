//! A destination of an open list, from person to person and to a signer's journal.

use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash, hashes::Hash as _};
use policies::document::{ApprovalsDraft, ApproverDraft, ListDraft, OpenDraft, PinnedKeyDraft};
use policies::intent::SecretKey;
use policies::journal::Heard;
use policies::{Policy, ScriptKind, Statement};
use signer::failure::Explained;
use signer::listing::{
    Draft, NewEntry, SignedStatement, about_entry, add, check, entitled, read, sign, words,
};

use crate::treasury::{NOW, document, signer_home};

struct Club {
    policy: Policy,
    dana: SecretKey,
    erin: SecretKey,
    gina: SecretKey,
}

/// Two of the board add a partner; gina is an approver of another group.
fn club() -> Club {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let signers = ["alice", "bob", "machine", "vault-key"].map(|name| signer_home(&folder, name));
    let [dana, erin, gina, service] = [1, 2, 3, 4].map(|byte| SecretKey::from_bytes(&[byte; 32]));
    let mut draft = document(
        ScriptKind::Wsh,
        signers.into(),
        &dana.public(),
        &service.public(),
    );
    let approver = |name: &str, group: &str, key: &SecretKey| ApproverDraft {
        name: name.to_owned(),
        person: name.to_owned(),
        groups: vec![group.to_owned()],
        keys: vec![PinnedKeyDraft::own(&key.public())],
    };
    draft.approvers = vec![
        approver("dana", "board", &dana),
        approver("erin", "board", &erin),
        approver("gina", "ops", &gina),
    ];
    draft.lists = vec![ListDraft {
        name: "partners".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: ApprovalsDraft {
                group: Some("board".to_owned()),
                count: 2,
                page: None,
            },
            delay: "24h".to_owned(),
            test_first: None,
        }),
    }];
    draft.rules.retain(|rule| rule.name == "small");
    for rule in &mut draft.rules {
        rule.to = Some(vec!["partners".to_owned()]);
    }
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    Club {
        policy,
        dana,
        erin,
        gina,
    }
}

fn proposal(policy: &Policy, seed: u8) -> Draft {
    let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([seed; 20]));
    let address = Address::from_script(&script, Network::Regtest).expect("an address");
    let new = NewEntry {
        list: "partners".to_owned(),
        address: address.as_unchecked().clone(),
        label: "ACME".to_owned(),
        not_before: NOW,
        expires: NOW.saturating_add(1_000_000),
    };
    add(policy, new).expect("a statement")
}

fn written(signed: &SignedStatement) -> Vec<u8> {
    serde_json::to_vec(signed).expect("JSON")
}

#[test]
fn an_entry_counts_once_both_persons_read_and_signed_the_file() {
    let club = club();
    let draft = proposal(&club.policy, 7);
    check(&draft, &club.policy, NOW).expect("can have an effect");
    let first = sign(draft, &club.policy, &club.dana, NOW).expect("signs");
    let file = written(&first);
    assert!(
        entitled(&file, &club.policy, NOW)
            .expect("reads")
            .is_empty()
    );
    let draft = read(&file).expect("reads");
    let shown = words(&draft, &club.policy, NOW);
    assert!(shown.contains("2 of board; signed by dana"), "{shown}");
    assert!(
        shown.contains("ACME") && shown.contains("cools off 1d"),
        "{shown}"
    );
    let second = sign(draft, &club.policy, &club.erin, NOW).expect("signs");
    let counted = entitled(&written(&second), &club.policy, NOW).expect("reads");
    assert_eq!(counted.len(), 1);
}

#[test]
fn what_a_person_may_not_say_is_not_signed() {
    let club = club();
    let refused = |key: &SecretKey| {
        let draft = proposal(&club.policy, 7);
        let refused = sign(draft, &club.policy, key, NOW).expect_err("refuses");
        refused.code()
    };
    assert_eq!(refused(&club.gina), "NOT_ENTITLED");
    assert_eq!(refused(&SecretKey::from_bytes(&[9; 32])), "NOT_AN_APPROVER");
    let confirm = about_entry(proposal(&club.policy, 7), |entry| Statement::ListConfirm {
        entry,
    });
    let confirm = confirm.expect("about an entry");
    let refused = check(&confirm, &club.policy, NOW).expect_err("refuses");
    assert_eq!(refused.code(), "NOTHING_TO_CONFIRM");
}

#[test]
fn a_file_that_shows_another_entry_than_it_removes_is_refused() {
    let club = club();
    let removal = about_entry(proposal(&club.policy, 7), |entry| Statement::ListRemove {
        entry,
    });
    let removal = removal.expect("about an entry");
    let mut signed = sign(removal, &club.policy, &club.dana, NOW).expect("signs");
    read(&written(&signed)).expect("reads");
    let Statement::ListAdd(other) = proposal(&club.policy, 8).statement else {
        panic!("adds");
    };
    signed.about = String::from_utf8(Statement::ListAdd(other).encode()).expect("ASCII");
    let refused = read(&written(&signed)).expect_err("refuses");
    assert_eq!(refused.code(), "OTHER_ENTRY");
}

#[test]
fn a_list_of_statements_gives_additions_first_and_only_what_counts() {
    let club = club();
    let add = |seed| {
        let draft = proposal(&club.policy, seed);
        let first = sign(draft, &club.policy, &club.dana, NOW).expect("signs");
        let draft = read(&written(&first)).expect("reads");
        sign(draft, &club.policy, &club.erin, NOW).expect("signs")
    };
    let (kept, removed) = (add(7), add(8));
    let removal = about_entry(proposal(&club.policy, 8), |entry| Statement::ListRemove {
        entry,
    });
    let removal = sign(removal.expect("about"), &club.policy, &club.erin, NOW).expect("signs");
    let half = sign(proposal(&club.policy, 9), &club.policy, &club.dana, NOW).expect("signs");
    let all = serde_json::to_vec(&[removal, kept, half, removed]).expect("JSON");
    let counted = entitled(&all, &club.policy, NOW).expect("reads");
    let adds = |heard: &Heard| matches!(heard.statement, Statement::ListAdd(_));
    assert_eq!(
        counted.iter().map(adds).collect::<Vec<_>>(),
        [true, true, false]
    );
}
