//! Watched scripts and the coins that pay them.

use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, Txid};
use policies::planted::{Bug, planted};
use policies::{Keychain, Keyset, VaultId};

use super::BlockRef;

/// Blocks before a coinbase output may be spent (consensus: `COINBASE_MATURITY`).
const COINBASE_MATURITY: u32 = 100;

/// A script of a vault, watched from its issue on and for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedScript {
    /// The output script.
    pub script_pubkey: ScriptBuf,
    /// Whose it is.
    pub vault: VaultId,
    /// The signers and descriptor it belongs to.
    pub keyset: Keyset,
    /// Deposits or change.
    pub keychain: Keychain,
    /// Its index on the keychain.
    pub index: u32,
    /// Confirmations at which a coin paying it is settled; at least 1.
    pub settle_depth: u32,
    /// The external reference whose account a settled deposit is credited to.
    pub reference: Option<String>,
    /// Blocks up to this height are history: what they did with it was not done by this vault's pipeline, and
    /// is booked as opening balance.
    pub history_until: Option<u32>,
}

impl WatchedScript {
    /// Whether what a block does with a coin of this script is history.
    pub fn is_history(&self, block: BlockRef) -> bool {
        is_history(self.history_until, block)
    }
}

/// Whether a block is at or below the height up to which there is history.
pub(super) fn is_history(until: Option<u32>, block: BlockRef) -> bool {
    until.is_some_and(|until| block.height <= until)
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// In the mempool, or just disconnected and not yet looked for there.
    Unconfirmed,
    /// In a block of the active chain.
    Confirmed(BlockRef),
    /// Neither in the chain nor in the mempool; it may come back.
    Gone,
}

impl Placement {
    /// The block, if confirmed.
    pub fn block(self) -> Option<BlockRef> {
        match self {
            Self::Confirmed(block) => Some(block),
            Self::Unconfirmed | Self::Gone => None,
        }
    }
}

/// An output that pays a watched script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a coin that are independent of one another"
)]
pub struct Coin {
    /// Which output.
    pub outpoint: OutPoint,
    /// The script it pays.
    pub script: WatchedScript,
    /// Its amount.
    pub amount: Amount,
    /// Whether a coinbase made it: it settles at 100 confirmations or more.
    pub coinbase: bool,
    /// Whether it is change: on the internal keychain, made by a spend of this vault. Anything else
    /// is a deposit.
    pub change: bool,
    /// Where its transaction stands.
    pub placement: Placement,
    /// Whether it has been confirmed to its depth. Decided once; only the loss of its block undoes it.
    pub settled: bool,
    /// The transaction that spends it, in the mempool or the chain.
    pub spent_by: Option<Txid>,
    /// The block of that transaction, once confirmed.
    pub spent_in: Option<BlockRef>,
    /// How often it has been confirmed; with the block it names a ledger entry.
    pub times_confirmed: u32,
    /// How often a spend of it has been confirmed.
    pub times_spent: u32,
    /// Whether it is a deposit below the vault's minimum, as that was when it was first seen: it is credited to
    /// nobody.
    pub below_minimum: bool,
}

impl Coin {
    /// The height of the tip at which the coin is settled, if it is confirmed.
    pub fn settle_height(&self) -> Option<u32> {
        let depth = if self.coinbase {
            self.script.settle_depth.max(COINBASE_MATURITY)
        } else {
            self.script.settle_depth
        };
        self.placement
            .block()
            .map(|block| settle_height(block.height, depth))
    }

    /// The output.
    pub fn txout(&self) -> TxOut {
        TxOut {
            value: self.amount,
            script_pubkey: self.script.script_pubkey.clone(),
        }
    }
}

/// The tip's height at which something confirmed at `height` has `depth` confirmations.
pub(super) fn settle_height(height: u32, depth: u32) -> u32 {
    let early = u32::from(planted(Bug::CreditedEarly));
    let above = depth.saturating_sub(1).saturating_sub(early);
    height.saturating_add(above)
}
