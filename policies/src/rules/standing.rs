//! What a decision rests on besides policy and intent: windows, open lists and time.

use std::sync::LazyLock;

use super::{OpenLists, Windows};
use crate::time::UnixTime;

static NO_WINDOWS: LazyLock<Windows> = LazyLock::new(Windows::none);
static NO_LISTS: LazyLock<OpenLists> = LazyLock::new(OpenLists::none);

/// What the decider knows: what was granted before, which entries open lists have, and its time.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What each rule granted, and when.
    pub windows: &'a Windows,
    /// The entries of open lists.
    pub lists: &'a OpenLists,
    /// The decider's time.
    pub now: UnixTime,
}

impl Standing<'_> {
    /// Nothing was granted before and no entry of an open list is known: what a person's tool can say
    /// from the policy alone. Whoever counts decides again.
    pub fn empty(now: UnixTime) -> Self {
        Standing {
            windows: &NO_WINDOWS,
            lists: &NO_LISTS,
            now,
        }
    }
}
