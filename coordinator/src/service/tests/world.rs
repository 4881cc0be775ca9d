//! A 2-of-3 vault with a service, an approver, money and a chain of its own.

mod asking;
mod chain;
mod document;
mod paying;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{BlockHash, Network, ScriptBuf};
use policies::document::PolicyDraft;
use policies::intent::SecretKey;
use policies::{Keyset, UnixTime, VaultId};
use tempfile::TempDir;
use watchtower::store::chain as chain_rows;
use watchtower::store::database::{Database, Transaction};
use watchtower::tracker::{Block, BlockRef};

pub(crate) use self::document::{document, draft, rule};

use crate::jobs;
use crate::roles::fixture::{Kind, Vault};
use crate::service::addresses::{AddressView, NewAddress, issue_address};
use crate::service::devices::OfDevices;
use crate::service::{Actor, BatchSettings, Service};

/// The time at which every test begins.
pub(crate) const NOW: u64 = 1_795_400_000;
/// The height below which there is nothing.
const BASE: u32 = 100;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) service: Service,
    pub(crate) operator: Actor,
    pub(crate) vault: VaultId,
    pub(crate) keyset: Keyset,
    pub(crate) requester: SecretKey,
    pub(crate) approver: SecretKey,
    pub(crate) blocks: Vec<Block>,
    pub(crate) time: Arc<AtomicU64>,
    pub(crate) keys: Box<Vault>,
    made: u64,
}

pub(crate) fn secret(name: &str) -> SecretKey {
    SecretKey::from_bytes(&sha256::Hash::hash(name.as_bytes()).to_byte_array())
}

/// A script of somebody else.
pub(crate) fn foreign(seed: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([seed; 20]))
}

/// A service over a new database.
pub(crate) async fn empty(time: &Arc<AtomicU64>) -> (TempDir, Service) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("countersign.db");
    let database = Database::open_sqlite(&path).await.expect("opens");
    crate::store::migrate(&database).await.expect("migrates");
    (folder, serve(database, time))
}

impl World {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::new_on(kind, |_| {}).await
    }

    /// A world whose policy was edited.
    async fn new_on(kind: Kind, edit: impl FnOnce(&mut PolicyDraft)) -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        let (folder, service) = empty(&time).await;
        let keys = Box::new(Vault::new(kind));
        let (requester, approver) = (secret("exchange"), secret("dana"));
        let operator = Actor::local();
        let mut draft = draft(&keys, &requester, &approver);
        edit(&mut draft);
        let document = draft.to_toml();
        let vault = crate::service::vaults::create_vault(
            &service,
            &operator,
            document.as_bytes(),
            OfDevices::Pass,
        )
        .await
        .expect("a vault");
        let mut world = Self {
            folder,
            service,
            operator,
            vault: vault.vault,
            keyset: vault.keyset,
            requester,
            approver,
            blocks: Vec::new(),
            time,
            keys,
            made: 0,
        };
        let base = BlockRef {
            height: BASE,
            hash: world.fresh_hash(),
        };
        let mut tx = world.write().await;
        chain_rows::set_base(
            &mut tx,
            base,
            BlockHash::all_zeros(),
            UnixTime::from_secs(NOW),
        )
        .await
        .expect("a base");
        tx.commit().await.expect("commits");
        world.blocks.push(Block {
            height: base.height,
            hash: base.hash,
            previous: BlockHash::all_zeros(),
            time: UnixTime::from_secs(NOW),
            transactions: Vec::new(),
        });
        world
    }

    /// A transaction of the database that reads.
    pub(crate) async fn read(&self) -> Transaction {
        let begun = self.service.database().begin_read().await;
        begun.expect("begins")
    }

    /// A transaction of the database that writes.
    pub(crate) async fn write(&self) -> Transaction {
        let begun = self.service.database().begin_write().await;
        begun.expect("begins")
    }

    /// The same database behind a process that was started anew.
    pub(crate) async fn restart(&mut self) {
        self.service.database().close().await;
        let path = self.folder.path().join("countersign.db");
        let database = Database::open_sqlite(&path).await.expect("opens");
        self.service = serve(database, &self.time);
    }

    /// The same database behind a process with other settings.
    pub(crate) fn set(&mut self, settings: BatchSettings) {
        let database = self.service.database().clone();
        self.service = serve_with(database, &self.time, settings);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Runs the jobs until there is nothing left to do.
    pub(crate) async fn work(&self) {
        for _ in 0..50 {
            if !jobs::round(&self.service, "test").await.expect("a round") {
                return;
            }
        }
        panic!("the jobs never come to rest");
    }

    pub(crate) async fn address(&self) -> AddressView {
        issue_address(
            &self.service,
            &self.operator,
            self.vault,
            &NewAddress::default(),
        )
        .await
        .expect("an address")
    }

    /// A vault with `coins` settled coins of this many satoshi each.
    pub(crate) async fn funded(kind: Kind, coins: u32, sat: u64) -> Self {
        Self::funded_on(kind, coins, sat, |_| {}).await
    }

    /// The same under a policy that was edited.
    pub(crate) async fn funded_on(
        kind: Kind,
        coins: u32,
        sat: u64,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Self {
        let mut world = Box::pin(Self::new_on(kind, edit)).await;
        let mut fundings = Vec::new();
        for _ in 0..coins {
            let address = world.address().await;
            let script = ScriptBuf::from_hex(&address.script_pubkey).expect("hex");
            fundings.push(world.payment_to(script, sat));
        }
        world.mine(fundings).await;
        world.mine(Vec::new()).await;
        world.mine(Vec::new()).await;
        world.work().await;
        world
    }

    pub(crate) fn fresh_hash(&mut self) -> BlockHash {
        BlockHash::from_byte_array(self.fresh())
    }

    fn fresh(&mut self) -> [u8; 32] {
        self.made += 1;
        sha256::Hash::hash(&self.made.to_le_bytes()).to_byte_array()
    }
}

/// Batches by hand only.
pub(crate) const BY_HAND: BatchSettings = BatchSettings {
    interval: None,
    count: None,
    age: None,
    urgent_target: 2,
    economy_target: 144,
    fee_target: 6,
    estimate_max_age: u64::MAX,
    fee_cap: None,
    signing_window: 1800,
};

fn serve(database: Database, time: &Arc<AtomicU64>) -> Service {
    serve_with(database, time, BY_HAND)
}

fn serve_with(database: Database, time: &Arc<AtomicU64>, settings: BatchSettings) -> Service {
    let (clock, drawn) = (Arc::clone(time), AtomicU64::new(0));
    let start = time.load(Ordering::SeqCst);
    Service::new(database, Network::Regtest, settings).with_sources(
        Arc::new(move || UnixTime::from_secs(clock.load(Ordering::SeqCst))),
        Arc::new(move || {
            let number = drawn.fetch_add(1, Ordering::SeqCst);
            sha256::Hash::hash(format!("{start} {number}").as_bytes()).to_byte_array()
        }),
    )
}
