//! What reports promise.

use super::layout::wrap;
use super::*;
use crate::descriptor::ScriptKind;
use crate::document::Policy;
use crate::document::samples::{draft, policy};

#[test]
fn a_policy_is_shown_in_eighty_columns_with_everything_that_counts() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let policy = policy(kind);
        let text = show(&policy);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let unwrapped: String = text.split_whitespace().collect();
        for expected in [
            policy.id.to_string(),
            policy.words().concat(),
            policy.descriptor.text().to_owned(),
            policy.signers[3].key.text.clone(),
            "vault-keyafter12960blocks".to_owned(),
            "deposits after 3 confirmations".replace(' ', ""),
            "payment requested by exchange up to 5,000,000 sat: automatic".replace(' ', ""),
            "to counterparties up to 5,000,000,000 sat: 1 of group ops".replace(' ', ""),
        ] {
            assert!(
                unwrapped.contains(&expected),
                "{expected} is not in\n{text}"
            );
        }
    }
}

#[test]
fn a_policy_is_json_with_its_analysis() {
    let policy = policy(ScriptKind::Wsh);
    let json = json(&policy);
    assert_eq!(json["id"], policy.id.to_string());
    assert_eq!(json["limits"]["feerate_max_sat_vb"], "200");
    assert_eq!(json["rules"][0]["approvals"]["count"], 0);
    assert_eq!(json["analysis"]["paths"][0]["ordinary"], true);
}

#[test]
fn mistakes_are_shown_with_code_line_and_hint() {
    let text = draft(ScriptKind::Wsh)
        .to_toml()
        .replace("version = 1", "version = 0");
    let found = Policy::parse(text.as_bytes()).expect_err("mistakes");
    let shown = mistakes(&found);
    assert!(
        shown.starts_with("OUT_OF_RANGE: line 4: version: "),
        "{shown}"
    );
    assert!(shown.contains("\n  Hint: choose a whole number"), "{shown}");
}

#[test]
fn long_words_break_inside_and_short_ones_at_spaces() {
    let long = wrap(&"x".repeat(200), "label ", "      ");
    assert!(long.lines().all(|line| line.len() <= 80));
    assert_eq!(long.matches('x').count(), 200);
    let short = wrap(&"word ".repeat(40), "", "  ");
    assert!(
        short
            .lines()
            .all(|line| line.len() <= 80 && line.ends_with("word"))
    );
    assert_eq!(wrap("", "first", "rest"), "first\n");
}
