//! Combining is the union of sets: in whatever order and however often signatures come.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::IssuedAttempt;
use crate::psbt::{SignatureSet, VerifiedSignature};
use crate::review::world::World;

/// All signatures of three signers over two inputs, in wsh and in tr.
static ALL: LazyLock<[Vec<VerifiedSignature>; 2]> = LazyLock::new(|| {
    World::both().map(|world| {
        let issued = IssuedAttempt::of(&world);
        ["alice", "bob", "machine"]
            .iter()
            .flat_map(|name| issued.signatures_of(name).iter().collect::<Vec<_>>())
            .collect()
    })
});

/// A set of some of the signatures.
fn some(kind: usize) -> impl Strategy<Value = SignatureSet> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..8).prop_map(move |chosen| {
        let all = &ALL[kind];
        chosen
            .iter()
            .map(|index| all[index.index(all.len())])
            .collect()
    })
}

fn union(left: &SignatureSet, right: &SignatureSet) -> SignatureSet {
    let mut all = left.clone();
    all.union(right);
    all
}

proptest! {
    #[test]
    fn combining_is_commutative_associative_and_idempotent(
        (a, b, c) in (0_usize..2).prop_flat_map(|kind| (some(kind), some(kind), some(kind))),
    ) {
        prop_assert_eq!(union(&a, &b), union(&b, &a));
        prop_assert_eq!(union(&union(&a, &b), &c), union(&a, &union(&b, &c)));
        prop_assert_eq!(union(&a, &a), a.clone());
        prop_assert_eq!(union(&a, &SignatureSet::new()), a.clone());
        prop_assert!(union(&a, &b).len() >= a.len().max(b.len()));
        for verified in a.iter() {
            prop_assert!(union(&a, &b).contains(verified.input(), &verified.key()));
        }
    }
}

#[test]
fn of_two_good_signatures_for_one_place_the_same_one_stays_in_any_order() {
    // In taproot DEFAULT and an explicit ALL are two good signatures of one key.
    let world = World::new(crate::descriptor::ScriptKind::Tr);
    let issued = IssuedAttempt::of(&world);
    let default = issued.signatures_of("alice");
    let mut psbt = issued.psbt.clone();
    for input in &mut psbt.inputs {
        input.sighash_type = Some(bitcoin::TapSighashType::All.into());
    }
    let master = crate::descriptor::samples::xpriv("alice", bitcoin::Network::Regtest);
    psbt.sign(&master, &crate::descriptor::samples::secp())
        .expect("signs");
    let (all, _) = issued.taken(&psbt.serialize());
    assert_ne!(default, all);
    assert_eq!(union(&default, &all), union(&all, &default));
    assert_eq!(union(&default, &all).len(), default.len());
}
