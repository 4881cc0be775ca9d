//! What rules promise.

use bitcoin::{Amount, ScriptBuf};

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::{HEAD_TIME, address, draft, policy, public_key, quorum, rule};
use crate::document::{PinnedKeyDraft, Policy, Tool, WindowDraft};
use crate::intent::RelyingParty;
use crate::{Intent, IntentKind, KeyId, PublicKey};

fn intent(policy: &Policy, kind: IntentKind, to: ScriptBuf, sat: u64) -> Intent {
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind,
        script_pubkey: to,
        amount: Amount::from_sat(sat),
        min: Amount::from_sat(sat),
        created: HEAD_TIME,
        expires: HEAD_TIME.saturating_add(3_600),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

/// Decides with nothing granted before.
fn decided(policy: &Policy, intent: &Intent) -> Decision {
    let standing = Standing {
        windows: &Windows::none(),
        lists: &OpenLists::none(),
        now: HEAD_TIME,
    };
    decide(policy, intent, &standing)
}

fn payment(policy: &Policy, seed: u8, sat: u64) -> Intent {
    intent(
        policy,
        IntentKind::Payment,
        address(seed).script_pubkey(),
        sat,
    )
}

fn needs(decision: Decision) -> (String, Option<String>, u32) {
    match decision {
        Decision::Needs(requirement) => (requirement.rule, requirement.group, requirement.count),
        Decision::Denied(reason) => panic!("denied: {reason}"),
    }
}

fn keys(names: &[&str]) -> Vec<KeyId> {
    names.iter().map(|name| public_key(name).id()).collect()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy(ScriptKind::Wsh);
    let ops = Some("ops".to_owned());
    let small = decided(&policy, &payment(&policy, 1, 5_000_000));
    assert_eq!(needs(small), ("small customer payouts".to_owned(), None, 0));
    let listed = decided(&policy, &payment(&policy, 1, 5_000_001));
    assert_eq!(needs(listed), ("counterparties".to_owned(), ops.clone(), 1));
    let other = decided(&policy, &payment(&policy, 9, 5_000_001));
    assert_eq!(needs(other), ("the rest".to_owned(), ops, 2));
}

#[test]
fn nothing_matching_denies_with_the_reason_of_every_rule() {
    let policy = policy(ScriptKind::Wsh);
    let Decision::Denied(reason) = decided(&policy, &payment(&policy, 9, 1_000_000_001)) else {
        panic!("needs approvals");
    };
    assert_eq!(reason.code(), "NO_MATCHING_RULE");
    let DenyReason::NoMatchingRule { missed } = &reason else {
        panic!("another reason");
    };
    let misses: Vec<Miss> = missed.iter().map(|missed| missed.miss).collect();
    assert_eq!(
        misses,
        [
            Miss::Amount {
                max: Amount::from_sat(5_000_000)
            },
            Miss::Destination,
            Miss::Amount {
                max: Amount::from_sat(1_000_000_000)
            },
        ]
    );
    assert!(
        reason
            .to_string()
            .contains("\"counterparties\" (destination on none of its lists)")
    );
}

#[test]
fn an_unknown_requester_is_denied() {
    let policy = policy(ScriptKind::Wsh);
    let mut intent = payment(&policy, 1, 1_000);
    intent.requester = "stranger".parse().expect("a name");
    assert_eq!(
        decided(&policy, &intent),
        Decision::Denied(DenyReason::UnknownRequester {
            requester: "stranger".to_owned()
        })
    );
}

#[test]
fn a_rule_of_another_requester_does_not_match() {
    let mut draft = draft(ScriptKind::Wsh);
    let mut other = draft.requesters[0].clone();
    other.name = "payroll".to_owned();
    other.keys = vec![PinnedKeyDraft::own(&public_key("payroll"))];
    draft.requesters.push(other);
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let mut intent = payment(&policy, 9, 1_000);
    intent.requester = "payroll".parse().expect("a name");
    assert_eq!(needs(decided(&policy, &intent)).0, "the rest");
}

#[test]
fn sweeps_and_repeated_payments_are_never_approved_automatically() {
    let mut draft = draft(ScriptKind::Wsh);
    let mut everything = rule("everything", quorum(None, 0));
    everything.amount_max_sat = Some(100_000_000);
    draft.rules.insert(0, everything);
    draft.rules.truncate(1);
    let automatic = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let script = address(9).script_pubkey();
    let sweep = intent(&automatic, IntentKind::Sweep, script, 1_000);
    let mut repeat = payment(&automatic, 9, 1_000);
    repeat.repeats = Some("w-0".parse().expect("an id"));
    for intent in [sweep, repeat] {
        assert_eq!(
            decided(&automatic, &intent),
            Decision::Denied(DenyReason::NoMatchingRule {
                missed: vec![Missed {
                    rule: "everything".to_owned(),
                    miss: Miss::NeverAutomatic
                }]
            })
        );
    }
    let policy = policy(ScriptKind::Wsh);
    let mut repeat = payment(&policy, 9, 1_000);
    repeat.repeats = Some("w-0".parse().expect("an id"));
    assert_eq!(needs(decided(&policy, &repeat)).0, "the rest");
}

fn two_of_ops() -> Requirement {
    Requirement {
        rule: "the rest".to_owned(),
        group: Some("ops".to_owned()),
        count: 2,
        page: 0,
        entry: None,
    }
}

#[test]
fn persons_of_the_group_satisfy_a_requirement() {
    let policy = policy(ScriptKind::Wsh);
    let intent = payment(&policy, 9, 10_000_000);
    let two = two_of_ops();
    assert_eq!(
        satisfied(&policy, &two, &intent, &keys(&["dana", "erin"])),
        Ok(())
    );
    let anyone = Requirement {
        group: None,
        ..two.clone()
    };
    assert_eq!(
        satisfied(&policy, &anyone, &intent, &keys(&["frank", "erin"])),
        Ok(())
    );
    let automatic = Requirement { count: 0, ..two };
    assert!(automatic.is_automatic());
    assert_eq!(satisfied(&policy, &automatic, &intent, &[]), Ok(()));
}

#[test]
fn a_person_s_key_in_the_coordinators_page_counts_for_no_quorum() {
    let es256 = "webauthn-es256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let id = es256.parse::<PublicKey>().expect("a key").id();
    for (tool, domain, counts) in [
        (Tool::Own, "http://localhost:7543", true),
        (Tool::Page, "https://treasury.example", false),
    ] {
        let rp_id = if counts {
            "localhost"
        } else {
            "treasury.example"
        };
        let used = RelyingParty {
            rp_id: rp_id.to_owned(),
            origins: vec![domain.to_owned()],
            synced: false,
        };
        let mut document = draft(ScriptKind::Wsh);
        let key = PinnedKeyDraft::passkey(&es256, tool, &used);
        document.approvers[1].keys.push(key);
        let policy = Policy::parse(document.to_toml().as_bytes()).expect("a policy");
        let intent = payment(&policy, 9, 10_000_000);
        let approving = [&keys(&["dana"])[..], &[id]].concat();
        let satisfied = satisfied(&policy, &two_of_ops(), &intent, &approving);
        assert_eq!(satisfied.is_ok(), counts, "{tool:?}");
    }
}

#[test]
fn keys_out_of_the_group_unknown_or_repeated_do_not_count() {
    let policy = policy(ScriptKind::Wsh);
    let intent = payment(&policy, 9, 10_000_000);
    for approving in [
        vec![],
        keys(&["dana"]),
        keys(&["dana", "dana"]),
        keys(&["dana", "frank"]),
        keys(&["dana", "stranger"]),
        keys(&["dana", "exchange"]),
    ] {
        let shortfall =
            satisfied(&policy, &two_of_ops(), &intent, &approving).expect_err("too few persons");
        assert!(shortfall.approved.len() <= 1);
        assert_eq!(shortfall.needed, 2);
        assert!(shortfall.to_string().contains("needs 2 persons of ops"));
    }
}

#[test]
fn two_entries_of_one_person_count_once() {
    let mut draft = draft(ScriptKind::Wsh);
    let mut second = draft.approvers[0].clone();
    second.name = "dana-again".to_owned();
    second.keys = vec![PinnedKeyDraft::own(&public_key("dana-again"))];
    draft.approvers.push(second);
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let intent = payment(&policy, 9, 10_000_000);
    let shortfall = satisfied(
        &policy,
        &two_of_ops(),
        &intent,
        &keys(&["dana", "dana-again"]),
    )
    .expect_err("one person");
    assert_eq!(shortfall.approved, ["dana"]);
}

#[test]
fn the_requesters_own_person_never_counts() {
    let mut draft = draft(ScriptKind::Wsh);
    draft.requesters[0].person = Some("dana".to_owned());
    draft.rules[2].approvals.count = 1;
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let intent = payment(&policy, 9, 10_000_000);
    let one = Requirement {
        count: 1,
        ..two_of_ops()
    };
    assert!(satisfied(&policy, &one, &intent, &keys(&["dana"])).is_err());
    assert_eq!(satisfied(&policy, &one, &intent, &keys(&["erin"])), Ok(()));
}

#[test]
fn an_exhausted_window_lets_the_next_rule_decide_and_ages() {
    let mut draft = draft(ScriptKind::Wsh);
    draft.rules[0].window = Some(WindowDraft {
        sat: 7_000_000,
        per: "24h".to_owned(),
    });
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let (first, mut second) = (
        payment(&policy, 9, 4_000_000),
        payment(&policy, 9, 3_000_001),
    );
    second.id = "w-2".parse().expect("an id");
    let mut windows = Windows::none();
    let lists = OpenLists::none();
    let at = |windows: &Windows, intent: &Intent, now| {
        let standing = Standing {
            windows,
            lists: &lists,
            now,
        };
        needs(decide(&policy, intent, &standing)).0
    };
    let small = "small customer payouts";
    assert_eq!(at(&windows, &first, HEAD_TIME), small);
    windows.count(small, first.hash(), first.amount, HEAD_TIME);
    assert_eq!(at(&windows, &second, HEAD_TIME), "the rest");
    // What was counted before is not counted twice.
    assert_eq!(at(&windows, &first, HEAD_TIME), small);
    second.amount = Amount::from_sat(3_000_000);
    assert_eq!(at(&windows, &second, HEAD_TIME), small);
    second.amount = Amount::from_sat(3_000_001);
    let day = HEAD_TIME.saturating_add(86_400);
    assert_eq!(at(&windows, &second, day.saturating_sub(1)), "the rest");
    assert_eq!(at(&windows, &second, day), small);
}

#[test]
fn an_exhausted_window_says_what_is_left() {
    let mut draft = draft(ScriptKind::Wsh);
    draft.rules.truncate(1);
    draft.rules[0].window = Some(WindowDraft {
        sat: 1_000,
        per: "1h".to_owned(),
    });
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let Decision::Denied(DenyReason::NoMatchingRule { missed }) =
        decided(&policy, &payment(&policy, 9, 1_001))
    else {
        panic!("the window is too small");
    };
    let left = Amount::from_sat(1_000);
    assert_eq!(missed[0].miss, Miss::Window { left, per: 3_600 });
}
