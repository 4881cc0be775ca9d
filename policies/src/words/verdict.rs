//! The words around a verdict over withdrawals: what is asked, on what button, and what was done.

use bitcoin::Amount;

use super::layout::{amount, count};
use crate::document::Policy;
use crate::intent::Verdict;
use crate::time::UnixTime;

/// What a verdict over this many withdrawals is called.
pub fn verdict_title(verdict: Verdict, withdrawals: usize) -> String {
    format!("{} {}", verb(verdict), count(withdrawals, "withdrawal"))
}

/// What is signed over all withdrawals together, in one sentence; no total where there is none so large.
pub fn verdict_summary(
    verdict: Verdict,
    withdrawals: usize,
    total: Option<Amount>,
    policy: &Policy,
    expires: UnixTime,
) -> String {
    let title = verdict_title(verdict, withdrawals);
    let total = total.map_or_else(|| "more than there can be".to_owned(), amount);
    let vault = &policy.name;
    format!("{title} of {vault}, together {total}; it counts until {expires}.")
}

/// What is asked at a terminal.
pub const fn verdict_question(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Approve all of these?",
        Verdict::Reject => "Reject all of these?",
    }
}

/// What the button of a page says.
pub fn verdict_button(verdict: Verdict, with_passkey: bool) -> String {
    let verb = verb(verdict);
    if with_passkey {
        format!("{verb} with your passkey")
    } else {
        verb.to_owned()
    }
}

/// What a page says afterwards.
pub const fn verdict_done(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Approved. You may close this page.",
        Verdict::Reject => "Rejected. You may close this page.",
    }
}

const fn verb(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Approve",
        Verdict::Reject => "Reject",
    }
}
