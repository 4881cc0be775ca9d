//! Coins to choose from, and how many of them there is room for in a PSBT that the devices which are needed take.
//!
//! A PSBT carries whole funding transactions where the vault is no taproot one, and whoever deposits decides how
//! large they are. So lighter coins come first: among them more inputs have room. Invariant: whatever is chosen
//! from a shelf, within its number of inputs, has room.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use bitcoin::{Transaction, TxOut, Txid};
use policies::devices::Room;

use super::psbt_size::PsbtSize;
use crate::coin_selection::{Candidate, SelectionError};

/// The coins of a vault by what they weigh in a PSBT.
#[derive(Debug)]
pub(super) struct Shelves {
    size: PsbtSize,
    /// The lightest coins; then those with the next heavier ones, and so on to all.
    stacks: Vec<Stack>,
    /// The most inputs that the policy allows.
    max_inputs: usize,
}

#[derive(Debug)]
struct Stack {
    coins: Vec<Candidate>,
    /// The bytes of the heaviest.
    heaviest: usize,
}

/// Coins to choose from, and the most of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf<'a> {
    pub(super) coins: &'a [Candidate],
    pub(super) max_inputs: usize,
}

impl Shelves {
    /// Sorts coins into stacks, each of which reaches up to twice the bytes of the one before.
    pub(super) fn of(
        coins: &[Candidate],
        fundings: &BTreeMap<Txid, Transaction>,
        size: PsbtSize,
        max_inputs: usize,
    ) -> Self {
        let bytes = |coin: &Candidate| size.input(fundings.get(&coin.outpoint.txid));
        let class = |bytes: usize| usize::BITS.saturating_sub(bytes.leading_zeros());
        let mut classes: BTreeMap<u32, usize> = BTreeMap::new();
        for coin in coins {
            let bytes = bytes(coin);
            let heaviest = classes.entry(class(bytes)).or_default();
            *heaviest = bytes.max(*heaviest);
        }
        let stacks = classes.values().map(|heaviest| Stack {
            coins: coins
                .iter()
                .filter(|coin| bytes(coin) <= *heaviest)
                .cloned()
                .collect(),
            heaviest: *heaviest,
        });
        Self {
            stacks: stacks.collect(),
            size,
            max_inputs,
        }
    }

    /// What may be chosen from for these payments, the lightest first. A stack that has room for no more inputs
    /// than a heavier one is left out, since that one holds all of its coins.
    ///
    /// # Errors
    /// [`SelectionError::BeyondDevices`] where not even one input has room.
    pub(super) fn within(
        &self,
        room: Room,
        payments: &[TxOut],
    ) -> Result<Vec<Shelf<'_>>, SelectionError> {
        let beyond = SelectionError::BeyondDevices {
            payments: payments.len(),
        };
        let left = room
            .psbt_bytes
            .checked_sub(self.size.without_inputs(payments));
        // Change may be one output more.
        let (Some(left), true) = (left, payments.len() < room.outputs) else {
            return Err(beyond);
        };
        let most = self.max_inputs.min(room.inputs);
        let mut shelves: Vec<Shelf<'_>> = Vec::new();
        for stack in &self.stacks {
            let max_inputs = left
                .checked_div(stack.heaviest)
                .map_or(most, |fit| fit.min(most));
            shelves.retain(|lighter| lighter.max_inputs > max_inputs);
            if max_inputs > 0 {
                shelves.push(Shelf {
                    coins: &stack.coins,
                    max_inputs,
                });
            }
        }
        match (shelves.is_empty(), self.stacks.is_empty()) {
            (true, false) => Err(beyond),
            // Coins that must be spent may suffice; if not, how much is missing is said where coins are chosen.
            (true, true) => Ok(vec![Shelf {
                coins: &[],
                max_inputs: most,
            }]),
            (false, _) => Ok(shelves),
        }
    }
}
