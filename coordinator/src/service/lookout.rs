//! What grows wrong by time alone: a watchtower that says nothing any more, transactions that no block takes or that are
//! stuck and held, withdrawals for which there is no feerate, coins whose recovery path comes near.
//!
//! Invariant: an alarm of these kinds is open only while its cause stands, as of the last look. Looking writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, Txid};
use policies::words::count;
use policies::{UnixTime, VaultId};
use watchtower::alarm::AlarmKind;
use watchtower::store::alarms::{self, Found, Look};
use watchtower::store::database::Transaction;
use watchtower::store::{chain, node, scans, totals};

use super::free_coins::Purse;
use super::{Service, ServiceError, node_fees};
use crate::fees::Gap;
use crate::store::bumps::{self, BumpRow, Outcome};
use crate::store::{attempts, vaults, withdrawals};

/// Who is named in alarms.
const ACTOR: &str = "coordinator";
/// Seconds that a transaction may be in no block before that is an alarm.
const IN_NO_BLOCK: u64 = 86_400;
/// Transactions of a vault that are told of at once.
const MOST: usize = 100;
/// Blocks before a recovery path opens from which that is an alarm: thirty days.
const NEAR: u32 = 4_320;

/// Looks at every vault once; what is found, where that is news.
///
/// # Errors
/// On a database failure.
pub(crate) async fn look_out(
    service: &Service,
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<Vec<Look>, ServiceError> {
    let tip = chain::tip(tx).await?.map(|tip| tip.height);
    let mut news = Vec::new();
    let silent = Look {
        kind: AlarmKind::WatchtowerSilent,
        within: None,
        found: unwatched(tx, now).await?,
        actor: ACTOR,
        over: "a watchtower looks again",
    };
    if silent.is_news(tx).await? {
        news.push(silent);
    }
    for vault in vaults::list(tx).await? {
        let look = |kind, found| Look {
            kind,
            within: Some(vault.id),
            found,
            actor: ACTOR,
            over: "it is so no more",
        };
        let mut looks = vec![
            look(AlarmKind::Unsettled, in_no_block(tx, vault.id, now).await?),
            look(AlarmKind::BumpHeld, held(tx, vault.id).await?),
            look(
                AlarmKind::FeesUnknown,
                without_feerate(service, tx, vault.id).await?,
            ),
        ];
        if let Some(tip) = tip {
            let found = recoveries(service, tx, vault.id, tip).await?;
            looks.push(look(AlarmKind::RecoveryNear, found));
        }
        for look in looks {
            if look.is_news(tx).await? {
                news.push(look);
            }
        }
    }
    Ok(news)
}

/// The nodes that nobody has looked at for long; what catches up says nothing of the node meanwhile.
async fn unwatched(
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<BTreeMap<String, Found>, ServiceError> {
    if scans::catching_up(tx, now).await?.is_some() {
        return Ok(BTreeMap::new());
    }
    let known = node::node_status(tx).await?.into_iter();
    let is_old = |one: &node::NodeStatus| now.secs_since(one.checked_at) > node::SILENT_S;
    let silent = known.filter(|one| !one.is_witness() && is_old(one));
    let told = |one: node::NodeStatus| {
        let found = Found {
            vault: None,
            detail: format!("nobody has looked at it since {}", one.checked_at),
        };
        (one.node, found)
    };
    Ok(silent.map(told).collect())
}

/// The transactions that no block takes for too long: the first hundred, and those that were told of.
async fn in_no_block(
    tx: &mut Transaction,
    vault: VaultId,
    now: UnixTime,
) -> Result<BTreeMap<String, Found>, ServiceError> {
    let until = now.saturating_sub(IN_NO_BLOCK);
    let waiting = attempts::in_no_block(tx, vault, until).await?;
    let open = alarms::open_of(tx, AlarmKind::Unsettled).await?;
    let told = open.into_iter().map(|alarm| alarm.subject).collect();
    let told_of = |(txid, since): (Txid, UnixTime)| {
        let found = Found {
            vault: Some(vault),
            detail: format!("it was issued at {since} and is in no block yet"),
        };
        (txid.to_string(), found)
    };
    Ok(to_tell(waiting, &told).into_iter().map(told_of).collect())
}

/// Those of what waits, the oldest first, that are told of: at most [`MOST`] anew, and whatever was told of before.
fn to_tell(waiting: Vec<(Txid, UnixTime)>, told: &BTreeSet<String>) -> Vec<(Txid, UnixTime)> {
    let is_told = |place: usize, txid: &Txid| place < MOST || told.contains(&txid.to_string());
    let waiting = waiting.into_iter().enumerate();
    let told = waiting.filter(|(place, (txid, _))| is_told(*place, txid));
    told.map(|(_, one)| one).collect()
}

/// The transactions that are stuck, and of which nothing may be done by itself.
async fn held(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeMap<String, Found>, ServiceError> {
    let stuck = bumps::stuck(tx, Some(vault)).await?;
    let held = stuck.into_iter().map(|(_, row)| row);
    let held = held.filter(|row| row.outcome != Outcome::Proposed);
    let told = |row: BumpRow| {
        let found = Found {
            vault: Some(vault),
            detail: row.says,
        };
        (row.attempt.to_string(), found)
    };
    Ok(held.map(told).collect())
}

/// The vault, where withdrawals wait to be paid and nobody says at which feerate. A node in trouble is an alarm of its
/// own, and one that was not asked yet, as when a program starts, is none.
async fn without_feerate(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeMap<String, Found>, ServiceError> {
    let waiting = withdrawals::count_approved(tx, vault).await?;
    let estimates = node_fees::estimates(service, tx).await?;
    let gap = estimates.gap().filter(|_| estimates.age_s().is_some());
    let told = |detail| {
        let found = Found {
            vault: Some(vault),
            detail,
        };
        (vault.to_string(), found)
    };
    Ok(no_feerate(waiting, gap).map(told).into_iter().collect())
}

/// What is said where so many withdrawals wait and there is no feerate.
fn no_feerate(waiting: usize, gap: Option<Gap>) -> Option<String> {
    let why = match gap? {
        Gap::Unknown => "the node has no fee estimate".to_owned(),
        Gap::Stale { max_age_s, .. } => format!(
            "the node's fee estimates are older than {} minutes and do not count",
            max_age_s / 60
        ),
        Gap::NodeTrouble { .. } => return None,
    };
    let verb = match waiting {
        0 => return None,
        1 => "waits",
        _ => "wait",
    };
    let waiting = count(waiting, "approved withdrawal");
    Some(format!("{waiting} {verb}, and {why}"))
}

/// The recovery paths that open soon or are open, one for each timelock.
async fn recoveries(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    tip: u32,
) -> Result<BTreeMap<String, Found>, ServiceError> {
    let (row, policy) = service.vault(tx, vault).await?;
    let mut purses = vec![Purse::newest(&row)];
    purses.extend(Purse::formers(tx, &row, &policy).await?);
    let mut near: BTreeMap<u16, (u64, Amount, u32)> = BTreeMap::new();
    for purse in purses {
        let paths = purse.keyset(&policy).descriptor.paths();
        let ages: BTreeSet<u16> = paths.iter().filter_map(|path| path.older).collect();
        for older in ages {
            let Some(upto) = near_upto(older, tip) else {
                continue;
            };
            let Some(aged) = totals::aged(tx, vault, purse.keychain, upto).await? else {
                continue;
            };
            let (count, sum, lowest) = (near.entry(older)).or_insert((0, Amount::ZERO, u32::MAX));
            *count = count.saturating_add(aged.count);
            *sum = sum.checked_add(aged.sum).unwrap_or(Amount::MAX_MONEY);
            *lowest = aged.lowest.min(*lowest);
        }
    }
    let told = |(older, (count, sum, lowest)): (u16, (u64, Amount, u32))| {
        let coins = if count == 1 { "coin" } else { "coins" };
        let (sat, first) = (sum.to_sat(), lowest.saturating_add(u32::from(older)));
        let found = Found {
            vault: Some(vault),
            detail: format!(
                "{count} {coins} of {sat} sat can be recovered after {older} blocks, the first from height {first} on"
            ),
        };
        (format!("{vault}/{older}"), found)
    };
    Ok(near.into_iter().map(told).collect())
}

/// The height up to which coins are near their timelock: within thirty days of it, or a quarter of a shorter one. None
/// where no block is old enough.
fn near_upto(older: u16, tip: u32) -> Option<u32> {
    let older = u32::from(older);
    let near = NEAR.min(older / 4);
    // The next block may hold the recovery of what was confirmed at its height less the timelock.
    (tip.saturating_add(1).saturating_add(near)).checked_sub(older)
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;

    use super::*;

    #[test]
    fn there_is_no_feerate_to_go_by_only_where_something_is_to_be_paid() {
        let stale = Some(Gap::Stale {
            age_s: 9_000,
            max_age_s: 1_800,
        });
        assert_eq!(no_feerate(0, Some(Gap::Unknown)), None);
        assert_eq!(no_feerate(0, stale), None);
        assert_eq!(no_feerate(2, None), None);
        let trouble = Gap::NodeTrouble {
            trouble: "NODE_BEHIND",
        };
        assert_eq!(no_feerate(2, Some(trouble)), None);
        assert_eq!(
            no_feerate(1, Some(Gap::Unknown)).as_deref(),
            Some("1 approved withdrawal waits, and the node has no fee estimate")
        );
        assert_eq!(
            no_feerate(2, stale).as_deref(),
            Some(
                "2 approved withdrawals wait, and the node's fee estimates are older than 30 minutes and do not count"
            )
        );
    }

    #[test]
    fn a_recovery_path_is_near_thirty_days_before_it_opens_and_once_it_is_open() {
        let tip = 100_000;
        for (older, blocks, near) in [
            (52_560, 4_321, true),
            (52_560, 4_322, false),
            (12_960, 3_241, true),
            (12_960, 3_242, false),
            (144, 37, true),
            (144, 38, false),
        ] {
            let confirmed = tip + blocks - u32::from(older);
            let upto = near_upto(older, tip).expect("blocks are old enough");
            assert_eq!(confirmed <= upto, near, "{older} {blocks}");
        }
        assert!(
            7 <= near_upto(144, tip).expect("is old enough"),
            "open for long"
        );
        assert_eq!(near_upto(52_560, 1_000), None, "no block is that old");
    }

    #[test]
    fn a_hundred_are_told_of_anew_and_none_that_was_told_of_is_forgotten_among_more() {
        let txid = |number: u8| Txid::from_byte_array([number; 32]);
        let waiting: Vec<(Txid, UnixTime)> = (0..150)
            .map(|number| (txid(number), UnixTime::ZERO))
            .collect();
        let told = BTreeSet::from([txid(5).to_string(), txid(149).to_string()]);
        let found = to_tell(waiting, &told);
        assert_eq!(found.len(), 101);
        assert_eq!(found.last(), Some(&(txid(149), UnixTime::ZERO)));
    }
}
