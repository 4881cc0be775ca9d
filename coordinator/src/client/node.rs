//! The service's own Bitcoin Core, asked for one thing: how deep a block is in its active chain.

use std::fmt;
use std::time::Duration;

use bitcoin::BlockHash;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;

use super::proof::{ActiveChain, Depth};
use super::transport::{agent, read_bounded};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;
/// RPC_INVALID_ADDRESS_OR_KEY (Bitcoin Core, `src/rpc/protocol.h`): the node does not know the block.
const UNKNOWN: i64 = -5;

/// A node of the service's own.
pub struct Core {
    agent: Agent,
    url: String,
    authorization: String,
}

/// Why a node does not say how deep a block is.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Connection(#[source] Box<ureq::Error>),
    /// It refuses.
    #[error("it answers error {code}: {message}")]
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// Its answer is none of Bitcoin Core's.
    #[error("its answer with status {status} is none of Bitcoin Core's")]
    Foreign {
        /// The HTTP status.
        status: u16,
    },
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Header>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Header {
    height: u32,
    /// -1 where the block is not in the active chain.
    confirmations: i64,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

impl Core {
    /// The node at this URL (`http://127.0.0.1:8332`), with a user and a password as its cookie or its configuration
    /// has them.
    pub fn new(url: &str, user: &str, password: &str) -> Self {
        use bitcoin::base64::Engine as _;
        use bitcoin::base64::engine::general_purpose::STANDARD;
        let basic = STANDARD.encode(format!("{user}:{password}"));
        Self {
            agent: agent(TIMEOUT),
            url: url.to_owned(),
            authorization: format!("Basic {basic}"),
        }
    }

    fn header(&self, block: BlockHash) -> Result<Option<Header>, NodeError> {
        let call: Value = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "getblockheader",
            "params": [block, true],
        });
        let asked = self.agent.post(&self.url);
        let asked = asked.header("authorization", &self.authorization);
        let (status, bytes) = read_bounded(asked.send_json(call), MAX_ANSWER)
            .map_err(|error| NodeError::Connection(Box::new(error)))?;
        let status = status.as_u16();
        let answer: Answer =
            serde_json::from_slice(&bytes).map_err(|_| NodeError::Foreign { status })?;
        match (answer.result, answer.error) {
            (Some(header), None) => Ok(Some(header)),
            (None, Some(Refusal { code: UNKNOWN, .. })) => Ok(None),
            (_, Some(Refusal { code, message })) => Err(NodeError::Refused { code, message }),
            (None, None) => Err(NodeError::Foreign { status }),
        }
    }
}

impl ActiveChain for Core {
    type Error = NodeError;

    fn depth(&self, block: BlockHash) -> Result<Option<Depth>, NodeError> {
        let header = self.header(block)?;
        Ok(header.and_then(|header| {
            let confirmations = u32::try_from(header.confirmations).ok()?;
            (confirmations > 0).then_some(Depth {
                height: header.height,
                confirmations,
            })
        }))
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
