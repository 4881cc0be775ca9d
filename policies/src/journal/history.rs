//! What follows from all that was signed: which transactions must exclude each other, which intents are
//! too old or too young, which change indexes are within reach.
//!
//! Invariant: no two transactions that were admitted for one line of withdrawals can be in one chain.
//! Windows and budgets age by the time of the entries; where a policy counts in blocks, a block counts as
//! ten minutes of that time.

use std::collections::{BTreeSet, HashMap, HashSet};

use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Txid};

use super::entry::{SignedTransaction, SpendMode};
use super::exclusive::{Spends, fees_of_groups, no_ancestor, sum};
use super::fault::{CreatedRefusal, Fault, Rollback};
use super::lines::{LineOf, Lines};
use super::receipt::ReceiptBody;
use super::seen::{Seen, SeenKind};
use crate::ids::{IntentHash, JournalHead};
use crate::intent::{Intent, PublicKey, RequesterName, WithdrawalId};
use crate::planted::{Bug, planted};
use crate::rules::Windows;
use crate::time::UnixTime;

/// How far above the highest journalled change index own scripts are looked for.
pub const INDEX_REACH: u32 = 1_000;

/// The highest index of an unhardened BIP 32 derivation.
const MAX_INDEX: u32 = 0x7fff_ffff;

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

    /// Checks that an intent made at `created` is for this journal: not before birth + 2 × `clock_skew`
    /// (unless birth is zero), not after `now` + `clock_skew`.
    pub fn check_created(
        &self,
        created: UnixTime,
        now: UnixTime,
        clock_skew: u64,
    ) -> Result<(), CreatedRefusal> {
        let earliest = self.birth.saturating_add(clock_skew.saturating_mul(2));
        if self.birth != UnixTime::ZERO && created < earliest && !planted(Bug::Birth) {
            return Err(CreatedRefusal::BeforeBirth { created, earliest });
        }
        let latest = now.saturating_add(clock_skew);
        if created > latest && !planted(Bug::Future) {
            return Err(CreatedRefusal::FromTheFuture { created, latest });
        }
        Ok(())
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

    /// Whether this transaction was signed before with all it carries now: every intent with the same
    /// body and counted, every ancestor, no lower fee. Then recording it again would teach nothing. The same transaction
    /// may carry other intents later that its outputs satisfy as well; those, and what they replace, must
    /// still be remembered.
    pub fn knows(&self, signed: &SignedTransaction) -> bool {
        let counted = |(intent, rule): (&Intent, &String)| {
            rule.is_empty() || self.windows.counted(&intent.hash())
        };
        self.recorded(&signed.txid).is_some_and(|known| {
            Spends::of(signed).within(&known.spends) && known.fee >= signed.fee
        }) && signed.intents.iter().zip(&signed.rules).all(counted)
            && signed.intents.iter().chain(&signed.replaced).all(|intent| {
                let name = (intent.requester.clone(), intent.id.clone());
                self.bodies.get(&name) == Some(&intent.hash())
            })
    }

    /// The number of transactions signed.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// The hash of another intent under the same requester and id, if one was signed.
    pub fn other_body(&self, intent: &Intent) -> Option<IntentHash> {
        let known = self
            .bodies
            .get(&(intent.requester.clone(), intent.id.clone()))
            .copied();
        known.filter(|known| *known != intent.hash())
    }

    /// The pairs of intents that `new` pays although they are of one line.
    pub fn paid_twice(&self, new: &SignedTransaction) -> Vec<(IntentHash, IntentHash)> {
        let hash = |position: usize| new.intents.get(position).map(Intent::hash);
        let lines = self.lines_of(new);
        let pairs = lines
            .iter()
            .flat_map(|line| line.paid.iter().zip(line.paid.iter().skip(1)));
        pairs
            .filter_map(|(first, second)| hash(*first).zip(hash(*second)))
            .collect()
    }

    /// The earlier transactions of the lines that `new` pays which are not exclusive with it, each with
    /// the withdrawal of `new` in question. The same txid is no other transaction. Sorted.
    pub fn conflicts_missing(
        &self,
        new: &SignedTransaction,
    ) -> Vec<(Txid, RequesterName, WithdrawalId)> {
        let spends = Spends::of(new);
        let mut missing = Vec::new();
        for line in self.lines_of(new) {
            let withdrawal = line
                .paid
                .first()
                .and_then(|position| new.intents.get(*position));
            for number in self.lines.members(&line) {
                let Some((earlier, intent)) = self.numbered(number).zip(withdrawal) else {
                    continue;
                };
                let rival = earlier.txid != new.txid && !spends.excludes(&earlier.spends);
                if rival && !planted(Bug::Exclusive) {
                    missing.push((earlier.txid, intent.requester.clone(), intent.id.clone()));
                }
            }
        }
        missing.sort();
        missing.dedup();
        missing
    }

    /// Checks all that must hold before `new` may be signed or recorded beside what is there.
    pub fn admits(&self, new: &SignedTransaction) -> Result<(), Fault> {
        let txid = new.txid;
        if let Some(to) = self.moved_to {
            return Err(Fault::Moved { to });
        }
        if new.inputs.is_empty() {
            return Err(Fault::NoInputs { txid });
        }
        let mut seen = HashSet::new();
        if let Some(input) = new.inputs.iter().find(|input| !seen.insert(**input)) {
            return Err(Fault::InputTwice {
                txid,
                input: *input,
            });
        }
        if let Some(ancestor) = no_ancestor(new) {
            return Err(Fault::NoAncestor { txid, ancestor });
        }
        let ancestors = new.ancestors.iter().map(|one| (one.txid, &one.inputs));
        for (txid, inputs) in ancestors.chain([(txid, &new.inputs)]) {
            let known = self.recorded(&txid);
            if known.is_some_and(|known| known.inputs != *inputs) {
                return Err(Fault::OtherInputs { txid });
            }
        }
        let mut bodies = HashMap::new();
        for intent in new.intents.iter().chain(&new.replaced) {
            let hash = intent.hash();
            let within = *bodies
                .entry((&intent.requester, &intent.id))
                .or_insert(hash);
            let other = self
                .other_body(intent)
                .or(Some(within).filter(|within| *within != hash));
            if let Some(known) = other
                && !planted(Bug::SecondBody)
            {
                let (requester, id) = (intent.requester.clone(), intent.id.clone());
                return Err(Fault::SecondBody {
                    requester,
                    id,
                    known,
                });
            }
        }
        if let Some((first, second)) = self.paid_twice(new).first().copied()
            && !planted(Bug::PaidTwice)
        {
            return Err(Fault::PaidTwice {
                txid,
                first,
                second,
            });
        }
        match self.conflicts_missing(new).into_iter().next() {
            None => Ok(()),
            Some((earlier, requester, id)) => Err(Fault::NotExclusive {
                txid,
                earlier,
                requester,
                id,
            }),
        }
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
            });
        } else if let Some(known) = self.transactions.get_mut(index(number)) {
            known.spends.add(&signed);
            if signed.fee > known.fee {
                known.fee = signed.fee;
                let before = (std::mem::replace(&mut known.at, signed.at), number);
                self.times.retain(|time| *time != before);
                let place = self.times.partition_point(|(at, _)| *at <= signed.at);
                self.times.insert(place, (signed.at, number));
            }
        }
    }

    /// Records a statement about an open list; the first moment at which it was seen stays.
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
        }
        self.pass(seen.at());
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

    /// The most that fees can cost of all that was signed after `since`, `new` included: transactions
    /// each exclusive with every other of their group count as one, at the group's highest fee. What was
    /// signed before costs nothing again, unless its fee is higher than it was shown then: amounts of
    /// taproot inputs are only claimed, and a signature over false ones is worth nothing.
    pub fn fees_in_window(&self, new: &SignedTransaction, since: UnixTime) -> Amount {
        let spends = Spends::of(new);
        let known = self.recorded(&new.txid).map(|one| one.fee);
        let raised = known.is_none_or(|fee| new.fee > fee);
        let added = raised.then_some((&spends, new.fee));
        let signed = self
            .signed_after(since)
            .filter(|one| !raised || one.txid != new.txid)
            .map(|one| (&one.spends, one.fee));
        let fees = fees_of_groups(signed.chain(added));
        fees.checked_add(self.spent_elsewhere)
            .filter(|sum| *sum <= Amount::MAX_MONEY)
            .unwrap_or(Amount::MAX_MONEY)
    }

    /// Whether this very transaction was signed before in the same mode, and with no lower fee.
    pub fn granted(&self, signed: &SignedTransaction) -> bool {
        self.recorded(&signed.txid)
            .is_some_and(|known| known.mode == signed.mode && known.fee >= signed.fee)
    }

    /// As [`History::fees_in_window`], with nothing new.
    pub fn fees_since(&self, since: UnixTime) -> Amount {
        fees_of_groups(self.signed_after(since).map(|one| (&one.spends, one.fee)))
    }

    /// The fees and the number of the self-spends that were signed after `since`.
    pub fn self_spends_in_window(&self, since: UnixTime) -> (Amount, u32) {
        let fees = self
            .signed_after(since)
            .filter(|one| one.mode == SpendMode::SelfSpend)
            .map(|one| one.fee);
        let fees: Vec<Amount> = fees.collect();
        let count = u32::try_from(fees.len()).unwrap_or(u32::MAX);
        (sum(fees), count)
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

    /// The transactions first signed after a moment, in order of time.
    fn signed_after(&self, since: UnixTime) -> impl Iterator<Item = &Recorded> {
        let place = self.times.partition_point(|(at, _)| *at <= since);
        let times = self.times.iter().skip(place);
        times.filter_map(|(_, number)| self.numbered(*number))
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a usize has at least 32 bits")
}

#[cfg(test)]
#[path = "history_tests.rs"]
pub(crate) mod tests;
