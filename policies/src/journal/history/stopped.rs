//! What a journal knows of stops, and of the transactions that it promised never to sign.
//!
//! Invariant: a stop that was seen is in force until its own release was seen, in whichever order; a
//! transaction that was voided is never admitted.

use bitcoin::Txid;

use super::History;
use crate::ids::{KeyId, Subject};
use crate::intent::Stop;
use crate::time::UnixTime;

impl History {
    /// The stops in force, with their subjects.
    pub fn stops_in_force(&self) -> impl Iterator<Item = (Subject, &Stop)> {
        let stops = self.stops.iter();
        let standing = stops.filter(|(subject, _)| !self.released.contains(*subject));
        standing.map(|(subject, (stop, _))| (Subject::from_bytes(*subject), stop))
    }

    /// How many stops in force a key said.
    pub fn stops_of(&self, key: KeyId) -> usize {
        let stops = self.stops.iter();
        let of_key =
            stops.filter(|(subject, (_, by))| *by == key && !self.released.contains(*subject));
        of_key.count()
    }

    /// Whether the release of a stop was seen; then it never stops anything again.
    pub fn released(&self, stop: &Subject) -> bool {
        self.released.contains(stop.as_bytes())
    }

    /// When a stop was last seen, released or not: a go that was said before does not count.
    pub const fn last_stop(&self) -> Option<UnixTime> {
        self.last_stop
    }

    /// When this journal promised never to sign a transaction, if it did.
    pub fn voided(&self, txid: &Txid) -> Option<UnixTime> {
        self.voided.get(txid).copied()
    }

    /// How many transactions it promised never to sign after a moment.
    pub fn voids_since(&self, since: UnixTime) -> usize {
        self.voided.values().filter(|at| **at > since).count()
    }

    /// Records such a promise; the first moment stays.
    pub fn void(&mut self, txid: Txid, at: UnixTime) {
        self.voided.entry(txid).or_insert(at);
        self.pass(at);
    }
}

#[cfg(test)]
#[path = "stopped_tests.rs"]
mod tests;
