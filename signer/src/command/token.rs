//! The token of a file, checked for its shape before a coordinator is asked.

use crate::failure::{Class, Failure};
use crate::terminal::read_bounded;
use std::path::Path;
use zeroize::Zeroizing;

/// The most bytes of a token's file that are read.
const MAX_BYTES: u64 = 4096;
/// How long a token is: 32 bytes in hex.
const DIGITS: usize = 64;

/// Reads the token of a file, or of standard input for `-`.
pub(super) fn read_token(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(read_bounded(path, MAX_BYTES)?);
    let text = bytes.trim_ascii();
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() == DIGITS && text.iter().all(is_digit) {
        return Ok(Zeroizing::new(String::from_utf8_lossy(text).into_owned()));
    }
    let message = if text.is_empty() {
        format!("the token file {} is empty", path.display())
    } else {
        format!(
            "{} holds no token: a token is 64 hex digits",
            path.display()
        )
    };
    Err(
        Failure::because(Class::Usage, "NOT_A_TOKEN", message).hinted(
            "name the file with what the operator's `countersign-coordinator token create` printed",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_tokens_shape_is_taken_for_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("token");
        let token = "0a".repeat(32);
        for text in [token.clone(), format!("{token}\n"), format!(" {token}\r\n")] {
            std::fs::write(&file, text).expect("writes");
            assert_eq!(*read_token(&file).expect("a token"), token);
        }
        for (text, says) in [
            (String::new(), "is empty"),
            (" \n".to_owned(), "is empty"),
            ("secret".to_owned(), "64 hex digits"),
            ("0A".repeat(32), "64 hex digits"),
            ("0a".repeat(31), "64 hex digits"),
            (format!("{token}\n{token}"), "64 hex digits"),
        ] {
            std::fs::write(&file, &text).expect("writes");
            let failure = read_token(&file).expect_err(&text);
            assert_eq!(failure.class().exit_code(), 2);
            let said = failure.text();
            assert!(said.contains("(NOT_A_TOKEN)"), "{said}");
            assert!(
                said.contains(says) && said.contains("token create"),
                "{said}"
            );
        }
    }
}
