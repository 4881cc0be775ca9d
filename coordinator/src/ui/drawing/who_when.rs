//! Who can spend a coin when: a band for each way to spend, from the age at which it opens on.
//!
//! Invariant: a band begins where its timelock ends, on a scale of steps that grow (now, a day, a week, 30 days …) and
//! runs to the end, since a way that is open stays open. Names are text and nothing else.

use std::fmt::Write as _;

use crate::ui::show::escaped;

/// A way to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Blocks that a coin must be old; 0 for any coin.
    pub(crate) from: u16,
    /// Who, such as `any 2 of alice, bob, machine`.
    pub(crate) who: String,
}

/// The steps of the scale: blocks, and what they are called.
const STEPS: [(u32, &str); 7] = [
    (0, "now"),
    (144, "1 d"),
    (1_008, "7 d"),
    (4_320, "30 d"),
    (12_960, "90 d"),
    (26_280, "6 mo"),
    (52_560, "1 y"),
];
/// The end of the scale in blocks: beyond the longest relative timelock (BIP 68).
const END: u32 = 78_840;

/// The width, in units of the drawing.
const WIDTH: u32 = 400;
/// Where the scale begins.
const LEFT: u32 = 12;
/// Units between two steps.
const STEP: u32 = 54;
/// The height of the scale with its words.
const HEAD: u32 = 30;
/// The height of a line of words.
const LINE: u32 = 17;
/// The height of a band.
const BAND: u32 = 12;
/// Space below a band.
const GAP: u32 = 12;
/// Letters of a line of words.
const LETTERS: usize = 52;
/// The most lines of words of one band.
const LINES: usize = 3;
/// The most bands; beyond, they are counted.
const BANDS: usize = 12;

/// The drawing of all ways to spend, those that open first on top.
pub(crate) fn who_when(spans: &[Span]) -> String {
    let shown: Vec<(&Span, Vec<String>)> = spans
        .iter()
        .take(BANDS)
        .map(|span| (span, lines(&format!("{}{}", span.who, after(span.from)))))
        .collect();
    let more = spans.len().saturating_sub(BANDS);
    let bands: u32 = shown.iter().map(|(_, lines)| height(lines)).sum();
    let foot = if more > 0 { LINE } else { 0 };
    let total = HEAD + bands + foot;
    let mut out = format!(
        "<svg class=\"who-when\" viewBox=\"0 0 {WIDTH} {total}\" role=\"img\" \
         aria-labelledby=\"who-when-title who-when-words\"><title id=\"who-when-title\">Who can spend a coin \
         when</title><desc id=\"who-when-words\">{}</desc>",
        escaped(&words(spans))
    );
    for (blocks, name) in STEPS {
        let x = place(blocks);
        put(
            &mut out,
            format_args!(
                "<line class=\"tick\" x1=\"{x}\" y1=\"20\" x2=\"{x}\" y2=\"{}\"/><text class=\"tick-name\" x=\"{x}\" \
                 y=\"13\">{name}</text>",
                HEAD + bands
            ),
        );
    }
    let mut y = HEAD;
    for (span, lines) in &shown {
        for line in lines {
            y += LINE;
            let text = escaped(line);
            put(
                &mut out,
                format_args!(
                    "<text class=\"who\" x=\"{LEFT}\" y=\"{}\">{text}</text>",
                    y - 4
                ),
            );
        }
        let (x, kind) = (
            place(u32::from(span.from)),
            if span.from == 0 {
                "ordinary"
            } else {
                "recovery"
            },
        );
        put(
            &mut out,
            format_args!(
                "<rect class=\"band {kind}\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{BAND}\" rx=\"3\"/>",
                WIDTH - x
            ),
        );
        y += BAND + GAP;
    }
    if more > 0 {
        put(
            &mut out,
            format_args!(
                "<text class=\"who\" x=\"{LEFT}\" y=\"{}\">and {more} more ways, in the table</text>",
                y + LINE - 4
            ),
        );
    }
    out.push_str("</svg>");
    out
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what)
        .expect("a string takes whatever is written");
}

fn height(lines: &[String]) -> u32 {
    let lines = u32::try_from(lines.len()).unwrap_or(0);
    lines * LINE + BAND + GAP
}

/// Where an age stands on the scale: between two steps in proportion, and every step equally wide.
fn place(blocks: u32) -> u32 {
    let mut ends = STEPS.iter().map(|(blocks, _)| *blocks).skip(1).chain([END]);
    let mut x = LEFT;
    let mut from = 0;
    loop {
        let Some(to) = ends.next() else {
            return x;
        };
        if blocks < to {
            return x + blocks.saturating_sub(from) * STEP / (to - from);
        }
        x += STEP;
        from = to;
    }
}

fn after(from: u16) -> String {
    if from == 0 {
        String::new()
    } else {
        // Ten minutes a block.
        let days = u32::from(from).div_ceil(144);
        format!(", after {from} blocks, about {days} d")
    }
}

/// The same in words.
fn words(spans: &[Span]) -> String {
    let all = spans.iter().map(|span| {
        if span.from == 0 {
            format!("{} at any time", span.who)
        } else {
            format!("{}{}", span.who, after(span.from))
        }
    });
    format!("{}.", all.collect::<Vec<_>>().join("; "))
}

/// Breaks words into few lines; what is over is said to be.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(LETTERS) {
            let part: String = part.iter().collect();
            match lines.last_mut() {
                Some(line) if line.chars().count() + part.chars().count() < LETTERS => {
                    line.push(' ');
                    line.push_str(&part);
                }
                Some(_) | None => lines.push(part),
            }
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u16, who: &str) -> Span {
        Span {
            from,
            who: who.to_owned(),
        }
    }

    #[test]
    fn a_band_begins_where_its_timelock_ends_and_runs_to_the_end() {
        let drawn = who_when(&[span(0, "any 2 of a, b, c"), span(12_960, "vault-key")]);
        assert!(
            drawn.contains("class=\"band ordinary\" x=\"12\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("class=\"band recovery\" x=\"228\""),
            "{drawn}"
        );
        assert!(drawn.contains("width=\"172\""), "{drawn}");
        assert!(
            drawn.contains(
                ">any 2 of a, b, c at any time; vault-key, after 12960 blocks, about 90 d.</desc>"
            ),
            "{drawn}"
        );
    }

    #[test]
    fn a_later_age_never_stands_before_an_earlier_one_and_the_longest_is_inside() {
        let places: Vec<u32> = (0..=u32::from(u16::MAX)).map(place).collect();
        assert!(places.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(places.first(), Some(&LEFT));
        assert!(places.last().is_some_and(|last| *last < WIDTH - 8));
    }

    #[test]
    fn names_are_text_and_too_many_bands_are_counted() {
        let hostile = span(0, "<script>\"&");
        let drawn = who_when(&vec![hostile; 15]);
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;&quot;&amp;"), "{drawn}");
        assert!(drawn.contains("and 3 more ways"), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 12);
        let long = who_when(&[span(0, &"long-name, ".repeat(40))]);
        assert_eq!(long.matches("class=\"who\"").count(), 3);
        assert!(long.contains('…'));
    }

    #[test]
    fn a_drawing_has_no_style_no_script_and_no_fraction() {
        let drawn = who_when(&[span(7, "a"), span(65_535, "b")]);
        for never in ["style=", "<script", "onload", "href"] {
            assert!(!drawn.contains(never), "{drawn}");
        }
        let numbers = drawn.split('"').filter(|part| part.contains('.'));
        assert!(
            numbers
                .clone()
                .all(|part| !part.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        );
    }
}
