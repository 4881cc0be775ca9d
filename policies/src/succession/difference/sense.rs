//! In which direction a fact changes.

use std::cmp::Ordering;

use super::Direction;
use crate::document::{Approvals, Inclusion};

/// What of a fact can be compared.
#[derive(Debug, Clone)]
pub(super) enum Sense {
    /// Nothing.
    Plain,
    /// A number of which more means this direction.
    Number { number: u64, more: Direction },
    /// How much and how often in a stretch of time.
    Budget { amount: u64, count: u64, per: u64 },
    /// Who must approve.
    Quorum(Approvals),
    /// What a proof shows.
    Inclusion(Inclusion),
}

impl Sense {
    /// The direction from this fact to the other one.
    pub(super) fn direction(&self, after: &Self) -> Direction {
        match (self, after) {
            (Self::Number { number, more }, Self::Number { number: other, .. }) => {
                match other.cmp(number) {
                    Ordering::Greater => *more,
                    Ordering::Less => more.back(),
                    Ordering::Equal => Direction::Changed,
                }
            }
            (
                Self::Budget { amount, count, per },
                Self::Budget {
                    amount: most,
                    count: times,
                    per: stretch,
                },
            ) => joined([
                grown(amount, most),
                grown(count, times),
                // What holds in a longer stretch of time holds in each shorter one.
                grown(stretch, per),
            ]),
            (Self::Quorum(before), Self::Quorum(after)) => quorum(before, after),
            (Self::Inclusion(before), Self::Inclusion(after)) => joined([
                // A higher target is less work.
                grown(&before.target(), &after.target()),
                grown(&after.confirmations, &before.confirmations),
            ]),
            (
                Self::Plain
                | Self::Number { .. }
                | Self::Budget { .. }
                | Self::Quorum(_)
                | Self::Inclusion(_),
                _,
            ) => Direction::Changed,
        }
    }
}

/// More of what may pass loosens; nothing where it is as much.
fn grown<T: Ord>(before: &T, after: &T) -> Option<Direction> {
    match after.cmp(before) {
        Ordering::Greater => Some(Direction::Loosened),
        Ordering::Less => Some(Direction::Tightened),
        Ordering::Equal => None,
    }
}

/// One direction where none of several disagrees.
pub(super) fn joined<const N: usize>(directions: [Option<Direction>; N]) -> Direction {
    let mut found = directions.into_iter().flatten();
    let Some(first) = found.next() else {
        return Direction::Changed;
    };
    if found.all(|direction| direction == first) {
        first
    } else {
        Direction::Changed
    }
}

/// Who must approve, compared. Where nobody must, a group says nothing.
pub(super) fn quorum(before: &Approvals, after: &Approvals) -> Direction {
    let Approvals { group, count, page } = before;
    let asks = |approvals: &Approvals| approvals.count > 0 || approvals.page > 0;
    let of_whom = if !asks(before) || !asks(after) {
        None
    } else {
        match (group, &after.group) {
            (None, Some(_)) => Some(Direction::Tightened),
            (Some(_), None) => Some(Direction::Loosened),
            (Some(one), Some(other)) if one != other => Some(Direction::Changed),
            (Some(_), Some(_)) | (None, None) => None,
        }
    };
    // `page` approvals may come by own keys too: what counts is how many, and how many of them by own keys.
    let total = |own: u32, page: u32| u64::from(own).saturating_add(u64::from(page));
    joined([
        of_whom,
        grown(&after.count, count),
        grown(&total(after.count, after.page), &total(*count, *page)),
    ])
}

/// Whether the one asks for no more than the other.
pub(super) fn asks_no_more(one: &Approvals, than: &Approvals) -> bool {
    one == than || (one.count == 0 && one.page == 0) || quorum(than, one) == Direction::Loosened
}
