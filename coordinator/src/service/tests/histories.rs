//! Random histories of many attempts on one chain: the books follow it whatever comes in whatever order.
//!
//! Issues, replacements, splits, merges and cancellations of a few withdrawals on a few coins are mined,
//! reorged out, evicted, excluded from outside and voided at random. After every intake: M1, M3 and M4 hold,
//! no reservation leaks, no withdrawal is lost, nothing jams, and replaying the events gives the live state.

mod checking;
mod issuing;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};
use proptest::prelude::*;
use proptest::test_runner::Config;
use watchtower::store::{chain, coins};

use super::chain::rival_of;
use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::record::Cause;
use crate::service::voiding::drop_voided;
use crate::service::withdrawals::cancel_withdrawal;
use crate::session::attempt::AttemptState;
use crate::store::attempts;
use crate::store::attempts::AttemptRow;
use crate::store::withdrawals::WithdrawalKey;

const WITHDRAWALS: [&str; 3] = ["w-1", "w-2", "w-3"];
const FEE: Amount = Amount::from_sat(1_000);
const PAID: u64 = 100_000;

/// What one step does; every number is taken by its remainder.
#[derive(Debug, Clone)]
enum Step {
    /// A new attempt of these withdrawals (none: a cancellation), in a new batch or in the last one.
    Issue { paid: u8, anew: bool, draw: u8 },
    /// A block with those known transactions that fit together, tried in an order drawn.
    Mine { draw: u8, few: bool },
    /// Blocks with nothing in them.
    Deepen(u8),
    /// These many blocks leave the chain.
    Reorg(u8),
    /// The mempool shows what fits together, in an order drawn.
    Mempool { draw: u8, few: bool },
    /// Somebody with a quorum spends the coins of an attempt elsewhere.
    Rival(u8),
    /// An attempt is voided.
    Void(u8),
    /// The requester cancels what may be cancelled.
    Cancel(u8),
    /// The coordinator takes in what was seen.
    Work,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..8_u8, any::<bool>(), any::<u8>())
            .prop_map(|(paid, anew, draw)| Step::Issue { paid, anew, draw }),
        1 => any::<u8>().prop_map(|draw| Step::Issue { paid: 0, anew: false, draw }),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(draw, few)| Step::Mine { draw, few }),
        2 => (1..4_u8).prop_map(Step::Deepen),
        3 => (1..6_u8).prop_map(Step::Reorg),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(draw, few)| Step::Mempool { draw, few }),
        1 => any::<u8>().prop_map(Step::Rival),
        1 => any::<u8>().prop_map(Step::Void),
        1 => any::<u8>().prop_map(Step::Cancel),
        3 => Just(Step::Work),
    ]
}

struct Histories {
    world: World,
    /// Every transaction that could be on the chain, in the order in which it was made.
    known: Vec<Transaction>,
    /// What the vault was funded with.
    funded: BTreeMap<OutPoint, TxOut>,
    base: usize,
    seed: u8,
}

impl Histories {
    async fn new() -> Self {
        let world = World::funded(Kind::Tr, 3, 1_000_000).await;
        for id in WITHDRAWALS {
            world.submit(id, PAID).await;
        }
        let mut tx = world.read().await;
        let funded = coins::coins(&mut tx, world.vault).await.expect("reads");
        drop(tx);
        let funded = funded.into_iter().map(|coin| {
            let txout = TxOut {
                value: coin.amount,
                script_pubkey: coin.script.script_pubkey,
            };
            (coin.outpoint, txout)
        });
        Self {
            funded: funded.collect(),
            base: world.blocks.len(),
            known: Vec::new(),
            seed: 0,
            world,
        }
    }

    async fn attempts(&self) -> Vec<AttemptRow> {
        let mut tx = self.world.read().await;
        let mut rows = attempts::list(&mut tx, self.world.vault, None, 1000)
            .await
            .expect("reads");
        let at = |txid: Txid| self.known.iter().position(|one| one.compute_txid() == txid);
        rows.sort_by_key(|row| at(row.txid));
        rows
    }

    /// The transactions of the chain above the funding.
    fn mined(&self) -> Vec<&Transaction> {
        let blocks = self.world.blocks.iter().skip(self.base);
        blocks.flat_map(|block| &block.transactions).collect()
    }

    /// Known transactions that fit on the chain and beside each other.
    fn fitting(&self, draw: u8, few: bool) -> Vec<Transaction> {
        let mined = self.mined();
        let mut made: BTreeSet<Txid> = mined.iter().map(|one| one.compute_txid()).collect();
        let mut spent: BTreeSet<OutPoint> = mined
            .iter()
            .flat_map(|one| one.input.iter().map(|input| input.previous_output))
            .collect();
        let mut order: Vec<&Transaction> = self.known.iter().collect();
        let length = order.len().max(1);
        order.rotate_left(usize::from(draw) % length);
        let mut fitting = Vec::new();
        for _ in 0..2 {
            for transaction in &order {
                let txid = transaction.compute_txid();
                let fits = transaction.input.iter().all(|input| {
                    let coin = input.previous_output;
                    !spent.contains(&coin)
                        && (self.funded.contains_key(&coin) || made.contains(&coin.txid))
                });
                if fits && made.insert(txid) {
                    spent.extend(transaction.input.iter().map(|input| input.previous_output));
                    fitting.push((*transaction).clone());
                }
                if few && !fitting.is_empty() {
                    return fitting;
                }
            }
        }
        fitting
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Issue { paid, anew, draw } => self.issue(*paid, *anew, *draw).await,
            Step::Mine { draw, few } => {
                let fitting = self.fitting(*draw, *few);
                self.world.mine(fitting).await;
            }
            Step::Deepen(blocks) => {
                for _ in 0..*blocks {
                    self.world.mine(Vec::new()).await;
                }
            }
            Step::Reorg(blocks) => {
                for _ in 0..*blocks {
                    if self.world.blocks.len() > self.base {
                        self.world.unmine().await;
                    }
                }
            }
            Step::Mempool { draw, few } => self.show_mempool(self.fitting(*draw, *few)).await,
            Step::Rival(draw) => {
                let length = self.known.len().max(1);
                if let Some(one) = self.known.get(usize::from(*draw) % length) {
                    self.known.push(rival_of(one));
                }
            }
            Step::Void(draw) => self.void(*draw).await,
            Step::Cancel(draw) => self.cancel(*draw).await,
            Step::Work => self.world.work().await,
        }
    }

    async fn show_mempool(&self, shown: Vec<Transaction>) {
        let tip = self.world.blocks.last().expect("a tip").hash;
        let present = shown.iter().map(Transaction::compute_txid).collect();
        let now = self.world.service.now();
        let mut tx = self.world.write().await;
        let changes = chain::observe_mempool(&mut tx, tip, &present, shown, now)
            .await
            .expect("takes it in");
        drop(changes);
        tx.commit().await.expect("commits");
    }

    async fn void(&self, draw: u8) {
        let issued: Vec<AttemptRow> = self
            .attempts()
            .await
            .into_iter()
            .filter(|row| row.state == AttemptState::Issued)
            .collect();
        let Some(row) = issued.get(usize::from(draw) % issued.len().max(1)) else {
            return;
        };
        let mut tx = self.world.write().await;
        drop_voided(&mut tx, row.txid, self.cause())
            .await
            .expect("is voided");
        tx.commit().await.expect("commits");
    }

    async fn cancel(&self, draw: u8) {
        let id = WITHDRAWALS[usize::from(draw) % WITHDRAWALS.len()];
        let state = self.world.show(id).await.state;
        let (service, operator) = (&self.world.service, &self.world.operator);
        let cancelled = cancel_withdrawal(service, operator, &self.key(id), "").await;
        let may = matches!(state.as_str(), "approved" | "failed" | "cancelled");
        assert_eq!(cancelled.is_ok(), may, "{state}");
    }

    fn key(&self, id: &str) -> WithdrawalKey {
        WithdrawalKey {
            vault: self.world.vault,
            requester: "exchange".parse().expect("a name"),
            id: id.parse().expect("an id"),
        }
    }

    fn cause(&self) -> Cause<'static> {
        Cause {
            actor: "test",
            reason: "",
            at: self.world.service.now(),
        }
    }

    /// Coins that are there now: on the chain, and not spent on it.
    fn unspent(&self) -> BTreeMap<OutPoint, TxOut> {
        let mut unspent = self.funded.clone();
        for transaction in self.mined() {
            for (vout, output) in (0..).zip(&transaction.output) {
                if output.script_pubkey.is_p2tr() {
                    unspent.insert(
                        OutPoint::new(transaction.compute_txid(), vout),
                        output.clone(),
                    );
                }
            }
            for input in &transaction.input {
                unspent.remove(&input.previous_output);
            }
        }
        unspent
    }
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 200, ..Config::default() })]

    #[test]
    fn the_books_follow_every_history_of_many_attempts(
        steps in proptest::collection::vec(any_step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut histories = Histories::new().await;
            for step in &steps {
                histories.take(step).await;
                if matches!(step, Step::Work) {
                    histories.check().await;
                }
            }
            histories.world.work().await;
            histories.check().await;
        });
    }
}
