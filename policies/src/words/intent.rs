//! The words of an intent that an approver reads: who asks for what, and what its approval hinges on.

use super::Told;
use super::layout::{amount, count, payee_of};
use crate::document::{Policy, format_duration};
use crate::intent::Intent;
use crate::rules::{DenyReason, ListProspect, Miss, Missed, Prospect, Requirement};

/// Returns an intent as an approver reads it, with the rules that may decide it or why it is denied.
/// `request_verified` says whether the requester's signature came with it.
pub fn intent_told(
    intent: &Intent,
    policy: &Policy,
    prospects: &Result<Vec<Prospect>, DenyReason>,
    request_verified: bool,
) -> Told {
    let mut facts = vec![
        ("to", payee_of(&intent.script_pubkey, policy.network)),
        ("asked by", format!("{} as {}", intent.requester, intent.id)),
        ("created", intent.created.to_string()),
        ("expires", intent.expires.to_string()),
    ];
    if intent.min != intent.amount {
        facts.push(("at least", amount(intent.min)));
    }
    if !intent.reference.is_empty() {
        facts.push(("reference", intent.reference.clone()));
    }
    if let Some(replaces) = &intent.replaces {
        facts.push(("REPLACES", format!("{replaces}: at most one is paid")));
    }
    if let Some(repeats) = &intent.repeats {
        facts.push(("REPEATS", format!("{repeats}: both may be paid")));
    }
    match prospects {
        Ok(prospects) => {
            facts.extend(rules(prospects));
            facts.extend(lists(prospects));
        }
        Err(reason) => facts.push(("DENIED", denied(reason))),
    }
    let request = if request_verified {
        "signed by its requester, verified"
    } else {
        "the requester's signature is not in this file"
    };
    facts.push(("request", request.to_owned()));
    facts.push(("hash", intent.hash().to_string()));
    Told {
        headline: format!("{} of {}", intent.kind, amount(intent.amount)),
        facts,
    }
}

/// Returns an intent as its requester reads it before signing it.
pub fn request_told(
    intent: &Intent,
    policy: &Policy,
    prospects: &Result<Vec<Prospect>, DenyReason>,
) -> Told {
    let mut told = intent_told(intent, policy, prospects, false);
    for (label, value) in &mut told.facts {
        if *label == "request" {
            "yours to sign: nobody has asked for it yet".clone_into(value);
        }
    }
    told
}

/// Which rule decides, and what that hinges on.
fn rules(prospects: &[Prospect]) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    for prospect in prospects {
        let label = if facts.is_empty() {
            "rule"
        } else {
            "otherwise"
        };
        let rule = &prospect.requirement.rule;
        let demand = demand(&prospect.requirement);
        let words = match conditions(prospect) {
            None => format!("\"{rule}\": {demand}"),
            Some(conditions) => format!("if {conditions}, rule \"{rule}\" applies: {demand}"),
        };
        facts.push((label, words));
    }
    if prospects.last().is_some_and(|last| !last.is_certain()) {
        facts.push(("otherwise", "nobody may pay it".to_owned()));
    }
    facts
}

fn demand(requirement: &Requirement) -> String {
    let Requirement {
        group,
        count: own,
        page,
        ..
    } = requirement;
    let of_group = match group {
        Some(group) => format!(" of {group}"),
        None => String::new(),
    };
    let persons = |number: u32| match number {
        1 => format!("1 person{of_group}"),
        several => format!("{several} persons{of_group}"),
    };
    match (*own, *page) {
        (0, 0) => "automatic, no approval needed".to_owned(),
        (own, 0) => format!("{} must approve", persons(own)),
        (0, page) => format!(
            "{} must approve, also in the coordinator's page",
            persons(page)
        ),
        (own, page) => format!(
            "{} must approve, and {page} more, who may do so in the coordinator's page",
            persons(own)
        ),
    }
}

/// What must hold for the rule to decide, where that is not certain.
fn conditions(prospect: &Prospect) -> Option<String> {
    let on_a_list = (!prospect.lists.is_empty()).then(|| {
        let lists: Vec<String> = prospect.lists.iter().map(list).collect();
        format!("it is on the open list {}", lists.join(" or "))
    });
    let window = prospect.window.map(|window| {
        let (of, per) = (amount(window.amount), format_duration(window.per));
        format!("its window of {of} in {per} has room")
    });
    let both: Vec<String> = on_a_list.into_iter().chain(window).collect();
    (!both.is_empty()).then(|| both.join(" and "))
}

fn list(prospect: &ListProspect) -> String {
    let (name, delay) = (&prospect.list, format_duration(prospect.delay));
    let first = prospect.test_first.as_ref().map(|test| {
        let (most, group) = (amount(test.amount), &test.group);
        format!(", at most {most} until a person of {group} confirmed its first payment")
    });
    format!("{name} (delay {delay}{})", first.unwrap_or_default())
}

/// What the statements shown say of each open list, once.
fn lists(prospects: &[Prospect]) -> Vec<(&'static str, String)> {
    let mut told: Vec<&str> = Vec::new();
    let mut facts = Vec::new();
    for list in prospects.iter().flat_map(|prospect| &prospect.lists) {
        let name = list.list.as_str();
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        facts.push(match &list.shown {
            Ok(entry) => ("list", shown(list, &entry.label, entry.is_test)),
            Err(Miss::Destination) => (
                "list",
                format!("{name}: no statement shown here puts it there (see --statements)"),
            ),
            Err(miss) => ("LIST", format!("{name}: {}", miss_text(miss))),
        });
    }
    facts
}

fn shown(list: &ListProspect, label: &str, is_test: bool) -> String {
    let mut words = format!("{} has it as \"{label}\", signed by enough", list.list);
    if list.delay > 0 {
        let delay = format_duration(list.delay);
        words += &format!("; each signer waits {delay} from when it first saw that");
    }
    if let Some(test) = list.test_first.as_ref().filter(|_| is_test) {
        let most = amount(test.amount);
        words += &format!("; FIRST PAYMENT to it, at most {most} until it is confirmed");
    }
    words
}

fn denied(reason: &DenyReason) -> String {
    match reason {
        DenyReason::UnknownRequester { .. } => reason.to_string(),
        DenyReason::NoMatchingRule { missed } if missed.is_empty() => reason.to_string(),
        DenyReason::NoMatchingRule { missed } => {
            let rules: Vec<String> = missed
                .iter()
                .map(|Missed { rule, miss }| format!("\"{rule}\" ({})", miss_text(miss)))
                .collect();
            let none = count(rules.len(), "rule");
            format!("none of {none} matches: {}", rules.join("; "))
        }
    }
}

/// A miss with its amounts written as everywhere.
fn miss_text(miss: &Miss) -> String {
    match miss {
        Miss::Amount { max } => format!("amount above {}", amount(*max)),
        Miss::Window { left, per } => {
            let (left, per) = (amount(*left), format_duration(*per));
            format!("its window of {per} has {left} left")
        }
        Miss::TestAmount { max } => format!(
            "only {} go to the list's entry before its first payment is confirmed",
            amount(*max)
        ),
        Miss::Kind
        | Miss::Requester
        | Miss::Destination
        | Miss::EntryQuorum { .. }
        | Miss::EntryRemoved
        | Miss::EntryNotYetValid { .. }
        | Miss::EntryExpired { .. }
        | Miss::CoolingOff { .. }
        | Miss::AwaitingConfirmation
        | Miss::NeverAutomatic => miss.to_string(),
    }
}
