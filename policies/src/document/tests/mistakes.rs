//! One document for each mistake.

use super::super::samples::draft;
use super::super::*;
use crate::descriptor::ScriptKind;

mod bounds;
mod heading;
mod parts;
mod passkeys;
mod values;

/// The codes and paths of a document's mistakes.
fn mistakes(text: &str) -> Vec<(&'static str, String)> {
    let found = Policy::parse(text.as_bytes()).expect_err("mistakes");
    for mistake in &found {
        assert!(!mistake.hint().is_empty());
        assert!(!mistake.to_string().is_empty());
    }
    found
        .iter()
        .map(|mistake| (mistake.code(), mistake.path.clone()))
        .collect()
}

fn one(code: &'static str, path: &str) -> Vec<(&'static str, String)> {
    vec![(code, path.to_owned())]
}

/// The sample document with one change in its text.
fn replaced(from: &str, to: &str) -> String {
    let text = draft(ScriptKind::Wsh).to_toml();
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}

/// The sample document with one change in its draft.
fn drafted(change: impl FnOnce(&mut PolicyDraft)) -> String {
    let mut draft = draft(ScriptKind::Wsh);
    change(&mut draft);
    draft.to_toml()
}
