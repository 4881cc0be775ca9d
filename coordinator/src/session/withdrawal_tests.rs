//! What may become of a withdrawal.

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
        any::<bool>().prop_map(|unsigned| Event::Revived { unsigned }),
        any::<u8>().prop_map(|byte| Event::Reissued {
            batch: batch(),
            txid: txid(byte)
        }),
        Just(Event::Voided {
            rule: "small".to_owned()
        }),
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
    fn an_issued_withdrawal_loses_its_attempt_only_by_voids_or_once_it_failed(
        events in proptest::collection::vec(any_event(), 0..60)
    ) {
        let mut live = WithdrawalState::Signing { batch: batch(), txid: txid(1) };
        for event in events {
            let before = live.clone();
            live = live.clone().apply(&event).unwrap_or(live);
            if before.attempt().is_some() && live.attempt().is_none() {
                let failed = matches!(before, WithdrawalState::Failed { .. });
                let voided = matches!(event, WithdrawalEvent::Voided { .. });
                prop_assert!(voided || failed && event == WithdrawalEvent::Cancelled);
            }
        }
    }
}

#[test]
fn what_was_stored_of_a_revival_before_it_knew_signatures_reads_as_handed_over() {
    let stored = r#"{"event":"revived"}"#;
    let event: WithdrawalEvent = serde_json::from_str(stored).expect("reads");
    assert_eq!(event, WithdrawalEvent::Revived { unsigned: false });
    assert_eq!(serde_json::to_string(&event).expect("writes"), stored);
}
