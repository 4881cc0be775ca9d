//! Looks through the node's whole UTXO set where an operator asks for it, beside the rounds, which go on.
//!
//! Invariant: what the node had at the scan's block is compared with what the books have of that block, and the result
//! is stored once. A scan that is lost with its process is begun again; one that was called off is not.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, ScriptBuf};
use policies::VaultId;
use tokio::task::JoinHandle;

use super::{RoundError, Worker};
use crate::bitcoind::{Client, RpcError, Scanned};
use crate::clock;
use crate::reconciling::{Difference, Unspent, differences};
use crate::store::reconciliation::{self, Request};
use crate::store::{chain, coins, scripts};

/// Scripts in one call: the node takes requests of up to 32 MiB.
const SCRIPTS: usize = 100_000;
/// How often a scan of several calls begins anew because a block came between them.
const TRIES: usize = 20;
/// How long after a failure the next scan is tried.
const PAUSE_SECONDS: u64 = 5;

/// A scan, from its beginning until its result is stored.
#[derive(Debug)]
pub(super) struct Scan {
    request: u64,
    vault: VaultId,
    progress: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The node is looking.
    Running(JoinHandle<Result<Scanned, RpcError>>),
    /// It has answered.
    Found(Scanned),
}

impl Worker {
    /// Begins, follows or ends the scan that is asked for; one at a time, as the node does them.
    pub(super) async fn scan_node(&mut self, open: &[Request]) -> Result<(), RoundError> {
        let Some(scan) = self.scan.take() else {
            return self.begin_scan(open).await;
        };
        if !open.iter().any(|request| request.id == scan.request) {
            return self.call_off(scan).await;
        }
        let found = match scan.state {
            State::Running(task) if !task.is_finished() => {
                return self
                    .look_how_far(Scan {
                        state: State::Running(task),
                        ..scan
                    })
                    .await;
            }
            State::Running(task) => match task.await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => {
                    self.failed(&error.to_string());
                    return Ok(());
                }
                Err(error) => {
                    self.failed(&error.to_string());
                    return Ok(());
                }
            },
            State::Found(found) => found,
        };
        // It stays, wherever the tip moves, until the vault's other coins are compared too.
        self.scan = Some(Scan {
            progress: 100,
            state: State::Found(found),
            ..scan
        });
        Ok(())
    }

    /// The request whose scan has its answer, and its vault.
    pub(super) fn scanned(&self) -> Option<(u64, VaultId)> {
        let scan = self.scan.as_ref()?;
        matches!(scan.state, State::Found(_)).then_some((scan.request, scan.vault))
    }

    /// What the scan found to differ; none where it has to be done again.
    pub(super) async fn found_by_scan(&mut self) -> Result<Option<Vec<Difference>>, RoundError> {
        let Some(Scan {
            vault,
            state: State::Found(found),
            ..
        }) = &self.scan
        else {
            return Ok(None);
        };
        let compared = self.compare(*vault, found).await?;
        if compared.is_none() {
            self.scan = None;
            self.failed("its block left the chain");
        }
        Ok(compared)
    }

    fn failed(&mut self, error: &str) {
        tracing::warn!(error, "the scan of the node's coins has to be done again");
        self.scan_again_at = clock::now().saturating_add(PAUSE_SECONDS);
    }

    async fn begin_scan(&mut self, open: &[Request]) -> Result<(), RoundError> {
        let now = clock::now();
        let next = open.iter().find(|request| request.deep);
        let Some(next) = next.filter(|_| now >= self.scan_again_at) else {
            return Ok(());
        };
        let mut tx = self.write().await?;
        let scripts = scripts::of_vault(&mut tx, next.vault).await?;
        reconciliation::set_progress(&mut tx, next.id, 0, now).await?;
        tx.commit().await?;
        tracing::info!(vault = %next.vault, scripts = scripts.len(), "scanning the node's coins");
        let client = self.client.patient()?;
        self.scan = Some(Scan {
            request: next.id,
            vault: next.vault,
            progress: 0,
            state: State::Running(tokio::spawn(scan_all(client, scripts))),
        });
        Ok(())
    }

    async fn call_off(&mut self, scan: Scan) -> Result<(), RoundError> {
        if let State::Running(task) = scan.state {
            // The node ends it, and the task with it; one that ended by itself is not missed.
            self.client.abort_scan().await?;
            task.abort();
        }
        tracing::info!(request = scan.request, "the scan was called off");
        Ok(())
    }

    async fn look_how_far(&mut self, mut scan: Scan) -> Result<(), RoundError> {
        let progress = self.client.scan_progress().await;
        let progress = match progress {
            Ok(progress) => progress.unwrap_or(scan.progress).min(100),
            Err(error) => {
                self.scan = Some(scan);
                return Err(error.into());
            }
        };
        let (request, changed) = (scan.request, progress != scan.progress);
        scan.progress = progress;
        self.scan = Some(scan);
        if changed {
            let mut tx = self.write().await?;
            reconciliation::set_progress(&mut tx, request, progress, clock::now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The differences at the scan's block; none where that is not in the chain any more.
    async fn compare(
        &self,
        vault: VaultId,
        found: &Scanned,
    ) -> Result<Option<Vec<Difference>>, RoundError> {
        let mut tx = self.database.begin_read().await?;
        let block = chain::block_at(&mut tx, found.tip.height).await?;
        if block != Some(found.tip) {
            return Ok(None);
        }
        let held = coins::unspent_at(&mut tx, vault, found.tip.height).await?;
        let books: BTreeMap<OutPoint, Unspent> = held
            .into_iter()
            .map(|coin| {
                let height = coin.placement.block().map_or(0, |block| block.height);
                let unspent = Unspent {
                    amount: coin.amount,
                    script_pubkey: coin.script.script_pubkey,
                    height,
                };
                (coin.outpoint, unspent)
            })
            .collect();
        Ok(Some(differences(&books, &found.coins)))
    }
}

/// All calls of one scan, which must see one block; half of one is never a result.
async fn scan_all(client: Client, scripts: Vec<ScriptBuf>) -> Result<Scanned, RpcError> {
    let (first, rest) = scripts.split_at(scripts.len().min(SCRIPTS));
    'anew: for _ in 0..TRIES {
        let mut whole = client.scan_unspent(first).await?;
        for part in rest.chunks(SCRIPTS) {
            let found = client.scan_unspent(part).await?;
            if found.tip != whole.tip {
                continue 'anew;
            }
            whole.coins.extend(found.coins);
        }
        return Ok(whole);
    }
    Err(RpcError::Malformed {
        method: "scantxoutset",
        reason: format!("a block came between the calls of one scan, {TRIES} times"),
    })
}
