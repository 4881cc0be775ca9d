//! Ceremonies: the boards that operators lead, and the page of each person's own seat.
//!
//! Invariant: a person's page shows the document and never its words: they come from the person's own tool.

mod acting;
mod board;
mod seat;

use super::routes::Table;

pub(super) fn routes(table: Table) -> Table {
    seat::routes(acting::routes(board::routes(table)))
}
