//! What caused an entry, read from the text that is unique for ever.

use serde::{Deserialize, Serialize};
use watchtower::ledger::Account;

/// What stands before the cause of an entry that takes another one back.
const REVERSES: &str = "reverses:";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A deposit came into a block.
    DepositConfirmed,
    /// A deposit below the vault's minimum came into a block: it is credited to nobody.
    BelowMinimum,
    /// A deposit is as deep as the policy asks.
    DepositSettled,
    /// Change of ours came into a block.
    ChangeConfirmed,
    /// A coin came in before the books began, or was spent before: opening balance.
    Opening,
    /// A coin was spent in a block.
    CoinSpent,
    /// A withdrawal was paid in a block.
    WithdrawalPaid,
    /// A recovery left the vault.
    RecoveryPaid,
    /// A fee went to a miner.
    Fee,
    /// Something that is booked otherwise: its cause says what.
    Other,
}

impl What {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DepositConfirmed => "deposit confirmed",
            Self::BelowMinimum => "deposit below the minimum",
            Self::DepositSettled => "deposit settled",
            Self::ChangeConfirmed => "change confirmed",
            Self::Opening => "opening balance",
            Self::CoinSpent => "coin spent",
            Self::WithdrawalPaid => "withdrawal paid",
            Self::RecoveryPaid => "recovery paid",
            Self::Fee => "fee",
            Self::Other => "other entry",
        }
    }

    /// As files have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DepositConfirmed => "deposit_confirmed",
            Self::BelowMinimum => "below_minimum",
            Self::DepositSettled => "deposit_settled",
            Self::ChangeConfirmed => "change_confirmed",
            Self::Opening => "opening",
            Self::CoinSpent => "coin_spent",
            Self::WithdrawalPaid => "withdrawal_paid",
            Self::RecoveryPaid => "recovery_paid",
            Self::Fee => "fee",
            Self::Other => "other",
        }
    }
}

/// A cause in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What happened.
    pub what: What,
    /// Whether the entry takes an earlier one back.
    pub reverses: bool,
    /// The transaction.
    pub txid: Option<String>,
    /// Its output.
    pub output: Option<u32>,
    /// The block that had it.
    pub block: Option<String>,
    /// The withdrawal that was paid: requester, slash, id.
    pub withdrawal: Option<String>,
}

impl Cause {
    /// Reads a cause, as the watchtower's `tracker/posting` and the jobs' `bookings` write it; what cannot be read is
    /// [`What::Other`] and never lost, since the text itself stands beside it.
    pub fn of(text: &str, debit: &Account, credit: &Account) -> Self {
        let (reverses, text) = match text.strip_prefix(REVERSES) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let change = [debit, credit].contains(&&Account::Clearing);
        let opening = [debit, credit].contains(&&Account::Opening);
        let small = [debit, credit]
            .iter()
            .any(|account| matches!(account, Account::BelowMinimum(_)));
        let mut read = Self {
            what: What::Other,
            reverses,
            txid: None,
            output: None,
            block: None,
            withdrawal: None,
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (what, txid, output, block) = match parts.as_slice() {
            ["confirmed" | "spent", txid, output, block, _] if opening => {
                (What::Opening, txid, Some(output), block)
            }
            ["confirmed", txid, output, block, _] if change => {
                (What::ChangeConfirmed, txid, Some(output), block)
            }
            ["confirmed", txid, output, block, _] if small => {
                (What::BelowMinimum, txid, Some(output), block)
            }
            ["confirmed", txid, output, block, _] => {
                (What::DepositConfirmed, txid, Some(output), block)
            }
            ["settled", txid, output, block, _] => {
                (What::DepositSettled, txid, Some(output), block)
            }
            ["spent", txid, output, block, _] => (What::CoinSpent, txid, Some(output), block),
            ["recovery", txid, output, block, _] => (What::RecoveryPaid, txid, Some(output), block),
            ["fee", txid, block, _] => (What::Fee, txid, None, block),
            // An id may have colons of its own, a requester's name has none.
            ["payment", txid, requester, id @ .., block, _] if !id.is_empty() => {
                read.withdrawal = Some(format!("{requester}/{}", id.join(":")));
                (What::WithdrawalPaid, txid, None, block)
            }
            _ => return read,
        };
        read.what = what;
        read.txid = Some((*txid).to_owned());
        read.output = output.and_then(|output| output.parse().ok());
        read.block = Some((*block).to_owned());
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_read_in_its_parts() {
        let (coins, pending, clearing) =
            (Account::Coins, Account::DepositsPending, Account::Clearing);
        let read = |text: &str, debit: &Account, credit: &Account| {
            let cause = Cause::of(text, debit, credit);
            (
                cause.what,
                cause.reverses,
                cause.txid.unwrap_or_default(),
                cause.output,
                cause.block.unwrap_or_default(),
                cause.withdrawal.unwrap_or_default(),
            )
        };
        let is = |what, reverses, output, withdrawal: &str| {
            let (txid, block) = ("aa".to_owned(), "bb".to_owned());
            (what, reverses, txid, output, block, withdrawal.to_owned())
        };
        assert_eq!(
            read("confirmed:aa:1:bb:1", &coins, &pending),
            is(What::DepositConfirmed, false, Some(1), "")
        );
        assert_eq!(
            read("reverses:confirmed:aa:1:bb:1", &clearing, &coins),
            is(What::ChangeConfirmed, true, Some(1), "")
        );
        assert_eq!(
            read("spent:aa:0:bb:2", &clearing, &coins),
            is(What::CoinSpent, false, Some(0), "")
        );
        assert_eq!(
            read("confirmed:aa:0:bb:1", &coins, &Account::Opening),
            is(What::Opening, false, Some(0), "")
        );
        assert_eq!(
            read("reverses:spent:aa:0:bb:1", &coins, &Account::Opening),
            is(What::Opening, true, Some(0), "")
        );
        assert_eq!(
            read("payment:aa:exchange:w-1:2:bb:1", &coins, &clearing),
            is(What::WithdrawalPaid, false, None, "exchange/w-1:2")
        );
        assert_eq!(
            read("reverses:fee:aa:bb:1", &clearing, &coins),
            is(What::Fee, true, None, "")
        );
        assert_eq!(
            read("recovery:aa:3:bb:1", &coins, &clearing),
            is(What::RecoveryPaid, false, Some(3), "")
        );
        for other in ["", "payment:aa:exchange", "opening:aa", "fee:aa"] {
            assert_eq!(read(other, &coins, &pending).0, What::Other, "{other}");
        }
    }
}
