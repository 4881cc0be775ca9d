//! Codes that programs and people decide by: a code that changes or disappears fails here, and a new
//! one is listed in `codes.json`. Refusals carry facts and cannot be counted through, so the codes
//! are read where they are given.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::golden::{read, source};

#[derive(Deserialize)]
struct List {
    /// Whose codes these are.
    of: String,
    source: String,
    /// The functions that give them.
    functions: Vec<String>,
    codes: BTreeSet<String>,
}

/// The codes that the golden file lists for one kind of refusal.
pub(crate) fn listed(of: &str) -> BTreeSet<String> {
    let lists: Vec<List> = read("codes.json");
    lists
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
    let lists: Vec<List> = read("codes.json");
    for list in lists {
        let text = source(&list.source);
        let given: BTreeSet<String> = list
            .functions
            .iter()
            .flat_map(|function| codes_in(&text, function))
            .collect();
        assert_eq!(given, list.codes, "{}", list.of);
    }
}
