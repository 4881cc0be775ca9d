//! What follows from all that was signed: what is known, what may still be signed ([`admission`]), what it
//! cost ([`spent`]).
//!
//! Invariant: no two transactions that were admitted for one line of withdrawals can be in one chain.
//! Windows and budgets age by the time of the entries; where a policy counts in blocks, a block counts as
//! ten minutes of that time.

mod admission;
mod spent;
mod stopped;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Txid};

use super::entry::{SignedTransaction, SpendMode};
use super::exclusive::Spends;
use super::fault::Rollback;
use super::given::Again;
use super::lines::{LineOf, Lines};
use super::receipt::ReceiptBody;
use super::seen::{Seen, SeenKind};
use super::version::{Adopted, Proposed, Versions};
use crate::ids::{IntentHash, JournalHead, KeyId};
use crate::intent::{Intent, PublicKey, RequesterName, Statement, Stop, WithdrawalId};
use crate::planted::{Bug, planted};
use crate::rules::Windows;
use crate::time::UnixTime;

/// How far above the highest journalled change index own scripts are looked for.
pub const INDEX_REACH: u32 = 1_000;

/// The highest index of an unhardened BIP 32 derivation.
const MAX_INDEX: u32 = 0x7fff_ffff;

/// What an attempt counts at least, in inputs: so few are remembered of one withdrawal, however small.
const SIZE_OF_ATTEMPT: usize = 100;
/// What an intent takes in a journal, in inputs.
const SIZE_OF_INTENT: usize = 10;
/// What a further receipt takes, in inputs.
const SIZE_OF_RECEIPT: usize = 5;

/// Everything signed so far, as review asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    birth: UnixTime,
    last: UnixTime,
    highest_change: Option<u32>,
    bodies: HashMap<(RequesterName, WithdrawalId), IntentHash>,
    transactions: Vec<Recorded>,
    numbers: HashMap<Txid, u32>,
    /// Transactions (by number) in order of time.
    times: Vec<(UnixTime, u32)>,
    lines: Lines,
    /// The withdrawals ever paid to a script.
    paid: HashMap<ScriptBuf, BTreeSet<(RequesterName, WithdrawalId)>>,
    windows: Windows,
    seen: HashMap<[u8; 32], UnixTime>,
    removed: HashSet<[u8; 32]>,
    confirmed: HashSet<[u8; 32]>,
    /// Every stop ever seen, with the key that said it.
    stops: BTreeMap<[u8; 32], (Stop, KeyId)>,
    released: HashSet<[u8; 32]>,
    last_stop: Option<UnixTime>,
    voided: HashMap<Txid, UnixTime>,
    versions: Versions,
    /// The journals before this one, and this one last.
    chains: Vec<Chain>,
    moved_to: Option<PublicKey>,
    /// Fees that are counted elsewhere; nothing in a journal.
    spent_elsewhere: Amount,
}

/// A transaction signed before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recorded {
    txid: Txid,
    inputs: Vec<OutPoint>,
    spends: Spends,
    mode: SpendMode,
    /// The highest that was shown, and when.
    fee: Amount,
    at: UnixTime,
    /// What its entries hold, as [`History::remembered_of`] counts, and what its further receipts hold.
    remembered: usize,
    receipts: usize,
}

/// A journal's heads by counter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chain {
    key: PublicKey,
    heads: Vec<JournalHead>,
}

impl History {
    /// The history of nobody: nothing signed, nothing too old. For whoever reviews without a journal.
    pub fn none() -> Self {
        Self::default()
    }

    /// The history of nobody who knows that change went up to this index: for whoever hands the indexes
    /// out and reviews without a journal.
    pub fn that_changed_up_to(index: u32) -> Self {
        Self {
            highest_change: Some(index),
            ..Self::default()
        }
    }

    /// The history of nobody who knows what windows count besides: for whoever counts in a database and
    /// reviews without a journal.
    pub fn that_counted(index: u32, windows: Windows) -> Self {
        Self {
            windows,
            ..Self::that_changed_up_to(index)
        }
    }

    /// The same with fees that were spent already, beside what is recorded: for whoever counts them elsewhere,
    /// over the window that is asked for.
    #[must_use]
    pub fn that_spent(self, fees: Amount) -> Self {
        Self {
            spent_elsewhere: fees,
            ..self
        }
    }

    /// The history of a journal that was just born.
    pub fn begin(birth: UnixTime) -> Self {
        Self {
            birth,
            last: birth,
            ..Self::default()
        }
    }

    /// When the journal was born; zero imposes nothing.
    pub const fn birth(&self) -> UnixTime {
        self.birth
    }

    /// When the last entry was written.
    pub const fn last(&self) -> UnixTime {
        self.last
    }

    /// The journal's time: it never runs backwards, whatever the clock does.
    pub fn now(&self, clock: UnixTime) -> UnixTime {
        if planted(Bug::ClockBackwards) {
            return clock;
        }
        clock.max(self.last)
    }

    /// The highest index of change ever signed for.
    pub const fn highest_change(&self) -> Option<u32> {
        self.highest_change
    }

    /// The highest index at which own scripts and new change are looked for, on both keychains.
    pub fn index_bound(&self) -> u32 {
        self.highest_change
            .unwrap_or_default()
            .saturating_add(INDEX_REACH)
            .min(MAX_INDEX)
    }

    /// Whether this txid was signed before.
    pub fn contains(&self, txid: &Txid) -> bool {
        self.numbers.contains_key(txid)
    }

    /// The number of transactions signed.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Records a transaction. Everything is recorded, admitted or not: a record only ever forbids.
    pub fn record(&mut self, signed: SignedTransaction) {
        let next = u32::try_from(self.transactions.len()).expect("fewer than 2^32 fit in memory");
        let number = *self.numbers.entry(signed.txid).or_insert(next);
        for line in self.lines_of(&signed) {
            self.lines.record(line, number);
        }
        for intent in signed.intents.iter().chain(&signed.replaced) {
            let name = (intent.requester.clone(), intent.id.clone());
            self.bodies.entry(name).or_insert_with(|| intent.hash());
        }
        for (intent, rule) in signed.intents.iter().zip(&signed.rules) {
            let name = (intent.requester.clone(), intent.id.clone());
            let script = intent.script_pubkey.clone();
            self.paid.entry(script).or_default().insert(name);
            if !rule.is_empty() {
                self.windows
                    .count(rule, intent.hash(), intent.amount, signed.at);
            }
        }
        self.highest_change = signed
            .change_indexes
            .iter()
            .copied()
            .max()
            .max(self.highest_change);
        self.pass(signed.at);
        let remembered = size_of(&signed);
        if number == next {
            let place = self.times.partition_point(|(at, _)| *at <= signed.at);
            self.times.insert(place, (signed.at, number));
            self.transactions.push(Recorded {
                spends: Spends::of(&signed),
                txid: signed.txid,
                inputs: signed.inputs,
                mode: signed.mode,
                fee: signed.fee,
                at: signed.at,
                remembered,
                receipts: 0,
            });
        } else if let Some(known) = self.transactions.get_mut(index(number)) {
            known.remembered = known.remembered.saturating_add(remembered);
            known.spends.add(&signed);
            if signed.fee > known.fee && !planted(Bug::FeeFirstShown) {
                known.fee = signed.fee;
                let before = (std::mem::replace(&mut known.at, signed.at), number);
                self.times.retain(|time| *time != before);
                let place = self.times.partition_point(|(at, _)| *at <= signed.at);
                self.times.insert(place, (signed.at, number));
            }
        }
    }

    /// Records that a transaction got another receipt.
    pub(super) fn receipt_again(&mut self, again: &Again) {
        let number = self.numbers.get(&again.txid).copied();
        let known = number.and_then(|number| self.transactions.get_mut(index(number)));
        if let Some(known) = known {
            known.receipts = known.receipts.saturating_add(SIZE_OF_RECEIPT);
        }
        self.pass(again.at);
    }

    /// Records a statement; the first moment at which it was seen stays.
    pub fn see(&mut self, seen: &Seen) {
        self.seen.entry(seen.subject()).or_insert(seen.at());
        match seen.kind() {
            SeenKind::Added => {}
            SeenKind::Removed { entry } => {
                self.removed.insert(entry);
            }
            SeenKind::Confirmed { entry } => {
                self.confirmed.insert(entry);
            }
            SeenKind::Stopped { by } => {
                if let Ok(Statement::Stop(stop)) = Statement::decode(&seen.statement()) {
                    self.stops.entry(seen.subject()).or_insert((stop, by));
                    self.last_stop = self.last_stop.max(Some(seen.at()));
                }
            }
            SeenKind::Released { stop } => {
                self.released.insert(stop);
            }
        }
        self.pass(seen.at());
    }

    /// Records that the next policy version was held with its quorum.
    pub(super) fn propose(&mut self, proposed: Proposed) {
        self.pass(proposed.at);
        self.versions.propose(proposed);
    }

    /// Records that a policy version was adopted.
    pub(super) fn adopt(&mut self, adopted: Adopted) {
        self.pass(adopted.at);
        self.versions.adopt(adopted);
    }

    /// The policy versions proposed and adopted.
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Records that an entry was written at a moment.
    pub(super) fn pass(&mut self, at: UnixTime) {
        self.last = self.last.max(at);
    }

    /// Records that another journal goes on.
    pub(super) fn move_to(&mut self, to: PublicKey) {
        self.moved_to = Some(to);
    }

    /// Begins the heads of a journal that goes on with this history.
    pub(super) fn begin_chain(&mut self, key: PublicKey, head: JournalHead) {
        self.moved_to = None;
        let heads = vec![head];
        self.chains.push(Chain { key, heads });
    }

    /// Adds the head after an entry.
    pub(super) fn extend_chain(&mut self, head: JournalHead) {
        if let Some(chain) = self.chains.last_mut() {
            chain.heads.push(head);
        }
    }

    /// What each rule granted, and when.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// When the statement of this subject was first seen.
    pub fn seen(&self, subject: &[u8; 32]) -> Option<UnixTime> {
        self.seen.get(subject).copied()
    }

    /// Whether a removal of the destination that this statement added was seen.
    pub fn removed(&self, entry: &[u8; 32]) -> bool {
        self.removed.contains(entry)
    }

    /// Whether a confirmation of the destination that this statement added was seen.
    pub fn confirmed(&self, entry: &[u8; 32]) -> bool {
        self.confirmed.contains(entry)
    }

    /// Whether another line than this intent's was signed to a script.
    pub fn paid_lines_to(&self, script: &Script, except: &Intent) -> bool {
        let lines = self.lines.of(std::slice::from_ref(except), &[]);
        let paid = self.paid.get(script).into_iter().flatten();
        paid.into_iter().any(|(requester, id)| {
            !lines
                .iter()
                .any(|line| self.lines.holds(line, requester, id))
        })
    }

    /// The key of the journal that this history is of.
    pub fn own_key(&self) -> Option<PublicKey> {
        self.chains.last().map(|chain| chain.key)
    }

    /// The journal that goes on for this one; then nothing is signed here.
    pub const fn moved_to(&self) -> Option<PublicKey> {
        self.moved_to
    }

    /// How a well-signed receipt of this journal's key, or of one before it, shows that the journal was
    /// rolled back or cloned. [`None`] for receipts of others, and for those that stand in this history.
    pub fn rolled_back(&self, receipt: &ReceiptBody) -> Option<Rollback> {
        let (journal, counter) = (receipt.journal, receipt.counter);
        let chain = self.chains.iter().find(|chain| chain.key == journal)?;
        let at = usize::try_from(counter).ok();
        match at.and_then(|at| chain.heads.get(at)) {
            None => Some(Rollback::Ahead {
                journal,
                counter,
                last: u64::try_from(chain.heads.len().saturating_sub(1)).unwrap_or(u64::MAX),
            }),
            Some(head) if *head != receipt.head => Some(Rollback::Forked {
                journal,
                counter,
                found: receipt.head,
                expected: *head,
            }),
            Some(_) => None,
        }
    }

    fn lines_of(&self, signed: &SignedTransaction) -> Vec<LineOf> {
        self.lines.of(&signed.intents, &signed.replaced)
    }

    fn numbered(&self, number: u32) -> Option<&Recorded> {
        self.transactions.get(index(number))
    }

    fn recorded(&self, txid: &Txid) -> Option<&Recorded> {
        self.numbered(*self.numbers.get(txid)?)
    }
}

/// What an entry holds, as [`History::remembered_of`] counts.
fn size_of(signed: &SignedTransaction) -> usize {
    let ancestors = signed.ancestors.iter().map(|one| one.inputs.len());
    let inputs = ancestors.fold(signed.inputs.len(), usize::saturating_add);
    let replaced = signed.replaced.len().saturating_mul(SIZE_OF_INTENT);
    inputs.saturating_add(replaced).max(SIZE_OF_ATTEMPT)
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a usize has at least 32 bits")
}

#[cfg(test)]
#[path = "history_tests.rs"]
pub(crate) mod tests;
