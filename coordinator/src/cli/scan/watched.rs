//! Lists of addresses that are to be watched: read, handed in part by part.

use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::answer::count;
use crate::cli::api::{Api, Body};
use crate::cli::layout::paragraph;
use crate::cli::progress::Progress;

/// Entries that are handed in at once.
const PART: usize = 1_000;

/// The entries of a file: a JSON list, or one a line; lines that are empty or begin with `#` are none.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Value>, CliError> {
    let wrong = |message: &str| CliError::Usage {
        message: message.to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("the list is not UTF-8 text"))?;
    if text.trim_start().starts_with('[') {
        let list: Vec<Value> = serde_json::from_str(text)
            .map_err(|error| wrong(&format!("the list is no JSON: {error}")))?;
        return Ok(list
            .into_iter()
            .map(|one| match one {
                Value::String(script) => json!({ "script": script }),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => other,
            })
            .collect());
    }
    let lines = text.lines().map(str::trim);
    Ok(lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| json!({ "script": line }))
        .collect())
}

/// Hands the entries in; what became of them all. A part that is refused is not watched, those before it are.
pub(super) fn hand_in(api: &Api, entries: &[Value], options: &Value) -> Result<Value, CliError> {
    let path = format!("{}/watched", api.vault_path()?);
    let mut progress = Progress::of("watching");
    let (mut watched, mut known, mut history) = (0_u64, 0_u64, Value::Null);
    for (number, part) in entries.chunks(PART).enumerate() {
        let before = number.saturating_mul(PART);
        let mut body = options.clone();
        body["entries"] = part.to_vec().into();
        let answer = api
            .post(&path, Body::Json(body))
            .map_err(|error| placed(error, before))?;
        let field = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        watched = watched.saturating_add(field("watched"));
        known = known.saturating_add(field("known"));
        history = answer["history_until"].clone();
        let done = before.saturating_add(part.len());
        let [done64, of] = [done, entries.len()].map(|one| u64::try_from(one).unwrap_or(u64::MAX));
        if entries.len() > PART {
            progress.show(done64, of, &format!("{done} of {of}"));
        }
    }
    Ok(json!({ "watched": watched, "known": known, "history_until": history }))
}

/// A refusal of a part, in numbers of the whole list.
fn placed(error: CliError, before: usize) -> CliError {
    let CliError::Refused {
        code,
        detail,
        problem,
        hint,
    } = error
    else {
        return error;
    };
    let entry = problem
        .as_ref()
        .and_then(|problem| problem["entry"].as_u64());
    let detail = match entry.and_then(|entry| usize::try_from(entry).ok()) {
        Some(entry) if before > 0 => {
            let whole = before.saturating_add(entry);
            detail.replacen(&format!("entry {entry}"), &format!("entry {whole}"), 1)
        }
        _ => detail,
    };
    CliError::Refused {
        code,
        detail,
        problem,
        hint,
    }
}

/// What became of a list, in words.
pub(super) fn told(answer: &Value) -> String {
    let field = |name: &str| {
        let number = answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        count(usize::try_from(number).unwrap_or(usize::MAX), "script")
    };
    let said = format!(
        "Watched from now on: {}; watched already: {}.",
        field("watched"),
        field("known")
    );
    paragraph(&said, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_lines_or_json() {
        let lines = entries(b"# old ones\n bcrt1q \n\n0014aa\n").expect("lines");
        assert_eq!(
            lines,
            [json!({"script": "bcrt1q"}), json!({"script": "0014aa"})]
        );
        let list = entries(br#"["bcrt1q", {"script": "0014aa", "index": 7}]"#).expect("a list");
        assert_eq!(
            list,
            [
                json!({"script": "bcrt1q"}),
                json!({"script": "0014aa", "index": 7})
            ]
        );
        entries(b"[1").expect_err("no JSON");
        entries(&[0xff]).expect_err("no text");
    }
}
