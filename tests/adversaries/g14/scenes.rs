//! The worlds that are searched: each small enough to be searched whole.

use super::search::Scene;
use super::signer::{Bounds, Carried};
use super::universe::{Output, Universe};

const C0: Output = Output::Coin(0);
const C1: Output = Output::Coin(1);

/// Everything that is searched for violations.
pub(super) fn scenes(full: bool) -> Vec<Scene> {
    let more = u32::from(full);
    let restored = Bounds {
        restores: true,
        ..attempts(1 + more)
    };
    let voiding = Bounds {
        voids: 1,
        ..attempts(1 + more)
    };
    let crashing = Bounds {
        crashes: true,
        voids: more,
        restores: true,
        ..attempts(1 + more)
    };
    let voided = if full { journals } else { few_journals };
    let one_dishonest = two_of_three("one dishonest signer of 3-of-4", voided(), voiding);
    let honest = Bounds {
        carried: Carried::All,
        ..attempts(2 + more)
    };
    let joining = Bounds {
        carried: Carried::All,
        ..attempts(1 + more)
    };
    vec![
        of_chains(attempts(2 + more)),
        Scene {
            always_payable: true,
            ..two_of_three("chains with every ancestor carried", chains(), honest)
        },
        Scene {
            always_payable: true,
            ..two_of_three(
                "merges and splits with every ancestor carried",
                batches(),
                joining,
            )
        },
        two_of_three("merges and splits", batches(), attempts(1 + more)),
        two_of_three("journals restored empty", journals(), restored),
        two_of_three("voids", voided(), voiding),
        two_of_three("crashes", few_journals(), crashing),
        Scene {
            dishonest: 1,
            threshold: 3,
            ..one_dishonest
        },
    ]
}

/// Replacements and chains of transactions.
pub(super) fn of_chains(bounds: Bounds) -> Scene {
    two_of_three("replacements and chains", chains(), bounds)
}

/// Where errors about chains are looked for.
pub(super) fn of_few_chains(bounds: Bounds) -> Scene {
    two_of_three("few chains", few_chains(), bounds)
}

/// Where errors about journals are looked for.
pub(super) fn of_few_journals(bounds: Bounds) -> Scene {
    two_of_three("few journals", few_journals(), bounds)
}

/// Two signers of four, so that two may sign what the two others do not know of.
pub(super) fn without_a_common_signer() -> Scene {
    Scene {
        honest: 4,
        threshold: 2,
        ..two_of_three("two of four", few_journals(), attempts(1))
    }
}

/// Three of five with a dishonest one, so that two times two honest ones suffice.
pub(super) fn without_a_common_honest_signer() -> Scene {
    Scene {
        honest: 4,
        dishonest: 1,
        threshold: 3,
        ..two_of_three("three of five, one dishonest", few_journals(), attempts(1))
    }
}

pub(super) const fn attempts(attempts: u32) -> Bounds {
    Bounds {
        attempts,
        voids: 0,
        restores: false,
        crashes: false,
        carried: Carried::Any,
        orders: false,
    }
}

fn two_of_three(
    name: &'static str,
    (universe, repeat): (Universe, usize),
    bounds: Bounds,
) -> Scene {
    Scene {
        name,
        universe,
        repeat,
        honest: 3,
        dishonest: 0,
        threshold: 2,
        bounds,
        always_payable: false,
        steps: u32::MAX,
    }
}

/// One withdrawal, paid from two coins, with higher fees, without change, after spends to ourselves, from the
/// change of what paid it already, and from both halves of a coin that was parted.
fn chains() -> (Universe, usize) {
    let mut universe = Universe::new(2);
    let w = universe.ask(0, None);
    let repeat = universe.ask(2, None);
    for coin in [C0, C1] {
        let paid = universe.add(&[coin], &[w]);
        universe.bump(paid);
        universe.add_with(0, &[coin], &[w]);
        let own = universe.add(&[coin], &[]);
        // Cancelled, and paid again by the cancellation's change; paid again by the payment's own change.
        universe.add(&[Output::Change(own, 0)], &[w]);
        universe.add(&[Output::Change(paid, 0)], &[w]);
        let joined = universe.add(&[Output::Change(paid, 0)], &[]);
        universe.add(&[Output::Change(joined, 0)], &[w]);
    }
    universe.add(&[C0, C1], &[w]);
    let parted = universe.add_with(2, &[C0, C1], &[]);
    universe.add(&[Output::Change(parted, 0)], &[w]);
    universe.add(&[Output::Change(parted, 1)], &[w]);
    (universe, repeat)
}

/// Two withdrawals, paid together and apart, from two coins, after spends to ourselves, and one from the change
/// of the other.
fn batches() -> (Universe, usize) {
    let mut universe = Universe::new(2);
    let (one, other) = (universe.ask(0, None), universe.ask(0, None));
    let repeat = universe.ask(2, None);
    let pays: [&[usize]; 3] = [&[one], &[other], &[one, other]];
    let mut parents = Vec::new();
    for inputs in [&[C0][..], &[C1], &[C0, C1]] {
        for paid in pays {
            let number = universe.add(inputs, paid);
            if inputs.len() == 1 && paid.len() == 1 {
                parents.push(number);
            }
        }
    }
    for coin in [C0, C1] {
        parents.push(universe.add(&[coin], &[]));
    }
    for parent in parents {
        for paid in &pays[..2] {
            universe.add(&[Output::Change(parent, 0)], paid);
        }
    }
    (universe, repeat)
}

/// A withdrawal, one that replaces it, another that does so later, and all of them in one transaction.
fn journals() -> (Universe, usize) {
    let mut universe = Universe::new(2);
    let first = universe.ask(0, None);
    let second = universe.ask(0, Some(first));
    let later = universe.ask(1, Some(first));
    let fresh = universe.ask(1, None);
    let repeat = universe.ask(2, None);
    for coin in [C0, C1] {
        universe.add(&[coin], &[first]);
        universe.add(&[coin], &[second]);
        universe.add(&[coin], &[later]);
        universe.add(&[coin], &[fresh]);
        universe.add(&[coin], &[first, second]);
    }
    (universe, repeat)
}

/// One withdrawal, paid once in each way.
fn few_chains() -> (Universe, usize) {
    let mut universe = Universe::new(2);
    let w = universe.ask(0, None);
    let repeat = universe.ask(2, None);
    let paid = universe.add(&[C0], &[w]);
    universe.bump(paid);
    universe.add(&[C1], &[w]);
    let own = universe.add(&[C0], &[]);
    universe.add(&[Output::Change(own, 0)], &[w]);
    universe.add(&[Output::Change(paid, 0)], &[w]);
    let parted = universe.add_with(2, &[C0, C1], &[]);
    universe.add(&[Output::Change(parted, 0)], &[w]);
    universe.add(&[Output::Change(parted, 1)], &[w]);
    (universe, repeat)
}

/// A withdrawal and one that replaces it later, each from one coin or the other.
fn few_journals() -> (Universe, usize) {
    let mut universe = Universe::new(2);
    let first = universe.ask(0, None);
    let later = universe.ask(1, Some(first));
    let repeat = universe.ask(2, None);
    for coin in [C0, C1] {
        universe.add(&[coin], &[first]);
        universe.add(&[coin], &[later]);
    }
    (universe, repeat)
}
