//! A node for tests: over HTTP it answers what its chain says, and counts what it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use bitcoin::block::{Block, Header, Version};
use bitcoin::consensus::encode;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash as _;
use bitcoin::{
    BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Transaction, TxMerkleNode, TxOut,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Client, Credentials};
use crate::tracker::BlockRef;
use crate::tracker::simulation::{coinbase, foreign};

/// JSON, or a code and words.
pub(crate) type Said = Result<String, (i64, String)>;

/// What comes before the node's own answer; nothing leaves it to the node.
type Before = Box<dyn FnMut(&mut Vec<Block>, &str, &Value) -> Option<Said> + Send>;

/// A node of regtest.
pub(crate) struct Node {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
}

struct State {
    /// The active chain from the genesis block on.
    chain: Vec<Block>,
    /// Every block that was ever made.
    known: BTreeMap<BlockHash, Block>,
    before: Option<Before>,
    posts: usize,
    calls: BTreeMap<String, usize>,
    /// Where it sends whoever asks.
    elsewhere: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: usize,
    method: String,
    params: Value,
}

impl Node {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let genesis = genesis_block(Network::Regtest);
        let state = Arc::new(Mutex::new(State {
            known: BTreeMap::from([(genesis.block_hash(), genesis.clone())]),
            chain: vec![genesis],
            before: None,
            posts: 0,
            calls: BTreeMap::new(),
            elsewhere: None,
        }));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("cookie"), "user:secret").expect("writes");
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who went away meanwhile is answered nothing.
                drop(serve(&served, stream));
            }
        });
        Self { url, state, folder }
    }

    pub(crate) fn cookie(&self) -> PathBuf {
        self.folder.path().join("cookie")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, Credentials::Cookie(self.cookie())).expect("a client")
    }

    /// Mines a block of these transactions on the tip.
    pub(crate) fn mine(&self, transactions: Vec<Transaction>) -> (BlockRef, Block) {
        let mut state = self.state();
        let block = next(
            state.chain.last().expect("a genesis block"),
            transactions,
            0,
        );
        let height = u32::try_from(state.chain.len()).expect("a short chain");
        let hash = block.block_hash();
        state.known.insert(hash, block.clone());
        state.chain.push(block.clone());
        (BlockRef { height, hash }, block)
    }

    /// Makes a block known that is not of the active chain.
    pub(crate) fn know(&self, block: &Block) {
        self.state().known.insert(block.block_hash(), block.clone());
    }

    /// Takes the tip back.
    pub(crate) fn take_back(&self) {
        self.state().chain.pop();
    }

    /// What answers before the node does.
    pub(crate) fn before(
        &self,
        before: impl FnMut(&mut Vec<Block>, &str, &Value) -> Option<Said> + Send + 'static,
    ) {
        self.state().before = Some(Box::new(before));
    }

    pub(crate) fn as_ever(&self) {
        self.state().before = None;
    }

    pub(crate) fn send_elsewhere(&self, url: &str) {
        self.state().elsewhere = Some(url.to_owned());
    }

    /// How many requests came, each of one or several calls.
    pub(crate) fn posts(&self) -> usize {
        self.state().posts
    }

    /// How often a method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.state().calls.get(method).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }
}

/// A block on another; `salt` makes otherwise equal ones differ.
pub(crate) fn next(previous: &Block, transactions: Vec<Transaction>, salt: u32) -> Block {
    let previous = previous.header;
    let time = previous.time + 1;
    let mut txdata = vec![coinbase(time, foreign(time))];
    txdata.extend(transactions);
    let mut block = Block {
        header: Header {
            version: Version::TWO,
            prev_blockhash: previous.block_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: salt,
        },
        txdata,
    };
    block.header.merkle_root = block.compute_merkle_root().expect("transactions");
    block
}

fn serve(state: &Mutex<State>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut state = state.lock().expect("nobody panics holding it");
    state.posts += 1;
    if let Some(url) = &state.elsewhere {
        return write!(
            stream,
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let calls: Vec<Call> = serde_json::from_slice(&body).unwrap_or_default();
    let unspent = state.unspent();
    let answers: Vec<String> = calls
        .iter()
        .map(|call| {
            let id = call.id;
            match state.answer(&call.method, &call.params, &unspent) {
                Ok(result) => format!(r#"{{"id":{id},"result":{result}}}"#),
                Err((code, message)) => {
                    format!(r#"{{"id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
                }
            }
        })
        .collect();
    drop(state);
    let text = format!("[{}]", answers.join(","));
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

impl State {
    fn unspent(&self) -> BTreeMap<OutPoint, (TxOut, usize)> {
        let mut unspent = BTreeMap::new();
        for (height, block) in self.chain.iter().enumerate().skip(1) {
            for transaction in &block.txdata {
                for input in &transaction.input {
                    unspent.remove(&input.previous_output);
                }
                let txid = transaction.compute_txid();
                for (vout, output) in (0..).zip(&transaction.output) {
                    unspent.insert(OutPoint { txid, vout }, (output.clone(), height));
                }
            }
        }
        unspent
    }

    fn answer(
        &mut self,
        method: &str,
        params: &Value,
        unspent: &BTreeMap<OutPoint, (TxOut, usize)>,
    ) -> Said {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        if let Some(mut before) = self.before.take() {
            let said = before(&mut self.chain, method, params);
            for block in &self.chain {
                self.known
                    .entry(block.block_hash())
                    .or_insert_with(|| block.clone());
            }
            self.before = Some(before);
            if let Some(said) = said {
                return said;
            }
        }
        let first = params.get(0).cloned().unwrap_or_default();
        let tip = self.chain.last().expect("a genesis block").block_hash();
        let blocks = self.chain.len() - 1;
        match method {
            "getblockchaininfo" => Ok(format!(
                r#"{{"chain":"regtest","blocks":{blocks},"headers":{blocks},"bestblockhash":"{tip}",
                    "initialblockdownload":false}}"#
            )),
            "getbestblockhash" => Ok(format!(r#""{tip}""#)),
            "getblockhash" => {
                let height =
                    usize::try_from(first.as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
                let found = self.chain.get(height);
                found
                    .map(|block| format!(r#""{}""#, block.block_hash()))
                    .ok_or((-8, "Block height out of range".to_owned()))
            }
            "getblock" | "getblockheader" => {
                let hash: Option<BlockHash> = serde_json::from_value(first).ok();
                let found = hash.and_then(|hash| self.known.get(&hash));
                found
                    .map(|block| match method {
                        "getblock" => encode::serialize_hex(block),
                        _ => encode::serialize_hex(&block.header),
                    })
                    .map(|hex| format!(r#""{hex}""#))
                    .ok_or((-5, "Block not found".to_owned()))
            }
            "gettxout" => {
                let txid = serde_json::from_value(first).expect("a txid");
                let vout = params.get(1).and_then(Value::as_u64).unwrap_or(0);
                let vout = u32::try_from(vout).expect("an output");
                Ok(unspent.get(&OutPoint { txid, vout }).map_or_else(
                    || "null".to_owned(),
                    |(output, _)| {
                        format!(
                            r#"{{"bestblock":"{tip}","value":{},"scriptPubKey":{{"hex":"{}"}}}}"#,
                            output.value.to_string_in(bitcoin::Denomination::Bitcoin),
                            output.script_pubkey.to_hex_string()
                        )
                    },
                ))
            }
            "scantxoutset" if first == "start" => {
                let wanted = params.get(1).and_then(Value::as_array);
                let wanted: Vec<ScriptBuf> = wanted
                    .into_iter()
                    .flatten()
                    .filter_map(|one| {
                        let hex = one.as_str()?.strip_prefix("raw(")?.strip_suffix(')')?;
                        ScriptBuf::from_hex(hex).ok()
                    })
                    .collect();
                let found: Vec<String> = unspent
                    .iter()
                    .filter(|(_, (output, _))| wanted.contains(&output.script_pubkey))
                    .map(|(outpoint, (output, height))| {
                        format!(
                            r#"{{"txid":"{}","vout":{},"scriptPubKey":"{}","amount":{},"height":{height}}}"#,
                            outpoint.txid,
                            outpoint.vout,
                            output.script_pubkey.to_hex_string(),
                            output.value.to_string_in(bitcoin::Denomination::Bitcoin),
                        )
                    })
                    .collect();
                Ok(format!(
                    r#"{{"success":true,"height":{blocks},"bestblock":"{tip}","unspents":[{}]}}"#,
                    found.join(",")
                ))
            }
            "scantxoutset" => Ok("null".to_owned()),
            "getrawmempool" => Ok("[]".to_owned()),
            _ => Err((-32601, "Method not found".to_owned())),
        }
    }
}
