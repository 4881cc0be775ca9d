//! What must hold after every history.

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint, SignedAmount, Transaction, Txid};
use watchtower::store::coins;

use super::{Histories, WITHDRAWALS};
use crate::service::tests::flow::{clearing, replay_equals_live};
use crate::session::attempt::AttemptState;
use crate::session::following::{Paying, events_to_follow};
use crate::store::attempts::AttemptRow;
use crate::store::{attempts, inputs, jobs, payments, reservations, withdrawals};

impl Histories {
    /// All that must hold once everything seen was taken in.
    pub(super) async fn check(&self) {
        let rows = self.attempts().await;
        let mut tx = self.world.read().await;
        let jammed = jobs::troubled(&mut tx).await.expect("reads");
        assert!(jammed.is_empty(), "nothing jams: {jammed:?}");
        let mut held = BTreeSet::new();
        for row in &rows {
            let coins = inputs::of_attempt(&mut tx, row.txid).await.expect("reads");
            if row.state.holds_coins() {
                held.extend(coins.iter().map(|(coin, _)| *coin));
            }
            self.check_dead(&mut tx, row, &coins).await;
        }
        let reserved = reservations::reserved(&mut tx, self.world.vault)
            .await
            .expect("reads");
        let reserved: BTreeSet<OutPoint> = reserved.into_iter().collect();
        assert_eq!(
            reserved, held,
            "a coin is reserved while an attempt may spend it (M3, M4)"
        );
        for id in WITHDRAWALS {
            let key = self.key(id);
            let row = withdrawals::lookup(&mut tx, &key)
                .await
                .expect("reads")
                .expect("there");
            let attempts: Vec<Paying> = payments::paying(&mut tx, &key)
                .await
                .expect("reads")
                .into_iter()
                .map(|row| Paying {
                    is_vouched: true,
                    batch: row.batch,
                    txid: row.txid,
                    state: row.state,
                })
                .collect();
            let open = events_to_follow(&row.state, &attempts, "small").expect("a way");
            assert!(
                open.is_empty(),
                "{id} is where its attempts say, not {:?}",
                row.state
            );
            let on_chain: Vec<Txid> = (attempts.iter().map(|paying| paying.txid))
                .filter(|txid| self.mined().iter().any(|one| one.compute_txid() == *txid))
                .collect();
            assert!(on_chain.len() <= 1, "one chain pays {id} once");
            let name = row.state.name();
            let paid = matches!(name, "confirmed" | "settled");
            assert_eq!(paid, !on_chain.is_empty(), "{id} is {name}");
            assert_eq!(
                row.state.attempt().filter(|_| paid),
                on_chain.first().copied()
            );
        }
        drop(tx);
        replay_equals_live(&self.world).await;
        let own = |one: &&Transaction| rows.iter().any(|row| row.txid == one.compute_txid());
        if self.mined().iter().all(own) {
            assert_eq!(
                clearing(&self.world).await,
                SignedAmount::ZERO,
                "the books balance"
            );
        }
    }

    /// An attempt is dead exactly while a settled transaction, or the death of a parent, excludes it.
    async fn check_dead(
        &self,
        tx: &mut watchtower::store::database::Transaction,
        row: &AttemptRow,
        coins: &[(OutPoint, Amount)],
    ) {
        if row.state == AttemptState::Dropped {
            return;
        }
        let mut excluded = false;
        for (coin, _) in coins {
            for other in &self.known {
                let txid = other.compute_txid();
                let spends = other
                    .input
                    .iter()
                    .any(|input| input.previous_output == *coin);
                if spends && txid != row.txid {
                    let placed = coins::transaction_placement(tx, txid).await.expect("reads");
                    excluded |= placed.is_some_and(|(_, settled)| settled);
                }
            }
            let parent = attempts::lookup(tx, coin.txid).await.expect("reads");
            excluded |= parent.is_some_and(|row| matches!(row.state, AttemptState::Dead { .. }));
        }
        let dead = matches!(row.state, AttemptState::Dead { .. });
        assert_eq!(dead, excluded, "{} is {}", row.txid, row.state.name());
    }
}
