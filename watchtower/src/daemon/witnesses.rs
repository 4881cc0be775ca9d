//! Further nodes, compared with the one that is followed.
//!
//! Invariant: what a witness says can only hold back: no block above the last that all who answer have in common is
//! taken in. One that does not answer is in trouble by itself and holds nothing back.

use std::time::Duration;

use bitcoin::BlockHash;
use policies::UnixTime;
use tokio::time::timeout;

use super::{DaemonError, RoundError, Worker, status};
use crate::bitcoind::{ChainInfo, Client, RpcError};
use crate::clock;
use crate::configuration::Config;
use crate::store::node::Trouble;

/// How long a witness may take for an answer: the round waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds until one that did not answer is asked again.
const PAUSE: u64 = 30;
/// Blocks by which a witness may be ahead, as any node may be for a moment.
const AHEAD: u32 = 3;

/// A further node.
pub(super) struct Witness {
    name: String,
    client: Client,
    /// When it was asked last without an answer.
    silent_since: Option<UnixTime>,
}

/// What comparing with the witnesses says of the node that is followed.
pub(super) struct Verdict {
    /// The last block that may be taken in.
    pub(super) limit: u32,
    /// Why it cannot be relied on, if it cannot.
    pub(super) trouble: Option<(Trouble, String)>,
}

/// What one witness shows.
enum Seen {
    /// The same chain, up to this height.
    Same(ChainInfo),
    /// Another block at the height after this one.
    Parted { info: ChainInfo, common: u32 },
    /// Nothing that can be relied on.
    Nothing(Trouble, String),
}

/// The witnesses that the configuration names. Nothing is sent yet.
pub(super) fn connect(config: &Config) -> Result<Vec<Witness>, DaemonError> {
    let mut witnesses = Vec::with_capacity(config.witness.len());
    for witness in &config.witness {
        let node = witness.node();
        let client = Client::new(&node.url, node.credentials()?).map_err(DaemonError::Client)?;
        witnesses.push(Witness {
            name: witness.name.clone(),
            client,
            silent_since: None,
        });
    }
    Ok(witnesses)
}

impl Worker {
    /// Compares the node at its tip with every witness, and says how far it may be followed.
    pub(super) async fn compare_witnesses(
        &mut self,
        info: &ChainInfo,
    ) -> Result<Verdict, RoundError> {
        let now = clock::now();
        let after = self.config.stalled_after();
        let mut verdict = Verdict {
            limit: u32::MAX,
            trouble: status::stalled(info, after, now).map(|detail| (Trouble::Stalled, detail)),
        };
        for position in 0..self.witnesses.len() {
            let Some(witness) = self.witnesses.get(position) else {
                continue;
            };
            let waits = |since: UnixTime| now.secs_since(since) < PAUSE;
            if witness.silent_since.is_some_and(waits) {
                continue;
            }
            let name = witness.name.clone();
            let asked = timeout(PATIENCE, self.ask(&witness.client, info)).await;
            let seen = match asked {
                Ok(Ok(seen)) => seen,
                Ok(Err(Fault::Followed(error))) => return Err(error.into()),
                Ok(Err(Fault::Witness(error))) => Seen::Nothing(error.trouble(), error.to_string()),
                Err(_) => {
                    let detail = format!("it has not answered within {} s", PATIENCE.as_secs());
                    Seen::Nothing(Trouble::Absent, detail)
                }
            };
            let silent = matches!(seen, Seen::Nothing(Trouble::Absent, _));
            if let Some(witness) = self.witnesses.get_mut(position) {
                witness.silent_since = silent.then_some(now);
            }
            let finding = match seen {
                Seen::Same(theirs) => {
                    let ahead = theirs.blocks.saturating_sub(info.blocks);
                    if ahead >= AHEAD && verdict.trouble.is_none() {
                        let detail = format!(
                            "{name} has {ahead} blocks more than the node's {}",
                            info.blocks
                        );
                        verdict.trouble = Some((Trouble::Behind, detail));
                    }
                    match status::stalled(&theirs, after, now) {
                        Some(detail) => status::Finding::Trouble(Trouble::Stalled, detail),
                        None => status::Finding::Fine(theirs),
                    }
                }
                Seen::Parted {
                    info: theirs,
                    common,
                } => {
                    verdict.limit = verdict.limit.min(common);
                    let detail = format!(
                        "{name} and the node have block {common} in common, and then others: its tip is {} at \
                         height {}, the node's {} at {}",
                        theirs.tip, theirs.blocks, info.tip, info.blocks
                    );
                    verdict.trouble = Some((Trouble::Disagrees, detail.clone()));
                    status::Finding::Trouble(Trouble::Disagrees, detail)
                }
                Seen::Nothing(trouble, detail) => status::Finding::Trouble(trouble, detail),
            };
            self.record_status_of(&name, finding).await?;
        }
        Ok(verdict)
    }

    async fn ask(&self, witness: &Client, info: &ChainInfo) -> Result<Seen, Fault> {
        let theirs = witness.chain_info().await.map_err(Fault::Witness)?;
        let genesis = witness.block_hash(0).await.map_err(Fault::Witness)?;
        let expected = self.config.genesis();
        let challenge = self.config.challenge();
        if genesis.is_some_and(|genesis| genesis != expected)
            || (challenge.is_some() && theirs.signet_challenge != challenge)
        {
            let detail = "it follows another chain than the one configured".to_owned();
            return Ok(Seen::Nothing(Trouble::WrongChain, detail));
        }
        let height = theirs.blocks.min(info.blocks);
        if !self.same_at(witness, height).await? {
            let common = self.last_common(witness, height).await?;
            return Ok(Seen::Parted {
                info: theirs,
                common,
            });
        }
        Ok(match status::behind(&theirs, self.config.network) {
            Some(detail) => Seen::Nothing(Trouble::Behind, detail),
            None => Seen::Same(theirs),
        })
    }

    /// The last block that both have, below a height at which they differ: chains that part stay parted.
    async fn last_common(&self, witness: &Client, height: u32) -> Result<u32, Fault> {
        let (mut same, mut other) = (0, height);
        let mut step = 1;
        // Near the tip first: that is where nodes differ.
        while other > 0 {
            let probe = other.saturating_sub(step);
            if self.same_at(witness, probe).await? {
                same = probe;
                break;
            }
            other = probe;
            step = step.saturating_mul(2);
        }
        while other.saturating_sub(same) > 1 {
            let middle = same.midpoint(other);
            if self.same_at(witness, middle).await? {
                same = middle;
            } else {
                other = middle;
            }
        }
        Ok(same)
    }

    /// Whether both have the same block at a height. One that has none there any more reorganizes just now.
    async fn same_at(&self, witness: &Client, height: u32) -> Result<bool, Fault> {
        let ours = self
            .client
            .block_hash(height)
            .await
            .map_err(Fault::Followed)?;
        let theirs = witness.block_hash(height).await.map_err(Fault::Witness)?;
        let differ = |(ours, theirs): (BlockHash, BlockHash)| ours != theirs;
        Ok(!ours.zip(theirs).is_some_and(differ))
    }
}

/// Whose call failed.
enum Fault {
    /// The node's that is followed.
    Followed(RpcError),
    /// The witness's.
    Witness(RpcError),
}
