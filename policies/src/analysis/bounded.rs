//! The windows of a document: where the analysis reads what bounds rules and fees in time.

use super::requesters::Window;
use super::windows::{Quorum, WindowBound};
use crate::document::{Policy, Rule};

/// The window of a rule, if one bounds it.
pub(super) fn window_of(rule: &Rule) -> Option<Window> {
    rule.window.map(|window| Window {
        amount: window.amount,
        per_s: window.per,
    })
}

/// What each window and budget of a document bounds.
pub(super) fn window_bounds(policy: &Policy, quorum: Quorum) -> Vec<WindowBound> {
    let limits = &policy.limits;
    let budgets = [
        limits
            .fee_budget
            .map(|budget| ("fee_budget", budget.amount, budget.window)),
        limits
            .self_spend_budget
            .map(|budget| ("self_spend_budget", budget.amount, budget.window)),
    ];
    let rules = policy.rules.iter().filter_map(|rule| {
        let window = rule.window?;
        Some((rule.name.as_str(), window.amount, window.per))
    });
    rules
        .chain(budgets.into_iter().flatten())
        .map(|(name, amount, per_s)| WindowBound::of(name, amount, per_s, quorum))
        .collect()
}
