//! Excludes what was issued before without the coins that somebody froze, as far as that can be.
//!
//! Invariant: a frozen coin is among those required only where the others do not suffice.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Transaction, Txid};

use super::{Anchors, CannotBeExclusive, Earlier, anchors};
use crate::coin_selection::Candidate;

/// As [`anchors()`], of the coins that nobody froze; of all of them only where those do not suffice.
///
/// # Errors
/// The first earlier transaction that no coin at all excludes, and why.
pub fn sparing_anchors(
    earlier: &[Earlier],
    coins: &[Candidate],
    known: &BTreeMap<Txid, Transaction>,
    max: usize,
) -> Result<Anchors, CannotBeExclusive> {
    let spared: Vec<Candidate> = coins.iter().filter(|coin| !coin.frozen).cloned().collect();
    if spared.len() == coins.len() {
        return anchors(earlier, coins, known, max);
    }
    anchors(earlier, &spared, known, max).or_else(|_| anchors(earlier, coins, known, max))
}

/// The frozen ones of these coins.
pub fn frozen_among(coins: &[Candidate]) -> Vec<OutPoint> {
    let frozen = coins.iter().filter(|coin| coin.frozen);
    frozen.map(|coin| coin.outpoint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exclusion::world::{coin, earlier, foreign, payment, transaction};

    fn frozen(coin: Candidate) -> Candidate {
        Candidate {
            frozen: true,
            ..coin
        }
    }

    #[test]
    fn a_frozen_coin_excludes_only_where_no_other_does() {
        let deposit = transaction(1, &[foreign(1)], 1);
        let another = transaction(2, &[foreign(2)], 1);
        let (first, second) = (coin(&deposit, 0), coin(&another, 0));
        let own = transaction(3, &[first.outpoint, second.outpoint], 2);
        let issued = [earlier(&own, &[], &[payment("w1", 1)])];
        let known = BTreeMap::new();

        let coins = [frozen(first.clone()), second.clone()];
        let found = sparing_anchors(&issued, &coins, &known, 5).expect("the other one excludes");
        assert_eq!(found.required, std::slice::from_ref(&second));
        assert!(frozen_among(&found.required).is_empty());

        let coins = [first.clone(), frozen(second.clone())];
        let found = sparing_anchors(&issued, &coins, &known, 5).expect("the other one excludes");
        assert_eq!(found.required, std::slice::from_ref(&first));

        let found = sparing_anchors(&issued, &[frozen(first.clone())], &known, 5);
        let found = found.expect("nothing else excludes it");
        assert_eq!(frozen_among(&found.required), [first.outpoint]);
    }
}
