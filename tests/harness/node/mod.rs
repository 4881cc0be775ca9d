//! A real bitcoind on a regtest chain of its own.

mod chain;
mod mishaps;
mod purse;
mod rpc;

pub use self::chain::Reorg;
pub use self::purse::Purse;
pub use self::rpc::RpcError;

use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bitcoin::BlockHash;
use serde_json::json;
use tempfile::TempDir;

use self::rpc::Rpc;
use crate::{Failure, Process, SHORT, environment, process, wait_until};

/// Blocks that a fresh chain begins with: twenty mature coinbases of 50 BTC are in the purse.
const FIRST_BLOCKS: u32 = 120;
/// A port that was free may be taken before the node binds it; so often another is tried.
const PORT_TRIES: usize = 5;
/// Ports below those that Linux gives to outgoing connections.
const PORTS: Range<u16> = 10_000..32_000;

/// A running node with a chain of its own. It has no wallet: the purse signs for itself.
#[derive(Debug)]
pub struct Bitcoind {
    /// The arguments that say which chain it is on.
    chain: Vec<String>,
    process: Process,
    rpc: Rpc,
    peer_address: String,
    purse: Purse,
    /// Makes the coinbase of every block that a reorg mines another one.
    salt: Cell<u32>,
    // Last, so that the node has ended before its folder goes.
    folder: TempDir,
}

impl Bitcoind {
    /// Starts a node and mines the first blocks, so that money can be sent.
    pub fn start() -> Result<Self, Failure> {
        let node = Self::start_empty()?;
        node.mine(FIRST_BLOCKS)?;
        Ok(node)
    }

    /// Starts a node that asks a whole satoshi a virtual byte for relaying a replacement, as most do.
    pub fn start_with_dear_replacements() -> Result<Self, Failure> {
        let node = Self::start_on(&[
            "-regtest".to_owned(),
            "-incrementalrelayfee=0.00001".to_owned(),
        ])?;
        node.mine(FIRST_BLOCKS)?;
        Ok(node)
    }

    /// Starts a node that has the genesis block only.
    pub fn start_empty() -> Result<Self, Failure> {
        Self::start_on(&["-regtest".to_owned()])
    }

    /// Starts a node with these arguments too, and mines the first blocks.
    pub fn start_with(arguments: &[&str]) -> Result<Self, Failure> {
        let mut all = vec!["-regtest".to_owned()];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let node = Self::start_on(&all)?;
        node.mine(FIRST_BLOCKS)?;
        Ok(node)
    }

    /// Starts a node of a signet of one's own, on which nobody mines.
    pub fn start_signet(challenge: &str) -> Result<Self, Failure> {
        Self::start_on(&[
            "-signet".to_owned(),
            format!("-signetchallenge={challenge}"),
        ])
    }

    fn start_on(chain: &[String]) -> Result<Self, Failure> {
        let folder = environment::folder("node")?;
        let (process, rpc, peer_address) = run(folder.path(), chain)?;
        Ok(Self {
            chain: chain.to_vec(),
            process,
            rpc,
            peer_address,
            purse: Purse::new()?,
            salt: Cell::new(0),
            folder,
        })
    }

    /// Calls a method of the node and reads its result.
    pub fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        parameters: serde_json::Value,
    ) -> Result<T, Failure> {
        Ok(self.rpc.call(method, parameters)?)
    }

    /// Calls a method whose refusal by the node is an answer too.
    pub fn try_call(
        &self,
        method: &str,
        parameters: serde_json::Value,
    ) -> Result<Result<serde_json::Value, RpcError>, Failure> {
        match self.rpc.call(method, parameters) {
            Ok(answer) => Ok(Ok(answer)),
            Err(refused @ RpcError::Refused { .. }) => Ok(Err(refused)),
            Err(error) => Err(error.into()),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        self.process.titled_last_words()
    }

    /// The address of its RPC service, as programs are told it.
    pub fn url(&self) -> String {
        self.rpc.url()
    }

    /// The file with its password.
    pub fn cookie_file(&self) -> PathBuf {
        cookie_file(self.folder.path())
    }

    /// Its key and its coins.
    pub fn purse(&self) -> &Purse {
        &self.purse
    }

    /// Stops it; its chain stays. [`Self::resume`] starts it again on the same port.
    pub fn pause(&mut self) -> Result<(), Failure> {
        self.process.stop()?;
        Ok(())
    }

    /// Starts it again after [`Self::pause`], with a new cookie, as a real node does.
    pub fn resume(&mut self) -> Result<(), Failure> {
        let peer_port = self.peer_address.rsplit(':').next().unwrap_or_default();
        self.process = spawn(self.folder.path(), &self.chain, self.rpc.port(), peer_port)?;
        answers(&mut self.process, &self.rpc)
    }

    /// Starts it again after [`Self::pause`] with these arguments too.
    pub fn resume_with(&mut self, arguments: &[&str]) -> Result<(), Failure> {
        let more = arguments.iter().map(|&argument| argument.to_owned());
        self.chain.extend(more);
        self.resume()
    }

    /// Connects to another node and waits until both have the same best block.
    pub fn follow(&self, other: &Bitcoind) -> Result<(), Failure> {
        self.call::<()>("addnode", json!([other.peer_address, "onetry"]))?;
        wait_until("both nodes to agree on the best block", SHORT, || {
            Ok((self.best_block()? == other.best_block()?).then_some(()))
        })
    }

    /// The hash of the best block.
    pub fn best_block(&self) -> Result<BlockHash, Failure> {
        self.call("getbestblockhash", json!([]))
    }

    /// The height of the best block.
    pub fn height(&self) -> Result<u32, Failure> {
        self.call("getblockcount", json!([]))
    }
}

fn run(folder: &Path, chain: &[String]) -> Result<(Process, Rpc, String), Failure> {
    let mut tries = 0;
    loop {
        let (port, peer_port) = (free_port()?, free_port()?.to_string());
        let rpc = Rpc::new(port, cookie_file(folder));
        let mut process = spawn(folder, chain, port, &peer_port)?;
        match answers(&mut process, &rpc) {
            Ok(()) => return Ok((process, rpc, format!("127.0.0.1:{peer_port}"))),
            Err(_) if tries < PORT_TRIES && process.log()?.contains("Unable to bind") => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn spawn(folder: &Path, chain: &[String], port: u16, peer_port: &str) -> Result<Process, Failure> {
    let mut command = process::command(&environment::bitcoind()?, "KILL");
    command
        .arg(format!("-datadir={}", folder.display()))
        .arg(format!("-rpcport={port}"))
        .arg(format!("-bind=127.0.0.1:{peer_port}"))
        .arg(format!("-rpccookiefile={}", cookie_file(folder).display()))
        .args(chain)
        .args(["-server", "-rpcthreads=8", "-rpcworkqueue=128"])
        .args([
            "-dnsseed=0",
            "-fixedseeds=0",
            "-discover=0",
            "-natpmp=0",
            "-listenonion=0",
        ])
        .args([
            "-dbcache=16",
            "-par=1",
            "-shrinkdebugfile=0",
            "-printtoconsole=1",
        ]);
    Process::start("bitcoind", command, &folder.join("output.log"))
}

fn answers(process: &mut Process, rpc: &Rpc) -> Result<(), Failure> {
    wait_until("bitcoind to answer", SHORT, || {
        process.must_run()?;
        Ok(rpc.call::<u32>("getblockcount", json!([])).ok().map(drop))
    })
}

fn cookie_file(folder: &Path) -> PathBuf {
    folder.join("cookie")
}

/// A port of the loopback that is free now: any below those that outgoing connections take, which would take it
/// before it is listened on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let free = (0..100).find_map(|_| {
        let chance = RandomState::new().build_hasher().finish();
        let place = chance % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(place).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(port)
    });
    free.ok_or_else(|| Failure::new("no port is free"))
}
