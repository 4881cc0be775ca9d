//! What a vault's books say of a period: opening, movements, closing. Pure: entries in, values and texts out.
//!
//! Invariant: nothing is in it but the ledger's entries of before the period's end, in the order of their numbers, so
//! that the same period gives the same bytes again, from either engine; the closing of one period is the opening of
//! the next; and every account closes at what it opened with and its movements, which [`Proof`] computes again.
//! A net is what was debited less what was credited.
#![deny(clippy::arithmetic_side_effects)]

pub mod cause;
pub mod csv;
pub mod hledger;
mod money;
pub mod period;
pub mod prices;
#[cfg(test)]
mod tests;
pub mod text;

use std::collections::BTreeMap;

use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use watchtower::ledger::Account;

pub use self::cause::{Cause, What};
pub use self::money::btc;
pub use self::period::Period;
pub use self::prices::Prices;

/// The books of a vault over a period: what each account opens and closes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub struct AccountStatement {
    /// The vault.
    #[cfg_attr(feature = "daemon", schema(value_type = String))]
    pub vault: VaultId,
    /// Its first moment (unix seconds).
    #[cfg_attr(feature = "daemon", schema(value_type = u64))]
    pub from: UnixTime,
    /// The first moment after it (unix seconds).
    #[cfg_attr(feature = "daemon", schema(value_type = u64))]
    pub until: UnixTime,
    /// Whether the period is not over, so that more may come.
    pub provisional: bool,
    /// How many movements it has.
    pub movements: u64,
    /// Each account with entries before its end, by name.
    pub accounts: Vec<AccountLine>,
}

/// An account over a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub struct AccountLine {
    /// The account.
    #[cfg_attr(feature = "daemon", schema(value_type = String))]
    pub account: Account,
    /// What it opens with: debits less credits before.
    pub opening_sat: i64,
    /// What it is debited within the period.
    pub debit_sat: u64,
    /// What it is credited within the period.
    pub credit_sat: u64,
    /// What it closes with: debits less credits up to its end.
    pub closing_sat: i64,
}

/// An external reference over a period: what came in under it, what was paid out, and the difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceLine {
    /// Deposits less payments before.
    pub opening_sat: i64,
    /// Deposits settled within the period, less what reorgs took back.
    pub deposits_sat: i64,
    /// Paid out within the period, less what reorgs took back.
    pub payments_sat: i64,
    /// Deposits less payments up to its end.
    pub closing_sat: i64,
}

/// An entry of the books within a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "daemon", derive(utoipa::ToSchema))]
pub struct Movement {
    /// The number of the entry.
    pub number: u64,
    /// When it was made (unix seconds).
    #[cfg_attr(feature = "daemon", schema(value_type = u64))]
    pub at: UnixTime,
    /// The account debited.
    #[cfg_attr(feature = "daemon", schema(value_type = String))]
    pub debit: Account,
    /// The account credited.
    #[cfg_attr(feature = "daemon", schema(value_type = String))]
    pub credit: Account,
    /// The amount.
    pub amount_sat: u64,
    /// What happened.
    pub what: What,
    /// Whether it takes an earlier entry back, since a reorg took its block.
    pub reverses: bool,
    /// The transaction.
    pub txid: Option<String>,
    /// Its output.
    pub output: Option<u32>,
    /// The block that had it.
    pub block: Option<String>,
    /// The withdrawal that was paid: requester, slash, id.
    pub withdrawal: Option<String>,
    /// What caused the entry, unique for ever.
    pub cause: String,
}

impl Movement {
    /// The movement that an entry is.
    pub fn of(
        number: u64,
        at: UnixTime,
        (debit, credit): (Account, Account),
        amount_sat: u64,
        cause: String,
    ) -> Self {
        let read = Cause::of(&cause, &debit, &credit);
        Self {
            number,
            at,
            debit,
            credit,
            amount_sat,
            what: read.what,
            reverses: read.reverses,
            txid: read.txid,
            output: read.output,
            block: read.block,
            withdrawal: read.withdrawal,
            cause,
        }
    }

    /// What happened, in words; what a reorg took back is named as such.
    pub fn words(&self) -> String {
        if self.reverses {
            format!("reversed by a reorg: {}", self.what.words())
        } else {
            self.what.words().to_owned()
        }
    }
}

impl AccountStatement {
    /// Each external reference with deposits or payments, by name; what bears none stands under the empty one.
    pub fn references(&self) -> BTreeMap<String, ReferenceLine> {
        let mut lines: BTreeMap<String, ReferenceLine> = BTreeMap::new();
        for line in &self.accounts {
            let (Account::DepositsSettled(reference) | Account::Withdrawals(reference)) =
                &line.account
            else {
                continue;
            };
            let known = lines
                .entry(reference.clone().unwrap_or_default())
                .or_default();
            // What the vault owes is credited.
            known.opening_sat = known.opening_sat.saturating_sub(line.opening_sat);
            known.closing_sat = known.closing_sat.saturating_sub(line.closing_sat);
            let moved = line.moved();
            if matches!(line.account, Account::Withdrawals(_)) {
                known.payments_sat = known.payments_sat.saturating_add(moved);
            } else {
                known.deposits_sat = known.deposits_sat.saturating_sub(moved);
            }
        }
        lines
    }

    /// Whether it is final, in one word.
    pub fn state(&self) -> &'static str {
        if self.provisional {
            "provisional"
        } else {
            "final"
        }
    }
}

impl AccountLine {
    /// What moved within the period: debits less credits.
    pub fn moved(&self) -> i64 {
        signed(self.debit_sat).saturating_sub(signed(self.credit_sat))
    }
}

fn signed(sat: u64) -> i64 {
    i64::try_from(sat).unwrap_or(i64::MAX)
}

/// A way to write a statement down: what stands above the movements, each of them, and what stands below.
pub trait Layout {
    /// What stands above the movements.
    fn begin(&mut self, statement: &AccountStatement) -> String;
    /// A movement.
    fn movement(&mut self, movement: &Movement) -> String;
    /// What stands below the movements.
    fn end(&mut self, statement: &AccountStatement) -> String;
}

/// Computes a statement again from its movements: each account must close at what it opened with and what moved it,
/// and debits must equal credits.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    moved: BTreeMap<Account, (u64, u64)>,
    seen: u64,
    last: Option<u64>,
}

/// What does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// An account does not close at what it opened with and what moved it.
    #[error(
        "{account} opens with {opening_sat} sat, is moved by {moved_sat} sat and is said to close with {closing_sat} sat"
    )]
    Account {
        /// The account.
        account: Account,
        /// What it opens with.
        opening_sat: i64,
        /// What its movements come to.
        moved_sat: i64,
        /// What it is said to close with.
        closing_sat: i64,
    },
    /// There are more or fewer movements than are said.
    #[error("{seen} movements were read, {said} are said")]
    Movements {
        /// How many were read.
        seen: u64,
        /// How many are said.
        said: u64,
    },
    /// Movements that are not in the order of their numbers.
    #[error("movement {number} came after {last}")]
    Order {
        /// The number that came too late.
        number: u64,
        /// The one before.
        last: u64,
    },
    /// The books are not even.
    #[error("all accounts together come to {net_sat} sat, and must come to nothing")]
    Uneven {
        /// What all accounts come to.
        net_sat: i64,
    },
}

impl Proof {
    /// Takes a movement in.
    ///
    /// # Errors
    /// [`Unproven::Order`] if its number is not above the one before.
    pub fn take(&mut self, movement: &Movement) -> Result<(), Unproven> {
        if let Some(last) = self.last.filter(|last| *last >= movement.number) {
            return Err(Unproven::Order {
                number: movement.number,
                last,
            });
        }
        self.last = Some(movement.number);
        self.seen = self.seen.saturating_add(1);
        let debited = self.moved.entry(movement.debit.clone()).or_default();
        debited.0 = debited.0.saturating_add(movement.amount_sat);
        let credited = self.moved.entry(movement.credit.clone()).or_default();
        credited.1 = credited.1.saturating_add(movement.amount_sat);
        Ok(())
    }

    /// Judges a statement by the movements that were taken in.
    ///
    /// # Errors
    /// What does not add up.
    pub fn judge(&self, statement: &AccountStatement) -> Result<(), Unproven> {
        if self.seen != statement.movements {
            return Err(Unproven::Movements {
                seen: self.seen,
                said: statement.movements,
            });
        }
        let mut moved = self.moved.clone();
        let (mut opening, mut closing) = (0_i64, 0_i64);
        for line in &statement.accounts {
            let (debit, credit) = moved.remove(&line.account).unwrap_or_default();
            let net = signed(debit).saturating_sub(signed(credit));
            if (debit, credit) != (line.debit_sat, line.credit_sat)
                || line.opening_sat.checked_add(net) != Some(line.closing_sat)
            {
                return Err(Unproven::Account {
                    account: line.account.clone(),
                    opening_sat: line.opening_sat,
                    moved_sat: net,
                    closing_sat: line.closing_sat,
                });
            }
            opening = opening.saturating_add(line.opening_sat);
            closing = closing.saturating_add(line.closing_sat);
        }
        if let Some((account, (debit, credit))) = moved.into_iter().next() {
            return Err(Unproven::Account {
                account,
                opening_sat: 0,
                moved_sat: signed(debit).saturating_sub(signed(credit)),
                closing_sat: 0,
            });
        }
        match (opening, closing) {
            (0, 0) => Ok(()),
            (0, net_sat) | (net_sat, _) => Err(Unproven::Uneven { net_sat }),
        }
    }
}
