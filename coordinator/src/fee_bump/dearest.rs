//! The highest sum of fees of transactions that can be in one mempool together.

use bitcoin::Amount;

use super::Replaceable;

/// Up to how many the sum is exact; above, an upper bound.
const EXACT: usize = 16;

/// The highest sum of fees of those that exclude one another nowhere; ends at all the money there can be.
pub(super) fn dearest(among: &[&Replaceable]) -> Amount {
    let mut sorted: Vec<&Replaceable> = among.to_vec();
    sorted.sort_by_key(|one| (std::cmp::Reverse(one.fee), one.txid));
    if sorted.len() <= EXACT {
        exact(&sorted, &mut Vec::new())
    } else {
        of_groups(&sorted)
    }
}

fn exact<'a>(rest: &[&'a Replaceable], taken: &mut Vec<&'a Replaceable>) -> Amount {
    let Some((first, rest)) = rest.split_first() else {
        return Amount::ZERO;
    };
    let without = exact(rest, taken);
    if taken.iter().any(|one| one.excludes(first)) {
        return without;
    }
    taken.push(first);
    let with = add(exact(rest, taken), first.fee);
    taken.pop();
    with.max(without)
}

/// Of transactions that all exclude one another at most one is there: each such group counts its dearest.
fn of_groups(sorted: &[&Replaceable]) -> Amount {
    let mut groups: Vec<Vec<&Replaceable>> = Vec::new();
    let mut sum = Amount::ZERO;
    for one in sorted {
        let fits = |group: &&mut Vec<&Replaceable>| group.iter().all(|other| other.excludes(one));
        if let Some(group) = groups.iter_mut().find(fits) {
            group.push(one);
        } else {
            sum = add(sum, one.fee);
            groups.push(vec![one]);
        }
    }
    sum
}

fn add(one: Amount, other: Amount) -> Amount {
    let sum = one.checked_add(other).unwrap_or(Amount::MAX_MONEY);
    sum.min(Amount::MAX_MONEY)
}
