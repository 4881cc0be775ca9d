//! A replay of past withdrawals, in the words of review and as JSON.

use serde_json::{Value, json as object};

use super::layout::wrap;
use super::text::{sat, title};
use crate::rules::{Outcome, Replay, Replayed};

/// The most withdrawals that pass and are listed one by one: those that would not pass are all listed.
const LISTED: usize = 20;

/// The outcome in one sentence, such as "3 of 212 would need one more approval, 1 would be denied."
pub fn replay_summary(replay: &Replay) -> String {
    let total = replay.withdrawals.len();
    if total == 0 {
        return "No past withdrawals.".to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for (more, count) in replay.short() {
        let of = if parts.is_empty() {
            format!("{count} of {total}")
        } else {
            count.to_string()
        };
        let approvals = if more == 1 {
            "one more approval".to_owned()
        } else {
            format!("{more} more approvals")
        };
        parts.push(format!("{of} would need {approvals}"));
    }
    let denied = replay.denied();
    if denied > 0 {
        let of = if parts.is_empty() {
            format!("{denied} of {total}")
        } else {
            denied.to_string()
        };
        parts.push(format!("{of} would be denied"));
    }
    if parts.is_empty() {
        return format!("All {total} would pass as they were approved.");
    }
    format!("{}.", parts.join(", "))
}

/// The replay with the facts of each withdrawal.
pub fn replay(replay: &Replay) -> String {
    let mut out = wrap(&replay_summary(replay), "", "");
    let passes = |replayed: &&Replayed| match replayed.outcome {
        Outcome::Passes { .. } => true,
        Outcome::Short { .. } | Outcome::Denied { .. } => false,
    };
    let (passing, others): (Vec<&Replayed>, Vec<&Replayed>) =
        replay.withdrawals.iter().partition(passes);
    if !others.is_empty() {
        title(&mut out, "Would not have passed as they were approved");
        for replayed in &others {
            out += &wrap(&words(replayed), "  ", "    ");
        }
    }
    if !passing.is_empty() {
        title(&mut out, "Would have passed");
        for replayed in passing.iter().take(LISTED) {
            out += &wrap(&words(replayed), "  ", "    ");
        }
        let more = passing.len().saturating_sub(LISTED);
        if more > 0 {
            out += &wrap(&format!("and {more} more"), "  ", "  ");
        }
    }
    out
}

/// The same as JSON.
pub fn replay_json(replay: &Replay) -> Value {
    let short: Vec<Value> = replay
        .short()
        .into_iter()
        .map(|(more, count)| object!({ "more": more, "count": count }))
        .collect();
    object!({
        "policy": replay.policy,
        "summary": replay_summary(replay),
        "total": replay.withdrawals.len(),
        "short": short,
        "denied": replay.denied(),
        "withdrawals": replay.withdrawals,
    })
}

fn words(replayed: &Replayed) -> String {
    format!(
        "{} of {} at {}, {}: {}",
        replayed.id,
        replayed.requester,
        replayed.paid_at,
        sat(replayed.amount),
        outcome_words(&replayed.outcome)
    )
}

/// What becomes of a past withdrawal, in one sentence.
pub fn outcome_words(outcome: &Outcome) -> String {
    let by = |approved: &[String]| {
        if approved.is_empty() {
            "nobody who counts approved".to_owned()
        } else {
            format!("approved by {}", approved.join(", "))
        }
    };
    match outcome {
        Outcome::Passes {
            requirement,
            approved: _,
        } if requirement.is_automatic() => format!("automatic by rule {}", requirement.rule),
        Outcome::Passes {
            requirement,
            approved,
        } => format!("rule {}, {}", requirement.rule, by(approved)),
        Outcome::Short {
            requirement,
            approved,
            more,
        } => {
            let needed = requirement.count.saturating_add(requirement.page);
            let of = requirement.group.as_ref();
            let of = of.map(|group| format!(" of {group}")).unwrap_or_default();
            format!(
                "{more} more of {needed} approvals{of} by rule {}, {}",
                requirement.rule,
                by(approved)
            )
        }
        Outcome::Denied { reason } => format!("DENIED: {reason}"),
    }
}
