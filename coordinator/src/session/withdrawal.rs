//! The life of a withdrawal, from requested to settled.
//!
//! Invariant: once an attempt that pays it was issued, only another attempt, voids and what the chain shows
//! move it: neither time nor anybody's wish brings it back (money rule M1). It is cancelled only before an
//! attempt, or after a settled transaction excluded all of them.

use bitcoin::Txid;
use policies::ids::KeyId;
use policies::planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use super::{BatchId, IllegalTransition};

/// Where a withdrawal stands, with what that state needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WithdrawalState {
    /// Its intent is genuine; approvals are missing.
    Requested,
    /// The rule that decides it is satisfied.
    Approved {
        /// Name of the rule.
        rule: String,
    },
    /// An approver refused it.
    Rejected {
        /// The key that signed the refusal.
        key: KeyId,
    },
    /// Its time ran out before an attempt was issued.
    Expired,
    /// Its requester withdrew it before an attempt was issued.
    Cancelled,
    /// It is in a batch whose attempt is still a draft.
    Batched {
        /// Name of the rule, to fall back on when the draft is dropped.
        rule: String,
        /// The batch.
        batch: BatchId,
    },
    /// An attempt that pays it has left the coordinator.
    Signing {
        /// The batch.
        batch: BatchId,
        /// The attempt.
        txid: Txid,
    },
    /// The final transaction was handed over for broadcasting, or is known to the network.
    Broadcast {
        /// The batch.
        batch: BatchId,
        /// The attempt.
        txid: Txid,
    },
    /// The transaction is in a block.
    Confirmed {
        /// The batch.
        batch: BatchId,
        /// The attempt.
        txid: Txid,
        /// The block's height.
        height: u32,
    },
    /// The block is as deep as the vault's policy demands.
    Settled {
        /// The batch.
        batch: BatchId,
        /// The attempt.
        txid: Txid,
        /// The block's height.
        height: u32,
    },
    /// A settled transaction spends a coin of the attempt, which can therefore never confirm.
    Failed {
        /// The batch.
        batch: BatchId,
        /// The attempt.
        txid: Txid,
        /// The exclusive transaction.
        by: Txid,
    },
}

/// What happens to a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WithdrawalEvent {
    /// The rule is satisfied.
    Approved {
        /// Name of the rule.
        rule: String,
    },
    /// An approver refuses.
    Rejected {
        /// The key that signed the refusal.
        key: KeyId,
    },
    /// Its time ran out.
    Expired,
    /// Its requester withdraws it.
    Cancelled,
    /// It joins a batch.
    Batched {
        /// The batch.
        batch: BatchId,
    },
    /// The batch's draft was dropped; nothing had left the coordinator.
    DraftDropped,
    /// The attempt that pays it leaves the coordinator.
    Issued {
        /// The attempt.
        txid: Txid,
    },
    /// Another attempt pays it from now on: a later one, or one that the chain shows.
    Reissued {
        /// The batch of that attempt.
        batch: BatchId,
        /// That attempt.
        txid: Txid,
    },
    /// All its attempts were voided: signers that block every quorum never signed and never will (M4).
    Voided {
        /// Name of the rule that allowed it.
        rule: String,
    },
    /// The final transaction is handed over, or was seen in the mempool.
    Broadcast,
    /// The transaction is in a block.
    Confirmed {
        /// The block's height.
        height: u32,
    },
    /// The block is deep enough.
    Settled {
        /// The block's height.
        height: u32,
    },
    /// The block left the chain.
    Reorged,
    /// An exclusive transaction is settled.
    Failed {
        /// The exclusive transaction.
        by: Txid,
    },
    /// The exclusive transaction left the chain again.
    Revived {
        /// Whether its attempt was never handed over for broadcasting.
        #[serde(default, skip_serializing_if = "is_false")]
        unsigned: bool,
    },
}

/// Whether a fact is not worth a word in the log.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives a reference to the field"
)]
const fn is_false(fact: &bool) -> bool {
    !*fact
}

impl WithdrawalState {
    /// The name of the state, as in JSON and in the table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Batched { .. } => "batched",
            Self::Signing { .. } => "signing",
            Self::Broadcast { .. } => "broadcast",
            Self::Confirmed { .. } => "confirmed",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
        }
    }

    /// The names of all states.
    pub const NAMES: [&'static str; 11] = [
        "requested",
        "approved",
        "rejected",
        "expired",
        "cancelled",
        "batched",
        "signing",
        "broadcast",
        "confirmed",
        "settled",
        "failed",
    ];

    /// Whether its amount is spoken for: it may still be paid and is not yet off the books.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Requested
            | Self::Approved { .. }
            | Self::Batched { .. }
            | Self::Signing { .. }
            | Self::Broadcast { .. }
            | Self::Confirmed { .. } => true,
            Self::Rejected { .. }
            | Self::Expired
            | Self::Cancelled
            | Self::Settled { .. }
            | Self::Failed { .. } => false,
        }
    }

    /// The attempt that pays it, once one was issued.
    pub const fn attempt(&self) -> Option<Txid> {
        match self {
            Self::Signing { txid, .. }
            | Self::Broadcast { txid, .. }
            | Self::Confirmed { txid, .. }
            | Self::Settled { txid, .. }
            | Self::Failed { txid, .. } => Some(*txid),
            Self::Requested
            | Self::Approved { .. }
            | Self::Rejected { .. }
            | Self::Expired
            | Self::Cancelled
            | Self::Batched { .. } => None,
        }
    }

    /// The batch it is in.
    pub const fn batch(&self) -> Option<BatchId> {
        match self {
            Self::Batched { batch, .. }
            | Self::Signing { batch, .. }
            | Self::Broadcast { batch, .. }
            | Self::Confirmed { batch, .. }
            | Self::Settled { batch, .. }
            | Self::Failed { batch, .. } => Some(*batch),
            Self::Requested
            | Self::Approved { .. }
            | Self::Rejected { .. }
            | Self::Expired
            | Self::Cancelled => None,
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// The transition, when this state does not allow the event.
    pub fn apply(self, event: &WithdrawalEvent) -> Result<Self, IllegalTransition> {
        use WithdrawalEvent as Event;
        let from = self.name();
        match (self, event) {
            (Self::Requested, Event::Approved { rule })
            | (Self::Signing { .. } | Self::Broadcast { .. }, Event::Voided { rule }) => {
                Ok(Self::Approved { rule: rule.clone() })
            }
            (Self::Requested | Self::Approved { .. }, Event::Rejected { key }) => {
                Ok(Self::Rejected { key: *key })
            }
            (Self::Requested | Self::Approved { .. }, Event::Expired) => Ok(Self::Expired),
            (Self::Requested | Self::Approved { .. } | Self::Failed { .. }, Event::Cancelled) => {
                Ok(Self::Cancelled)
            }
            (Self::Signing { .. }, Event::Cancelled) if planted(Bug::SigningIsCancelled) => {
                Ok(Self::Cancelled)
            }
            (Self::Approved { rule }, Event::Batched { batch }) => Ok(Self::Batched {
                rule,
                batch: *batch,
            }),
            (Self::Batched { rule, .. }, Event::DraftDropped) => Ok(Self::Approved { rule }),
            (Self::Batched { batch, .. }, Event::Issued { txid }) => {
                Ok(Self::Signing { batch, txid: *txid })
            }
            // The chain shows an attempt whatever became of the withdrawal since.
            (
                Self::Approved { .. }
                | Self::Rejected { .. }
                | Self::Expired
                | Self::Cancelled
                | Self::Signing { .. }
                | Self::Broadcast { .. }
                | Self::Failed { .. },
                Event::Reissued { batch, txid },
            ) => Ok(Self::Signing {
                batch: *batch,
                txid: *txid,
            }),
            (Self::Failed { batch, txid, .. }, Event::Revived { unsigned: true }) => {
                Ok(Self::Signing { batch, txid })
            }
            (Self::Signing { batch, txid }, Event::Broadcast)
            | (
                Self::Confirmed { batch, txid, .. } | Self::Settled { batch, txid, .. },
                Event::Reorged,
            )
            | (Self::Failed { batch, txid, .. }, Event::Revived { unsigned: false }) => {
                Ok(Self::Broadcast { batch, txid })
            }
            (
                Self::Signing { batch, txid } | Self::Broadcast { batch, txid },
                Event::Confirmed { height },
            ) => Ok(Self::Confirmed {
                batch,
                txid,
                height: *height,
            }),
            (Self::Confirmed { batch, txid, .. }, Event::Settled { height }) => Ok(Self::Settled {
                batch,
                txid,
                height: *height,
            }),
            (
                Self::Signing { batch, txid } | Self::Broadcast { batch, txid },
                Event::Failed { by },
            ) => Ok(Self::Failed {
                batch,
                txid,
                by: *by,
            }),
            (_, event) => Err(IllegalTransition {
                machine: "withdrawal",
                from,
                to: event.leads_to(),
            }),
        }
    }

    /// The state that these events lead to, from the first submission on.
    ///
    /// # Errors
    /// The first transition that is illegal: stored events are read as hostile input.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a WithdrawalEvent>,
    ) -> Result<Self, IllegalTransition> {
        events.into_iter().try_fold(Self::Requested, Self::apply)
    }
}

impl WithdrawalEvent {
    /// Its kind in the event log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "withdrawal.approved",
            Self::Rejected { .. } => "withdrawal.rejected",
            Self::Expired => "withdrawal.expired",
            Self::Cancelled => "withdrawal.cancelled",
            Self::Batched { .. } => "withdrawal.batched",
            Self::DraftDropped => "withdrawal.draft-dropped",
            Self::Issued { .. } => "withdrawal.issued",
            Self::Reissued { .. } => "withdrawal.reissued",
            Self::Voided { .. } => "withdrawal.voided",
            Self::Broadcast => "withdrawal.broadcast",
            Self::Confirmed { .. } => "withdrawal.confirmed",
            Self::Settled { .. } => "withdrawal.settled",
            Self::Reorged => "withdrawal.reorged",
            Self::Failed { .. } => "withdrawal.failed",
            Self::Revived { .. } => "withdrawal.revived",
        }
    }

    /// The name of the state it leads to where it is allowed.
    const fn leads_to(&self) -> &'static str {
        match self {
            Self::Approved { .. } | Self::DraftDropped | Self::Voided { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Batched { .. } => "batched",
            Self::Issued { .. } | Self::Reissued { .. } | Self::Revived { unsigned: true } => {
                "signing"
            }
            Self::Broadcast | Self::Reorged | Self::Revived { unsigned: false } => "broadcast",
            Self::Confirmed { .. } => "confirmed",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
        }
    }
}

#[cfg(test)]
#[path = "withdrawal_tests.rs"]
mod tests;
