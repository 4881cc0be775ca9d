//! How answers fit a terminal of 80 columns: paragraphs, labelled lines, tables.
//!
//! Words are wrapped, never cut; a word that alone is too long, such as an address, keeps its line, so that
//! it can be copied. Only cells of tables lose their middle.

/// The columns that every answer fits.
pub(super) const WIDTH: usize = 80;
/// The least that is left of a cell: enough of both ends to tell it from others.
const CELL: usize = 9;
/// What parts two columns.
const GAP: usize = 2;

/// Wraps words; every line but the first begins with `indent` spaces.
pub(super) fn paragraph(text: &str, indent: usize) -> String {
    wrapped(text, 0, indent)
}

/// One item of a list, wrapped below itself.
pub(super) fn item(text: &str) -> String {
    format!("  {}\n", wrapped(&format!("- {text}"), GAP, 2 * GAP))
}

/// Wraps words behind something that is `begun` columns wide.
fn wrapped(text: &str, begun: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut column = begun;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let first = column == begun && out.is_empty();
        if !first && column.saturating_add(1).saturating_add(length) > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if !first {
            out.push(' ');
            column = column.saturating_add(1);
        }
        out.push_str(word);
        column = column.saturating_add(length);
    }
    out
}

/// Lines of a label and what it labels, one below the other.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<(String, String)>);

impl Lines {
    /// Adds a line; nothing is added for an empty text.
    pub(super) fn with(mut self, label: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((label.to_owned(), text));
        }
        self
    }

    /// The lines, indented by two.
    pub(super) fn text(&self) -> String {
        let width = self.0.iter().map(|(label, _)| label.chars().count());
        let width = width.max().unwrap_or(0);
        let indent = width.saturating_add(2 * GAP);
        let mut out = String::new();
        for (label, text) in &self.0 {
            let text = wrapped(text, indent, indent);
            out.push_str(&format!("  {label:width$}  {text}\n"));
        }
        out
    }
}

/// A table: a head, rows, and which columns are numbers. Long cells lose their middle where the table
/// would be too wide; numbers never do.
pub(super) fn table(head: &[String], rows: &[Vec<String>], numbers: &[bool]) -> String {
    let all: Vec<&[String]> = std::iter::once(head)
        .chain(rows.iter().map(Vec::as_slice))
        .collect();
    let width_of = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..head.len()).map(width_of).collect();
    let gaps = GAP.saturating_mul(head.len().saturating_sub(1));
    while widths.iter().sum::<usize>().saturating_add(gaps) > WIDTH {
        let widest = widths
            .iter_mut()
            .zip(numbers)
            .filter(|(width, number)| !**number && **width > CELL);
        match widest.map(|(width, _)| width).max() {
            Some(width) => *width = width.saturating_sub(1),
            None => break,
        }
    }
    let mut out = String::new();
    for row in all {
        let mut line = String::new();
        for ((cell, width), number) in row.iter().zip(&widths).zip(numbers) {
            let (cell, width) = (short(cell, *width), *width);
            if *number {
                line.push_str(&format!("{cell:>width$}  "));
            } else {
                line.push_str(&format!("{cell:width$}  "));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Cuts the middle of a cell that is too long, so that both ends can be compared.
fn short(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept / 2;
    let head: String = chars.iter().take(kept.saturating_sub(tail)).collect();
    let tail: String = chars
        .iter()
        .skip(chars.len().saturating_sub(tail))
        .collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widest(text: &str) -> usize {
        text.lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_wide_table_keeps_both_ends_of_long_cells_and_all_of_numbers() {
        let head = ["txid", "address", "amount sat"].map(str::to_owned);
        let row = vec![
            "0123456789abcdef".repeat(4),
            "bcrt1q".repeat(10),
            "2100000000000000".to_owned(),
        ];
        let text = table(&head, &[row], &[false, false, true]);
        assert!(widest(&text) <= WIDTH, "{text}");
        assert!(text.contains("…"), "{text}");
        assert!(text.contains("2100000000000000"), "{text}");
    }

    #[test]
    fn a_table_that_fits_cuts_nothing() {
        let head = ["id", "amount sat"].map(str::to_owned);
        let rows = [
            vec!["w-1".to_owned(), "5".to_owned()],
            vec!["ab".repeat(32), "12345".to_owned()],
        ];
        let text = table(&head, &rows, &[false, true]);
        assert!(text.contains(&"ab".repeat(32)), "{text}");
        assert!(
            text.lines()
                .nth(1)
                .is_some_and(|line| line.ends_with("         5")),
            "{text}"
        );
    }

    #[test]
    fn words_are_wrapped_at_the_width_and_a_long_one_stays_whole() {
        let text = paragraph(&"word ".repeat(40), 4);
        assert!(widest(&text) <= WIDTH, "{text}");
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("    word")),
            "{text}"
        );
        let long = "x".repeat(100);
        assert!(
            paragraph(&format!("a {long} b"), 0)
                .lines()
                .any(|line| line == long)
        );
    }

    #[test]
    fn labelled_lines_stand_below_each_other() {
        let lines = Lines::default()
            .with("to", "there")
            .with("nothing", "")
            .with("because", "word ".repeat(30));
        let text = lines.text();
        assert!(
            text.starts_with("  to       there\n  because  word"),
            "{text}"
        );
        assert!(widest(&text) <= WIDTH, "{text}");
        assert!(!text.contains("nothing"), "{text}");
    }
}
