//! What the theft of a requester's key moves without any human.

use bitcoin::Amount;
use serde::Serialize;

use crate::IntentKind;
use crate::document::{Policy, Requester, Rule};

/// What whoever has one requester's key moves alone; every key of a requester has the same power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequesterTheft {
    /// The requester.
    pub requester: String,
    /// By which rules; nothing when there are none.
    pub moves: Vec<Automatic>,
}

/// A rule that asks nobody. Rules before it may ask somebody for part of what it matches, so that
/// it moves at most what it says here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Automatic {
    /// The rule.
    pub rule: String,
    /// The kind that it matches; any but a sweep when none.
    pub kind: Option<&'static str>,
    /// The lists that it pays; anybody when none.
    pub to: Option<Vec<String>>,
    /// The most that one withdrawal moves.
    pub amount_max_sat: Option<u64>,
    /// What all of them move in a window; without bound when none.
    pub window: Option<Window>,
}

/// An amount in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The amount.
    #[serde(rename = "amount_sat", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
    /// Seconds.
    pub per_s: u64,
}

/// The thefts of every requester.
pub(super) fn thefts(policy: &Policy) -> Vec<RequesterTheft> {
    policy
        .requesters
        .iter()
        .map(|requester| RequesterTheft {
            requester: requester.name.clone(),
            moves: policy
                .rules
                .iter()
                .filter(|rule| moves_alone(rule, requester))
                .map(automatic)
                .collect(),
        })
        .collect()
}

fn moves_alone(rule: &Rule, requester: &Requester) -> bool {
    let serves = rule
        .requesters
        .as_ref()
        .is_none_or(|names| names.contains(&requester.name));
    let asks_nobody = rule.approvals.count == 0;
    // Sweeps are never approved automatically.
    serves && asks_nobody && rule.kind != Some(IntentKind::Sweep)
}

fn automatic(rule: &Rule) -> Automatic {
    Automatic {
        rule: rule.name.clone(),
        kind: rule.kind.map(IntentKind::name),
        to: rule.to.clone(),
        amount_max_sat: rule.amount_max.map(Amount::to_sat),
        window: super::bounded::window_of(rule),
    }
}
