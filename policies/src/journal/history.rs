//! What follows from all that was signed: which transactions must exclude each other, which intents are
//! too old or too young, which change indexes are within reach.
//!
//! Exclusive are two transactions that spend one outpoint in common (never a coinbase's null outpoint);
//! exclusivity through ancestors is not looked at yet, so such transactions are refused.

use std::collections::{HashMap, HashSet};

use bitcoin::{OutPoint, Txid};

use super::entry::SignedTransaction;
use super::lines::{LineOf, Lines};
use crate::ids::IntentHash;
use crate::intent::{Intent, RequesterName, WithdrawalId};
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
    transactions: Vec<(Txid, Vec<OutPoint>)>,
    numbers: HashMap<Txid, u32>,
    lines: Lines,
}

/// Why an intent's time of creation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreatedRefusal {
    /// It may have been signed before the journal was born.
    #[error(
        "created {created}, but this journal may sign only what was created from {earliest} on"
    )]
    BeforeBirth {
        /// When it was made.
        created: UnixTime,
        /// The first moment allowed.
        earliest: UnixTime,
    },
    /// It comes from the future.
    #[error("created {created}, which is after {latest}")]
    FromTheFuture {
        /// When it was made.
        created: UnixTime,
        /// The last moment allowed.
        latest: UnixTime,
    },
}

/// Why a transaction cannot stand in one history with what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It spends nothing.
    #[error("transaction {txid} has no inputs")]
    NoInputs {
        /// The transaction.
        txid: Txid,
    },
    /// It spends an outpoint twice.
    #[error("transaction {txid} spends {input} twice")]
    InputTwice {
        /// The transaction.
        txid: Txid,
        /// The outpoint.
        input: OutPoint,
    },
    /// The same txid stands there with other inputs.
    #[error("transaction {txid} was signed with other inputs")]
    OtherInputs {
        /// The transaction.
        txid: Txid,
    },
    /// The same withdrawal stands there with another intent.
    #[error("withdrawal {requester}/{id} is known with another body, {known}")]
    SecondBody {
        /// Who asked.
        requester: RequesterName,
        /// The withdrawal's id.
        id: WithdrawalId,
        /// The hash of the intent that is known.
        known: IntentHash,
    },
    /// It pays two intents of one line.
    #[error("transaction {txid} pays both {first} and {second}, of which at most one may be paid")]
    PaidTwice {
        /// The transaction.
        txid: Txid,
        /// One intent.
        first: IntentHash,
        /// The other intent.
        second: IntentHash,
    },
    /// An earlier transaction of the line shares no input with it: both could be in one chain.
    #[error("{requester}/{id} was signed in {earlier}, which shares no input with {txid}")]
    NotExclusive {
        /// The transaction.
        txid: Txid,
        /// The earlier one.
        earlier: Txid,
        /// Who asked for the withdrawal in question.
        requester: RequesterName,
        /// The withdrawal's id.
        id: WithdrawalId,
    },
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
        if self.birth != UnixTime::ZERO && created < earliest {
            return Err(CreatedRefusal::BeforeBirth { created, earliest });
        }
        let latest = now.saturating_add(clock_skew);
        if created > latest {
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

    /// Whether this transaction was signed before, and every intent of it with the same body: then
    /// recording it again would teach nothing. The same transaction may carry other intents later that
    /// its outputs satisfy as well; those, and what they replace, must still be remembered.
    pub fn knows(&self, signed: &SignedTransaction) -> bool {
        self.contains(&signed.txid)
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

    /// The earlier transactions of the lines that `new` pays which share no input with it, each with
    /// the withdrawal of `new` in question. The same txid is no other transaction. Sorted.
    pub fn conflicts_missing(
        &self,
        new: &SignedTransaction,
    ) -> Vec<(Txid, RequesterName, WithdrawalId)> {
        let inputs: HashSet<&OutPoint> =
            new.inputs.iter().filter(|input| !input.is_null()).collect();
        let mut missing = Vec::new();
        for line in self.lines_of(new) {
            let withdrawal = line
                .paid
                .first()
                .and_then(|position| new.intents.get(*position));
            for number in self.lines.members(&line) {
                let earlier = usize::try_from(number)
                    .ok()
                    .and_then(|at| self.transactions.get(at));
                let Some(((txid, spent), intent)) = earlier.zip(withdrawal) else {
                    continue;
                };
                if *txid != new.txid && !spent.iter().any(|input| inputs.contains(input)) {
                    missing.push((*txid, intent.requester.clone(), intent.id.clone()));
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
        if self
            .inputs_of(&txid)
            .is_some_and(|inputs| inputs != new.inputs)
        {
            return Err(Fault::OtherInputs { txid });
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
            if let Some(known) = other {
                let (requester, id) = (intent.requester.clone(), intent.id.clone());
                return Err(Fault::SecondBody {
                    requester,
                    id,
                    known,
                });
            }
        }
        if let Some((first, second)) = self.paid_twice(new).first().copied() {
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
        self.highest_change = signed
            .change_indexes
            .iter()
            .copied()
            .max()
            .max(self.highest_change);
        self.last = self.last.max(signed.at);
        if number == next {
            self.transactions.push((signed.txid, signed.inputs));
        }
    }

    fn lines_of(&self, signed: &SignedTransaction) -> Vec<LineOf> {
        self.lines.of(&signed.intents, &signed.replaced)
    }

    fn inputs_of(&self, txid: &Txid) -> Option<&[OutPoint]> {
        let number = usize::try_from(*self.numbers.get(txid)?).ok()?;
        self.transactions
            .get(number)
            .map(|(_, inputs)| inputs.as_slice())
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
pub(crate) mod tests;
