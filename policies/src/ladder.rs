//! Ladders: one payment at several feerates, reviewed in one sitting and signed all at once.
//!
//! Invariant: of a ladder at most one rung can ever be in a chain, and whichever that is pays the same scripts the same
//! amounts from the same coins. The rungs differ in their fee and, by just that, in their one change output: whoever
//! looked at the dearest rung has seen the most that the ladder can cost.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, Txid};

use crate::psbt::Manifest;
use crate::review::Review;
use crate::{IntentHash, KeyId, Subject, UnixTime};

/// The most rungs of a ladder.
pub const MOST_RUNGS: usize = 9;

/// One rung, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Its transaction.
    pub txid: Txid,
    /// The coins that it spends.
    pub coins: BTreeSet<OutPoint>,
    /// What it pays to others.
    pub payments: BTreeMap<ScriptBuf, Vec<Amount>>,
    /// The intents that its file carries, paid or replaced.
    pub intents: BTreeSet<IntentHash>,
    /// When the approvals that its file carries end, of intents and of statements.
    pub approvals: BTreeMap<(Subject, KeyId), UnixTime>,
    /// What comes back: each output's script and amount.
    pub changes: Vec<(ScriptBuf, Amount)>,
    /// Its fee.
    pub fee: Amount,
}

/// Why transfers are no ladder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LadderFault {
    /// A ladder has at least two rungs, and not too many to look at.
    #[error("a ladder has 2 to {MOST_RUNGS} rungs, not {found}")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A transfer that pays nobody.
    #[error("{txid} pays nobody")]
    PaysNobody {
        /// The rung.
        txid: Txid,
    },
    /// Two files of one transaction.
    #[error("{txid} is there twice")]
    Twice {
        /// The transaction.
        txid: Txid,
    },
    /// A rung spends other coins: both might be in one chain.
    #[error("{txid} spends other coins than {lowest}")]
    OtherCoins {
        /// The rung.
        txid: Txid,
        /// The lowest one.
        lowest: Txid,
    },
    /// A rung pays something else.
    #[error("{txid} pays something else than {lowest}")]
    OtherPayments {
        /// The rung.
        txid: Txid,
        /// The lowest one.
        lowest: Txid,
    },
    /// A rung carries other intents or approvals: equal outputs may pay another request.
    #[error("{txid} rests on other requests or approvals than {lowest}")]
    OtherGrounds {
        /// The rung.
        txid: Txid,
        /// The lowest one.
        lowest: Txid,
    },
    /// A rung has no change output, or several, or another one: its fee comes from nowhere else.
    #[error("{txid} does not have the one change output that {lowest} has")]
    OtherChange {
        /// The rung.
        txid: Txid,
        /// The lowest one.
        lowest: Txid,
    },
    /// A rung whose change does not shrink by what its fee grows.
    #[error("the change of {txid} does not shrink by what its fee grows over that of {below}")]
    ChangeNotShrinking {
        /// The rung.
        txid: Txid,
        /// The one before it.
        below: Txid,
    },
}

impl LadderFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Count { .. } => "LADDER_COUNT",
            Self::PaysNobody { .. } => "LADDER_PAYS_NOBODY",
            Self::Twice { .. } => "LADDER_TWICE",
            Self::OtherCoins { .. } => "LADDER_OTHER_COINS",
            Self::OtherPayments { .. } => "LADDER_OTHER_PAYMENTS",
            Self::OtherGrounds { .. } => "LADDER_OTHER_GROUNDS",
            Self::OtherChange { .. } => "LADDER_OTHER_CHANGE",
            Self::ChangeNotShrinking { .. } => "LADDER_CHANGE_NOT_SHRINKING",
        }
    }
}

impl Rung {
    /// A transfer that was reviewed.
    pub fn of(review: &Review) -> Self {
        let changes = review.changes.iter().map(|change| change.output).collect();
        Self::new(&review.transaction, &changes, &review.manifest, review.fee)
    }

    /// A transaction whose change outputs and fee are known; all its other outputs are payments.
    pub fn new(
        transaction: &Transaction,
        change_outputs: &BTreeSet<u32>,
        manifest: &Manifest,
        fee: Amount,
    ) -> Self {
        let mut payments: BTreeMap<ScriptBuf, Vec<Amount>> = BTreeMap::new();
        let mut changes = Vec::new();
        for (position, output) in (0_u32..).zip(&transaction.output) {
            let script = output.script_pubkey.clone();
            if change_outputs.contains(&position) {
                changes.push((script, output.value));
            } else {
                let paid = payments.entry(script).or_default();
                paid.push(output.value);
                paid.sort_unstable();
            }
        }
        let coins = transaction.input.iter();
        Self {
            txid: transaction.compute_txid(),
            coins: coins.map(|input| input.previous_output).collect(),
            payments,
            intents: manifest.intents.keys().copied().collect(),
            approvals: (manifest.approvals.iter())
                .map(|(of, approval)| (*of, approval.expires))
                .collect(),
            changes,
            fee,
        }
    }
}

/// The places of the rungs of a ladder in what was given, the cheapest first, if it is one.
///
/// # Errors
/// What makes it none.
pub fn check(rungs: &[Rung]) -> Result<Vec<usize>, LadderFault> {
    let found = rungs.len();
    if !(2..=MOST_RUNGS).contains(&found) {
        return Err(LadderFault::Count { found });
    }
    let mut order: Vec<(usize, &Rung)> = rungs.iter().enumerate().collect();
    order.sort_by_key(|(_, rung)| (rung.fee, rung.txid));
    let mut seen = BTreeSet::new();
    let mut below: Option<(&Rung, &(ScriptBuf, Amount))> = None;
    let lowest = order.first().map(|(_, rung)| *rung);
    for (_, rung) in &order {
        let (txid, lowest) = (rung.txid, lowest.unwrap_or(rung));
        if !seen.insert(txid) {
            return Err(LadderFault::Twice { txid });
        }
        if rung.payments.is_empty() {
            return Err(LadderFault::PaysNobody { txid });
        }
        if rung.coins.is_empty() || rung.coins != lowest.coins {
            let lowest = lowest.txid;
            return Err(LadderFault::OtherCoins { txid, lowest });
        }
        if rung.payments != lowest.payments {
            let lowest = lowest.txid;
            return Err(LadderFault::OtherPayments { txid, lowest });
        }
        if rung.intents != lowest.intents || rung.approvals != lowest.approvals {
            let lowest = lowest.txid;
            return Err(LadderFault::OtherGrounds { txid, lowest });
        }
        let other_change = LadderFault::OtherChange {
            txid,
            lowest: lowest.txid,
        };
        let ([change], [first]) = (rung.changes.as_slice(), lowest.changes.as_slice()) else {
            return Err(other_change);
        };
        if change.0 != first.0 {
            return Err(other_change);
        }
        if let Some((before, kept)) = below {
            let grows = rung.fee.checked_sub(before.fee);
            let shrinks = kept.1.checked_sub(change.1);
            let is_exact = grows.is_some_and(|by| by > Amount::ZERO) && grows == shrinks;
            if !is_exact {
                let below = before.txid;
                return Err(LadderFault::ChangeNotShrinking { txid, below });
            }
        }
        below = Some((rung, change));
    }
    Ok(order.into_iter().map(|(place, _)| place).collect())
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;
    use proptest::prelude::*;

    use super::*;

    fn script(byte: u8) -> ScriptBuf {
        ScriptBuf::from_bytes(vec![0x51, byte])
    }

    fn rung(number: u8, fee: u64) -> Rung {
        let coin = |byte| OutPoint::new(Txid::from_byte_array([byte; 32]), 0);
        Rung {
            txid: Txid::from_byte_array([number; 32]),
            coins: BTreeSet::from([coin(100), coin(101)]),
            payments: BTreeMap::from([(script(1), vec![Amount::from_sat(5_000)])]),
            intents: BTreeSet::from([IntentHash::from_bytes([1; 32])]),
            approvals: BTreeMap::new(),
            changes: vec![(script(2), Amount::from_sat(100_000 - fee))],
            fee: Amount::from_sat(fee),
        }
    }

    fn fault(rungs: &[Rung]) -> &'static str {
        check(rungs).expect_err("is no ladder").code()
    }

    #[test]
    fn rungs_that_differ_in_fee_and_change_alone_are_a_ladder_the_cheapest_first() {
        let rungs = [rung(1, 400), rung(2, 100), rung(3, 900)];
        assert_eq!(check(&rungs), Ok(vec![1, 0, 2]));
    }

    #[test]
    fn one_rung_is_no_ladder_and_ten_are_too_many() {
        assert_eq!(fault(&[rung(1, 100)]), "LADDER_COUNT");
        let many: Vec<Rung> = (1..=10).map(|n| rung(n, u64::from(n) * 100)).collect();
        assert_eq!(fault(&many), "LADDER_COUNT");
        assert_eq!(fault(&[rung(1, 100), rung(1, 100)]), "LADDER_TWICE");
    }

    #[test]
    fn rungs_spend_the_same_coins() {
        let mut other = rung(2, 400);
        other.coins.pop_last();
        assert_eq!(fault(&[rung(1, 100), other]), "LADDER_OTHER_COINS");
    }

    #[test]
    fn rungs_pay_the_same() {
        let mut more = rung(2, 400);
        more.payments = BTreeMap::from([(script(1), vec![Amount::from_sat(5_001)])]);
        assert_eq!(fault(&[rung(1, 100), more]), "LADDER_OTHER_PAYMENTS");
        let mut others = rung(2, 400);
        others.payments.insert(script(3), vec![Amount::from_sat(1)]);
        assert_eq!(fault(&[rung(1, 100), others]), "LADDER_OTHER_PAYMENTS");
        let mut nobody = [rung(1, 100), rung(2, 400)];
        for rung in &mut nobody {
            rung.payments.clear();
        }
        assert_eq!(fault(&nobody), "LADDER_PAYS_NOBODY");
    }

    #[test]
    fn rungs_rest_on_the_same_requests_and_approvals() {
        let mut equal = rung(2, 400);
        equal.intents = BTreeSet::from([IntentHash::from_bytes([2; 32])]);
        assert_eq!(fault(&[rung(1, 100), equal]), "LADDER_OTHER_GROUNDS");
        let mut approved = rung(2, 400);
        let by = (Subject::from_bytes([3; 32]), KeyId::from_bytes([4; 32]));
        approved.approvals.insert(by, UnixTime::from_secs(5));
        assert_eq!(fault(&[rung(1, 100), approved]), "LADDER_OTHER_GROUNDS");
    }

    #[test]
    fn the_one_change_output_shrinks_by_what_the_fee_grows() {
        let mut elsewhere = rung(2, 400);
        elsewhere.changes = vec![(script(9), Amount::from_sat(99_600))];
        assert_eq!(fault(&[rung(1, 100), elsewhere]), "LADDER_OTHER_CHANGE");
        let mut none = rung(2, 400);
        none.changes.clear();
        assert_eq!(fault(&[rung(1, 100), none]), "LADDER_OTHER_CHANGE");
        let mut kept = rung(2, 400);
        kept.changes = rung(1, 100).changes;
        assert_eq!(fault(&[rung(1, 100), kept]), "LADDER_CHANGE_NOT_SHRINKING");
        let mut same = rung(2, 100);
        same.txid = Txid::from_byte_array([7; 32]);
        assert_eq!(fault(&[rung(1, 100), same]), "LADDER_CHANGE_NOT_SHRINKING");
    }

    proptest! {
        #[test]
        fn of_a_ladder_at_most_one_rung_can_be_in_a_chain_and_each_pays_the_same(
            fees in prop::collection::btree_set(1..90_000_u64, 2..MOST_RUNGS),
            spoilt in prop::option::of((0..8_usize, 0..3_u8)),
        ) {
            let mut rungs: Vec<Rung> = (1..).zip(&fees).map(|(number, fee)| rung(number, *fee)).collect();
            if let Some((place, what)) = spoilt
                && let Some(rung) = rungs.get_mut(place)
            {
                match what {
                    0 => { rung.coins.pop_first(); }
                    1 => { rung.payments.insert(script(8), vec![Amount::from_sat(9)]); }
                    _ => { rung.changes.push((script(2), Amount::from_sat(1))); }
                }
            }
            if let Ok(order) = check(&rungs) {
                prop_assert_eq!(order.len(), rungs.len());
                for pair in rungs.windows(2) {
                    prop_assert_eq!(&pair[0].coins, &pair[1].coins);
                    prop_assert_eq!(&pair[0].payments, &pair[1].payments);
                    let kept = |rung: &Rung| rung.changes.iter().map(|(_, kept)| kept.to_sat()).sum::<u64>();
                    prop_assert_eq!(kept(&pair[0]) + pair[0].fee.to_sat(), kept(&pair[1]) + pair[1].fee.to_sat());
                }
            } else {
                prop_assert!(spoilt.is_some());
            }
        }
    }
}
