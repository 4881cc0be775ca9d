//! Whether two different texts are easily taken for one another. Pure.
//!
//! Who sends dust from an address of nearly the same first and last letters hopes that it is copied from a history;
//! letters of other alphabets, or the letter l for the digit 1, look the same to everybody.

/// Letters behind the prefix, and at the end, that people compare.
const ENDS: usize = 3;
/// Letters in which a typing mistake differs.
const SLIPS: usize = 2;

/// In which way a text resembles a known address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Letters look the same and are others.
    Lookalike,
    /// It differs in a letter or two.
    Slip,
    /// It begins and ends alike and differs between.
    Ends,
}

impl Likeness {
    /// In words, after "This address".
    pub const fn says(self) -> &'static str {
        match self {
            Self::Lookalike => {
                "has letters that look like those of an address you know, and are others"
            }
            Self::Slip => "differs from an address you know in a letter or two",
            Self::Ends => "begins and ends like an address you know, and is another",
        }
    }
}

/// How a text resembles an address; none if it is the same, or unlike.
pub(super) fn likeness(text: &str, known: &str) -> Option<Likeness> {
    if same(text, known) {
        return None;
    }
    if folded(text) == folded(known) {
        return Some(Likeness::Lookalike);
    }
    if is_slip(text, known) {
        return Some(Likeness::Slip);
    }
    (ends(text).is_some() && ends(text) == ends(known)).then_some(Likeness::Ends)
}

/// Bech32 means the same in capitals; base58 does not.
fn same(text: &str, known: &str) -> bool {
    let bech32 = |text: &str| separator(text).is_some();
    text == known || (bech32(text) && bech32(known) && text.eq_ignore_ascii_case(known))
}

/// The letters that people compare: those behind the prefix that all addresses of a kind share, and the last.
fn ends(text: &str) -> Option<(String, String)> {
    let letters: Vec<char> = folded(text).chars().collect();
    let from = separator(text).map_or(0, |at| at.saturating_add(2));
    let head = letters.get(from..from.saturating_add(ENDS))?;
    let tail = letters.get(letters.len().checked_sub(ENDS)?..)?;
    Some((head.iter().collect(), tail.iter().collect()))
}

/// Where the prefix of a segwit address ends; the next letter is the version, alike for all of a kind.
fn separator(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    ["bc1", "tb1", "bcrt1"]
        .into_iter()
        .find(|prefix| lower.starts_with(prefix))
        .map(str::len)
        .map(|length| length.saturating_sub(1))
}

/// A text as the eye sees it: every letter by the one that it looks like.
fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

const fn fold(letter: char) -> char {
    match letter {
        'O' | 'o' | '\u{43e}' | '\u{41e}' | '\u{3bf}' | '\u{39f}' | '\u{ff10}' => '0',
        'I' | 'l' | 'i' | 'L' | '|' | '\u{456}' | '\u{406}' | '\u{399}' | '\u{4c0}' => '1',
        'S' | 's' | '\u{455}' | '\u{405}' => '5',
        'B' | '\u{412}' | '\u{392}' => '8',
        'Z' | 'z' | '\u{396}' => '2',
        '\u{430}' | '\u{410}' | '\u{3b1}' | '\u{391}' => 'a',
        '\u{435}' | '\u{415}' | '\u{3b5}' | '\u{395}' => 'e',
        '\u{441}' | '\u{421}' | '\u{3f2}' => 'c',
        '\u{440}' | '\u{420}' | '\u{3c1}' | '\u{3a1}' => 'p',
        '\u{445}' | '\u{425}' | '\u{3c7}' | '\u{3a7}' => 'x',
        '\u{443}' | '\u{423}' | '\u{3c5}' | '\u{3a5}' => 'y',
        '\u{43a}' | '\u{41a}' | '\u{3ba}' | '\u{39a}' => 'k',
        '\u{43c}' | '\u{41c}' | '\u{39c}' => 'm',
        '\u{43d}' | '\u{41d}' | '\u{397}' => 'h',
        '\u{442}' | '\u{422}' | '\u{3c4}' | '\u{3a4}' => 't',
        '\u{501}' => 'd',
        '\u{51b}' => 'q',
        '\u{461}' | '\u{51d}' => 'w',
        '\u{39d}' | '\u{3bd}' => 'v',
        letter => letter.to_ascii_lowercase(),
    }
}

/// Whether two texts differ in at most [`SLIPS`] letters, or one letter was left out or added.
fn is_slip(text: &str, known: &str) -> bool {
    let (text, known): (Vec<char>, Vec<char>) = (text.chars().collect(), known.chars().collect());
    if text.len() == known.len() {
        return text
            .iter()
            .zip(&known)
            .filter(|(one, other)| one != other)
            .count()
            <= SLIPS;
    }
    let (short, long) = if text.len() < known.len() {
        (&text, &known)
    } else {
        (&known, &text)
    };
    if long.len() != short.len().saturating_add(1) {
        return false;
    }
    let alike = short
        .iter()
        .zip(long)
        .take_while(|(one, other)| one == other)
        .count();
    short.get(alike..) == long.get(alike.saturating_add(1)..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

    #[test]
    fn the_same_address_resembles_nothing() {
        assert_eq!(likeness(KNOWN, KNOWN), None);
        assert_eq!(likeness(&KNOWN.to_uppercase(), KNOWN), None);
        assert_eq!(
            likeness("bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx", KNOWN),
            None
        );
    }

    #[test]
    fn a_letter_that_looks_the_same_is_found() {
        let cyrillic = KNOWN.replacen('a', "\u{430}", 1);
        assert_eq!(likeness(&cyrillic, KNOWN), Some(Likeness::Lookalike));
        let base58 = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT";
        assert_eq!(
            likeness(&base58.replacen('L', "l", 1), base58),
            Some(Likeness::Lookalike)
        );
    }

    #[test]
    fn a_letter_too_many_or_another_is_a_slip() {
        assert_eq!(
            likeness(&KNOWN.replacen('8', "9", 1), KNOWN),
            Some(Likeness::Slip)
        );
        assert_eq!(
            likeness(&KNOWN.replacen("d6q", "d6", 1), KNOWN),
            Some(Likeness::Slip)
        );
        assert_eq!(likeness(&format!("{KNOWN}q"), KNOWN), Some(Likeness::Slip));
        assert_eq!(likeness("", KNOWN), None);
    }

    #[test]
    fn first_and_last_letters_alike_are_found_behind_the_prefix() {
        let poisoned = "bcrt1qw50xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxt080";
        assert_eq!(likeness(poisoned, KNOWN), Some(Likeness::Ends));
        let other_end = "bcrt1qw50xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxt081";
        assert_eq!(likeness(other_end, KNOWN), None);
        assert_eq!(likeness("bcrt1q", "bcrt1q9"), Some(Likeness::Slip));
    }
}
