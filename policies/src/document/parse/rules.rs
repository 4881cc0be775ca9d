//! Reading `[[lists]]`, `[[rules]]`, `[maintenance]` and `[change]`.

use std::collections::BTreeSet;

use bitcoin::{Amount, Network};

use super::super::reader::{Field, Mistakes, Table};
use super::super::{Approvals, List, Problem, Rule, Succession, parse_duration};
use super::people::{all, names};
use super::spending::address;
use super::{label, name};
use crate::IntentKind;

pub(super) fn lists(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<List>> {
    let Some(field) = root.optional("lists") else {
        return Some(Vec::new());
    };
    let entries = field.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let table = entry.table(&["name", "entries"], &[("open", "an open list")], mistakes)?;
        let list_name = table
            .required("name", mistakes)
            .and_then(|field| name(&field, mistakes));
        if table.optional("open").is_some() && table.optional("entries").is_none() {
            return None;
        }
        let field = table.required("entries", mistakes)?;
        let items = field.array(mistakes)?;
        let entries = all(&items, mistakes, |item, mistakes| {
            address(item, network, mistakes)
        })?;
        let mut scripts = BTreeSet::new();
        for (position, entry) in entries.iter().enumerate() {
            if !scripts.insert(entry.script_pubkey()) {
                let first = entries.iter().position(|earlier| earlier == entry);
                mistakes.add(
                    &format!("{}[{position}]", field.path),
                    Problem::Duplicate {
                        value: entry.to_string(),
                        first: format!("{}[{}]", field.path, first.unwrap_or_default()),
                    },
                );
            }
        }
        Some(List {
            name: list_name?,
            entries,
            scripts,
        })
    })
}

pub(super) fn rules(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Rule>> {
    let entries = root.required("rules", mistakes)?.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let table = entry.table(
            &[
                "name",
                "kind",
                "requester",
                "to",
                "amount_max_sat",
                "approvals",
            ],
            &[("window", "rolling windows")],
            mistakes,
        )?;
        let rule_name = table
            .required("name", mistakes)
            .and_then(|field| label(&field, mistakes));
        let kind = present(&table, "kind", |field| {
            field.parse(mistakes, |text| {
                text.parse::<IntentKind>()
                    .map_err(|_| "payment, transfer or sweep")
            })
        });
        let requesters = present(&table, "requester", |field| names(field, mistakes));
        let to = present(&table, "to", |field| names(field, mistakes));
        let amount_max = present(&table, "amount_max_sat", |field| {
            field
                .integer(1..=Amount::MAX_MONEY.to_sat(), mistakes)
                .map(Amount::from_sat)
        });
        let approvals = table
            .required("approvals", mistakes)
            .and_then(|field| approvals(&field, 0, mistakes));
        Some(Rule {
            name: rule_name?,
            kind: kind?,
            requesters: requesters?,
            to: to?,
            amount_max: amount_max?,
            approvals: approvals?,
        })
    })
}

pub(super) fn maintenance(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Approvals> {
    let table = root
        .optional("maintenance")?
        .table(&["approvals"], &[], mistakes)?;
    let field = table.required("approvals", mistakes)?;
    approvals(&field, 1, mistakes)
}

pub(super) fn succession(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Succession> {
    let table = root
        .optional("change")?
        .table(&["approvals", "delay"], &[], mistakes)?;
    let quorum = table
        .required("approvals", mistakes)
        .and_then(|field| approvals(&field, 1, mistakes));
    let delay = table
        .required("delay", mistakes)
        .and_then(|field| field.parse(mistakes, parse_duration));
    Some(Succession {
        approvals: quorum?,
        delay: delay?,
    })
}

fn approvals(field: &Field<'_>, least: u64, mistakes: &mut Mistakes<'_>) -> Option<Approvals> {
    let table = field.table(&["group", "count"], &[], mistakes)?;
    let group = present(&table, "group", |field| name(field, mistakes));
    let count = table
        .required("count", mistakes)
        .and_then(|field| field.integer(least..=1_000, mistakes));
    Some(Approvals {
        group: group?,
        count: count?,
    })
}

/// A key that may be left out: none when it is there with a mistake.
#[expect(
    clippy::option_option,
    reason = "absent, present and mistaken are three answers"
)]
fn present<T>(
    table: &Table<'_>,
    key: &str,
    read: impl FnOnce(&Field<'_>) -> Option<T>,
) -> Option<Option<T>> {
    match table.optional(key) {
        Some(field) => read(&field).map(Some),
        None => Some(None),
    }
}
