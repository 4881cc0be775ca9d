//! What the chain means for the vaults: blocks and mempools in, changes out. Pure.
//!
//! The caller asks [`needs`] what a block touches, looks exactly that up, and hands it in as a
//! [`View`]; so the work grows with the block and never with the history. [`View::connect`],
//! [`View::disconnect`] and [`View::observe_mempool`] change the view and return what happened.
//!
//! Invariant: the confirmed state is a function of the active chain alone, whatever blocks were
//! connected and disconnected on the way, and whenever a script began to be watched, once the blocks from
//! then on were read again ([`View::rescan`]). A deposit counts once per outpoint; conflicts are told by
//! outpoint, never by txid; a reorg takes back at any depth, also what was settled.

mod block;
mod coin;
mod event;
mod mempool;
mod pinning;
mod posting;
#[cfg(test)]
pub(crate) mod simulation;
mod spam;
#[cfg(test)]
mod tests;
mod transition;
mod view;

pub use self::block::{Block, BlockRef};
pub use self::coin::{Coin, Placement, WatchedScript};
pub use self::event::{EventDraft, event};
#[cfg(feature = "store")]
pub(crate) use self::mempool::parents_first;
pub use self::pinning::{Pinned, Pooled, pinned};
pub use self::posting::postings;
pub use self::spam::{DepositRule, Flood, Reuse, Reused, deposited, floods};
pub use self::view::{Needs, OutgoingTerms, TrackedTransaction, View, needs};

use bitcoin::{Amount, OutPoint, Txid};
use policies::VaultId;

/// Something that happened to a coin or to a transaction that spends coins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// A payment to a watched script is in the mempool.
    CoinSeen {
        /// The coin as it is now.
        coin: Coin,
    },
    /// A payment to a watched script is in a block of the active chain.
    CoinConfirmed {
        /// The coin as it is now.
        coin: Coin,
        /// The block.
        block: BlockRef,
    },
    /// A coin has reached its depth.
    CoinSettled {
        /// The coin as it is now.
        coin: Coin,
        /// The block in which it was confirmed.
        block: BlockRef,
    },
    /// The block that confirmed a coin has left the active chain.
    CoinReversed {
        /// The coin as it was before.
        coin: Coin,
        /// The block that left.
        block: BlockRef,
    },
    /// An unconfirmed payment left the mempool, nobody knows why.
    CoinDropped {
        /// The coin as it is now.
        coin: Coin,
    },
    /// An unconfirmed payment cannot confirm while another transaction spends its input.
    CoinReplaced {
        /// The coin as it is now.
        coin: Coin,
        /// The transaction that took its place.
        by: Txid,
    },
    /// A coin of a vault is spent by a transaction that was never handed to us: somebody signed
    /// outside the pipeline.
    SpendUnknown {
        /// The spending transaction.
        spend: Spend,
    },
    /// A transaction that spends coins is in the mempool.
    SpendSeen {
        /// The spending transaction.
        spend: Spend,
    },
    /// A transaction that spends coins is in a block.
    SpendConfirmed {
        /// The spending transaction.
        spend: Spend,
        /// The block.
        block: BlockRef,
    },
    /// A transaction that spends coins has reached its depth.
    SpendSettled {
        /// The spending transaction.
        spend: Spend,
        /// The block in which it was confirmed.
        block: BlockRef,
    },
    /// The block that confirmed a spending transaction has left the active chain.
    SpendReorged {
        /// The spending transaction.
        spend: Spend,
        /// The block that left.
        block: BlockRef,
        /// Whether it was settled.
        was_settled: bool,
    },
    /// An unconfirmed spending transaction left the mempool.
    SpendDropped {
        /// The spending transaction.
        spend: Spend,
        /// The transaction that took its place, if one is known.
        by: Option<Txid>,
    },
}

/// A transaction that spends coins of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// Its id.
    pub txid: Txid,
    /// The vault whose coins it spends (of the first, if several).
    pub vault: VaultId,
    /// Whether it was handed to us for broadcast, or is expected by whoever watches.
    pub known: bool,
    /// The coins it spends.
    pub coins: Vec<SpentCoin>,
}

/// A coin as the input of a [`Spend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentCoin {
    /// Which coin.
    pub outpoint: OutPoint,
    /// Its vault.
    pub vault: VaultId,
    /// Its amount.
    pub amount: Amount,
    /// How often a spend of it has confirmed, this time included.
    pub times_spent: u32,
    /// Blocks up to this height are history, as its script says.
    pub history_until: Option<u32>,
}

impl SpentCoin {
    /// Whether a spend of it in this block is history.
    pub fn is_history(&self, block: BlockRef) -> bool {
        coin::is_history(self.history_until, block)
    }
}
