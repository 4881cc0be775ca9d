//! A withdrawal ends where its attempts say, from wherever it stood.

use bitcoin::BlockHash;
use bitcoin::hashes::Hash;
use proptest::prelude::*;

use super::*;

fn txid(byte: u8) -> Txid {
    Txid::from_byte_array([byte; 32])
}

fn batch(byte: u8) -> BatchId {
    BatchId::from_bytes([byte; 16])
}

fn paying(byte: u8, state: AttemptState) -> Paying {
    Paying {
        batch: batch(byte),
        txid: txid(byte),
        state,
        is_vouched: true,
    }
}

fn signing(byte: u8) -> WithdrawalState {
    WithdrawalState::Signing {
        batch: batch(byte),
        txid: txid(byte),
    }
}

fn any_attempt_state() -> impl Strategy<Value = AttemptState> {
    let block = BlockHash::from_byte_array([1; 32]);
    prop_oneof![
        Just(AttemptState::Dropped),
        Just(AttemptState::Issued),
        Just(AttemptState::Signed),
        Just(AttemptState::Broadcasting),
        Just(AttemptState::InMempool),
        (1..4_u32).prop_map(move |height| AttemptState::Confirmed { height, block }),
        (1..4_u32).prop_map(move |height| AttemptState::Settled { height, block }),
        (90..93_u8, any::<bool>()).prop_map(|(by, signed)| AttemptState::Dead {
            by: txid(by),
            signed
        }),
    ]
}

fn follow(current: &WithdrawalState, attempts: &[Paying]) -> WithdrawalState {
    let events = events_to_follow(current, attempts, "small").expect("a way");
    (events.iter())
        .try_fold(current.clone(), WithdrawalState::apply)
        .expect("legal")
}

#[test]
fn a_withdrawal_follows_its_newest_attempt_until_the_network_shows_an_older_one() {
    let attempts = [
        paying(1, AttemptState::Issued),
        paying(2, AttemptState::Issued),
    ];
    assert_eq!(follow(&signing(1), &attempts), signing(2));
    let attempts = [
        paying(1, AttemptState::InMempool),
        paying(2, AttemptState::Issued),
    ];
    assert_eq!(
        follow(&signing(2), &attempts),
        WithdrawalState::Broadcast {
            batch: batch(1),
            txid: txid(1)
        }
    );
}

#[test]
fn a_withdrawal_without_any_attempt_left_is_approved_again_or_failed() {
    let voided = [paying(1, AttemptState::Dropped)];
    assert_eq!(
        follow(&signing(1), &voided),
        WithdrawalState::Approved {
            rule: "small".to_owned()
        }
    );
    let by = txid(9);
    let dead = [
        paying(1, AttemptState::Dead { by, signed: true }),
        paying(2, AttemptState::Dropped),
    ];
    assert_eq!(
        follow(&signing(2), &dead),
        WithdrawalState::Failed {
            batch: batch(1),
            txid: txid(1),
            by
        }
    );
}

#[test]
fn a_cancelled_withdrawal_is_followed_again_when_its_attempt_comes_back_to_life() {
    let alive = [paying(1, AttemptState::Broadcasting)];
    assert_eq!(
        follow(&WithdrawalState::Cancelled, &alive).name(),
        "broadcast"
    );
    let dead = [paying(
        1,
        AttemptState::Dead {
            by: txid(9),
            signed: true,
        },
    )];
    assert_eq!(
        follow(&WithdrawalState::Cancelled, &dead),
        WithdrawalState::Cancelled
    );
}

#[test]
fn what_too_few_journals_tell_of_fails_no_withdrawal() {
    let dead = AttemptState::Dead {
        by: txid(90),
        signed: false,
    };
    let uncertain = Paying {
        is_vouched: false,
        ..paying(2, dead.clone())
    };
    let attempts = [paying(1, dead.clone()), uncertain.clone()];
    assert_eq!(follow(&signing(1), &attempts), signing(2));
    let attempts = [uncertain.clone(), paying(1, AttemptState::Issued)];
    assert_eq!(follow(&signing(2), &attempts), signing(1));
    let vouched = Paying {
        is_vouched: true,
        ..uncertain
    };
    assert_eq!(follow(&signing(2), &[vouched]).name(), "failed");
}

proptest! {
    /// Any sequence of states of three attempts, as the books would meet them one after the other.
    #[test]
    fn a_withdrawal_is_where_its_attempts_say_and_then_stays(
        steps in proptest::collection::vec((0..3_usize, any_attempt_state()), 1..30),
        vouched in any::<[bool; 3]>(),
    ) {
        let mut attempts = vec![paying(1, AttemptState::Issued)];
        let mut live = follow(
            &WithdrawalState::Batched { rule: "small".to_owned(), batch: batch(1) },
            &attempts,
        );
        for (at, state) in steps {
            if let Some(known) = attempts.get_mut(at) {
                known.state = state;
            } else {
                let next = u8::try_from(attempts.len() + 1).expect("few");
                attempts.push(paying(next, AttemptState::Issued));
            }
            for (attempt, is_vouched) in attempts.iter_mut().zip(vouched) {
                attempt.is_vouched = is_vouched;
            }
            live = follow(&live, &attempts);
            prop_assert_eq!(events_to_follow(&live, &attempts, "small"), Ok(Vec::new()));
            let best = attempts.iter().filter_map(Way::of).map(Way::rank).max();
            let name = live.name();
            match best {
                Some(5) => prop_assert_eq!(name, "settled"),
                Some(4) => prop_assert_eq!(name, "confirmed"),
                Some(2 | 3) => prop_assert_eq!(name, "broadcast"),
                Some(_) => prop_assert!(name == "signing" || name == "broadcast"),
                None => prop_assert!(name == "failed" || name == "approved"),
            }
        }
    }
}
