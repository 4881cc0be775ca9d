//! Collections over real signatures of both script kinds.

use proptest::prelude::*;

use policies::psbt::{BadReason, OfferedSignature};

use super::{Collection, Taken};
use crate::roles::{
    finalizer::finalize,
    fixture::{Attempt, Kind, Vault},
    issued::offer_again,
};

fn begin(vault: &Vault, attempt: &Attempt) -> Collection {
    Collection::begin(attempt.issued.clone(), &vault.descriptor, &vault.signers())
}

fn signed(vault: &Vault, attempt: &Attempt, signer: usize) -> Vec<OfferedSignature> {
    vault.sign(signer, &attempt.issued)
}

fn take(collection: &Collection, attempt: &Attempt, signatures: Vec<OfferedSignature>) -> Taken {
    collection
        .take(&attempt.issued.offer(signatures))
        .expect("the issued transaction")
}

#[test]
fn an_origin_that_is_claimed_twice_gives_nobody_the_name_of_another() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let mut signers = vault.signers();
        let alice = signers[0].key.clone();
        signers[1].key.fingerprint = alice.fingerprint;
        signers[1].key.path = alice.path;
        signers.rotate_left(1);
        let begun = Collection::begin(attempt.issued.clone(), &vault.descriptor, &signers);
        let taken = take(&begun, &attempt, signed(&vault, &attempt, 0));
        assert_eq!(taken.collection.signed_by(), ["alice"]);
        let taken = take(&begun, &attempt, signed(&vault, &attempt, 1));
        assert_eq!(taken.collection.signed_by(), ["bob"]);
    }
}

#[test]
fn names_tell_who_signed_and_who_is_missing() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let empty = begin(&vault, &attempt);
        assert!(!empty.is_complete() && empty.signed_by().is_empty());
        let first = take(&empty, &attempt, signed(&vault, &attempt, 1));
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
        let second = take(&first.collection, &attempt, half);
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
        let third = take(&second.collection, &attempt, rest);
        assert!(third.collection.is_complete());
        assert_eq!(third.collection.signed_by(), ["bob", "carol"]);
        let signatures = third
            .collection
            .signatures()
            .iter()
            .map(|kept| offer_again(&kept));
        let finalized = finalize(&attempt.issued, signatures);
        assert!(finalized.is_ok(), "complete means final");
    }
}

#[test]
fn recovery_key_signs_but_makes_no_quorum() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(1);
    let taken = take(
        &begin(&vault, &attempt),
        &attempt,
        [signed(&vault, &attempt, 0), signed(&vault, &attempt, 3)].concat(),
    );
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
    let taken = take(&begin(&vault, &attempt), &attempt, offered);
    assert!(taken.collection.is_complete());
    let [refused] = &taken.refused[..] else {
        panic!("one is bad")
    };
    assert_eq!(
        Some(&refused.slot),
        bad.first().map(|signature| &signature.slot)
    );
    assert!(
        matches!(refused.reason, BadReason::Wrong | BadReason::Encoding),
        "{refused}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn replay_in_any_order_equals_live(order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle(), repeat in 0_usize..6) {
        let vault = Vault::new(Kind::Wsh);
        let attempt = vault.attempt(2);
        let all: Vec<OfferedSignature> = (0..3).flat_map(|signer| signed(&vault, &attempt, signer)).collect();
        let mut live = begin(&vault, &attempt);
        for place in order.iter().chain(order.get(repeat)) {
            live = take(&live, &attempt, all.get(*place).cloned().into_iter().collect()).collection;
        }
        let stored = live.signatures().iter().map(|kept| offer_again(&kept)).collect();
        let replayed = take(&begin(&vault, &attempt), &attempt, stored).collection;
        prop_assert_eq!(live.status(), replayed.status());
        prop_assert_eq!(live.signatures(), replayed.signatures());
        prop_assert!(live.is_complete() && replayed.is_complete());
    }
}
