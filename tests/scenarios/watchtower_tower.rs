//! A watchtower on a node and a database of its own, in the test's process; the coordinator's part
//! is played through the store, on PostgreSQL as the coordinator's role.

use std::path::PathBuf;

use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::OP_DROP;
use bitcoin::script::Builder;
use bitcoin::{
    Address, Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
    absolute, transaction,
};
use harness::{Bitcoind, Engine, Failure, LONG, Outcome, Postgres, Role, wait_until};
use policies::{Keychain, Keyset, UnixTime, VaultId};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchtower::configuration::{Config, NodeConfig, WitnessConfig};
use watchtower::store::database::{Database, Transaction as StoreTransaction};
use watchtower::store::{self, events, scripts};
use watchtower::tracker::WatchedScript;

pub(crate) const VAULT: VaultId = VaultId::from_bytes([1; 32]);
pub(crate) const KEYSET: Keyset = Keyset::from_bytes([2; 32]);
/// Confirmations at which deposits settle here.
pub(crate) const DEPTH: u32 = 3;
const FEE: Amount = Amount::from_sat(1000);

/// Any time will do: the tests never compare with it.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// How to stop a watchtower, and how it ended.
type Running = (
    oneshot::Sender<()>,
    JoinHandle<Result<(), watchtower::DaemonError>>,
);

pub(crate) struct Tower {
    pub(crate) node: Bitcoind,
    pub(crate) runtime: Runtime,
    /// As the coordinator sees it.
    pub(crate) database: Database,
    /// As the watchtower sees it.
    own: Database,
    /// Further nodes that it compares with.
    pub(crate) witness: Vec<WitnessConfig>,
    /// What stands before the node, and the file of its cookie, if anything does.
    pub(crate) front: Option<(String, PathBuf)>,
    /// After how many seconds a tip is too old.
    pub(crate) stalled_after_s: Option<u64>,
    running: Option<Running>,
    _postgres: Option<Postgres>,
    _folder: tempfile::TempDir,
}

impl Tower {
    /// A node, a migrated database, and a watchtower that runs.
    pub(crate) fn start(engine: Engine) -> Result<Self, Failure> {
        let mut tower = Self::prepare(engine)?;
        tower.run();
        tower.catches_up()?;
        Ok(tower)
    }

    /// The same before the watchtower runs.
    pub(crate) fn prepare(engine: Engine) -> Result<Self, Failure> {
        Self::prepare_on(engine, Bitcoind::start()?)
    }

    /// The same on this node.
    pub(crate) fn prepare_on(engine: Engine, node: Bitcoind) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let runtime = Runtime::new()?;
        let (postgres, url, own_url) = match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", folder.path().join("books.db").display());
                (None, url.clone(), url)
            }
            Engine::Postgres => {
                let postgres = Postgres::start()?;
                let administrator = postgres.url(Role::Administrator);
                runtime.block_on(async {
                    let database = Database::open(&administrator).await?;
                    store::migrate(&database).await?;
                    database.close().await;
                    Ok::<(), Failure>(())
                })?;
                postgres.let_roles_log_in()?;
                let urls = (
                    postgres.url(Role::Coordinator),
                    postgres.url(Role::Watchtower),
                );
                (Some(postgres), urls.0, urls.1)
            }
        };
        let (database, own) = runtime.block_on(async {
            let own = Database::open(&own_url).await?;
            if engine == Engine::Sqlite {
                store::migrate(&own).await?;
            }
            Ok::<_, Failure>((Database::open(&url).await?, own))
        })?;
        Ok(Self {
            node,
            runtime,
            database,
            own,
            witness: Vec::new(),
            front: None,
            stalled_after_s: None,
            running: None,
            _postgres: postgres,
            _folder: folder,
        })
    }

    /// Lets the watchtower run.
    pub(crate) fn run(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let config = self.config();
        let work = watchtower::run(self.own.clone(), config, async move {
            stopped.await.unwrap_or_default();
        });
        self.running = Some((stop, self.runtime.spawn(work)));
    }

    pub(crate) fn config(&self) -> Config {
        let own = || (self.node.url(), self.node.cookie_file());
        let (url, cookie_file) = self.front.clone().unwrap_or_else(own);
        Config {
            network: Network::Regtest,
            genesis: None,
            signet_challenge: None,
            node: NodeConfig {
                url,
                cookie_file: Some(cookie_file),
                user: None,
                password_file: None,
            },
            witness: self.witness.clone(),
            stalled_after_s: self.stalled_after_s,
            alarm_command: None,
            poll_interval_ms: 20,
            instance: "tower".to_owned(),
            reconcile_interval_s: 1,
            fee_estimate_fallback_sat_kwu: None,
        }
    }

    /// Stops the watchtower in an orderly way.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        if let Some((stop, task)) = self.running.take() {
            drop(stop);
            self.runtime.block_on(task)??;
        }
        Ok(())
    }

    /// Ends the watchtower wherever it is.
    pub(crate) fn kill(&mut self) {
        if let Some((_stop, task)) = self.running.take() {
            task.abort();
        }
    }

    /// Waits until the watchtower's tip is the node's.
    pub(crate) fn catches_up(&self) -> Result<(), Failure> {
        let best = self.node.best_block()?;
        wait_until("the watchtower to reach the node's tip", LONG, || {
            let tip = self.ask(async |tx| Ok(store::chain::tip(tx).await?))?;
            Ok(tip.filter(|tip| tip.hash == best).map(drop))
        })
    }

    /// Reads or writes as the coordinator.
    pub(crate) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut StoreTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(async {
            let mut tx = self.database.begin_write().await?;
            let answer = work(&mut tx).await?;
            tx.commit().await?;
            Ok(answer)
        })
    }

    /// Watches a script of the vault and returns its address.
    pub(crate) fn address(&self, keychain: Keychain, index: u32) -> Result<Address, Failure> {
        self.watch(keychain, index, None)?;
        unwatched(keychain, index)
    }

    /// Watches a script of the vault, blocks up to a height being history.
    pub(crate) fn watch(
        &self,
        keychain: Keychain,
        index: u32,
        history_until: Option<u32>,
    ) -> Outcome {
        let script = WatchedScript {
            script_pubkey: witness_script(keychain, index).to_p2wsh(),
            vault: VAULT,
            keyset: KEYSET,
            keychain,
            index,
            settle_depth: DEPTH,
            reference: None,
            history_until,
        };
        self.ask(async |tx| Ok(scripts::watch_script(tx, &script, NOW).await?))
    }

    /// The kinds of the sequenced events of one object, in order.
    pub(crate) fn kinds(&self, object_kind: &str, object_id: &str) -> Result<Vec<String>, Failure> {
        let events = self.ask(async |tx| Ok(events::after(tx, 0, 10_000).await?))?;
        Ok(events
            .into_iter()
            .filter(|event| event.object_kind == object_kind && event.object_id == object_id)
            .map(|event| event.kind)
            .collect())
    }

    /// Waits until the events of an object are these.
    pub(crate) fn expect(
        &self,
        object_kind: &str,
        object_id: &str,
        expected: &[&str],
    ) -> Result<(), Failure> {
        let mut found = Vec::new();
        let met = wait_until("the events", LONG, || {
            found = self.kinds(object_kind, object_id)?;
            Ok((found == expected).then_some(()))
        });
        met.map_err(|_| {
            Failure::new(format!(
                "{object_id}: found {found:?}, expected {expected:?}"
            ))
        })
    }
}

impl Drop for Tower {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address of the vault that nobody watches yet.
pub(crate) fn unwatched(keychain: Keychain, index: u32) -> Result<Address, Failure> {
    let script_pubkey = witness_script(keychain, index).to_p2wsh();
    Ok(Address::from_script(&script_pubkey, Network::Regtest)?)
}

/// A script that anyone can satisfy, different for each index.
fn witness_script(keychain: Keychain, index: u32) -> ScriptBuf {
    Builder::new()
        .push_int(i64::from(index) * 2 + i64::from(keychain.branch()) + 1000)
        .push_opcode(OP_DROP)
        .push_opcode(OP_TRUE)
        .into_script()
}

/// Spends a coin of the vault: a part to a script, the rest less a fee to another.
pub(crate) fn spend(
    coin: (OutPoint, Amount, Keychain, u32),
    to: (ScriptBuf, Amount),
    change: Option<ScriptBuf>,
) -> Transaction {
    let (previous_output, amount, keychain, index) = coin;
    let mut witness = Witness::new();
    witness.push(witness_script(keychain, index).as_bytes());
    let mut output = vec![TxOut {
        script_pubkey: to.0,
        value: to.1,
    }];
    if let Some(script_pubkey) = change {
        output.push(TxOut {
            script_pubkey,
            value: amount - to.1 - FEE,
        });
    }
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness,
        }],
        output,
    }
}
