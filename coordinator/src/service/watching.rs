//! Scripts of a vault that are watched though nobody asked for an address here: those of a wallet that is moved in,
//! or that were given out elsewhere.
//!
//! Invariant: only what a keyset of the vault gives is watched, and only if all of a list is. What is watched
//! already stays as it is; no index up to a range's end is given out as a new address.

use std::ops::Range;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network, ScriptBuf};
use policies::descriptor::OwnScripts;
use policies::document::Policy;
use policies::{Keychain, Keyset, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, scripts};
use watchtower::tracker::WatchedScript;

use super::free_coins::Purse;
use super::{Actor, Right, Service, ServiceError, WatchError};
use crate::store::addresses;
use crate::store::vaults::VaultRow;

/// The most entries of one list.
const MOST: usize = 10_000;
/// Indexes beyond the highest that was given out, up to which is looked unasked.
const BEYOND: u32 = 1_000;
/// The highest index up to which may be looked.
const HIGHEST: u32 = 100_000;

/// Scripts of a vault that are to be watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWatched {
    /// The scripts.
    pub entries: Vec<NewEntry>,
    /// The highest index up to which to look for those that name none; without it, 1000 beyond the highest that
    /// was given out. At most 100000.
    #[serde(default)]
    pub upto: Option<u32>,
    /// Whether what blocks up to now did with them is opening balance, and not deposits and payments.
    #[serde(default)]
    pub opening: bool,
}

/// One script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// The address, or the script in hex.
    pub script: String,
    /// Its index, where that is known.
    #[serde(default)]
    pub index: Option<u32>,
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchedView {
    /// Scripts that are watched from now on.
    pub watched: u64,
    /// Scripts that were watched already.
    pub known: u64,
    /// The height up to which blocks are history of the new ones; null where none is.
    pub history_until: Option<u32>,
}

/// Watches scripts of a vault, all or none. What blocks had for them before is found by a scan.
///
/// # Errors
/// `VaultError::UnknownVault`, [`WatchError`] for the first entry that is not the vault's.
pub async fn watch_scripts(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &NewWatched,
) -> Result<WatchedView, ServiceError> {
    actor.require(Right::Reconcile, vault)?;
    let entries = request.entries.len();
    if entries > MOST {
        return Err(WatchError::TooMany {
            entries,
            most: MOST,
        }
        .into());
    }
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let upto = match request.upto {
        Some(upto) => upto.min(HIGHEST),
        None => unasked(&mut tx, &row).await?,
    };
    let mut purses = vec![Purse::newest(&row)];
    purses.extend(Purse::formers(&mut tx, &row, &policy).await?);
    let tip = chain::tip(&mut tx).await?.map(|tip| tip.height);
    let history_until = tip.filter(|_| request.opening);
    let mut view = WatchedView {
        watched: 0,
        known: 0,
        history_until,
    };
    for (entry, one) in (1..).zip(&request.entries) {
        let script =
            parse(&one.script, service.network()).ok_or(WatchError::NotAScript { entry })?;
        let found = purses.iter().find_map(|purse| {
            let descriptor = purse.keyset(&policy).descriptor;
            let place = match one.index {
                Some(index) => Keychain::BOTH
                    .into_iter()
                    .find(|keychain| descriptor.script_pubkey(*keychain, index) == script)
                    .map(|keychain| (keychain, index)),
                None => OwnScripts::new(descriptor, upto).find(&script),
            };
            Some((purse.keychain, place?))
        });
        let (keyset, (keychain, index)) = found.ok_or(WatchError::NotOfTheVault { entry, upto })?;
        let watched = WatchedScript {
            script_pubkey: script,
            vault,
            keyset,
            keychain,
            index,
            settle_depth: depth(&policy, keychain),
            reference: None,
            history_until,
        };
        if scripts::watch_missing(&mut tx, &watched, now).await? {
            view.watched = view.watched.saturating_add(1);
        } else {
            view.known = view.known.saturating_add(1);
        }
    }
    tx.commit().await?;
    Ok(view)
}

/// Watches a range of a keychain, as of a wallet that is moved in; how many scripts are watched now only. Blocks up
/// to `history_until` are history of those. No index of a range of deposits is given out as a new address.
///
/// `keyset` is the first with the descriptor.
///
/// # Errors
/// When the database fails.
pub async fn watch_range(
    tx: &mut Transaction,
    policy: &Policy,
    (keyset, keychain): (Keyset, Keychain),
    indexes: Range<u32>,
    history_until: Option<u32>,
    now: UnixTime,
) -> Result<u64, ServiceError> {
    let mut watched = 0_u64;
    let end = indexes.end;
    for index in indexes {
        let script = WatchedScript {
            script_pubkey: policy.descriptor.script_pubkey(keychain, index),
            vault: policy.vault,
            keyset,
            keychain,
            index,
            settle_depth: depth(policy, keychain),
            reference: None,
            history_until,
        };
        if scripts::watch_missing(tx, &script, now).await? {
            watched = watched.saturating_add(1);
        }
    }
    // Of change only what was used is passed over, by whoever knows it: signers bound its indexes.
    if keychain == Keychain::External {
        addresses::pass_over(tx, keyset, keychain, end).await?;
    }
    Ok(watched)
}

/// The index up to which is looked where nobody names one.
async fn unasked(tx: &mut Transaction, row: &VaultRow) -> Result<u32, ServiceError> {
    let mut highest = 0;
    for keychain in Keychain::BOTH {
        let next = addresses::next_index(tx, row.keychain, keychain).await?;
        highest = next.max(highest);
    }
    Ok(highest.saturating_add(BEYOND).min(HIGHEST))
}

fn depth(policy: &Policy, keychain: Keychain) -> u32 {
    let limits = &policy.limits;
    match keychain {
        Keychain::External => limits.confirmations_deposit,
        Keychain::Internal => limits.confirmations_change,
    }
    .max(1)
}

/// The script of an address of this network, or in hex.
fn parse(text: &str, network: Network) -> Option<ScriptBuf> {
    let text = text.trim();
    if let Ok(address) = text.parse::<Address<NetworkUnchecked>>() {
        let address = address.require_network(network).ok()?;
        return Some(address.script_pubkey());
    }
    ScriptBuf::from_hex(text)
        .ok()
        .filter(|script| !script.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_script_in_hex_is_a_script_and_nothing_else_is() {
        let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let script = parse(address, Network::Regtest).expect("an address");
        assert_eq!(
            parse(&script.to_hex_string(), Network::Regtest),
            Some(script)
        );
        assert_eq!(parse(address, Network::Bitcoin), None);
        for text in ["", "zz", "001"] {
            assert_eq!(parse(text, Network::Regtest), None, "{text}");
        }
    }
}
