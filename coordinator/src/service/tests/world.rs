//! A 2-of-3 vault with a service, an approver, money and a chain of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use bitcoin::{
    Amount, BlockHash, Network, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Txid, Witness, absolute::LockTime, transaction::Version,
};
use policies::document::{
    ApprovalsDraft, ApproverDraft, HeadDraft, MaintenanceDraft, PinnedKeyDraft, PolicyDraft,
    RequesterDraft, RuleDraft, SignerDraft,
};
use policies::intent::{MerkleTree, SecretKey};
use policies::psbt::{SignatureSet, take_signatures};
use policies::{
    Approval, Intent, IntentHash, IntentKind, Keyset, RequestSignature, UnixTime, VaultId,
};
use tempfile::TempDir;
use watchtower::store::chain;
use watchtower::store::database::Database;
use watchtower::store::mempool_test::{MempoolTest, open_requests, record_result};
use watchtower::tracker::{Block, BlockRef};

use crate::jobs;
use crate::roles::fixture::{Kind, NAMES, Vault};
use crate::service::addresses::{AddressView, NewAddress, issue_address};
use crate::service::approvals::{ProvenIntent, RecordApprovals};
use crate::service::attempts::{SubmittedSignatures, submit_signatures};
use crate::service::batches::{BatchView, CreateBatch, WithdrawalName, create_batch};
use crate::service::opened::Session;
use crate::service::withdrawals::{
    SubmitWithdrawal, WithdrawalView, show_withdrawal, submit_withdrawal,
};
use crate::service::{Actor, BatchSettings, Service, ServiceError};
use crate::store::attempts;
use crate::store::withdrawals::WithdrawalKey;

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

pub(crate) fn rule(name: &str, max: u64, group: Option<&str>, count: u32) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: Some(max),
        window: None,
        approvals: ApprovalsDraft {
            group: group.map(str::to_owned),
            count,
            page: None,
        },
    }
}

/// The document of the vault: up to a million automatic, up to a hundred million by one of ops.
pub(crate) fn document(keys: &Vault, requester: &SecretKey, approver: &SecretKey) -> String {
    draft(keys, requester, approver).to_toml()
}

pub(crate) fn draft(keys: &Vault, requester: &SecretKey, approver: &SecretKey) -> PolicyDraft {
    let head = HeadDraft {
        height: BASE,
        time: UnixTime::from_secs(NOW - 1000),
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    keys.descriptor
        .text()
        .clone_into(&mut draft.spending.descriptor);
    draft.signers = keys
        .signers()
        .into_iter()
        .enumerate()
        .map(|(number, signer)| SignerDraft {
            name: signer.name.clone(),
            person: signer.name,
            device: None,
            key: signer.key.text,
            journal: secret(&format!("journal {number}")).public().to_string(),
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&requester.public())],
    }];
    draft.approvers = vec![ApproverDraft {
        name: "dana".to_owned(),
        person: "dana".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![PinnedKeyDraft::own(&approver.public())],
    }];
    draft.maintenance = Some(MaintenanceDraft {
        approvals: ApprovalsDraft {
            group: Some("ops".to_owned()),
            count: 1,
            page: None,
        },
    });
    draft.rules = vec![
        rule("small", 1_000_000, None, 0),
        rule("large", 100_000_000, Some("ops"), 1),
    ];
    draft
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
        let vault = crate::service::vaults::create_vault(&service, &operator, document.as_bytes())
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
        let mut tx = world
            .service
            .database()
            .begin_write()
            .await
            .expect("begins");
        chain::set_base(
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

    /// A transaction from outside.
    pub(crate) fn payment_to(&mut self, script_pubkey: ScriptBuf, sat: u64) -> Transaction {
        let previous = Txid::from_byte_array(self.fresh());
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint {
                    txid: previous,
                    vout: 0,
                },
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: Amount::from_sat(sat),
                script_pubkey,
            }],
        }
    }

    pub(crate) async fn mine(&mut self, transactions: Vec<Transaction>) {
        let hash = self.fresh_hash();
        let tip = self.blocks.last().expect("a tip").at();
        let block = Block {
            height: tip.height + 1,
            hash,
            previous: tip.hash,
            time: self.service.now(),
            transactions,
        };
        let mut tx = self.service.database().begin_write().await.expect("begins");
        let changes = chain::connect_block(&mut tx, &block, self.service.now())
            .await
            .expect("connects");
        drop(changes);
        tx.commit().await.expect("commits");
        self.blocks.push(block);
    }

    pub(crate) async fn unmine(&mut self) -> Block {
        let block = self.blocks.pop().expect("a block");
        let mut tx = self.service.database().begin_write().await.expect("begins");
        let changes = chain::disconnect_tip(&mut tx, block.at(), self.service.now())
            .await
            .expect("disconnects");
        drop(changes);
        tx.commit().await.expect("commits");
        block
    }

    /// The node says to every question that it would take the transaction.
    pub(crate) async fn answer_mempool_tests(&self) {
        self.say_of_mempool_tests("").await;
    }

    /// The node gives this reason to every question; none if it would take the transaction.
    pub(crate) async fn say_of_mempool_tests(&self, reason: &str) {
        let mut tx = self.service.database().begin_write().await.expect("begins");
        for transaction in open_requests(&mut tx).await.expect("reads") {
            let result = MempoolTest {
                allowed: reason.is_empty(),
                reason: reason.to_owned(),
                at: self.service.now(),
            };
            record_result(&mut tx, transaction.compute_txid(), &result)
                .await
                .expect("stores");
        }
        tx.commit().await.expect("commits");
    }

    pub(crate) fn intent(&self, id: &str, sat: u64) -> Intent {
        Intent {
            vault: self.vault,
            keyset: self.keyset,
            requester: "exchange".parse().expect("a name"),
            id: id.parse().expect("an id"),
            kind: IntentKind::Payment,
            script_pubkey: foreign(id.bytes().last().unwrap_or_default()),
            amount: Amount::from_sat(sat),
            min: Amount::from_sat(sat),
            created: self.service.now(),
            expires: self.service.now().saturating_add(86_400),
            replaces: None,
            repeats: None,
            reference: format!("payout {id}"),
        }
    }

    pub(crate) fn signed(&self, intent: &Intent) -> SubmitWithdrawal {
        let text = String::from_utf8(intent.encode()).expect("ASCII");
        self.signed_text(&text)
    }

    pub(crate) fn signed_text(&self, text: &str) -> SubmitWithdrawal {
        let hash = Intent::hash_bytes(text.as_bytes());
        let request = RequestSignature::sign(&self.requester, self.vault, hash);
        SubmitWithdrawal {
            intent: text.to_owned(),
            key: request.key,
            signature: request.signature.encode().to_lower_hex_string(),
            speed: None,
            latest: None,
        }
    }

    pub(crate) async fn try_submit(
        &self,
        intent: &Intent,
    ) -> Result<(WithdrawalView, bool), ServiceError> {
        submit_withdrawal(
            &self.service,
            &self.operator,
            self.vault,
            &self.signed(intent),
        )
        .await
    }

    pub(crate) async fn submit(&self, id: &str, sat: u64) -> WithdrawalView {
        self.try_submit(&self.intent(id, sat))
            .await
            .expect("is taken")
            .0
    }

    /// The same asked for with another requester's key.
    pub(crate) async fn submit_as(&self, requester: &SecretKey, intent: &Intent) -> WithdrawalView {
        let signed = RequestSignature::sign(requester, self.vault, intent.hash());
        let request = SubmitWithdrawal {
            key: signed.key,
            signature: signed.signature.encode().to_lower_hex_string(),
            ..self.signed(intent)
        };
        submit_withdrawal(&self.service, &self.operator, self.vault, &request)
            .await
            .expect("is taken")
            .0
    }

    /// An approver's signature over these intents together.
    pub(crate) fn approval(&self, hashes: &[IntentHash], reject: bool) -> RecordApprovals {
        let subjects: Vec<[u8; 32]> = hashes.iter().map(|hash| hash.to_bytes()).collect();
        let tree = MerkleTree::new(&subjects).expect("a tree");
        let expires = self.service.now().saturating_add(3600);
        let sign = if reject {
            Approval::reject
        } else {
            Approval::approve
        };
        let approval = sign(&self.approver, self.vault, tree.root(), expires);
        RecordApprovals {
            purpose: approval.purpose.to_string(),
            root: approval.subject.to_root(),
            expires,
            key: approval.key,
            signature: approval.signature.encode().to_lower_hex_string(),
            intents: hashes
                .iter()
                .map(|hash| ProvenIntent {
                    intent: *hash,
                    proof: tree
                        .proof(hash.as_bytes())
                        .expect("a leaf")
                        .encode()
                        .to_lower_hex_string(),
                })
                .collect(),
        }
    }

    pub(crate) async fn show(&self, id: &str) -> WithdrawalView {
        self.show_of("exchange", id).await
    }

    pub(crate) async fn show_of(&self, requester: &str, id: &str) -> WithdrawalView {
        let key = WithdrawalKey {
            vault: self.vault,
            requester: requester.parse().expect("a name"),
            id: id.parse().expect("an id"),
        };
        show_withdrawal(&self.service, &self.operator, &key)
            .await
            .expect("is there")
    }

    pub(crate) async fn try_batch(&self) -> Result<BatchView, ServiceError> {
        let request = CreateBatch {
            feerate_sat_vb: Some("2".to_owned()),
            ..CreateBatch::default()
        };
        create_batch(&self.service, &self.operator, self.vault, &request).await
    }

    /// A batch of one named withdrawal.
    pub(crate) async fn try_batch_of(&self, id: &str) -> Result<BatchView, ServiceError> {
        let request = CreateBatch {
            withdrawals: Some(vec![WithdrawalName {
                requester: "exchange".parse().expect("a name"),
                id: id.parse().expect("an id"),
            }]),
            feerate_sat_vb: Some("2".to_owned()),
            ..CreateBatch::default()
        };
        create_batch(&self.service, &self.operator, self.vault, &request).await
    }

    pub(crate) async fn batch(&self) -> Txid {
        self.try_batch()
            .await
            .expect("a batch")
            .attempts
            .first()
            .expect("an attempt")
            .txid
    }

    /// What one signer returns for an attempt: the PSBT with its signatures.
    pub(crate) async fn signatures_of(&self, signer: usize, txid: Txid) -> Psbt {
        let mut tx = self.service.database().begin_read().await.expect("begins");
        let row = attempts::lookup(&mut tx, txid)
            .await
            .expect("reads")
            .expect("is there");
        let session = Session::open(&self.service, &mut tx, &row)
            .await
            .expect("opens");
        let offered = session
            .issued
            .offer(self.keys.sign(signer, &session.issued));
        let taken = take_signatures(&session.issued.issued(), &offered).expect("its transaction");
        let mut set = SignatureSet::new();
        for verified in taken {
            set.insert(verified.expect("a good signature"));
        }
        let mut psbt = Psbt::deserialize(&row.psbt).expect("a PSBT");
        set.write_into(&mut psbt);
        psbt
    }

    pub(crate) async fn hand_in(&self, txid: Txid, psbt: &Psbt) -> SubmittedSignatures {
        submit_signatures(&self.service, &self.operator, txid, &psbt.serialize())
            .await
            .expect("is taken")
    }

    pub(crate) async fn sign(&self, signer: usize, txid: Txid) -> SubmittedSignatures {
        let psbt = self.signatures_of(signer, txid).await;
        let answer = self.hand_in(txid, &psbt).await;
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        assert!(
            answer
                .accepted
                .iter()
                .all(|accepted| accepted.signer == NAMES[signer])
        );
        answer
    }

    /// Signs by two, finalizes, hands over; gives the final transaction.
    pub(crate) async fn broadcast(&self, txid: Txid) -> Transaction {
        self.sign(0, txid).await;
        self.sign(2, txid).await;
        self.work().await;
        self.answer_mempool_tests().await;
        self.pass(1);
        self.work().await;
        self.stored(txid).await.final_transaction.expect("is final")
    }

    pub(crate) async fn stored(&self, txid: Txid) -> attempts::AttemptRow {
        let mut tx = self.service.database().begin_read().await.expect("begins");
        attempts::lookup(&mut tx, txid)
            .await
            .expect("reads")
            .expect("is there")
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
