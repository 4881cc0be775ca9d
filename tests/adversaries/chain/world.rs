//! One life: a treasury on a real node, another node that mines beside it, users who pay in, and what was done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bitcoin::hashes::Hash as _;
use bitcoin::{
    Address, Amount, BlockHash, Network, OutPoint, ScriptBuf, Transaction, Txid, WPubkeyHash,
};
use policies::{Keychain, ScriptKind};
use serde_json::{Value, json};

use super::credits::Credits;
use super::truth::{Ours, Reader, Truth};
use crate::adversaries::draw::Draw;
use crate::coordinator::{Coordinator, Settings};
use crate::treasury::{People, hot_wallet};
use crate::{Answer, Bitcoind, Engine, Failure, Store, Treasury};

/// Who pays in.
const USERS: usize = 5;
/// Blocks before anything happens, so that the deepest reorg leaves the purse its coins.
const FIRST_BLOCKS: u32 = 150;
/// Seconds since the policy was made: time for a chain of some thousand blocks.
const AGE: u64 = 60 * 86_400;
/// Change scripts that are looked for beyond those of our own transactions.
const CHANGE_AHEAD: usize = 40;

/// A withdrawal that was asked for.
#[derive(Debug)]
pub(in crate::adversaries) struct Wanted {
    pub(in crate::adversaries) id: String,
    pub(in crate::adversaries) to: ScriptBuf,
    pub(in crate::adversaries) amount: Amount,
}

/// A transaction that our signers signed.
#[derive(Debug)]
pub(in crate::adversaries) struct Own {
    pub(in crate::adversaries) txid: Txid,
    pub(in crate::adversaries) inputs: Vec<OutPoint>,
}

/// What was done, and what came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::adversaries) struct Tally {
    pub(in crate::adversaries) steps: u64,
    pub(in crate::adversaries) blocks: u64,
    pub(in crate::adversaries) reorgs: u64,
    pub(in crate::adversaries) deepest: u32,
    pub(in crate::adversaries) partitions: u64,
    pub(in crate::adversaries) kills: u64,
    pub(in crate::adversaries) outages: u64,
    pub(in crate::adversaries) payments: u64,
    pub(in crate::adversaries) rivals: u64,
    pub(in crate::adversaries) own: u64,
    pub(in crate::adversaries) checks: u64,
    pub(in crate::adversaries) credited: u64,
    pub(in crate::adversaries) taken_back: u64,
    pub(in crate::adversaries) refused: u64,
}

/// One life.
#[derive(Debug)]
pub(in crate::adversaries) struct World {
    pub(in crate::adversaries) treasury: Treasury,
    pub(in crate::adversaries) other: Bitcoind,
    pub(in crate::adversaries) draw: Draw,
    pub(in crate::adversaries) reader: Reader,
    pub(in crate::adversaries) ours: BTreeMap<ScriptBuf, Ours>,
    pub(in crate::adversaries) addresses: Vec<Address>,
    /// What users sent, parents first, with its fee.
    pub(in crate::adversaries) payments: Vec<(Transaction, Amount)>,
    /// What pays every address and is never double-spent: a reorg loses it too.
    gifts: Vec<Transaction>,
    pub(in crate::adversaries) wanted: Vec<Wanted>,
    pub(in crate::adversaries) own: Vec<Own>,
    /// Tips of branches that left the chain, the latest last.
    pub(in crate::adversaries) branches: Vec<BlockHash>,
    pub(in crate::adversaries) credits: Credits,
    pub(in crate::adversaries) tally: Tally,
    pub(in crate::adversaries) trace: Vec<String>,
    pub(in crate::adversaries) patience: Duration,
    begun: Instant,
    changes: u32,
}

impl World {
    /// Everything that a life begins with, on a node of its own.
    pub(in crate::adversaries) fn begin(
        node: Bitcoind,
        engine: Engine,
        draw: Draw,
        addresses: usize,
        (patience, settings): (Duration, &Settings),
    ) -> Result<Self, Failure> {
        node.mine_to(&nobody(&[0; 32]), FIRST_BLOCKS)?;
        let other = Bitcoind::start_empty()?;
        node.unite(&other)?;
        node.part(&other)?;
        let store = Store::start(engine)?;
        let people = People::agree_cheaply(ScriptKind::Wsh, &node, |draft| {
            hot_wallet(draft);
            // Blocks come faster here than a signer believes: the policy is an old one.
            draft.head.time = draft.head.time.saturating_sub(AGE);
        })?;
        let coordinator = Coordinator::start(&store, &node, settings)?;
        let treasury = Treasury::assemble(node, store, people, coordinator)?;
        let mut world = Self {
            treasury,
            other,
            draw,
            reader: Reader::default(),
            ours: BTreeMap::new(),
            addresses: Vec::new(),
            payments: Vec::new(),
            gifts: Vec::new(),
            wanted: Vec::new(),
            own: Vec::new(),
            branches: Vec::new(),
            credits: Credits::default(),
            tally: Tally::default(),
            trace: Vec::new(),
            patience,
            begun: Instant::now(),
            changes: 0,
        };
        let depth = world.treasury.people.policy.limits.confirmations_deposit;
        for number in 0..addresses {
            let user = format!("user-{}", number % USERS);
            let address = world.treasury.new_address(&user)?;
            let ours = Ours {
                user: Some(user),
                depth,
            };
            world.ours.insert(address.script_pubkey(), ours);
            world.addresses.push(address);
        }
        Ok(world)
    }

    /// The scripts of the vault, those for change as well.
    fn know_changes(&mut self) -> Result<(), Failure> {
        let policy = &self.treasury.people.policy;
        let enough = u32::try_from(self.own.len() + CHANGE_AHEAD)?;
        for index in self.changes..enough {
            let script = policy.descriptor.script_pubkey(Keychain::Internal, index);
            let ours = Ours {
                user: None,
                depth: policy.limits.confirmations_change,
            };
            self.ours.insert(script, ours);
        }
        self.changes = self.changes.max(enough);
        Ok(())
    }

    /// What the chain says now.
    pub(in crate::adversaries) fn truth(&mut self) -> Result<Truth, Failure> {
        self.know_changes()?;
        self.reader.count(&self.treasury.node, &self.ours)
    }

    /// An address of any user.
    pub(in crate::adversaries) fn any_address(&mut self) -> Address {
        self.draw.one(&self.addresses).clone()
    }

    /// A script that no other block pays.
    pub(in crate::adversaries) fn nobody(&mut self) -> ScriptBuf {
        nobody(&self.draw.bytes())
    }

    /// Pays half a bitcoin to every address, in one transaction.
    pub(in crate::adversaries) fn deposit_to_all(&mut self) -> Result<(), Failure> {
        let addresses = self.addresses.iter().cloned();
        let payments: Vec<_> = addresses
            .map(|address| (address, Amount::from_sat(50_000_000)))
            .collect();
        let gift = self.treasury.node.funding(&payments)?;
        self.treasury.node.broadcast(&gift)?;
        self.gifts.push(gift);
        Ok(())
    }

    /// Mines what settles deposits.
    pub(in crate::adversaries) fn mine_settling(&mut self) -> Result<(), Failure> {
        let script = self.nobody();
        self.tally.blocks += 3;
        self.treasury.node.mine_to(&script, 3).map(drop)
    }

    /// Asks for a withdrawal, and has it paid.
    pub(in crate::adversaries) fn withdraw(&mut self) -> Result<(), Failure> {
        let id = format!("w-{}", self.wanted.len() + 1);
        let vault = self.treasury.people.policy.vault;
        let hash = WPubkeyHash::hash(format!("{vault} {id}").as_bytes());
        let to = Address::from_script(&ScriptBuf::new_p2wpkh(&hash), Network::Regtest)?;
        let amount = Amount::from_sat(self.draw.from_to(100_000, 3_000_000));
        let intent = self.treasury.intent(&id, &to, amount)?;
        let mut asked = self.treasury.submit(&intent)?;
        if asked.status == 422 {
            // Nothing is settled: blocks may help.
            self.mine_settling()?;
            self.check()?;
            asked = self.treasury.submit(&intent)?;
        }
        if self.is_refused(&asked)? {
            return Ok(());
        }
        self.wanted.push(Wanted {
            id,
            to: to.script_pubkey(),
            amount,
        });
        self.pay_out()
    }

    /// Has everything paid that is approved, in one transaction.
    pub(in crate::adversaries) fn pay_out(&mut self) -> Result<(), Failure> {
        let path = self.treasury.path("/batches");
        let asked = self.treasury.operator().post(&path, &json!({}))?;
        if self.is_refused(&asked)? {
            return Ok(());
        }
        let made = asked.done()?;
        let txid = made["txid"]
            .as_str()
            .or_else(|| made["attempts"][0]["txid"].as_str())
            .ok_or_else(|| Failure::new(format!("no txid: {made}")))?;
        let txid: Txid = txid.parse()?;
        let psbt = self.treasury.psbt(txid)?;
        let unsigned = bitcoin::Psbt::deserialize(&psbt)?.unsigned_tx;
        let signed = self.treasury.people.machine.sign(&psbt)?.done()?.stdout;
        self.own.push(Own {
            txid,
            inputs: unsigned
                .input
                .iter()
                .map(|input| input.previous_output)
                .collect(),
        });
        self.tally.own += 1;
        let path = format!("/attempts/{txid}/signatures");
        let asked = self.treasury.signer().post_bytes(&path, &signed)?;
        self.is_refused(&asked).map(drop)
    }

    /// Whether it was refused, which may be; that the coordinator fails may not.
    fn is_refused(&mut self, asked: &Answer) -> Result<bool, Failure> {
        if asked.status >= 500 && asked.status != 503 {
            return Err(Failure::new(format!(
                "the coordinator answered {}: {}",
                asked.status,
                asked.text()
            )));
        }
        let refused = !(200..300).contains(&asked.status);
        if refused {
            self.tally.refused += 1;
            self.note(&format!("refused: {}", asked.text()));
        }
        Ok(refused)
    }

    /// Every user sends again what neither chain nor mempool has; a node refuses what others exclude.
    pub(in crate::adversaries) fn send_again(&mut self) -> Result<(), Failure> {
        let truth = self.truth()?;
        let payments = self.payments.iter().map(|(payment, _)| payment);
        for payment in self.gifts.iter().chain(payments) {
            let txid = payment.compute_txid();
            if truth.is_placed(txid) || truth.mempool.contains(&txid) {
                continue;
            }
            let raw = bitcoin::consensus::encode::serialize_hex(payment);
            drop(
                self.treasury
                    .node
                    .try_call("sendrawtransaction", json!([raw]))?,
            );
        }
        Ok(())
    }

    /// What the books say of all withdrawals.
    pub(in crate::adversaries) fn states(&self) -> Result<BTreeMap<String, String>, Failure> {
        let path = self.treasury.path("/withdrawals?limit=1000");
        let shown = self.treasury.auditor().get(&path)?.done()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(crate::items(&shown)?
            .iter()
            .map(|one| (text(&one["id"]), text(&one["state"])))
            .collect())
    }

    /// Own transactions that could be in the chain and are neither there nor in the mempool.
    pub(in crate::adversaries) fn missing(&self, truth: &Truth) -> BTreeSet<Txid> {
        let possible = self
            .own
            .iter()
            .filter(|own| !truth.is_placed(own.txid) && truth.is_possible(own.txid, &own.inputs));
        possible
            .map(|own| own.txid)
            .filter(|txid| !truth.mempool.contains(txid))
            .collect()
    }

    /// Keeps what was done, for whoever asks why.
    pub(in crate::adversaries) fn note(&mut self, text: &str) {
        let passed = self.begun.elapsed().as_millis();
        self.trace.push(format!("{passed} ms: {text}"));
    }

    /// The last that was done.
    pub(in crate::adversaries) fn last_steps(&self) -> String {
        let from = self.trace.len().saturating_sub(25);
        self.trace[from..].join("\n      ")
    }
}

/// A script that nobody spends from.
fn nobody(bytes: &[u8; 32]) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(bytes))
}
