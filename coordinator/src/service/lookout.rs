//! What grows wrong by time alone: transactions that no block takes or that are stuck and held, withdrawals for which
//! there is no feerate, coins whose recovery path comes near.
//!
//! Invariant: an alarm of these kinds is open exactly while its cause stands, as of the last look.

use std::collections::BTreeMap;

use policies::words::count;
use policies::{UnixTime, VaultId};
use watchtower::alarm::AlarmKind;
use watchtower::store::alarms::{self, NewAlarm};
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use super::browsing::calendar::{Opening, calendar_of};
use super::{MAX_LIMIT, Service, ServiceError, node_fees};
use crate::fees::Gap;
use crate::store::bumps::{self, Outcome};
use crate::store::{attempts, vaults, withdrawals};

/// Who is named in alarms.
const ACTOR: &str = "coordinator";
/// Seconds that a transaction may be in no block before that is an alarm.
const IN_NO_BLOCK: u64 = 86_400;
/// Transactions that are told of at once.
const MOST: u32 = 100;
/// Blocks before a recovery path opens from which that is an alarm: thirty days.
const NEAR: u32 = 4_320;

/// Looks at every vault once.
///
/// # Errors
/// On a database failure.
pub(crate) async fn look_out(
    service: &Service,
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<(), ServiceError> {
    for vault in vaults::list(tx).await? {
        let found = in_no_block(tx, vault.id, now).await?;
        settle(tx, vault.id, AlarmKind::Unsettled, found, now).await?;
        let found = held(tx, vault.id).await?;
        settle(tx, vault.id, AlarmKind::BumpHeld, found, now).await?;
        let found = without_feerate(service, tx, vault.id).await?;
        settle(tx, vault.id, AlarmKind::FeesUnknown, found, now).await?;
        if chain::tip(tx).await?.is_some() {
            let found = recoveries(service, tx, vault.id).await?;
            settle(tx, vault.id, AlarmKind::RecoveryNear, found, now).await?;
        }
    }
    Ok(())
}

/// Raises what was found, and ends what was not found any more.
async fn settle(
    tx: &mut Transaction,
    vault: VaultId,
    kind: AlarmKind,
    found: BTreeMap<String, String>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    for (subject, detail) in &found {
        let alarm = NewAlarm {
            kind,
            subject,
            vault: Some(vault),
            detail,
            actor: ACTOR,
            at: now,
        };
        alarms::raise(tx, &alarm).await?;
    }
    for open in alarms::open_of(tx, kind).await? {
        if open.vault == Some(vault) && !found.contains_key(&open.subject) {
            let about = (kind, open.subject.as_str());
            alarms::end(tx, about, ACTOR, "it is so no more", now).await?;
        }
    }
    Ok(())
}

/// The transactions that no block takes for too long.
async fn in_no_block(
    tx: &mut Transaction,
    vault: VaultId,
    now: UnixTime,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let until = now.saturating_sub(IN_NO_BLOCK);
    let waiting = attempts::in_no_block(tx, vault, until, MOST).await?;
    let told = |(txid, since): (bitcoin::Txid, UnixTime)| {
        (
            txid.to_string(),
            format!("it was issued at {since} and is in no block yet"),
        )
    };
    Ok(waiting.into_iter().map(told).collect())
}

/// The transactions that are stuck, and of which nothing may be done by itself.
async fn held(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let stuck = bumps::stuck(tx, Some(vault)).await?;
    let held = stuck.into_iter().map(|(_, row)| row);
    let held = held.filter(|row| row.outcome != Outcome::Proposed);
    Ok(held
        .map(|row| (row.attempt.to_string(), row.says))
        .collect())
}

/// The vault, where withdrawals wait to be paid and nobody says at which feerate. A node in trouble is an alarm of its
/// own, and one that was not asked yet, as when a program starts, is none.
async fn without_feerate(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let waiting = withdrawals::approved(tx, vault, MAX_LIMIT).await?.len();
    let estimates = node_fees::estimates(service, tx).await?;
    let gap = estimates.gap().filter(|_| estimates.age_s().is_some());
    Ok(no_feerate(waiting, gap)
        .map(|detail| (vault.to_string(), detail))
        .into_iter()
        .collect())
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
) -> Result<BTreeMap<String, String>, ServiceError> {
    let calendar = calendar_of(service, tx, vault).await?;
    let mut near: BTreeMap<u16, (u32, u64, u32)> = BTreeMap::new();
    for line in calendar.months.iter().flat_map(|month| &month.lines) {
        if is_near(line, calendar.tip) {
            let (count, sat, first) = near.entry(line.older).or_insert((0, 0, u32::MAX));
            *count = count.saturating_add(line.count);
            *sat = sat.saturating_add(line.amount.to_sat());
            *first = line.from_height.min(*first);
        }
    }
    let told = |(older, (count, sat, first)): (u16, (u32, u64, u32))| {
        let coins = if count == 1 { "coin" } else { "coins" };
        let detail = format!(
            "{count} {coins} of {sat} sat can be recovered after {older} blocks, the first from height {first} on"
        );
        (format!("{vault}/{older}"), detail)
    };
    Ok(near.into_iter().map(told).collect())
}

/// Whether the first coin of a line is near its timelock: within thirty days, or a quarter of a shorter one.
fn is_near(line: &Opening, tip: u32) -> bool {
    let near = NEAR.min(u32::from(line.older) / 4);
    line.from_height <= tip.saturating_add(1).saturating_add(near)
}

#[cfg(test)]
mod tests {
    use bitcoin::Amount;

    use super::*;

    fn line(older: u16, from_height: u32) -> Opening {
        Opening {
            older,
            from_height,
            from: UnixTime::ZERO,
            count: 1,
            amount: Amount::ZERO,
            signers: Vec::new(),
            coins: Vec::new(),
        }
    }

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
            assert_eq!(
                is_near(&line(older, tip + blocks), tip),
                near,
                "{older} {blocks}"
            );
        }
        assert!(is_near(&line(144, 7), tip), "open for long");
    }
}
