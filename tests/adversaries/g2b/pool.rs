//! Every signature that anybody ever gave, and what can be made of them all; judged by Bitcoin Core, and by what is
//! known here from the start.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use policies::Keychain;
use serde_json::{Value, json};

use super::super::vault::{CHANGE, Coin, Kind, Vault, master};
use crate::{Bitcoind, Failure};

/// The most that a transaction of these vaults may pay in fees.
const FEE_MAX: Amount = Amount::from_sat(500_000);
/// Fees may be this part of what is paid: one in fifty.
const FEE_SHARE: u64 = 50;

/// A transaction that somebody signed.
#[derive(Debug)]
struct Signed {
    psbt: Psbt,
    signers: BTreeSet<String>,
    /// What Core made of it, once there were enough.
    complete: Option<String>,
    /// Whether Core takes it.
    accepted: bool,
}

/// Which outpoints a transaction and what it comes from spend.
#[derive(Debug, Default)]
struct Spends {
    by: BTreeMap<OutPoint, Txid>,
    /// Two of them spend one outpoint: no chain can hold it.
    contradictory: bool,
}

/// What came of everything.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Answers with signatures.
    pub(super) signed: u64,
    /// Transactions that somebody signed, and that Core completes.
    pub(super) transactions: u64,
    pub(super) complete: u64,
    /// Complete ones that Core's mempool takes, with what they come from.
    pub(super) accepted: u64,
    /// Signatures put into another transaction of the same coins.
    pub(super) moved: u64,
    /// Pairs of complete transactions that pay one withdrawal, and those that Core was asked about.
    pub(super) pairs: u64,
    pub(super) shown: u64,
    /// Complete transactions of something that nobody approved.
    pub(super) wrong: u64,
    /// Pairs that one chain could hold.
    pub(super) twice: u64,
    pub(super) complaints: Vec<String>,
}

/// The pool of one crew.
#[derive(Debug)]
pub(super) struct Pool {
    threshold: usize,
    signed: BTreeMap<Txid, Signed>,
    coins: BTreeMap<OutPoint, Coin>,
    approved: BTreeSet<TxOut>,
    change: HashSet<ScriptBuf>,
    touched: BTreeSet<Txid>,
    pub(super) counts: Counts,
}

impl Pool {
    pub(super) fn new(vault: &Vault) -> Self {
        let change = (0..CHANGE + 20).map(|index| vault.own(Keychain::Internal, index).0);
        Self {
            threshold: if vault.kind == Kind::WshFour { 3 } else { 2 },
            signed: BTreeMap::new(),
            coins: vault
                .coins
                .iter()
                .map(|coin| (coin.outpoint, coin.clone()))
                .collect(),
            approved: BTreeSet::new(),
            change: change.collect(),
            touched: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    /// Notes what may be paid.
    pub(super) fn approve(&mut self, output: TxOut) {
        self.approved.insert(output);
    }

    /// Notes coins that came to be.
    pub(super) fn know(&mut self, coins: &[Coin]) {
        for coin in coins {
            self.coins
                .entry(coin.outpoint)
                .or_insert_with(|| coin.clone());
        }
    }

    /// Who signed a transaction.
    pub(super) fn signers_of(&self, txid: &Txid) -> BTreeSet<&str> {
        let signed = self.signed.get(txid);
        signed
            .into_iter()
            .flat_map(|one| one.signers.iter().map(String::as_str))
            .collect()
    }

    /// Takes what a signer returned.
    pub(super) fn take(&mut self, vault: &Vault, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let returned = Psbt::deserialize(bytes)?;
        self.counts.signed += 1;
        let txid = returned.unsigned_tx.compute_txid();
        if !self.signed.contains_key(&txid) {
            let psbt = self.described(vault, &returned.unsigned_tx)?;
            let signed = Signed {
                psbt,
                signers: BTreeSet::new(),
                complete: None,
                accepted: false,
            };
            self.signed.insert(txid, signed);
            self.counts.transactions += 1;
        }
        let signed = self
            .signed
            .get_mut(&txid)
            .ok_or_else(|| Failure::new("it was put there"))?;
        signed.signers.insert(name.to_owned());
        for (fields, given) in signed.psbt.inputs.iter_mut().zip(returned.inputs) {
            fields.partial_sigs.extend(given.partial_sigs);
        }
        // Whoever is dishonest signs whatever is put before them.
        if vault.kind == Kind::WshFour {
            let (Ok(_) | Err(_)) = signed.psbt.sign(&master("trustee"), &Secp256k1::new());
        }
        self.touched.insert(txid);
        Ok(())
    }

    /// A transaction with everything that Core needs to complete it, and no signature.
    fn described(&self, vault: &Vault, transaction: &Transaction) -> Result<Psbt, Failure> {
        let mut psbt = Psbt::from_unsigned_tx(transaction.clone())?;
        for (input, fields) in transaction.input.iter().zip(&mut psbt.inputs) {
            let coin = self.coins.get(&input.previous_output);
            let coin = coin.ok_or_else(|| Failure::new("signed a coin that is not the vault's"))?;
            fields.witness_utxo = Some(coin.output.clone());
            fields.non_witness_utxo = Some(coin.funding.clone());
            vault
                .policy
                .descriptor
                .at(coin.keychain, coin.index)
                .update_input(fields);
        }
        Ok(psbt)
    }

    /// Tries what can be made of everything that was signed since the last time.
    pub(super) fn judge(&mut self, node: &Bitcoind, vault: &Vault) -> Result<(), Failure> {
        let touched = std::mem::take(&mut self.touched);
        for txid in &touched {
            self.try_others(node, vault, *txid)?;
            let Some(signed) = self.signed.get(txid) else {
                continue;
            };
            if signed.complete.is_some() {
                continue;
            }
            let enough =
                |fields: &bitcoin::psbt::Input| fields.partial_sigs.len() >= self.threshold;
            let enough = signed.psbt.inputs.iter().all(enough);
            let complete = completes(node, &signed.psbt)?;
            if enough != complete.is_some() {
                self.counts.complaints.push(format!(
                    "{txid}: enough signatures: {enough}, Core disagrees"
                ));
            }
            let Some(hex) = complete else { continue };
            self.counts.complete += 1;
            let transaction = signed.psbt.unsigned_tx.clone();
            if let Some(signed) = self.signed.get_mut(txid) {
                signed.complete = Some(hex.clone());
            }
            if let Err(why) = self.only_approved(&transaction) {
                self.counts.wrong += 1;
                self.counts
                    .complaints
                    .push(format!("{txid} can be completed: {why}"));
            }
            self.judge_pairs(node, *txid, &transaction, &hex)?;
        }
        for txid in &touched {
            self.count_accepted(node, *txid)?;
        }
        Ok(())
    }

    /// Puts the signatures of one into others that spend as many inputs, as a thief would try.
    fn try_others(&mut self, node: &Bitcoind, vault: &Vault, txid: Txid) -> Result<(), Failure> {
        let Some(signed) = self.signed.get(&txid) else {
            return Ok(());
        };
        let shares = |other: &&Signed| {
            let coins = |psbt: &Psbt| {
                psbt.unsigned_tx
                    .input
                    .iter()
                    .map(|one| one.previous_output)
                    .collect::<Vec<_>>()
            };
            let ours = coins(&signed.psbt);
            coins(&other.psbt).iter().any(|coin| ours.contains(coin))
        };
        let others = self.signed.iter().filter(|(other, _)| **other != txid);
        let Some(other) = others.map(|(_, other)| other).find(shares) else {
            return Ok(());
        };
        let mut thief = self.described(vault, &other.psbt.unsigned_tx)?;
        for (input, fields) in thief.unsigned_tx.input.iter().zip(&mut thief.inputs) {
            let ours = signed.psbt.unsigned_tx.input.iter();
            let place = ours
                .clone()
                .position(|one| one.previous_output == input.previous_output);
            if let Some(given) = place.and_then(|place| signed.psbt.inputs.get(place)) {
                fields.partial_sigs = given.partial_sigs.clone();
            }
        }
        self.counts.moved += 1;
        if completes(node, &thief)?.is_some() {
            self.counts.wrong += 1;
            self.counts
                .complaints
                .push(format!("signatures of {txid} complete another transaction"));
        }
        Ok(())
    }

    /// Whether a transaction pays only what was approved, each once, and ourselves.
    fn only_approved(&self, transaction: &Transaction) -> Result<(), &'static str> {
        let mut paid_before = BTreeSet::new();
        let (mut paid, mut out, mut change) = (Amount::ZERO, Amount::ZERO, 0);
        for output in &transaction.output {
            out += output.value;
            if self.approved.contains(output) {
                if !paid_before.insert(output) {
                    return Err("it pays one withdrawal twice");
                }
                paid += output.value;
            } else if self.change.contains(&output.script_pubkey) {
                change += 1;
            } else {
                return Err("it pays what nobody approved");
            }
        }
        let spent = |input: &bitcoin::TxIn| {
            self.coins
                .get(&input.previous_output)
                .map(|coin| coin.output.value)
        };
        let spent: Option<Vec<Amount>> = transaction.input.iter().map(spent).collect();
        let spent: Amount = spent
            .ok_or("it spends a coin that is not the vault's")?
            .into_iter()
            .sum();
        let fee = spent
            .checked_sub(out)
            .ok_or("it pays more than it spends")?;
        let share = paid > Amount::ZERO && fee.to_sat().saturating_mul(FEE_SHARE) > paid.to_sat();
        if fee > FEE_MAX || share {
            return Err("its fee is above its bounds");
        }
        if change > 1 {
            return Err("it has change twice");
        }
        Ok(())
    }

    /// Looks for another complete transaction that pays what this one pays, in a chain that could hold both.
    fn judge_pairs(
        &mut self,
        node: &Bitcoind,
        txid: Txid,
        transaction: &Transaction,
        hex: &str,
    ) -> Result<(), Failure> {
        let ours = self.spends(txid);
        for (other, signed) in &self.signed {
            let Some(rival) = signed.complete.as_ref().filter(|_| *other != txid) else {
                continue;
            };
            let pays = |output: &TxOut| {
                self.approved.contains(output) && signed.psbt.unsigned_tx.output.contains(output)
            };
            if !transaction.output.iter().any(pays) {
                continue;
            }
            self.counts.pairs += 1;
            let theirs = self.spends(*other);
            let excludes = |(outpoint, by): (&OutPoint, &Txid)| {
                theirs.by.get(outpoint).is_some_and(|other| other != by)
            };
            let exclusive = ours.contradictory || theirs.contradictory;
            if !exclusive && !ours.by.iter().any(excludes) {
                self.counts.twice += 1;
                self.counts.complaints.push(format!(
                    "one chain can hold {txid} and {other}, which pay the same"
                ));
            }
            let settled = |spends: &Spends, of: &Txid| spends.by.values().all(|by| by == of);
            if settled(&ours, &txid) && settled(&theirs, other) {
                self.counts.shown += 1;
                if allowed(node, &[rival, hex])? {
                    self.counts.twice += 1;
                    self.counts
                        .complaints
                        .push(format!("Core takes both {txid} and {other}"));
                }
            }
        }
        Ok(())
    }

    fn spends(&self, txid: Txid) -> Spends {
        let mut spends = Spends::default();
        let mut open: Vec<(Txid, &Transaction)> = self
            .signed
            .get(&txid)
            .map(|one| (txid, &one.psbt.unsigned_tx))
            .into_iter()
            .collect();
        while let Some((by, transaction)) = open.pop() {
            for input in &transaction.input {
                let outpoint = input.previous_output;
                let known = spends.by.insert(outpoint, by);
                spends.contradictory |= known.is_some_and(|other| other != by);
                let coin = self.coins.get(&outpoint);
                // Coins of the chain come from what somebody else signed.
                let made = coin.filter(|coin| {
                    coin.funding
                        .input
                        .iter()
                        .all(|input| self.coins.contains_key(&input.previous_output))
                });
                open.extend(made.map(|coin| (outpoint.txid, &coin.funding)));
            }
        }
        spends
    }

    /// Counts a complete transaction that Core takes together with what it comes from.
    fn count_accepted(&mut self, node: &Bitcoind, txid: Txid) -> Result<(), Failure> {
        let mut package: Vec<&String> = Vec::new();
        let spends = self.spends(txid);
        let counted = self.signed.get(&txid).is_none_or(|one| one.accepted);
        if spends.contradictory || counted {
            return Ok(());
        }
        let mut needed: Vec<Txid> = spends.by.into_values().collect();
        needed.sort_unstable();
        needed.dedup();
        // Parents first: whoever spends another's output comes after it.
        let depth = |one: &Txid| {
            self.spends(*one)
                .by
                .into_values()
                .collect::<BTreeSet<_>>()
                .len()
        };
        needed.sort_by_key(depth);
        for one in needed.iter().chain([&txid]) {
            let Some(hex) = self.signed.get(one).and_then(|one| one.complete.as_ref()) else {
                return Ok(());
            };
            if !package.contains(&hex) {
                package.push(hex);
            }
        }
        let package: Vec<&str> = package.into_iter().map(String::as_str).collect();
        if allowed(node, &package)? {
            self.counts.accepted += 1;
            if let Some(signed) = self.signed.get_mut(&txid) {
                signed.accepted = true;
            }
        } else if !self.waits(node, &needed)? {
            self.counts
                .complaints
                .push(format!("{txid} is complete, and Core does not take it"));
        }
        Ok(())
    }

    /// Whether one of these may not be mined yet.
    fn waits(&self, node: &Bitcoind, needed: &[Txid]) -> Result<bool, Failure> {
        let height = node.height()?;
        let waits = |txid: &Txid| {
            let signed = self.signed.get(txid);
            signed.is_some_and(|one| one.psbt.unsigned_tx.lock_time.to_consensus_u32() > height)
        };
        Ok(needed.iter().any(waits))
    }
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.signed += other.signed;
        self.transactions += other.transactions;
        self.complete += other.complete;
        self.accepted += other.accepted;
        self.moved += other.moved;
        self.pairs += other.pairs;
        self.shown += other.shown;
        self.wrong += other.wrong;
        self.twice += other.twice;
        self.complaints.extend(other.complaints);
    }
}

/// The final transaction, if Core finds the signatures to be enough.
fn completes(node: &Bitcoind, psbt: &Psbt) -> Result<Option<String>, Failure> {
    let text = BASE64_STANDARD.encode(psbt.serialize());
    let answer: Result<Value, _> = node.try_call("finalizepsbt", json!([text]))?;
    Ok(answer
        .ok()
        .and_then(|answer| answer["hex"].as_str().map(str::to_owned)))
}

/// Whether Core takes all of these, parents first.
fn allowed(node: &Bitcoind, package: &[&str]) -> Result<bool, Failure> {
    let answer: Result<Value, _> = node.try_call("testmempoolaccept", json!([package, 0]))?;
    let all = |answer: Value| {
        let answers = answer.as_array().cloned().unwrap_or_default();
        !answers.is_empty()
            && answers
                .iter()
                .all(|one| one["allowed"].as_bool() == Some(true))
    };
    Ok(answer.ok().is_some_and(all))
}
