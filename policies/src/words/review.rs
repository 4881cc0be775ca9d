//! The words of a review, from the [`Review`] alone.

use std::fmt::Write;

use bitcoin::Address;

use super::layout::{Page, amount, count, destination, wrap};
use super::statement_text;
use crate::document::{Policy, format_duration, format_sat_per_vb};
use crate::intent::IntentKind;
use crate::journal::SpendMode;
use crate::review::{Refusal, Review, ReviewedPayment};

/// Returns the review as a signer reads it before signing.
pub fn review_text(review: &Review, policy: &Policy) -> String {
    let mut page = Page(String::new());
    head(&mut page, review, policy);
    page.line("");
    for (number, payment) in (1u32..).zip(&review.payments) {
        one_payment(&mut page, number, payment, policy);
    }
    for recovered in &review.recovered {
        page.line(&format!("Recovers     {}", amount(recovered.amount)));
        let address = Address::from_script(&recovered.script_pubkey, policy.network).ok();
        page.indented(&destination(address.as_ref(), &recovered.script_pubkey));
    }
    if !review.payments.is_empty() || !review.recovered.is_empty() {
        page.line("");
    }
    for replaced in &review.replaced {
        page.wrapped(&format!(
            "Replaces     {} of {}, {}: at most one of the line is paid",
            replaced.id,
            replaced.requester,
            amount(replaced.amount)
        ));
    }
    for change in &review.changes {
        page.line(&format!(
            "Back to us   {} (change {}, proven)",
            amount(change.amount),
            change.index
        ));
    }
    if review.changes.is_empty() {
        page.line("Back to us   nothing: no change");
    }
    page.line(&format!(
        "Spends       {} of this vault, proven",
        count(review.inputs.len(), "coin")
    ));
    if let Some(keyset) = review.former {
        page.wrapped(&format!("             of the former keyset {keyset}"));
    }
    for included in &review.included {
        page.wrapped(&format!(
            "In the chain one of them, {}, with {}",
            included.outpoint,
            count(
                usize::try_from(included.confirmations).unwrap_or(usize::MAX),
                "confirmation"
            )
        ));
    }
    for heard in &review.seen {
        page.wrapped(&format!(
            "New          {}",
            statement_text(&heard.statement)
        ));
    }
    for warning in &review.warnings {
        page.wrapped(&format!("Mind: {warning}"));
    }
    page.0
}

fn head(page: &mut Page, review: &Review, policy: &Policy) {
    match review.mode {
        SpendMode::Pay => {}
        SpendMode::SelfSpend => {
            page.wrapped("SELF-SPEND   pays nobody but this vault; only the fee leaves it");
        }
        SpendMode::Recovery => {
            let older = review.older.unwrap_or_default();
            page.wrapped(&format!(
                "RECOVERY     takes the path with a timelock of {older} blocks, without the ordinary \
                 signers"
            ));
        }
    }
    page.line(&format!(
        "Vault        {} ({})",
        policy.name, policy.network
    ));
    page.line(&format!("Transaction  {}", review.txid));
    if review.mode == SpendMode::Pay {
        page.line(&format!(
            "Pays         {} in {}",
            amount(review.paid()),
            count(review.payments.len(), "withdrawal")
        ));
    }
    if !review.maintained_by.is_empty() {
        page.wrapped(&format!(
            "Maintenance  approved by {}",
            review.maintained_by.join(", ")
        ));
    }
    if let Some(earlier) = review.granted_by {
        page.line("Grants       nothing new: all of it is paid by the fully signed");
        page.line(&format!("             {earlier}"));
        page.line("             and at most one of the two can ever be mined");
    }
    page.line(&format!("Fee          {}", amount(review.fee)));
    page.line(&format!(
        "             at most {}",
        amount(policy.limits.fee_max)
    ));
    page.line(&format!(
        "             {} sat/vB, at most {} sat/vB",
        format_sat_per_vb(review.feerate),
        format_sat_per_vb(policy.limits.feerate_max),
    ));
}

fn one_payment(page: &mut Page, number: u32, payment: &ReviewedPayment, policy: &Policy) {
    let kind = match payment.intent.kind {
        IntentKind::Payment => String::new(),
        IntentKind::Transfer => match policy.other_vault_of(&payment.script_pubkey) {
            Some(vault) => format!(" TRANSFER to the vault {}", vault.name),
            None => " TRANSFER to this vault".to_owned(),
        },
        IntentKind::Sweep => " SWEEP: the fee comes out of it".to_owned(),
    };
    page.line(&format!("{number:>3}. {}{kind}", amount(payment.amount)));
    page.indented(&destination(
        payment.address.as_ref(),
        &payment.script_pubkey,
    ));
    page.indented(&format!(
        "asked for by {} as {}",
        payment.intent.requester, payment.intent.id
    ));
    if payment.intent.kind == IntentKind::Sweep {
        page.indented(&format!(
            "from {} to {}",
            amount(payment.intent.min),
            amount(payment.intent.amount)
        ));
    }
    if !payment.intent.reference.is_empty() {
        page.indented(&format!("reference: \"{}\"", payment.intent.reference));
    }
    if !payment.rule.is_empty() {
        page.indented(&format!(
            "rule \"{}\": {}",
            payment.rule,
            approvals(payment)
        ));
    }
    for person in &payment.page_approved_by {
        page.indented(&format!(
            "also by {person}: this approval trusts the coordinator's page"
        ));
    }
    if let Some(entry) = &payment.entry {
        page.indented(&format!("list {}: \"{}\"", entry.list, entry.label));
        if let Some(max) = entry.test_amount(policy) {
            page.indented(&format!(
                "FIRST PAYMENT to it, at most {} until it is confirmed",
                amount(max)
            ));
        }
    }
    if let Some(window) = &payment.window {
        page.indented(&format!(
            "leaves {} of {} in {}",
            amount(window.left),
            amount(window.of),
            format_duration(window.per)
        ));
    }
    if let Some(replaces) = &payment.intent.replaces {
        page.indented(&format!("REPLACES {replaces}: at most one is paid"));
    }
    if let Some(repeats) = &payment.intent.repeats {
        page.indented(&format!("REPEATS {repeats}: both may be paid"));
    }
}

/// Returns the refusals as a signer reads them.
pub fn refusal_text(refusals: &[Refusal]) -> String {
    let mut out = format!("NOT SIGNED: {}\n", count(refusals.len(), "reason"));
    for refusal in refusals {
        for (position, part) in wrap(&format!("{}: {refusal}", refusal.code()), 76)
            .into_iter()
            .enumerate()
        {
            let bullet = if position == 0 { "- " } else { "  " };
            writeln!(out, "{bullet}{part}").expect("writing to a string cannot fail");
        }
        for part in wrap(&format!("Hint: {}", refusal.hint()), 76) {
            writeln!(out, "  {part}").expect("writing to a string cannot fail");
        }
    }
    out
}

/// Returns what deserves a second look.
pub(crate) fn warnings(review: &Review) -> Vec<String> {
    let recovery = (review.mode == SpendMode::Recovery).then(|| {
        "a recovery is for when ordinary signers are lost; the journals of others do not bind it"
            .to_owned()
    });
    let repeated = review.payments.iter().filter_map(|payment| {
        let repeats = payment.intent.repeats.as_ref()?;
        Some(format!(
            "{} repeats {repeats}: both may be paid",
            payment.intent.id
        ))
    });
    let unnamed = review
        .payments
        .iter()
        .filter(|payment| payment.address.is_none())
        .map(|payment| format!("{} pays a script that has no address", payment.intent.id));
    let page = review
        .payments
        .iter()
        .filter(|payment| !payment.page_approved_by.is_empty())
        .map(|payment| {
            format!(
                "an approval of {} trusts the coordinator's page",
                payment.intent.id
            )
        });
    let former = review.former.map(|_| {
        "these coins lie under former signers; what is not the fee goes where the newest policy says"
            .to_owned()
    });
    recovery
        .into_iter()
        .chain(former)
        .chain(repeated)
        .chain(unnamed)
        .chain(page)
        .collect()
}

fn approvals(payment: &ReviewedPayment) -> String {
    if payment.approved_by.is_empty() {
        return "automatic, no approval needed".to_owned();
    }
    format!("approved by {}", payment.approved_by.join(", "))
}
