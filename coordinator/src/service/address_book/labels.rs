//! What can disguise a destination: letters that look like others, characters that nobody sees, and addresses that
//! begin and end alike.
//!
//! Invariant: pure. A label that is signed is printable ASCII (docs/formats.md F1); what is not is named here
//! character by character, so that a person sees what was meant to be hidden.

use std::fmt;

/// Characters of an address that people compare at each end.
const COMPARED: usize = 6;

/// What is odd about a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// It turns the direction of the text around it.
    Direction,
    /// Nobody sees it.
    Invisible,
    /// It is no character that is shown.
    Control,
    /// It looks like this plain one.
    LooksLike(char),
    /// It is none of the plain ones.
    Foreign,
}

/// A character that cannot stand in a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddCharacter {
    /// Which one it is of the label, from 1.
    pub at: usize,
    /// The character.
    pub character: char,
    /// What is odd about it.
    pub oddity: Oddity,
}

impl fmt::Display for OddCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = u32::from(self.character);
        write!(f, "character {} is U+{code:04X}, ", self.at)?;
        match self.oddity {
            Oddity::Direction => f.write_str("which turns the direction of text"),
            Oddity::Invisible => f.write_str("which nobody sees"),
            Oddity::Control => f.write_str("which is not shown"),
            Oddity::LooksLike(plain) => write!(f, "which looks like {plain}"),
            Oddity::Foreign => f.write_str("which is not a plain letter, digit or sign"),
        }
    }
}

/// The characters of a label that cannot be signed, in order.
pub fn odd_characters(label: &str) -> Vec<OddCharacter> {
    let numbered = (1_usize..).zip(label.chars());
    let odd = numbered.filter(|(_, one)| !matches!(one, ' '..='~'));
    odd.map(|(at, character)| OddCharacter {
        at,
        character,
        oddity: oddity(character),
    })
    .collect()
}

fn oddity(character: char) -> Oddity {
    match character {
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => Oddity::Direction,
        '\u{00a0}'
        | '\u{00ad}'
        | '\u{034f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}'
        | '\u{2000}'..='\u{200d}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3000}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => Oddity::Invisible,
        one if one.is_control() => Oddity::Control,
        one => plain_of(one).map_or(Oddity::Foreign, Oddity::LooksLike),
    }
}

/// The plain character that a foreign one is taken for.
fn plain_of(character: char) -> Option<char> {
    /// Letters of other scripts, and the plain ones that they look like.
    const LOOKS_LIKE: [(&str, &str); 4] = [
        (
            "аеорсухіјѕԁһԛԝВНКМТАЕОРСХІЈЅ",
            "aeopcyxijsdhqwBHKMTAEOPCXIJS",
        ),
        ("ανοικρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "avoikptuxABEZHIKMNOPTYX"),
        ("ıℓⅼⅰⅹ‐‑‒–—−‘’“”", "illix------''\"\""),
        ("օոսԱՏ", "onuUS"),
    ];
    let code = u32::from(character);
    if (0xff01..=0xff5e).contains(&code) {
        return char::from_u32(code.saturating_sub(0xfee0));
    }
    LOOKS_LIKE.iter().find_map(|(foreign, plain)| {
        let mut pairs = foreign.chars().zip(plain.chars());
        pairs
            .find(|(one, _)| *one == character)
            .map(|(_, plain)| plain)
    })
}

/// What remains of a label for an eye in a hurry: two labels with the same are easily taken for one another. Empty
/// where it has no letter or digit.
pub fn outline(label: &str) -> String {
    let letters = label.chars().filter(char::is_ascii_alphanumeric);
    let folded: String = letters
        .map(|one| match one.to_ascii_lowercase() {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            other => other,
        })
        .collect();
    folded.replace("rn", "m").replace("vv", "w")
}

/// The first and last characters of an address, as people compare them; none where it is shorter than both.
pub fn ends(address: &str) -> Option<(String, String)> {
    let letters: Vec<char> = address.to_ascii_lowercase().chars().collect();
    let tail = letters.len().checked_sub(COMPARED)?;
    (tail >= COMPARED).then(|| {
        let first = letters.iter().take(COMPARED).collect();
        let last = letters.iter().skip(tail).collect();
        (first, last)
    })
}

/// Whether two addresses differ and begin and end alike.
pub fn look_alike(one: &str, other: &str) -> bool {
    one != other && ends(one).is_some() && ends(one) == ends(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_disguise_a_label_are_named_one_by_one() {
        let odd = |label: &str| -> Vec<(usize, Oddity)> {
            let found = odd_characters(label).into_iter();
            found.map(|one| (one.at, one.oddity)).collect()
        };
        assert_eq!(odd("Bank & Sons, Ltd. (main)"), []);
        assert_eq!(odd("B\u{430}nk"), [(2, Oddity::LooksLike('a'))]);
        assert_eq!(odd("Bank\u{202e}gnp"), [(5, Oddity::Direction)]);
        assert_eq!(odd("Ba\u{200b}nk"), [(3, Oddity::Invisible)]);
        assert_eq!(odd("Bank\u{feff}"), [(5, Oddity::Invisible)]);
        assert_eq!(odd("Bank\n"), [(5, Oddity::Control)]);
        assert_eq!(odd("\u{ff22}ank"), [(1, Oddity::LooksLike('B'))]);
        assert_eq!(odd("Bänk"), [(2, Oddity::Foreign)]);
        let said = odd_characters("B\u{430}nk")[0].to_string();
        assert_eq!(said, "character 2 is U+0430, which looks like a");
    }

    #[test]
    fn labels_that_an_eye_takes_for_one_another_have_one_outline() {
        assert_eq!(outline("Bank One"), outline("BANK-0NE"));
        assert_eq!(outline("Modern"), outline("Modem"));
        assert_eq!(outline("Billing"), outline("Bi1ling"));
        assert_ne!(outline("Bank"), outline("Tank"));
        assert_eq!(outline("--"), "");
    }

    #[test]
    fn addresses_that_begin_and_end_alike_are_told_apart_from_the_same_one() {
        let known = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        let poison = "bc1qw50000000000000000000000000000000v8f3t4";
        assert!(look_alike(known, poison));
        assert!(!look_alike(known, known));
        assert!(!look_alike(
            known,
            "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3"
        ));
        assert!(!look_alike("short", "shirt"));
    }
}
