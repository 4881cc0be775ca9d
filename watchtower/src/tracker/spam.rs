//! Deposits that somebody sends to be a nuisance: what a vault says of them, floods of small ones, and those to scripts
//! that should be paid no more. Pure.
//!
//! Invariant: a flood is told of once, however many deposits it has.

use std::collections::BTreeMap;
use std::fmt;

use bitcoin::{Amount, OutPoint};
use policies::{Keychain, VaultId};

use super::{Change, Coin};

/// Below this a deposit is small whatever a vault says: at 10 sat/vB it costs about what it brings.
const ALWAYS_SMALL: Amount = Amount::from_sat(1_000);

/// What a vault says of deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositRule {
    /// Below this a deposit is credited to nobody.
    pub minimum: Amount,
    /// Small deposits in one block from which there is an alarm; at least 1.
    pub flood: u32,
    /// Whether coins that pay a script again are frozen.
    pub freeze_reuse: bool,
}

impl DepositRule {
    /// What holds where nothing was said.
    pub const DEFAULT: Self = Self {
        minimum: Amount::ZERO,
        flood: 20,
        freeze_reuse: false,
    };

    /// Whether a deposit counts towards a flood.
    fn is_small(&self, amount: Amount) -> bool {
        amount < self.minimum.max(ALWAYS_SMALL)
    }
}

/// Very many small deposits to a vault in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many.
    pub count: u32,
    /// What they hold.
    pub sum: Amount,
    /// The height of the block.
    pub height: u32,
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} small deposits of {} sat together came in block {}",
            self.count,
            self.sum.to_sat(),
            self.height
        )
    }
}

/// The floods among what a block changed, by vault.
pub fn floods(
    changes: &[Change],
    rule_of: impl Fn(VaultId) -> DepositRule,
) -> BTreeMap<VaultId, Flood> {
    let mut found: BTreeMap<VaultId, Flood> = BTreeMap::new();
    for (coin, height) in changes.iter().filter_map(deposited) {
        if rule_of(coin.script.vault).is_small(coin.amount) {
            let flood = found.entry(coin.script.vault).or_insert(Flood {
                count: 0,
                sum: Amount::ZERO,
                height,
            });
            flood.count = flood.count.saturating_add(1);
            flood.sum = (flood.sum.checked_add(coin.amount)).unwrap_or(Amount::MAX_MONEY);
        }
    }
    found.retain(|vault, flood| flood.count >= rule_of(*vault).flood);
    found
}

/// A deposit that a block brought, and the block's height; history is none.
pub fn deposited(change: &Change) -> Option<(&Coin, u32)> {
    match change {
        Change::CoinConfirmed { coin, block }
            if !coin.change && !coin.script.is_history(*block) =>
        {
            Some((coin, block.height))
        }
        Change::CoinConfirmed { .. }
        | Change::CoinSeen { .. }
        | Change::CoinSettled { .. }
        | Change::CoinReversed { .. }
        | Change::CoinDropped { .. }
        | Change::CoinReplaced { .. }
        | Change::SpendUnknown { .. }
        | Change::SpendSeen { .. }
        | Change::SpendConfirmed { .. }
        | Change::SpendSettled { .. }
        | Change::SpendReorged { .. }
        | Change::SpendDropped { .. } => None,
    }
}

/// Why a deposit should not have gone where it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Its script was spent from in an earlier block: its keys are shown, and what is paid to it is tied together.
    SpentFrom,
    /// Its script is for change, and somebody else pays it.
    Change,
}

impl Reuse {
    /// Of a deposit in a block, given the height of the first block that spent from its script, if one did.
    pub fn of(coin: &Coin, height: u32, first_spent: Option<u32>) -> Option<Self> {
        if coin.script.keychain == Keychain::Internal {
            return Some(Self::Change);
        }
        (first_spent.is_some_and(|spent| spent < height)).then_some(Self::SpentFrom)
    }

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SpentFrom => "spent_from",
            Self::Change => "change",
        }
    }

    /// The reuse of a stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::SpentFrom, Self::Change]
            .into_iter()
            .find(|reuse| reuse.code() == code)
    }

    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::SpentFrom => "it pays an address that was spent from before",
            Self::Change => "somebody else pays an address that is for change",
        }
    }
}

/// The deposits of a block that went to a vault's scripts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reused {
    /// How many.
    pub count: u32,
    /// The first of them.
    pub first: OutPoint,
    /// What is said of the first.
    pub reuse: Reuse,
    /// The height of the block.
    pub height: u32,
}

impl fmt::Display for Reused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, says, height) = (self.first, self.reuse.says(), self.height);
        match self.count {
            1 => write!(f, "of the deposit {first} in block {height}: {says}"),
            many => write!(
                f,
                "of {many} deposits in block {height}, the first {first}: {says}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;
    use bitcoin::{BlockHash, ScriptBuf, Txid};
    use policies::Keyset;

    use super::super::{BlockRef, Placement, WatchedScript};
    use super::*;

    fn block() -> BlockRef {
        BlockRef {
            height: 102,
            hash: BlockHash::from_byte_array([2; 32]),
        }
    }

    fn coin(vault: u8, vout: u32, sat: u64) -> Coin {
        Coin {
            outpoint: OutPoint::new(Txid::from_byte_array([1; 32]), vout),
            script: WatchedScript {
                script_pubkey: ScriptBuf::new(),
                vault: VaultId::from_bytes([vault; 32]),
                keyset: Keyset::from_bytes([vault; 32]),
                keychain: Keychain::External,
                index: vout,
                settle_depth: 3,
                reference: None,
                history_until: None,
            },
            amount: Amount::from_sat(sat),
            coinbase: false,
            change: false,
            placement: Placement::Confirmed(block()),
            settled: false,
            spent_by: None,
            spent_in: None,
            times_confirmed: 1,
            times_spent: 0,
            below_minimum: false,
        }
    }

    fn confirmed(coin: Coin) -> Change {
        Change::CoinConfirmed {
            coin,
            block: block(),
        }
    }

    #[test]
    fn many_small_deposits_in_a_block_are_one_flood_of_each_vault() {
        let rule = |vault: VaultId| DepositRule {
            minimum: Amount::from_sat(if vault == VaultId::from_bytes([1; 32]) {
                5_000
            } else {
                0
            }),
            flood: 3,
            ..DepositRule::DEFAULT
        };
        let mut changes: Vec<Change> = (0..3).map(|vout| confirmed(coin(1, vout, 4_999))).collect();
        // At the minimum it is not small, change and history are no deposits, and the other vault has two only.
        changes.push(confirmed(coin(1, 3, 5_000)));
        let mut change = coin(1, 4, 500);
        change.change = true;
        let mut history = coin(1, 5, 500);
        history.script.history_until = Some(102);
        changes.extend([change, history, coin(2, 6, 999), coin(2, 7, 999)].map(confirmed));
        changes.push(confirmed(coin(2, 8, 1_000)));
        let found = floods(&changes, rule);
        let flood = Flood {
            count: 3,
            sum: Amount::from_sat(14_997),
            height: 102,
        };
        assert_eq!(
            found,
            BTreeMap::from([(VaultId::from_bytes([1; 32]), flood)])
        );
        changes.push(Change::CoinSeen {
            coin: coin(2, 9, 1),
        });
        assert_eq!(floods(&changes, rule).len(), 1, "only blocks count");
        changes.push(confirmed(coin(2, 9, 1)));
        assert_eq!(floods(&changes, rule).len(), 2);
    }

    #[test]
    fn a_deposit_to_a_script_that_was_spent_from_or_is_for_change_is_paid_again() {
        let deposit = coin(1, 0, 50_000);
        assert_eq!(Reuse::of(&deposit, 102, None), None);
        assert_eq!(Reuse::of(&deposit, 102, Some(102)), None, "not before");
        assert_eq!(Reuse::of(&deposit, 102, Some(101)), Some(Reuse::SpentFrom));
        let mut outside = deposit;
        outside.script.keychain = Keychain::Internal;
        assert_eq!(Reuse::of(&outside, 102, None), Some(Reuse::Change));
        for reuse in [Reuse::SpentFrom, Reuse::Change] {
            assert_eq!(Reuse::from_code(reuse.code()), Some(reuse));
        }
    }
}
