//! `journal status`: where the journal stands, and what is left of windows and budgets.
//!
//! Whatever is told is computed by the functions that signing asks, at the journal's own time.

use super::moves_text;
use super::show::grouped;
use crate::command::Context;
use crate::failure::Failure;
use policies::document::{Rule, format_duration};
use policies::journal::SelfSpendAllowance;
use policies::rules::Allowance;
use policies::{Journal, Policy, UnixTime};

/// What is left of everything that a policy bounds over time.
struct Left<'a> {
    rules: Vec<(&'a Rule, Option<Allowance>)>,
    fees: Option<Allowance>,
    self_spends: Option<SelfSpendAllowance>,
}

impl<'a> Left<'a> {
    fn of(policy: &'a Policy, journal: &Journal, now: UnixTime) -> Self {
        let history = journal.history();
        let left = |rule: &Rule| {
            let allowance = |window| {
                let windows = history.windows();
                windows.allowance(&policy.rules, &rule.name, window, now)
            };
            rule.window.map(allowance)
        };
        let limits = &policy.limits;
        let rules = policy.rules.iter();
        Self {
            rules: rules.map(|rule| (rule, left(rule))).collect(),
            fees: limits
                .fee_budget
                .map(|budget| history.fee_allowance(budget, now)),
            self_spends: limits
                .self_spend_budget
                .map(|budget| history.self_spend_allowance(budget, now)),
        }
    }
}

pub(super) fn answer(
    context: &mut Context,
    policy: &Policy,
    journal: &Journal,
    clock: UnixTime,
) -> Result<(), Failure> {
    let now = journal.now(clock);
    let left = Left::of(policy, journal, now);
    let text = text(journal, &left, now);
    context.terminal.answer(&text, &json(journal, &left, now))
}

/// When a journal was born, in words.
pub(crate) fn born(birth: UnixTime) -> String {
    if birth == UnixTime::ZERO {
        "with the vault: no request is too old for it".to_owned()
    } else {
        format!("{birth}; requests from before are refused")
    }
}

fn text(journal: &Journal, left: &Left<'_>, now: UnixTime) -> String {
    let history = journal.history();
    let transactions = match history.transactions() {
        0 => "none signed yet".to_owned(),
        count => format!("{count} signed, the last entry {}", history.last()),
    };
    let mut lines = vec![
        format!("Journal {}", journal.key()),
        format!("  born          {}", born(history.birth())),
        format!("  entries       {}", journal.counter()),
        format!("  transactions  {transactions}{}", moves_text(journal)),
        format!("Left at {now}"),
    ];
    for (rule, window) in &left.rules {
        lines.push(format!("  Rule {}", rule.name));
        match window {
            Some(window) => lines.extend(allowance_lines(window)),
            None => lines.push("    no window: as much as its amounts and approvals allow".into()),
        }
    }
    if left.rules.is_empty() {
        lines.push("  No rule: the policy lets nobody be paid".to_owned());
    }
    lines.push("  Fees of all transactions".to_owned());
    match &left.fees {
        Some(fees) => lines.extend(allowance_lines(fees)),
        None => lines.push("    no budget: each fee has its own cap only".to_owned()),
    }
    lines.push("  Spends to ourselves without approvals of maintenance".to_owned());
    match &left.self_spends {
        Some(own) => lines.extend(self_spend_lines(own)),
        None => lines.push("    none: each needs approvals of maintenance".to_owned()),
    }
    lines.join("\n")
}

fn allowance_lines(allowance: &Allowance) -> Vec<String> {
    let mut lines = vec![format!(
        "    {} of {} sat in any {}{}",
        grouped(allowance.left().to_sat()),
        grouped(allowance.most.to_sat()),
        format_duration(allowance.per),
        unused(allowance.next.is_none()),
    )];
    lines.extend(allowance.next.map(|next| {
        let sat = grouped(next.amount.to_sat());
        format!("    {sat} sat free again {}", next.at)
    }));
    lines
}

fn self_spend_lines(own: &SelfSpendAllowance) -> Vec<String> {
    let per = format_duration(own.fees.per);
    let fees = grouped(own.fees.left().to_sat());
    let most = grouped(own.fees.most.to_sat());
    let mut lines = vec![
        format!(
            "    {} of {} in any {per}{}",
            own.left(),
            own.most,
            unused(own.fees.next.is_none())
        ),
        format!("    fees {fees} of {most} sat"),
    ];
    lines.extend(own.fees.next.map(|next| {
        let sat = grouped(next.amount.to_sat());
        format!("    one more, with {sat} sat, free again {}", next.at)
    }));
    lines
}

const fn unused(unused: bool) -> &'static str {
    if unused { ", all of it" } else { "" }
}

fn json(journal: &Journal, left: &Left<'_>, now: UnixTime) -> serde_json::Value {
    let history = journal.history();
    let rules: Vec<_> = left
        .rules
        .iter()
        .map(|(rule, window)| {
            serde_json::json!({ "rule": rule.name, "window": window.as_ref().map(allowance_json) })
        })
        .collect();
    let self_spends = left.self_spends.as_ref().map(|own| {
        serde_json::json!({
            "left": own.left(),
            "of": own.most,
            "fees": allowance_json(&own.fees),
        })
    });
    serde_json::json!({
        "journal": journal.key(),
        "birth": history.birth(),
        "counter": journal.counter(),
        "transactions": history.transactions(),
        "moved_to": history.moved_to(),
        "now": now,
        "rules": rules,
        "fees": left.fees.as_ref().map(allowance_json),
        "self_spends": self_spends,
    })
}

fn allowance_json(allowance: &Allowance) -> serde_json::Value {
    let next = allowance
        .next
        .map(|next| serde_json::json!({ "at": next.at, "sat": next.amount.to_sat() }));
    serde_json::json!({
        "left_sat": allowance.left().to_sat(),
        "spent_sat": allowance.spent.to_sat(),
        "of_sat": allowance.most.to_sat(),
        "per_s": allowance.per,
        "next": next,
    })
}
