//! Whether funds are stuck: what honest signers and a coordinator that knows the chain and their journals can
//! still do, with any set of signers that suffices, so that the others may be gone.

use std::collections::HashMap;

use super::means::{Aim, Means};
use super::universe::{Mask, Universe, numbers};

/// A set of means.
type Set = Vec<u64>;

/// Judges states under chains.
#[derive(Debug)]
pub(super) struct Judge {
    quorums: Vec<Vec<usize>>,
    /// Payments by line.
    paying: Vec<Set>,
    means: Vec<(Aim, Vec<super::universe::Output>)>,
    under: HashMap<Mask, Under>,
}

/// What a chain leaves.
#[derive(Debug)]
struct Under {
    /// Lines that it does not pay.
    open: Vec<usize>,
    /// Payments that it can take.
    possible: Set,
    /// A spend to ourselves for everything that it leaves.
    free: Set,
    /// A repetition from everything that it leaves.
    repeat: Set,
}

impl Judge {
    pub(super) fn new(universe: &Universe, means: &Means, quorums: Vec<Vec<usize>>) -> Self {
        let lines = universe
            .asked
            .iter()
            .map(|asked| asked.line + 1)
            .max()
            .unwrap_or_default();
        let paying = (0..lines)
            .map(|line| means.those(|one| one.aim == Aim::Pay(line)))
            .collect();
        Self {
            quorums,
            paying,
            means: means
                .all
                .iter()
                .map(|one| (one.aim, one.transaction.inputs.clone()))
                .collect(),
            under: HashMap::new(),
        }
    }

    /// How many open withdrawals a quorum can pay, and how many can only be cancelled and asked for again.
    ///
    /// # Errors
    /// Which output or withdrawal is stuck.
    pub(super) fn stuck(
        &mut self,
        universe: &Universe,
        chain: Mask,
        grants: &[&[u64]],
    ) -> Result<(u64, u64), String> {
        let (means, paying) = (&self.means, &self.paying);
        let under = self
            .under
            .entry(chain)
            .or_insert_with(|| Under::of(universe, means, paying, chain));
        let (mut payable, mut repeated) = (0, 0);
        let shown = || {
            let chain: Vec<String> = numbers(chain).map(|number| format!("t{number}")).collect();
            format!("when the chain is [{}]", chain.join(", "))
        };
        for quorum in &self.quorums {
            let granted = |set: &Set, word: usize| {
                quorum
                    .iter()
                    .fold(set[word], |all, signer| all & grants[*signer][word])
            };
            let words = 0..under.free.len();
            if words
                .clone()
                .any(|word| granted(&under.free, word) != under.free[word])
            {
                return Err(format!(
                    "not everything can be spent to ourselves {}",
                    shown()
                ));
            }
            for line in &under.open {
                let pays = &paying[*line];
                if words
                    .clone()
                    .any(|word| granted(&under.possible, word) & pays[word] != 0)
                {
                    payable += 1;
                } else if words
                    .clone()
                    .all(|word| granted(&under.repeat, word) == under.repeat[word])
                {
                    repeated += 1;
                } else {
                    return Err(format!(
                        "w{line} can neither be paid nor asked for again {}",
                        shown()
                    ));
                }
            }
        }
        Ok((payable, repeated))
    }
}

impl Under {
    fn of(
        universe: &Universe,
        means: &[(Aim, Vec<super::universe::Output>)],
        paying: &[Set],
        chain: Mask,
    ) -> Self {
        let unspent = universe.unspent(chain);
        let paid: Vec<usize> = numbers(chain)
            .flat_map(|number| universe.lines_of(number))
            .collect();
        let none = vec![0_u64; means.len().div_ceil(64)];
        let (mut possible, mut free, mut repeat) = (none.clone(), none.clone(), none);
        for (number, (aim, inputs)) in means.iter().enumerate() {
            if inputs.iter().all(|input| unspent.contains(input)) {
                let set = match aim {
                    Aim::Pay(_) => &mut possible,
                    Aim::Free(_) => &mut free,
                    Aim::Repeat(_) => &mut repeat,
                };
                set[number / 64] |= 1 << (number % 64);
            }
        }
        let is_open =
            |line: &usize| !paid.contains(line) && paying[*line].iter().any(|word| *word != 0);
        Self {
            open: (0..paying.len()).filter(is_open).collect(),
            possible,
            free,
            repeat,
        }
    }
}
