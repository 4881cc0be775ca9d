//! Tests of the Merkle tree, with the recursive definition of RFC 6962 as oracle.

use proptest::prelude::*;

use super::*;

fn subjects(count: usize) -> Vec<[u8; 32]> {
    (0..count)
        .map(|number| {
            tagged(
                "test",
                &[&u32::try_from(number).expect("small").to_le_bytes()],
            )
        })
        .collect()
}

/// MTH of RFC 6962 §2.1: splits at the largest power of two below the number of leaves.
fn by_definition(sorted: &[[u8; 32]]) -> [u8; 32] {
    if let [only] = sorted {
        return leaf(only);
    }
    let (left, right) = sorted.split_at(sorted.len().div_ceil(2).next_power_of_two());
    branch(&by_definition(left), &by_definition(right))
}

#[test]
fn the_tree_is_split_as_rfc_6962_splits_it() {
    for count in (1..70).chain([127, 128, 129, 1023, 1024]) {
        let tree = MerkleTree::new(&subjects(count)).expect("a tree");
        let expected = root_over(tree.leaves(), &by_definition(tree.subjects()));
        assert_eq!(tree.root(), expected, "{count}");
    }
}

#[test]
fn every_leaf_of_every_small_tree_is_proved() {
    for count in 1..40 {
        let tree = MerkleTree::new(&subjects(count)).expect("a tree");
        for subject in tree.subjects() {
            let proof = tree.proof(subject).expect("in the tree");
            assert_eq!(proof.verify(subject, tree.root()), Ok(()));
            assert_eq!(MerkleProof::decode(&proof.encode()), Ok(proof));
        }
    }
}

#[test]
fn sets_that_have_no_tree_are_refused() {
    assert_eq!(merkle_root(&[]), Err(MerkleError::Empty));
    assert_eq!(
        merkle_root(&[[1; 32], [2; 32], [1; 32]]),
        Err(MerkleError::Duplicate)
    );
    assert_eq!(
        merkle_root(&subjects(1025)),
        Err(MerkleError::TooMany { found: 1025 })
    );
    let tree = MerkleTree::new(&subjects(3)).expect("a tree");
    assert_eq!(tree.proof(&[0; 32]), None);
}

#[test]
fn a_proof_of_another_shape_is_refused_by_name() {
    let head = |leaves: u32, index: u32| [leaves.to_le_bytes(), index.to_le_bytes()].concat();
    let decode = |bytes: &[u8]| MerkleProof::decode(bytes).expect_err("refused");
    assert_eq!(
        decode(&[0; 7]),
        ProofError::Length {
            found: 7,
            expected: 8
        }
    );
    assert_eq!(decode(&head(0, 0)), ProofError::Leaves { found: 0 });
    assert_eq!(decode(&head(1025, 0)), ProofError::Leaves { found: 1025 });
    assert_eq!(
        decode(&head(3, 3)),
        ProofError::Index {
            index: 3,
            leaves: 3
        }
    );
    assert_eq!(
        decode(&head(3, 0)),
        ProofError::Length {
            found: 8,
            expected: 72
        }
    );
    let long = [head(3, 2), vec![0; 64]].concat();
    assert_eq!(
        decode(&long),
        ProofError::Length {
            found: 72,
            expected: 40
        }
    );
    let odd = [head(3, 2), vec![0; 33]].concat();
    assert_eq!(
        decode(&odd),
        ProofError::Length {
            found: 41,
            expected: 40
        }
    );
}

proptest! {
    #[test]
    fn the_root_does_not_depend_on_the_order(count in 1_usize..30, seed in any::<u64>()) {
        let mut shuffled = subjects(count);
        shuffled.sort_by_key(|subject| tagged("shuffle", &[subject, &seed.to_le_bytes()]));
        prop_assert_eq!(merkle_root(&shuffled), merkle_root(&subjects(count)));
    }

    #[test]
    fn a_proof_proves_no_other_subject_number_or_place(
        count in 1_usize..40, pick in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(),
    ) {
        let tree = MerkleTree::new(&subjects(count)).expect("a tree");
        let subject = *pick.get(tree.subjects());
        let proof = tree.proof(&subject).expect("in the tree");
        prop_assert!(proof.verify(&[0; 32], tree.root()).is_err());
        let mut bytes = proof.encode();
        let at = flip.index(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        if let Ok(altered) = MerkleProof::decode(&bytes) {
            prop_assert!(altered.verify(&subject, tree.root()).is_err());
        }
    }
}
