//! What is refused about spends to ourselves, and recoveries.

use bitcoin::{Amount, OutPoint};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about spends to ourselves, and recoveries.
#[derive(Debug, thiserror::Error)]
pub enum OwnSpendError {
    /// A coin of an attempt is not known any more.
    #[error("the coin {outpoint} is not known")]
    UnknownCoin {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A coin that was named is spent, not settled, or not the vault's.
    #[error("the coin {outpoint} is not a settled unspent coin of the vault")]
    CoinNotSettled {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A coin that was named is held by another batch.
    #[error("the coin {outpoint} is held by an open batch")]
    CoinReserved {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A coin that was named is frozen.
    #[error("the coin {outpoint} is frozen: {reason}")]
    CoinFrozen {
        /// The coin.
        outpoint: OutPoint,
        /// Why, in the words of who froze it.
        reason: String,
    },
    /// A coin that was named is not old enough for the recovery path.
    #[error(
        "the coin {outpoint} can be recovered from height {height} on, after {older} blocks; the next block is {next}"
    )]
    CoinTooYoung {
        /// The coin.
        outpoint: OutPoint,
        /// The blocks that the path demands.
        older: u16,
        /// The first block that may hold it.
        height: u32,
        /// The next block.
        next: u32,
    },
    /// No free coin is old enough for the recovery path.
    #[error("no free coin can be recovered in the next block{}", .from.map_or_else(String::new, |height| format!("; the first one from height {height} on")))]
    NothingToRecover {
        /// The first block that may hold a recovery, if there is any coin.
        from: Option<u32>,
    },
    /// The vault's descriptor has no such recovery path.
    #[error("the vault has no recovery path {}", .older.map_or_else(|| "at all".to_owned(), |older| format!("after {older} blocks")))]
    NoRecoveryPath {
        /// The age asked for.
        older: Option<u16>,
    },
    /// No coin is free to be spent.
    #[error("no settled coin of the vault is free")]
    NothingToSpend,
    /// Fewer coins are free than a consolidation joins.
    #[error("{found} free coins pay for themselves, a consolidation joins at least 2")]
    NothingToConsolidate {
        /// How many there are.
        found: usize,
    },
    /// The budget of spends to ourselves is used up, and nobody can approve more.
    #[error(
        "{fees} in {count} spends to ourselves are beyond the budget, and the policy names nobody for maintenance"
    )]
    SelfSpendBudget {
        /// The fees in the window, this one included.
        fees: Amount,
        /// The number in the window, this one included.
        count: u32,
    },
}

impl OwnSpendError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownCoin { .. } => (
                "unknown_coin",
                Class::Conflict,
                "`coin list` names the coins; write one as TXID:OUTPUT",
            ),
            Self::CoinNotSettled { .. } => (
                "coin_not_settled",
                Class::Conflict,
                "wait until it is settled, or name another coin",
            ),
            Self::CoinReserved { .. } => (
                "coin_reserved",
                Class::Conflict,
                "wait until the batch that holds it is settled, or name another coin",
            ),
            Self::CoinFrozen { .. } => (
                "coin_frozen",
                Class::Conflict,
                "name another coin; `coin thaw` lets it be spent again once the reason is gone",
            ),
            Self::CoinTooYoung { .. } => (
                "coin_too_young",
                Class::Conflict,
                "wait for the height named, or name an older coin",
            ),
            Self::NothingToRecover { .. } => (
                "nothing_to_recover",
                Class::Conflict,
                "wait for the height named; `recovery preview` shows all coins",
            ),
            Self::NoRecoveryPath { .. } => (
                "no_recovery_path",
                Class::Refused,
                "`policy show` lists the paths of the descriptor with their timelocks",
            ),
            Self::NothingToSpend => (
                "nothing_to_spend",
                Class::Conflict,
                "wait until coins settle or come free",
            ),
            Self::NothingToConsolidate { .. } => (
                "nothing_to_consolidate",
                Class::Conflict,
                "wait for more coins, or give a lower feerate",
            ),
            Self::SelfSpendBudget { .. } => (
                "self_spend_budget",
                Class::Refused,
                "wait until the window has passed, or raise the budget in a new policy version",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::CoinNotSettled { outpoint } | Self::CoinReserved { outpoint } => {
                json!({ "coin": outpoint.to_string() })
            }
            Self::CoinFrozen { outpoint, reason } => {
                json!({ "coin": outpoint.to_string(), "reason": reason })
            }
            Self::CoinTooYoung {
                outpoint,
                older,
                height,
                next,
            } => json!({
                "coin": outpoint.to_string(),
                "older": older,
                "from_height": height,
                "next_height": next,
            }),
            Self::NothingToRecover { from } => json!({ "from_height": from }),
            Self::SelfSpendBudget { fees, count } => {
                json!({ "fees_sat": fees.to_sat(), "count": count })
            }
            Self::UnknownCoin { .. }
            | Self::NoRecoveryPath { .. }
            | Self::NothingToSpend
            | Self::NothingToConsolidate { .. } => Value::Null,
        }
    }
}
