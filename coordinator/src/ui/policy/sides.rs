//! Two documents side by side: lines that stay, lines that go, lines that come, with what is far from every difference
//! folded away.

use crate::service::policy_review::lines::{Line, Piece, Row, folded, side_by_side};
use crate::ui::show::Outside;

/// Equal lines that are shown around a difference.
const CONTEXT: usize = 3;

/// A stretch of rows.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Whether it is folded away.
    pub(super) folded: bool,
    /// Its rows.
    pub(super) rows: Vec<SideRow>,
}

/// One row.
#[derive(Debug)]
pub(super) struct SideRow {
    /// `same`, `changed`, `removed` or `added`: the class, and said for who does not see colours.
    pub(super) kind: &'static str,
    /// On the left.
    pub(super) before: Option<Side>,
    /// On the right.
    pub(super) after: Option<Side>,
}

/// A line on one side.
#[derive(Debug)]
pub(super) struct Side {
    /// Its number.
    pub(super) number: usize,
    /// Its text.
    pub(super) text: Outside,
}

/// The rows of two documents.
pub(super) fn sides(before: &str, after: &str) -> Vec<Stretch> {
    let rows = side_by_side(before, after);
    let pieces = folded(&rows, CONTEXT).into_iter();
    pieces
        .map(|piece| match piece {
            Piece::Rows(rows) => Stretch {
                folded: false,
                rows: rows.iter().map(row).collect(),
            },
            Piece::Folded(rows) => Stretch {
                folded: true,
                rows: rows.iter().map(row).collect(),
            },
        })
        .collect()
}

fn row(row: &Row<'_>) -> SideRow {
    let (kind, before, after) = match row {
        Row::Same(before, after) => ("same", Some(before), Some(after)),
        Row::Changed(before, after) => ("changed", Some(before), Some(after)),
        Row::Removed(before) => ("removed", Some(before), None),
        Row::Added(after) => ("added", None, Some(after)),
    };
    SideRow {
        kind,
        before: before.map(side),
        after: after.map(side),
    }
}

fn side(line: &Line<'_>) -> Side {
    Side {
        number: line.number,
        text: Outside::new(line.text),
    }
}
