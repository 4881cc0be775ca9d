//! The worker beside a node of tests, step by step.

use bitcoin::Network;
use policies::{Keychain, UnixTime};

use super::{LEASE, LEASE_SECONDS, Worker};
use crate::alarm::AlarmKind;
use crate::bitcoind::pretended::Node;
use crate::clock;
use crate::configuration::{Config, NodeConfig};
use crate::store::database::{Database, Transaction};
use crate::store::{alarms, lease, scripts};
use crate::tracker::WatchedScript;
use crate::tracker::simulation::{all_watched, watched};

mod comparing;
mod following;
mod reading_again;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

struct World {
    node: Node,
    worker: Worker,
    _folder: tempfile::TempDir,
}

impl World {
    /// A watchtower that holds the lease, watches the simulation's scripts and has seen no block yet.
    async fn start() -> Self {
        let node = Node::start();
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open_sqlite(&folder.path().join("tower.db"))
            .await
            .expect("opens");
        crate::store::migrate(&database).await.expect("migrates");
        let config = Config {
            network: Network::Regtest,
            genesis: None,
            signet_challenge: None,
            node: NodeConfig {
                url: node.url.clone(),
                cookie_file: Some(node.cookie()),
                user: None,
                password_file: None,
            },
            witness: Vec::new(),
            stalled_after_s: None,
            alarm_command: None,
            poll_interval_ms: 1,
            instance: "test".to_owned(),
            reconcile_interval_s: 600,
            fee_estimate_fallback_sat_kwu: None,
        };
        let mut worker = Worker::new(database, config, node.client(), Vec::new());
        let mut tx = worker.database.begin_write().await.expect("begins");
        for script in all_watched() {
            scripts::watch_script(&mut tx, &script, NOW)
                .await
                .expect("watches");
        }
        worker.lease = lease::acquire(&mut tx, LEASE, "test", clock::now(), LEASE_SECONDS)
            .await
            .expect("acquires");
        tx.commit().await.expect("commits");
        Self {
            node,
            worker,
            _folder: folder,
        }
    }

    async fn write(&self) -> Transaction {
        self.worker.database.begin_write().await.expect("begins")
    }

    /// Takes in what the node has.
    async fn follow(&mut self) {
        let info = self.node.client().chain_info().await.expect("answers");
        self.worker
            .follow_chain(&info, u32::MAX)
            .await
            .expect("follows");
    }

    async fn watch_late(&self) {
        let mut tx = self.write().await;
        scripts::watch_script(&mut tx, &late(), NOW)
            .await
            .expect("watches");
        tx.commit().await.expect("commits");
    }

    async fn open_alarms(&self, kind: AlarmKind) -> usize {
        let mut tx = self.write().await;
        let open = alarms::open(&mut tx).await.expect("reads");
        open.iter().filter(|alarm| alarm.kind == kind).count()
    }
}

/// A script that is not watched from the beginning.
fn late() -> WatchedScript {
    WatchedScript {
        index: 9,
        ..watched(1, Keychain::External, 9)
    }
}
