//! Reads the chain again from a height on, block by block, for a database that is rebuilt.
//!
//! Each block is taken in by the caller's own transaction, as the running watchtower takes it in: what was
//! scanned stays when the scan is stopped, and the watchtower goes on from there.

use policies::UnixTime;

use crate::bitcoind::{Client, FetchedBlock, RpcError};
use crate::clock;
use crate::configuration::{Config, ConfigError};
use crate::store::chain::{self, ChainError};
use crate::store::database::{Database, DatabaseError, Transaction};
use crate::store::inclusion;
use crate::tracker::{Block, BlockRef, Change};

/// Why the chain cannot be read again.
#[derive(Debug, thiserror::Error)]
pub enum RescanError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] RpcError),
    /// A block could not be taken in.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The node, or the database, is of another chain.
    #[error("wrong chain: the genesis block is {found}, configured is {expected}")]
    WrongChain {
        /// The genesis block configured.
        expected: bitcoin::BlockHash,
        /// The one found.
        found: bitcoin::BlockHash,
    },
    /// The node has not caught up with its own headers.
    #[error("the node is at height {blocks} of {headers}: it is still downloading")]
    Behind {
        /// Its tip.
        blocks: u32,
        /// Its best header.
        headers: u32,
    },
    /// The node has no block at the height to begin at.
    #[error("the node has no block at height {height}")]
    NoBlock {
        /// The height.
        height: u32,
    },
    /// A block that was scanned left the chain, below where the scan began.
    #[error("the chain was reorganized below height {height}, where the scan began")]
    BelowBirthday {
        /// The height.
        height: u32,
    },
}

/// A chain that is read again.
pub struct Rescan {
    client: Client,
    database: Database,
    config: Config,
}

impl std::fmt::Debug for Rescan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rescan")
            .field("node", &self.config.node.url)
            .finish_non_exhaustive()
    }
}

/// The next block, to be looked at before it is taken in.
#[derive(Debug)]
pub struct NextBlock(FetchedBlock);

impl Rescan {
    /// Connects to the node, which must follow the configured chain and have all of it.
    ///
    /// # Errors
    /// What stands against reading it.
    pub async fn begin(database: Database, config: Config) -> Result<Self, RescanError> {
        config.check()?;
        let client = Client::new(&config.node.url, config.credentials()?)?;
        let info = client.chain_info().await?;
        let (blocks, headers) = (info.blocks, info.headers);
        if blocks < headers {
            return Err(RescanError::Behind { blocks, headers });
        }
        let expected = config.genesis();
        let found = client.block_hash(0).await?.unwrap_or(expected);
        if found != expected {
            return Err(RescanError::WrongChain { expected, found });
        }
        Ok(Self {
            client,
            database,
            config,
        })
    }

    /// The node's tip.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn tip(&self) -> Result<u32, RescanError> {
        Ok(self.client.chain_info().await?.blocks)
    }

    /// Begins at a height, unless blocks were taken in before; nothing below it is looked at.
    ///
    /// # Errors
    /// [`RescanError::NoBlock`], [`RescanError::WrongChain`].
    pub async fn set_birthday(&self, height: u32) -> Result<(), RescanError> {
        let expected = self.config.genesis();
        let mut tx = self.database.begin_write().await?;
        let found = chain::claim_genesis(&mut tx, expected).await?;
        if found != expected {
            return Err(RescanError::WrongChain { expected, found });
        }
        if chain::tip(&mut tx).await?.is_none() {
            let hash = self.client.block_hash(height).await?;
            let hash = hash.ok_or(RescanError::NoBlock { height })?;
            let header = self.client.block(hash).await?.header;
            let time = UnixTime::from_secs(u64::from(header.time));
            let base = BlockRef { height, hash };
            chain::set_base(&mut tx, base, header.prev_blockhash, time).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The block after those that were taken in; none at the tip. Blocks that left the chain meanwhile are
    /// taken back first.
    ///
    /// # Errors
    /// When the node or the database fails.
    pub async fn next(&self) -> Result<Option<NextBlock>, RescanError> {
        loop {
            let mut tx = self.database.begin_read().await?;
            let Some(tip) = chain::tip(&mut tx).await? else {
                return Err(RescanError::BelowBirthday { height: 0 });
            };
            drop(tx);
            if self.client.block_hash(tip.height).await? != Some(tip.hash) {
                self.take_back(tip).await?;
                continue;
            }
            let height = tip.height.saturating_add(1);
            let Some(hash) = self.client.block_hash(height).await? else {
                return Ok(None);
            };
            let next = self.client.fetch(height, hash).await?;
            if next.block.previous == tip.hash {
                return Ok(Some(NextBlock(next)));
            }
        }
    }

    async fn take_back(&self, tip: BlockRef) -> Result<(), RescanError> {
        let mut tx = self.database.begin_write().await?;
        let changes = chain::disconnect_tip(&mut tx, tip, clock::now()).await?;
        tracing::debug!(
            height = tip.height,
            changes = changes.len(),
            "block taken back"
        );
        if chain::tip(&mut tx).await?.is_none() {
            let height = tip.height;
            return Err(RescanError::BelowBirthday { height });
        }
        Ok(tx.commit().await?)
    }
}

impl NextBlock {
    /// The block.
    pub fn block(&self) -> &Block {
        &self.0.block
    }

    /// Takes the block in.
    ///
    /// # Errors
    /// When it does not follow on what was taken in, or the database fails.
    pub async fn connect(&self, tx: &mut Transaction) -> Result<(), RescanError> {
        let changes = take_in(tx, &self.0).await?;
        let height = self.0.block.height;
        tracing::debug!(height, changes = changes.len(), "block scanned");
        Ok(())
    }
}

/// Takes in the next block, with what shows its transactions in it.
pub(crate) async fn take_in(
    tx: &mut Transaction,
    next: &FetchedBlock,
) -> Result<Vec<Change>, ChainError> {
    let FetchedBlock { block, header } = next;
    let changes = chain::connect_block(tx, block, clock::now()).await?;
    inclusion::record(tx, block.at(), header, &block.transactions).await?;
    Ok(changes)
}
