//! Which of its attempts a withdrawal follows, and by which events it comes there.
//!
//! Invariant: where a withdrawal stands is decided by the attempts that pay it and nothing else. One in a
//! block goes before one in the mempool, that before one that is out for signing; among equals the newest
//! is followed. What the chain shows is therefore followed in whatever order events arrive.

use super::attempt::AttemptState;
use super::withdrawal::{WithdrawalEvent, WithdrawalState};
use super::{BatchId, IllegalTransition};
use bitcoin::Txid;

/// An attempt that pays a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paying {
    /// Its batch.
    pub batch: BatchId,
    /// The attempt.
    pub txid: Txid,
    /// Where it stands.
    pub state: AttemptState,
    /// Whether it is certain what it spends. Where only journals say so, and too few of them for one to be an honest
    /// signer's, no rival kills it for good: it may spend something else.
    pub is_vouched: bool,
}

/// How far on its way to a settled payment an attempt is; nothing where it can never be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Uncertain,
    Signing,
    HandedOver,
    InMempool,
    Confirmed(u32),
    Settled(u32),
}

impl Way {
    fn of(paying: &Paying) -> Option<Self> {
        match &paying.state {
            AttemptState::Dead { .. } => (!paying.is_vouched).then_some(Self::Uncertain),
            AttemptState::Draft | AttemptState::Dropped => None,
            AttemptState::Issued | AttemptState::Signed => Some(Self::Signing),
            AttemptState::Broadcasting => Some(Self::HandedOver),
            AttemptState::InMempool => Some(Self::InMempool),
            AttemptState::Confirmed { height, .. } => Some(Self::Confirmed(*height)),
            AttemptState::Settled { height, .. } => Some(Self::Settled(*height)),
        }
    }

    /// Heights are no reason to follow another one.
    const fn rank(self) -> u8 {
        match self {
            Self::Uncertain => 0,
            Self::Signing => 1,
            Self::HandedOver => 2,
            Self::InMempool => 3,
            Self::Confirmed(_) => 4,
            Self::Settled(_) => 5,
        }
    }
}

/// The events by which a withdrawal comes to where its attempts, oldest first, say that it is; none if it is
/// there. `rule` is the rule that allowed it, to fall back on when no attempt is left.
///
/// # Errors
/// The transition, where no attempt can pay a withdrawal in this state.
pub fn events_to_follow(
    current: &WithdrawalState,
    attempts: &[Paying],
    rule: &str,
) -> Result<Vec<WithdrawalEvent>, IllegalTransition> {
    let mut path = Path::from(current);
    let followed = current.attempt();
    let best = attempts
        .iter()
        .enumerate()
        .filter_map(|(turn, paying)| Some((turn, paying, Way::of(paying)?)))
        .max_by_key(|(turn, paying, way)| {
            // Two in blocks at once cannot be; if they ever were, the one followed stays.
            let stays = way.rank() >= 4 && Some(paying.txid) == followed;
            (way.rank(), stays, *turn)
        });
    if let Some((_, paying, way)) = best {
        path.join(paying, way <= Way::Signing)?;
        path.climb(way)?;
        return Ok(path.events);
    }
    let dead = attempts.iter().filter_map(|paying| match paying.state {
        AttemptState::Dead { by, .. } => Some((paying, by)),
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool
        | AttemptState::Confirmed { .. }
        | AttemptState::Settled { .. } => None,
    });
    let last = dead.max_by_key(|(paying, _)| Some(paying.txid) == followed);
    path.end(last, rule)?;
    Ok(path.events)
}

/// The events so far and the state that they lead to.
struct Path {
    state: WithdrawalState,
    events: Vec<WithdrawalEvent>,
}

impl Path {
    fn from(state: &WithdrawalState) -> Self {
        Self {
            state: state.clone(),
            events: Vec::new(),
        }
    }

    fn take(&mut self, event: WithdrawalEvent) -> Result<(), IllegalTransition> {
        self.state = self.state.clone().apply(&event)?;
        self.events.push(event);
        Ok(())
    }

    /// Follows an attempt that may still confirm.
    fn join(&mut self, paying: &Paying, unsigned: bool) -> Result<(), IllegalTransition> {
        let (batch, txid) = (paying.batch, paying.txid);
        if self.state.attempt() == Some(txid) {
            let failed = matches!(self.state, WithdrawalState::Failed { .. });
            return if failed {
                self.take(WithdrawalEvent::Revived { unsigned })
            } else {
                Ok(())
            };
        }
        self.leave_block()?;
        match self.state {
            WithdrawalState::Batched { batch: own, .. } if own == batch => {
                self.take(WithdrawalEvent::Issued { txid })
            }
            WithdrawalState::Requested
            | WithdrawalState::Approved { .. }
            | WithdrawalState::Rejected { .. }
            | WithdrawalState::Expired
            | WithdrawalState::Cancelled
            | WithdrawalState::Batched { .. }
            | WithdrawalState::Signing { .. }
            | WithdrawalState::Broadcast { .. }
            | WithdrawalState::Confirmed { .. }
            | WithdrawalState::Settled { .. }
            | WithdrawalState::Failed { .. } => {
                self.take(WithdrawalEvent::Reissued { batch, txid })
            }
        }
    }

    fn leave_block(&mut self) -> Result<(), IllegalTransition> {
        if self.height().is_some() {
            self.take(WithdrawalEvent::Reorged)?;
        }
        Ok(())
    }

    /// The height of its block, and whether it is settled.
    const fn height(&self) -> Option<(u32, bool)> {
        match self.state {
            WithdrawalState::Confirmed { height, .. } => Some((height, false)),
            WithdrawalState::Settled { height, .. } => Some((height, true)),
            WithdrawalState::Requested
            | WithdrawalState::Approved { .. }
            | WithdrawalState::Rejected { .. }
            | WithdrawalState::Expired
            | WithdrawalState::Cancelled
            | WithdrawalState::Batched { .. }
            | WithdrawalState::Signing { .. }
            | WithdrawalState::Broadcast { .. }
            | WithdrawalState::Failed { .. } => None,
        }
    }

    /// Goes as far as the attempt that it follows.
    fn climb(&mut self, way: Way) -> Result<(), IllegalTransition> {
        match way {
            Way::Uncertain | Way::Signing => self.leave_block(),
            Way::HandedOver | Way::InMempool => {
                self.leave_block()?;
                if matches!(self.state, WithdrawalState::Signing { .. }) {
                    self.take(WithdrawalEvent::Broadcast)?;
                }
                Ok(())
            }
            Way::Confirmed(height) => {
                if self.height().is_some_and(|at| at != (height, false)) {
                    self.leave_block()?;
                }
                if self.height().is_none() {
                    self.take(WithdrawalEvent::Confirmed { height })?;
                }
                Ok(())
            }
            Way::Settled(height) => {
                if self.height().is_some_and(|(at, _)| at != height) {
                    self.leave_block()?;
                }
                if self.height().is_none() {
                    self.take(WithdrawalEvent::Confirmed { height })?;
                }
                if self.height() == Some((height, false)) {
                    self.take(WithdrawalEvent::Settled { height })?;
                }
                Ok(())
            }
        }
    }

    /// No attempt may confirm any more: it failed by the last that died, or needs a new one where all of them
    /// are voided.
    fn end(&mut self, dead: Option<(&Paying, Txid)>, rule: &str) -> Result<(), IllegalTransition> {
        self.leave_block()?;
        match (&self.state, dead) {
            (
                WithdrawalState::Failed {
                    txid, by: known, ..
                },
                Some((paying, by)),
            ) if *txid == paying.txid => {
                if *known != by {
                    self.take(WithdrawalEvent::Revived { unsigned: true })?;
                    self.take(WithdrawalEvent::Failed { by })?;
                }
                Ok(())
            }
            (
                WithdrawalState::Signing { txid, .. }
                | WithdrawalState::Broadcast { txid, .. }
                | WithdrawalState::Failed { txid, .. },
                Some((paying, by)),
            ) => {
                if *txid != paying.txid {
                    let (batch, txid) = (paying.batch, paying.txid);
                    self.take(WithdrawalEvent::Reissued { batch, txid })?;
                }
                self.take(WithdrawalEvent::Failed { by })
            }
            (WithdrawalState::Signing { .. } | WithdrawalState::Broadcast { .. }, None) => {
                let rule = rule.to_owned();
                self.take(WithdrawalEvent::Voided { rule })
            }
            (
                WithdrawalState::Requested
                | WithdrawalState::Approved { .. }
                | WithdrawalState::Rejected { .. }
                | WithdrawalState::Expired
                | WithdrawalState::Cancelled
                | WithdrawalState::Batched { .. }
                | WithdrawalState::Confirmed { .. }
                | WithdrawalState::Settled { .. }
                | WithdrawalState::Failed { .. },
                _,
            ) => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "following_tests.rs"]
mod tests;
