//! F3: Merkle trees.

use policies::MerkleRoot;
use policies::intent::{MerkleProof, MerkleTree};
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    trees: Vec<Tree>,
    refused_proofs: Vec<Refused>,
}

#[derive(Deserialize)]
struct Tree {
    subjects: Vec<Hex>,
    root: MerkleRoot,
    proofs: Vec<Proof>,
}

#[derive(Deserialize)]
struct Proof {
    subject: Hex,
    proof: Hex,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    proof: Hex,
}

#[test]
fn trees_are_those_of_the_golden_file() {
    let file: File = read("merkle.json");
    for case in file.trees {
        let subjects: Vec<[u8; 32]> = case.subjects.iter().map(Hex::array).collect();
        let tree = MerkleTree::new(&subjects).expect("a tree");
        assert_eq!(tree.root(), case.root);
        assert_eq!(case.proofs.len(), subjects.len());
        for proof in case.proofs {
            let subject = proof.subject.array();
            let made = tree.proof(&subject).expect("in the tree");
            assert_eq!(made.encode(), proof.proof.0);
            let read = MerkleProof::decode(&proof.proof.0).expect("a proof");
            assert_eq!(read.verify(&subject, case.root), Ok(()));
        }
    }
    for case in file.refused_proofs {
        refused(MerkleProof::decode(&case.proof.0), &case.why);
    }
}
