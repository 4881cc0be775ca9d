//! What is said of withdrawals on several pages: what one needs and on whom it waits.

use crate::service::approvers::Needed;

/// What is waited for, in a sentence.
pub(super) fn waits(needs: &Needed) -> String {
    if needs.missing == 0 {
        return "It has all the approvals that it needs.".to_owned();
    }
    let more = match needs.missing {
        1 => "1 more person".to_owned(),
        missing => format!("{missing} more persons"),
    };
    let mut able: Vec<&str> = (needs.may_approve.iter().chain(&needs.may_on_page))
        .map(String::as_str)
        .collect();
    able.sort_unstable();
    able.dedup();
    if able.is_empty() {
        return format!(
            "It waits for {more}, and nobody of the policy is left who may approve it."
        );
    }
    let short = if needs.is_out_of_reach() {
        " These are too few: have the policy changed, or take it back."
    } else {
        ""
    };
    format!(
        "It waits for {more}; these may approve: {}.{short}",
        able.join(", ")
    )
}
