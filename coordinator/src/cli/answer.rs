//! Reads the fields of an answer as people read them.

use bitcoin::{Amount, SignedAmount};
use policies::UnixTime;
use serde_json::Value;

use super::api::items;

/// A text; empty where there is none.
pub(super) fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A number; empty where there is none.
pub(super) fn number(answer: &Value, field: &str) -> String {
    match answer.get(field) {
        Some(value) if value.is_number() => value.to_string(),
        _ => String::new(),
    }
}

/// An amount in bitcoin and in satoshi; empty where there is none.
pub(super) fn amount(answer: &Value, field: &str) -> String {
    let Some(value) = answer.get(field) else {
        return String::new();
    };
    let amount = match (value.as_u64(), value.as_i64()) {
        (Some(sat), _) => Amount::from_sat(sat).to_string(),
        (None, Some(sat)) => SignedAmount::from_sat(sat).to_string(),
        (None, None) => return String::new(),
    };
    format!("{amount} ({value} sat)")
}

/// A moment; empty where there is none.
pub(super) fn moment(answer: &Value, field: &str) -> String {
    let secs = answer.get(field).and_then(Value::as_u64);
    secs.map_or_else(String::new, |secs| UnixTime::from_secs(secs).to_string())
}

/// The items of a list; none where there is none.
pub(super) fn list<'a>(answer: &'a Value, field: &str) -> &'a [Value] {
    answer.get(field).map_or(&[], items)
}

/// The texts of a list, as a sentence names them; empty where there are none.
pub(super) fn names(answer: &Value, field: &str) -> String {
    let names: Vec<&str> = list(answer, field)
        .iter()
        .filter_map(Value::as_str)
        .collect();
    sentence(&names)
}

/// Names as a sentence gives them: `a, b and c`.
pub(super) fn sentence(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

/// How many of something: `1 coin`, `2 coins`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// How many persons of which group: `2 of board`, `1 of any approver`.
pub(super) fn persons(needs: &Value) -> String {
    let group = Some(text(needs, "group")).filter(|group| !group.is_empty());
    format!(
        "{} of {}",
        number(needs, "count"),
        group.unwrap_or("any approver")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_read_as_people_read_them() {
        let answer = json!({
            "sat": 8_000_000, "less": -5, "at": 1_795_660_800, "by": ["a", "b", "c"], "none": null,
        });
        assert_eq!(amount(&answer, "sat"), "0.08000000 BTC (8000000 sat)");
        assert_eq!(amount(&answer, "less"), "-0.00000005 BTC (-5 sat)");
        assert_eq!(moment(&answer, "at"), "2026-11-26T02:40:00Z");
        assert_eq!(names(&answer, "by"), "a, b and c");
        for missing in ["none", "other"] {
            assert_eq!(amount(&answer, missing), "");
            assert_eq!(text(&answer, missing), "");
            assert_eq!(number(&answer, missing), "");
        }
        assert_eq!(
            (count(1, "coin"), count(2, "coin")),
            ("1 coin".to_owned(), "2 coins".to_owned())
        );
    }
}
