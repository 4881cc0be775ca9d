//! Rules and the destinations they name: the first that matches decides.

use super::{altered, full_draft, only, parsed};
use crate::descriptor::ScriptKind;
use crate::document::PolicyDraft;
use crate::document::samples::{address, quorum, rule};
use crate::succession::difference::{Direction, Part, diff};
use crate::succession::samples::{first, next};

#[test]
fn a_rule_that_matches_more_is_not_called_looser_where_it_takes_from_one_that_asks_for_less() {
    // The first rule is automatic: what it takes from others, it takes from those that ask for more.
    let (direction, about) = only(|draft| draft.rules[0].amount_max_sat = Some(6_000_000));
    assert_eq!(direction, Direction::Loosened);
    assert_eq!(about, "rule small customer payouts, highest amount");
    let (direction, _) = only(|draft| draft.rules[0].amount_max_sat = Some(4_000_000));
    assert_eq!(direction, Direction::Tightened);
    // A rule that asks for three stands before those that ask for less.
    let strict = |most: u64| {
        move |draft: &mut PolicyDraft| {
            let mut strict = rule("strict", quorum(None, 3));
            strict.amount_max_sat = Some(most);
            draft.rules.insert(0, strict);
        }
    };
    let previous = first(ScriptKind::Wsh);
    let direction = |from: u64, to: u64| {
        let changes = diff(&next(&previous, strict(from)), &next(&previous, strict(to)));
        let change = changes.iter().find(|change| change.part == Part::Rules);
        change.expect("a change").direction
    };
    assert_eq!(direction(1_000, 2_000), Direction::Changed);
    assert_eq!(direction(2_000, 1_000), Direction::Changed);
    let (direction, about) = only(strict(1_000));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Changed, "rule strict")
    );
}

#[test]
fn rules_come_go_and_change_places() {
    let (direction, about) = only(|draft| {
        draft.rules.push(rule("all else", quorum(None, 3)));
    });
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Loosened, "rule all else")
    );
    let (direction, about) = only(|draft| drop(draft.rules.pop()));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Tightened, "rule the rest")
    );
    let (direction, about) = only(|draft| draft.rules.swap(0, 1));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Changed, "order of the rules")
    );
}

#[test]
fn a_rule_that_is_automatic_no_more_decides_sweeps_and_repeats_too() {
    let changes = altered(|draft| draft.rules[0].approvals = quorum(Some("ops"), 1));
    let told: Vec<(Direction, &str)> = changes
        .iter()
        .map(|change| (change.direction, change.about.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Direction::Tightened,
                "rule small customer payouts, approvals"
            ),
            (
                Direction::Changed,
                "rule small customer payouts, sweeps and repeated payments"
            ),
        ]
    );
}

#[test]
fn a_destination_more_loosens_where_its_rules_ask_for_no_more_than_those_after_them() {
    let more = |draft: &mut PolicyDraft| draft.lists[0].entries.push(address(5).to_string());
    let (direction, about) = only(more);
    assert_eq!(direction, Direction::Loosened);
    assert_eq!(about, format!("list counterparties, entry {}", address(5)));
    // Where the list's rule asks for more than one after it, the destination is taken from that one.
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    draft.rules[1].approvals = quorum(None, 3);
    let before = parsed(&draft);
    more(&mut draft);
    let changes = diff(&before, &parsed(&draft));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].direction, Direction::Changed);
}
