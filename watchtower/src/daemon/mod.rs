//! The running watchtower: looks at the node again and again, and lets the tracker and the store
//! take in what it shows. It may be stopped at any point and goes on from the database.
//!
//! One process of several works at a time, under a lease whose epoch every write asserts.

mod blocks;
mod broadcasts;
mod comparison;
mod deep;
mod estimates;
mod inclusion;
mod mempool;
mod pinning;
mod reconcile;
mod scans;
mod sequencer;
mod status;
mod telling;
#[cfg(test)]
mod tests;
mod witnesses;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bitcoin::{BlockHash, Script, Txid};
use policies::{Policy, PolicyId, UnixTime, VaultId};
use tokio::time::Instant;

use crate::bitcoind::{ChainInfo, Client, RpcError};
use crate::clock;
use crate::configuration::{Config, ConfigError};
use crate::store::chain::{self, ChainError};
use crate::store::database::{Database, DatabaseError, Transaction};
use crate::store::events::EventError;
use crate::store::lease::{self, Lease, LeaseError};
use crate::store::node::Trouble;
use crate::tracker::BlockRef;

/// The work under the watchtower's lease.
const LEASE: &str = "watchtower";
/// How long a lease holds without being renewed.
const LEASE_SECONDS: u64 = 30;

/// Why the watchtower stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node follows another chain than the one configured.
    #[error(
        "wrong chain: the node's genesis block is {found}, configured is {expected} ({network})"
    )]
    WrongChain {
        /// The genesis block configured.
        expected: BlockHash,
        /// The node's.
        found: BlockHash,
        /// The network configured.
        network: bitcoin::Network,
    },
    /// The node follows another signet than the one configured.
    #[error("wrong signet: the node's challenge is {found}, configured is {expected}")]
    WrongSignet {
        /// The challenge configured, in hex.
        expected: String,
        /// The node's; empty if it has none.
        found: String,
    },
    /// The database keeps the books of another chain.
    #[error("wrong database: its chain begins with {found}, configured is {expected}")]
    WrongDatabase {
        /// The genesis block configured.
        expected: BlockHash,
        /// The database's.
        found: BlockHash,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The node's client could not be made.
    #[error(transparent)]
    Client(RpcError),
}

/// Why one round of work ended early; the next round tries again.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Node(#[from] RpcError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("{detail}")]
    Trouble { trouble: Trouble, detail: String },
}

/// Runs until `shutdown` resolves. The database must have been migrated.
///
/// # Errors
///
/// [`DaemonError::WrongChain`] and [`DaemonError::WrongDatabase`] at the first contact with the node;
/// a node that is absent, busy or behind is no error: it is waited for, and `node_status` says so.
pub async fn run(
    database: Database,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), DaemonError> {
    config.check()?;
    let client =
        Client::new(&config.node.url, config.credentials()?).map_err(DaemonError::Client)?;
    let witnesses = witnesses::connect(&config)?;
    let mut worker = Worker::new(database.clone(), config.clone(), client, witnesses);
    let result = tokio::select! {
        result = worker.work() => result,
        () = sequencer::run(&database, &config) => Ok(()),
        () = telling::run(&database, config.alarm_command.as_deref()) => Ok(()),
        () = shutdown => Ok(()),
    };
    worker.give_back().await;
    result
}

/// What the process remembers between rounds; all of it may be lost.
struct Worker {
    database: Database,
    config: Config,
    client: Client,
    witnesses: Vec<witnesses::Witness>,
    /// The policies that are watched without a coordinator.
    policies: BTreeMap<PolicyId, Policy>,
    lease: Option<Lease>,
    /// Whether the node's genesis block was compared since it last answered.
    identified: bool,
    /// Since when the node is without blocks that we have seen.
    short_since: Option<Instant>,
    /// Transactions of the node's mempool that were looked at.
    examined: BTreeSet<Txid>,
    /// The tip at which the mempool was last looked at.
    mempool_tip: Option<BlockHash>,
    /// The tip at which transactions were last sent.
    sent_at: Option<BlockHash>,
    status: status::Recorder,
    estimated: Option<(BlockHash, UnixTime)>,
    /// When what hangs on ours was last looked at.
    pins_looked_at: UnixTime,
    /// The comparison that is going on.
    comparing: Option<comparison::Comparison>,
    /// When each vault was last compared with a result.
    compared_at: BTreeMap<VaultId, UnixTime>,
    /// Whether vaults were looked for before: those that come up later wait for their time.
    takes_up: bool,
    /// The scan of the node's whole UTXO set that is going on.
    scan: Option<deep::Scan>,
    /// When the next one may begin, after one that failed.
    scan_again_at: UnixTime,
    /// Blocks that the node has no more.
    without_block: BTreeSet<BlockHash>,
    /// The tip at which nothing was missing of what shows coins in the chain.
    filled: Option<BlockRef>,
}

impl Worker {
    fn new(
        database: Database,
        config: Config,
        client: Client,
        witnesses: Vec<witnesses::Witness>,
    ) -> Self {
        Self {
            database,
            config,
            client,
            witnesses,
            policies: BTreeMap::new(),
            lease: None,
            identified: false,
            short_since: None,
            examined: BTreeSet::new(),
            mempool_tip: None,
            sent_at: None,
            status: status::Recorder::default(),
            estimated: None,
            pins_looked_at: UnixTime::ZERO,
            comparing: None,
            compared_at: BTreeMap::new(),
            takes_up: false,
            scan: None,
            scan_again_at: UnixTime::ZERO,
            without_block: BTreeSet::new(),
            filled: None,
        }
    }

    async fn work(&mut self) -> Result<(), DaemonError> {
        let pause = Duration::from_millis(self.config.poll_interval_ms);
        let mut first_contact = true;
        loop {
            match self.hold_lease().await {
                Ok(true) => match self.round(first_contact).await {
                    Ok(busy) => {
                        first_contact = false;
                        if busy {
                            continue;
                        }
                    }
                    Err(Ended::For(error)) => return Err(error),
                    Err(Ended::Now(error)) => self.report(&error).await,
                },
                Ok(false) => {}
                Err(error) => self.report(&error).await,
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One look at the node and everything that follows from it; whether there is more to do at once.
    async fn round(&mut self, first_contact: bool) -> Result<bool, Ended> {
        let info = self.client.chain_info().await.map_err(RoundError::from)?;
        if !self.identified {
            self.identify(&info, first_contact).await?;
        }
        self.expect_chain(&info)?;
        if let Some(detail) = status::behind(&info, self.config.network) {
            return Err(RoundError::Trouble {
                trouble: Trouble::Behind,
                detail,
            }
            .into());
        }
        self.read_policies().await?;
        let verdict = self.compare_witnesses(&info).await?;
        self.follow_chain(&info, verdict.limit).await?;
        self.fill_inclusion().await?;
        self.look_at_mempool().await?;
        self.send_outgoing().await?;
        self.look_for_pins().await?;
        self.test_requested().await?;
        // What is asked of the chain and the fees waits; what is ours is sent all the same.
        if let Some((trouble, detail)) = verdict.trouble {
            return Err(RoundError::Trouble { trouble, detail }.into());
        }
        self.estimate_fees(&info).await?;
        self.reconcile().await?;
        self.record_status(status::fine(&info)).await?;
        let busy = self.scan().await?;
        Ok(busy)
    }

    /// Compares the genesis block of node, database and configuration.
    async fn identify(&mut self, info: &ChainInfo, first_contact: bool) -> Result<(), Ended> {
        let expected = self.config.genesis();
        let network = self.config.network;
        let found = self.client.block_hash(0).await.map_err(RoundError::from)?;
        let found = found.unwrap_or(expected);
        let mut wrong = (found != expected).then_some(DaemonError::WrongChain {
            expected,
            found,
            network,
        });
        if let Some(challenge) = self.config.challenge() {
            wrong = wrong.or_else(|| wrong_signet(&challenge, info.signet_challenge.as_deref()));
        }
        if let Some(wrong) = wrong {
            if first_contact {
                return Err(Ended::For(wrong));
            }
            let detail = wrong.to_string();
            return Err(RoundError::Trouble {
                trouble: Trouble::WrongChain,
                detail,
            }
            .into());
        }
        let mut tx = self.write().await?;
        let found = chain::claim_genesis(&mut tx, expected)
            .await
            .map_err(RoundError::from)?;
        tx.commit().await.map_err(RoundError::from)?;
        if found != expected {
            return Err(Ended::For(DaemonError::WrongDatabase { expected, found }));
        }
        self.identified = true;
        Ok(())
    }

    /// A node that was put in the place of ours, without any call failing, follows the same chain.
    fn expect_chain(&self, info: &ChainInfo) -> Result<(), RoundError> {
        let (expected, found) = (self.config.network.to_core_arg(), &info.chain);
        let detail = if info.chain == expected {
            let challenge = self.config.challenge();
            let wrong = challenge
                .and_then(|expected| wrong_signet(&expected, info.signet_challenge.as_deref()));
            wrong.map(|wrong| wrong.to_string())
        } else {
            Some(format!(
                "the node follows {found}, configured is {expected}"
            ))
        };
        let trouble = Trouble::WrongChain;
        detail.map_or(Ok(()), |detail| {
            Err(RoundError::Trouble { trouble, detail })
        })
    }

    /// Takes or keeps the lease; false while another process works.
    async fn hold_lease(&mut self) -> Result<bool, RoundError> {
        let now = clock::now();
        if let Some(held) = &self.lease {
            if held.expires_at.secs_since(now) > LEASE_SECONDS / 2 {
                return Ok(true);
            }
            let mut tx = self.database.begin_write().await?;
            match lease::renew(&mut tx, held, now, LEASE_SECONDS).await {
                Ok(renewed) => {
                    tx.commit().await?;
                    self.lease = Some(renewed);
                    return Ok(true);
                }
                Err(error) => {
                    tracing::warn!(%error, "another watchtower has taken over");
                    self.lease = None;
                }
            }
        }
        let mut tx = self.database.begin_write().await?;
        let instance = &self.config.instance;
        self.lease = lease::acquire(&mut tx, LEASE, instance, now, LEASE_SECONDS).await?;
        tx.commit().await?;
        // Who worked meanwhile may have kept less.
        self.filled = None;
        if let Some(lease) = &self.lease {
            tracing::info!(epoch = lease.epoch, instance, "watching");
        }
        Ok(self.lease.is_some())
    }

    /// Begins a write that fails if the lease was lost.
    async fn write(&self) -> Result<Transaction, RoundError> {
        let mut tx = self.database.begin_write().await?;
        if let Some(held) = &self.lease {
            lease::assert_held(&mut tx, held).await?;
        }
        Ok(tx)
    }

    /// Lets another process take over at once.
    async fn give_back(&mut self) {
        let Some(held) = self.lease.take() else {
            return;
        };
        let released: Result<(), DatabaseError> = async {
            let mut tx = self.database.begin_write().await?;
            lease::release(&mut tx, &held).await?;
            tx.commit().await
        }
        .await;
        if let Err(error) = released {
            tracing::warn!(%error, "the lease could not be given back");
        }
    }

    /// Says what ended a round, in the log and in `node_status`.
    async fn report(&mut self, error: &RoundError) {
        let trouble = match error {
            RoundError::Node(error) => Some(error.trouble()),
            RoundError::Trouble { trouble, .. } => Some(*trouble),
            RoundError::Lease(LeaseError::Lost { .. }) => {
                self.lease = None;
                None
            }
            RoundError::Chain(ChainError::TipMoved { .. }) => None,
            RoundError::Chain(_)
            | RoundError::Lease(LeaseError::Database(_))
            | RoundError::Event(_)
            | RoundError::Database(_) => {
                tracing::error!(%error, "the database refuses work");
                None
            }
        };
        let Some(trouble) = trouble else { return };
        self.identified = false;
        if let Err(error) = self
            .record_status(status::Finding::Trouble(trouble, error.to_string()))
            .await
        {
            tracing::error!(%error, "the node's status could not be stored");
        }
    }
}

/// How a round ended early.
enum Ended {
    /// For good.
    For(DaemonError),
    /// For now.
    Now(RoundError),
}

impl<E: Into<RoundError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Now(error.into())
    }
}

/// Whether the node's signet is another one.
fn wrong_signet(expected: &Script, found: Option<&Script>) -> Option<DaemonError> {
    (found != Some(expected)).then(|| DaemonError::WrongSignet {
        expected: expected.to_hex_string(),
        found: found.map(Script::to_hex_string).unwrap_or_default(),
    })
}
