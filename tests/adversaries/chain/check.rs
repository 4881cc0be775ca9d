//! What must hold whenever everybody has seen everything: the books say what the chain says.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};
use serde::Deserialize;
use serde_json::{Value, json};

use super::truth::Truth;
use super::world::World;
use crate::{Failure, items, wait_until};

/// So many differences are told.
const TOLD: usize = 6;
/// Blocks that settle a payment.
const DEPTH: u32 = 3;

#[derive(Deserialize)]
struct Scan {
    height: u32,
    unspents: Vec<Unspent>,
}

#[derive(Deserialize)]
struct Unspent {
    txid: Txid,
    vout: u32,
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    amount: Amount,
}

impl World {
    /// Waits until books and chain agree, then looks at every credit that was given meanwhile.
    pub(in crate::adversaries) fn check(&mut self) -> Result<Truth, Failure> {
        let mut last = Vec::new();
        let patience = self.patience;
        let agreed = wait_until("the books to agree with the chain", patience, || {
            Ok(match self.compare()? {
                Ok(truth) => Some(truth),
                Err(differences) => {
                    last = differences;
                    None
                }
            })
        });
        let truth = agreed.map_err(|failure| {
            let told = last.join("\n      ");
            Failure::new(format!("{failure}: {told}"))
        })?;
        self.tally.checks += 1;
        self.scan(&truth)?;
        self.reader.learn(&self.treasury.node)?;
        self.credits
            .read(&self.treasury, &self.reader, &self.ours)?;
        self.tally.credited = self.credits.given;
        self.tally.taken_back = self.credits.taken_back;
        if let Some(complaint) = self.credits.complaints.first() {
            return Err(Failure::new(complaint.clone()));
        }
        Ok(truth)
    }

    /// Waits until the watchtower is where the node is. A node that lost blocks is waited for: then the next one comes,
    /// and takes the place of what was lost.
    pub(in crate::adversaries) fn follow(&mut self) -> Result<(), Failure> {
        wait_until("the watchtower to follow", self.patience, || {
            let status = self.treasury.auditor().get("/status")?.done()?;
            let tip = self.treasury.node.best_block()?;
            if status["nodes"][0]["trouble"] == "NODE_BEHIND" {
                self.treasury.node.mine_nothing()?;
                return Ok(None);
            }
            Ok((status["tip"] == tip.to_string()).then_some(()))
        })
    }

    /// What differs now; what the chain says, if nothing does.
    pub(in crate::adversaries) fn compare(
        &mut self,
    ) -> Result<Result<Truth, Vec<String>>, Failure> {
        let status = self.treasury.auditor().get("/status")?.done()?;
        let tip = self.treasury.node.best_block()?;
        if status["tip"] != tip.to_string() {
            let height = &status["height"];
            return Ok(Err(vec![format!(
                "the watchtower is at {height}, not at {tip}"
            )]));
        }
        let truth = self.truth()?;
        let mut differences = Vec::new();
        let balance = self
            .treasury
            .auditor()
            .get(&self.treasury.path("/balance"))?;
        let accounts = accounts(&balance.done()?)?;
        tell("account", &accounts, &truth.accounts(), &mut differences);
        let coins = self.treasury.auditor().get(&self.treasury.path("/coins"))?;
        let shown = shown(&coins.done()?)?;
        tell("coin", &shown, &coins_of(&truth), &mut differences);
        if differences.is_empty() {
            Ok(Ok(truth))
        } else {
            differences.truncate(TOLD);
            Ok(Err(differences))
        }
    }

    /// Compares the count with the node's own: every unspent output of every script of the vault.
    fn scan(&self, truth: &Truth) -> Result<(), Failure> {
        let scripts: Vec<String> = self
            .ours
            .keys()
            .map(|script| format!("raw({})", script.to_hex_string()))
            .collect();
        let node = &self.treasury.node;
        let found: Scan = node.call("scantxoutset", json!(["start", scripts]))?;
        let unspent: BTreeMap<OutPoint, Amount> = found
            .unspents
            .iter()
            .map(|output| (OutPoint::new(output.txid, output.vout), output.amount))
            .collect();
        let counted: BTreeMap<OutPoint, Amount> = truth
            .unspent()
            .map(|(outpoint, coin)| (*outpoint, coin.amount))
            .collect();
        if unspent == counted {
            Ok(())
        } else {
            let only = |a: &BTreeMap<OutPoint, Amount>, b: &BTreeMap<OutPoint, Amount>| {
                let only: Vec<OutPoint> = a
                    .keys()
                    .filter(|key| !b.contains_key(key))
                    .copied()
                    .collect();
                format!("{only:?}")
            };
            let (ours, theirs) = (only(&counted, &unspent), only(&unspent, &counted));
            Err(Failure::new(format!(
                "only the campaign counts {ours}, only the node {theirs}, at {}",
                found.height
            )))
        }
    }

    /// Lets the storm pass: everybody sends again, blocks come, and then nothing of ours may be missing.
    pub(in crate::adversaries) fn calm(&mut self) -> Result<(), Failure> {
        let patience = self.patience;
        for _ in 0..DEPTH {
            let mut last = BTreeSet::new();
            // A block makes the watchtower look at everything anew.
            let truth = self.truth()?;
            if !self.missing(&truth).is_empty() {
                self.treasury.node.mine_nothing()?;
                self.tally.blocks += 1;
            }
            wait_until("every own transaction to be there again", patience, || {
                self.send_again()?;
                let truth = self.truth()?;
                last = self.missing(&truth);
                Ok(last.is_empty().then_some(()))
            })
            .map_err(|failure| {
                Failure::new(format!("{failure}: own transactions are missing: {last:?}"))
            })?;
            let script = self.nobody();
            self.treasury.node.mine_to(&script, 1)?;
            self.tally.blocks += 1;
            self.check()?;
        }
        let truth = self.check()?;
        let waiting = self
            .own
            .iter()
            .filter(|own| !truth.is_placed(own.txid) && truth.is_possible(own.txid, &own.inputs));
        if let Some(own) = waiting.into_iter().next() {
            return Err(Failure::new(format!("{} was not mined again", own.txid)));
        }
        self.settle_withdrawals(&truth)?;
        let credited: BTreeSet<OutPoint> = truth
            .coins
            .iter()
            .filter(|(_, coin)| !coin.change && coin.settled)
            .map(|(outpoint, _)| *outpoint)
            .collect();
        if credited != self.credits.credited() {
            return Err(Failure::new(
                "the events credit other deposits than the chain",
            ));
        }
        self.treasury.reconcile()?;
        self.treasury.verify_events()?;
        self.treasury.must_be_well()
    }

    /// Nobody is paid twice, and the books say of every withdrawal what the chain says.
    fn settle_withdrawals(&mut self, truth: &Truth) -> Result<(), Failure> {
        let mut last = Vec::new();
        wait_until(
            "withdrawals to be as the chain has them",
            self.patience,
            || {
                last = self.wrong_withdrawals(truth)?;
                Ok(last.is_empty().then_some(()))
            },
        )
        .map_err(|failure| Failure::new(format!("{failure}: {}", last.join("; "))))
    }

    /// The withdrawals that are paid more than once, or otherwise than the books say.
    pub(in crate::adversaries) fn wrong_withdrawals(
        &self,
        truth: &Truth,
    ) -> Result<Vec<String>, Failure> {
        let states = self.states()?;
        let mut wrong = Vec::new();
        for one in &self.wanted {
            let state = states.get(&one.id).map_or("nowhere", String::as_str);
            let paid: Vec<_> = truth
                .paid_out
                .iter()
                .filter(|(_, script, _)| *script == one.to)
                .collect();
            let expected = match paid.first() {
                None => None,
                Some((txid, ..)) if truth.height - truth.placed[txid] + 1 >= DEPTH => {
                    Some("settled")
                }
                Some(_) => Some("confirmed"),
            };
            let is_right = match expected {
                None => !matches!(state, "settled" | "confirmed" | "nowhere"),
                Some(expected) => state == expected,
            };
            let exact = paid.iter().all(|(_, _, amount)| *amount == one.amount);
            if paid.len() > 1 || !exact || !is_right {
                let (id, times) = (&one.id, paid.len());
                wrong.push(format!(
                    "{id} is {state}, paid {times} times, exactly: {exact}"
                ));
            }
        }
        let paid = truth.paid_out.len();
        let known = |script: &ScriptBuf| self.wanted.iter().any(|one| one.to == *script);
        let strange = truth
            .paid_out
            .iter()
            .filter(|(_, script, _)| !known(script));
        let strange = strange.count();
        if strange > 0 {
            wrong.push(format!("{strange} of {paid} payments pay nobody who asked"));
        }
        Ok(wrong)
    }
}

/// What the accounts of the books come to.
fn accounts(balance: &Value) -> Result<BTreeMap<String, i128>, Failure> {
    let mut accounts = BTreeMap::new();
    for account in items(&balance["accounts"])? {
        let sat = |name: &str| i128::from(account[name].as_u64().unwrap_or_default());
        let name = account["account"].as_str().unwrap_or_default().to_owned();
        accounts.insert(name, sat("debit_sat") - sat("credit_sat"));
    }
    accounts.retain(|_, net| *net != 0);
    Ok(accounts)
}

/// The coins that the coordinator shows, each in one line.
fn shown(coins: &Value) -> Result<BTreeMap<String, String>, Failure> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    Ok(items(coins)?
        .iter()
        .map(|coin| {
            let height = coin["height"].as_u64().unwrap_or_default();
            let line = format!(
                "{} sat to {} of {}, change: {}, {} at {height} in {}, spent by {}",
                coin["amount_sat"],
                text(&coin["script_pubkey"]),
                text(&coin["reference"]),
                coin["change"],
                text(&coin["state"]),
                text(&coin["block"]),
                text(&coin["spent_by"]),
            );
            (text(&coin["outpoint"]), line)
        })
        .collect())
}

/// The coins that the chain shows, each in the same line.
fn coins_of(truth: &Truth) -> BTreeMap<String, String> {
    let coins = truth.coins.iter().map(|(outpoint, coin)| {
        let (height, block) = coin.block.map_or((0, "-".to_owned()), |(height, hash)| {
            (height, hash.to_string())
        });
        let state = match (coin.block, coin.settled) {
            (None, _) => "unconfirmed",
            (Some(_), false) => "confirmed",
            (Some(_), true) => "settled",
        };
        let spent_by = coin
            .spent_by
            .map_or("-".to_owned(), |txid| txid.to_string());
        let line = format!(
            "{} sat to {} of {}, change: {}, {state} at {height} in {block}, spent by {spent_by}",
            coin.amount.to_sat(),
            coin.script.to_hex_string(),
            coin.user.as_deref().unwrap_or("-"),
            coin.change,
        );
        (outpoint.to_string(), line)
    });
    coins.collect()
}

/// Tells where two maps differ.
fn tell<V: PartialEq + std::fmt::Debug>(
    what: &str,
    books: &BTreeMap<String, V>,
    chain: &BTreeMap<String, V>,
    differences: &mut Vec<String>,
) {
    let keys: BTreeSet<&String> = books.keys().chain(chain.keys()).collect();
    for key in keys {
        let (have, should) = (books.get(key), chain.get(key));
        if have != should {
            differences.push(format!(
                "{what} {key}: the books {have:?}, the chain {should:?}"
            ));
        }
    }
}
