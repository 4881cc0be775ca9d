//! The words a person reads in review.

use bitcoin::Amount;

use super::analysis;
use super::layout::wrap;
use crate::IntentKind;
use crate::analysis::Analysis;
use crate::document::{
    Approvals, Mistake, Open, Policy, Recovery, Rule, format_duration, format_sat_per_vb,
    name_of_network,
};
use crate::words::thousands;

/// A policy version with its analysis, in full.
pub fn show(policy: &Policy) -> String {
    let analysis = Analysis::of(policy);
    let mut out = String::new();
    head(&mut out, policy);
    spending(&mut out, policy, &analysis);
    people(&mut out, policy);
    analysis::devices(&mut out, &analysis);
    limits(&mut out, policy);
    rules(&mut out, policy);
    analysis::bounds(&mut out, &analysis);
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

pub(super) fn field(out: &mut String, label: &str, value: &str) {
    *out += &wrap(value, &format!("  {label:<15} "), &" ".repeat(18));
}

pub(super) fn title(out: &mut String, text: &str) {
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
    if let Some(challenge) = &policy.signet_challenge {
        field(out, "signet", &challenge.to_hex_string());
    }
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
    field(out, "recovery", &recovery_words(policy));
    analysis::spending(out, analysis);
}

/// Where a recovery pays.
pub fn recovery_words(policy: &Policy) -> String {
    match &policy.recovery {
        Recovery::Newest => "to the newest pinned descriptor".to_owned(),
        Recovery::Address(address) => format!("to {address}"),
    }
}

fn people(out: &mut String, policy: &Policy) {
    title(out, "Signers");
    for signer in &policy.signers {
        let device = signer
            .device
            .as_ref()
            .map(|device| {
                let firmware = device.firmware.as_ref();
                let firmware = firmware.map(|firmware| format!(", firmware {firmware}"));
                let seed = device.seed_created.as_ref();
                let seed = seed.map(|day| format!(", seed made {day}"));
                let host = device.host.as_ref().map(|host| format!(" on host {host}"));
                let parts: String = [host, firmware, seed].into_iter().flatten().collect();
                format!(", {}{parts}", device.kind)
            })
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
    title(out, "Limits of every transaction");
    for (label, words) in limit_facts(policy) {
        field(out, label, &words);
    }
}

/// The limits of every transaction, each with its label.
pub fn limit_facts(policy: &Policy) -> Vec<(&'static str, String)> {
    let limits = &policy.limits;
    let fees = limits.fee_budget.map_or_else(
        || "no budget: only the caps above hold".to_owned(),
        |budget| {
            let window = format_duration(budget.window);
            format!("at most {} in {window}", sat(budget.amount))
        },
    );
    let own = limits.self_spend_budget.map_or_else(
        || "always as [maintenance] says".to_owned(),
        |budget| {
            let (fees, window) = (sat(budget.amount), format_duration(budget.window));
            format!(
                "{} for {fees} in {window}, beyond as [maintenance] says",
                budget.count
            )
        },
    );
    let mut facts = vec![
        (
            "feerate",
            format!("{} sat/vB", format_sat_per_vb(limits.feerate_max)),
        ),
        (
            "fee",
            format!(
                "{}, and {} % of the payments",
                sat(limits.fee_max),
                limits.fee_share_max_percent
            ),
        ),
        (
            "change",
            format!(
                "at most {} of at least {}",
                counted(limits.change_max_outputs, "output"),
                sat(limits.change_min)
            ),
        ),
        (
            "size",
            format!(
                "at most {} and {}",
                counted(limits.max_inputs, "input"),
                counted(limits.max_outputs, "output")
            ),
        ),
        (
            "settled",
            format!(
                "deposits after {}, change after {}",
                counted(limits.confirmations_deposit, "confirmation"),
                limits.confirmations_change
            ),
        ),
        ("clock skew", format_duration(limits.clock_skew)),
        ("all fees", fees),
        ("self-spends", own),
    ];
    if let Some(inclusion) = limits.inclusion {
        let words = format!(
            "the first attempt of a withdrawal shows one of its coins in a block with {} of work {:08x} or more",
            counted(inclusion.confirmations, "confirmation"),
            inclusion.bits
        );
        facts.push(("in the chain", words));
    }
    facts
}

fn rules(out: &mut String, policy: &Policy) {
    for list in &policy.lists {
        title(out, &format!("List {}", list.name));
        for address in &list.entries {
            *out += &wrap(&address.to_string(), "  ", "    ");
        }
        if let Some(open) = &list.open {
            *out += &wrap(&open_words(open), "  ", "    ");
        }
    }
    for vault in &policy.other_vaults {
        title(out, &format!("Other vault {}", vault.name));
        let reach = format!("its first {} scripts of each keychain", vault.reach);
        for line in [
            format!("id {}", vault.vault),
            reach,
            vault.descriptor.text().to_owned(),
        ] {
            *out += &wrap(&line, "  ", "    ");
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
    for (label, words) in quorum_facts(policy) {
        title(out, label);
        *out += &wrap(&words, "  ", "  ");
    }
}

/// Who approves what is no withdrawal, each with its label.
pub fn quorum_facts(policy: &Policy) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(approvals) = &policy.maintenance {
        facts.push(("Maintenance", quorum(approvals)));
    }
    if let Some(approvals) = &policy.release {
        facts.push(("Release of a stop", quorum(approvals)));
    }
    if policy.release_quorum().is_none() {
        let never = "NOBODY can release a stop: write [stop] or [change]";
        facts.push(("Release of a stop", never.to_owned()));
    }
    if let Some(go) = &policy.go {
        let within = format_duration(go.within);
        let words = format!("{}, for {within} each time", quorum(&go.approvals));
        facts.push(("Automatic co-signers", words));
    }
    if let Some(change) = &policy.change {
        let delay = format_duration(change.delay);
        let words = format!("{}, then {delay}", quorum(&change.approvals));
        facts.push(("Next version", words));
    }
    facts
}

/// A rule in one sentence.
pub fn rule_words(rule: &Rule) -> String {
    let kind = rule.kind.map_or("any kind", IntentKind::name);
    let requested = rule
        .requesters
        .as_ref()
        .map(|names| format!(" requested by {}", names.join(" or ")));
    let to = rule
        .to
        .as_ref()
        .map(|lists| format!(" to {}", lists.join(" or ")));
    let amount = rule.amount_max.map(|max| format!(" up to {}", sat(max)));
    let window = rule.window.map(|window| {
        let per = format_duration(window.per);
        format!(", {} in {per}", sat(window.amount))
    });
    let conditions: String = [requested, to, amount, window]
        .into_iter()
        .flatten()
        .collect();
    format!("{kind}{conditions}: {}", quorum(&rule.approvals))
}

/// How entries come onto an open list.
pub fn open_words(open: &Open) -> String {
    let delay = format_duration(open.delay);
    let first = open.test_first.as_ref().map(|test| {
        let (most, group) = (sat(test.amount), &test.group);
        format!("; the first payment at most {most}, confirmed by one of {group}")
    });
    format!(
        "open: to add an entry {}, then {delay}; one of them removes it{}",
        quorum(&open.approvals),
        first.unwrap_or_default()
    )
}

/// Who must approve, in words.
pub fn quorum(approvals: &Approvals) -> String {
    let own = match (&approvals.group, approvals.count) {
        (_, 0) => return "automatic, no person approves".to_owned(),
        (Some(group), count) => format!("{count} of group {group} must approve"),
        (None, count) => format!("{count} of all approvers must approve"),
    };
    match approvals.page {
        0 => own,
        page => format!("{own}, and {page} more, who may use the coordinator's page"),
    }
}

/// An amount in satoshi, its digits in groups.
pub(crate) fn sat(amount: Amount) -> String {
    format!("{} sat", thousands(amount.to_sat()))
}

fn counted(count: u32, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
