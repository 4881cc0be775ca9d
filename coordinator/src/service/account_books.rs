//! The books by account and by external reference: what they come to now, and what they say of a period.
//!
//! Invariant: what is settled, paid, charged and taken back is read from the ledger; what is not an entry of it yet
//! (seen, reserved, in flight) is derived at the moment of asking and kept nowhere, so that there is no second ledger.

use std::collections::BTreeMap;

use bitcoin::{Amount, SignedAmount};
use policies::{UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::ledger::Account;
use watchtower::store::database::Transaction;
use watchtower::store::ledger::{self, Balance, Sums};
use watchtower::store::totals;

use super::books::begin;
use super::error::BooksError;
use super::{Actor, MAX_LIMIT, Service, ServiceError};
use crate::account_statement::{AccountLine, AccountStatement, Movement, Period};
use crate::session::withdrawal::WithdrawalState;
use crate::store::{addresses, reservations, withdrawals};

/// What the books of a vault, or of one external reference in it, come to at the moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct BookView {
    /// The reference, where one was asked for.
    pub reference: Option<String>,
    /// Deposits seen in the mempool.
    pub unconfirmed_sat: u64,
    /// Deposits in a block that are not settled.
    pub pending_sat: u64,
    /// Settled deposits, of all time.
    pub settled_sat: i64,
    /// Deposits below the vault's minimum, of all time: they are credited to nobody.
    pub below_minimum_sat: i64,
    /// Paid out in blocks, of all time.
    pub paid_sat: i64,
    /// Settled deposits less what was paid out.
    pub balance_sat: i64,
    /// Withdrawals that are requested or approved and that no batch holds.
    pub requested_sat: u64,
    /// Withdrawals in a batch whose transaction is not sent.
    pub reserved_sat: u64,
    /// Withdrawals whose transaction is sent or in a block, and not settled.
    pub in_flight_sat: u64,
    /// How many entries take another one back.
    pub reversals: u64,
    /// What those entries come to.
    pub reversed_sat: u64,
    /// What only the whole vault has.
    pub vault: Option<WholeBookView>,
}

/// What only a whole vault has, and no reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WholeBookView {
    /// What the vault holds in confirmed unspent coins.
    pub held_sat: i64,
    /// Fees paid to miners, of all time.
    pub fees_sat: i64,
    /// Change on its way back: in mempool or chain, and not settled.
    pub change_sat: u64,
    /// Settled coins that open batches hold.
    pub reserved_coins_sat: u64,
    /// What left as inputs and is not booked whole: nothing, but for a moment.
    pub clearing_sat: i64,
    /// Each external reference with deposits or payments, by name.
    pub references: Vec<ReferenceView>,
}

/// What the ledger says of an external reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReferenceView {
    /// The reference; empty for whatever bears none.
    pub reference: String,
    /// Settled deposits, of all time.
    pub settled_sat: i64,
    /// Paid out in blocks, of all time.
    pub paid_sat: i64,
    /// Settled deposits less what was paid out.
    pub balance_sat: i64,
}

/// What the books of a vault come to at the moment, or of one reference in it.
///
/// # Errors
/// `VaultError::UnknownVault`; [`BooksError::UnknownReference`] where nothing ever bore it.
pub async fn show_book(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    reference: Option<&str>,
) -> Result<BookView, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let balances = ledger::balances(&mut tx, vault).await?;
    let of = |wanted: fn(&Account) -> bool| {
        let these = balances.iter().filter(|one| wanted(&one.account));
        let these =
            these.filter(|one| reference.is_none_or(|name| one.account.reference() == name));
        net(these)
    };
    let settled = of(|account| matches!(account, Account::DepositsSettled(_))).saturating_neg();
    let small = of(|account| matches!(account, Account::BelowMinimum(_))).saturating_neg();
    let paid = of(|account| matches!(account, Account::Withdrawals(_)));
    let seen = totals::unsettled_deposits(&mut tx, vault, reference).await?;
    let (reversals, reversed) = ledger::reversals(&mut tx, vault, reference).await?;
    let mut view = BookView {
        reference: reference.map(str::to_owned),
        unconfirmed_sat: seen.unconfirmed.to_sat(),
        pending_sat: seen.confirmed.to_sat(),
        settled_sat: settled,
        below_minimum_sat: small,
        paid_sat: paid,
        balance_sat: settled.saturating_sub(paid),
        requested_sat: 0,
        reserved_sat: 0,
        in_flight_sat: 0,
        reversals,
        reversed_sat: reversed.to_sat(),
        vault: None,
    };
    add_open(&mut tx, vault, &mut view).await?;
    let Some(reference) = reference else {
        view.vault = Some(WholeBookView {
            held_sat: of(|account| *account == Account::Coins),
            fees_sat: of(|account| *account == Account::Fees),
            change_sat: totals::unsettled_change(&mut tx, vault).await?.to_sat(),
            reserved_coins_sat: reservations::reserved_settled(&mut tx, vault, row.keychain)
                .await?
                .to_sat(),
            clearing_sat: of(|account| *account == Account::Clearing),
            references: references(&balances),
        });
        return Ok(view);
    };
    let nothing = BookView {
        reference: view.reference.clone(),
        ..BookView::default()
    };
    let known = (balances.iter()).any(|one| one.account.reference() == reference);
    if view == nothing && !known {
        let issued = addresses::bears_reference(&mut tx, vault, reference).await?;
        if !issued {
            return Err(BooksError::UnknownReference {
                reference: reference.chars().take(80).collect(),
            }
            .into());
        }
    }
    Ok(view)
}

/// Adds what is asked for, held and on its way, from the withdrawals that are open now.
async fn add_open(
    tx: &mut Transaction,
    vault: VaultId,
    view: &mut BookView,
) -> Result<(), ServiceError> {
    for row in withdrawals::open(tx, vault).await? {
        let is_it = (view.reference.as_ref()).is_none_or(|name| row.intent.reference == *name);
        if !is_it {
            continue;
        }
        let sum = match row.state {
            WithdrawalState::Requested | WithdrawalState::Approved { .. } => {
                &mut view.requested_sat
            }
            WithdrawalState::Batched { .. } | WithdrawalState::Signing { .. } => {
                &mut view.reserved_sat
            }
            WithdrawalState::Broadcast { .. } | WithdrawalState::Confirmed { .. } => {
                &mut view.in_flight_sat
            }
            WithdrawalState::Rejected { .. }
            | WithdrawalState::Expired
            | WithdrawalState::Cancelled
            | WithdrawalState::Settled { .. }
            | WithdrawalState::Failed { .. } => continue,
        };
        *sum = sum.saturating_add(row.intent.amount.to_sat());
    }
    Ok(())
}

/// Debits less credits of some accounts.
fn net<'a>(balances: impl Iterator<Item = &'a Balance>) -> i64 {
    balances
        .map(Balance::net)
        .try_fold(SignedAmount::ZERO, SignedAmount::checked_add)
        .unwrap_or(SignedAmount::MAX)
        .to_sat()
}

fn references(balances: &[Balance]) -> Vec<ReferenceView> {
    let mut known = BTreeMap::<&str, (i64, i64)>::new();
    for balance in balances {
        let sum = known.entry(balance.account.reference());
        match &balance.account {
            Account::DepositsSettled(_) => {
                let sum = sum.or_default();
                sum.0 = sum.0.saturating_sub(balance.net().to_sat());
            }
            Account::Withdrawals(_) => {
                let sum = sum.or_default();
                sum.1 = sum.1.saturating_add(balance.net().to_sat());
            }
            Account::Coins
            | Account::DepositsPending
            | Account::Clearing
            | Account::Fees
            | Account::Opening
            | Account::BelowMinimum(_) => {}
        }
    }
    let view = |(reference, (settled, paid)): (&str, (i64, i64))| ReferenceView {
        reference: reference.to_owned(),
        settled_sat: settled,
        paid_sat: paid,
        balance_sat: settled.saturating_sub(paid),
    };
    known.into_iter().map(view).collect()
}

/// The period that is asked for: from a month or day, up to and with another one; the month before this one unless
/// told.
///
/// # Errors
/// [`BooksError::Period`] where a text is none.
pub(crate) fn period_of(
    service: &Service,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Period, ServiceError> {
    let named = |text: Option<&str>| {
        text.map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let from = named(from).unwrap_or_else(|| Period::month_before(service.now()));
    let to = named(to);
    Ok(Period::parse(&from, to.as_deref()).map_err(BooksError::Period)?)
}

/// What the books of a vault say of a period, movements left out.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_statement(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    period: Period,
) -> Result<AccountStatement, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let now = service.now();
    read_statement(&mut tx, vault, period, now).await
}

pub(crate) async fn read_statement(
    tx: &mut Transaction,
    vault: VaultId,
    period: Period,
    now: UnixTime,
) -> Result<AccountStatement, ServiceError> {
    let sums = ledger::sums(tx, vault, period.from, period.until).await?;
    Ok(AccountStatement {
        vault,
        from: period.from,
        until: period.until,
        provisional: !period.is_over(now),
        movements: ledger::count_between(tx, vault, period.from, period.until).await?,
        accounts: sums.into_iter().map(line).collect(),
    })
}

fn line(sums: Sums) -> AccountLine {
    let signed = |amount: Amount| i64::try_from(amount.to_sat()).unwrap_or(i64::MAX);
    let opening_sat = signed(sums.debit_before).saturating_sub(signed(sums.credit_before));
    let moved = signed(sums.debit).saturating_sub(signed(sums.credit));
    AccountLine {
        account: sums.account,
        opening_sat,
        debit_sat: sums.debit.to_sat(),
        credit_sat: sums.credit.to_sat(),
        closing_sat: opening_sat.saturating_add(moved),
    }
}

/// The movements of a vault in a period after a number, in order.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_movements(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    period: Period,
    after: u64,
    limit: Option<u32>,
) -> Result<Vec<Movement>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    read_movements(&mut tx, vault, period, after, limit).await
}

pub(crate) async fn read_movements(
    tx: &mut Transaction,
    vault: VaultId,
    period: Period,
    after: u64,
    limit: u32,
) -> Result<Vec<Movement>, ServiceError> {
    let span = (period.from, period.until);
    let after = after.min(u64::MAX / 2);
    let entries = ledger::between(tx, vault, span, after, limit).await?;
    let movement = |entry: ledger::Entry| {
        let accounts = (entry.debit, entry.credit);
        Movement::of(
            entry.number,
            entry.at,
            accounts,
            entry.amount.to_sat(),
            entry.cause,
        )
    };
    Ok(entries.into_iter().map(movement).collect())
}
