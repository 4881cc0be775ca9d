//! Rules, compared: the first that matches decides, so that a rule that matches more takes from those after it.

use super::facts::{Found, compare_order};
use super::sense::{Sense, asks_no_more, quorum as compared};
use super::{Direction, Part};
use crate::document::{Approvals, Policy, Rule, Window, format_duration};
use crate::intent::IntentKind;
use crate::report::{quorum, rule_words, sat};

/// What it means that a rule matches more, and that it matches less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Widening {
    pub(super) more: Direction,
    pub(super) less: Direction,
}

impl Widening {
    /// Nothing can be said.
    const UNKNOWN: Self = Self {
        more: Direction::Changed,
        less: Direction::Changed,
    };
}

pub(super) fn compare(previous: &Policy, next: &Policy, found: &mut Found) {
    for (position, rule) in previous.rules.iter().enumerate() {
        if let Some(other) = next.rules.iter().find(|other| other.name == rule.name) {
            compare_rule(previous, next, (rule, other), found);
            continue;
        }
        // What it matched falls to the rules that were not asked before it.
        let stricter = not_before(next, previous, position)
            .all(|one| asks_no_more(&rule.approvals, &one.approvals));
        let direction = if stricter {
            Direction::Tightened
        } else {
            Direction::Changed
        };
        let was = Some(rule_words(rule));
        found.add(Part::Rules, direction, titled(rule), was, None);
    }
    for (position, rule) in next.rules.iter().enumerate() {
        if previous.rules.iter().any(|other| other.name == rule.name) {
            continue;
        }
        // What it matches was decided by the rules that are not asked before it.
        let laxer = not_before(previous, next, position)
            .all(|one| asks_no_more(&rule.approvals, &one.approvals));
        let direction = if laxer {
            Direction::Loosened
        } else {
            Direction::Changed
        };
        let window = rule.window.map_or("", |_| " (its window begins empty)");
        let is = Some(format!("{}{window}", rule_words(rule)));
        found.add(Part::Rules, direction, titled(rule), None, is);
    }
    let names = |policy: &Policy| -> Vec<String> {
        policy.rules.iter().map(|rule| rule.name.clone()).collect()
    };
    let (before, after) = (names(previous), names(next));
    compare_order(Part::Rules, "order of the rules", &before, &after, found);
}

/// The rules of a version that do not stand before a position in the other one.
fn not_before<'a>(
    of: &'a Policy,
    other: &'a Policy,
    position: usize,
) -> impl Iterator<Item = &'a Rule> {
    let before = other.rules.iter().take(position);
    let names: Vec<&str> = before.map(|rule| rule.name.as_str()).collect();
    (of.rules.iter()).filter(move |rule| !names.contains(&rule.name.as_str()))
}

fn titled(rule: &Rule) -> String {
    format!("rule {}", rule.name)
}

fn compare_rule(
    previous: &Policy,
    next: &Policy,
    (before, after): (&Rule, &Rule),
    found: &mut Found,
) {
    // Every field is named here, so that none is forgotten.
    let Rule {
        name,
        kind,
        requesters,
        to,
        amount_max,
        window,
        approvals,
    } = before;
    let widening = widening(previous, next, name);
    let title = titled(before);
    let mut condition = |about: &str, was: Option<String>, is: Option<String>, wider| {
        if was != is {
            let direction = match wider {
                Some(true) => widening.more,
                Some(false) => widening.less,
                None => Direction::Changed,
            };
            found.add(Part::Rules, direction, format!("{title}, {about}"), was, is);
        }
    };
    let kind_of = |kind: Option<IntentKind>| kind.map(|kind| kind.name().to_owned());
    condition(
        "kind",
        kind_of(*kind),
        kind_of(after.kind),
        wider(kind.as_ref(), after.kind.as_ref(), |_, _| None),
    );
    let names = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(" or "));
    let sets = |one: &Vec<String>, other: &Vec<String>| subset(one, other);
    condition(
        "requested by",
        names(requesters),
        names(&after.requesters),
        wider(requesters.as_ref(), after.requesters.as_ref(), sets),
    );
    condition(
        "to lists",
        names(to),
        names(&after.to),
        wider(to.as_ref(), after.to.as_ref(), sets),
    );
    condition(
        "highest amount",
        amount_max.map(sat),
        after.amount_max.map(sat),
        wider(amount_max.as_ref(), after.amount_max.as_ref(), |a, b| {
            Some(b > a)
        }),
    );
    let window_of = |window: Option<Window>| {
        window.map(|window| format!("{} in {}", sat(window.amount), format_duration(window.per)))
    };
    let budget = |window: &Window| Sense::Budget {
        amount: window.amount.to_sat(),
        count: 0,
        per: window.per,
    };
    condition(
        "window",
        window_of(*window),
        window_of(after.window),
        wider(
            window.as_ref(),
            after.window.as_ref(),
            |a, b| match budget(a).direction(&budget(b)) {
                Direction::Loosened => Some(true),
                Direction::Tightened => Some(false),
                Direction::Changed => None,
            },
        ),
    );
    if *approvals != after.approvals {
        let direction = compared(approvals, &after.approvals);
        found.add(
            Part::Rules,
            direction,
            format!("{title}, approvals"),
            Some(quorum(approvals)),
            Some(quorum(&after.approvals)),
        );
        passed_on(&title, approvals, &after.approvals, found);
    }
}

/// Automatic rules let sweeps and repeated payments pass on to the rules after them.
fn passed_on(title: &str, before: &Approvals, after: &Approvals, found: &mut Found) {
    let words = |approvals: &Approvals| {
        let passes = approvals.count == 0;
        let who = if passes {
            "passed on to later rules"
        } else {
            "decided here"
        };
        who.to_owned()
    };
    let (was, is) = (words(before), words(after));
    if was != is {
        let about = format!("{title}, sweeps and repeated payments");
        found.add(Part::Rules, Direction::Changed, about, Some(was), Some(is));
    }
}

/// Whether a condition that may be left out matches more than before; nothing where neither covers the other.
fn wider<T>(
    before: Option<&T>,
    after: Option<&T>,
    compare: impl Fn(&T, &T) -> Option<bool>,
) -> Option<bool> {
    match (before, after) {
        (None, None) => None,
        (Some(_), None) => Some(true),
        (None, Some(_)) => Some(false),
        (Some(before), Some(after)) => compare(before, after),
    }
}

fn subset(before: &[String], after: &[String]) -> Option<bool> {
    let within = |one: &[String], other: &[String]| one.iter().all(|name| other.contains(name));
    match (within(before, after), within(after, before)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (true, true) | (false, false) => None,
    }
}

/// What it means that a rule of both versions matches more or less.
fn widening(previous: &Policy, next: &Policy, name: &str) -> Widening {
    let approvals = |policy: &Policy| {
        let rule = policy.rules.iter().find(|rule| rule.name == name);
        rule.map(|rule| rule.approvals.clone())
    };
    let (before, after) = (approvals(previous), approvals(next));
    let (Some(before), Some(after)) = (before, after) else {
        return Widening::UNKNOWN;
    };
    // What it matches more was decided by rules after it, or by none.
    let more = later(previous, name).all(|one| asks_no_more(&after, &one.approvals));
    // What it matches less is decided by rules after it, or by none.
    let less = later(next, name).all(|one| asks_no_more(&before, &one.approvals));
    let or_changed = |certain: bool, direction| {
        if certain {
            direction
        } else {
            Direction::Changed
        }
    };
    Widening {
        more: or_changed(more, Direction::Loosened),
        less: or_changed(less, Direction::Tightened),
    }
}

fn later<'a>(policy: &'a Policy, name: &'a str) -> impl Iterator<Item = &'a Rule> {
    let rules = policy.rules.iter();
    rules.skip_while(move |rule| rule.name != name).skip(1)
}

/// What it means that a list holds more or less: what it means for every rule that names it.
pub(super) fn widening_of_list(previous: &Policy, next: &Policy, list: &str) -> Widening {
    let names = |rule: &&Rule| {
        let to = rule.to.as_ref();
        to.is_some_and(|lists| lists.iter().any(|name| name == list))
    };
    let rules = previous.rules.iter().chain(&next.rules).filter(names);
    let mut widenings = rules.map(|rule| widening(previous, next, &rule.name));
    let Some(first) = widenings.next() else {
        return Widening::UNKNOWN;
    };
    widenings.fold(first, |one, other| Widening {
        more: if one.more == other.more {
            one.more
        } else {
            Direction::Changed
        },
        less: if one.less == other.less {
            one.less
        } else {
            Direction::Changed
        },
    })
}
