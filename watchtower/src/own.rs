//! A watchtower in other hands: it watches a policy by itself, with a database and a node of its own, and asks no
//! coordinator.
//!
//! Invariant: the scripts of both keychains of every keyset are watched up to 1000 beyond the highest that was ever
//! paid. Nothing that its owner names is broadcast: it only is no unknown spend.

use bitcoin::consensus::encode;
use bitcoin::hex::FromHex as _;
use bitcoin::psbt::Psbt;
use bitcoin::{Transaction as BitcoinTransaction, Txid};
use policies::document::Mistake;
use policies::{Keychain, Policy, UnixTime};

use crate::alarm::AlarmKind;
use crate::clock;
use crate::configuration::Config;
use crate::rescan::{Rescan, RescanError};
use crate::store::database::{Database, DatabaseError, Transaction};
use crate::store::events::EventError;
use crate::store::own::{self, WatchedPolicy};
use crate::store::{alarms, chain, scans, scripts};
use crate::tracker::WatchedScript;

/// Indexes that are watched beyond the highest that was paid.
const BEYOND: u32 = 1_000;
/// Who is named in what is asked for here.
pub const ACTOR: &str = "owner";
/// The scans among which those of the owner are looked for.
const MOST_SCANS: u32 = 1_000;

/// Why a policy cannot be watched, or a transaction not be expected.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The document is no policy.
    #[error("this is no policy: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Policy(Vec<Mistake>),
    /// The policy is of another network than the node.
    #[error("the policy is for {policy}, the configuration for {configured}")]
    Network {
        /// The policy's.
        policy: bitcoin::Network,
        /// The configuration's.
        configured: bitcoin::Network,
    },
    /// Blocks are to be read from beyond the tip on.
    #[error("block {from} is not there yet: the chain is followed to {tip}")]
    BeyondTip {
        /// From where on.
        from: u32,
        /// The tip's height.
        tip: u32,
    },
    /// The file is neither a transaction nor a PSBT.
    #[error("this is neither a transaction nor a PSBT, as bytes, hex or base64")]
    NotATransaction,
    /// The chain cannot be read.
    #[error(transparent)]
    Rescan(#[from] RescanError),
    /// An event could not be appended.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What watching a policy began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Scripts that are watched from now on.
    pub scripts: u64,
    /// The scan that reads what they had before, where the chain was followed already.
    pub scan: Option<u64>,
}

/// Watches a policy from a height on. Doing it again adds what is missing, and from an earlier height reads what was not
/// read before.
///
/// # Errors
/// What is wrong with the policy, the node or the database.
pub async fn watch(
    database: &Database,
    config: &Config,
    document: &[u8],
    from: u32,
) -> Result<Begun, OwnError> {
    let policy = Policy::parse(document).map_err(OwnError::Policy)?;
    if policy.network != config.network {
        return Err(OwnError::Network {
            policy: policy.network,
            configured: config.network,
        });
    }
    let rescan = Rescan::begin(database.clone(), config.clone()).await?;
    let followed = {
        let mut tx = database.begin_read().await?;
        chain::tip(&mut tx).await?.map(|tip| tip.height)
    };
    match followed {
        None => rescan.set_birthday(from).await?,
        Some(tip) if from > tip => return Err(OwnError::BeyondTip { from, tip }),
        Some(_) => {}
    }
    let now = clock::now();
    let mut tx = database.begin_write().await?;
    let kept = WatchedPolicy {
        id: policy.id,
        document: document.to_vec(),
    };
    own::add_policy(&mut tx, &kept, now).await?;
    let scripts = widen(&mut tx, &policy, now).await?;
    let unread = scripts > 0 || !is_read_from(&mut tx, &kept, from).await?;
    let scan = if followed.is_some() && unread {
        Some(scans::request(&mut tx, (from, None), ACTOR, now).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(Begun { scripts, scan })
}

/// Whether the owner had blocks read from a height on, or from a lower one, since a policy is watched.
async fn is_read_from(
    tx: &mut Transaction,
    policy: &WatchedPolicy,
    from: u32,
) -> Result<bool, DatabaseError> {
    let since = own::added_at(tx, policy.id).await?;
    let asked = scans::scans(tx, MOST_SCANS).await?;
    let mut own = asked
        .iter()
        .filter(|scan| scan.requested_by == ACTOR)
        .filter(|scan| since.is_some_and(|since| scan.requested_at >= since))
        .peekable();
    if own.peek().is_none() {
        let lowest = chain::lowest(tx).await?;
        return Ok(lowest.is_none_or(|lowest| lowest.height <= from));
    }
    Ok(own.any(|scan| scan.failure.is_none() && scan.from <= from))
}

/// Says that a transaction, or the one that a PSBT becomes, is known: it is no unknown spend, now and later.
///
/// # Errors
/// [`OwnError::NotATransaction`], or when the database fails.
pub async fn expect(database: &Database, file: &[u8]) -> Result<Txid, OwnError> {
    let txid = txid_of(file).ok_or(OwnError::NotATransaction)?;
    let now = clock::now();
    let mut tx = database.begin_write().await?;
    own::expect(&mut tx, txid, now).await?;
    let spend = (AlarmKind::UnknownSpend, txid.to_string());
    let why = "its owner knows of it";
    alarms::end(&mut tx, (spend.0, &spend.1), ACTOR, why, now).await?;
    tx.commit().await?;
    Ok(txid)
}

/// Watches what is missing of a policy's scripts; how many that are.
pub(crate) async fn widen(
    tx: &mut Transaction,
    policy: &Policy,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    let mut added = 0_u64;
    for view in policy.keysets() {
        for keychain in Keychain::BOTH {
            let place = (view.keyset, keychain);
            let (watched, paid) = own::highest_indexes(tx, policy.vault, place).await?;
            let upto = paid.unwrap_or_default().saturating_add(BEYOND);
            let from = watched.map_or(0, |watched| watched.saturating_add(1));
            for index in from..=upto {
                let script = WatchedScript {
                    script_pubkey: view.descriptor.script_pubkey(keychain, index),
                    vault: policy.vault,
                    keyset: view.keyset,
                    keychain,
                    index,
                    settle_depth: depth(policy, keychain),
                    reference: None,
                    history_until: None,
                };
                // Versions that change no key have the same scripts.
                if scripts::watch_missing(tx, &script, now).await? {
                    added = added.saturating_add(1);
                }
            }
        }
    }
    Ok(added)
}

fn depth(policy: &Policy, keychain: Keychain) -> u32 {
    let limits = &policy.limits;
    match keychain {
        Keychain::External => limits.confirmations_deposit,
        Keychain::Internal => limits.confirmations_change,
    }
    .max(1)
}

/// The txid of a transaction or a PSBT, as bytes or as text. Inputs are segwit: signing changes no txid.
fn txid_of(file: &[u8]) -> Option<Txid> {
    let of_bytes = |bytes: &[u8]| {
        let whole = encode::deserialize::<BitcoinTransaction>(bytes).ok();
        let psbt = || Psbt::deserialize(bytes).ok().map(|psbt| psbt.unsigned_tx);
        whole.or_else(psbt).map(|one| one.compute_txid())
    };
    let of_text = || {
        let text = std::str::from_utf8(file).ok()?.trim();
        let hex = Vec::<u8>::from_hex(text).ok();
        if let Some(bytes) = hex {
            return of_bytes(&bytes);
        }
        let psbt: Psbt = text.parse().ok()?;
        Some(psbt.unsigned_tx.compute_txid())
    };
    of_bytes(file).or_else(of_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::simulation::{foreign, outside, spend};

    #[test]
    fn a_transaction_is_known_by_its_bytes_its_hex_and_its_psbt() {
        let transaction = spend(1, &[outside(1)], &[(foreign(1), 5)]);
        let txid = transaction.compute_txid();
        let raw = encode::serialize(&transaction);
        assert_eq!(txid_of(&raw), Some(txid));
        let hex = format!("{}\n", encode::serialize_hex(&transaction));
        assert_eq!(txid_of(hex.as_bytes()), Some(txid));
        let psbt = Psbt::from_unsigned_tx(transaction).expect("is unsigned");
        assert_eq!(txid_of(&psbt.serialize()), Some(txid));
        assert_eq!(txid_of(psbt.to_string().as_bytes()), Some(txid));
        assert_eq!(txid_of(b"nothing"), None);
    }
}
