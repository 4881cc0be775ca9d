//! When each coin's paths with a timelock open, by month, and what to do before.
//!
//! Blocks to come count as ten minutes each. Invariant: a coin is listed under each timelock of its descriptor,
//! and counts as open once the next block may hold its recovery.

use std::collections::BTreeMap;

use bitcoin::{Amount, OutPoint};
use policies::{UnixTime, VaultId};
use time::OffsetDateTime;
use watchtower::store::{chain, coins};

use crate::service::books;
use crate::service::free_coins::Purse;
use crate::service::own_spend_view::signer_sets;
use crate::service::{Actor, BatchError, Service, ServiceError};

/// The seconds between two blocks, as they are expected.
const BLOCK_SECONDS: u64 = 600;
/// The most coins of one line that are named.
const MAX_NAMED: usize = 20;

/// When the paths of a vault's coins open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The height of the tip.
    pub tip: u32,
    /// The months in order; first what is open already.
    pub months: Vec<Month>,
}

/// What opens in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Year and month; none for what is open already.
    pub month: Option<(i32, u8)>,
    /// A line for each timelock and keyset.
    pub lines: Vec<Opening>,
}

/// Coins whose path with one timelock opens in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The timelock in blocks.
    pub older: u16,
    /// The first block that may hold a recovery of the first of them.
    pub from_height: u32,
    /// When that is expected.
    pub from: UnixTime,
    /// How many coins.
    pub count: u32,
    /// What they hold.
    pub amount: Amount,
    /// The sets of signers, any one of which can spend them then.
    pub signers: Vec<Vec<String>>,
    /// The first of them; at most twenty.
    pub coins: Vec<OutPoint>,
}

/// The calendar of a vault's unspent coins.
///
/// # Errors
/// `VaultError::UnknownVault`, [`BatchError::NoChain`].
pub async fn show_calendar(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Calendar, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let tip = chain::tip(&mut tx).await?.ok_or(BatchError::NoChain)?;
    let mut purses = vec![Purse::newest(&row)];
    purses.extend(Purse::formers(&mut tx, &row, &policy).await?);
    let mut locks = Vec::new();
    for purse in purses {
        let keyset = purse.keyset(&policy);
        let mut ages: Vec<u16> = keyset
            .descriptor
            .paths()
            .iter()
            .filter_map(|path| path.older)
            .collect();
        ages.sort_unstable();
        ages.dedup();
        for older in ages {
            let signers = signer_sets(purse.keyset(&policy), Some(older));
            locks.push((purse.keychain, older, signers));
        }
    }
    let mut standing = Vec::new();
    for spendable in coins::confirmed_unspent(&mut tx, vault).await? {
        let Some(block) = spendable.placement.block() else {
            continue;
        };
        for (lock, (keychain, older, _)) in locks.iter().enumerate() {
            if *keychain == spendable.script.keyset {
                standing.push(Standing {
                    lock,
                    coin: spendable.outpoint,
                    amount: spendable.amount,
                    from_height: block.height.saturating_add(u32::from(*older)),
                });
            }
        }
    }
    let locks: Vec<(u16, Vec<Vec<String>>)> = locks
        .into_iter()
        .map(|(_, older, signers)| (older, signers))
        .collect();
    Ok(Calendar {
        tip: tip.height,
        months: months(standing, &locks, tip.height, service.now()),
    })
}

/// A coin under one timelock.
#[derive(Debug, Clone, Copy)]
struct Standing {
    lock: usize,
    coin: OutPoint,
    amount: Amount,
    from_height: u32,
}

fn months(
    mut standing: Vec<Standing>,
    locks: &[(u16, Vec<Vec<String>>)],
    tip: u32,
    now: UnixTime,
) -> Vec<Month> {
    standing.sort_by_key(|one| (one.from_height, one.coin));
    let mut found: BTreeMap<Option<(i32, u8)>, BTreeMap<usize, Opening>> = BTreeMap::new();
    for one in standing {
        // The tip's next block is the first that is still to come.
        let blocks = one.from_height.saturating_sub(tip);
        let open = blocks <= 1;
        let from = now.saturating_add(u64::from(blocks).saturating_mul(BLOCK_SECONDS));
        let month = if open { None } else { Some(month_of(from)) };
        let Some((older, signers)) = locks.get(one.lock) else {
            continue;
        };
        let line = found
            .entry(month)
            .or_default()
            .entry(one.lock)
            .or_insert_with(|| Opening {
                older: *older,
                from_height: one.from_height,
                from,
                count: 0,
                amount: Amount::ZERO,
                signers: signers.clone(),
                coins: Vec::new(),
            });
        line.count = line.count.saturating_add(1);
        line.amount = line
            .amount
            .checked_add(one.amount)
            .unwrap_or(Amount::MAX_MONEY);
        if line.coins.len() < MAX_NAMED {
            line.coins.push(one.coin);
        }
    }
    let month = |(month, lines): (_, BTreeMap<usize, Opening>)| Month {
        month,
        lines: lines.into_values().collect(),
    };
    found.into_iter().map(month).collect()
}

fn month_of(at: UnixTime) -> (i32, u8) {
    let secs = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(secs);
    at.map_or((9999, 12), |at| (at.year(), u8::from(at.month())))
}

#[cfg(test)]
mod tests {
    use bitcoin::Txid;
    use bitcoin::hashes::Hash as _;

    use super::*;

    #[test]
    fn coins_stand_in_the_month_in_which_their_path_opens_and_open_ones_stand_first() {
        let coin = |vout, from_height| Standing {
            lock: 0,
            coin: OutPoint::new(Txid::from_byte_array([1; 32]), vout),
            amount: Amount::from_sat(1_000),
            from_height,
        };
        // 26 November 2026; 720 blocks are five days.
        let now = UnixTime::from_secs(1_795_700_000);
        let locks = [(144, vec![vec!["alice".to_owned()]])];
        let standing = vec![coin(3, 1_720), coin(0, 1_001), coin(1, 1_002), coin(2, 900)];
        let found = months(standing, &locks, 1_000, now);
        let told: Vec<_> = found
            .iter()
            .map(|month| {
                let line = month.lines.first().expect("a line");
                (
                    month.month,
                    line.count,
                    line.from_height,
                    line.amount.to_sat(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (None, 2, 900, 2_000),
                (Some((2026, 11)), 1, 1_002, 1_000),
                (Some((2026, 12)), 1, 1_720, 1_000),
            ]
        );
    }
}
