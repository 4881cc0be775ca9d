//! Reading `[[lists]]`, `[[rules]]`, `[maintenance]`, `[stop]`, `[go]` and `[change]`.

use std::collections::BTreeSet;

use bitcoin::{Address, Amount, Network, ScriptBuf};

use super::super::reader::{Field, Mistakes, Table};
use super::super::{
    Approvals, GoRule, List, Open, Problem, Rule, Succession, TestFirst, Window, parse_duration,
};
use super::people::{all, names};
use super::spending::address;
use super::{label, name, span};
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
        let table = entry.table(&["name", "entries", "open"], &[], mistakes)?;
        let list_name = table
            .required("name", mistakes)
            .and_then(|field| name(&field, mistakes));
        let open = present(&table, "open", |field| open(field, mistakes));
        let entries = match (table.optional("entries"), table.optional("open")) {
            // An open list may begin empty.
            (None, Some(_)) => Some((Vec::new(), BTreeSet::new())),
            (Some(_) | None, _) => table
                .required("entries", mistakes)
                .and_then(|field| closed_entries(&field, network, mistakes)),
        };
        let (entries, scripts) = entries?;
        Some(List {
            name: list_name?,
            entries,
            scripts,
            open: open?,
        })
    })
}

/// The destinations in the document, each once.
fn closed_entries(
    field: &Field<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<(Vec<Address>, BTreeSet<ScriptBuf>)> {
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
    Some((entries, scripts))
}

fn open(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<Open> {
    let table = field.table(&["approvals", "delay", "test_first"], &[], mistakes)?;
    let quorum = table
        .required("approvals", mistakes)
        .and_then(|field| approvals(&field, 1, mistakes));
    let delay = span(&table, "delay", mistakes);
    let test_first = present(&table, "test_first", |field| {
        let table = field.table(&["sat", "group"], &[], mistakes)?;
        let sat = table
            .required("sat", mistakes)
            .and_then(|field| field.integer(1..=Amount::MAX_MONEY.to_sat(), mistakes));
        let group = table
            .required("group", mistakes)
            .and_then(|field| name(&field, mistakes));
        Some(TestFirst {
            amount: Amount::from_sat(sat?),
            group: group?,
        })
    });
    Some(Open {
        approvals: quorum?,
        delay: delay?,
        test_first: test_first?,
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
                "window",
                "approvals",
            ],
            &[],
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
        let window = present(&table, "window", |field| window(field, mistakes));
        let approvals = table
            .required("approvals", mistakes)
            .and_then(|field| rule_approvals(&field, mistakes));
        Some(Rule {
            name: rule_name?,
            kind: kind?,
            requesters: requesters?,
            to: to?,
            amount_max: amount_max?,
            window: window?,
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

/// `[stop]`: who releases a stop.
pub(super) fn release(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Approvals> {
    let table = root.optional("stop")?.table(&["release"], &[], mistakes)?;
    let field = table.required("release", mistakes)?;
    approvals(&field, 1, mistakes)
}

/// `[go]`: who lets automatic co-signers sign, and for how long.
pub(super) fn go(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<GoRule> {
    let table = root
        .optional("go")?
        .table(&["approvals", "within"], &[], mistakes)?;
    let quorum = table
        .required("approvals", mistakes)
        .and_then(|field| approvals(&field, 1, mistakes));
    let within = span(&table, "within", mistakes);
    Some(GoRule {
        approvals: quorum?,
        within: within?,
    })
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

fn window(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<Window> {
    let table = field.table(&["sat", "per"], &[], mistakes)?;
    let sat = table
        .required("sat", mistakes)
        .and_then(|field| field.integer(1..=Amount::MAX_MONEY.to_sat(), mistakes));
    let per = span(&table, "per", mistakes);
    Some(Window {
        amount: Amount::from_sat(sat?),
        per: per?,
    })
}

/// A quorum in which only `own` keys ever count.
fn approvals(field: &Field<'_>, least: u64, mistakes: &mut Mistakes<'_>) -> Option<Approvals> {
    let table = field.table(&["group", "count"], &[], mistakes)?;
    counted(&table, least, 0, mistakes)
}

/// A rule's quorum, which may count approvals by the coordinator's page in addition.
fn rule_approvals(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<Approvals> {
    let table = field.table(&["group", "count", "page"], &[], mistakes)?;
    let page = match table.optional("page") {
        Some(field) => field.integer(1..=1_000, mistakes),
        None => Some(0),
    };
    // Approval by the page alone would trust the coordinator.
    let least = u64::from(page.is_some_and(|page| page > 0));
    counted(&table, least, page?, mistakes)
}

fn counted(
    table: &Table<'_>,
    least: u64,
    page: u32,
    mistakes: &mut Mistakes<'_>,
) -> Option<Approvals> {
    let group = present(table, "group", |field| name(field, mistakes));
    let count = table
        .required("count", mistakes)
        .and_then(|field| field.integer(least..=1_000, mistakes));
    Some(Approvals {
        group: group?,
        count: count?,
        page,
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
