//! What may be signed beside all that was signed: one body for each withdrawal, one payment of each line in any
//! chain (money rule M2), and intents of the journal's own time.
//!
//! Invariant: a transaction that is admitted excludes every one that was signed for its lines. Nothing is ever
//! forgotten, and "dead" is no reason to admit.

use std::collections::{HashMap, HashSet};

use bitcoin::Txid;

use super::History;
use crate::ids::IntentHash;
use crate::intent::{Intent, RequesterName, WithdrawalId};
use crate::journal::entry::SignedTransaction;
use crate::journal::exclusive::{Spends, no_ancestor};
use crate::journal::fault::{CreatedRefusal, Fault};
use crate::journal::lines::LineOf;
use crate::planted::{Bug, planted};
use crate::time::UnixTime;

impl History {
    /// Checks that an intent made at `created` is for this journal: not before birth + 2 × the longest skew
    /// that any version of the vault allowed (unless birth is zero), not after `now` + the skew allowed now.
    /// What the journal before signed was made under the versions of its time, so that a version with a
    /// shorter skew must not open what it may have signed.
    pub fn check_created(
        &self,
        created: UnixTime,
        now: UnixTime,
        longest_skew: u64,
        clock_skew: u64,
    ) -> Result<(), CreatedRefusal> {
        let earliest = self.birth.saturating_add(longest_skew.saturating_mul(2));
        if self.birth != UnixTime::ZERO && created < earliest && !planted(Bug::Birth) {
            return Err(CreatedRefusal::BeforeBirth { created, earliest });
        }
        let latest = now.saturating_add(clock_skew);
        if created > latest && !planted(Bug::Future) {
            return Err(CreatedRefusal::FromTheFuture { created, latest });
        }
        Ok(())
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

    /// The hash of another intent under the same requester and id, if one was signed.
    pub fn other_body(&self, intent: &Intent) -> Option<IntentHash> {
        let known = self
            .bodies
            .get(&(intent.requester.clone(), intent.id.clone()))
            .copied();
        known.filter(|known| *known != intent.hash())
    }

    /// How much is remembered already of one line that `new` pays, or of `new` itself with its receipts,
    /// whichever is more. The unit is what one input takes, some 70 bytes; an attempt counts a hundred at
    /// least.
    pub fn remembered_of(&self, new: &SignedTransaction) -> usize {
        let own = self
            .recorded(&new.txid)
            .map_or(0, |one| one.remembered.saturating_add(one.receipts));
        let lines = self.lines_of(new);
        let of_line = |line: &LineOf| {
            let members = self.lines.members(line).into_iter();
            let sizes = members.filter_map(|number| Some(self.numbered(number)?.remembered));
            sizes.fold(0, usize::saturating_add)
        };
        lines.iter().map(of_line).fold(own, usize::max)
    }

    /// A withdrawal of `new` for which nothing was signed yet that `new` spends all of: then the file must show
    /// that one of its coins exists. A later attempt that spends only what the earlier ones invented besides a
    /// coin would poison the line as a first one does; one that spends all of an earlier one spends its coin.
    pub fn first_attempt(&self, new: &SignedTransaction) -> Option<(RequesterName, WithdrawalId)> {
        let spends = Spends::of(new);
        let stands_on = |number: u32| {
            self.numbered(number).is_some_and(|earlier| {
                earlier.spends.inputs_within(&spends) || planted(Bug::InclusionLater)
            })
        };
        let lines = self.lines_of(new);
        let mut first = lines
            .iter()
            .filter(|line| !self.lines.members(line).into_iter().any(stands_on));
        let intent = new.intents.get(*first.next()?.paid.first()?)?;
        Some((intent.requester.clone(), intent.id.clone()))
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
            let members = self.lines.members(&line);
            let passed = if planted(Bug::LastAttemptOnly) {
                members.len().saturating_sub(1)
            } else {
                0
            };
            for number in members.into_iter().skip(passed) {
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
        if self.voided(&txid).is_some() && !planted(Bug::Voided) {
            return Err(Fault::Voided { txid });
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
}
