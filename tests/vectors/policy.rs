//! F6 and F8: example documents, their ids and words, what is said about them, and mistakes.

use std::collections::BTreeSet;

use policies::document::{Policy, policy_id_from_text};
use policies::{PolicyId, report};
use serde::Deserialize;
use serde_json::Value;

use crate::golden::{read, text};

#[derive(Deserialize)]
struct Example {
    file: String,
    id: PolicyId,
    words: String,
    /// What `policy show` and `policy check --json` say about it.
    report: String,
    report_text: String,
}

fn examples() -> Vec<(Example, Policy)> {
    let examples: Vec<Example> = read("policy.json");
    examples
        .into_iter()
        .map(|example| {
            let policy =
                Policy::parse(text(&example.file).as_bytes()).expect("the example has no mistakes");
            (example, policy)
        })
        .collect()
}

#[test]
fn example_policies_have_the_ids_and_words_of_the_golden_file() {
    for (example, policy) in examples() {
        assert_eq!(policy.id, example.id, "{}", example.file);
        assert_eq!(policy.vault.to_bytes(), example.id.to_bytes());
        assert_eq!(policy.keyset.to_bytes(), example.id.to_bytes());
        assert_eq!(policy.words().join(" "), example.words);
        assert_eq!(policy_id_from_text(&example.words), Ok(example.id));
    }
}

#[test]
fn example_policies_are_reported_as_in_the_golden_files() {
    for (example, policy) in examples() {
        let expected: Value = read(&example.report);
        assert_eq!(report::json(&policy), expected, "{}", example.report);
    }
}

#[test]
fn example_policies_are_shown_as_in_the_golden_files_in_eighty_columns() {
    for (example, policy) in examples() {
        let shown = report::show(&policy);
        assert_eq!(shown, text(&example.report_text), "{}", example.report_text);
        assert!(shown.lines().all(|line| line.chars().count() <= 80));
    }
}

/// One mistake made in the first example.
#[derive(Deserialize)]
struct Spoiled {
    about: String,
    /// The text that is replaced, wherever it stands first; empty appends at the end.
    replace: String,
    with: String,
    mistakes: Vec<Expected>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Expected {
    code: String,
    path: String,
}

#[test]
fn each_mistake_in_a_policy_has_the_code_and_place_of_the_golden_file() {
    let document = text("policy.toml");
    let cases: Vec<Spoiled> = read("policy_mistakes.json");
    let mut shown = BTreeSet::new();
    for case in cases {
        let spoiled = if case.replace.is_empty() {
            format!("{document}{}", case.with)
        } else {
            assert!(document.contains(&case.replace), "{}", case.about);
            document.replacen(&case.replace, &case.with, 1)
        };
        let found: Vec<Expected> = Policy::parse(spoiled.as_bytes())
            .expect_err("the document has a mistake")
            .into_iter()
            .map(|mistake| Expected {
                code: mistake.code().to_owned(),
                path: mistake.path,
            })
            .collect();
        assert_eq!(found, case.mistakes, "{}", case.about);
        shown.extend(case.mistakes.into_iter().map(|expected| expected.code));
    }
    // A file that is too large or not UTF-8 cannot stand in this one.
    shown.extend(["TOO_LARGE", "NOT_UTF8"].map(str::to_owned));
    let own = crate::codes::listed("policy mistake");
    let all: BTreeSet<String> = own
        .union(&crate::codes::listed("refusal of a descriptor"))
        .cloned()
        .collect();
    assert!(own.is_subset(&shown) && shown.is_subset(&all), "{shown:?}");
}
