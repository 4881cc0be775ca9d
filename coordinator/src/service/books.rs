//! What the watchtower knows of a vault: deposits, coins, balances, ledger.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;
use policies::{Keychain, UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, coins, ledger, totals};
use watchtower::tracker::{Coin, Placement};

use super::free_coins::Purse;
use super::withdrawals::available;
use super::{Actor, MAX_LIMIT, Right, Service, ServiceError};
use crate::store::coin_marks::{self, CoinMark, CoinMarkRow};
use crate::store::{reservations, withdrawals};

/// A coin or deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoinView {
    /// The outpoint: txid, colon, output.
    pub outpoint: String,
    /// The amount.
    pub amount_sat: u64,
    /// Its script in hex.
    pub script_pubkey: String,
    /// The keychain of the script.
    #[schema(value_type = String)]
    pub keychain: Keychain,
    /// The index on the keychain.
    pub index: u32,
    /// The reference of the address.
    pub reference: Option<String>,
    /// Whether it is change of ours.
    pub change: bool,
    /// Whether it is a deposit below the vault's minimum, which is credited to nobody.
    pub below_minimum: bool,
    /// `unconfirmed`, `confirmed`, `settled` or `gone`.
    pub state: String,
    /// The height of its block.
    pub height: Option<u32>,
    /// The hash of its block.
    pub block: Option<String>,
    /// When its block was mined, as its header says (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub mined_at: Option<UnixTime>,
    /// Whether an open batch holds it.
    pub reserved: bool,
    /// Why nobody makes anything of it, if it is frozen.
    pub frozen: Option<MarkView>,
    /// How it is called, if somebody said so.
    pub label: Option<MarkView>,
    /// The transaction that spends it, in mempool or chain.
    pub spent_by: Option<String>,
}

/// What somebody said of a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MarkView {
    /// Why it is frozen, or how it is called.
    pub text: String,
    /// Since when (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
    /// Who said so.
    pub by: String,
}

impl MarkView {
    fn of(row: CoinMarkRow) -> Self {
        Self {
            text: row.text,
            at: row.said.at,
            by: row.said.by,
        }
    }
}

/// What a vault has, in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BalanceView {
    /// What the books say it holds: confirmed unspent coins.
    pub total_sat: i64,
    /// Settled coins of the newest keyset that nothing spends.
    pub settled_sat: u64,
    /// Settled coins of former keysets that nothing spends: they only come back to the newest descriptor.
    pub former_sat: u64,
    /// Of the settled ones of the newest keyset, what open batches hold.
    pub reserved_sat: u64,
    /// Of the settled ones of the newest keyset that no open batch holds, what is frozen.
    pub frozen_sat: u64,
    /// Requested and approved withdrawals, which no batch holds coins for yet.
    pub promised_sat: u64,
    /// What a new withdrawal may ask for.
    pub available_sat: u64,
    /// Each account of the books.
    pub accounts: Vec<AccountView>,
}

/// An account of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountView {
    /// Its name.
    pub account: String,
    /// The sum of its debits.
    pub debit_sat: u64,
    /// The sum of its credits.
    pub credit_sat: u64,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EntryView {
    /// Its number.
    pub number: u64,
    /// The account debited.
    pub debit: String,
    /// The account credited.
    pub credit: String,
    /// The amount.
    pub amount_sat: u64,
    /// What caused it.
    pub cause: String,
    /// When it was made (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
}

/// All deposits of a vault, also those that are gone, newest first.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_deposits(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<CoinView>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let deposits = coins::deposits(&mut tx, vault).await?;
    coin_views(&mut tx, vault, &deposits).await
}

/// All coins of a vault in chain or mempool, spent or not, newest first.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_coins(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<CoinView>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let all = coins::coins(&mut tx, vault).await?;
    coin_views(&mut tx, vault, &all).await
}

/// What a vault has.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_balance(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<BalanceView, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let reserved = reservations::reserved(&mut tx, vault).await?;
    let reserved: BTreeSet<OutPoint> = reserved.into_iter().collect();
    let frozen = coin_marks::frozen(&mut tx, vault).await?;
    let (mut settled_sat, mut reserved_sat, mut frozen_sat) = (0_u64, 0_u64, 0_u64);
    for coin in coins::spendable(&mut tx, vault, row.keychain).await? {
        let amount = coin.amount.to_sat();
        settled_sat = settled_sat.saturating_add(amount);
        if reserved.contains(&coin.outpoint) {
            reserved_sat = reserved_sat.saturating_add(amount);
        } else if frozen.contains(&coin.outpoint) {
            frozen_sat = frozen_sat.saturating_add(amount);
        }
    }
    let mut former_sat = 0_u64;
    for purse in Purse::formers(&mut tx, &row, &policy).await? {
        let settled = totals::settled(&mut tx, vault, purse.keychain).await?;
        former_sat = former_sat.saturating_add(settled.to_sat());
    }
    let accounts = ledger::balances(&mut tx, vault)
        .await?
        .into_iter()
        .map(|balance| AccountView {
            account: balance.account.to_string(),
            debit_sat: balance.debit.to_sat(),
            credit_sat: balance.credit.to_sat(),
        })
        .collect();
    Ok(BalanceView {
        total_sat: ledger::vault_total(&mut tx, vault).await?.to_sat(),
        settled_sat,
        former_sat,
        reserved_sat,
        frozen_sat,
        promised_sat: withdrawals::promised(&mut tx, vault).await?.to_sat(),
        available_sat: available(&mut tx, &row).await?.to_sat(),
        accounts,
    })
}

/// Entries of a vault's ledger after a number, in order.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_ledger(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    after: u64,
    limit: Option<u32>,
) -> Result<Vec<EntryView>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let limit = limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let entries = ledger::entries(&mut tx, vault, after.min(u64::MAX / 2), limit).await?;
    Ok(entries.into_iter().map(entry_view).collect())
}

pub(super) fn entry_view(entry: ledger::Entry) -> EntryView {
    EntryView {
        number: entry.number,
        debit: entry.debit.to_string(),
        credit: entry.credit.to_string(),
        amount_sat: entry.amount.to_sat(),
        cause: entry.cause,
        at: entry.at,
    }
}

pub(super) async fn begin(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Transaction, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    Ok(tx)
}

pub(super) async fn coin_views(
    tx: &mut Transaction,
    vault: VaultId,
    coins: &[Coin],
) -> Result<Vec<CoinView>, ServiceError> {
    let reserved: BTreeSet<OutPoint> = reservations::reserved(tx, vault)
        .await?
        .into_iter()
        .collect();
    let marks: BTreeMap<(OutPoint, &str), MarkView> = coin_marks::list(tx, vault)
        .await?
        .into_iter()
        .map(|row| ((row.coin, row.mark.name()), MarkView::of(row)))
        .collect();
    let heights: BTreeSet<u32> = coins
        .iter()
        .filter_map(|coin| coin.placement.block())
        .map(|block| block.height)
        .collect();
    let times = chain::times(tx, heights).await?;
    let mark = |coin: OutPoint, mark: CoinMark| marks.get(&(coin, mark.name())).cloned();
    Ok(coins
        .iter()
        .map(|coin| {
            let state = match coin.placement {
                Placement::Unconfirmed => "unconfirmed",
                Placement::Confirmed(_) if coin.settled => "settled",
                Placement::Confirmed(_) => "confirmed",
                Placement::Gone => "gone",
            };
            let block = coin.placement.block();
            CoinView {
                outpoint: coin.outpoint.to_string(),
                amount_sat: coin.amount.to_sat(),
                script_pubkey: coin.script.script_pubkey.to_hex_string(),
                keychain: coin.script.keychain,
                index: coin.script.index,
                reference: coin.script.reference.clone(),
                change: coin.change,
                below_minimum: coin.below_minimum,
                state: state.to_owned(),
                height: block.map(|block| block.height),
                block: block.map(|block| block.hash.to_string()),
                mined_at: block.and_then(|block| times.get(&block.height).copied()),
                reserved: reserved.contains(&coin.outpoint),
                frozen: mark(coin.outpoint, CoinMark::Frozen),
                label: mark(coin.outpoint, CoinMark::Label),
                spent_by: coin.spent_by.map(|txid| txid.to_string()),
            }
        })
        .collect())
}
