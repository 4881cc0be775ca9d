//! The highest sum of fees of transactions that can be in one mempool together.
//!
//! Which of them exclude one another is worked out once, outpoint by outpoint: what requesters and depositors
//! make large must not be compared again at every step of the search.

use std::collections::{HashMap, HashSet};

use bitcoin::{Amount, OutPoint, Txid};

use super::Replaceable;

/// Up to how many the sum is exact; above, an upper bound.
const EXACT: usize = 16;

/// The highest sum of fees of those that exclude one another nowhere; ends at all the money there can be.
pub(super) fn dearest(among: &[&Replaceable]) -> Amount {
    let mut sorted: Vec<&Replaceable> = among.to_vec();
    sorted.sort_by_key(|one| (std::cmp::Reverse(one.fee), one.txid));
    let excluded = exclusions(&sorted);
    if sorted.len() > EXACT {
        return of_groups(&sorted, &excluded);
    }
    let rows: Vec<Row> = sorted
        .iter()
        .zip(&excluded)
        .zip(0_u32..)
        .map(|((one, excluded), position)| Row {
            fee: one.fee,
            own: bit(position),
            excluded: (0_u32..)
                .zip(0..sorted.len())
                .filter(|(_, other)| excluded.contains(other))
                .fold(0, |bits, (other, _)| bits | bit(other)),
        })
        .collect();
    exact(&rows, 0)
}

/// One row of the matrix of what excludes what, with a bit for each transaction.
struct Row {
    fee: Amount,
    own: u16,
    excluded: u16,
}

const fn bit(position: u32) -> u16 {
    match 1_u16.checked_shl(position) {
        Some(bit) => bit,
        None => 0,
    }
}

/// The dearest set among the rows that are not barred.
fn exact(rows: &[Row], barred: u16) -> Amount {
    let Some((first, rest)) = rows.split_first() else {
        return Amount::ZERO;
    };
    let without = exact(rest, barred);
    if barred & first.own != 0 {
        return without;
    }
    let with = add(exact(rest, barred | first.excluded), first.fee);
    with.max(without)
}

/// For each the positions of those that cannot be in one mempool with it.
fn exclusions(among: &[&Replaceable]) -> Vec<HashSet<usize>> {
    let mut spenders: HashMap<OutPoint, Vec<(usize, Txid)>> = HashMap::new();
    for (position, one) in among.iter().enumerate() {
        for (outpoint, by) in &one.spends {
            spenders.entry(*outpoint).or_default().push((position, *by));
        }
    }
    let mut excluded = vec![HashSet::new(); among.len()];
    for spending in spenders.values() {
        for (one, by) in spending {
            let others = spending.iter().filter(|(_, other)| other != by);
            if let Some(row) = excluded.get_mut(*one) {
                row.extend(others.map(|(other, _)| *other));
            }
        }
    }
    excluded
}

/// Of transactions that all exclude one another at most one is there: each such group counts its dearest.
fn of_groups(sorted: &[&Replaceable], excluded: &[HashSet<usize>]) -> Amount {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut sum = Amount::ZERO;
    for (position, (one, excluded)) in sorted.iter().zip(excluded).enumerate() {
        let fits = |group: &&mut Vec<usize>| group.iter().all(|other| excluded.contains(other));
        if let Some(group) = groups.iter_mut().find(fits) {
            group.push(position);
        } else {
            sum = add(sum, one.fee);
            groups.push(vec![position]);
        }
    }
    sum
}

fn add(one: Amount, other: Amount) -> Amount {
    let sum = one.checked_add(other).unwrap_or(Amount::MAX_MONEY);
    sum.min(Amount::MAX_MONEY)
}
