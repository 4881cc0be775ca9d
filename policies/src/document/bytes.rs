//! The rules for a document's bytes: refused, never normalized, for its id is their hash.

use super::{MAX_BYTES, Problem};

/// The text of a document, or all that is wrong with its bytes.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Vec<Problem>> {
    if bytes.len() > MAX_BYTES {
        return Err(vec![Problem::TooLarge {
            bytes: bytes.len(),
            max: MAX_BYTES,
        }]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        vec![Problem::NotUtf8 {
            position: error.valid_up_to(),
        }]
    })?;
    let mut problems = Vec::new();
    if text.starts_with('\u{feff}') {
        problems.push(Problem::ByteOrderMark);
    }
    if text.contains('\r') {
        problems.push(Problem::CarriageReturn);
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") || text == "\n" {
        problems.push(Problem::FinalLineFeed);
    }
    if problems.is_empty() {
        Ok(text)
    } else {
        Err(problems)
    }
}
