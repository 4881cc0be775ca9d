//! The coins of spends to ourselves and recoveries: which are free, in which order they are taken, and why one is not.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, Transaction as BitcoinTransaction, Txid};
use policies::VaultId;
use policies::psbt::AttemptPurpose;
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::free_coins::{Purse, candidates_of};
use super::own_spend_view::WaitingCoinView;
use super::own_spends::Wanted;
use super::{OwnSpendError, ServiceError};
use crate::coin_selection::{Candidate, Take};
use crate::store::coin_marks::CoinMark;
use crate::store::vaults::VaultRow;
use crate::store::{coin_marks, reservations};

/// What a spend to ourselves can be made of.
pub(super) struct Choice {
    pub(super) coins: Vec<Candidate>,
    pub(super) take: Take,
    pub(super) fundings: BTreeMap<Txid, BitcoinTransaction>,
    pub(super) waiting: Vec<WaitingCoinView>,
    pub(super) next: u32,
}

/// The free coins that may be spent so, in the order in which they are taken: the smallest first to join
/// them, the oldest first otherwise.
pub(super) async fn choose(
    tx: &mut Transaction,
    vault: &VaultRow,
    purse: Purse,
    tip: u32,
    wanted: &Wanted<'_>,
) -> Result<Choice, ServiceError> {
    let (free, fundings) = candidates_of(tx, vault, purse, tip, &BTreeSet::new()).await?;
    let next = tip.saturating_add(1);
    // A block at this height may hold a recovery of the coin (BIP 68).
    let from = |coin: &Candidate| {
        coin.height
            .saturating_add(u32::from(wanted.older.unwrap_or_default()))
    };
    let (mut old, mut young): (Vec<Candidate>, Vec<Candidate>) =
        free.into_iter().partition(|coin| from(coin) <= next);
    let mut take = Take::Fitting;
    if let Some(names) = wanted.coins {
        take = Take::Every;
        let named = read_coins(names)?;
        for outpoint in &named {
            if let Some(coin) = young.iter().find(|coin| coin.outpoint == *outpoint) {
                return Err(OwnSpendError::CoinTooYoung {
                    outpoint: *outpoint,
                    older: wanted.older.unwrap_or_default(),
                    height: from(coin),
                    next,
                }
                .into());
            }
            if !old.iter().any(|coin| coin.outpoint == *outpoint) {
                return Err(why_not_free(tx, vault, *outpoint).await?);
            }
        }
        old.retain(|coin| named.contains(&coin.outpoint));
        young.clear();
    }
    match wanted.purpose {
        AttemptPurpose::Consolidate => {
            old.sort_by_key(|coin| (coin.txout.value, coin.height, coin.outpoint));
        }
        AttemptPurpose::Pay
        | AttemptPurpose::Bump
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain
        | AttemptPurpose::Recover => old.sort_by_key(|coin| (coin.height, coin.outpoint)),
    }
    young.sort_by_key(|coin| (coin.height, coin.outpoint));
    let waiting = young
        .iter()
        .map(|coin| WaitingCoinView {
            outpoint: coin.outpoint.to_string(),
            amount_sat: coin.txout.value.to_sat(),
            from_height: from(coin),
        })
        .collect();
    Ok(Choice {
        coins: old,
        take,
        fundings,
        waiting,
        next,
    })
}

fn read_coins(names: &[String]) -> Result<BTreeSet<OutPoint>, ServiceError> {
    let malformed = || ServiceError::Malformed {
        field: "coins",
        expected: "a list of distinct coins, each as txid, colon, output",
    };
    let mut coins = BTreeSet::new();
    for name in names {
        if !coins.insert(name.parse().map_err(|_| malformed())?) {
            return Err(malformed());
        }
    }
    if coins.is_empty() {
        return Err(malformed());
    }
    Ok(coins)
}

async fn why_not_free(
    tx: &mut Transaction,
    vault: &VaultRow,
    outpoint: OutPoint,
) -> Result<ServiceError, ServiceError> {
    let held = reservations::reserved(tx, vault.id)
        .await?
        .contains(&outpoint);
    let ours = coins::coin(tx, outpoint)
        .await?
        .is_some_and(|coin| coin.script.vault == vault.id);
    if !ours {
        return Ok(OwnSpendError::UnknownCoin { outpoint }.into());
    }
    if held {
        return Ok(OwnSpendError::CoinReserved { outpoint }.into());
    }
    let marks = coin_marks::of_coin(tx, vault.id, outpoint).await?;
    let frozen = marks.into_iter().find(|one| one.mark == CoinMark::Frozen);
    Ok(match frozen {
        Some(mark) => OwnSpendError::CoinFrozen {
            outpoint,
            reason: mark.text,
        },
        None => OwnSpendError::CoinNotSettled { outpoint },
    }
    .into())
}

/// The coins of a vault that are frozen and that no block spends.
pub(super) async fn frozen_coins(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<String>, ServiceError> {
    let mut frozen = Vec::new();
    for outpoint in coin_marks::frozen(tx, vault).await? {
        let coin = coins::coin(tx, outpoint).await?;
        if coin.is_some_and(|coin| coin.spent_in.is_none()) {
            frozen.push(outpoint.to_string());
        }
    }
    Ok(frozen)
}
