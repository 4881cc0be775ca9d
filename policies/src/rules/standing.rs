//! What a decision rests on besides policy and intent: windows, open lists and time.

use super::{OpenLists, Windows};
use crate::time::UnixTime;

/// What the decider knows: what was granted before, which entries open lists have, and its time. Who knows
/// neither windows nor journals asks [`super::prospects`] instead.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What each rule granted, and when.
    pub windows: &'a Windows,
    /// The entries of open lists.
    pub lists: &'a OpenLists,
    /// The decider's time.
    pub now: UnixTime,
}
