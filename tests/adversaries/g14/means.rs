//! What an honest coordinator can do about withdrawals and coins that others left in disorder: transactions of its
//! own, made afresh, that carry every ancestor.
//!
//! It knows the chain and what the journals say, as one does that forgot everything in a crash.

use bitcoin::Txid;
use policies::UnixTime;
use policies::journal::{AncestorInputs, SignedTransaction};

use super::errors::Error;
use super::universe::{Mask, Output, Transaction, Universe, named, numbers};

/// What one of them is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Pays a withdrawal of this line.
    Pay(usize),
    /// Frees this output: spends it to ourselves.
    Free(Output),
    /// Pays a new withdrawal that repeats another, from the change of what freed this output.
    Repeat(Output),
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Mean {
    pub(super) aim: Aim,
    pub(super) transaction: Transaction,
    txid: Txid,
    /// Ancestors of this world.
    ancestors: Mask,
    /// The spend to ourselves that it comes from.
    freed_by: Option<(Txid, Output)>,
}

/// All of them, numbered.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) all: Vec<Mean>,
}

impl Means {
    /// Payments from one output or two, and for each output a spend to ourselves and a repetition after it.
    pub(super) fn of(universe: &Universe, repeat: usize) -> Self {
        let mut all: Vec<Mean> = Vec::new();
        let outputs = universe.outputs();
        let mut add = |aim, inputs: &[Output], pays: &[usize], freed_by| {
            let number = all.len();
            let mut inputs = inputs.to_vec();
            inputs.sort_unstable();
            all.push(Mean {
                aim,
                ancestors: universe.ancestors_of(&inputs),
                transaction: Transaction {
                    inputs,
                    pays: pays.to_vec(),
                    variant: 0,
                    change: 1,
                },
                txid: named(3, number),
                freed_by,
            });
        };
        for (place, one) in outputs.iter().enumerate() {
            for (asked, of) in universe
                .asked
                .iter()
                .enumerate()
                .filter(|(asked, _)| *asked != repeat)
            {
                add(Aim::Pay(of.line), &[*one], &[asked], None);
                for other in &outputs[..place] {
                    add(Aim::Pay(of.line), &[*one, *other], &[asked], None);
                }
            }
            add(Aim::Free(*one), &[*one], &[], None);
            let freed_by = Some((named(4, place), *one));
            add(Aim::Repeat(*one), &[*one], &[repeat], freed_by);
        }
        Self { all }
    }

    /// The set of all but some.
    pub(super) fn all_but(&self, refused: &[usize]) -> Vec<u64> {
        let mut set = self.those(|_| true);
        for number in refused {
            set[number / 64] &= !(1 << (number % 64));
        }
        set
    }

    /// The set of those with a property.
    pub(super) fn those(&self, is: impl Fn(&Mean) -> bool) -> Vec<u64> {
        let mut set = vec![0; self.all.len().div_ceil(64)];
        for (number, one) in self.all.iter().enumerate() {
            if is(one) {
                set[number / 64] |= 1 << (number % 64);
            }
        }
        set
    }
}

impl Mean {
    /// What a journal is asked.
    pub(super) fn signed(
        &self,
        universe: &Universe,
        error: Option<Error>,
        at: UnixTime,
    ) -> SignedTransaction {
        let mut signed = universe.signed_as(self.txid, &self.transaction, self.ancestors, at);
        if let Some((freed_by, output)) = self.freed_by {
            let of_output = Transaction {
                inputs: vec![output],
                pays: Vec::new(),
                variant: 0,
                change: 1,
            };
            let freed = universe.signed_as(freed_by, &of_output, 0, at);
            let inputs = freed.inputs;
            signed.inputs = vec![bitcoin::OutPoint::new(freed_by, 0)];
            signed.ancestors.push(AncestorInputs {
                txid: freed_by,
                inputs,
            });
        }
        if error == Some(Error::AncestorsDoNotCount) {
            signed.ancestors.clear();
        }
        signed
    }

    /// Whether a journal that remembers these must sign it: it is of the right time, and can be in no chain with
    /// one of them that pays its line.
    pub(super) fn excludes(&self, universe: &Universe, remembered: Mask, reborn: u8) -> bool {
        let paid = || {
            self.transaction
                .pays
                .iter()
                .map(|paid| &universe.asked[*paid])
        };
        let right_time = paid().all(|asked| {
            let replaced = asked.replaces.map(|other| universe.asked[other].time);
            asked.time >= reborn && replaced.is_none_or(|time| time >= reborn)
        });
        let of_line =
            |other: &usize| paid().any(|asked| universe.lines_of(*other).contains(&asked.line));
        right_time
            && numbers(remembered)
                .filter(of_line)
                .all(|other| self.excludes_one(universe, other))
    }

    /// Whether no chain can hold both, by all of their ancestors.
    fn excludes_one(&self, universe: &Universe, other: usize) -> bool {
        let before = self.ancestors | universe.closure(other);
        let spent = universe.spent_by(before);
        !universe.in_one_chain(before)
            || self
                .transaction
                .inputs
                .iter()
                .any(|input| spent.contains(input))
    }

    /// That a journal which remembers these refuses it, in words.
    pub(super) fn refused_after(&self, universe: &Universe, remembered: Mask) -> String {
        let before: Vec<String> = numbers(remembered)
            .map(|number| universe.name(number))
            .collect();
        format!("{}, after it signed [{}]", self.name(), before.join(", "))
    }

    /// It in words.
    fn name(&self) -> String {
        let from: Vec<String> = self
            .transaction
            .inputs
            .iter()
            .map(|input| input.name())
            .collect();
        let from = from.join(" and ");
        match self.aim {
            Aim::Pay(line) => format!("a payment of w{line} from {from}"),
            Aim::Free(_) => format!("a spend of {from} to ourselves"),
            Aim::Repeat(_) => format!("a repeated withdrawal after {from} was spent to ourselves"),
        }
    }
}
