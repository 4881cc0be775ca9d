//! Which coins a new transaction must spend, and which ancestors it carries, to exclude all earlier ones.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bitcoin::{OutPoint, Transaction, Txid, Witness};
use serde::Serialize;

use super::ancestry::{Ancestry, Stand};
use super::search::{Anchor, cover};
use super::{Earlier, MAX_ANCESTOR_INPUTS, MAX_ANCESTORS};
use crate::coin_selection::Candidate;

/// What a transaction must spend and carry to be exclusive with all that was issued before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Anchors {
    /// The coins that must be spent, the most telling first; none where nothing was issued before.
    pub required: Vec<Candidate>,
    /// The ancestors that must be carried, without witnesses, as files have them: a txid does not name those.
    pub carried: BTreeMap<Txid, Transaction>,
    /// What excludes each earlier transaction, in the order given.
    pub excluded: Vec<Excluded>,
    /// Coins that must not be spent beside them: they descend from an earlier transaction, or from what
    /// can be in no chain with the required ones.
    pub barred: BTreeSet<OutPoint>,
}

/// How an earlier transaction is excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The earlier transaction.
    pub earlier: Txid,
    /// The coin that excludes it.
    pub by: OutPoint,
    /// The carried transactions from the one that made the coin down to the one that spends what the
    /// earlier one spends; none where the coin itself is what both spend.
    pub through: Vec<Txid>,
}

/// No transaction that pays this can be exclusive with all that was issued before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("nothing that can be spent excludes {earlier}: {why}")]
pub struct CannotBeExclusive {
    /// The earlier transaction that stands against it.
    pub earlier: Txid,
    /// Why.
    pub why: WhyNot,
}

/// Why an earlier transaction cannot be excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum WhyNot {
    /// No usable coin excludes it.
    #[error(
        "none of its {} inputs can be spent, nor the change of what spent them; {descendants} coins \
         descend from it, and those never exclude it", .inputs.len()
    )]
    NoCoin {
        /// What it spends, and who else is known to spend that.
        inputs: Vec<SpentInput>,
        /// Usable coins that descend from it.
        descendants: usize,
    },
    /// Each can be excluded, but not all by coins that one transaction may spend.
    #[error("coins that exclude all earlier ones cannot stand in one transaction of {max} inputs")]
    NotTogether {
        /// The most inputs.
        max: usize,
    },
    /// The proof would be too large.
    #[error("{found} ancestors with {inputs} inputs would have to be carried")]
    TooManyAncestors {
        /// How many ancestors.
        found: usize,
        /// Their inputs.
        inputs: usize,
    },
}

/// An input of an earlier transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SpentInput {
    /// The outpoint.
    pub outpoint: OutPoint,
    /// Another transaction that is known to spend it.
    pub spent_by: Option<Txid>,
}

/// Finds a smallest set of `coins` that together exclude all `earlier` transactions.
///
/// `coins` are those that the new transaction may spend; `known` has the transactions that made them and
/// those of their ancestors whose bytes are known. At most `max` coins are required.
///
/// # Errors
/// The first earlier transaction that cannot be excluded, and why.
pub fn anchors(
    earlier: &[Earlier],
    coins: &[Candidate],
    known: &BTreeMap<Txid, Transaction>,
    max: usize,
) -> Result<Anchors, CannotBeExclusive> {
    let Some(first) = earlier.first() else {
        return Ok(Anchors::default());
    };
    let ancestry = Ancestry::new(known);
    let (candidates, descend) = candidates(earlier, coins, &ancestry);
    for (position, one) in earlier.iter().enumerate() {
        if (candidates.iter()).all(|anchor| !anchor.excludes.contains_key(&position)) {
            return Err(CannotBeExclusive {
                earlier: one.txid(),
                why: no_coin(one, coins, &ancestry),
            });
        }
    }
    let cannot = |why| CannotBeExclusive {
        earlier: first.txid(),
        why,
    };
    let chosen = cover(&candidates, earlier.len(), max, &ancestry)
        .ok_or_else(|| cannot(WhyNot::NotTogether { max }))?;
    let chosen: Vec<&Anchor<'_>> = chosen
        .into_iter()
        .filter_map(|position| candidates.get(position))
        .collect();
    let excluded: Vec<Excluded> = earlier
        .iter()
        .enumerate()
        .filter_map(|(position, one)| {
            let through = |anchor: &&&Anchor<'_>| anchor.excludes.get(&position).map(Vec::len);
            let by = chosen
                .iter()
                .filter(|anchor| through(anchor).is_some())
                .min_by_key(through)?;
            Some(Excluded {
                earlier: one.txid(),
                by: by.coin.outpoint,
                through: by.excludes.get(&position)?.clone(),
            })
        })
        .collect();
    let carried: BTreeMap<Txid, Transaction> = excluded
        .iter()
        .flat_map(|one| &one.through)
        .filter_map(|txid| Some((*txid, bare(ancestry.transaction(txid)?))))
        .collect();
    let inputs = carried.values().map(|one| one.input.len()).sum();
    if carried.len() > MAX_ANCESTORS || inputs > MAX_ANCESTOR_INPUTS {
        let found = carried.len();
        return Err(cannot(WhyNot::TooManyAncestors { found, inputs }));
    }
    let required: Vec<Candidate> = chosen.iter().map(|anchor| anchor.coin.clone()).collect();
    Ok(Anchors {
        barred: barred(&required, coins, descend, &ancestry),
        required,
        carried,
        excluded,
    })
}

/// A transaction without witnesses, as files carry ancestors; its txid is the same.
pub fn bare(transaction: &Transaction) -> Transaction {
    let mut bare = transaction.clone();
    for txin in &mut bare.input {
        txin.witness = Witness::new();
    }
    bare
}

/// The coins that exclude some of the earlier transactions, those that exclude the most with the fewest
/// carried first, and the coins that descend from one of them, which exclude none.
fn candidates<'a>(
    earlier: &[Earlier],
    coins: &'a [Candidate],
    ancestry: &Ancestry<'_>,
) -> (Vec<Anchor<'a>>, BTreeSet<OutPoint>) {
    let txids: HashSet<Txid> = earlier.iter().map(Earlier::txid).collect();
    let mut spenders: HashMap<OutPoint, Vec<(usize, Txid)>> = HashMap::new();
    for (position, one) in earlier.iter().enumerate() {
        for (outpoint, by) in one.spends() {
            spenders.entry(outpoint).or_default().push((position, by));
        }
    }
    let mut by_maker: HashMap<Txid, Option<BTreeMap<usize, Vec<Txid>>>> = HashMap::new();
    let mut anchors = Vec::new();
    let mut descend = BTreeSet::new();
    for coin in coins {
        let maker = coin.outpoint.txid;
        let excludes = by_maker.entry(maker).or_insert_with(|| {
            let steps = ancestry.steps(maker);
            if steps.iter().any(|step| txids.contains(&step.txid)) {
                return None;
            }
            let mut excludes: BTreeMap<usize, Vec<Txid>> = BTreeMap::new();
            for (at, step) in steps.iter().enumerate() {
                for input in ancestry.inputs(&step.txid) {
                    for (position, by) in spenders.get(&input).into_iter().flatten() {
                        if *by != step.txid {
                            let path = || Ancestry::path(&steps, at);
                            excludes.entry(*position).or_insert_with(path);
                        }
                    }
                }
            }
            Some(excludes)
        });
        let Some(mut excludes) = excludes.clone() else {
            descend.insert(coin.outpoint);
            continue;
        };
        for (position, _) in spenders.get(&coin.outpoint).into_iter().flatten() {
            excludes.insert(*position, Vec::new());
        }
        if !excludes.is_empty() {
            anchors.push(Anchor { coin, excludes });
        }
    }
    anchors.sort_by_cached_key(|anchor| {
        (
            Reverse(anchor.excludes.len()),
            anchor.carries(),
            Reverse(anchor.coin.txout.value),
            anchor.coin.outpoint,
        )
    });
    (anchors, descend)
}

/// The coins that cannot be spent beside those required.
fn barred(
    required: &[Candidate],
    coins: &[Candidate],
    mut barred: BTreeSet<OutPoint>,
    ancestry: &Ancestry<'_>,
) -> BTreeSet<OutPoint> {
    let mut stand = Stand::default();
    for coin in required {
        stand.add(coin.outpoint, ancestry);
    }
    let is_required = |outpoint: &OutPoint| required.iter().any(|coin| coin.outpoint == *outpoint);
    let apart = coins
        .iter()
        .map(|coin| coin.outpoint)
        .filter(|outpoint| !is_required(outpoint) && !stand.takes(outpoint, ancestry));
    barred.extend(apart);
    barred
}

fn no_coin(earlier: &Earlier, coins: &[Candidate], ancestry: &Ancestry<'_>) -> WhyNot {
    let mut spent_by: HashMap<OutPoint, Txid> = HashMap::new();
    let mut descendants: usize = 0;
    let txid = earlier.txid();
    for coin in coins {
        let steps = ancestry.steps(coin.outpoint.txid);
        if steps.iter().any(|step| step.txid == txid) {
            descendants = descendants.saturating_add(1);
        }
        spent_by.extend(ancestry.spent_by(coin.outpoint.txid).iter());
    }
    let inputs = earlier.record.inputs.iter().map(|outpoint| SpentInput {
        outpoint: *outpoint,
        spent_by: spent_by.get(outpoint).copied(),
    });
    WhyNot::NoCoin {
        inputs: inputs.collect(),
        descendants,
    }
}
