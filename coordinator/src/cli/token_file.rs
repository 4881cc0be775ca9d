//! The bearer token of a file, checked for its shape before anybody is asked.

use std::path::Path;

use super::CliError;
use super::api;

/// How long a token is: 32 bytes in hex.
const DIGITS: usize = 64;

/// Reads the token of a file, or of standard input for `-`.
///
/// # Errors
/// [`CliError::File`] where it cannot be read, [`CliError::EmptyToken`] and [`CliError::NotAToken`] for what it holds.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    let bytes = api::read(path)?;
    let path = path.to_owned();
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(CliError::EmptyToken { path });
    }
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != DIGITS || !text.iter().all(is_digit) {
        return Err(CliError::NotAToken { path });
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_has_a_tokens_shape_is_taken_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let token = "0a".repeat(32);
        for text in [token.clone(), format!("{token}\n"), format!(" {token}\r\n")] {
            fs::write(&file, text).expect("written");
            assert_eq!(read(&file).expect("a token"), token);
        }
        let empty = ["", "\n", "  \r\n"].map(|text| (text.to_owned(), "is empty"));
        let wrong = [
            "secret".to_owned(),
            "0A".repeat(32),
            "0a".repeat(31),
            format!("{token} {token}"),
            format!("{token}\n{token}"),
            format!("Bearer {token}"),
            "ä".repeat(32),
        ]
        .map(|text| (text, "64 hex digits"));
        for (text, says) in empty.into_iter().chain(wrong) {
            fs::write(&file, &text).expect("written");
            let error = read(&file).expect_err(&text);
            assert_eq!((error.code(), error.exit_status()), ("token_file", 2));
            let words = error.to_string();
            assert!(words.contains(says), "{words}");
            assert!(error.hint().is_some_and(|hint| hint.contains("`init`")));
        }
        fs::remove_file(&file).expect("removed");
        assert_eq!(read(&file).expect_err("is gone").code(), "file");
    }
}
