//! What the coordinator says next: chosen from random bytes, with everything in mind that was signed so far.

use std::collections::BTreeMap;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash as _, hash160};
use bitcoin::transaction::Version as TransactionVersion;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, Txid, WPubkeyHash};
use policies::Keychain;
use policies::psbt::AttemptPurpose;

use super::super::attempt::{Asked, Attempt, Plan, build, build_own, intent};
use super::super::draw::Draw;
use super::super::raw::Version;
use super::super::vault::{CHANGE, Coin, Vault, stranger};
use super::coordinator::{Offer, Thanks};
use super::crew::HONEST;
use super::pool::Pool;

/// Inputs that an attempt has at most.
const INPUTS: u64 = 3;
/// Transfers that are kept to be said again in later sessions.
const KEPT: usize = 200;

/// An attempt that was made, and from what.
#[derive(Debug, Clone)]
struct Built {
    attempt: Attempt,
    plan: Option<Plan>,
    txid: Txid,
}

/// One session: some withdrawals, and all that was made of them.
#[derive(Debug)]
pub(super) struct Session {
    /// The vault, with the change of what was made as further coins.
    vault: Vault,
    /// How many of the coins are on the chain.
    settled: usize,
    asked: Vec<Asked>,
    built: Vec<Built>,
    made: BTreeMap<Txid, Transaction>,
    draw: Draw,
}

/// What was said in earlier sessions.
#[derive(Debug, Default)]
pub(super) struct Past(Vec<(Txid, Vec<u8>)>);

impl Session {
    /// Three withdrawals: two that persons approved, one that needs nobody.
    pub(super) fn begin(vault: &Vault, name: &str, mut draw: Draw) -> Self {
        let asked = [
            ("a", 20_000_000_u64, 30_000_000),
            ("b", 6_000_000, 20_000_000),
            ("c", 10_000, 4_000_000),
        ]
        .into_iter()
        .map(|(letter, least, most)| {
            let id = format!("{name}-{letter}");
            let sat = draw.from_to(least, most);
            let approved_by = if sat > 5_000_000 {
                vec!["dana", "erin"]
            } else {
                Vec::new()
            };
            Asked {
                intent: intent(vault, &id, script_of(&id), sat),
                by: "exchange",
                approved_by,
            }
        })
        .collect();
        Self {
            vault: vault.clone(),
            settled: vault.coins.len(),
            asked,
            built: Vec::new(),
            made: BTreeMap::new(),
            draw,
        }
    }

    /// What was asked for and approved.
    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// The coins that it knows: also the change of what was never signed.
    pub(super) fn coins(&self) -> &[Coin] {
        &self.vault.coins
    }

    /// What to lay before each signer in one round.
    pub(super) fn round(
        &mut self,
        pool: &Pool,
        past: &mut Past,
    ) -> BTreeMap<&'static str, Vec<Offer>> {
        let mut offers: BTreeMap<&'static str, Vec<Offer>> =
            HONEST.map(|name| (name, Vec::new())).into();
        for _ in 0..self.draw.from_to(1, 3) {
            let Some((listed, bytes, to)) = self.next(pool, past) else {
                continue;
            };
            past.keep(listed, &bytes);
            for name in to {
                let thanks = match self.draw.below(20) {
                    0 => Thanks::Nonsense,
                    1 | 2 => Thanks::NotTaken,
                    3 | 4 => Thanks::Closed,
                    _ => Thanks::Taken,
                };
                let offers = offers.entry(name).or_default();
                if offers.iter().all(|offer| offer.listed != listed) {
                    offers.push(Offer {
                        listed,
                        bytes: bytes.clone(),
                        thanks,
                    });
                }
            }
        }
        offers
    }

    /// The next lie: under which txid, which bytes, and to whom.
    fn next(&mut self, pool: &Pool, past: &mut Past) -> Option<(Txid, Vec<u8>, Vec<&'static str>)> {
        let some = |draw: &mut Draw| -> Vec<&'static str> {
            let set = draw.from_to(1, 7);
            let chosen = HONEST
                .iter()
                .enumerate()
                .filter(|(place, _)| set & (1 << place) != 0);
            chosen.map(|(_, name)| *name).collect()
        };
        match self.draw.below(16) {
            // An attempt of its own, from any coins: rivals of earlier ones, or none.
            0..=4 => {
                let built = self.attempt(None)?;
                Some((built.txid, bytes(&built.attempt), some(&mut self.draw)))
            }
            // The rival of what some signed, to those who did not.
            5..=7 => {
                let signed = self.partly_signed(pool)?;
                let paid = signed.plan.as_ref()?.asked.clone();
                let others = without(pool, signed.txid);
                let built = self.attempt(Some(paid))?;
                Some((built.txid, bytes(&built.attempt), others))
            }
            // What misses signatures, to those who did not sign it.
            8..=10 => {
                let signed = self.partly_signed(pool)?;
                Some((
                    signed.txid,
                    bytes(&signed.attempt),
                    without(pool, signed.txid),
                ))
            }
            // The same withdrawals and coins at a higher fee, perhaps with another coin.
            11 => {
                let before = self.any_built()?;
                let mut plan = before.plan?;
                plan.fee += Amount::from_sat(self.draw.from_to(500, 5_000));
                let more = self.draw.place(self.vault.coins.len());
                if self.draw.coin() && !plan.coins.contains(&more) {
                    plan.coins.push(more);
                }
                let built = self.build(plan)?;
                Some((built.txid, bytes(&built.attempt), some(&mut self.draw)))
            }
            // Coins back to the vault.
            12 => {
                let coin = self.draw.place(self.vault.coins.len());
                let change = self.change();
                let mut attempt = build_own(&self.vault, &[coin], change, Amount::from_sat(2_000));
                attempt.manifest.purpose = *self
                    .draw
                    .one(&[AttemptPurpose::Cancel, AttemptPurpose::Refresh]);
                let built = self.keep(attempt, None, change);
                Some((built.txid, bytes(&built.attempt), some(&mut self.draw)))
            }
            // What was said in this session or before, as it was, altered, or under another name.
            13 => {
                let (listed, bytes) = past.any(&mut self.draw)?;
                Some((listed, bytes, some(&mut self.draw)))
            }
            14 => {
                let before = self.any_built()?;
                let attempt = self.tampered(before.attempt)?;
                let listed = attempt.psbt.unsigned_tx.compute_txid();
                Some((listed, bytes(&attempt), some(&mut self.draw)))
            }
            _ => {
                let before = self.any_built()?;
                let mut bytes = bytes(&before.attempt);
                for _ in 0..self.draw.from_to(1, 3) {
                    let place = self.draw.place(bytes.len());
                    bytes[place] ^= 1 << self.draw.below(8);
                }
                Some((before.txid, bytes, some(&mut self.draw)))
            }
        }
    }

    fn any_built(&mut self) -> Option<Built> {
        let place = self.draw.place(self.built.len());
        self.built.get(place).cloned()
    }

    /// One that somebody signed, and not everybody.
    fn partly_signed(&mut self, pool: &Pool) -> Option<Built> {
        let signed: Vec<&Built> = (self.built.iter())
            .filter(|built| (1..HONEST.len()).contains(&pool.signers_of(&built.txid).len()))
            .collect();
        let place = self.draw.place(signed.len());
        signed.get(place).map(|built| (*built).clone())
    }

    /// A plan over random coins, for some of what was asked or for these.
    fn attempt(&mut self, paid: Option<Vec<Asked>>) -> Option<Built> {
        let paid = paid.unwrap_or_else(|| {
            let set = self.draw.from_to(1, 7);
            let asked = self.asked.iter().enumerate();
            asked
                .filter(|(place, _)| set & (1 << place) != 0)
                .map(|(_, one)| one.clone())
                .collect()
        });
        let mut asked = paid;
        match self.draw.below(12) {
            // Nobody approved it, or nobody of ours asked for it.
            0 => asked[0].approved_by.clear(),
            1 => asked[0].by = "mallory",
            2 => {
                asked[0].by = "mallory";
                asked[0].intent.amount += Amount::from_sat(1);
                asked[0].intent.min = asked[0].intent.amount;
            }
            _ => {}
        }
        let mut coins = Vec::new();
        for _ in 0..self.draw.from_to(1, INPUTS) {
            // The latest change as often as all that is on the chain.
            let coin = if self.draw.coin() && self.vault.coins.len() > self.settled {
                self.settled + self.draw.place(self.vault.coins.len() - self.settled)
            } else {
                self.draw.place(self.settled)
            };
            if !coins.contains(&coin) {
                coins.push(coin);
            }
        }
        let plan = Plan {
            coins,
            asked,
            carried: Vec::new(),
            change: self.change(),
            fee: Amount::from_sat(self.draw.from_to(1_000, 4_000)),
            approvals_expire: self.vault.now.saturating_add(7_200),
            seed: self.draw.bytes(),
        };
        self.build(plan)
    }

    fn change(&mut self) -> u32 {
        CHANGE + u32::try_from(self.draw.below(20)).expect("below 20")
    }

    /// Builds a plan that its coins can pay.
    fn build(&mut self, plan: Plan) -> Option<Built> {
        let spent: Amount = plan
            .coins
            .iter()
            .map(|coin| self.vault.coins[*coin].output.value)
            .sum();
        let paid: Amount = plan.asked.iter().map(|asked| asked.intent.amount).sum();
        if spent < paid + plan.fee + Amount::from_sat(100_000) || plan.coins.len() > 4 {
            return None;
        }
        let mut attempt = build(&self.vault, &plan);
        if self.draw.below(4) > 0 {
            let mut open: Vec<Txid> = spends(&attempt.psbt.unsigned_tx);
            while let Some(txid) = open.pop() {
                if let Some(ancestor) = self.made.get(&txid) {
                    open.extend(spends(ancestor));
                    attempt.manifest.ancestors.insert(txid, ancestor.clone());
                }
            }
        }
        let change = plan.change;
        Some(self.keep(attempt, Some(plan), change))
    }

    /// Remembers what was made, and its change as a coin.
    fn keep(&mut self, attempt: Attempt, plan: Option<Plan>, index: u32) -> Built {
        let transaction = attempt.psbt.unsigned_tx.clone();
        let txid = transaction.compute_txid();
        let vout = u32::try_from(attempt.change).expect("few outputs");
        let outpoint = OutPoint::new(txid, vout);
        if self
            .vault
            .coins
            .iter()
            .all(|coin| coin.outpoint != outpoint)
        {
            let (script_pubkey, spend) = self.vault.own(Keychain::Internal, index);
            let output = transaction.output[attempt.change].clone();
            if output.script_pubkey == script_pubkey {
                self.vault.coins.push(Coin {
                    keychain: Keychain::Internal,
                    index,
                    outpoint,
                    output,
                    spend,
                    funding: transaction.clone(),
                });
            }
        }
        self.made.insert(txid, transaction);
        let built = Built {
            attempt,
            plan,
            txid,
        };
        self.built.push(built.clone());
        built
    }

    /// An attempt with one lie in it.
    fn tampered(&mut self, mut attempt: Attempt) -> Option<Attempt> {
        let thief = stranger(66);
        let height = self.vault.tip;
        let other = self.any_built()?;
        let coin = self.vault.coins[self.draw.place(self.settled)].outpoint;
        let paid = attempt.payments.first().copied().unwrap_or_default();
        let transaction = &mut attempt.psbt.unsigned_tx;
        match self.draw.below(12) {
            0 => transaction.output[paid].value += Amount::from_sat(1),
            1 => transaction.output[paid].script_pubkey = thief,
            2 => transaction.output[attempt.change].script_pubkey = thief,
            3 => {
                let value = Amount::from_sat(1_000);
                transaction.output[attempt.change].value -= value;
                attempt.add_output(bitcoin::TxOut {
                    value,
                    script_pubkey: thief,
                });
            }
            4 => attempt.manifest = other.attempt.manifest,
            5 => attempt.manifest.approvals.clear(),
            6 => attempt.manifest.ancestors.clear(),
            7 => transaction.input[0].sequence = Sequence::MAX,
            8 => transaction.lock_time = LockTime::from_height(height + 5_000).ok()?,
            9 => transaction.version = TransactionVersion::ONE,
            10 => transaction.input[0].previous_output = coin,
            _ => {
                let claimed = attempt.psbt.inputs[0].witness_utxo.as_mut()?;
                claimed.value += Amount::from_sat(1_000);
            }
        }
        Some(attempt)
    }
}

impl Past {
    fn keep(&mut self, listed: Txid, bytes: &[u8]) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push((listed, bytes.to_vec()));
    }

    /// Something of what was said, perhaps under the name of something else.
    fn any(&self, draw: &mut Draw) -> Option<(Txid, Vec<u8>)> {
        let (listed, bytes) = self.0.get(draw.place(self.0.len()))?;
        let (other, _) = self.0.get(draw.place(self.0.len()))?;
        Some((
            if draw.below(4) == 0 { *other } else { *listed },
            bytes.clone(),
        ))
    }
}

fn bytes(attempt: &Attempt) -> Vec<u8> {
    attempt.bytes(Version::V0)
}

fn spends(transaction: &Transaction) -> Vec<Txid> {
    transaction
        .input
        .iter()
        .map(|input| input.previous_output.txid)
        .collect()
}

/// Those who did not sign a transaction.
fn without(pool: &Pool, txid: Txid) -> Vec<&'static str> {
    let signers = pool.signers_of(&txid);
    HONEST
        .into_iter()
        .filter(|name| !signers.contains(*name))
        .collect()
}

/// A script of somebody, different for each name.
fn script_of(name: &str) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_raw_hash(hash160::Hash::hash(
        name.as_bytes(),
    )))
}
