//! The table is whole and in order, every row has its source, and the document shows what the data says.

use std::collections::BTreeSet;

use super::*;

/// The kinds that are known, in the order of the document.
const KINDS: [&str; 18] = [
    "ledger",
    "trezor",
    "keepkey",
    "bitbox01",
    "bitbox02",
    "coldcard",
    "coldcard-q",
    "coldcard-mk3",
    "coldcard-edge",
    "jade",
    "specter-diy",
    "passport",
    "keystone",
    "seedsigner",
    "krux",
    "sparrow",
    "offline",
    "software",
];

#[test]
fn every_row_names_its_source_and_what_it_is_about() {
    for row in ROWS {
        assert!(row.source.len() > 10, "{row:?}");
        assert!(!row.forms.is_empty(), "{row:?}");
        assert!(KINDS.contains(&row.kind), "{row:?}");
        if let Verdict::Never(why) = row.verdict {
            assert!(!why.is_empty(), "{row:?}");
        }
    }
    for kind in KINDS {
        assert!(is_known(kind), "{kind}");
    }
}

#[test]
fn rows_of_one_kind_and_form_go_from_the_earliest_firmware_to_the_latest() {
    for kind in KINDS {
        for form in Form::ALL {
            let from: Vec<Version> = rows_of(kind, form).map(|row| row.from).collect();
            let distinct: BTreeSet<Version> = from.iter().copied().collect();
            let sorted: Vec<Version> = distinct.into_iter().collect();
            assert_eq!(from, sorted, "{kind} {form}");
        }
    }
}

/// One row of the document's table.
fn told(kind: &str) -> String {
    let cells = Form::ALL.map(|form| {
        let Some(last) = rows_of(kind, form).last() else {
            return "?".to_owned();
        };
        if last.bounds().is_none() {
            return "no".to_owned();
        }
        let signing = rows_of(kind, form).find(|row| row.bounds().is_some());
        match signing.map(|row| row.from) {
            Some(from) if !from.is_any() => format!("{from}"),
            Some(_) | None => "yes".to_owned(),
        }
    });
    format!("| {kind} | {} |", cells.join(" | "))
}

/// The rows of bounds and sources.
fn bounds_and_sources() -> Vec<String> {
    let most = |value: Option<usize>, what: &str| value.map(|value| format!("{value} {what}"));
    ROWS.iter()
        .map(|row| {
            let forms: Vec<&str> = row.forms.iter().map(|form| form.name()).collect();
            let from = if row.from.is_any() {
                "any".to_owned()
            } else {
                row.from.to_string()
            };
            let bounds = match row.verdict {
                Verdict::Never(why) => why.to_owned(),
                Verdict::Signs(bounds) => [
                    most(bounds.keys, "keys"),
                    most(bounds.multi_keys, "keys in a multisig"),
                    most(bounds.template_chars, "letters of template"),
                    most(bounds.name_chars, "letters of name"),
                    most(bounds.script_bytes, "bytes of script"),
                    most(bounds.tree_depth, "levels of tree"),
                    most(bounds.leaves, "leaves"),
                    most(bounds.inputs, "inputs"),
                    most(bounds.outputs, "outputs"),
                    most(bounds.psbt_bytes, "bytes of PSBT"),
                    most(bounds.transaction_bytes, "bytes of transaction"),
                ]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
            };
            let bounds = if bounds.is_empty() {
                "none known".to_owned()
            } else {
                bounds
            };
            let forms = forms.join(", ");
            let (kind, source) = (row.kind, row.source);
            format!("| {kind} | {forms} | {from} | {bounds} | {source} |")
        })
        .collect()
}

#[test]
fn the_document_shows_what_the_table_says() {
    let document = include_str!("../../../../docs/devices.md");
    let (_, tables) = document
        .split_once("## Which device signs what")
        .expect("the part with the tables");
    let written: Vec<&str> = tables
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Device"))
        .collect();
    let expected: Vec<String> = KINDS
        .into_iter()
        .map(told)
        .chain(bounds_and_sources())
        .collect();
    assert_eq!(
        written,
        expected,
        "docs/devices.md should say:\n{}",
        expected.join("\n")
    );
}
