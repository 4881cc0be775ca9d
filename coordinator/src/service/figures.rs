//! What vaults hold, in few numbers and over time: for pages and their charts. Whole satoshi and whole days.
//!
//! Every sum is made by the database over what is open, or over the days that are asked for.

use bitcoin::{Amount, FeeRate, Txid};
use policies::{RequesterName, UnixTime, VaultId, WithdrawalId};
use watchtower::ledger::Account;
use watchtower::store::database::Transaction;
use watchtower::store::{ledger, totals};

use super::{Actor, Right, Service, ServiceError};
use crate::store::vaults::{self, VaultRow};
use crate::store::{attempts, reservations, unsettled, withdrawals};

/// The seconds of a day.
const DAY: u64 = 86_400;
/// The most attempts of a chart.
const MOST_DOTS: u32 = 500;

/// What a vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The vault.
    pub vault: VaultId,
    /// Its name.
    pub name: String,
    /// Settled coins of the newest keyset that nothing spends.
    pub settled: Amount,
    /// Deposits that are seen and not settled.
    pub pending: Amount,
    /// Of the settled coins, what open batches hold.
    pub reserved: Amount,
    /// Withdrawals whose transaction is sent and not settled.
    pub in_flight: Amount,
    /// Requested and approved withdrawals, which no batch holds coins for yet.
    pub promised: Amount,
    /// What a new withdrawal may ask for.
    pub available: Amount,
    /// The withdrawal that waits longest to be settled.
    pub oldest: Option<Oldest>,
}

/// The withdrawal that waits longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oldest {
    /// The requester's name.
    pub requester: RequesterName,
    /// The requester's id.
    pub id: WithdrawalId,
    /// The amount.
    pub amount: Amount,
    /// The name of its state.
    pub state: &'static str,
    /// When it came in.
    pub since: UnixTime,
}

/// How far back a chart goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Span {
    /// 7 days.
    Week,
    /// 30 days.
    #[default]
    Month,
    /// 90 days.
    Quarter,
}

impl Span {
    /// All, the shortest first.
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    /// Its days.
    pub const fn days(self) -> u64 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// The span of so many days.
    pub fn of_days(text: &str) -> Option<Self> {
        (Self::ALL.into_iter()).find(|span| span.days().to_string() == text)
    }
}

/// A number of one day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfDay {
    /// The day: whole days since 1970-01-01.
    pub day: u64,
    /// Satoshi.
    pub sat: i64,
}

/// What an attempt pays a virtual byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// The attempt.
    pub txid: Txid,
    /// When it was issued.
    pub at: UnixTime,
    /// Its feerate.
    pub feerate: FeeRate,
}

/// A vault over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What the vault held at the end of each day, oldest first; the last one is now.
    pub balance: Vec<OfDay>,
    /// The fees that were booked on each day.
    pub fees: Vec<OfDay>,
    /// The feerates of what was issued.
    pub feerates: Vec<Paid>,
    /// The policy's highest feerate.
    pub cap: FeeRate,
}

/// What the vaults hold that the actor sees.
///
/// # Errors
/// On a database failure.
pub async fn all_figures(service: &Service, actor: &Actor) -> Result<Vec<Figures>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let mut all = Vec::new();
    for vault in vaults::list(&mut tx).await? {
        if actor.vault.is_none_or(|own| own == vault.id) {
            all.push(read(&mut tx, &vault).await?);
        }
    }
    Ok(all)
}

/// What one vault holds.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn figures(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Figures, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    read(&mut tx, &row).await
}

async fn read(tx: &mut Transaction, vault: &VaultRow) -> Result<Figures, ServiceError> {
    let settled = totals::settled(tx, vault.id, vault.keychain).await?;
    let reserved = reservations::reserved_settled(tx, vault.id, vault.keychain).await?;
    let promised = withdrawals::promised(tx, vault.id).await?;
    let free = settled.checked_sub(reserved).unwrap_or(Amount::ZERO);
    let oldest = unsettled::oldest_open(tx, vault.id).await?;
    Ok(Figures {
        vault: vault.id,
        name: vault.name.clone(),
        settled,
        reserved,
        promised,
        pending: totals::pending(tx, vault.id).await?,
        in_flight: unsettled::in_flight(tx, vault.id).await?,
        available: free.checked_sub(promised).unwrap_or(Amount::ZERO),
        oldest: oldest.map(|row| Oldest {
            state: row.state.name(),
            requester: row.key.requester,
            id: row.key.id,
            amount: row.intent.amount,
            since: row.submitted_at,
        }),
    })
}

/// A vault over time. The balance is what the coins in blocks come to now, and before each day what the books say
/// that was moved since.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn series(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    span: Span,
) -> Result<Series, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let today = service.now().as_secs() / DAY;
    let first = today.saturating_sub(span.days().saturating_sub(1));
    let since = UnixTime::from_secs(first.saturating_mul(DAY));
    let held = totals::confirmed(&mut tx, vault).await?;
    let moved = moved(&mut tx, vault, &Account::Coins, since).await?;
    let paid = attempts::feerates_since(&mut tx, vault, since, MOST_DOTS).await?;
    Ok(Series {
        balance: walk_back(first, today, signed(held), &moved),
        fees: every_day(
            first,
            today,
            &self::moved(&mut tx, vault, &Account::Fees, since).await?,
        ),
        feerates: (paid.into_iter())
            .map(|one| Paid {
                txid: one.txid,
                at: one.at,
                feerate: one.feerate,
            })
            .collect(),
        cap: policy.limits.feerate_max,
    })
}

async fn moved(
    tx: &mut Transaction,
    vault: VaultId,
    account: &Account,
    since: UnixTime,
) -> Result<Vec<OfDay>, ServiceError> {
    let days = ledger::by_day(tx, vault, account, since).await?;
    let net = days.into_iter().map(|day| OfDay {
        day: day.day,
        sat: signed(day.debit).saturating_sub(signed(day.credit)),
    });
    Ok(net.collect())
}

fn signed(amount: Amount) -> i64 {
    i64::try_from(amount.to_sat()).unwrap_or(i64::MAX)
}

/// Each day with its number, 0 where there is none.
fn every_day(first: u64, today: u64, known: &[OfDay]) -> Vec<OfDay> {
    let of = |day: u64| {
        known
            .iter()
            .find(|one| one.day == day)
            .map_or(0, |one| one.sat)
    };
    (first..=today)
        .map(|day| OfDay { day, sat: of(day) })
        .collect()
}

/// What was held at the end of each day, from what is held now and what each day moved. What was entered after
/// today, by a clock that went back, counts as of today.
fn walk_back(first: u64, today: u64, now: i64, moved: &[OfDay]) -> Vec<OfDay> {
    let mut held = now;
    let mut days = Vec::new();
    for day in every_day(first, today, moved).into_iter().rev() {
        days.push(OfDay {
            day: day.day,
            sat: held,
        });
        held = held.saturating_sub(day.sat);
    }
    days.reverse();
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_walked_back_from_what_is_held_now() {
        let moved = [OfDay { day: 11, sat: 500 }, OfDay { day: 13, sat: -200 }];
        let days: Vec<(u64, i64)> = (walk_back(10, 13, 1_000, &moved).into_iter())
            .map(|one| (one.day, one.sat))
            .collect();
        assert_eq!(days, [(10, 700), (11, 1_200), (12, 1_200), (13, 1_000)]);
    }

    #[test]
    fn a_span_is_named_by_its_days() {
        assert_eq!(Span::of_days("90"), Some(Span::Quarter));
        assert_eq!(Span::of_days("31"), None);
        assert_eq!(Span::default().days(), 30);
    }
}
