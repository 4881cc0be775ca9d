//! A small JSON-RPC client: cookie or password, batches, typed calls.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::{Block, BlockHash, FeeRate, OutPoint, ScriptBuf, Transaction, Txid};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answers::{self, ChainInfo, MempoolFees, Scanned, TestAccept, UnspentOutput};
use super::error::RpcError;
use crate::tracker::Pooled;

/// How long one call may take; `getblock` of a full block takes well under a second.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long a scan of the whole UTXO set may take.
const SCAN_TIMEOUT: Duration = Duration::from_hours(6);
/// Calls in one batch.
const BATCH: usize = 100;
/// RPC_INVALID_ADDRESS_OR_KEY: a transaction that is not in the mempool.
const INVALID_ADDRESS_OR_KEY: i64 = -5;
/// RPC_INVALID_PARAMETER: a height beyond the tip.
const INVALID_PARAMETER: i64 = -8;

/// How we prove to the node who we are.
#[derive(Clone)]
pub enum Credentials {
    /// The cookie file that the node writes at each start.
    Cookie(PathBuf),
    /// A user and the file with the password.
    Password {
        /// The user.
        user: String,
        /// The file that holds the password alone.
        file: PathBuf,
    },
}

/// A connection to one node. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    credentials: Credentials,
    known: Arc<RwLock<Option<(String, String)>>>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<ReplyError>,
    id: Option<usize>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    message: String,
}

impl Client {
    /// A client of the node at this URL (`http://127.0.0.1:8332`). Nothing is sent yet.
    pub fn new(url: &str, credentials: Credentials) -> Result<Self, RpcError> {
        Ok(Self {
            http: http(TIMEOUT)?,
            url: url.to_owned(),
            credentials,
            known: Arc::default(),
        })
    }

    /// Chain, tip, headers and whether the node is still downloading.
    pub async fn chain_info(&self) -> Result<ChainInfo, RpcError> {
        self.call("getblockchaininfo", json!([])).await
    }

    /// The tip.
    pub async fn best_block_hash(&self) -> Result<BlockHash, RpcError> {
        self.call("getbestblockhash", json!([])).await
    }

    /// The hash of the active chain's block at a height; none beyond the tip.
    pub async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, RpcError> {
        match self.call("getblockhash", json!([height])).await {
            Ok(hash) => Ok(Some(hash)),
            Err(RpcError::Refused {
                code: INVALID_PARAMETER,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The hashes of the active chain's blocks at these heights, all of which it must have.
    pub async fn block_hashes(&self, heights: Range<u32>) -> Result<Vec<BlockHash>, RpcError> {
        let method = "getblockhash";
        let calls: Vec<Value> = heights.map(|height| json!([height])).collect();
        let mut hashes = Vec::with_capacity(calls.len());
        for part in calls.chunks(BATCH) {
            for answer in self.batch(method, part).await? {
                hashes.push(parse(method, &answer?)?);
            }
        }
        Ok(hashes)
    }

    /// A whole block, whose header has this hash and whose transactions are those it commits to.
    pub async fn block(&self, hash: BlockHash) -> Result<Block, RpcError> {
        let method = "getblock";
        let text: String = self.call(method, json!([hash, 0])).await?;
        let block: Block = encode::deserialize_hex(&text)
            .map_err(|error| malformed(method, &error.to_string()))?;
        if block.block_hash() != hash || !block.check_merkle_root() {
            return Err(malformed(method, "another block than asked for"));
        }
        Ok(block)
    }

    /// The headers of these blocks; none for those that the node does not know.
    pub async fn headers(&self, hashes: &[BlockHash]) -> Result<Vec<Option<Header>>, RpcError> {
        let method = "getblockheader";
        let mut headers = Vec::with_capacity(hashes.len());
        for part in hashes.chunks(BATCH) {
            let calls: Vec<Value> = part.iter().map(|hash| json!([hash, false])).collect();
            for (hash, answer) in part.iter().zip(self.batch(method, &calls).await?) {
                let Ok(raw) = answer else {
                    headers.push(None);
                    continue;
                };
                let text: String = parse(method, &raw)?;
                let header: Header = encode::deserialize_hex(&text)
                    .map_err(|error| malformed(method, &error.to_string()))?;
                if header.block_hash() != *hash {
                    return Err(malformed(method, "another header than asked for"));
                }
                headers.push(Some(header));
            }
        }
        Ok(headers)
    }

    /// The ids in the mempool.
    pub async fn mempool(&self) -> Result<Vec<Txid>, RpcError> {
        self.call("getrawmempool", json!([])).await
    }

    /// Whole transactions from the mempool; those that left meanwhile are left out.
    pub async fn mempool_transactions(&self, txids: &[Txid]) -> Result<Vec<Transaction>, RpcError> {
        let method = "getrawtransaction";
        let mut transactions = Vec::with_capacity(txids.len());
        for part in txids.chunks(BATCH) {
            let calls: Vec<Value> = part.iter().map(|txid| json!([txid])).collect();
            for (txid, answer) in part.iter().zip(self.batch(method, &calls).await?) {
                let Ok(raw) = answer else { continue };
                let text: String = parse(method, &raw)?;
                let transaction: Transaction = encode::deserialize_hex(&text)
                    .map_err(|error| malformed(method, &error.to_string()))?;
                if transaction.compute_txid() != *txid {
                    return Err(malformed(method, "another transaction than asked for"));
                }
                transactions.push(transaction);
            }
        }
        Ok(transactions)
    }

    /// Hands a transaction to the node. No cap on the feerate here: signers and policy have theirs.
    pub async fn send(&self, transaction: &Transaction) -> Result<Txid, RpcError> {
        self.call(
            "sendrawtransaction",
            json!([encode::serialize_hex(transaction), 0]),
        )
        .await
    }

    /// Whether the mempool would take a transaction.
    pub async fn test_accept(&self, transaction: &Transaction) -> Result<TestAccept, RpcError> {
        let method = "testmempoolaccept";
        let answer: Vec<TestAccept> = self
            .call(method, json!([[encode::serialize_hex(transaction)], 0]))
            .await?;
        answer
            .into_iter()
            .next()
            .ok_or_else(|| malformed(method, "no result"))
    }

    /// A transaction of the mempool, and those that descend from it there; none where it is not in it.
    pub async fn descendants(&self, txid: Txid) -> Result<Option<(Pooled, Vec<Pooled>)>, RpcError> {
        let own = match self.call("getmempoolentry", json!([txid])).await {
            Ok(entry) => pooled("getmempoolentry", txid, entry)?,
            Err(RpcError::Refused {
                code: INVALID_ADDRESS_OR_KEY,
                ..
            }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let method = "getmempooldescendants";
        let found: BTreeMap<Txid, answers::PoolEntry> =
            match self.call(method, json!([txid, true])).await {
                Ok(found) => found,
                // It left meanwhile.
                Err(RpcError::Refused {
                    code: INVALID_ADDRESS_OR_KEY,
                    ..
                }) => return Ok(None),
                Err(error) => return Err(error),
            };
        let found = found
            .into_iter()
            .map(|(txid, entry)| pooled(method, txid, entry))
            .collect::<Result<_, _>>()?;
        Ok(Some((own, found)))
    }

    /// The node's estimate for confirmation within `target` blocks, if it has one.
    pub async fn estimate_fee(&self, target: u32) -> Result<Option<FeeRate>, RpcError> {
        let method = "estimatesmartfee";
        let answer: answers::FeeAnswer = self.call(method, json!([target])).await?;
        answer
            .feerate()
            .map_err(|reason| malformed(method, &reason))
    }

    /// What the node's mempool asks for now.
    pub async fn mempool_fees(&self) -> Result<MempoolFees, RpcError> {
        let method = "getmempoolinfo";
        let answer: answers::MempoolInfo = self.call(method, json!([])).await?;
        answer.read().map_err(|reason| malformed(method, &reason))
    }

    /// These outputs of the UTXO set at the node's tip, in their order, the mempool left aside; the tip may move between
    /// them.
    pub async fn unspent_outputs(
        &self,
        outpoints: &[OutPoint],
    ) -> Result<Vec<Option<UnspentOutput>>, RpcError> {
        let method = "gettxout";
        let mut outputs = Vec::with_capacity(outpoints.len());
        for part in outpoints.chunks(BATCH) {
            let calls: Vec<Value> = part
                .iter()
                .map(|outpoint| json!([outpoint.txid, outpoint.vout, false]))
                .collect();
            for answer in self.batch(method, &calls).await? {
                let answer: Option<answers::TxOutAnswer> = parse(method, &answer?)?;
                let output = answer.map(answers::TxOutAnswer::read).transpose();
                outputs.push(output.map_err(|reason| malformed(method, &reason))?);
            }
        }
        Ok(outputs)
    }

    /// The same client for calls that may take hours.
    pub fn patient(&self) -> Result<Self, RpcError> {
        Ok(Self {
            http: http(SCAN_TIMEOUT)?,
            ..self.clone()
        })
    }

    /// All unspent outputs at the node's tip that pay one of these scripts: it looks through its whole UTXO set, which
    /// takes minutes on a large chain, and does so for one caller at a time.
    pub async fn scan_unspent(&self, scripts: &[ScriptBuf]) -> Result<Scanned, RpcError> {
        let method = "scantxoutset";
        let objects: Vec<String> = scripts
            .iter()
            .map(|script| format!("raw({})", script.to_hex_string()))
            .collect();
        let answer: answers::ScanAnswer = self.call(method, json!(["start", objects])).await?;
        answer.read().map_err(|reason| malformed(method, &reason))
    }

    /// How many hundredths the scan that is going on has looked through; none where none is.
    pub async fn scan_progress(&self) -> Result<Option<u8>, RpcError> {
        let answer: Option<answers::ScanStatus> =
            self.call("scantxoutset", json!(["status"])).await?;
        Ok(answer.map(|answer| answer.progress))
    }

    /// Ends the scan that is going on; says whether there was one.
    pub async fn abort_scan(&self) -> Result<bool, RpcError> {
        self.call("scantxoutset", json!(["abort"])).await
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: Value,
    ) -> Result<T, RpcError> {
        let mut answers = self.batch(method, &[parameters]).await?;
        let raw = answers
            .pop()
            .ok_or_else(|| malformed(method, "no answer"))??;
        parse(method, &raw)
    }

    /// Several calls of one method; the answers stand in the order of the calls.
    async fn batch(
        &self,
        method: &'static str,
        calls: &[Value],
    ) -> Result<Vec<Result<Box<RawValue>, RpcError>>, RpcError> {
        let body = Value::Array(
            calls
                .iter()
                .enumerate()
                .map(|(id, parameters)| {
                    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
                })
                .collect(),
        );
        let bytes = match self.post(method, &body, false).await {
            // A node that was started again has written another cookie.
            Err(RpcError::Unauthorized) => self.post(method, &body, true).await?,
            other => other?,
        };
        let replies: Vec<Reply> = serde_json::from_slice(&bytes)
            .map_err(|error| malformed(method, &error.to_string()))?;
        let mut ordered: Vec<Option<Result<Box<RawValue>, RpcError>>> =
            calls.iter().map(|_| None).collect();
        for reply in replies {
            let place = reply
                .id
                .and_then(|id| ordered.get_mut(id))
                .ok_or_else(|| malformed(method, "an answer to no call"))?;
            *place = Some(match reply.error {
                Some(ReplyError { code, message }) => Err(RpcError::Refused {
                    method,
                    code,
                    message,
                }),
                None => Ok(reply.result.unwrap_or_else(|| RawValue::NULL.to_owned())),
            });
        }
        ordered
            .into_iter()
            .map(|answer| answer.ok_or_else(|| malformed(method, "a call without an answer")))
            .collect()
    }

    async fn post(
        &self,
        method: &'static str,
        body: &Value,
        again: bool,
    ) -> Result<Vec<u8>, RpcError> {
        let (user, password) = self.credentials(again).await?;
        let response = self
            .http
            .post(&self.url)
            .basic_auth(user, Some(password))
            .json(body)
            .send()
            .await
            .map_err(RpcError::Unreachable)?;
        match response.status() {
            reqwest::StatusCode::UNAUTHORIZED | reqwest::StatusCode::FORBIDDEN => {
                return Err(RpcError::Unauthorized);
            }
            reqwest::StatusCode::SERVICE_UNAVAILABLE => return Err(RpcError::WorkQueueFull),
            status if status.is_redirection() => {
                let reason = format!("it sends us elsewhere ({})", status.as_u16());
                return Err(malformed(method, &reason));
            }
            _ => {}
        }
        let bytes = response.bytes().await.map_err(RpcError::Unreachable)?;
        Ok(bytes.to_vec())
    }

    /// User and password, read once and again after a refusal.
    async fn credentials(&self, again: bool) -> Result<(String, String), RpcError> {
        if !again && let Some(known) = self.known.read().ok().and_then(|known| known.clone()) {
            return Ok(known);
        }
        let path = match &self.credentials {
            Credentials::Cookie(file) | Credentials::Password { file, .. } => file,
        };
        let text =
            tokio::fs::read_to_string(path)
                .await
                .map_err(|source| RpcError::Credentials {
                    path: path.clone(),
                    source,
                })?;
        let text = text.trim_end_matches(['\r', '\n']);
        let pair = match &self.credentials {
            Credentials::Cookie(_) => {
                let (user, password) = text.split_once(':').ok_or(RpcError::Unauthorized)?;
                (user.to_owned(), password.to_owned())
            }
            Credentials::Password { user, .. } => (user.clone(), text.to_owned()),
        };
        if let Ok(mut known) = self.known.write() {
            *known = Some(pair.clone());
        }
        Ok(pair)
    }
}

/// The credentials go to the node that was named, and to nobody else: not to a proxy of the environment, and not to
/// where an answer points.
fn http(timeout: Duration) -> Result<reqwest::Client, RpcError> {
    reqwest::Client::builder()
        .timeout(timeout)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(RpcError::Unreachable)
}

fn pooled(method: &'static str, txid: Txid, entry: answers::PoolEntry) -> Result<Pooled, RpcError> {
    entry
        .read(txid)
        .map_err(|reason| malformed(method, &reason))
}

fn parse<T: DeserializeOwned>(method: &'static str, raw: &RawValue) -> Result<T, RpcError> {
    serde_json::from_str(raw.get()).map_err(|error| malformed(method, &error.to_string()))
}

pub(super) fn malformed(method: &'static str, reason: &str) -> RpcError {
    RpcError::Malformed {
        method,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pretended::Node;
    use super::*;

    /// Set by the test that starts itself again behind a proxy.
    const BESIDE: &str = "COUNTERSIGN_TEST_NODE";

    #[tokio::test]
    async fn credentials_follow_no_redirect() {
        let (node, other) = (Node::start(), Node::start());
        node.send_elsewhere(&other.url);
        let error = node.client().best_block_hash().await;
        let error = error.expect_err("it is not followed").to_string();
        assert_eq!(
            error,
            "the node's answer to getbestblockhash makes no sense: it sends us elsewhere (307)"
        );
        assert_eq!((node.posts(), other.posts()), (1, 0));
    }

    #[tokio::test]
    async fn credentials_go_to_no_proxy_of_the_environment() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test tells itself where the node is"
        )]
        let beside = std::env::var(BESIDE);
        if let Ok(beside) = beside {
            let (url, cookie) = beside.split_once(' ').expect("a URL and a file");
            let credentials = Credentials::Cookie(PathBuf::from(cookie));
            let client = Client::new(url, credentials).expect("a client");
            for client in [client.clone(), client.patient().expect("a client")] {
                client.best_block_hash().await.expect("answers");
            }
            return;
        }
        let (node, proxy) = (Node::start(), Node::start());
        let mut again = std::process::Command::new(std::env::current_exe().expect("a program"));
        again
            .arg("credentials_go_to_no_proxy_of_the_environment")
            .env(BESIDE, format!("{} {}", node.url, node.cookie().display()))
            .env_remove("NO_PROXY")
            .env_remove("no_proxy");
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            again.env(name, &proxy.url);
        }
        let ended = again.output().expect("runs");
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!((node.posts(), proxy.posts()), (2, 0));
    }
}
