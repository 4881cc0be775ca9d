//! How a command line names an attempt: by its txid, or by as much of it as no other attempt shares.

use serde_json::Value;

use super::CliError;
use super::answer::text;
use super::api::{Api, items};

/// The fewest digits of a beginning: in fewer two attempts meet by chance.
const LEAST: usize = 8;
/// The digits of a txid.
const WHOLE: usize = 64;
/// The newest attempts among which a beginning is looked for; as many as the API lists at once.
const NEWEST: usize = 1000;

/// A txid as it was given.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    /// All of it.
    Whole(String),
    /// How it begins, and how it ends where it was copied from a table that had cut its middle.
    Part { head: String, tail: String },
}

/// Returns `/attempts/TXID` for the attempt that is meant.
///
/// # Errors
/// [`CliError::CommandLine`] for what is no txid and no beginning of one, and for one that several share;
/// `unknown_attempt` where no attempt begins with it.
pub(super) fn path(named: &str, api: &Api) -> Result<String, CliError> {
    let txid = match read(named)? {
        Given::Whole(txid) => txid,
        Given::Part { head, tail } => {
            let vault = api.vault_path()?;
            let attempts = api.get(&format!("{vault}/attempts?limit={NEWEST}"))?;
            only(items(&attempts), named, &head, &tail)?
        }
    };
    Ok(format!("/attempts/{txid}"))
}

fn read(named: &str) -> Result<Given, CliError> {
    let lower = named.to_ascii_lowercase();
    let (head, tail) = lower.split_once('…').unwrap_or((&lower, ""));
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let length = head.len().saturating_add(tail.len());
    if !is_hex(head) || !is_hex(tail) || head.len() < LEAST || length > WHOLE {
        return Err(wrong(format!(
            "{named} is no txid, and no beginning of one ({LEAST} hex digits or more)"
        )));
    }
    Ok(if head.len() == WHOLE {
        Given::Whole(head.to_owned())
    } else {
        Given::Part {
            head: head.to_owned(),
            tail: tail.to_owned(),
        }
    })
}

fn only(attempts: &[Value], named: &str, head: &str, tail: &str) -> Result<String, CliError> {
    let mut found = attempts
        .iter()
        .map(|attempt| text(attempt, "txid"))
        .filter(|txid| txid.starts_with(head) && txid.ends_with(tail));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.to_owned()),
        (Some(_), Some(_)) => Err(wrong(format!(
            "several attempts begin with {named}: give more of its digits"
        ))),
        (None, _) => Err(CliError::Refused {
            code: "unknown_attempt".to_owned(),
            detail: format!("none of the newest {NEWEST} attempts begins with {named}"),
            problem: None,
            hint: Some(HINT.to_owned()),
        }),
    }
}

/// Where whole ones are found.
const HINT: &str = "`attempt list --json` prints whole txids";

fn wrong(message: String) -> CliError {
    CliError::CommandLine {
        message,
        hint: HINT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempts() -> Vec<Value> {
        let txids = ["ab12cd34", "ab12cd35", "ffffffff"];
        let whole = txids.map(|begin| begin.to_owned() + &"0".repeat(WHOLE - LEAST));
        whole.map(|txid| json!({ "txid": txid })).to_vec()
    }

    fn find(named: &str) -> Result<String, CliError> {
        match read(named)? {
            Given::Whole(txid) => Ok(txid),
            Given::Part { head, tail } => only(&attempts(), named, &head, &tail),
        }
    }

    #[test]
    fn an_attempt_is_found_by_a_beginning_that_no_other_shares() {
        for named in ["ab12cd34", "AB12CD3400", "ab12cd340…0000"] {
            let found = find(named);
            assert!(
                found.is_ok_and(|txid| txid.starts_with("ab12cd34")),
                "{named}"
            );
        }
        let whole = "07".repeat(32);
        assert_eq!(find(&whole).ok(), Some(whole));
    }

    #[test]
    fn what_begins_no_attempt_or_is_no_txid_says_where_whole_ones_are() {
        let cases = [
            ("ab12cd36", "unknown_attempt"),
            ("ab12cd34…1111", "unknown_attempt"),
            ("ab12cd3", "usage"),
            ("…ab12cd34", "usage"),
            ("transfer.psbt", "usage"),
            (&"0".repeat(65), "usage"),
        ];
        for (named, code) in cases {
            let error = find(named).expect_err(named);
            assert_eq!((error.code(), error.hint()), (code, Some(HINT)), "{named}");
        }
        let mut two = attempts();
        two.push(json!({ "txid": "ffffffff".to_owned() + &"1".repeat(56) }));
        let shared = only(&two, "ffffffff", "ffffffff", "").expect_err("two");
        assert!(shared.to_string().contains("several"), "{shared}");
    }
}
