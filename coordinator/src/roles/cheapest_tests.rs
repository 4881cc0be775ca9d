//! Of all quorums among the signatures the finalizer takes the cheapest, by exhaustion.

use policies::psbt::{OfferedSignature, SignatureSet};

use super::{
    SECP,
    combiner::combine,
    finalizer::finalize,
    fixture::{Kind, Vault},
    issued::IssuedTransaction,
    satisfaction::Offered,
};

/// The least weight of a witness over every subset of the signatures of an input.
fn least(issued: &IssuedTransaction, all: &[OfferedSignature], input: usize) -> usize {
    let own: Vec<&OfferedSignature> = all.iter().filter(|one| one.input == input).collect();
    let script = issued.scripts()[input].definite.derived_descriptor(&*SECP);
    let weights = (0_u32..1 << own.len()).filter_map(|chosen| {
        let part = own
            .iter()
            .enumerate()
            .filter(|(place, _)| (chosen >> place) & 1 == 1)
            .map(|(_, one)| (*one).clone());
        let set = combine(issued, SignatureSet::new(), &issued.offer(part)).expect("its own");
        let offered = Offered::by_input(&set.signatures, issued.unsigned());
        offered[input]
            .satisfy(&script)
            .map(|witness| witness.size())
    });
    weights.min().expect("all of them reach a quorum")
}

#[test]
fn the_cheapest_quorum_is_taken_whatever_more_is_there() {
    let mut sizes = std::collections::BTreeSet::new();
    for kind in [Kind::Wsh, Kind::SortedMulti, Kind::Tr] {
        let mut vault = Vault::new(kind);
        vault.grinding = false;
        // Many inputs: signatures of 71 and 72 bytes meet in every combination.
        let attempt = vault.attempt(24);
        let mut unsigned = attempt.issued.unsigned().clone();
        for (place, txin) in unsigned.input.iter_mut().enumerate() {
            // Half of them may be recovered too.
            if place % 2 == 0 {
                txin.sequence = bitcoin::Sequence(12960);
            }
        }
        let issued = IssuedTransaction::new(unsigned, &attempt.coins).expect("its coins");
        let signers = if kind == Kind::SortedMulti { 3 } else { 4 };
        let all: Vec<OfferedSignature> = (0..signers)
            .flat_map(|signer| vault.sign(signer, &issued))
            .collect();
        sizes.extend(all.iter().map(|one| one.bytes.len()));
        let done = finalize(&issued, all.clone()).expect("all signed");
        for (input, witness) in done.witnesses.iter().enumerate() {
            assert_eq!(
                witness.size(),
                least(&issued, &all, input),
                "{kind:?} {input}"
            );
        }
    }
    assert!(sizes.len() > 2, "signatures of several lengths: {sizes:?}");
}
