//! Granting: the rule that decides each payment, in the order of outputs, each counted before the next.

use super::approvals::Signed;
use super::payments::Paid;
use crate::document::Policy;
use crate::journal::History;
use crate::planted::{Bug, planted};
use crate::review::{Refusal, WindowLeft};
use crate::rules::{
    Decision, OpenLists, Requirement, Standing, UsableEntry, Windows, approving_persons, decide,
    page_persons, satisfied,
};
use crate::time::UnixTime;

/// What allows a payment; nothing where nothing new is granted.
#[derive(Debug, Clone, Default)]
pub(super) struct Grant {
    pub(super) rule: String,
    pub(super) approved_by: Vec<String>,
    pub(super) page_approved_by: Vec<String>,
    pub(super) entry: Option<UsableEntry>,
    pub(super) window: Option<WindowLeft>,
}

/// Decides all payments.
pub(super) fn decide_all(
    paid: &[Paid],
    signed: &Signed,
    policy: &Policy,
    mut lists: OpenLists,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Vec<Grant> {
    let has_windows = policy.rules.iter().any(|rule| rule.window.is_some());
    let mut windows = if has_windows {
        history.windows().clone()
    } else {
        Windows::none()
    };
    let mut grants = Vec::with_capacity(paid.len());
    for payment in paid {
        let intent = &payment.intent;
        if history.paid_lines_to(&intent.script_pubkey, intent) {
            lists.pay_another_before(payment.hash);
        }
        let standing = Standing {
            windows: &windows,
            lists: &lists,
            now,
        };
        let grant = match decide(policy, intent, &standing) {
            Decision::Denied(_) if planted(Bug::Denial) => Grant::default(),
            Decision::Denied(reason) => {
                refusals.push(Refusal::Denied {
                    intent: payment.hash,
                    reason,
                });
                Grant::default()
            }
            Decision::Needs(requirement) => {
                if !planted(Bug::WindowWithin) {
                    windows.count(&requirement.rule, payment.hash, intent.amount, now);
                }
                lists.pay(intent);
                let window = window_left(policy, &requirement, &windows, now);
                Grant {
                    window,
                    ..grant(payment, requirement, signed, policy, refusals)
                }
            }
        };
        grants.push(grant);
    }
    grants
}

fn grant(
    payment: &Paid,
    requirement: Requirement,
    signed: &Signed,
    policy: &Policy,
    refusals: &mut Vec<Refusal>,
) -> Grant {
    let intent = &payment.intent;
    let keys = signed.intents.get(&payment.hash);
    let keys = keys.map_or(&[][..], Vec::as_slice);
    if let Err(shortfall) = satisfied(policy, &requirement, intent, keys) {
        refusals.push(Refusal::TooFewApprovals {
            intent: payment.hash,
            shortfall,
        });
    }
    let page_approved_by = if requirement.page > 0 {
        page_persons(policy, &requirement, intent, keys)
    } else {
        Vec::new()
    };
    Grant {
        approved_by: approving_persons(policy, &requirement, intent, keys),
        page_approved_by,
        rule: requirement.rule,
        entry: requirement.entry,
        window: None,
    }
}

/// What the deciding rule's window has left after this payment.
fn window_left(
    policy: &Policy,
    requirement: &Requirement,
    windows: &Windows,
    now: UnixTime,
) -> Option<WindowLeft> {
    let rule = (policy.rules.iter()).find(|rule| rule.name == requirement.rule)?;
    let window = rule.window?;
    Some(WindowLeft {
        left: windows
            .allowance(&policy.rules, &rule.name, window, now)
            .left(),
        of: window.amount,
        per: window.per,
    })
}
