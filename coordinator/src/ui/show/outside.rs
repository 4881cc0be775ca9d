//! Words of strangers: references, labels, names, reasons. What could disguise them is made visible.

use std::fmt;

use askama::filters::HtmlSafe;

use super::escaped;

/// A stranger's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outside(String);

impl Outside {
    /// A stranger's text.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Without HTML: letters that are not seen, or that turn the order of others, by their number.
    pub(crate) fn text(&self) -> String {
        self.0.chars().map(seen).collect()
    }
}

/// A letter as it can be seen.
fn seen(letter: char) -> String {
    if hides(letter) {
        format!("⟨U+{:04X}⟩", u32::from(letter))
    } else {
        letter.to_string()
    }
}

/// Whether a letter is not seen, or changes how others are: controls, zero-width letters, joiners, fillers,
/// directions (Unicode Technical Report 36 §2, Standard Annex 9 §2), variation selectors and tags.
fn hides(letter: char) -> bool {
    letter.is_control()
        || matches!(
            u32::from(letter),
            0x00A0
                | 0x00AD
                | 0x034F
                | 0x061C
                | 0x115F
                | 0x1160
                | 0x1680
                | 0x17B4
                | 0x17B5
                | 0x180B..=0x180F
                | 0x2000..=0x200F
                | 0x2028..=0x202F
                | 0x205F..=0x206F
                | 0x2800
                | 0x3000
                | 0x3164
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0xE0000..=0xE0FFF
        )
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi class=\"outside\">")?;
        for letter in self.0.chars() {
            if hides(letter) {
                write!(f, "<b class=\"hidden-letter\">{}</b>", seen(letter))?;
            } else {
                f.write_str(&escaped(letter.encode_utf8(&mut [0; 4])))?;
            }
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Outside {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_strangers_words_is_hidden_or_run() {
        let shown = Outside::new("pay\u{202e}1cb\u{200b}\n<script>").to_string();
        let hidden = |number: &str| format!("<b class=\"hidden-letter\">⟨U+{number}⟩</b>");
        let expected = format!(
            "<bdi class=\"outside\">pay{}1cb{}{}&lt;script&gt;</bdi>",
            hidden("202E"),
            hidden("200B"),
            hidden("000A")
        );
        assert_eq!(shown, expected);
        assert_eq!(Outside::new("Grüße, 東京").text(), "Grüße, 東京");
    }
}
