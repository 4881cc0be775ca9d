//! Stops: while one is in force nobody is paid, whoever signs, and coins move only to ourselves with the
//! persons of `[maintenance]`, or by recovery.
//!
//! A stop holds that the journal saw or that this file carries; it is over once its own release was seen or
//! is carried. A carrier that leaves a stop out undoes nothing.

use std::collections::BTreeMap;

use super::Refusal;
use super::refusal::JournalRefusal;
use crate::ids::Subject;
use crate::intent::{Statement, Stop};
use crate::journal::{Heard, History, SpendMode};
use crate::planted::{Bug, planted};

/// Refuses payments while a stop is in force; gives the first such stop.
pub(super) fn examine(
    mode: SpendMode,
    carried: &[Heard],
    history: &History,
    refusals: &mut Vec<Refusal>,
) -> Option<Subject> {
    let known = history.stops_in_force();
    let mut stops: BTreeMap<Subject, Stop> = known
        .map(|(subject, stop)| (subject, stop.clone()))
        .collect();
    for heard in carried {
        if let Statement::Stop(stop) = &heard.statement {
            let subject = heard.statement.subject();
            if !history.released(&subject) {
                stops.insert(subject, stop.clone());
            }
        }
    }
    for heard in carried {
        if let Statement::Release { stop } = &heard.statement {
            stops.remove(stop);
            if planted(Bug::ReleaseNamesStop) {
                stops.clear();
            }
        }
    }
    let count = stops.len();
    let (subject, stop) = stops.into_iter().next()?;
    if mode == SpendMode::Pay && !planted(Bug::Stopped) {
        refusals.push(Refusal::Journal(JournalRefusal::Stopped {
            stop: subject,
            created: stop.created,
            reason: stop.reason,
            stops: count,
        }));
    }
    Some(subject)
}
