//! The life of a withdrawal, from requested to settled.
//!
//! Invariant: once an attempt that pays it was issued, only what the chain shows moves it: neither
//! time nor anybody's wish brings it back (money rule M1).

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
    Revived,
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
            (Self::Requested, Event::Approved { rule }) => {
                Ok(Self::Approved { rule: rule.clone() })
            }
            (Self::Requested | Self::Approved { .. }, Event::Rejected { key }) => {
                Ok(Self::Rejected { key: *key })
            }
            (Self::Requested | Self::Approved { .. }, Event::Expired) => Ok(Self::Expired),
            (Self::Requested | Self::Approved { .. }, Event::Cancelled) => Ok(Self::Cancelled),
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
            (Self::Signing { batch, txid }, Event::Broadcast)
            | (
                Self::Confirmed { batch, txid, .. } | Self::Settled { batch, txid, .. },
                Event::Reorged,
            )
            | (Self::Failed { batch, txid, .. }, Event::Revived) => {
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
            Self::Broadcast => "withdrawal.broadcast",
            Self::Confirmed { .. } => "withdrawal.confirmed",
            Self::Settled { .. } => "withdrawal.settled",
            Self::Reorged => "withdrawal.reorged",
            Self::Failed { .. } => "withdrawal.failed",
            Self::Revived => "withdrawal.revived",
        }
    }

    /// The name of the state it leads to where it is allowed.
    const fn leads_to(&self) -> &'static str {
        match self {
            Self::Approved { .. } | Self::DraftDropped => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Batched { .. } => "batched",
            Self::Issued { .. } => "signing",
            Self::Broadcast | Self::Reorged | Self::Revived => "broadcast",
            Self::Confirmed { .. } => "confirmed",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash;
    use proptest::prelude::*;

    use super::*;

    fn txid(byte: u8) -> Txid {
        Txid::from_byte_array([byte; 32])
    }

    fn batch() -> BatchId {
        BatchId::from_bytes([7; 16])
    }

    fn any_event() -> impl Strategy<Value = WithdrawalEvent> {
        use WithdrawalEvent as Event;
        prop_oneof![
            Just(Event::Approved {
                rule: "small".to_owned()
            }),
            Just(Event::Rejected {
                key: KeyId::from_bytes([9; 32])
            }),
            Just(Event::Expired),
            Just(Event::Cancelled),
            Just(Event::Batched { batch: batch() }),
            Just(Event::DraftDropped),
            any::<u8>().prop_map(|byte| Event::Issued { txid: txid(byte) }),
            Just(Event::Broadcast),
            any::<u32>().prop_map(|height| Event::Confirmed { height }),
            any::<u32>().prop_map(|height| Event::Settled { height }),
            Just(Event::Reorged),
            any::<u8>().prop_map(|byte| Event::Failed { by: txid(byte) }),
            Just(Event::Revived),
        ]
    }

    #[test]
    fn a_withdrawal_goes_from_requested_to_settled_and_back_by_a_reorg() {
        use WithdrawalEvent as Event;
        let events = [
            Event::Approved {
                rule: "small".to_owned(),
            },
            Event::Batched { batch: batch() },
            Event::Issued { txid: txid(1) },
            Event::Broadcast,
            Event::Confirmed { height: 10 },
            Event::Settled { height: 10 },
        ];
        let settled = WithdrawalState::replay(&events).expect("legal");
        assert_eq!(
            settled,
            WithdrawalState::Settled {
                batch: batch(),
                txid: txid(1),
                height: 10
            }
        );
        let back = settled.apply(&Event::Reorged).expect("legal");
        assert_eq!(
            back,
            WithdrawalState::Broadcast {
                batch: batch(),
                txid: txid(1)
            }
        );
    }

    #[test]
    fn a_withdrawal_in_signing_is_neither_cancelled_nor_expired() {
        for event in [
            WithdrawalEvent::Cancelled,
            WithdrawalEvent::Expired,
            WithdrawalEvent::DraftDropped,
        ] {
            let signing = WithdrawalState::Signing {
                batch: batch(),
                txid: txid(1),
            };
            let error = signing.apply(&event).expect_err("illegal");
            assert_eq!(error.from, "signing");
            assert_eq!(error.to, event.leads_to());
        }
    }

    #[test]
    fn a_state_reads_as_one_flat_json_object() {
        let state = WithdrawalState::Batched {
            rule: "small".to_owned(),
            batch: batch(),
        };
        let json = serde_json::to_string(&state).expect("serializes");
        assert_eq!(
            json,
            r#"{"state":"batched","rule":"small","batch":"07070707070707070707070707070707"}"#
        );
        assert_eq!(
            serde_json::from_str::<WithdrawalState>(&json).expect("reads"),
            state
        );
    }

    proptest! {
        #[test]
        fn replaying_the_accepted_events_gives_the_live_state(events in proptest::collection::vec(any_event(), 0..60)) {
            let mut live = WithdrawalState::Requested;
            let mut accepted = Vec::new();
            for event in events {
                if let Ok(next) = live.clone().apply(&event) {
                    prop_assert_eq!(next.name(), event.leads_to());
                    live = next;
                    accepted.push(event);
                }
            }
            let stored = serde_json::to_string(&accepted).expect("serializes");
            let read: Vec<WithdrawalEvent> = serde_json::from_str(&stored).expect("reads");
            prop_assert_eq!(WithdrawalState::replay(&read), Ok(live));
        }

        #[test]
        fn an_issued_withdrawal_keeps_its_attempt_for_ever(events in proptest::collection::vec(any_event(), 0..60)) {
            let mut live = WithdrawalState::Signing { batch: batch(), txid: txid(1) };
            for event in events {
                live = live.clone().apply(&event).unwrap_or(live);
                prop_assert_eq!(live.attempt(), Some(txid(1)));
            }
        }
    }
}
