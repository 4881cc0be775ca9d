//! Two texts side by side, line by line.
//!
//! Invariant: the lines of the left, in order, are the first text, and those of the right the second; a pair of equal
//! lines is never called different. The longest common subsequence is taken where the changed parts are short enough
//! to compare; where they are not, they stand as removed and added as a whole, which is as true.

/// The most comparisons of lines; beyond, changed parts are not compared.
const COMPARED: usize = 4_000_000;

/// A line with its number, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number.
    pub number: usize,
    /// Its text without the line feed.
    pub text: &'a str,
}

/// One row of two texts side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// The line is in both.
    Same(Line<'a>, Line<'a>),
    /// A line took the place of another.
    Changed(Line<'a>, Line<'a>),
    /// The line is only in the first.
    Removed(Line<'a>),
    /// The line is only in the second.
    Added(Line<'a>),
}

/// Rows that are shown, or equal rows that are folded away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Rows.
    Rows(Vec<Row<'a>>),
    /// Equal rows in a stretch.
    Folded(Vec<Row<'a>>),
}

/// The rows of two texts side by side.
pub fn side_by_side<'a>(before: &'a str, after: &'a str) -> Vec<Row<'a>> {
    let (left, right) = (lines(before), lines(after));
    let front = left.iter().zip(&right);
    let front = front.take_while(|(a, b)| a.text == b.text).count();
    let rest = left.len().min(right.len()).saturating_sub(front);
    let back = left.iter().rev().zip(right.iter().rev()).take(rest);
    let back = back.take_while(|(a, b)| a.text == b.text).count();
    let (left_end, right_end) = (left.len() - back, right.len() - back);
    let mut rows: Vec<Row<'a>> = same(&left[..front], &right[..front]);
    rows.extend(changed(&left[front..left_end], &right[front..right_end]));
    rows.extend(same(&left[left_end..], &right[right_end..]));
    rows
}

/// Folds equal rows that are further than `context` from every difference.
pub fn folded<'a>(rows: &[Row<'a>], context: usize) -> Vec<Piece<'a>> {
    let differs: Vec<usize> = (rows.iter().enumerate())
        .filter(|(_, row)| !row.is_same())
        .map(|(at, _)| at)
        .collect();
    let mut next = 0;
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        while differs.get(next).is_some_and(|place| place + context < at) {
            next += 1;
        }
        let near = differs
            .get(next)
            .is_some_and(|place| *place <= at + context);
        match pieces.last_mut() {
            Some(Piece::Rows(shown)) if near => shown.push(*row),
            Some(Piece::Folded(hidden)) if !near => hidden.push(*row),
            Some(_) | None if near => pieces.push(Piece::Rows(vec![*row])),
            Some(_) | None => pieces.push(Piece::Folded(vec![*row])),
        }
    }
    pieces
}

impl Row<'_> {
    /// Whether the line is in both.
    pub const fn is_same(&self) -> bool {
        matches!(self, Self::Same(..))
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let lines = (1_usize..).zip(text.lines());
    lines.map(|(number, text)| Line { number, text }).collect()
}

fn same<'a>(left: &[Line<'a>], right: &[Line<'a>]) -> Vec<Row<'a>> {
    let pairs = left.iter().zip(right);
    pairs.map(|(a, b)| Row::Same(*a, *b)).collect()
}

/// The rows between the equal beginnings and ends of two texts.
fn changed<'a>(left: &[Line<'a>], right: &[Line<'a>]) -> Vec<Row<'a>> {
    let kept = common(left, right);
    let mut rows = Vec::new();
    let (mut a, mut b) = (0, 0);
    for (x, y) in kept {
        rows.extend(replaced(&left[a..x], &right[b..y]));
        rows.push(Row::Same(left[x], right[y]));
        (a, b) = (x + 1, y + 1);
    }
    rows.extend(replaced(&left[a..], &right[b..]));
    rows
}

/// Lines that took the place of others: pairs, and what is over on one side.
fn replaced<'a>(left: &[Line<'a>], right: &[Line<'a>]) -> Vec<Row<'a>> {
    let pairs = left.len().min(right.len());
    let mut rows: Vec<Row<'a>> = (left.iter().zip(right))
        .map(|(a, b)| {
            if a.text == b.text {
                Row::Same(*a, *b)
            } else {
                Row::Changed(*a, *b)
            }
        })
        .collect();
    rows.extend(left[pairs..].iter().map(|line| Row::Removed(*line)));
    rows.extend(right[pairs..].iter().map(|line| Row::Added(*line)));
    rows
}

/// The places of a longest common subsequence; nothing where it would take too long to find.
fn common(left: &[Line<'_>], right: &[Line<'_>]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    if left.len().saturating_mul(right.len()) > COMPARED {
        return Vec::new();
    }
    // longest[a][b]: the length of the longest common subsequence of left[a..] and right[b..].
    let mut longest = vec![0_u32; (left.len() + 1) * width];
    for a in (0..left.len()).rev() {
        for b in (0..right.len()).rev() {
            longest[a * width + b] = if left[a].text == right[b].text {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut kept = Vec::new();
    while a < left.len() && b < right.len() {
        if left[a].text == right[b].text {
            kept.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if longest[(a + 1) * width + b] >= longest[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(before: &str, after: &str) -> Vec<String> {
        let rows = side_by_side(before, after).into_iter();
        rows.map(|row| match row {
            Row::Same(a, b) => format!("{}={} {}", a.number, b.number, a.text),
            Row::Changed(a, b) => format!("{} {}>{} {}", a.number, a.text, b.number, b.text),
            Row::Removed(a) => format!("-{} {}", a.number, a.text),
            Row::Added(b) => format!("+{} {}", b.number, b.text),
        })
        .collect()
    }

    /// Numbered lines with a letter in front.
    fn text_of(letter: &str, lines: u32) -> String {
        let lines = (0..lines).map(|line| format!("{letter}{line}\n"));
        lines.collect::<Vec<_>>().concat()
    }

    #[test]
    fn lines_that_stay_stand_beside_one_another() {
        assert_eq!(
            told("a\nb\nc\nd\n", "a\nc\nx\nd\n"),
            ["1=1 a", "-2 b", "3=2 c", "+3 x", "4=4 d"]
        );
        assert_eq!(told("a\nb\n", "a\nB\n"), ["1=1 a", "2 b>2 B"]);
        assert_eq!(told("", "a\n"), ["+1 a"]);
        assert_eq!(told("a\na\n", "a\n"), ["1=1 a", "-2 a"]);
    }

    #[test]
    fn equal_lines_far_from_a_difference_are_folded() {
        let before = text_of("", 20);
        let after = before.replace("10\n", "ten\n");
        let rows = side_by_side(&before, &after);
        let pieces = folded(&rows, 2);
        let sizes: Vec<(bool, usize)> = (pieces.iter())
            .map(|piece| match piece {
                Piece::Rows(rows) => (true, rows.len()),
                Piece::Folded(rows) => (false, rows.len()),
            })
            .collect();
        assert_eq!(sizes, [(false, 8), (true, 5), (false, 7)]);
        assert_eq!(folded(&side_by_side("a\n", "a\n"), 2).len(), 1);
        assert!(folded(&[], 2).is_empty());
    }

    #[test]
    fn texts_too_long_to_compare_are_told_whole() {
        let (before, after) = (text_of("a", 3_000), text_of("b", 3_000));
        let rows = side_by_side(&before, &after);
        assert_eq!(rows.len(), 3_000);
        assert!(rows.iter().all(|row| !row.is_same()));
    }

    proptest! {
        #[test]
        fn both_texts_read_back_from_the_rows(
            before in proptest::collection::vec(0_u8..5, 0..40),
            after in proptest::collection::vec(0_u8..5, 0..40),
        ) {
            let text = |lines: &[u8]| lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
            let (before, after) = (text(&before), text(&after));
            let rows = side_by_side(&before, &after);
            let (mut left, mut right) = (String::new(), String::new());
            for row in &rows {
                match row {
                    Row::Same(a, b) => {
                        prop_assert_eq!(a.text, b.text);
                        left += &format!("{}\n", a.text);
                        right += &format!("{}\n", b.text);
                    }
                    Row::Changed(a, b) => {
                        prop_assert_ne!(a.text, b.text);
                        left += &format!("{}\n", a.text);
                        right += &format!("{}\n", b.text);
                    }
                    Row::Removed(a) => left += &format!("{}\n", a.text),
                    Row::Added(b) => right += &format!("{}\n", b.text),
                }
            }
            prop_assert_eq!(&left, &before);
            prop_assert_eq!(&right, &after);
            let folded: usize = folded(&rows, 3).iter().map(|piece| match piece {
                Piece::Rows(rows) | Piece::Folded(rows) => rows.len(),
            }).sum();
            prop_assert_eq!(folded, rows.len());
        }
    }
}
