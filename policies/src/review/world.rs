//! A small treasury that tests review: its policy, people, coins and one honest attempt.

use std::collections::BTreeMap;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::psbt::{Input, Psbt};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use super::{Refusal, Review, review};
use crate::descriptor::{ScriptKind, samples};
use crate::document::samples::{HEAD_TIME, address, draft};
use crate::document::{PinnedKeyDraft, Policy, PolicyDraft};
use crate::ids::{IntentHash, KeyId, Keychain, Subject};
use crate::intent::{
    Approval, Intent, IntentKind, MerkleTree, RequestSignature, SecretKey, Statement, WithdrawalId,
};
use crate::journal::History;
use crate::psbt::{AttemptPurpose, Manifest, read_strict};
use crate::time::UnixTime;

/// Now, an hour after the policy's head.
pub(crate) const NOW: UnixTime = HEAD_TIME.saturating_add(3_600);

/// The change index of the honest attempt.
pub(crate) const CHANGE_INDEX: u32 = 8;

/// The secret key of a person or service by name.
pub(crate) fn secret(name: &str) -> SecretKey {
    SecretKey::from_bytes(&sha256::Hash::hash(name.as_bytes()).to_byte_array())
}

/// The key id of a person or service by name.
pub(crate) fn key_of(name: &str) -> KeyId {
    secret(name).public().id()
}

/// The document of a treasury whose people can sign in tests.
pub(crate) fn signing_draft(kind: ScriptKind) -> PolicyDraft {
    let mut draft = draft(kind);
    for requester in &mut draft.requesters {
        requester.keys = vec![PinnedKeyDraft::own(&secret(&requester.name).public())];
    }
    for approver in &mut draft.approvers {
        approver.keys = vec![PinnedKeyDraft::own(&secret(&approver.name).public())];
    }
    draft
}

/// A treasury's policy under which tests can sign.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) policy: Policy,
}

/// A coin of the vault with its whole previous transaction.
#[derive(Debug, Clone)]
pub(crate) struct Coin {
    pub(crate) keychain: Keychain,
    pub(crate) index: u32,
    pub(crate) previous: Transaction,
}

/// A withdrawal, and who signed for it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) intent: Intent,
    pub(crate) by: &'static str,
    pub(crate) approved_by: Vec<&'static str>,
}

/// What an attempt is built from: alter it to build another one, consistent in itself.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) coins: Vec<Coin>,
    pub(crate) asked: Vec<Asked>,
    /// Intents carried because paid ones replace them.
    pub(crate) carried: Vec<Asked>,
    pub(crate) change: Option<(u32, Amount)>,
    pub(crate) approvals_expire: UnixTime,
}

/// An attempt: alter it to lie.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) psbt: Psbt,
    pub(crate) manifest: Manifest,
}

impl World {
    pub(crate) fn new(kind: ScriptKind) -> Self {
        Self::with(kind, |_| {})
    }

    /// A treasury whose document is altered.
    pub(crate) fn with(kind: ScriptKind, alter: impl FnOnce(&mut PolicyDraft)) -> Self {
        let mut draft = signing_draft(kind);
        alter(&mut draft);
        let policy = Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes");
        Self { policy }
    }

    /// Both kinds of vault.
    pub(crate) fn both() -> [Self; 2] {
        [Self::new(ScriptKind::Wsh), Self::new(ScriptKind::Tr)]
    }

    pub(crate) fn intent(&self, id: &str, script_pubkey: ScriptBuf, sat: u64) -> Intent {
        Intent {
            vault: self.policy.vault,
            keyset: self.policy.keyset,
            requester: "exchange".parse().expect("a name"),
            id: withdrawal(id),
            kind: IntentKind::Payment,
            script_pubkey,
            amount: Amount::from_sat(sat),
            min: Amount::from_sat(sat),
            created: HEAD_TIME.saturating_add(60),
            expires: HEAD_TIME.saturating_add(86_400),
            replaces: None,
            repeats: None,
            reference: "invoice 7".to_owned(),
        }
    }

    /// A coin in output 1 of a transaction of its own.
    pub(crate) fn coin(&self, keychain: Keychain, index: u32, sat: u64) -> Coin {
        let own = self.policy.descriptor.script_pubkey(keychain, index);
        let funding = [keychain.branch()].repeat(32);
        let funding = Txid::from_slice(&funding).expect("32 bytes");
        let output = |sat, script_pubkey| TxOut {
            value: Amount::from_sat(sat),
            script_pubkey,
        };
        let previous = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(funding, index),
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::from_slice(&[[7; 64]]),
            }],
            output: vec![output(1_000, stranger(200)), output(sat, own)],
        };
        Coin {
            keychain,
            index,
            previous,
        }
    }

    /// The honest plan: three payments under three rules, two coins, one change.
    pub(crate) fn plan(&self) -> Plan {
        let asked = |id, script, sat, approved_by| Asked {
            intent: self.intent(id, script, sat),
            by: "exchange",
            approved_by,
        };
        Plan {
            coins: vec![
                self.coin(Keychain::External, 3, 60_000_000),
                self.coin(Keychain::Internal, 7, 30_000_000),
            ],
            asked: vec![
                asked("w-1", stranger(11), 4_000_000, vec![]),
                asked("w-2", stranger(12), 20_000_000, vec!["dana", "erin"]),
                asked("w-3", address(1).script_pubkey(), 30_000_000, vec!["erin"]),
            ],
            carried: Vec::new(),
            change: Some((CHANGE_INDEX, Amount::from_sat(35_990_000))),
            approvals_expire: HEAD_TIME.saturating_add(86_400),
        }
    }

    /// The honest attempt.
    pub(crate) fn attempt(&self) -> Attempt {
        self.build(&self.plan())
    }

    /// Builds the attempt of a plan, with every field a coordinator writes. Change comes last.
    pub(crate) fn build(&self, plan: &Plan) -> Attempt {
        let descriptor = &self.policy.descriptor;
        let mut output: Vec<TxOut> = plan
            .asked
            .iter()
            .map(|asked| TxOut {
                value: asked.intent.amount,
                script_pubkey: asked.intent.script_pubkey.clone(),
            })
            .collect();
        output.extend(plan.change.map(|(index, value)| TxOut {
            value,
            script_pubkey: descriptor.script_pubkey(Keychain::Internal, index),
        }));
        let unsigned = Transaction {
            version: Version::TWO,
            lock_time: LockTime::from_consensus(107),
            input: plan.coins.iter().map(Coin::spend).collect(),
            output,
        };
        let mut psbt = Psbt::from_unsigned_tx(unsigned).expect("nothing is signed");
        for (input, coin) in psbt.inputs.iter_mut().zip(&plan.coins) {
            self.fill(input, coin);
        }
        if let Some((index, _)) = plan.change {
            let output = psbt.outputs.last_mut().expect("change is an output");
            descriptor
                .at(Keychain::Internal, index)
                .update_output(output);
        }
        for position in descriptor.key_positions() {
            let origin = (position.fingerprint, position.path.clone());
            psbt.xpub.insert(position.xpub, origin);
        }
        let manifest = self.manifest(plan);
        Attempt { psbt, manifest }
    }

    /// Writes what a coordinator writes into an input that spends a coin.
    pub(crate) fn fill(&self, input: &mut Input, coin: &Coin) {
        *input = Input::default();
        if self.policy.descriptor.kind() != ScriptKind::Tr {
            input.non_witness_utxo = Some(coin.previous.clone());
        }
        input.witness_utxo = Some(coin.output());
        self.policy
            .descriptor
            .at(coin.keychain, coin.index)
            .update_input(input);
    }

    fn manifest(&self, plan: &Plan) -> Manifest {
        let vault = self.policy.vault;
        let mut manifest = Manifest::new(self.policy.id, AttemptPurpose::Pay, 1);
        // Each approver signs one root over all that they approve.
        let mut approved: BTreeMap<&str, Vec<[u8; 32]>> = BTreeMap::new();
        for (output, asked) in (0_u32..).zip(&plan.asked) {
            let hash = carry(&mut manifest, asked);
            manifest.payments.insert(output, hash);
            for by in &asked.approved_by {
                approved.entry(by).or_default().push(hash.to_bytes());
            }
        }
        for asked in &plan.carried {
            carry(&mut manifest, asked);
        }
        for (by, hashes) in approved {
            let tree = MerkleTree::new(&hashes).expect("distinct intents");
            let expires = plan.approvals_expire;
            manifest.add_approval(Approval::approve(&secret(by), vault, tree.root(), expires));
            for hash in hashes {
                let proof = tree.proof(&hash).expect("it is in the tree");
                let key = (tree.root(), IntentHash::from_bytes(hash));
                manifest.proofs.insert(key, proof);
            }
        }
        if let Some((index, _)) = plan.change {
            let output = u32::try_from(plan.asked.len()).expect("few");
            manifest.changes.insert(output, (self.policy.id, index));
        }
        manifest
    }

    /// The codes of all refusals, none when it may be signed.
    pub(crate) fn refusals(&self, attempt: &Attempt) -> Vec<&'static str> {
        self.refusals_at(attempt, &History::none(), NOW)
    }

    pub(crate) fn refusals_at(
        &self,
        attempt: &Attempt,
        history: &History,
        now: UnixTime,
    ) -> Vec<&'static str> {
        match self.review_at(attempt, history, now) {
            Ok(_) => Vec::new(),
            Err(refusals) => refusals.iter().map(Refusal::code).collect(),
        }
    }

    pub(crate) fn review_at(
        &self,
        attempt: &Attempt,
        history: &History,
        now: UnixTime,
    ) -> Result<Review, Vec<Refusal>> {
        let psbt = read_strict(&attempt.bytes()).expect("the PSBT is read strictly");
        review(&psbt, &self.policy, history, now)
    }

    /// The review of an attempt that may be signed.
    pub(crate) fn reviewed(&self, attempt: &Attempt) -> Review {
        self.review_at(attempt, &History::none(), NOW)
            .expect("it may be signed")
    }
}

impl Coin {
    pub(crate) fn output(&self) -> TxOut {
        self.previous.output[1].clone()
    }

    pub(crate) fn spend(&self) -> TxIn {
        TxIn {
            previous_output: OutPoint::new(self.previous.compute_txid(), 1),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }
    }
}

impl Attempt {
    /// The PSBT's bytes with the manifest in it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut psbt = self.psbt.clone();
        self.manifest.write_into(&mut psbt);
        psbt.serialize()
    }

    pub(crate) fn output(&mut self, output: usize) -> &mut TxOut {
        &mut self.psbt.unsigned_tx.output[output]
    }

    /// Adds an output without any fields; the manifest does not speak of it.
    pub(crate) fn add_output(&mut self, sat: u64, script_pubkey: ScriptBuf) {
        self.psbt.unsigned_tx.output.push(TxOut {
            value: Amount::from_sat(sat),
            script_pubkey,
        });
        self.psbt.outputs.push(bitcoin::psbt::Output::default());
    }
}

/// What builds spends that pay no intents, signs them, and speaks of open lists.
impl World {
    /// All coins of the honest plan back to the vault.
    pub(crate) fn self_spend(&self, fee: u64) -> Attempt {
        self.self_spend_of(self.plan().coins, fee)
    }

    /// Coins back to the vault, at the honest plan's change index.
    pub(crate) fn self_spend_of(&self, coins: Vec<Coin>, fee: u64) -> Attempt {
        let mut plan = self.plan();
        let sum: Amount = coins.iter().map(|coin| coin.output().value).sum();
        plan.coins = coins;
        plan.asked.clear();
        plan.change = Some((CHANGE_INDEX, sum - Amount::from_sat(fee)));
        let mut attempt = self.build(&plan);
        attempt.manifest.purpose = AttemptPurpose::Consolidate;
        attempt
    }

    /// The same through the recovery path.
    pub(crate) fn recovery(&self, fee: u64) -> Attempt {
        let mut attempt = self.self_spend(fee);
        attempt.manifest.purpose = AttemptPurpose::Recover;
        for txin in &mut attempt.psbt.unsigned_tx.input {
            txin.sequence = Sequence::from_height(12_960);
        }
        attempt
    }

    /// One sweep of one coin: at most 50,000,000, at least 49,985,000, and this much of it paid.
    pub(crate) fn sweep(&self, paid: u64) -> Attempt {
        let mut plan = self.plan();
        let mut asked = plan.asked.swap_remove(1);
        asked.intent.kind = IntentKind::Sweep;
        asked.intent.amount = Amount::from_sat(50_000_000);
        asked.intent.min = Amount::from_sat(49_985_000);
        plan.asked = vec![asked];
        plan.coins = vec![self.coin(Keychain::External, 50, 50_000_000)];
        plan.change = None;
        let mut attempt = self.build(&plan);
        attempt.output(0).value = Amount::from_sat(paid);
        attempt
    }

    /// The attempt's transaction, signed by these signers.
    pub(crate) fn signed(attempt: &Attempt, by: &[&str]) -> Transaction {
        use miniscript::psbt::PsbtExt;
        let mut psbt = attempt.psbt.clone();
        let secp = samples::secp();
        for name in by {
            let master = samples::xpriv(name, bitcoin::Network::Regtest);
            psbt.sign(&master, &secp).expect("signs");
        }
        psbt.finalize_mut(&secp).expect("satisfies");
        let mut signed = psbt.unsigned_tx.clone();
        for (txin, input) in signed.input.iter_mut().zip(&psbt.inputs) {
            txin.witness = input.final_script_witness.clone().expect("final");
        }
        signed
    }

    /// A statement in a file, signed by these persons.
    pub(crate) fn state(&self, attempt: &mut Attempt, statement: &Statement, by: &[&str]) {
        let expires = HEAD_TIME.saturating_add(1_000 * 86_400);
        for person in by {
            let approval = Approval::sign(
                &secret(person),
                statement.purpose(),
                self.policy.vault,
                statement.subject(),
                expires,
            );
            attempt.manifest.add_approval(approval);
        }
        attempt.manifest.add_statement(statement.clone());
    }

    /// Approves the attempt's transaction as maintenance.
    pub(crate) fn maintain(&self, attempt: &mut Attempt, by: &str) {
        let txid = attempt.psbt.unsigned_tx.compute_txid();
        let subject = Subject::from_bytes(crate::hash::transaction_subject(txid));
        let expires = HEAD_TIME.saturating_add(86_400);
        let (vault, purpose) = (self.policy.vault, crate::hash::Purpose::Maintain);
        let approval = Approval::sign(&secret(by), purpose, vault, subject, expires);
        attempt.manifest.add_approval(approval);
    }
}

/// Carries an intent with its request.
fn carry(manifest: &mut Manifest, asked: &Asked) -> IntentHash {
    let hash = asked.intent.hash();
    let request = RequestSignature::sign(&secret(asked.by), asked.intent.vault, hash);
    manifest.intents.insert(hash, asked.intent.encode());
    manifest.add_request_signature(hash, &request);
    hash
}

pub(crate) fn withdrawal(id: &str) -> WithdrawalId {
    id.parse().expect("an id")
}

/// A script that is nobody's here.
pub(crate) fn stranger(seed: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([seed; 20]))
}
