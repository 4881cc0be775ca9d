//! The accounts of a vault's books and the entries between them, as values.
//!
//! Every entry debits one account and credits another by the same amount, so the books balance by
//! construction. `coins` is what the vault holds on the chain; its debit balance equals the sum of
//! the confirmed unspent coins.

use std::fmt;
use std::str::FromStr;

use bitcoin::Amount;
use policies::VaultId;
use policies::planted::{Bug, planted};
use serde::{Deserialize, Serialize};

/// An account of a vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Confirmed unspent coins (an asset: debit is more).
    Coins,
    /// Deposits that are confirmed and not settled.
    DepositsPending,
    /// Settled deposits, by the external reference of the address if it has one.
    DepositsSettled(Option<String>),
    /// Deposits below the vault's minimum, by the external reference of the address if it has one: no customer's.
    BelowMinimum(Option<String>),
    /// What left as inputs and did not yet come back as change, payments and fees: zero once a
    /// transaction of ours is booked whole.
    Clearing,
    /// Payments to others, by the external reference of the withdrawal if it has one.
    Withdrawals(Option<String>),
    /// Fees paid to miners.
    Fees,
    /// What was there before this vault's books began: coins that blocks of history made, less those that
    /// blocks of history spent.
    Opening,
}

impl Account {
    /// Its kind, as stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Coins => "coins",
            Self::DepositsPending => "deposits_pending",
            Self::DepositsSettled(_) => "deposits_settled",
            Self::BelowMinimum(_) => "below_minimum",
            Self::Clearing => "clearing",
            Self::Withdrawals(_) => "withdrawals",
            Self::Fees => "fees",
            Self::Opening => "opening",
        }
    }

    /// The reference within its kind; empty for none.
    pub fn reference(&self) -> &str {
        match self {
            Self::DepositsSettled(Some(reference))
            | Self::BelowMinimum(Some(reference))
            | Self::Withdrawals(Some(reference)) => reference,
            Self::DepositsSettled(None)
            | Self::BelowMinimum(None)
            | Self::Withdrawals(None)
            | Self::Coins
            | Self::DepositsPending
            | Self::Clearing
            | Self::Fees
            | Self::Opening => "",
        }
    }

    /// The account of a stored kind and reference.
    pub fn from_parts(kind: &str, reference: &str) -> Option<Self> {
        let named = || (!reference.is_empty()).then(|| reference.to_owned());
        let plain = match kind {
            "deposits_settled" => return Some(Self::DepositsSettled(named())),
            "below_minimum" => return Some(Self::BelowMinimum(named())),
            "withdrawals" => return Some(Self::Withdrawals(named())),
            "coins" => Self::Coins,
            "deposits_pending" => Self::DepositsPending,
            "clearing" => Self::Clearing,
            "fees" => Self::Fees,
            "opening" => Self::Opening,
            _ => return None,
        };
        reference.is_empty().then_some(plain)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self.reference() {
            "" => Ok(()),
            reference => write!(f, "/{reference}"),
        }
    }
}

/// A text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no account of this name")]
pub struct UnknownAccount;

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        let (kind, reference) = text.split_once('/').unwrap_or((text, ""));
        Self::from_parts(kind, reference).ok_or(UnknownAccount)
    }
}

impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One entry to be made: debit one account, credit another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Whose books.
    pub vault: VaultId,
    /// What caused it, unique for ever: posting the same cause twice books it once.
    pub cause: String,
    /// The account debited.
    pub debit: Account,
    /// The account credited.
    pub credit: Account,
    /// The amount; an entry of zero is never made.
    pub amount: Amount,
}

impl Posting {
    /// The entry that takes this one back.
    #[must_use]
    pub fn reversed(self) -> Self {
        let (debit, credit) = if planted(Bug::NoReversal) {
            (self.debit, self.credit)
        } else {
            (self.credit, self.debit)
        };
        Self {
            vault: self.vault,
            cause: format!("reverses:{}", self.cause),
            debit,
            credit,
            amount: self.amount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_reads_back_from_its_name() {
        for account in [
            Account::Coins,
            Account::DepositsSettled(None),
            Account::DepositsSettled(Some("customer/17".to_owned())),
            Account::BelowMinimum(None),
            Account::BelowMinimum(Some("customer/17".to_owned())),
            Account::Withdrawals(None),
            Account::Withdrawals(Some("customer/17".to_owned())),
            Account::Fees,
            Account::Opening,
        ] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        "coins/x"
            .parse::<Account>()
            .expect_err("only deposits and withdrawals have references");
    }
}
