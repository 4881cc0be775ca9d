//! A page of a list whose filters no statement can ask for: rows are read chunk by chunk, and those that a filter does
//! not let through are left out, until the page is full.
//!
//! Invariant: a page begins behind the place of the last line before it, so that what is added meanwhile moves no
//! line out of sight.

use std::str::FromStr;

use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::attempt_lines::Filter;
use super::paging::{Cursor, Paged};
use super::{Actor, Right, Service, ServiceError, expect_state};
use crate::session::attempt::AttemptState;
use crate::store::attempt_lines::Wanted;

/// The rows that are read at a time.
const CHUNK: u32 = 200;
/// The most rows that are read for one page: where few fit a filter, pages are short and go on.
const MOST_READ: usize = 2_000;

/// The lines that a list is made of.
pub(super) trait Lines {
    /// What names a row.
    type Id: Copy + FromStr + ToString;
    /// A row as it is stored.
    type Row;
    /// A line as it is shown.
    type Line;

    /// The next rows, newest first.
    async fn rows(
        &self,
        tx: &mut Transaction,
        wanted: &Wanted<'_, Self::Id>,
        limit: u32,
    ) -> Result<Vec<Self::Row>, ServiceError>;

    /// The place of a row among the others.
    fn place(row: &Self::Row) -> (UnixTime, Self::Id);

    /// The line of a row; none where the filter does not let it through.
    async fn line(
        &self,
        tx: &mut Transaction,
        row: Self::Row,
    ) -> Result<Option<Self::Line>, ServiceError>;
}

/// A page of at most so many lines of a vault.
pub(super) async fn page_of<L: Lines>(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    (lines, filter): (&L, &Filter),
    after: Option<&Cursor>,
    most: u32,
) -> Result<Paged<L::Line>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let state = Some(filter.state.as_str()).filter(|state| !state.is_empty());
    expect_state(state, &AttemptState::NAMES)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let mut place = after.and_then(read_place::<L::Id>);
    let (mut items, mut last) = (Vec::new(), None);
    let mut read = 0_usize;
    loop {
        let wanted = Wanted {
            vault,
            state: &filter.state,
            purpose: &filter.purpose,
            since: filter.since.unwrap_or(UnixTime::ZERO),
            until: filter.until.unwrap_or(UnixTime::from_secs(u64::MAX)),
            after: place,
        };
        let rows = lines.rows(&mut tx, &wanted, CHUNK).await?;
        let is_over = rows.len() < count(CHUNK);
        read = read.saturating_add(rows.len());
        for row in rows {
            let at = L::place(&row);
            place = Some(at);
            let Some(line) = lines.line(&mut tx, row).await? else {
                continue;
            };
            if items.len() == count(most) {
                let next = last.map(mark);
                return Ok(Paged { items, next });
            }
            items.push(line);
            last = Some(at);
        }
        if is_over {
            return Ok(Paged { items, next: None });
        }
        if read >= MOST_READ {
            let next = place.map(mark);
            return Ok(Paged { items, next });
        }
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The mark of a place.
fn mark<T: ToString>((at, id): (UnixTime, T)) -> Cursor {
    Cursor::of(&[&at.as_secs().to_string(), &id.to_string()])
}

/// The place of a mark; what is none begins anew.
fn read_place<T: FromStr>(mark: &Cursor) -> Option<(UnixTime, T)> {
    let parts = mark.parts();
    let [seconds, id] = parts.as_slice() else {
        return None;
    };
    let seconds = seconds.parse().ok()?;
    Some((UnixTime::from_secs(seconds), id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::roles::fixture::Kind;
    use crate::service::tests::world::World;

    /// Rows with the numbers below this one, the highest first, of which one fits.
    struct Numbered {
        below: u64,
        fits: u64,
        read: Cell<usize>,
    }

    impl Lines for Numbered {
        type Id = u64;
        type Row = u64;
        type Line = u64;

        async fn rows(
            &self,
            _: &mut Transaction,
            wanted: &Wanted<'_, u64>,
            limit: u32,
        ) -> Result<Vec<u64>, ServiceError> {
            let below = wanted.after.map_or(self.below, |(_, number)| number);
            let rows: Vec<u64> = (0..below).rev().take(count(limit)).collect();
            self.read.set(self.read.get() + rows.len());
            Ok(rows)
        }

        fn place(row: &u64) -> (UnixTime, u64) {
            (UnixTime::from_secs(*row), *row)
        }

        async fn line(&self, _: &mut Transaction, row: u64) -> Result<Option<u64>, ServiceError> {
            Ok((row == self.fits).then_some(row))
        }
    }

    #[tokio::test]
    async fn a_page_reads_two_thousand_rows_at_most_and_the_next_one_goes_on_where_it_stopped() {
        let world = World::new(Kind::Wsh).await;
        let lines = Numbered {
            below: 5_000,
            fits: 400,
            read: Cell::new(0),
        };
        let filter = Filter::default();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = page_of(
                &world.service,
                &world.operator,
                world.vault,
                (&lines, &filter),
                after.as_ref(),
                50,
            );
            let page = page.await.expect("a page");
            pages.push((page.items, lines.read.replace(0)));
            after = page.next;
            if after.is_none() {
                break;
            }
            assert!(pages.len() < 9, "it goes on for ever: {pages:?}");
        }
        assert_eq!(
            pages,
            [(vec![], 2_000), (vec![], 2_000), (vec![400], 1_000)]
        );
    }
}
