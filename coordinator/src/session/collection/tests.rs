//! Collections over real signatures of both script kinds.

use proptest::prelude::*;

use super::{BadSignature, Collection, CollectionError, InputSignature};
use crate::roles::{
    finalizer::finalize,
    fixture::{Attempt, Kind, Vault},
};

fn begin(vault: &Vault, attempt: &Attempt) -> Collection {
    let unsigned = &attempt.created.transaction;
    Collection::begin(
        unsigned,
        &attempt.coins,
        &vault.descriptor,
        &vault.signers(),
    )
    .expect("fits together")
}

fn signed(vault: &Vault, attempt: &Attempt, signer: usize) -> Vec<InputSignature> {
    vault.sign(signer, &attempt.created.transaction, &attempt.coins)
}

#[test]
fn names_tell_who_signed_and_who_is_missing() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let empty = begin(&vault, &attempt);
        assert!(!empty.is_complete() && empty.signed_by().is_empty());
        let first = empty.take(signed(&vault, &attempt, 1));
        assert_eq!((first.new.len(), first.refused.len()), (2, 0));
        assert!(!first.collection.is_complete());
        for status in first.collection.status() {
            assert_eq!(status.signed, ["bob"]);
            assert_eq!(
                status.missing,
                ["alice", "carol"],
                "whoever only recovers is not waited for"
            );
            assert!(!status.quorum);
        }
        let mut half = signed(&vault, &attempt, 2);
        let rest = half.split_off(1);
        let second = first.collection.take(half);
        assert!(
            !second.collection.is_complete(),
            "one input still lacks a quorum"
        );
        assert_eq!(
            second
                .collection
                .status()
                .iter()
                .filter(|status| status.quorum)
                .count(),
            1
        );
        assert_eq!(second.collection.signed_by(), ["bob"]);
        let third = second.collection.take(rest);
        assert!(third.collection.is_complete());
        assert_eq!(third.collection.signed_by(), ["bob", "carol"]);
        let signatures = third.collection.signatures().iter();
        let finalized = finalize(&attempt.created.transaction, &attempt.coins, signatures);
        assert!(finalized.is_ok(), "complete means final");
    }
}

#[test]
fn recovery_key_signs_but_makes_no_quorum() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(1);
    let taken = begin(&vault, &attempt)
        .take([signed(&vault, &attempt, 0), signed(&vault, &attempt, 3)].concat());
    assert!(!taken.collection.is_complete());
    assert_eq!(taken.collection.signed_by(), ["alice", "vault-key"]);
}

#[test]
fn bad_signatures_are_handed_back_with_their_reason() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(1);
    let mut bad = signed(&vault, &attempt, 0);
    if let Some(byte) = bad
        .first_mut()
        .and_then(|signature| signature.bytes.get_mut(12))
    {
        *byte ^= 1;
    }
    let mut offered = bad.clone();
    offered.extend(signed(&vault, &attempt, 1));
    offered.extend(signed(&vault, &attempt, 2));
    let taken = begin(&vault, &attempt).take(offered);
    assert!(taken.collection.is_complete());
    let [(refused, reason)] = &taken.refused[..] else {
        panic!("one is bad")
    };
    assert_eq!(Some(refused), bad.first());
    assert!(matches!(
        reason,
        BadSignature::Wrong | BadSignature::Malformed
    ));
}

#[test]
fn coins_of_another_transaction_are_refused() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let mut coins = attempt.coins.clone();
    coins.reverse();
    let begun = Collection::begin(
        &attempt.created.transaction,
        &coins,
        &vault.descriptor,
        &vault.signers(),
    );
    assert_eq!(begun.err(), Some(CollectionError::OtherCoins));
    let mut coins = attempt.coins.clone();
    if let Some(coin) = coins.last_mut() {
        coin.prevout.script_pubkey = bitcoin::ScriptBuf::new();
    }
    let begun = Collection::begin(
        &attempt.created.transaction,
        &coins,
        &vault.descriptor,
        &vault.signers(),
    );
    assert_eq!(
        begun.err(),
        Some(CollectionError::ForeignScript { input: 1 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn replay_in_any_order_equals_live(order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle(), repeat in 0_usize..6) {
        let vault = Vault::new(Kind::Wsh);
        let attempt = vault.attempt(2);
        let all: Vec<InputSignature> = (0..3).flat_map(|signer| signed(&vault, &attempt, signer)).collect();
        let mut live = begin(&vault, &attempt);
        for place in order.iter().chain(order.get(repeat)) {
            live = live.take(all.get(*place).cloned()).collection;
        }
        let replayed = begin(&vault, &attempt).take(live.signatures().iter()).collection;
        prop_assert_eq!(live.status(), replayed.status());
        prop_assert_eq!(live.signatures(), replayed.signatures());
        prop_assert!(live.is_complete() && replayed.is_complete());
    }
}
