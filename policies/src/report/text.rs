//! The words a person reads in review.

use std::fmt::Write as _;

use bitcoin::Amount;

use super::layout::wrap;
use crate::IntentKind;
use crate::analysis::{Analysis, SpendingPath};
use crate::document::{
    Approvals, Mistake, Policy, Recovery, Rule, format_duration, format_sat_per_vb, name_of_network,
};

/// Paths beyond this many are counted instead of listed.
const LISTED_PATHS: usize = 40;

/// A policy version with its analysis, in full.
pub fn show(policy: &Policy) -> String {
    let analysis = Analysis::of(policy);
    let mut out = String::new();
    head(&mut out, policy);
    spending(&mut out, policy, &analysis);
    people(&mut out, policy);
    limits(&mut out, policy);
    rules(&mut out, policy);
    out
}

/// The mistakes of a document, each with its code and hint.
pub fn mistakes(found: &[Mistake]) -> String {
    let mut out = String::new();
    for mistake in found {
        out += &wrap(&format!("{}: {mistake}", mistake.code()), "", "  ");
        out += &wrap(&mistake.hint(), "  Hint: ", "  ");
    }
    out
}

fn field(out: &mut String, label: &str, value: &str) {
    *out += &wrap(value, &format!("  {label:<15} "), &" ".repeat(18));
}

fn title(out: &mut String, text: &str) {
    out.push('\n');
    out.push_str(text);
    out.push('\n');
}

fn head(out: &mut String, policy: &Policy) {
    *out += &wrap(
        &format!("Policy {:?}, version {}", policy.name, policy.version),
        "",
        "",
    );
    field(out, "id", &policy.id.to_string());
    field(out, "words", &policy.words().join(" "));
    field(out, "vault", &policy.vault.to_string());
    field(out, "network", name_of_network(policy.network));
    field(out, "genesis", &policy.genesis.to_string());
    field(
        out,
        "head",
        &format!("block {} at {}", policy.head.height, policy.head.time),
    );
    field(out, "valid until", &policy.valid_until.to_string());
}

fn spending(out: &mut String, policy: &Policy, analysis: &Analysis) {
    title(out, "Spending");
    field(out, "scripts", analysis.script_kind.name());
    field(out, "descriptor", policy.descriptor.text());
    if let Some(text) = &policy.policy_text {
        field(out, "policy", &format!("{text} (means the same)"));
    }
    let recovery = match &policy.recovery {
        Recovery::Newest => "to the newest pinned descriptor".to_owned(),
        Recovery::Address(address) => format!("to {address}"),
    };
    field(out, "recovery", &recovery);
    field(
        out,
        "input",
        &format!(
            "{} weight units on the heaviest ordinary path",
            analysis.input_weight
        ),
    );
    field(
        out,
        "output",
        &format!("{} weight units", analysis.output_weight),
    );
    for cost in &analysis.input_costs {
        field(
            out,
            "cost of input",
            &format!(
                "{} sat at {} sat/vB",
                cost.amount.to_sat(),
                cost.feerate_sat_vb
            ),
        );
    }
    field(
        out,
        "double payment",
        &tolerance(analysis.double_payment_tolerance),
    );
    paths(out, "Ordinary paths", analysis.ordinary());
    paths(out, "Recovery paths", analysis.recovery());
    for blocks in &analysis.short_timelocks {
        *out += &wrap(
            &format!("Warning: a timelock of {blocks} blocks is shorter than 30 days."),
            "  ",
            "  ",
        );
    }
}

fn tolerance(tolerance: i32) -> String {
    match tolerance {
        ..0 => "TRUSTS THE COORDINATOR: two sets of signers may share nobody".to_owned(),
        0 => "every two sets of signers share a person; none of them may be dishonest".to_owned(),
        some => format!("up to {some} dishonest persons cannot pay a withdrawal twice"),
    }
}

fn paths<'a>(out: &mut String, label: &str, paths: impl Iterator<Item = &'a SpendingPath>) {
    let paths: Vec<&SpendingPath> = paths.collect();
    if paths.is_empty() {
        return;
    }
    title(out, label);
    for path in paths.iter().take(LISTED_PATHS) {
        let weight = path.satisfaction_weight.to_wu();
        *out += &wrap(
            &format!("{} ({weight} weight units)", path.name),
            "  ",
            "    ",
        );
    }
    if let Some(more) = paths
        .len()
        .checked_sub(LISTED_PATHS)
        .filter(|more| *more > 0)
    {
        writeln!(out, "  and {more} more").expect("writing to a string succeeds");
    }
}

fn people(out: &mut String, policy: &Policy) {
    title(out, "Signers");
    for signer in &policy.signers {
        let device = signer
            .device
            .as_ref()
            .map(|device| format!(", {}", device.kind))
            .unwrap_or_default();
        *out += &wrap(
            &format!("{} (person {}{device})", signer.name, signer.person),
            "  ",
            "    ",
        );
        field(out, "  key", &signer.key.text);
        field(out, "  journal", &signer.journal.to_string());
    }
    title(out, "Requesters");
    for requester in &policy.requesters {
        *out += &wrap(
            &format!("{} (person {})", requester.name, requester.person),
            "  ",
            "    ",
        );
        for pinned in &requester.keys {
            field(out, "  key", &pinned.key.to_string());
        }
    }
    if !policy.approvers.is_empty() {
        title(out, "Approvers");
    }
    for approver in &policy.approvers {
        let groups = approver.groups.join(", ");
        *out += &wrap(
            &format!("{} (person {}) of {groups}", approver.name, approver.person),
            "  ",
            "    ",
        );
        for pinned in &approver.keys {
            field(out, "  key", &pinned.key.to_string());
        }
    }
}

fn limits(out: &mut String, policy: &Policy) {
    let limits = &policy.limits;
    title(out, "Limits of every transaction");
    field(
        out,
        "feerate",
        &format!("{} sat/vB", format_sat_per_vb(limits.feerate_max)),
    );
    field(
        out,
        "fee",
        &format!(
            "{}, and {} % of the payments",
            sat(limits.fee_max),
            limits.fee_share_max_percent
        ),
    );
    field(
        out,
        "change",
        &format!(
            "at most {} outputs of at least {}",
            limits.change_max_outputs,
            sat(limits.change_min)
        ),
    );
    field(
        out,
        "size",
        &format!(
            "at most {} inputs and {} outputs",
            limits.max_inputs, limits.max_outputs
        ),
    );
    field(
        out,
        "settled",
        &format!(
            "deposits after {} confirmations, change after {}",
            limits.confirmations_deposit, limits.confirmations_change
        ),
    );
    field(out, "clock skew", &format_duration(limits.clock_skew));
}

fn rules(out: &mut String, policy: &Policy) {
    for list in &policy.lists {
        title(out, &format!("List {}", list.name));
        for address in &list.entries {
            *out += &wrap(&address.to_string(), "  ", "    ");
        }
    }
    title(out, "Rules (first match decides; nothing matching denies)");
    for (position, rule) in policy.rules.iter().enumerate() {
        *out += &wrap(
            &format!("{}: {}", rule.name, rule_words(rule)),
            &format!("  {}. ", position.saturating_add(1)),
            "     ",
        );
    }
    if let Some(approvals) = &policy.maintenance {
        title(out, "Maintenance");
        *out += &wrap(&quorum(approvals), "  ", "  ");
    }
    if let Some(change) = &policy.change {
        title(out, "Next version");
        let delay = format_duration(change.delay);
        *out += &wrap(
            &format!("{}, then {delay}", quorum(&change.approvals)),
            "  ",
            "  ",
        );
    }
}

/// A rule in one sentence.
fn rule_words(rule: &Rule) -> String {
    let kind = rule.kind.map_or("any kind", IntentKind::name);
    let requested = rule
        .requesters
        .as_ref()
        .map(|names| format!(" requested by {}", names.join(" or ")));
    let to = rule
        .to
        .as_ref()
        .map(|lists| format!(" to list {}", lists.join(" or ")));
    let amount = rule.amount_max.map(|max| format!(" up to {}", sat(max)));
    let conditions: String = [requested, to, amount].into_iter().flatten().collect();
    format!("{kind}{conditions}: {}", quorum(&rule.approvals))
}

fn quorum(approvals: &Approvals) -> String {
    match (&approvals.group, approvals.count) {
        (_, 0) => "automatic, no person approves".to_owned(),
        (Some(group), count) => format!("{count} of group {group} must approve"),
        (None, count) => format!("{count} of all approvers must approve"),
    }
}

fn sat(amount: Amount) -> String {
    format!("{} sat", amount.to_sat())
}
