//! Makes the books of vaults whose database is lost from papers and the chain, step by step.
//!
//! [`begin`] adds the vaults and watches their scripts; [`take_block`] takes the chain in; [`fill`] puts the
//! papers in; what the chain shows of them is then taken in as the running coordinator takes it in; [`finish`]
//! decides what is still open. Each step is one transaction and does nothing where it was done: whatever
//! is killed when, the same papers give the same books. Invariant: until it is finished nobody serves it.

mod filling;
mod following;
mod telling;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bitcoin::{Address, Txid};
use policies::descriptor::OwnScripts;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::rules::{Decision, decide};
use policies::{Keychain, UnixTime, VaultId};
use serde::Serialize;
use watchtower::rescan::{NextBlock, RescanError};
use watchtower::store::database::Transaction;
use watchtower::store::outgoing::{add_outgoing, outgoing};
use watchtower::store::scripts;
use watchtower::tracker::WatchedScript;

use self::filling::{fill_attempts, fill_moves, fill_request, fill_statements, key_of};
use self::following::follow;
use self::telling::{append_rebuilt, report};
use super::record::{Cause, move_withdrawal};
use super::remembering::{Books, known_withdrawal};
use super::standing::Known;
use super::vaults::create_vault;
use super::withdrawals::approve_if_satisfied;
use super::{Actor, BatchError, RebuildError, Role, Service, ServiceError};
use crate::jobs;
use crate::rebuilding::{Closed, Gathered, Issued, Remembered, Requested, Tree};
use crate::session::withdrawal::WithdrawalEvent;
use crate::store::addresses::{self, AddressRow};
use crate::store::rebuildings::{self, Stage};
use crate::store::withdrawals::{self, WithdrawalRow};

/// The most rows of a list that are looked at.
const ALL: u32 = u32::MAX >> 1;

/// What is rebuilt, and from what.
#[derive(Debug)]
pub struct Rebuild {
    /// The papers of each vault.
    pub gathered: Vec<Gathered>,
    /// The hash over policies, papers and options.
    pub sources: [u8; 32],
    /// How many deposit addresses beyond the highest that was paid may have been given out.
    pub gap: u32,
    /// Vaults of which signers without a journal here could have signed payments among themselves: what is
    /// open there is held in any case.
    pub held: Vec<VaultId>,
    /// Whether what no attempt pays keeps its request and is paid. No paper needs to tell of a cancellation, so
    /// that it is held otherwise: kept without its request until that is submitted again.
    pub pay_open: bool,
}

/// What became of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuiltVault {
    /// The vault.
    pub vault: VaultId,
    /// Its name.
    pub name: String,
    /// Its withdrawals by state.
    pub withdrawals: BTreeMap<String, usize>,
    /// Its attempts by state.
    pub attempts: BTreeMap<String, usize>,
    /// Attempts that may still confirm and whose PSBTs nobody kept.
    pub without_psbt: Vec<Txid>,
    /// Withdrawals that attempts pay and whose requests are not at hand: they are paid anew only once those are
    /// submitted again.
    pub without_request: Vec<String>,
    /// Withdrawals that no attempt pays and whose requests were not kept: each is paid only once the same
    /// request is submitted again.
    pub held: Vec<String>,
    /// Signers whose journals are missing and who could have paid what is held; empty if there are none.
    pub unseen_quorum: Vec<String>,
    /// Transactions that journals or transfers name and that are not believed.
    pub doubted: Vec<Doubted>,
    /// Indexes of deposit addresses that a paper names, too far beyond the highest that was paid.
    pub addresses_doubted: Vec<u32>,
    /// Spends of coins that no paper explains.
    pub unexplained: Vec<Txid>,
    /// What the vault holds in blocks, in satoshi.
    pub held_sat: u64,
    /// The next index of deposit addresses.
    pub next_address: u32,
    /// Signers whose journals are missing.
    pub without_journal: Vec<String>,
}

/// A transaction that is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubted {
    /// The transaction.
    pub txid: Txid,
    /// The signers whose journals hold it.
    pub signed_by: Vec<String>,
    /// Why it is not believed.
    pub reason: String,
}

fn rebuilder() -> Actor {
    Actor {
        name: "rebuild".to_owned(),
        role: Role::Operator,
        vault: None,
    }
}

const fn cause(at: UnixTime) -> Cause<'static> {
    Cause {
        actor: "rebuild",
        reason: "rebuilt from papers and chain",
        at,
    }
}

/// Begins, or goes on with what was begun from the same papers; says how far it came.
///
/// # Errors
/// [`RebuildError`], and whatever stands against a vault of these policies.
pub async fn begin(service: &Service, rebuild: &Rebuild) -> Result<Stage, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let stage = match rebuildings::lookup(&mut tx).await? {
        Some(standing) if standing.sources != rebuild.sources => {
            return Err(RebuildError::OtherSources.into());
        }
        Some(standing) if standing.stage == Stage::Done => return Err(RebuildError::Done.into()),
        Some(standing) => standing.stage,
        None => {
            let found = rebuildings::census(&mut tx).await?;
            if !found.is_empty() {
                return Err(RebuildError::NotEmpty { found }.into());
            }
            rebuildings::begin(&mut tx, rebuild.sources, now).await?;
            Stage::Scanning
        }
    };
    tx.commit().await?;
    for gathered in &rebuild.gathered {
        let line = gathered.line();
        create_vault(service, &rebuilder(), &line.first().bytes).await?;
        follow(service, line, now).await?;
        let mut tx = service.database().begin_write().await?;
        for tree in line.trees() {
            for keychain in Keychain::BOTH {
                let (watched, _) =
                    rebuildings::highest_indexes(&mut tx, tree.keychain, keychain).await?;
                if watched.is_none() {
                    let upto = upto(rebuild, gathered, keychain, None);
                    watch(&mut tx, gathered, (tree, keychain), 0..=upto, now).await?;
                }
            }
        }
        tx.commit().await?;
    }
    Ok(stage)
}

/// Up to which index of a keychain scripts are watched, with the highest that was paid. Nobody signs deposit
/// addresses, so that the papers of addresses move nothing.
fn upto(rebuild: &Rebuild, gathered: &Gathered, keychain: Keychain, paid: Option<u32>) -> u32 {
    match keychain {
        Keychain::External => paid.unwrap_or_default().saturating_add(rebuild.gap),
        Keychain::Internal => gathered.change_to_watch(paid),
    }
}

/// Watches the scripts of a keychain at some indexes.
async fn watch(
    tx: &mut Transaction,
    gathered: &Gathered,
    (tree, keychain): (Tree<'_>, Keychain),
    indexes: RangeInclusive<u32>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let policy = tree.policy;
    let depth = match keychain {
        Keychain::External => policy.limits.confirmations_deposit,
        Keychain::Internal => policy.limits.confirmations_change,
    };
    for index in indexes {
        let issued = match keychain {
            Keychain::External => gathered.addresses.get(&(tree.keychain, index)),
            Keychain::Internal => None,
        };
        let reference = issued.map(|issued| issued.reference.clone());
        let script = WatchedScript {
            script_pubkey: policy.descriptor.script_pubkey(keychain, index),
            vault: policy.vault,
            keyset: tree.keychain,
            keychain,
            index,
            settle_depth: depth.max(1),
            reference: reference.filter(|reference| !reference.is_empty()),
        };
        scripts::watch_script(tx, &script, now).await?;
    }
    Ok(())
}

/// Takes the next block in, with whatever must be watched and known for it first.
///
/// # Errors
/// When the database fails, or the block does not follow.
pub async fn take_block(
    service: &Service,
    rebuild: &Rebuild,
    next: &NextBlock,
) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    for gathered in &rebuild.gathered {
        for tree in gathered.line().trees() {
            widen(&mut tx, (rebuild, gathered), tree, next, now).await?;
        }
        for transaction in &next.block.transactions {
            let txid = transaction.compute_txid();
            // What a signer's journal holds is no stranger's spend, if the journal tells it as it is.
            let known = gathered.attempts.get(&txid);
            let known = known.is_some_and(|known| known.fits(transaction));
            if known && outgoing(&mut tx, txid).await?.is_none() {
                let policy = gathered.policy();
                let depth = jobs::settle_depth(policy);
                add_outgoing(&mut tx, policy.vault, transaction, depth, now).await?;
            }
        }
    }
    next.connect(&mut tx).await.map_err(rescan)?;
    Ok(tx.commit().await?)
}

fn rescan(error: RescanError) -> ServiceError {
    if let RescanError::Database(error) = error {
        return ServiceError::Database(error);
    }
    ServiceError::Batch(BatchError::Build {
        reason: error.to_string(),
    })
}

/// Watches further scripts until none that the block pays is within the gap of the last one.
async fn widen(
    tx: &mut Transaction,
    (rebuild, gathered): (&Rebuild, &Gathered),
    tree: Tree<'_>,
    next: &NextBlock,
    now: UnixTime,
) -> Result<(), ServiceError> {
    loop {
        let mut watched = BTreeMap::new();
        for keychain in Keychain::BOTH {
            let (highest, _) = rebuildings::highest_indexes(tx, tree.keychain, keychain).await?;
            watched.insert(keychain.branch(), highest.unwrap_or_default());
        }
        let upto = watched.values().copied().max().unwrap_or_default();
        let own = OwnScripts::new(&tree.policy.descriptor, upto);
        let outputs = next.block.transactions.iter().flat_map(|one| &one.output);
        let mut paid: BTreeMap<u8, u32> = BTreeMap::new();
        for output in outputs {
            if let Some((keychain, index)) = own.find(&output.script_pubkey) {
                let highest = paid.entry(keychain.branch()).or_insert(index);
                *highest = index.max(*highest);
            }
        }
        let mut widened = false;
        for keychain in Keychain::BOTH {
            let Some(paid) = paid.get(&keychain.branch()) else {
                continue;
            };
            let highest = watched.get(&keychain.branch()).copied().unwrap_or_default();
            let upto = self::upto(rebuild, gathered, keychain, Some(*paid));
            if upto > highest {
                let from = highest.saturating_add(1);
                watch(tx, gathered, (tree, keychain), from..=upto, now).await?;
                widened = true;
            }
        }
        if !widened {
            return Ok(());
        }
    }
}

/// Puts all papers in: withdrawals, verdicts, statements, moves of journals, attempts.
///
/// # Errors
/// When papers and chain contradict one another, or the database fails. Nothing is put in then.
pub async fn fill(service: &Service, rebuild: &Rebuild) -> Result<(), ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    for gathered in &rebuild.gathered {
        let (vault, _) = service.vault(&mut tx, gathered.policy().vault).await?;
        let versions = service.versions(&mut tx, vault.policy).await?;
        let actor = rebuilder();
        let books = Books {
            vault: &vault,
            versions: &versions,
            actor: &actor,
            cause: cause(now),
        };
        fill_moves(&mut tx, gathered, now).await?;
        fill_statements(&mut tx, gathered, now).await?;
        let mut requests: Vec<&Requested> = gathered.requests.values().collect();
        requests.sort_by_key(|one| (one.intent.created, one.intent.id.clone()));
        for one in requests.iter().filter(|one| one.request.is_some()) {
            known_withdrawal(&mut tx, books, &one.intent).await?;
        }
        let doubted = fill_attempts(&mut tx, books, gathered).await?;
        let is_held = !rebuild.pay_open || rebuild.held.contains(&vault.id);
        for one in requests {
            let is_alleged = |attempt: &&Remembered| attempt.record.intents.contains(&one.intent);
            let is_held = is_held || doubted.iter().any(is_alleged);
            fill_request(&mut tx, rebuild, gathered, one, is_held).await?;
        }
    }
    rebuildings::go_on(&mut tx, Stage::Scanning, Stage::Filled, now).await?;
    Ok(tx.commit().await?)
}

/// Decides what is still open, sets the next indexes, and lets the database be served.
///
/// # Errors
/// When the database fails.
pub async fn finish(
    service: &Service,
    rebuild: &Rebuild,
) -> Result<Vec<RebuiltVault>, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let mut vaults = Vec::new();
    for gathered in &rebuild.gathered {
        let (vault, policy) = service.vault(&mut tx, gathered.policy().vault).await?;
        close(&mut tx, (rebuild, gathered), now).await?;
        let waiting = withdrawals::list(&mut tx, vault.id, Some("requested"), ALL).await?;
        for mut row in waiting.into_iter().rev() {
            decide_open(&mut tx, &policy, gathered, &mut row, now).await?;
        }
        let next = set_cursors(&mut tx, gathered).await?;
        let versions = service.versions(&mut tx, vault.policy).await?;
        let actor = rebuilder();
        let books = Books {
            vault: &vault,
            versions: &versions,
            actor: &actor,
            cause: cause(now),
        };
        let mut rebuilt = report(&mut tx, books, gathered, next).await?;
        rebuilt.addresses_doubted = fill_addresses(&mut tx, gathered).await?;
        append_rebuilt(&mut tx, rebuild, gathered, &rebuilt, now).await?;
        vaults.push(rebuilt);
    }
    rebuildings::go_on(&mut tx, Stage::Filled, Stage::Done, now).await?;
    tx.commit().await?;
    Ok(vaults)
}

/// Ends what papers say was over, unless an attempt may still pay it; and what asks for coins of a former keyset and no
/// attempt ever paid.
async fn close(
    tx: &mut Transaction,
    (rebuild, gathered): (&Rebuild, &Gathered),
    now: UnixTime,
) -> Result<(), ServiceError> {
    for one in gathered.requests.values() {
        let is_former = one.intent.keyset != gathered.policy().keyset;
        let Some(mut row) = withdrawals::lookup(tx, &key_of(gathered, one)).await? else {
            continue;
        };
        // What may have been paid all the same stays as it is: nobody asks for it again in good faith.
        let alleged = gathered.attempts.values();
        let is_alleged = alleged
            .filter(|attempt| attempt.record.intents.contains(&one.intent))
            .count()
            > 0;
        let is_held = rebuild.held.contains(&row.key.vault) || is_alleged;
        let is_over = is_former && !is_held && row.state.attempt().is_none();
        let Some(closed) = one.closed.or(is_over.then_some(Closed::Cancelled)) else {
            continue;
        };
        let event = match closed {
            Closed::Expired => WithdrawalEvent::Expired,
            Closed::Cancelled => WithdrawalEvent::Cancelled,
            Closed::Rejected { key } => WithdrawalEvent::Rejected { key },
        };
        if row.state.clone().apply(&event).is_ok() {
            move_withdrawal(tx, &mut row, &event, cause(now)).await?;
        }
    }
    Ok(())
}

async fn decide_open(
    tx: &mut Transaction,
    policy: &Policy,
    gathered: &Gathered,
    row: &mut WithdrawalRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let verdicts = gathered.verdicts.get(&row.hash);
    let rejected = verdicts
        .into_iter()
        .flatten()
        .find(|verdict| verdict.approval.purpose == Purpose::Reject);
    if let Some(rejected) = rejected {
        let key = rejected.approval.key;
        let event = WithdrawalEvent::Rejected { key };
        return move_withdrawal(tx, row, &event, cause(now)).await;
    }
    if row.intent.expires <= now || row.request.is_none() {
        return Ok(());
    }
    let known = Known::load(tx, row.key.vault, policy, &[&row.intent], now, now).await?;
    match decide(policy, &row.intent, &known.standing()) {
        Decision::Denied(_) => Ok(()),
        Decision::Needs(requirement) => {
            approve_if_satisfied(tx, policy, row, &requirement, cause(now)).await
        }
    }
}

/// No index that was ever watched is given out again: a customer may hold it, unknown to the chain. The next deposit
/// address of the keyset in force.
async fn set_cursors(tx: &mut Transaction, gathered: &Gathered) -> Result<u32, ServiceError> {
    let mut next_address = None;
    for tree in gathered.line().trees() {
        for keychain in Keychain::BOTH {
            let (watched, _) = rebuildings::highest_indexes(tx, tree.keychain, keychain).await?;
            let next = watched.map_or(0, |watched| watched.saturating_add(1));
            rebuildings::set_cursor(tx, tree.keychain, keychain, next).await?;
            if keychain == Keychain::External {
                next_address = next_address.or(Some(next));
            }
        }
    }
    Ok(next_address.unwrap_or_default())
}

/// Lists the deposit addresses that papers or the chain know; the indexes of those that papers name and that are
/// not watched, too far beyond the highest that was paid.
async fn fill_addresses(
    tx: &mut Transaction,
    gathered: &Gathered,
) -> Result<Vec<u32>, ServiceError> {
    let mut doubted = Vec::new();
    for tree in gathered.line().trees() {
        let (watched, _) =
            rebuildings::highest_indexes(tx, tree.keychain, Keychain::External).await?;
        let paid = rebuildings::paid_indexes(tx, tree.keychain, Keychain::External).await?;
        let named = gathered.addresses.keys();
        let named = named.filter(|(keychain, _)| *keychain == tree.keychain);
        let mut indexes: Vec<u32> = named.map(|(_, index)| *index).chain(paid).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let is_watched = |index: &u32| watched.is_some_and(|watched| *index <= watched);
        doubted.extend(indexes.split_off(indexes.partition_point(is_watched)));
        for index in indexes {
            fill_address(tx, gathered, tree, index).await?;
        }
    }
    Ok(doubted)
}

async fn fill_address(
    tx: &mut Transaction,
    gathered: &Gathered,
    tree: Tree<'_>,
    index: u32,
) -> Result<(), ServiceError> {
    let unknown = Issued {
        keyset: tree.policy.keyset,
        reference: String::new(),
        metadata: "{}".to_owned(),
        issued_at: tree.policy.head.time,
    };
    let issued = gathered.addresses.get(&(tree.keychain, index));
    let issued = issued.unwrap_or(&unknown);
    let version = gathered.line().of_keyset(issued.keyset);
    let version = version.unwrap_or(tree.policy);
    let script_pubkey = version.descriptor.script_pubkey(Keychain::External, index);
    let address = Address::from_script(&script_pubkey, version.network);
    let row = AddressRow {
        vault: version.vault,
        policy: version.id,
        keyset: version.keyset,
        keychain: Keychain::External,
        index,
        address: address.map_or_else(|_| String::new(), |address| address.to_string()),
        script_pubkey,
        reference: issued.reference.clone(),
        metadata: issued.metadata.clone(),
        issued_at: issued.issued_at,
    };
    Ok(addresses::insert(tx, &row).await?)
}

/// Refuses to serve a database whose rebuilding is not finished.
///
/// # Errors
/// [`RebuildError::Unfinished`].
pub async fn expect_finished(service: &Service) -> Result<(), ServiceError> {
    let mut tx = service.database().begin_read().await?;
    match rebuildings::lookup(&mut tx).await? {
        Some(standing) if standing.stage != Stage::Done => Err(RebuildError::Unfinished.into()),
        Some(_) | None => Ok(()),
    }
}
