//! The way of a run's withdrawals, driven by what is seen: whoever acts asks again whatever was not
//! acknowledged, and never what was; whoever operates starts again what died.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Amount, Network, ScriptBuf, Transaction, Txid, WPubkeyHash};
use serde_json::{Value, json};

use super::cases::Order;
use super::killer::Killer;
use super::sight::{Sight, answered, look, status};
use crate::{Answer, Failure, Treasury, wait_until};

/// The most that one stage of a run may take.
const LIMIT: Duration = Duration::from_mins(2);
/// How long what was acknowledged may be missing before it counts as lost.
const GRACE: Duration = Duration::from_secs(3);
/// How long a look counts while there is no news: what changes is numbered sooner.
const STALE: Duration = Duration::from_millis(300);
/// Who signs.
const SIGNERS: [&str; 2] = ["alice", "bob"];

/// A withdrawal that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) to: Address,
    pub(super) amount: Amount,
    request: Value,
    approval: Option<Value>,
    /// Whether the request was answered as taken.
    requested: bool,
    /// Whether the approval was.
    approved: bool,
}

/// What an operator wants done with a batch.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// Pay another withdrawal with it.
    Add { batch: String, id: String },
    /// Cancel it on the chain.
    Cancel { batch: String },
}

/// Since when what died is awaited to work again, and what was seen before.
#[derive(Debug)]
struct Recovery {
    since: Instant,
    seen: String,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) kills: u64,
    /// Of these, while what died before did not yet work again.
    pub(super) in_recovery: u64,
    pub(super) longest: Duration,
}

/// One run.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) treasury: Treasury,
    pub(super) killer: Killer,
    /// The order for what will be started again.
    pub(super) again: Option<Order>,
    pub(super) wanted: Vec<Wanted>,
    /// What signers returned and the coordinator acknowledged.
    pub(super) handed_in: BTreeSet<(Txid, &'static str)>,
    pub(super) wish: Option<Wish>,
    /// Whether approved withdrawals are batched.
    pub(super) batches: bool,
    /// Whether blocks are mined for what waits in the mempool.
    pub(super) mines: bool,
    /// What a miner takes in the place of what replaces it.
    pub(super) favourite: Option<Transaction>,
    pub(super) tally: Tally,
    patience: Duration,
    recovery: Option<Recovery>,
    /// Since when something is missing that was acknowledged.
    missing: Option<Instant>,
    last: Option<(Instant, Sight)>,
    seen: String,
    refused: String,
}

impl Course {
    pub(super) fn begin(treasury: Treasury, killer: Killer, patience: Duration) -> Self {
        Self {
            treasury,
            killer,
            again: None,
            wanted: Vec::new(),
            handed_in: BTreeSet::new(),
            wish: None,
            batches: true,
            mines: true,
            favourite: None,
            tally: Tally::default(),
            patience,
            recovery: None,
            missing: None,
            last: None,
            seen: String::new(),
            refused: String::new(),
        }
    }

    /// Wants a withdrawal, from now on.
    pub(super) fn want(&mut self, id: &str, amount: Amount) -> Result<(), Failure> {
        let vault = self.treasury.people.policy.vault;
        let hash = WPubkeyHash::hash(format!("{vault} {id}").as_bytes());
        let to = Address::from_script(&ScriptBuf::new_p2wpkh(&hash), Network::Regtest)?;
        let intent = self.treasury.intent(id, &to, amount)?;
        self.wanted.push(Wanted {
            id: id.to_owned(),
            to,
            amount,
            request: self.treasury.signed_bytes(&intent.encode()),
            approval: None,
            requested: false,
            approved: false,
        });
        Ok(())
    }

    /// Acts until something is seen, and what died meanwhile works again.
    pub(super) fn drive(
        &mut self,
        what: &str,
        until: impl Fn(&Self, &Sight) -> bool,
    ) -> Result<(), Failure> {
        let driven = wait_until(what, LIMIT, || self.pass(&until));
        driven.map_err(|failure| {
            let Self { seen, refused, .. } = self;
            Failure::new(format!(
                "{failure:?}; order open: {}; seen: {seen}; last refused: {refused}",
                self.killer.point()
            ))
        })
    }

    /// Acts until every withdrawal is settled and every order was carried out.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.drive("everything to be settled", |course, sight| {
            course.is_over(sight) && !course.killer.is_open()
        })
    }

    /// A transaction of the mempool.
    pub(super) fn waiting(&self, txid: Txid) -> Result<Transaction, Failure> {
        let hex: String = self
            .treasury
            .node
            .call("getrawtransaction", json!([txid]))?;
        Ok(deserialize_hex(&hex)?)
    }

    fn is_over(&self, sight: &Sight) -> bool {
        let mut wanted = self.wanted.iter();
        wanted.all(|one| sight.state(&one.id) == Some("settled")) && sight.is_quiet()
    }

    fn pass(&mut self, until: impl Fn(&Self, &Sight) -> bool) -> Result<Option<()>, Failure> {
        self.look_after()?;
        let sight = self.look()?;
        self.recovers(sight.as_ref())?;
        let Some(sight) = sight else { return Ok(None) };
        if self.recovery.is_none() && until(self, &sight) {
            return Ok(Some(()));
        }
        if self.act(&sight)? {
            self.last = None;
        }
        Ok(None)
    }

    /// Looks, at everything only where there is news: views cost what they watch.
    fn look(&mut self) -> Result<Option<Sight>, Failure> {
        let last = self.last.take();
        let Some((news, follows)) = status(&self.treasury)? else {
            return Ok(None);
        };
        let last = last.filter(|(at, sight)| sight.news == news && at.elapsed() < STALE);
        let (at, sight) = match last {
            Some((at, sight)) => (at, Sight { follows, ..sight }),
            None => match look(&self.treasury)? {
                Some(sight) => (Instant::now(), sight),
                None => return Ok(None),
            },
        };
        self.last = Some((at, sight.clone()));
        Ok(Some(sight))
    }

    /// Starts again what died, by the same command.
    fn look_after(&mut self) -> Result<(), Failure> {
        for (part, process, signal) in self.treasury.coordinator.fallen()? {
            if signal != Some(9) {
                let words = self.treasury.last_words();
                return Err(Failure::new(format!("a program ended by itself:\n{words}")));
            }
            self.died(Some(process))?;
            let process = self.treasury.coordinator.revive(part)?;
            // It is given while the program still starts, long before its first write.
            if let Some(order) = self.again.take() {
                self.killer.order(order, Some(process))?;
            }
        }
        Ok(())
    }

    fn died(&mut self, process: Option<u32>) -> Result<(), Failure> {
        if !self.killer.is_proven(process)? {
            let point = self.killer.point();
            return Err(Failure::new(format!(
                "a program was killed, and not at {point}, which was ordered"
            )));
        }
        self.tally.kills += 1;
        let before = self.recovery.take();
        self.tally.in_recovery += u64::from(before.is_some());
        self.recovery = Some(Recovery {
            since: Instant::now(),
            seen: before.map_or_else(|| self.seen.clone(), |before| before.seen),
        });
        Ok(())
    }

    /// Notes whether what died works again: it answers, follows the chain, and something has moved. What is
    /// to die once more does not count before.
    fn recovers(&mut self, sight: Option<&Sight>) -> Result<(), Failure> {
        let acknowledged: Vec<(bool, bool)> = self
            .wanted
            .iter()
            .map(|one| (one.requested, one.approved))
            .collect();
        let text = sight.map(|sight| {
            let Sight {
                withdrawals,
                attempts,
                ..
            } = sight;
            let handed_in = self.handed_in.len();
            format!("{withdrawals:?} {attempts:?} {acknowledged:?} {handed_in}")
        });
        let Some(recovery) = &self.recovery else {
            if let Some(text) = text {
                self.seen = text;
            }
            return Ok(());
        };
        let took = recovery.since.elapsed();
        let works = sight.zip(text.as_ref()).is_some_and(|(sight, text)| {
            let moved = *text != recovery.seen || self.is_over(sight);
            sight.follows && moved && !self.killer.is_open()
        });
        if works {
            self.tally.longest = self.tally.longest.max(took);
            self.recovery = None;
        } else if took > self.patience {
            let patience = self.patience.as_secs();
            return Err(Failure::new(format!(
                "not working again after {patience} s: last refused: {}\n{}",
                self.refused,
                self.treasury.last_words()
            )));
        }
        if let Some(text) = text {
            self.seen = text;
        }
        Ok(())
    }

    /// Does the first thing that is to be done.
    fn act(&mut self, sight: &Sight) -> Result<bool, Failure> {
        Ok(self.ask_for_withdrawals(sight)?
            || self.fulfil_wish(sight)
            || self.batch(sight)
            || self.sign(sight)?
            || self.mine(sight)?)
    }

    fn ask_for_withdrawals(&mut self, sight: &Sight) -> Result<bool, Failure> {
        for place in 0..self.wanted.len() {
            let one = &self.wanted[place];
            let state = sight.state(&one.id).map(str::to_owned);
            match state.as_deref() {
                None if one.requested => {
                    let what = one.id.clone();
                    return self.misses(&what);
                }
                None => {
                    let asked = self.treasury.submit_body(&one.request);
                    self.wanted[place].requested = self.is_done(asked);
                    return Ok(true);
                }
                Some("requested") if one.approved => {
                    let what = format!("the approval of {}", one.id);
                    return self.misses(&what);
                }
                Some("requested") => {
                    if one.approval.is_none() {
                        let request = std::slice::from_ref(&one.request);
                        let approval = self.treasury.people.dana.approve(request)?;
                        self.wanted[place].approval = Some(approval);
                    }
                    let approval = &self.wanted[place].approval;
                    let path = self.treasury.path("/approvals");
                    let approval = approval.as_ref().unwrap_or(&Value::Null);
                    let asked = self.treasury.operator().post(&path, approval);
                    self.wanted[place].approved = self.is_done(asked);
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        self.missing = None;
        Ok(false)
    }

    /// What was acknowledged is not there: it is lost if that stays so.
    fn misses(&mut self, what: &str) -> Result<bool, Failure> {
        let since = *self.missing.get_or_insert_with(Instant::now);
        if since.elapsed() < GRACE {
            return Ok(true);
        }
        Err(Failure::new(format!(
            "lost: {what} was acknowledged and is not there"
        )))
    }

    fn fulfil_wish(&mut self, sight: &Sight) -> bool {
        let (done, path, body) = match &self.wish {
            None => return false,
            Some(Wish::Add { batch, id }) => {
                let shown = sight.withdrawals.get(id);
                let added = shown.is_some_and(|one| one.batch.as_ref() == Some(batch));
                let body = json!({ "add": [{ "requester": "exchange", "id": id }] });
                (added, format!("/batches/{batch}/plan"), body)
            }
            Some(Wish::Cancel { batch }) => {
                let mut attempts = sight.attempts.iter();
                let made = attempts.any(|one| one.purpose == "cancel");
                (made, format!("/batches/{batch}/cancellation"), json!({}))
            }
        };
        if done {
            self.wish = None;
            return false;
        }
        let asked = self.treasury.operator().post(&path, &body);
        self.is_done(asked);
        true
    }

    fn batch(&mut self, sight: &Sight) -> bool {
        if !self.batches {
            return false;
        }
        for (id, shown) in &sight.withdrawals {
            let path = match shown.state.as_str() {
                "approved" => self.treasury.path("/batches"),
                "failed" => {
                    let path = format!("/withdrawals/exchange/{id}/payment");
                    self.treasury.path(&path)
                }
                _ => continue,
            };
            let asked = self.treasury.operator().post(&path, &json!({}));
            self.is_done(asked);
            return true;
        }
        false
    }

    fn sign(&mut self, sight: &Sight) -> Result<bool, Failure> {
        for attempt in sight.to_be_signed() {
            for name in SIGNERS {
                let txid = attempt.txid;
                if self.handed_in.contains(&(txid, name)) {
                    continue;
                }
                let path = format!("/attempts/{txid}/psbt");
                let api = self.treasury.signer();
                let Some(psbt) = answered(api.get_as(&path, "application/octet-stream")) else {
                    return Ok(true);
                };
                let people = &self.treasury.people;
                let home = match name {
                    "alice" => &people.alice,
                    _ => &people.bob,
                };
                let said = home.sign_within(&self.killer.environment(), &psbt.bytes)?;
                if said.code == -1 {
                    if !said.stdout.is_empty() {
                        return Err(Failure::new(format!(
                            "{name} was killed at its journal, and a signature had left"
                        )));
                    }
                    self.died(None)?;
                    if let Some(order) = self.again.take() {
                        self.killer.order(order, None)?;
                    }
                    return Ok(true);
                }
                let signed = said.done()?.stdout;
                let path = format!("/attempts/{txid}/signatures");
                let asked = api.post_bytes(&path, &signed);
                if self.is_done(asked) {
                    self.handed_in.insert((txid, name));
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Mines a block where something waits for it and everybody knows of the last one.
    fn mine(&mut self, sight: &Sight) -> Result<bool, Failure> {
        // An order that nothing passes any more needs something to be written.
        let stuck = self.is_over(sight) && self.killer.is_open();
        if stuck {
            let path = self.treasury.path("/addresses");
            let asked = self
                .treasury
                .service()
                .post(&path, &json!({ "reference": "" }));
            self.is_done(asked);
        }
        let seen = sight.attempt_in("in_mempool");
        let waits = seen.is_some() || sight.attempt_in("confirmed").is_some() || stuck;
        if !self.mines || !sight.follows || !waits {
            return Ok(false);
        }
        let replaces = seen.is_some_and(|one| {
            let favourite = self.favourite.as_ref();
            favourite.is_some_and(|favourite| favourite.compute_txid() != one.txid)
        });
        match self.favourite.take_if(|_| replaces) {
            Some(favourite) => self.treasury.node.mine_exactly(&[favourite]).map(drop)?,
            None => self.treasury.node.mine(1).map(drop)?,
        }
        Ok(true)
    }

    /// Whether it was answered as done; a refusal is kept for complaints, no answer is none.
    fn is_done(&mut self, asked: Result<Answer, Failure>) -> bool {
        match asked {
            Ok(answer) if (200..300).contains(&answer.status) => true,
            Ok(answer) => {
                self.refused = format!("{} {}", answer.status, answer.text());
                false
            }
            Err(_) => false,
        }
    }
}
