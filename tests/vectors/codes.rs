//! Codes that programs and people decide by: a code that changes or disappears fails here, and a new
//! one is listed in `codes.json`. Refusals carry facts and cannot be counted through, so the codes
//! are read where they are given, with their meaning and hint for `docs/errors.md`.

mod reading;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use self::reading::Sources;
use self::table::table;
use crate::golden::{compare_made, read, source, sources};

#[derive(Deserialize)]
struct List {
    /// Whose codes these are.
    of: String,
    /// The files in which they are given.
    sources: Vec<String>,
    /// The functions that give them; where none is named, every failure in a folder gives its own.
    functions: Vec<String>,
    codes: BTreeSet<String>,
    /// What those mean that no variant stands for.
    #[serde(default)]
    meanings: BTreeMap<String, String>,
}

fn lists() -> Vec<List> {
    read("codes.json")
}

/// The codes that the golden file lists for one kind of refusal.
pub(crate) fn listed(of: &str) -> BTreeSet<String> {
    lists()
        .into_iter()
        .find(|list| list.of == of)
        .expect("the list is in the golden file")
        .codes
}

/// The quoted words in the body of every function of this name.
fn codes_in(text: &str, function: &str) -> BTreeSet<String> {
    let opening = format!("fn {function}(");
    let mut codes = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.find(|line| line.contains(&opening)) {
        let indent = line.len() - line.trim_start().len();
        let end = format!("{:indent$}}}", "");
        for line in lines.by_ref().take_while(|line| *line != end) {
            let quoted = line.split('"').skip(1).step_by(2);
            codes.extend(quoted.filter(|word| is_code(word)).map(str::to_owned));
        }
    }
    codes
}

fn is_code(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[test]
fn every_code_is_listed_and_no_listed_code_has_changed() {
    for list in lists() {
        let mut given = BTreeSet::new();
        for path in &list.sources {
            if list.functions.is_empty() {
                given.extend(sources(path).iter().flat_map(|text| codes_in_place(text)));
                continue;
            }
            let text = source(path);
            for function in &list.functions {
                given.extend(codes_in(&text, function));
            }
        }
        assert_eq!(given, list.codes, "{}", list.of);
    }
}

#[test]
fn every_code_has_a_meaning_and_the_documents_show_it_with_its_hint() {
    let sources = Sources::read();
    let mut unexplained = Vec::new();
    let text = table(&sources, &lists(), &mut unexplained);
    assert!(unexplained.is_empty(), "without a meaning: {unexplained:?}");
    compare_made("docs/errors.md", &text);
}

/// The codes of failures that are made where they are met, tests left out.
fn codes_in_place(text: &str) -> BTreeSet<String> {
    let made = made_in_place(text);
    made.filter_map(|made| made.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// What follows each making of such a failure.
fn made_in_place(text: &str) -> impl Iterator<Item = &str> {
    let program = text.split("#[cfg(test)]").next().unwrap_or_default();
    program.split("Failure::because(").skip(1)
}

/// The bodies of every function of this name.
fn bodies<'a>(text: &'a str, function: &str) -> Vec<&'a str> {
    let opening = format!("fn {function}(");
    let with_end = |body: &'a str| body.split_once("\n    }\n").map(|(body, _)| body);
    text.split(opening.as_str())
        .skip(1)
        .filter_map(with_end)
        .collect()
}

/// That there is a hint for every variant is said by the types: `hint` gives one, and matches name every
/// variant. Here, that each has words, and that what cannot be mended says so.
#[test]
fn every_error_of_the_signers_tool_says_what_to_do() {
    let mut hints = 0;
    for text in sources("signer/src") {
        let explained = text.matches("impl Explained for ").count();
        let given = bodies(&text, "hint");
        if explained == 0 {
            continue;
        }
        assert_eq!(given.len(), explained, "{text}");
        for body in given {
            assert!(body.starts_with("&self) -> String {"), "{body}");
            for empty in ["\"\"", "String::new()", "String::default()", "_ =>"] {
                assert!(!body.contains(empty), "{empty} in {body}");
            }
            let words = body.split('"').skip(1).step_by(2);
            let short = words.filter(|words| words.split_whitespace().count() < 3);
            assert_eq!(short.collect::<Vec<_>>(), Vec::<&str>::new(), "{body}");
            hints += 1;
        }
    }
    assert!(hints >= 16, "{hints} errors explain themselves");
}
