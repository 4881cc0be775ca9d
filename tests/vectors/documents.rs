//! Documents that name tests: each name is a test that exists.

use std::collections::BTreeSet;

use crate::golden::{source, sources};

/// Rooms whose sources hold tests.
const ROOMS: [&str; 5] = ["coordinator", "policies", "signer", "tests", "watchtower"];
/// Names of tests are sentences of at least this many words.
const WORDS: usize = 4;

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

/// The quoted names of a document that read as sentences.
fn named(document: &str) -> BTreeSet<&str> {
    let is_sentence = |name: &&str| {
        name.split('_').count() >= WORDS
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    document
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(is_sentence)
        .collect()
}

#[test]
fn every_test_that_promise_and_security_name_exists() {
    let tests: BTreeSet<String> = ROOMS
        .into_iter()
        .flat_map(sources)
        .flat_map(|text| {
            let names: Vec<String> = text
                .lines()
                .filter_map(function)
                .map(str::to_owned)
                .collect();
            names
        })
        .collect();
    for file in ["docs/security.md", "docs/promise.md"] {
        let document = source(file);
        let named = named(&document);
        assert!(named.len() > 50, "{file}: {} tests are named", named.len());
        let missing: Vec<&&str> = named
            .iter()
            .filter(|name| !tests.contains(**name))
            .collect();
        assert!(missing.is_empty(), "{file}: no test is named {missing:?}");
    }
}
