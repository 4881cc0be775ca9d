//! Issues attempts at random, each exclusive with every earlier one of what it pays.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, TxOut, Txid, Weight};
use policies::Keychain;
use policies::psbt::{AttemptPurpose, Manifest};
use watchtower::store::coins;

use super::{FEE, Histories, WITHDRAWALS};
use crate::exclusion::Anchors;
use crate::roles::creator::{create, create_lone};
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::roles::updater::update;
use crate::service::building::Built;
use crate::service::issuing::{issue, store};
use crate::session::BatchId;
use crate::store::{addresses, batches, payments, reservations, withdrawals};

impl Histories {
    /// Issues an attempt that is exclusive with every earlier one of what it pays, where that is possible: it
    /// spends a coin of each, or one made by what is mined instead.
    pub(super) async fn issue(&mut self, paid: u8, anew: bool, draw: u8) {
        let mut paid: Vec<&str> = (0..)
            .zip(WITHDRAWALS)
            .filter(|(bit, _)| paid & (1 << bit) != 0)
            .map(|(_, id)| id)
            .collect();
        let rows = self.attempts().await;
        let cancels = paid.is_empty();
        let mut tx = self.world.read().await;
        let mut wanted = Vec::new();
        for id in std::mem::take(&mut paid) {
            let key = self.key(id);
            let row = withdrawals::lookup(&mut tx, &key)
                .await
                .expect("reads")
                .expect("there");
            let may = matches!(
                row.state.name(),
                "approved" | "signing" | "broadcast" | "failed"
            );
            if may {
                wanted.push(row);
            }
        }
        let last = rows.last().map(|row| row.batch);
        let mut earlier: BTreeSet<Txid> = BTreeSet::new();
        for row in &wanted {
            let paying = payments::paying(&mut tx, &row.key).await.expect("reads");
            earlier.extend(paying.iter().map(|attempt| attempt.txid));
        }
        if cancels {
            let own = rows.iter().filter(|row| Some(row.batch) == last);
            earlier.extend(own.map(|row| row.txid));
        }
        drop(tx);
        if wanted.is_empty() && (!cancels || earlier.is_empty()) {
            return;
        }
        let Some(chosen) = self.anchors(&earlier, draw) else {
            return;
        };
        let batch = if anew { None } else { last };
        self.build_and_issue(wanted, chosen, batch).await;
    }

    fn anchors(&self, earlier: &BTreeSet<Txid>, draw: u8) -> Option<BTreeMap<OutPoint, TxOut>> {
        let unspent = self.unspent();
        let mut chosen: BTreeMap<OutPoint, TxOut> = BTreeMap::new();
        for txid in earlier {
            let one = self.known.iter().find(|one| one.compute_txid() == *txid)?;
            let inputs: Vec<OutPoint> = one
                .input
                .iter()
                .map(|input| input.previous_output)
                .collect();
            if inputs.iter().any(|input| chosen.contains_key(input)) {
                continue;
            }
            let made_instead = |coin: &OutPoint| {
                self.mined().into_iter().any(|by| {
                    by.compute_txid() == coin.txid
                        && by.compute_txid() != *txid
                        && by
                            .input
                            .iter()
                            .any(|input| inputs.contains(&input.previous_output))
                })
            };
            let mut fitting: Vec<(&OutPoint, &TxOut)> = unspent
                .iter()
                .filter(|(coin, _)| inputs.contains(coin) || made_instead(coin))
                .collect();
            let length = fitting.len().max(1);
            fitting.rotate_left(usize::from(draw) % length);
            let (coin, output) = fitting.first()?;
            chosen.insert(**coin, (*output).clone());
        }
        if chosen.is_empty() {
            let place = usize::from(draw) % unspent.len().max(1);
            let (coin, output) = unspent.iter().nth(place)?;
            chosen.insert(*coin, output.clone());
        }
        Some(chosen)
    }

    async fn build_and_issue(
        &mut self,
        wanted: Vec<crate::store::withdrawals::WithdrawalRow>,
        chosen: BTreeMap<OutPoint, TxOut>,
        batch: Option<BatchId>,
    ) {
        self.seed = self.seed.wrapping_add(1);
        let seed = [self.seed; 32];
        let service = self.world.service.clone();
        let mut tx = service.database().begin_write().await.expect("begins");
        let (vault, policy) = service
            .vault(&mut tx, self.world.vault)
            .await
            .expect("a vault");
        let index = addresses::next_index(&mut tx, vault.keyset, Keychain::Internal)
            .await
            .expect("an index");
        let change = policy.descriptor.at(Keychain::Internal, index);
        let outputs: Vec<TxOut> = wanted
            .iter()
            .map(|row| TxOut {
                value: row.intent.amount,
                script_pubkey: row.intent.script_pubkey.clone(),
            })
            .collect();
        let held: Amount = chosen.values().map(|output| output.value).sum();
        let taken: Amount = outputs.iter().map(|output| output.value).sum();
        let Some(left) = held
            .checked_sub(taken + FEE)
            .filter(|left| left.to_sat() > 10_000)
        else {
            return;
        };
        let change_output = TxOut {
            value: left,
            script_pubkey: change.script_pubkey.clone(),
        };
        let outpoints: Vec<OutPoint> = chosen.keys().copied().collect();
        let tip = self.world.blocks.last().expect("a tip").height;
        let mut manifest = Manifest::new(
            policy.id,
            if wanted.is_empty() {
                AttemptPurpose::Cancel
            } else {
                AttemptPurpose::Pay
            },
            u32::from(self.seed),
        );
        let (transaction, change_place) = if wanted.is_empty() {
            let sequence = bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME;
            let made = create_lone(&outpoints, change_output, sequence, tip, seed);
            (made.expect("a transaction"), 0)
        } else {
            let made = create(&outpoints, &outputs, Some(change_output), tip, seed);
            let made = made.expect("a transaction");
            for (row, output) in wanted.iter().zip(&made.payments) {
                manifest.intents.insert(row.hash, row.bytes.clone());
                manifest.payments.insert(*output, row.hash);
            }
            (made.transaction, made.change.expect("change"))
        };
        manifest.changes.insert(change_place, (policy.id, index));
        let mut spent = Vec::new();
        let mut fundings = BTreeMap::new();
        for (outpoint, prevout) in &chosen {
            let coin = coins::coin(&mut tx, *outpoint)
                .await
                .expect("reads")
                .expect("a coin");
            let funding = coins::funding_transaction(&mut tx, outpoint.txid).await;
            fundings.insert(outpoint.txid, funding.expect("reads").expect("is kept"));
            spent.push(SpentCoin {
                outpoint: *outpoint,
                prevout: prevout.clone(),
                derived: policy
                    .descriptor
                    .at(coin.script.keychain, coin.script.index),
            });
        }
        let issued = IssuedTransaction::new(transaction.clone(), &spent).expect("our coins");
        let mut psbt = update(
            &issued,
            &policy.descriptor,
            &fundings,
            Some((change_place, &change)),
        )
        .expect("a PSBT");
        manifest.write_into(&mut psbt);
        let built = Built {
            former: None,
            txid: issued.txid(),
            psbt: psbt.serialize(),
            fee: FEE,
            weight: Weight::from_wu(1_000),
            coins: chosen
                .iter()
                .map(|(coin, output)| (*coin, output.value))
                .collect(),
            change: Some(change),
            rules: wanted.iter().map(|_| "small".to_owned()).collect(),
            withdrawals: wanted,
            purpose: manifest.purpose,
            anchors: Anchors::default(),
            frozen: Vec::new(),
            replacing: None,
            left_for_devices: Vec::new(),
        };
        let mut from = Vec::new();
        for coin in chosen.keys() {
            from.extend(
                reservations::holder_of(&mut tx, *coin)
                    .await
                    .expect("reads"),
            );
        }
        let cause = self.cause();
        match batch {
            None => {
                store(&service, &mut tx, &vault, &policy, built, &from, cause)
                    .await
                    .expect("is stored");
            }
            Some(id) => {
                let batch = batches::lookup(&mut tx, id)
                    .await
                    .expect("reads")
                    .expect("there");
                issue(&mut tx, &batch, &policy, built, &from, cause)
                    .await
                    .expect("is issued");
            }
        }
        tx.commit().await.expect("commits");
        self.known.push(transaction);
    }
}
