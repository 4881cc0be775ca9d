//! The life of an attempt, from draft to settled or dead.
//!
//! Invariant: an attempt that left the coordinator dies in the books only by an exclusive transaction
//! that is settled (money rule M1), and is dropped only by voids (M4); eviction, errors and time change
//! nothing. One that the chain shows all the same is followed.

use bitcoin::{BlockHash, Txid};
use policies::planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use super::IllegalTransition;

/// Where an attempt stands, with what that state needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AttemptState {
    /// Its coins are reserved; nothing has left the coordinator.
    Draft,
    /// The draft was given up, or it was voided; its coins are free again.
    Dropped,
    /// Its PSBT is there for signers.
    Issued,
    /// A quorum signed and the final transaction verifies.
    Signed,
    /// The raw transaction is stored and handed over; whether the network has it is unknown.
    Broadcasting,
    /// A node has it in its mempool.
    InMempool,
    /// It is in a block.
    Confirmed {
        /// The block's height.
        height: u32,
        /// The block.
        block: BlockHash,
    },
    /// The block is as deep as the vault's policy demands.
    Settled {
        /// The block's height.
        height: u32,
        /// The block.
        block: BlockHash,
    },
    /// An exclusive transaction is settled.
    Dead {
        /// The exclusive transaction.
        by: Txid,
        /// Whether a final transaction of this attempt was stored.
        signed: bool,
    },
}

/// What happens to an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AttemptEvent {
    /// The draft is given up.
    Dropped,
    /// Its PSBT passed the review and leaves the coordinator.
    Issued,
    /// Signers that block every quorum never signed it and never will.
    Voided,
    /// A quorum signed and the final transaction verifies.
    Signed,
    /// The raw transaction is stored and handed over.
    Broadcasting,
    /// A node has it in its mempool.
    SeenInMempool,
    /// No mempool has it any more.
    LeftMempool,
    /// It is in a block.
    Confirmed {
        /// The block's height.
        height: u32,
        /// The block.
        block: BlockHash,
    },
    /// The block is deep enough.
    Settled {
        /// The block's height.
        height: u32,
        /// The block.
        block: BlockHash,
    },
    /// The block left the chain.
    Reorged,
    /// An exclusive transaction is settled.
    Died {
        /// The exclusive transaction.
        by: Txid,
    },
    /// The exclusive transaction left the chain again.
    Revived,
}

impl AttemptState {
    /// The name of the state, as in JSON and in the table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Dropped => "dropped",
            Self::Issued => "issued",
            Self::Signed => "signed",
            Self::Broadcasting => "broadcasting",
            Self::InMempool => "in_mempool",
            Self::Confirmed { .. } => "confirmed",
            Self::Settled { .. } => "settled",
            Self::Dead { .. } => "dead",
        }
    }

    /// Whether it was issued and may still be paid out: it is neither dead nor voided nor settled. Its coins
    /// are reserved as long.
    pub const fn holds_coins(&self) -> bool {
        match self {
            Self::Issued
            | Self::Signed
            | Self::Broadcasting
            | Self::InMempool
            | Self::Confirmed { .. } => true,
            Self::Draft | Self::Dropped | Self::Settled { .. } | Self::Dead { .. } => false,
        }
    }

    /// The names of all states.
    pub const NAMES: [&'static str; 9] = [
        "draft",
        "dropped",
        "issued",
        "signed",
        "broadcasting",
        "in_mempool",
        "confirmed",
        "settled",
        "dead",
    ];

    /// The state after `event`.
    ///
    /// The chain may show an attempt that this coordinator never broadcast: a quorum of signers can,
    /// so every issued attempt may be seen in the mempool or in a block.
    ///
    /// # Errors
    /// The transition, when this state does not allow the event.
    pub fn apply(self, event: &AttemptEvent) -> Result<Self, IllegalTransition> {
        use AttemptEvent as Event;
        let from = self.name();
        match (self, event) {
            (Self::Draft, Event::Dropped) | (Self::Issued, Event::Voided) => Ok(Self::Dropped),
            (Self::Issued, Event::Dropped) if planted(Bug::IssuedIsDropped) => Ok(Self::Dropped),
            (Self::Draft, Event::Issued) | (Self::Dead { signed: false, .. }, Event::Revived) => {
                Ok(Self::Issued)
            }
            (Self::Issued, Event::Signed) => Ok(Self::Signed),
            (Self::Signed, Event::Broadcasting)
            | (Self::InMempool, Event::LeftMempool)
            | (Self::Dead { signed: true, .. }, Event::Revived) => Ok(Self::Broadcasting),
            (
                Self::Issued | Self::Signed | Self::Broadcasting | Self::Dropped,
                Event::SeenInMempool,
            )
            | (Self::Confirmed { .. } | Self::Settled { .. }, Event::Reorged) => {
                Ok(Self::InMempool)
            }
            (
                Self::Issued | Self::Signed | Self::Broadcasting | Self::InMempool | Self::Dropped,
                Event::Confirmed { height, block },
            ) => Ok(Self::Confirmed {
                height: *height,
                block: *block,
            }),
            (Self::Confirmed { .. }, Event::Settled { height, block }) => Ok(Self::Settled {
                height: *height,
                block: *block,
            }),
            (Self::Issued, Event::Died { by }) => Ok(Self::Dead {
                by: *by,
                signed: false,
            }),
            (Self::Signed | Self::Broadcasting | Self::InMempool, Event::Died { by }) => {
                Ok(Self::Dead {
                    by: *by,
                    signed: true,
                })
            }
            (_, event) => Err(IllegalTransition {
                machine: "attempt",
                from,
                to: event.leads_to(),
            }),
        }
    }

    /// The state that these events lead to, from the draft on.
    ///
    /// # Errors
    /// The first transition that is illegal: stored events are read as hostile input.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a AttemptEvent>,
    ) -> Result<Self, IllegalTransition> {
        events.into_iter().try_fold(Self::Draft, Self::apply)
    }
}

impl AttemptEvent {
    /// Its kind in the event log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dropped => "attempt.dropped",
            Self::Issued => "attempt.issued",
            Self::Voided => "attempt.voided",
            Self::Signed => "attempt.signed",
            Self::Broadcasting => "attempt.broadcasting",
            Self::SeenInMempool => "attempt.seen-in-mempool",
            Self::LeftMempool => "attempt.left-mempool",
            Self::Confirmed { .. } => "attempt.confirmed",
            Self::Settled { .. } => "attempt.settled",
            Self::Reorged => "attempt.reorged",
            Self::Died { .. } => "attempt.died",
            Self::Revived => "attempt.revived",
        }
    }

    /// The name of the state it leads to where it is allowed.
    const fn leads_to(&self) -> &'static str {
        match self {
            Self::Dropped | Self::Voided => "dropped",
            Self::Issued | Self::Revived => "issued",
            Self::Signed => "signed",
            Self::Broadcasting | Self::LeftMempool => "broadcasting",
            Self::SeenInMempool | Self::Reorged => "in_mempool",
            Self::Confirmed { .. } => "confirmed",
            Self::Settled { .. } => "settled",
            Self::Died { .. } => "dead",
        }
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash;
    use proptest::prelude::*;

    use super::*;

    fn block(byte: u8) -> BlockHash {
        BlockHash::from_byte_array([byte; 32])
    }

    fn any_event() -> impl Strategy<Value = AttemptEvent> {
        use AttemptEvent as Event;
        prop_oneof![
            Just(Event::Dropped),
            Just(Event::Issued),
            Just(Event::Voided),
            Just(Event::Signed),
            Just(Event::Broadcasting),
            Just(Event::SeenInMempool),
            Just(Event::LeftMempool),
            (any::<u32>(), any::<u8>()).prop_map(|(height, byte)| Event::Confirmed {
                height,
                block: block(byte)
            }),
            (any::<u32>(), any::<u8>()).prop_map(|(height, byte)| Event::Settled {
                height,
                block: block(byte)
            }),
            Just(Event::Reorged),
            any::<u8>().prop_map(|byte| Event::Died {
                by: Txid::from_byte_array([byte; 32])
            }),
            Just(Event::Revived),
        ]
    }

    #[test]
    fn an_attempt_goes_from_draft_to_settled_and_back_by_a_reorg() {
        use AttemptEvent as Event;
        let events = [
            Event::Issued,
            Event::Signed,
            Event::Broadcasting,
            Event::SeenInMempool,
            Event::LeftMempool,
            Event::Confirmed {
                height: 5,
                block: block(5),
            },
            Event::Settled {
                height: 5,
                block: block(5),
            },
        ];
        let settled = AttemptState::replay(&events).expect("legal");
        assert_eq!(
            settled,
            AttemptState::Settled {
                height: 5,
                block: block(5)
            }
        );
        assert_eq!(settled.apply(&Event::Reorged), Ok(AttemptState::InMempool));
    }

    #[test]
    fn an_issued_attempt_is_never_dropped() {
        let error = AttemptState::Issued
            .apply(&AttemptEvent::Dropped)
            .expect_err("illegal");
        assert_eq!(
            error.to_string(),
            "the attempt that is issued cannot become dropped"
        );
    }

    #[test]
    fn only_an_attempt_without_a_quorum_is_voided_and_the_chain_may_show_it_all_the_same() {
        let signed = AttemptState::Signed;
        assert!(signed.apply(&AttemptEvent::Voided).is_err());
        let voided = AttemptState::Issued
            .apply(&AttemptEvent::Voided)
            .expect("legal");
        let seen = voided.apply(&AttemptEvent::SeenInMempool);
        assert_eq!(seen, Ok(AttemptState::InMempool));
    }

    proptest! {
        #[test]
        fn replaying_the_accepted_events_gives_the_live_state(events in proptest::collection::vec(any_event(), 0..60)) {
            let mut live = AttemptState::Draft;
            let mut accepted = Vec::new();
            for event in events {
                if let Ok(next) = live.clone().apply(&event) {
                    live = next;
                    accepted.push(event);
                }
            }
            let stored = serde_json::to_string(&accepted).expect("serializes");
            let read: Vec<AttemptEvent> = serde_json::from_str(&stored).expect("reads");
            prop_assert_eq!(AttemptState::replay(&read), Ok(live));
        }
    }
}
