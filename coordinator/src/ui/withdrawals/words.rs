//! What is said of withdrawals on several pages: what one needs, on whom it waits, and commands to type.

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

/// A text as a shell takes it for one word.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(quoted("w-1"), "w-1");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's; rm -rf $HOME"), "'it'\\''s; rm -rf $HOME'");
    }
}
