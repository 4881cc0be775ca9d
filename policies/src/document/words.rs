//! A policy id as words that one person reads out to another.

use bip39::{Language, Mnemonic};
use bitcoin::hashes::{Hash, sha256};

use crate::PolicyId;

/// Why a typed id is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Neither 64 lower hex digits nor 24 words.
    #[error("a policy id is 64 lower hex digits or 24 words")]
    Shape,
    /// A word is not of the list, or the checksum is wrong.
    #[error("the words are not a policy id: {}; have them read out again", trouble(.0))]
    Words(bip39::Error),
}

/// What is wrong with words, as persons count them.
fn trouble(error: &bip39::Error) -> String {
    if let bip39::Error::UnknownWord(place) = error {
        let place = place.saturating_add(1);
        return format!("word {place} is none of the list");
    }
    if matches!(error, bip39::Error::InvalidChecksum) {
        return "at least one of them is another word of the list".to_owned();
    }
    error.to_string()
}

/// The id of a document's exact bytes, whatever they are.
pub fn id_of(document: &[u8]) -> PolicyId {
    PolicyId::from_bytes(sha256::Hash::hash(document).to_byte_array())
}

/// The 24 BIP 39 English words of all 32 bytes of an id.
pub fn words_of(id: PolicyId) -> [&'static str; 24] {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, id.as_bytes())
        .expect("32 bytes are a valid BIP 39 entropy");
    let words: Vec<&'static str> = mnemonic.words().collect();
    words.try_into().expect("32 bytes give 24 words")
}

/// Reads an id as typed by a person: hex digits, or its words separated by spaces.
pub fn policy_id_from_text(text: &str) -> Result<PolicyId, WordsError> {
    if let Ok(id) = text.trim().parse() {
        return Ok(id);
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .collect();
    if words.len() != 24 {
        return Err(WordsError::Shape);
    }
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words.join(" "))
        .map_err(WordsError::Words)?;
    let bytes = <[u8; 32]>::try_from(mnemonic.to_entropy()).map_err(|_| WordsError::Shape)?;
    Ok(PolicyId::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_words_and_its_digits() {
        let id = PolicyId::from_bytes([7; 32]);
        assert_eq!(policy_id_from_text(&words_of(id).join("  ")), Ok(id));
        assert_eq!(
            policy_id_from_text(&words_of(id).join(" ").to_uppercase()),
            Ok(id)
        );
        assert_eq!(policy_id_from_text(&format!(" {id}\n")), Ok(id));
    }

    #[test]
    fn a_misheard_word_is_refused() {
        let mut words = words_of(PolicyId::from_bytes([7; 32]));
        words[23] = "zzz";
        let refused = policy_id_from_text(&words.join(" ")).expect_err("is no word");
        assert!(refused.to_string().contains("word 24 is none"), "{refused}");
        words = words_of(PolicyId::from_bytes([7; 32]));
        words.swap(0, 5);
        let refused = policy_id_from_text(&words.join(" ")).expect_err("are others");
        assert!(refused.to_string().contains("another word"), "{refused}");
        assert_eq!(policy_id_from_text("abandon"), Err(WordsError::Shape));
    }
}
