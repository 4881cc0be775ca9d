//! A small world for tests: scripts of two vaults, transactions that pay, spend and conflict, and a
//! chain that grows and reorganizes at random.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{
    Amount, BlockHash, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, WScriptHash,
    Witness, absolute, transaction,
};
use policies::{Keychain, Keyset, UnixTime, VaultId};
use proptest::prelude::*;

use super::{Block, BlockRef, Change, OutgoingTerms, Placement, View, WatchedScript, postings};
use crate::ledger::{Account, Posting};

/// The depth at which deposits of the simulation settle.
pub(crate) const DEPOSIT_DEPTH: u32 = 3;
/// The depth at which its change and its spends settle.
pub(crate) const CHANGE_DEPTH: u32 = 2;

pub(crate) fn vault(number: u8) -> VaultId {
    VaultId::from_bytes([number; 32])
}

pub(crate) fn keyset(number: u8) -> Keyset {
    Keyset::from_bytes([number; 32])
}

fn script_pubkey(text: &str) -> ScriptBuf {
    ScriptBuf::new_p2wsh(&WScriptHash::hash(text.as_bytes()))
}

/// A script that nobody watches.
pub(crate) fn foreign(number: u32) -> ScriptBuf {
    script_pubkey(&format!("foreign {number}"))
}

/// A watched script of a vault.
pub(crate) fn watched(number: u8, keychain: Keychain, index: u32) -> WatchedScript {
    WatchedScript {
        script_pubkey: script_pubkey(&format!("vault {number} {keychain} {index}")),
        vault: vault(number),
        keyset: keyset(number),
        keychain,
        index,
        settle_depth: match keychain {
            Keychain::External => DEPOSIT_DEPTH,
            Keychain::Internal => CHANGE_DEPTH,
        },
        reference: (index == 1).then(|| "customer".to_owned()),
        history_until: None,
    }
}

/// All watched scripts of the simulation.
pub(crate) fn all_watched() -> Vec<WatchedScript> {
    let mut scripts = Vec::new();
    for number in [1, 2] {
        for keychain in Keychain::BOTH {
            scripts.extend((0..3).map(|index| watched(number, keychain, index)));
        }
    }
    scripts
}

/// A transaction; `salt` makes otherwise equal ones differ.
pub(crate) fn spend(salt: u32, inputs: &[OutPoint], outputs: &[(ScriptBuf, u64)]) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::from_consensus(salt),
        input: inputs
            .iter()
            .map(|outpoint| TxIn {
                previous_output: *outpoint,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            })
            .collect(),
        output: outputs
            .iter()
            .map(|(script_pubkey, sat)| TxOut {
                value: Amount::from_sat(*sat),
                script_pubkey: script_pubkey.clone(),
            })
            .collect(),
    }
}

/// An output that somebody else has.
pub(crate) fn outside(number: u32) -> OutPoint {
    OutPoint {
        txid: Txid::hash(&number.to_le_bytes()),
        vout: 0,
    }
}

/// A coinbase.
pub(crate) fn coinbase(salt: u32, script_pubkey: ScriptBuf) -> Transaction {
    spend(salt, &[OutPoint::null()], &[(script_pubkey, 50_000)])
}

/// The next block on `previous`.
pub(crate) fn block(previous: BlockRef, salt: u32, transactions: Vec<Transaction>) -> Block {
    let height = previous.height.checked_add(1).expect("a height");
    let seed = [
        previous.hash.to_byte_array().as_slice(),
        &salt.to_le_bytes(),
    ]
    .concat();
    let mut all = vec![coinbase(salt, foreign(height))];
    all.extend(transactions);
    Block {
        height,
        hash: BlockHash::from_byte_array(sha256::Hash::hash(&seed).to_byte_array()),
        previous: previous.hash,
        time: UnixTime::from_secs(u64::from(salt)),
        transactions: all,
    }
}

pub(crate) fn base() -> BlockRef {
    BlockRef {
        height: 100,
        hash: BlockHash::from_byte_array([7; 32]),
    }
}

/// Transactions with deposits, change, spends, chains and conflicts among them.
pub(crate) fn pool() -> Vec<Transaction> {
    let script = |vault, keychain, index| watched(vault, keychain, index).script_pubkey;
    let (external, internal) = (Keychain::External, Keychain::Internal);
    let mut pool = Vec::new();
    let mut salt = 0;
    for number in 0..6 {
        let vault = if number % 2 == 0 { 1 } else { 2 };
        salt += 1;
        let deposit = spend(
            salt,
            &[outside(number)],
            &[
                (script(vault, external, number % 3), 10_000),
                (foreign(number), 5_000),
                (script(1, external, 1), 700),
            ],
        );
        let of = |vout| OutPoint {
            txid: deposit.compute_txid(),
            vout,
        };
        salt += 1;
        // Double-spends the deposit's input, for another of our scripts.
        let rival = spend(salt, &[outside(number)], &[(script(2, external, 2), 9_000)]);
        salt += 1;
        let payment = spend(
            salt,
            &[of(0), of(2)],
            &[(foreign(50), 4_000), (script(vault, internal, 0), 6_500)],
        );
        salt += 1;
        let other = spend(salt, &[of(0)], &[(script(vault, internal, 1), 9_900)]);
        salt += 1;
        let change = OutPoint {
            txid: payment.compute_txid(),
            vout: 1,
        };
        let onward = spend(salt, &[change], &[(script(3 - vault, external, 0), 6_000)]);
        pool.extend([deposit, rival, payment, other, onward]);
    }
    pool
}

/// The whole state in one view, with the books beside it.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) view: View,
    causes: BTreeSet<String>,
    balances: BTreeMap<(VaultId, Account), i64>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let mut view = View::default();
        for script in all_watched() {
            view.add_script(script);
        }
        for transaction in pool().iter().skip(2).step_by(5) {
            let terms = OutgoingTerms {
                settle_depth: CHANGE_DEPTH,
            };
            view.add_outgoing(transaction.compute_txid(), terms);
        }
        Self {
            view,
            causes: BTreeSet::new(),
            balances: BTreeMap::new(),
        }
    }

    pub(crate) fn book(&mut self, changes: &[Change]) {
        for Posting {
            vault,
            cause,
            debit,
            credit,
            amount,
        } in changes.iter().flat_map(postings)
        {
            assert!(self.causes.insert(cause.clone()), "{cause} is booked twice");
            let amount = i64::try_from(amount.to_sat()).expect("an amount");
            *self.balances.entry((vault, debit)).or_default() += amount;
            *self.balances.entry((vault, credit)).or_default() -= amount;
        }
    }

    /// The balances that are not zero.
    pub(crate) fn balances(&self) -> BTreeMap<(VaultId, Account), i64> {
        let balances = self.balances.iter().filter(|(_, balance)| **balance != 0);
        balances
            .map(|(account, balance)| (account.clone(), *balance))
            .collect()
    }

    /// What is confirmed: block, settled, block of the spend.
    pub(crate) fn confirmed(&self) -> BTreeMap<OutPoint, (Placement, bool, Option<BlockRef>)> {
        self.view
            .coins()
            .filter(|coin| coin.placement.block().is_some())
            .map(|coin| (coin.outpoint, (coin.placement, coin.settled, coin.spent_in)))
            .collect()
    }

    /// The spends that are settled.
    pub(crate) fn settled_spends(&self) -> BTreeSet<Txid> {
        self.view
            .transactions()
            .filter(|(_, tracked)| tracked.settled)
            .map(|(txid, _)| *txid)
            .collect()
    }
}

/// One observation of the node.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Connect(Block),
    Disconnect(BlockRef),
    Mempool(BTreeSet<Txid>, Vec<Transaction>),
}

/// What happens at random, before it is made consistent.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Mines those of the pool that fit, by these positions.
    Mine(Vec<usize>),
    /// Takes back some blocks and mines one more than those.
    Reorg(usize, Vec<usize>),
    /// Shows a mempool of those that fit.
    Mempool(Vec<usize>),
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let choice = || prop::collection::vec(0..pool().len(), 0..8);
    let act = prop_oneof![
        4 => choice().prop_map(Act::Mine),
        2 => (1_usize..6, choice()).prop_map(|(depth, choice)| Act::Reorg(depth, choice)),
        2 => choice().prop_map(Act::Mempool),
    ];
    prop::collection::vec(act, 1..25)
}

/// Turns acts into observations that a node could have made, and the chain that stands at the end.
pub(crate) fn play(acts: &[Act]) -> (Vec<Step>, Vec<Block>) {
    let pool = pool();
    let mut chain: Vec<Block> = Vec::new();
    let mut steps = Vec::new();
    let mut salt = 0;
    let mut mine = |chain: &mut Vec<Block>, choice: &[usize], steps: &mut Vec<Step>| {
        salt += 1;
        let previous = chain.last().map_or_else(base, Block::at);
        let next = block(previous, salt, fitting(&pool, chain, choice));
        steps.push(Step::Connect(next.clone()));
        chain.push(next);
    };
    for act in acts {
        match act {
            Act::Mine(choice) => mine(&mut chain, choice, &mut steps),
            Act::Reorg(depth, choice) => {
                let depth = (*depth).min(chain.len());
                for lost in chain.split_off(chain.len() - depth).iter().rev() {
                    steps.push(Step::Disconnect(lost.at()));
                }
                for position in 0..=depth {
                    let part: Vec<usize> = choice
                        .iter()
                        .copied()
                        .skip(position)
                        .step_by(depth + 1)
                        .collect();
                    mine(&mut chain, &part, &mut steps);
                }
            }
            Act::Mempool(choice) => {
                let new = fitting(&pool, &chain, choice);
                let present = new.iter().map(Transaction::compute_txid).collect();
                steps.push(Step::Mempool(present, new));
            }
        }
    }
    (steps, chain)
}

/// The chosen transactions that are valid after this chain, parents first, without conflicts.
fn fitting(pool: &[Transaction], chain: &[Block], choice: &[usize]) -> Vec<Transaction> {
    let mined: Vec<&Transaction> = chain.iter().flat_map(|block| &block.transactions).collect();
    let mut present: BTreeSet<Txid> = mined.iter().map(|tx| tx.compute_txid()).collect();
    let mut spent: BTreeSet<OutPoint> = mined
        .iter()
        .flat_map(|tx| &tx.input)
        .map(|input| input.previous_output)
        .collect();
    let ours: BTreeSet<Txid> = pool.iter().map(Transaction::compute_txid).collect();
    let mut fitting = Vec::new();
    let chosen: BTreeSet<usize> = choice.iter().copied().collect();
    for transaction in chosen.into_iter().filter_map(|position| pool.get(position)) {
        let inputs: Vec<OutPoint> = transaction
            .input
            .iter()
            .map(|input| input.previous_output)
            .collect();
        let available = inputs.iter().all(|outpoint| {
            !spent.contains(outpoint)
                && (present.contains(&outpoint.txid) || !ours.contains(&outpoint.txid))
        });
        if available && present.insert(transaction.compute_txid()) {
            spent.extend(inputs);
            fitting.push(transaction.clone());
        }
    }
    fitting
}

/// Lets the model see an observation.
pub(crate) fn observe(model: &mut Model, step: &Step) -> Vec<Change> {
    let changes = match step {
        Step::Connect(block) => model.view.connect(block),
        Step::Disconnect(block) => model.view.disconnect(*block),
        Step::Mempool(present, new) => model.view.observe_mempool(present, new.clone()),
    };
    model.book(&changes);
    changes
}
