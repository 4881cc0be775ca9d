//! Lists of destinations, compared.
//!
//! A destination more on a list lets more pass where the rules that name the list ask for no more than the rules
//! after them; where they ask for more, it is taken from a rule that asks for less.

use super::facts::{Fact, Found, Thing, compare_things};
use super::rules::{Widening, widening_of_list};
use super::sense::Sense;
use super::{Direction, Part};
use crate::document::{List, Open, Policy, TestFirst, format_duration};
use crate::report::{quorum, sat};

pub(super) fn compare(previous: &Policy, next: &Policy, found: &mut Found) {
    let mut raw = Found::default();
    compare_things(&things(previous), &things(next), &mut raw);
    for mut change in raw.into_changes() {
        let list = change.about.strip_prefix("list ").unwrap_or_default();
        let list = list.split(',').next().unwrap_or_default();
        let Widening { more, less } = widening_of_list(previous, next, list);
        change.direction = match change.direction {
            Direction::Loosened => more,
            Direction::Tightened => less,
            Direction::Changed => Direction::Changed,
        };
        found.take(change);
    }
}

fn things(policy: &Policy) -> Vec<Thing> {
    policy.lists.iter().map(list).collect()
}

fn list(list: &List) -> Thing {
    let List {
        name,
        entries,
        // The scripts of the entries.
        scripts: _,
        open,
    } = list;
    let mut facts: Vec<Fact> = entries
        .iter()
        .map(|address| {
            let address = address.to_string();
            Fact::entry("entry", &address, "listed".to_owned(), Direction::Loosened)
        })
        .collect();
    if let Some(Open {
        approvals,
        delay,
        test_first,
    }) = open
    {
        facts.push(Fact::bound(
            "adding an entry",
            quorum(approvals),
            Sense::Quorum(approvals.clone()),
            Direction::Loosened,
        ));
        facts.push(Fact {
            new: Direction::Loosened,
            ..Fact::number(
                "cooling-off",
                format_duration(*delay),
                *delay,
                Direction::Tightened,
            )
        });
        if let Some(TestFirst { amount, group }) = test_first {
            facts.push(Fact {
                new: Direction::Tightened,
                ..Fact::number(
                    "first payment",
                    format!("at most {}", sat(*amount)),
                    amount.to_sat(),
                    Direction::Loosened,
                )
            });
            facts.push(Fact {
                new: Direction::Tightened,
                ..Fact::plain("first payment, confirmed by", group)
            });
        }
    }
    let whole: Vec<String> = facts
        .iter()
        .map(|fact| format!("{} ({})", fact.about, fact.value))
        .collect();
    Thing {
        part: Part::Lists,
        title: format!("list {name}"),
        whole: whole.join(", "),
        new: Direction::Loosened,
        facts,
    }
}
