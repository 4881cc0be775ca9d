//! How large a transaction of a vault may be, by what the devices take whose signers are needed.
//!
//! Invariant: what replaces, cancels or recovers is never held up by a device; only what is new is.

use std::collections::BTreeSet;

use policies::UnixTime;
use policies::devices::{Needed, Room, needed};
use policies::document::{KeysetView, Signer};
use policies::psbt::MAX_BYTES;
use watchtower::store::database::Transaction;

use super::ServiceError;
use crate::store::people::absences;

/// The rooms to try, the smallest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rooms(Vec<Room>);

/// What signers of ours read, with as much again for our records.
const READ: Room = Room {
    psbt_bytes: MAX_BYTES / 2,
    ..Room::ANY
};

impl Rooms {
    /// Only what signers of ours read bounds.
    pub(super) fn any() -> Self {
        Self(vec![READ])
    }

    /// What cameras read in a go; if that is too little, what devices take at all.
    pub(super) fn of(needed: &Needed) -> Self {
        let mut rooms = vec![needed.in_a_go.and(READ), needed.at_all.and(READ)];
        rooms.dedup();
        Self(rooms)
    }

    /// The same, and beyond what devices take if it must be.
    pub(super) fn and_beyond(mut self) -> Self {
        self.0.push(READ);
        self.0.dedup();
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Room> {
        self.0.iter().copied()
    }

    /// The largest.
    pub(super) fn largest(&self) -> Room {
        self.0.last().copied().unwrap_or(READ)
    }

    /// Whether a smaller one is tried first.
    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }
}

/// The rooms for new transactions of a keyset: signers who are away now are not needed while others suffice.
pub(super) async fn rooms(
    tx: &mut Transaction,
    keyset: KeysetView<'_>,
    now: UnixTime,
) -> Result<Rooms, ServiceError> {
    let needed = needed_now(tx, keyset, now).await?;
    Ok(Rooms::of(&needed))
}

/// What the devices take that are needed now.
pub(super) async fn needed_now(
    tx: &mut Transaction,
    keyset: KeysetView<'_>,
    now: UnixTime,
) -> Result<Needed, ServiceError> {
    let open = absences::open(tx, now).await?;
    let away = open.into_iter().filter(|absence| absence.from <= now);
    let away: BTreeSet<String> = away.map(|absence| absence.person).collect();
    let is_away = |signer: &Signer| away.contains(&signer.person);
    Ok(needed(keyset.descriptor, keyset.signers, is_away))
}
