//! Floods of small deposits, and deposits to scripts that should be paid no more: one alarm of each per vault, in the
//! transaction that takes the block in.

use std::collections::{BTreeMap, HashMap};

use bitcoin::{OutPoint, ScriptBuf};
use policies::{Keychain, UnixTime, VaultId};

use super::ChainError;
use super::write::ACTOR;
use crate::alarm::AlarmKind;
use crate::store::alarms::{self, NewAlarm};
use crate::store::database::{DatabaseError, Transaction};
use crate::store::deposit_rules::{self, first_spent};
use crate::tracker::{Change, DepositRule, Reuse, Reused, deposited, floods};

/// Which of the deposits that a block brought went where they should not.
pub(super) async fn reused(
    tx: &mut Transaction,
    changes: &[Change],
) -> Result<BTreeMap<OutPoint, Reuse>, DatabaseError> {
    // Whoever floods pays few scripts very often: each is looked up once.
    let mut spent: HashMap<&ScriptBuf, Option<u32>> = HashMap::new();
    let mut found = BTreeMap::new();
    for (coin, height) in changes.iter().filter_map(deposited) {
        let script = &coin.script.script_pubkey;
        let first = match spent.get(script) {
            Some(first) => *first,
            None if coin.script.keychain == Keychain::Internal => None,
            None => {
                let first = first_spent(tx, script).await?;
                spent.insert(script, first);
                first
            }
        };
        found.extend(Reuse::of(coin, height, first).map(|reuse| (coin.outpoint, reuse)));
    }
    Ok(found)
}

/// Raises what is to be raised of a block, once for each vault.
pub(super) async fn tell(
    tx: &mut Transaction,
    changes: &[Change],
    reused: &BTreeMap<OutPoint, Reuse>,
    now: UnixTime,
) -> Result<(), ChainError> {
    if changes.iter().all(|change| deposited(change).is_none()) {
        return Ok(());
    }
    let rules = deposit_rules::standing(tx).await?;
    let rule_of = |vault| rules.get(&vault).copied().unwrap_or(DepositRule::DEFAULT);
    for (vault, flood) in floods(changes, rule_of) {
        raise(tx, AlarmKind::DustFlood, vault, &flood.to_string(), now).await?;
    }
    let mut told: BTreeMap<VaultId, Reused> = BTreeMap::new();
    for (coin, height) in changes.iter().filter_map(deposited) {
        if let Some(reuse) = reused.get(&coin.outpoint) {
            let told = told.entry(coin.script.vault).or_insert(Reused {
                count: 0,
                first: coin.outpoint,
                reuse: *reuse,
                height,
            });
            told.count = told.count.saturating_add(1);
        }
    }
    for (vault, reused) in told {
        raise(
            tx,
            AlarmKind::AddressReused,
            vault,
            &reused.to_string(),
            now,
        )
        .await?;
    }
    Ok(())
}

async fn raise(
    tx: &mut Transaction,
    kind: AlarmKind,
    vault: VaultId,
    detail: &str,
    now: UnixTime,
) -> Result<(), ChainError> {
    let alarm = NewAlarm {
        kind,
        subject: &vault.to_string(),
        vault: Some(vault),
        detail,
        actor: ACTOR,
        at: now,
    };
    alarms::raise(tx, &alarm).await?;
    Ok(())
}
