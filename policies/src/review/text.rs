//! The words a person sees, from the [`Review`] alone: one file, so that it can be reviewed and translated.
//!
//! Amounts are whole satoshi shown in bitcoin with grouped digits, addresses in groups of four. No line
//! is wider than 80 columns.

use std::fmt::Write;

use bitcoin::Amount;

use super::{Refusal, Review, ReviewedPayment};
use crate::document::{Policy, format_sat_per_vb};

/// Returns the review as a signer reads it before signing.
pub fn review_text(review: &Review, policy: &Policy) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(format!("Vault        {} ({})", policy.name, policy.network));
    line(format!("Transaction  {}", review.txid));
    line(format!(
        "Pays         {} in {}",
        amount(review.paid()),
        count(review.payments.len(), "withdrawal")
    ));
    line(format!("Fee          {}", amount(review.fee)));
    line(format!(
        "             at most {}",
        amount(policy.limits.fee_max)
    ));
    line(format!(
        "             {} sat/vB, at most {} sat/vB",
        format_sat_per_vb(review.feerate),
        format_sat_per_vb(policy.limits.feerate_max),
    ));
    line(String::new());
    for (number, payment) in (1u32..).zip(&review.payments) {
        line(format!("{number:>3}. {}", amount(payment.amount)));
        for part in destination(payment) {
            line(format!("     {part}"));
        }
        let asked = format!(
            "asked for by {} as {}",
            payment.intent.requester, payment.intent.id
        );
        for part in wrap(&asked, 74) {
            line(format!("     {part}"));
        }
        if !payment.intent.reference.is_empty() {
            for part in wrap(&format!("reference: {}", payment.intent.reference), 74) {
                line(format!("     {part}"));
            }
        }
        for part in wrap(
            &format!("rule \"{}\": {}", payment.rule, approvals(payment)),
            74,
        ) {
            line(format!("     {part}"));
        }
        if let Some(repeats) = &payment.intent.repeats {
            for part in wrap(&format!("REPEATS {repeats}: both may be paid"), 74) {
                line(format!("     {part}"));
            }
        }
    }
    line(String::new());
    for change in &review.changes {
        line(format!(
            "Back to us   {} (change {}, proven)",
            amount(change.amount),
            change.index
        ));
    }
    if review.changes.is_empty() {
        line("Back to us   nothing: no change".to_owned());
    }
    line(format!(
        "Spends       {} of this vault, proven",
        count(review.inputs.len(), "coin")
    ));
    for warning in &review.warnings {
        for part in wrap(&format!("Mind: {warning}"), 80) {
            line(part);
        }
    }
    out
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
pub(super) fn warnings(payments: &[ReviewedPayment]) -> Vec<String> {
    let repeated = payments.iter().filter_map(|payment| {
        let repeats = payment.intent.repeats.as_ref()?;
        Some(format!(
            "{} repeats {repeats}: both may be paid",
            payment.intent.id
        ))
    });
    let unnamed = payments
        .iter()
        .filter(|payment| payment.address.is_none())
        .map(|payment| format!("{} pays a script that has no address", payment.intent.id));
    repeated.chain(unnamed).collect()
}

fn approvals(payment: &ReviewedPayment) -> String {
    if payment.approved_by.is_empty() {
        return "automatic, no approval needed".to_owned();
    }
    format!("approved by {}", payment.approved_by.join(", "))
}

fn destination(payment: &ReviewedPayment) -> Vec<String> {
    match &payment.address {
        Some(address) => wrap(&format!("to {}", groups_of_four(&address.to_string())), 74),
        None => wrap(
            &format!(
                "to the script {}",
                groups_of_four(&payment.script_pubkey.to_hex_string())
            ),
            74,
        ),
    }
}

/// Writes an amount in bitcoin with grouped digits, and in satoshi.
pub(crate) fn amount(amount: Amount) -> String {
    let sat = amount.to_sat();
    let (whole, rest) = (sat / 100_000_000, sat % 100_000_000);
    let (cents, middle, last) = (rest / 1_000_000, rest / 1_000 % 1_000, rest % 1_000);
    format!(
        "{}.{cents:02} {middle:03} {last:03} BTC ({} sat)",
        thousands(whole),
        thousands(sat)
    )
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn groups_of_four(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(4)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        let length = line.chars().count() + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if length < width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    // A word wider than a line, such as a script in hex, is cut.
    lines
        .into_iter()
        .flat_map(|line| {
            let chars: Vec<char> = line.chars().collect();
            if chars.is_empty() {
                return vec![String::new()];
            }
            chars
                .chunks(width.max(1))
                .map(|part| part.iter().collect::<String>())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_show_every_satoshi_in_groups() {
        assert_eq!(amount(Amount::from_sat(0)), "0.00 000 000 BTC (0 sat)");
        assert_eq!(
            amount(Amount::from_sat(123_456_789)),
            "1.23 456 789 BTC (123,456,789 sat)"
        );
        assert_eq!(
            amount(Amount::MAX_MONEY),
            "21,000,000.00 000 000 BTC (2,100,000,000,000,000 sat)"
        );
    }

    #[test]
    fn addresses_are_shown_in_groups_of_four() {
        assert_eq!(groups_of_four("bcrt1qabcd"), "bcrt 1qab cd");
    }

    #[test]
    fn no_wrapped_line_is_wider_than_asked() {
        let text = format!("a {} b c d e f g", "x".repeat(200));
        assert!(
            wrap(&text, 20)
                .iter()
                .all(|line| line.chars().count() <= 20)
        );
        assert_eq!(
            wrap(&text, 20).concat().replace(' ', "").len(),
            text.replace(' ', "").len()
        );
    }
}
