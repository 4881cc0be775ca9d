//! Nothing that differs is left out, and what is called tightened or loosened is.

mod every_field;
mod limits;
mod people;
mod rules;

use super::*;
use crate::descriptor::{ScriptKind, samples};
use crate::document::samples::quorum;
use crate::document::{
    GoDraft, InclusionDraft, ListDraft, OpenDraft, OtherVaultDraft, PolicyDraft, StopDraft,
    TestFirstDraft, WindowDraft,
};
use crate::report::{difference, difference_json};
use crate::succession::samples::{first, next, next_draft, with_new_machine};

/// A second version in which every table of the format stands.
fn full_draft(previous: &Policy) -> PolicyDraft {
    let mut draft = next_draft(previous);
    // Proving it equal takes most of the time that parsing does; comparing it has a test of its own.
    draft.spending.policy = None;
    draft.lists.push(ListDraft {
        name: "exchanges".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: quorum(Some("board"), 2),
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 10_000,
                group: "ops".to_owned(),
            }),
        }),
    });
    draft.rules[0].window = Some(WindowDraft {
        sat: 100_000_000,
        per: "24h".to_owned(),
    });
    draft.rules[1].to = Some(vec!["counterparties".to_owned(), "exchanges".to_owned()]);
    draft.limits.inclusion = Some(InclusionDraft {
        bits: "207fffff".to_owned(),
        confirmations: 2,
    });
    draft.vaults = vec![
        other_vault("cold", "c0", ["carol", "dora", "emil"]),
        other_vault("warm", "c1", ["gerd", "hans", "ines"]),
    ];
    draft.stop = Some(StopDraft {
        release: quorum(Some("ops"), 2),
    });
    draft.go = Some(GoDraft {
        approvals: quorum(Some("ops"), 1),
        within: "12h".to_owned(),
    });
    draft
}

fn other_vault(name: &str, id: &str, keys: [&str; 3]) -> OtherVaultDraft {
    let [a, b, c] = keys.map(samples::ranged);
    OtherVaultDraft {
        name: name.to_owned(),
        vault: id.repeat(32),
        descriptor: samples::with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        reach: Some(500),
    }
}

fn parsed(draft: &PolicyDraft) -> Policy {
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

/// The changes that an alteration of the full version makes, as direction, about, before and after.
fn altered(alter: impl FnOnce(&mut PolicyDraft)) -> Vec<Change> {
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    let before = parsed(&draft);
    alter(&mut draft);
    let after = parsed(&draft);
    let changes = diff(&before, &after);
    for change in &changes {
        assert_ne!(change.before, change.after, "{change:?}");
    }
    let back = diff(&after, &before);
    assert_eq!(changes.len(), back.len(), "{changes:?} {back:?}");
    changes
}

fn only(alter: impl FnOnce(&mut PolicyDraft)) -> (Direction, String) {
    let changes = altered(alter);
    let [change] = changes.as_slice() else {
        panic!("not one change: {changes:?}");
    };
    (change.direction, change.about.clone())
}

#[test]
fn equal_documents_differ_in_nothing() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let policy = first(kind);
        assert_eq!(diff(&policy, &policy), []);
        assert!(difference(&policy, &policy).contains("Nothing differs."));
    }
}

#[test]
fn a_document_that_differs_in_comments_alone_is_said_to_mean_the_same() {
    let previous = first(ScriptKind::Wsh);
    let draft = full_draft(&previous);
    let before = parsed(&draft);
    let commented = format!("# why\n{}", draft.to_toml());
    let after = Policy::parse(commented.as_bytes()).expect("valid");
    let changes = diff(&before, &after);
    assert_eq!(changes.len(), 1);
    assert!(changes[0].about.contains("it means the same"));
}

#[test]
fn the_text_of_the_policy_is_compared() {
    let previous = first(ScriptKind::Wsh);
    let with = next(&previous, |_| {});
    let without = next(&previous, |draft| draft.spending.policy = None);
    let changes = diff(&with, &without);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].part, changes[0].about.as_str()),
        (Part::Keys, "policy")
    );
}

#[test]
fn the_other_vaults_are_compared_with_their_descriptors() {
    type Case = (fn(&mut PolicyDraft), &'static str);
    let cases: [Case; 5] = [
        (
            |draft| drop(draft.vaults.pop()),
            "vault warm, which transfers may pay",
        ),
        (
            |draft| draft.vaults[0].reach = Some(501),
            "vault cold, which transfers may pay, scripts of each keychain",
        ),
        (
            |draft| draft.vaults[0].vault = "c2".repeat(32),
            "vault cold, which transfers may pay, identity",
        ),
        (
            |draft| {
                let instead = other_vault("cold", "c0", ["carol", "dora", "gina"]);
                draft.vaults[0].descriptor = instead.descriptor;
            },
            "vault cold, which transfers may pay, descriptor",
        ),
        (|draft| draft.vaults.swap(0, 1), "order in other vaults"),
    ];
    for (alter, about) in cases {
        assert_eq!(only(alter), (Direction::Changed, about.to_owned()));
    }
}

#[test]
fn a_new_keyset_is_told_with_its_keys_in_eighty_columns_and_as_json() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let previous = first(kind);
        let next = with_new_machine(&previous, "zelda");
        let text = difference(&previous, &next);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        for expected in [
            "at each signer a human pins it",
            "signer machine, key: was",
            "signer machine, journal: was",
            "descriptor: was",
            "version: was 1; is 2",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        // The same names can spend: no path comes or goes.
        assert!(!text.contains("can spend"), "{text}");
        let json = difference_json(&previous, &next);
        assert_eq!(json["step"], "keyset");
        let changes = json["changes"].as_array().expect("changes");
        assert_eq!(changes.len(), diff(&previous, &next).len());
    }
}
