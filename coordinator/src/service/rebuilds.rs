//! Makes the books of vaults whose database is lost from papers and the chain, step by step.
//!
//! [`begin`] adds the vaults and watches their scripts; [`take_block`] takes the chain in; [`fill`] puts the
//! papers in; what the chain shows of them is then taken in as the running coordinator takes it in; [`finish`]
//! decides what is still open. Each step is one transaction and does nothing where it was done: whatever
//! is killed when, the same papers give the same books. Invariant: until it is finished nobody serves it.

mod closing;
mod filling;
mod following;
mod scanning;
mod telling;

use std::collections::BTreeMap;

use bitcoin::Txid;
use policies::{Keychain, UnixTime, VaultId};
use serde::Serialize;

pub use self::scanning::take_block;

use self::closing::{close, decide_open, fill_addresses, set_cursors};
use self::filling::{fill_attempts, fill_moves, fill_request, fill_statements};
use self::following::follow;
use self::scanning::{upto, watch};
use self::telling::{append_rebuilt, report};
use super::devices::OfDevices;
use super::record::Cause;
use super::remembering::{Books, known_withdrawal};
use super::vaults::create_vault;
use super::{Actor, RebuildError, Role, Service, ServiceError};
use crate::rebuilding::{Gathered, Remembered, Requested};
use crate::store::rebuildings::{self, Stage};
use crate::store::withdrawals;

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
        // Signers follow it, whatever the table of devices says.
        let document = &line.first().bytes;
        create_vault(service, &rebuilder(), document, OfDevices::Pass).await?;
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
