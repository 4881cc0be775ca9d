//! No refusal is without a test that meets it.

use std::collections::BTreeSet;

/// Codes that a strictly read PSBT cannot reach, with the tests of the journal and the strict layer that do.
const REACHED_ELSEWHERE: [&str; 5] = [
    "EMPTY_TRANSACTION",
    "INPUT_TWICE",
    "OTHER_INPUTS",
    "NO_ANCESTOR",
    "JOURNAL_MOVED",
];

/// The quoted words in a text that are codes.
fn codes(text: &str) -> BTreeSet<&str> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        })
        .collect()
}

#[test]
fn every_refusal_is_expected_by_at_least_one_test_of_review() {
    let given: BTreeSet<&str> = [
        include_str!("../refusal/advice.rs"),
        include_str!("../refusal/approval.rs"),
        include_str!("../refusal/earlier.rs"),
        include_str!("../refusal/journal.rs"),
    ]
    .into_iter()
    .flat_map(codes)
    .collect();
    assert!(given.len() > 70, "{given:?}");
    let tests = [
        include_str!("approvals.rs"),
        include_str!("authority.rs"),
        include_str!("budgets.rs"),
        include_str!("earlier.rs"),
        include_str!("fees.rs"),
        include_str!("history.rs"),
        include_str!("lists.rs"),
        include_str!("modes.rs"),
        include_str!("structure.rs"),
    ];
    let expected: BTreeSet<&str> = tests.into_iter().flat_map(codes).collect();
    let untested: Vec<&&str> = given
        .iter()
        .filter(|code| !expected.contains(*code) && !REACHED_ELSEWHERE.contains(code))
        .collect();
    assert!(untested.is_empty(), "no test expects {untested:?}");
}
