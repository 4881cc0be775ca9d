//! No refusal is without a test that meets it.
//!
//! A refusal's code is a function of its variant, and its match has no arm for the rest: what is given
//! there is all that there is. A code counts as met where a test *demands* it: in an assertion, in
//! `refused` and `plan_refused`, or in a table of codes that one of these goes through.

use std::collections::BTreeSet;

/// Variants that a strictly read PSBT cannot reach, the tests of the journal that demand them, and how.
const REACHED_ELSEWHERE: [(&str, &str, &str); 5] = [
    ("EMPTY_TRANSACTION", "Fault::NoInputs", JOURNAL),
    ("INPUT_TWICE", "Fault::InputTwice", JOURNAL),
    ("OTHER_INPUTS", "Fault::OtherInputs", EXCLUSIVE),
    ("NO_ANCESTOR", "Fault::NoAncestor", EXCLUSIVE),
    ("JOURNAL_MOVED", "Fault::Moved", MOVING),
];
const JOURNAL: &str = include_str!("../../journal/history_tests.rs");
const EXCLUSIVE: &str = include_str!("../../journal/exclusive_tests.rs");
const MOVING: &str = include_str!("../../journal/moving_tests.rs");

/// Where codes are given, one match a file.
const GIVEN: [&str; 8] = [
    include_str!("../refusal/advice.rs"),
    include_str!("../refusal/approval.rs"),
    include_str!("../refusal/change.rs"),
    include_str!("../refusal/earlier.rs"),
    include_str!("../refusal/fee.rs"),
    include_str!("../refusal/inclusion.rs"),
    include_str!("../../inclusion/fault.rs"),
    include_str!("../refusal/journal.rs"),
];

const TESTS: [&str; 17] = [
    include_str!("approvals.rs"),
    include_str!("authority.rs"),
    include_str!("budgets.rs"),
    include_str!("change_paths.rs"),
    include_str!("earlier.rs"),
    include_str!("fees.rs"),
    include_str!("history.rs"),
    include_str!("inclusion.rs"),
    include_str!("lists.rs"),
    include_str!("modes.rs"),
    include_str!("networks.rs"),
    include_str!("signer_checks.rs"),
    include_str!("single_key.rs"),
    include_str!("stops.rs"),
    include_str!("structure.rs"),
    include_str!("versions.rs"),
    include_str!("windows.rs"),
];

/// The quoted words in a text that are codes.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2).filter(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    })
}

/// A text without its comments, whose apostrophes and words are no code.
fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

/// What begins at an opening bracket, up to the one that closes it.
fn bracketed(text: &str) -> &str {
    let mut depth = 0_u32;
    for (position, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && position > 0 {
            return &text[..position];
        }
    }
    text
}

/// The arguments of every call of these names.
fn arguments<'t>(text: &'t str, calls: &[&str]) -> Vec<&'t str> {
    let mut found = Vec::new();
    for call in calls {
        for (position, _) in text.match_indices(call) {
            let before = text[..position].chars().next_back();
            let is_whole = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
            let is_defined = text[..position].ends_with("fn ");
            if is_whole && !is_defined {
                found.push(bracketed(&text[position + call.len() - 1..]));
            }
        }
    }
    found
}

const DEMANDS: [&str; 5] = [
    "assert_eq!(",
    "assert!(",
    "matches!(",
    "refused(",
    "plan_refused(",
];

/// The codes that a function demands: in an assertion, or in a table or choice that one goes through.
fn demanded(function: &str) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    let demands = arguments(function, &DEMANDS);
    for demand in &demands {
        // That a code is *not* there demands nothing.
        let is_absence = demand.trim_start_matches('(').trim_start().starts_with('!');
        if !is_absence {
            met.extend(codes(demand).map(str::to_owned));
        }
    }
    for name in ["code", "codes", "expected", "pinned"] {
        let demand = |demand: &&str| {
            let mut words = demand.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            words.any(|word| word == name)
        };
        if !demands.iter().any(demand) {
            continue;
        }
        for opening in [format!("let {name} ="), format!("let {name}: ")] {
            for (position, _) in function.match_indices(&opening) {
                let statement = &function[position..];
                let end = statement.find(";\n").unwrap_or(statement.len());
                met.extend(codes(&statement[..end]).map(str::to_owned));
            }
        }
        for (position, _) in function.match_indices("for (") {
            let pattern = bracketed(&function[position + 4..]);
            if pattern.split([',', '(', ' ']).any(|word| word == name) {
                let table = &function[position..];
                let end = table.find("] {").unwrap_or(table.len());
                met.extend(codes(&table[..end]).map(str::to_owned));
            }
        }
    }
    met
}

/// The codes that the tests of a file demand.
fn demanded_in(text: &str) -> BTreeSet<String> {
    let text = without_comments(text);
    text.split("\nfn ").skip(1).flat_map(demanded).collect()
}

#[test]
fn every_refusal_is_demanded_by_at_least_one_test_of_review() {
    let given: Vec<&str> = GIVEN.into_iter().flat_map(codes).collect();
    assert!(given.len() > 70, "{given:?}");
    let demanded: BTreeSet<String> = TESTS.into_iter().flat_map(demanded_in).collect();
    let elsewhere = REACHED_ELSEWHERE.map(|(code, _, _)| code);
    let untested: Vec<&&str> = given
        .iter()
        .filter(|code| !demanded.contains(**code) && !elsewhere.contains(code))
        .collect();
    assert!(untested.is_empty(), "no test demands {untested:?}");
    for (code, variant, tests) in REACHED_ELSEWHERE {
        let tests = without_comments(tests);
        let asserted = arguments(&tests, &DEMANDS);
        let demanded = asserted.iter().any(|text| text.contains(variant));
        assert!(demanded, "no test of the journal demands {code}");
    }
}

#[test]
fn every_variant_has_a_code_of_its_own_but_those_that_say_the_same() {
    let [advice, ..] = GIVEN;
    let body = advice.split("fn hint").next().expect("before the hints");
    let variants = body.matches("Self::").count() - body.matches(".code()").count();
    let own: BTreeSet<&str> = codes(body).collect();
    // One more variant, of what the journal says, has its codes further down.
    assert_eq!(variants - 1, own.len(), "{own:?}");
}

#[test]
fn a_code_that_is_only_mentioned_is_not_demanded() {
    let text = r#"
fn a() {
    // assert_eq!(found, ["COMMENTED"]);
    let name = "MENTIONED";
    assert!(!codes.contains(&"ABSENT"), "{codes:?}");
    assert_eq!(world.refusals(&attempt), ["DEMANDED"]);
}
fn b() {
    for (sat, codes) in [(1, &["TABLED"][..])] {
        assert_eq!(found(sat), codes);
    }
    for (sat, unused) in [(1, &["IDLE"][..])] {
        drop((sat, unused));
    }
}
"#;
    let demanded: Vec<String> = demanded_in(text).into_iter().collect();
    assert_eq!(demanded, ["DEMANDED", "TABLED"]);
}
