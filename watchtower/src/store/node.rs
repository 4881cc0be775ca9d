//! What is known of the node, for everyone to see.

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use policies::UnixTime;

use super::database::{DatabaseError, Transaction, Value};

/// The name of the node that is followed; every other one is a witness.
pub const MAIN: &str = "main";

/// Why the node cannot be relied on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It does not answer.
    Absent,
    /// It refuses our credentials.
    Unauthorized,
    /// It answers, but is starting up or has no time.
    Busy,
    /// It is downloading the chain, knows headers whose blocks it has not, or has lost blocks that it had.
    Behind,
    /// It follows another chain than the one configured.
    WrongChain,
    /// It gave an answer that makes no sense.
    Malformed,
    /// It no longer has a block we need.
    Pruned,
    /// Its tip is too old: it is cut off, or nobody mines.
    Stalled,
    /// Another node shows another block at a height that both have.
    Disagrees,
}

impl Trouble {
    /// Its stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Absent => "NODE_ABSENT",
            Self::Unauthorized => "NODE_UNAUTHORIZED",
            Self::Busy => "NODE_BUSY",
            Self::Behind => "NODE_BEHIND",
            Self::WrongChain => "NODE_WRONG_CHAIN",
            Self::Malformed => "NODE_MALFORMED_ANSWER",
            Self::Pruned => "NODE_PRUNED",
            Self::Stalled => "NODE_STALLED",
            Self::Disagrees => "NODE_DISAGREES",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Absent => {
                "start the node, and see that url and port of the configuration are its own"
            }
            Self::Unauthorized => "give the cookie file, or user and password, that the node takes",
            Self::Busy => "wait; a node that starts up answers after a while",
            Self::Behind => "wait until the node has caught up, or see why it does not",
            Self::WrongChain => "stop the watchtower, and name a node of the vaults' chain",
            Self::Malformed => {
                "see that this is Bitcoin Core of a version that is supported, and look at the log"
            }
            Self::Pruned => "use a node that has the block, or let this one download it again",
            Self::Stalled => {
                "see that the node has peers and its clock is right, and compare with another one"
            }
            Self::Disagrees => {
                "wait some blocks: one of the two follows a branch that loses; if it lasts, find out which, and why"
            }
        }
    }

    /// The trouble of a stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            Self::Absent,
            Self::Unauthorized,
            Self::Busy,
            Self::Behind,
            Self::WrongChain,
            Self::Malformed,
            Self::Pruned,
            Self::Stalled,
            Self::Disagrees,
        ]
        .into_iter()
        .find(|trouble| trouble.code() == code)
    }
}

/// Seconds after the last look at a node from which nobody seems to look any more; it is renewed every ten.
pub const SILENT_S: u64 = 300;

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name in the configuration.
    pub node: String,
    /// The chain it says it follows (`main`, `test`, `signet`, `regtest`); empty before it answered.
    pub chain: String,
    /// The height of its tip when it last answered.
    pub height: u32,
    /// Its tip when it last answered.
    pub hash: Option<BlockHash>,
    /// The headers it knew.
    pub headers: u32,
    /// Whether it was downloading the chain.
    pub initial_download: bool,
    /// What is wrong, if anything: if this is the node that is followed, then no new credit and no new batch.
    pub trouble: Option<Trouble>,
    /// The trouble in words.
    pub detail: String,
    /// When this was found.
    pub checked_at: UnixTime,
}

impl NodeStatus {
    /// Whether this is a node that is only compared with: its own trouble stops no money.
    pub fn is_witness(&self) -> bool {
        self.node != MAIN
    }
}

/// The status of every node.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn node_status(tx: &mut Transaction) -> Result<Vec<NodeStatus>, DatabaseError> {
    tx.rows(
        "SELECT node, chain, height, hash, headers, initial_download, trouble, detail, checked_at
         FROM node_status ORDER BY node",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        let trouble = match row.optional_text("trouble")? {
            None => None,
            Some(code) => Some(
                Trouble::from_code(code)
                    .ok_or_else(|| row.corrupt("trouble", "a trouble", code))?,
            ),
        };
        Ok(NodeStatus {
            node: row.text("node")?.to_owned(),
            chain: row.text("chain")?.to_owned(),
            height: row.u32("height")?,
            hash: row.optional_array("hash")?.map(BlockHash::from_byte_array),
            headers: row.u32("headers")?,
            initial_download: row.bool("initial_download")?,
            trouble,
            detail: row.text("detail")?.to_owned(),
            checked_at: UnixTime::from_secs(row.u64("checked_at")?),
        })
    })
    .collect()
}

/// Stores the status of a node.
///
/// # Errors
///
/// On a failed statement.
pub async fn record(tx: &mut Transaction, status: &NodeStatus) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO node_status
             (node, chain, height, hash, headers, initial_download, trouble, detail, checked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (node) DO UPDATE SET chain = excluded.chain, height = excluded.height,
             hash = excluded.hash, headers = excluded.headers,
             initial_download = excluded.initial_download, trouble = excluded.trouble,
             detail = excluded.detail, checked_at = excluded.checked_at",
        &[
            status.node.clone().into(),
            status.chain.clone().into(),
            status.height.into(),
            status.hash.map(bitcoin::BlockHash::to_byte_array).into(),
            status.headers.into(),
            status.initial_download.into(),
            status.trouble.map(Trouble::code).into(),
            status.detail.clone().into(),
            Value::from_u64(status.checked_at.as_secs())?,
        ],
    )
    .await
}

/// Forgets nodes that are configured no more, and names them.
///
/// # Errors
///
/// On a failed statement.
pub(crate) async fn keep(
    tx: &mut Transaction,
    names: &[&str],
) -> Result<Vec<String>, DatabaseError> {
    let mut forgotten: Vec<String> = node_status(tx)
        .await?
        .into_iter()
        .map(|status| status.node)
        .collect();
    forgotten.retain(|node| !names.contains(&node.as_str()));
    for node in &forgotten {
        tx.execute(
            "DELETE FROM node_status WHERE node = $1",
            &[node.as_str().into()],
        )
        .await?;
    }
    Ok(forgotten)
}
