//! Canonical JSON by RFC 8785 for values without fractions: the bytes that events are hashed as.

use std::collections::BTreeMap;

use serde_json::Value;

/// A number that is not a 64-bit integer: it has no canonical form here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an integer")]
pub struct NotAnInteger(pub serde_json::Number);

/// The canonical text: keys sorted, no white space, integers only.
///
/// # Errors
///
/// [`NotAnInteger`] for any other number.
pub fn canonical_json(value: &Value) -> Result<String, NotAnInteger> {
    let mut text = String::new();
    write(&mut text, value)?;
    Ok(text)
}

fn write(text: &mut String, value: &Value) -> Result<(), NotAnInteger> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            text.push_str(&number.to_string());
        }
        Value::Number(number) => return Err(NotAnInteger(number.clone())),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(text, item)?;
            }
            text.push(']');
        }
        Value::Object(map) => {
            // RFC 8785 sorts by UTF-16 units; whatever order the map has, this is the one.
            let sorted: BTreeMap<Vec<u16>, (&String, &Value)> = map
                .iter()
                .map(|entry| (entry.0.encode_utf16().collect(), entry))
                .collect();
            text.push('{');
            for (position, (key, item)) in sorted.into_values().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write(text, item)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

/// serde_json escapes exactly what RFC 8785 does: quotes, backslash and control characters.
fn write_string(text: &mut String, string: &str) {
    text.push_str(&Value::from(string).to_string());
}

#[cfg(test)]
mod tests {
    use super::canonical_json;

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        let value = serde_json::json!({"b": [1, -2, true, null], "a": {"z": "é\n\"", "y": 0}});
        let text = canonical_json(&value).expect("only integers");
        assert_eq!(text, r#"{"a":{"y":0,"z":"é\n\""},"b":[1,-2,true,null]}"#);
    }

    #[test]
    fn a_fraction_is_refused() {
        let value = serde_json::from_str("[1.5]").expect("json");
        canonical_json(&value).expect_err("no fractions");
    }
}
